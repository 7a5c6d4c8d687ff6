"""A window's features from the last layer's outputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.jit import Int, jit_vectorised
from odl.core.kernels.means import column_means
from odl.core.kernels.tiers import compiled_tier

if compiled_tier().tiles:
    from odl.core.kernels.columns import add_columns
else:

    @jit_vectorised
    def add_columns(
        rows: NDArray[np.uint8], first: Int, width: Int, n: Int,
        sums: NDArray[np.int32], tops: NDArray[np.uint8], place: Int,
    ) -> None:  # fmt: skip
        """Sum and maximum of up to 64 columns each in ``n`` rows of ``width`` bytes."""
        for c in range(width):
            sums[place + c], tops[place + c] = 0, 0
        for r in range(n):
            for c in range(width):
                value = rows[first + r * width + c]
                sums[place + c] += np.int32(value)
                tops[place + c] = max(tops[place + c], value)


@jit_vectorised
def pool(
    rows: NDArray[np.uint8], width: Int, positions: Int,
    sums: NDArray[np.int32], tops: NDArray[np.uint8], features: NDArray[np.uint8],
) -> None:  # fmt: skip
    """Mean of the first half, mean of the second half, maximum.

    ``rows`` holds a window's outputs, ``width`` bytes for each position and 64 readable for the last;
    ``sums`` and ``tops`` are room for 128; ``features`` (3 * channels,) is written. With P
    positions the halves are [0, P // 2) and [P // 2, P). A mean over n is ``(sum + n // 2) // n`` on
    unsigned integers: rounded to nearest, ties upwards.
    """
    channels = len(features) // 3
    half = positions // 2
    rest = positions - half
    add_columns(rows, 0, width, half, sums, tops, 0)
    add_columns(rows, half * width, width, rest, sums, tops, 64)
    column_means(sums, 0, channels, half, features, 0)
    column_means(sums, 64, channels, rest, features, channels)
    for c in range(channels):
        features[2 * channels + c] = max(tops[c], tops[64 + c])
