"""A window's features from the last layer's outputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.kernels.jit import Int, jit


@jit
def pool(ring: NDArray[np.uint8], first: Int, features: NDArray[np.uint8]) -> None:
    """Mean of the first half, mean of the second half, maximum.

    ``ring`` (positions, channels) holds a window's outputs, the oldest at ``first``;
    ``features`` (3 * channels,) is written. With P positions the halves are [0, P // 2)
    and [P // 2, P). A mean over n is ``(sum + n // 2) // n`` on unsigned integers:
    rounded to nearest, ties upwards; the sum is at most 255 * 1021.
    """
    positions, channels = ring.shape
    half = positions // 2
    for c in range(channels):
        early = np.int32(0)
        late = np.int32(0)
        top = np.uint8(0)
        for p in range(positions):
            at = first + p
            if at >= positions:
                at -= positions
            value = ring[at, c]
            if p < half:
                early = np.int32(early + np.int32(value))
            else:
                late = np.int32(late + np.int32(value))
            if value > top:
                top = value
        features[c] = np.uint8((early + half // 2) // half)
        rest = positions - half
        features[channels + c] = np.uint8((late + rest // 2) // rest)
        features[2 * channels + c] = top
