"""Layers that take the outputs of an earlier one: on their own, added, or side by side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.image_layout import Op
from odl.core.kernels.block import BIASES, MULTS, PLAN, SHIFTS, STEPS, Block
from odl.core.kernels.jit import Int, jit, late
from odl.core.kernels.log import copy
from odl.core.kernels.packing import OUT_WIDTH, OUTPUT, PLAN_WORDS, ROW
from odl.core.kernels.requantise_zero import requantise_zero, scale_twice

ADD, BRANCH = int(Op.ADD), int(Op.BRANCH)
UP = 20  # bits that an addition scales its inputs up by, as TensorFlow Lite's


@jit
def added(
    one: NDArray[np.uint8], other: NDArray[np.uint8], zeros: NDArray[np.int32], mults: NDArray[np.int32],
    shifts: NDArray[np.uint8], zero: Int, out: NDArray[np.uint8],
) -> None:  # fmt: skip
    """Each channel's sum of two inputs that have scales and zero points of their own.

    ``zeros`` holds both zero points, ``mults`` and ``shifts`` are both inputs' and the sum's. An input less
    its zero point is below 2**8 in size, so 2**20 times that is an int32, and so is the sum of two such
    numbers after a factor of at most 1.
    """
    for c in range(len(out)):
        first = np.int32(np.int32(np.int32(one[c]) - zeros[0]) << np.int32(UP))
        second = np.int32(np.int32(np.int32(other[c]) - zeros[1]) << np.int32(UP))
        total = np.int32(scale_twice(first, mults[0], shifts[0]) + scale_twice(second, mults[1], shifts[1]))
        out[c] = requantise_zero(total, mults[2], shifts[2], zero, np.int64(1))


@late(33)
def reached(s: Block, layer: Int, target: Int, n: Int) -> None:
    """``n`` outputs, from byte ``target`` on, of a layer that takes those of an earlier one."""
    at = s.q
    plan, row = at[PLAN] + PLAN_WORDS * layer, at[STEPS] + ROW * layer
    back = at[plan + 12]
    cout, op, zero = at[plan + 1], at[plan + 7], at[plan + 8]
    far, near = row - ROW * back, row - ROW
    one, other = at[far + OUTPUT], at[near + OUTPUT]
    width = at[plan - PLAN_WORDS * back + 1]
    numbers = at[plan + 5]
    bias, mult, shift = at[BIASES] + numbers, at[MULTS] + numbers, at[SHIFTS] + numbers
    for _ in range(n):
        if op == ADD:
            added(
                s.b[one : one + cout], s.b[other : other + cout], s.d[bias : bias + 3],
                s.d[mult : mult + 3], s.b[shift : shift + 3], zero, s.b[target : target + cout],
            )  # fmt: skip
        else:
            copy(s.b[one : one + width], s.b[target : target + width])
            if op != BRANCH:
                rest = cout - width
                copy(s.b[other : other + rest], s.b[target + width : target + cout])
        one += at[far + OUT_WIDTH]
        other += at[near + OUT_WIDTH]
        target += at[row + OUT_WIDTH]
