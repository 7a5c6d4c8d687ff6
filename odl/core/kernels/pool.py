"""A window's features from the last layer's outputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.jit import Int, jit


@jit
def pool(ring: NDArray[np.uint8], first: Int, features: NDArray[np.uint8]) -> None:
    """Mean of the first half, mean of the second half, maximum.

    ``ring`` (positions, channels) holds a window's outputs, the oldest at ``first``;
    ``features`` (3 * channels,) is written. With P positions the halves are [0, P // 2)
    and [P // 2, P). A mean over n is ``(sum + n // 2) // n`` on unsigned integers:
    rounded to nearest, ties upwards; of at most 4096 positions the sum is below 2**20.
    """
    positions, channels = ring.shape
    half = positions // 2
    rest = positions - half
    sums = np.zeros((2, channels), np.int32)
    top = features[2 * channels :]
    top[:] = 0
    at = first
    for p in range(positions):
        part = sums[0 if p < half else 1]
        row = ring[at]
        for c in range(channels):
            part[c] = np.int32(part[c] + np.int32(row[c]))
            top[c] = max(top[c], row[c])
        at = at + 1 if at + 1 < positions else 0
    for c in range(channels):
        features[c] = np.uint8((sums[0, c] + half // 2) // half)
        features[channels + c] = np.uint8((sums[1, c] + rest // 2) // rest)
