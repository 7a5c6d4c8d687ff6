"""Accumulator to activation around a zero point, rounded once or twice."""

from __future__ import annotations

import numpy as np

from odl.core.kernels.jit import Int, jit
from odl.core.kernels.shift import round_shift


@jit
def scale_twice(value: Int, mult: Int, shift: Int) -> Int:
    """``value * mult / 2**shift``, rounded as TensorFlow Lite's reference kernels do.

    ``value`` int32, ``mult`` in [2**29, 2**31), ``shift`` 31 to 62. First to a multiple of 2**31, ties
    upwards, then the rest of the shift, ties away from zero.

    >>> int(scale_twice(-6, 2**30, 32)), int(scale_twice(6, 2**30, 32))
    (-2, 2)
    """
    product = np.int64(round_shift(np.int64(np.int64(value) * np.int64(mult)), np.int64(31)))
    rest = np.int64(np.int64(shift) - 31)
    if rest > 0 and product < 0:
        product = np.int64(product - 1)
    return np.int64(round_shift(product, rest))


@jit
def requantise_zero(acc: Int, mult: Int, shift: Int, zero: Int, twice: Int) -> Int:
    """``acc * mult / 2**shift + zero``, within 0 and 255.

    ``acc`` int32, ``mult`` in [2**29, 2**31), ``shift`` 31 to 62, ``zero`` 0 to 255. The product is
    below 2**62 in size. Rounded once: to the nearest, ties upwards. Rounded twice: `scale_twice`.

    >>> int(requantise_zero(-5, 2**30, 31, 100, 0)), int(requantise_zero(-5, 2**30, 31, 100, 1))
    (98, 98)
    >>> int(requantise_zero(-6, 2**30, 32, 100, 0)), int(requantise_zero(-6, 2**30, 32, 100, 1))
    (99, 98)
    """
    if twice != 0:
        value = np.int64(scale_twice(acc, mult, shift))
    else:
        value = np.int64(round_shift(np.int64(np.int64(acc) * np.int64(mult)), np.int64(shift)))
    return np.int16(min(max(np.int64(value + np.int64(zero)), np.int64(0)), np.int64(255)))
