"""Accumulator to activation, with ReLU and one rounding."""

from __future__ import annotations

import numpy as np

from odl.core.kernels.jit import Int, jit


@jit
def requantise_relu_u8(acc: Int, mult: Int, shift: Int) -> Int:
    """``min(255, (max(acc, 0) * mult + 2**(shift - 1)) >> shift)``: ReLU, one rounding.

    ``acc`` int32, ``mult`` in [2**30, 2**31), ``shift`` 31 to 62. The product is below
    2**62 and the rounding term at most 2**61, so int64 holds the sum.

    uint8 with zero point 0 is TFLite's int8 with zero point -128 plus 128.

    >>> int(requantise_relu_u8(1000, 2**30, 33)), int(requantise_relu_u8(-5, 2**30, 33))
    (125, 0)
    """
    # Minimum and maximum, not branches: whether a channel fires is as good as random, and
    # a mispredicted branch costs more than the arithmetic.
    product = np.int64(max(np.int64(acc), np.int64(0)) * np.int64(mult))
    half = np.int64(1) << np.int64(np.int64(shift) - 1)
    return np.int16(min(np.int64((product + half) >> np.int64(shift)), np.int64(255)))
