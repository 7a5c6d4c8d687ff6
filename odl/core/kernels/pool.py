"""A window's features from the last layer's outputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.jit import Int, jit_vectorised


@jit_vectorised
def pool(ring: NDArray[np.uint8], positions: Int, first: Int, features: NDArray[np.uint8]) -> None:
    """Mean of the first half, mean of the second half, maximum.

    ``ring`` (positions * channels,) holds a window's outputs, the oldest at ``first``;
    ``features`` (3 * channels,) is written. With P positions the halves are [0, P // 2)
    and [P // 2, P). A mean over n is ``(sum + n // 2) // n`` on unsigned integers:
    rounded to nearest, ties upwards; of at most 4096 positions the sum is below 2**20.
    """
    channels = len(features) // 3
    half = positions // 2
    rest = positions - half
    for c in range(channels):
        at = first
        early, late, top = np.int32(0), np.int32(0), np.uint8(0)
        for p in range(positions):
            value = ring[at * channels + c]
            if p < half:
                early = np.int32(early + np.int32(value))
            else:
                late = np.int32(late + np.int32(value))
            top = max(top, value)
            at = at + 1 if at + 1 < positions else 0
        features[c] = np.uint8((early + half // 2) // half)
        features[channels + c] = np.uint8((late + rest // 2) // rest)
        features[2 * channels + c] = top
