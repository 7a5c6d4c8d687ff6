"""One layer under any tier, as the extractor computes it, on memory of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from odl.core.image import Layer
from odl.core.kernels.block import Block
from odl.core.kernels.jit import Int, jit
from odl.core.kernels.packing import (
    GROUPS,
    INPUT,
    LINE,
    OUT_WIDTH,
    OUTPUT,
    PACKED,
    PART,
    ROW,
    STEP_BYTES,
    placed,
)  # fmt: skip
from odl.core.kernels.tiers import TIERS, Tier, processor_features, runnable

HERE = runnable(processor_features())
WRITTEN = [tier for tier in TIERS if tier.tiles]  # all but the plain one


@cache
def layer_of(tier: Tier) -> Callable[..., None]:
    """The compiled function of a tier."""
    from odl.core.kernels.tile import span_of

    span = span_of(tier)

    def layer(
        s: Block, source: Int, positions: Int, step: Int, groups: Int, packed: Int, part: Int,
        width: Int, target: Int,
    ) -> None:  # fmt: skip
        span(s, source, positions, step, groups, packed, part, width, target, 0)

    return jit(layer)


def outputs_under(
    tier: Tier, layer: Layer, inputs: NDArray[np.int64], positions: int, signed: bool
) -> NDArray[np.uint8]:  # fmt: skip
    """The layer's first ``positions`` outputs, (positions, out); ``inputs`` (time, in).

    Nothing is written that is not the layer's own, and what fills a row up is zero.
    """
    out, kernel, cin = layer.weights.shape
    plan = np.array([[cin, out, kernel, layer.stride, *[0] * 7, signed, 0]], np.int64)
    where, data = placed(
        tier, 0, plan, layer.weights.reshape(-1).astype(np.int16), layer.biases, layer.mults, layer.shifts,
        np.zeros(cin, np.int32), np.zeros(cin, np.uint8), np.zeros(cin, np.int16), 1,
    )  # fmt: skip
    words = np.zeros((len(data) + LINE) // 8, np.int64)
    first = -words.ctypes.data % LINE // 8
    block = Block(words[first : first + len(data) // 8])
    block.b[:] = data
    row = block.q[where[-2] : where[-2] + ROW]
    width, target = int(row[OUT_WIDTH]), int(row[OUTPUT])
    flat = inputs.reshape(-1)
    if tier.size == 1:
        block.b[row[INPUT] : row[INPUT] + len(flat)] = flat + (128 if signed else 0)
    else:
        block.h[row[INPUT] : row[INPUT] + len(flat)] = flat
    before = block.b.copy()
    layer_of(tier)(
        block, int(row[INPUT]) * tier.size, positions, int(row[STEP_BYTES]), int(row[GROUPS]),
        int(row[PACKED]), int(row[PART]), width, target,
    )  # fmt: skip
    most = max(count for count, _ in tier.tiles)
    end = target + (positions + most - 1) * width
    assert np.array_equal(block.b[:target], before[:target])
    assert np.array_equal(block.b[end:], before[end:])
    rows = block.b[target : target + positions * width].reshape(positions, width)
    assert not rows[:, out:].any()
    return rows[:, :out]
