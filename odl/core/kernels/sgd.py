"""One gradient step of one row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.dense import BIAS
from odl.core.kernels.jit import Int, jit_vectorised
from odl.core.kernels.shift import round_shift32

LIMIT = 2**30  # weights saturate here


@jit_vectorised
def sgd(row: NDArray[np.int32], features: NDArray[np.uint8], error: Int, shift: Int) -> None:
    """``row -= round(error * feature / 2**shift)``, saturating at +-2**30.

    ``error`` is softmax minus one-hot in Q15, [-32768, 32768]; with a uint8 feature the
    product is below 2**23, so int32 holds it with the rounding term for shifts 1 to 24.
    """
    n = len(features)
    err = np.int32(error)
    for k in range(n):
        move = round_shift32(np.int32(err * np.int32(features[k])), shift)
        value = np.int32(row[k] - move)
        row[k] = min(max(value, np.int32(-LIMIT)), np.int32(LIMIT))
    value = np.int32(row[n] - round_shift32(np.int32(err * np.int32(BIAS)), shift))
    row[n] = min(max(value, np.int32(-LIMIT)), np.int32(LIMIT))
