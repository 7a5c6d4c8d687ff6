"""The only place where a negative integer is shifted right or has its root taken."""

from __future__ import annotations

import numpy as np

from odl.core.kernels.jit import Int, jit


@jit
def round_shift(value: Int, shift: Int) -> Int:
    """``value / 2**shift`` rounded to nearest, ties upwards.

    ``value`` int64 with ``|value| < 2**62``, ``shift`` 0 to 61: the sum stays below
    ``2**62 + 2**60``. The arithmetic shift rounds towards minus infinity.

    >>> int(round_shift(-3, 1)), int(round_shift(3, 1)), int(round_shift(-5, 2))
    (-1, 2, -1)
    """
    if shift == 0:
        return np.int64(value)
    half = np.int64(1) << np.int64(shift - 1)
    return np.int64(np.int64(np.int64(value) + half) >> np.int64(shift))


@jit
def round_shift32(value: Int, shift: Int) -> Int:
    """`round_shift` on int32, for inner loops: ``|value| < 2**30``, ``shift`` 1 to 24.

    >>> int(round_shift32(np.int32(-3), 1)), int(round_shift32(np.int32(-5), 2))
    (-1, -1)
    """
    half = np.int32(np.int32(1) << np.int32(shift - 1))
    return np.int32(np.int32(np.int32(value) + half) >> np.int32(shift))


@jit
def root(value: Int) -> Int:
    """Largest integer whose square is at most ``value``; 0 to 2**62, bit by bit.

    >>> int(root(0)), int(root(24)), int(root(25))
    (0, 4, 5)
    """
    rest = np.int64(value)
    result = np.int64(0)
    bit = np.int64(1) << np.int64(62)
    while bit > rest:
        bit = np.int64(bit >> np.int64(2))
    while bit != 0:
        if rest >= result + bit:
            rest = np.int64(rest - (result + bit))
            result = np.int64((result >> np.int64(1)) + bit)
        else:
            result = np.int64(result >> np.int64(1))
        bit = np.int64(bit >> np.int64(2))
    return result
