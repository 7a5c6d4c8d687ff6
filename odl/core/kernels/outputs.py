"""One layer's outputs, by the tier that this process uses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.block import (
    BIASES,
    CONV_WEIGHTS,
    LAYERS,
    MULTS,
    PLAN,
    SHIFTS,
    STEPS,
    Block,
)  # fmt: skip
from odl.core.kernels.conv import conv
from odl.core.kernels.jit import Int, jit, jit_vectorised
from odl.core.kernels.packing import (
    GROUPS,
    INPUT,
    OUT_WIDTH,
    OUTPUT,
    PACKED,
    PART,
    ROW,
    STEP_BYTES,
)  # fmt: skip
from odl.core.kernels.tiers import compiled_tier

TIER = compiled_tier()
SIZE = TIER.size

if TIER.tiles:
    from odl.core.kernels.tile import span_of

    span = span_of(TIER)

    @jit
    def convolved(s: Block, layer: Int, source: Int, n: Int) -> None:
        """The first ``n`` outputs of a layer as bytes, its first input being element ``source``."""
        at = s.q
        row = at[STEPS] + ROW * layer
        span(
            s, source * SIZE, n, at[row + STEP_BYTES], at[row + GROUPS], at[row + PACKED], at[row + PART],
            at[row + OUT_WIDTH], at[row + OUTPUT],
        )  # fmt: skip

else:

    @jit
    def convolved(s: Block, layer: Int, source: Int, n: Int) -> None:
        """The first ``n`` outputs of a layer as bytes, its first input being element ``source``."""
        at = s.q
        plan, row = at[PLAN] + 7 * layer, at[STEPS] + ROW * layer
        size, cout, target = at[plan] * at[plan + 2], at[plan + 1], at[row + OUTPUT]
        weight, channel = at[CONV_WEIGHTS] + at[plan + 4], at[plan + 5]
        bias, mult, shift = at[BIASES] + channel, at[MULTS] + channel, at[SHIFTS] + channel
        for _ in range(n):
            conv(
                s.h[weight : weight + cout * size], s.d[bias : bias + cout], s.d[mult : mult + cout],
                s.b[shift : shift + cout], s.h[source : source + size], s.b[target : target + cout],
            )  # fmt: skip
            source += at[plan] * at[plan + 3]
            target += at[row + OUT_WIDTH]


if SIZE == 1:
    outputs = convolved
else:

    @jit_vectorised
    def widen(source: NDArray[np.uint8], target: NDArray[np.int16]) -> None:
        """Bytes as int16."""
        for k in range(len(source)):
            target[k] = np.int16(source[k])

    @jit
    def outputs(s: Block, layer: Int, source: Int, n: Int) -> None:
        """The first ``n`` outputs of a layer, and all but the last layer's as the next one's inputs."""
        convolved(s, layer, source, n)
        at = s.q
        row = at[STEPS] + ROW * layer
        if layer + 1 < at[LAYERS]:
            size, target, following = n * at[row + OUT_WIDTH], at[row + OUTPUT], at[row + ROW + INPUT]
            widen(s.b[target : target + size], s.h[following : following + size])
