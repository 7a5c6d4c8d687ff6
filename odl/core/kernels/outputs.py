"""One layer's outputs, by the tier that this process uses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.image_layout import Op
from odl.core.kernels.block import (
    BIASES,
    CONV_WEIGHTS,
    GATHERED,
    LAYERS,
    MULTS,
    PLAN,
    SHIFTS,
    STEPS,
    Block,
)  # fmt: skip
from odl.core.kernels.conv import conv
from odl.core.kernels.jit import Int, jit, jit_vectorised, late
from odl.core.kernels.join import reached
from odl.core.kernels.operations import BESIDE, average, conv_zero, depthwise, largest, lookup
from odl.core.kernels.packing import (
    GROUPS,
    INPUT,
    LOOPS,
    MADE,
    OUT_WIDTH,
    PACKED,
    PART,
    PLAN_WORDS,
    REACHED,
    ROW,
    STEP_BYTES,
    TWICE,
    WIDTH,
)  # fmt: skip
from odl.core.kernels.tiers import compiled_tier

TIER = compiled_tier()
SIZE = TIER.size
BYTES = SIZE == 1  # inputs are stored as bytes, signed ones plus 128
CONV_TWICE, DEPTHWISE = int(Op.CONV_TWICE), int(Op.DEPTHWISE)
DENSE, MAX, TABLE = int(Op.DENSE), int(Op.MAX), int(Op.TABLE)


@jit_vectorised
def gather(s: Block, source: Int, width: Int, channels: Int, n: Int, less: Int) -> None:
    """``n`` inputs, of which the first is element ``source``, to `GATHERED`, each less ``less``."""
    to = s.q[GATHERED]
    for i in range(n):
        for c in range(channels):
            if BYTES:
                s.h[to + i * channels + c] = np.int16(np.int16(s.b[source + i * width + c]) - np.int16(less))
            else:
                s.h[to + i * channels + c] = s.h[source + i * width + c]


@jit
def mark_beside(s: Block, layer: Int, k: Int, n: Int) -> None:
    """Mark what output ``k`` of ``n`` has gathered beside the window; all padding but this is used up."""
    at = s.q
    plan, taps = at[PLAN] + PLAN_WORDS * layer, at[GATHERED]
    cin, stride, size = at[plan], at[plan + 3], at[plan] * at[plan + 2]
    for i in range(cin * (at[plan + 9] - k * stride)):
        s.h[taps + i] = BESIDE
    for i in range(cin * (at[plan + 10] - (n - 1 - k) * stride)):
        s.h[taps + size - 1 - i] = BESIDE


@late(32)
def operated(s: Block, layer: Int, source: Int, target: Int, n: Int) -> None:
    """As `convolved`, for every operation."""
    at = s.q
    plan, row = at[PLAN] + PLAN_WORDS * layer, at[STEPS] + ROW * layer
    cin, cout, kernel, width = at[plan], at[plan + 1], at[plan + 2], at[row + WIDTH]
    size, taps = cin * kernel, at[GATHERED]
    weight, channel, op, zero = at[CONV_WEIGHTS] + at[plan + 4], at[plan + 5], at[plan + 7], at[plan + 8]
    bias, mult, shift = at[BIASES] + channel, at[MULTS] + channel, at[SHIFTS] + channel
    sign = 128 * at[plan + 11]
    for k in range(n):
        gather(s, source, width, cin, kernel, sign)
        inputs, out = s.h[taps : taps + size], s.b[target : target + cout]
        biases, mults = s.d[bias : bias + cout], s.d[mult : mult + cout]
        shifts = s.b[shift : shift + cout]
        if op <= DENSE:  # with ReLU too, which is rounding once around 0
            weights = s.h[weight : weight + cout * size]
            twice = np.int64(1) if op == CONV_TWICE else np.int64(0)
            conv_zero(weights, biases, mults, shifts, inputs, zero, twice, out)
        elif op == DEPTHWISE:
            depthwise(s.h[weight : weight + size], biases, mults, shifts, inputs, zero, out)
        elif op == MAX:
            largest(inputs, sign, out)
        elif op == TABLE:
            lookup(s.h[weight : weight + 256 * cout], inputs, sign, out)
        else:
            mark_beside(s, layer, k, n)
            average(inputs, sign, out)
        source += width * at[plan + 3]
        target += at[row + OUT_WIDTH]


if TIER.tiles:
    from odl.core.kernels.tile import span_of

    span = span_of(TIER)

    @jit
    def convolved(s: Block, layer: Int, source: Int, target: Int, n: Int) -> None:
        """``n`` outputs of a layer from byte ``target`` on, the first input being element ``source``."""
        at = s.q
        row = at[STEPS] + ROW * layer
        span(
            s, source * SIZE, n, at[row + STEP_BYTES], at[row + GROUPS], at[row + PACKED], at[row + PART],
            at[row + OUT_WIDTH], target, np.int64(at[row + MADE] == TWICE),
        )  # fmt: skip

else:

    @jit
    def convolved(s: Block, layer: Int, source: Int, target: Int, n: Int) -> None:
        """``n`` outputs of a layer from byte ``target`` on, the first input being element ``source``."""
        at = s.q
        plan, row = at[PLAN] + PLAN_WORDS * layer, at[STEPS] + ROW * layer
        size, cout = at[plan] * at[plan + 2], at[plan + 1]
        weight, channel = at[CONV_WEIGHTS] + at[plan + 4], at[plan + 5]
        bias, mult, shift = at[BIASES] + channel, at[MULTS] + channel, at[SHIFTS] + channel
        for _ in range(n):
            conv(
                s.h[weight : weight + cout * size], s.d[bias : bias + cout], s.d[mult : mult + cout],
                s.b[shift : shift + cout], s.h[source : source + size], s.b[target : target + cout],
            )  # fmt: skip
            source += at[plan] * at[plan + 3]
            target += at[row + OUT_WIDTH]


@jit
def computed(s: Block, layer: Int, source: Int, target: Int, n: Int) -> None:
    """As `convolved`, whatever the layer does."""
    made = s.q[s.q[STEPS] + ROW * layer + MADE]
    if made == LOOPS:
        operated(s, layer, source, target, n)
    elif made == REACHED:
        reached(s, layer, target, n)
    else:
        convolved(s, layer, source, target, n)


if BYTES:
    outputs = computed
else:

    @jit_vectorised
    def widen(source: NDArray[np.uint8], target: NDArray[np.int16]) -> None:
        """Bytes as int16."""
        for k in range(len(source)):
            target[k] = np.int16(source[k])

    @jit
    def outputs(s: Block, layer: Int, source: Int, target: Int, n: Int) -> None:
        """``n`` outputs of a layer, and all but the last layer's as the next one's inputs."""
        computed(s, layer, source, target, n)
        at = s.q
        row = at[STEPS] + ROW * layer
        if layer + 1 < at[LAYERS]:
            left = at[at[PLAN] + PLAN_WORDS * (layer + 1) + 9]
            size, following = n * at[row + OUT_WIDTH], at[row + ROW + INPUT] + left * at[row + OUT_WIDTH]
            widen(s.b[target : target + size], s.h[following : following + size])
