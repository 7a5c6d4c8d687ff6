"""Raw sensor counts to the model's int8 input."""

from __future__ import annotations

import numpy as np

from odl.core.kernels.jit import Int, jit
from odl.core.kernels.shift import round_shift


@jit
def scale_input(raw: Int, mult: Int, shift: Int, offset: Int) -> Int:
    """``raw * mult / 2**shift + offset``, rounded, before saturation to int8.

    ``raw`` int16, ``mult`` int32, ``shift`` 0 to 60, ``offset`` int16: the product stays
    below 2**46. The caller saturates to [-128, 127] and counts it.

    >>> int(scale_input(-100, 2**14, 20, 0))
    -2
    """
    product = np.int64(np.int64(raw) * np.int64(mult))
    return np.int64(round_shift(product, shift) + np.int64(offset))
