"""One row of a head: features to a logit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.jit import Int, jit_vectorised

BIAS = 128  # the constant feature that the last column is multiplied with


@jit_vectorised
def dense(row: NDArray[np.int32], features: NDArray[np.uint8]) -> Int:
    """``row[:-1] . features + row[-1] * 128``.

    ``row`` (n + 1,) with ``|w| <= 2**30``, ``features`` (n,) uint8, n at most 192: the
    sum is below 2**30 * 255 * 193 < 2**46.

    >>> int(dense(np.array([2, -1, 3], np.int32), np.array([10, 20], np.uint8)))
    384
    """
    acc = np.int64(np.int64(row[len(features)]) * np.int64(BIAS))
    for k in range(len(features)):
        acc = np.int64(acc + np.int64(np.int64(row[k]) * np.int64(features[k])))
    return acc
