"""Means of bytes, from their sums: a division as a product."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.jit import Int, jit, jit_vectorised
from odl.core.kernels.tiers import compiled_tier

if compiled_tier().tiles:
    from odl.core.kernels.columns import MEANS, means_of_int32, means_of_uint16
else:
    MEANS = 2**31  # more than there ever are

    @jit
    def means_of_int32(
        sums: NDArray[np.int32], first: Int, size: Int, n: Int, out: NDArray[np.uint8], to: Int
    ) -> None:
        """Nothing, without vectors."""

    @jit
    def means_of_uint16(
        sums: NDArray[np.uint16], first: Int, size: Int, n: Int, out: NDArray[np.uint8], to: Int
    ) -> None:
        """Nothing, without vectors."""


@jit_vectorised
def means(sums: NDArray[np.uint16], n: Int, out: NDArray[np.uint8]) -> None:
    """``out = (sums + n // 2) // n`` for sums of ``n`` bytes each, 1 to 256.

    ``m = 2**25 // n + 1`` exceeds ``2**25 / n`` by at most 1, so for ``x = sums + n // 2`` below
    ``2**16 + 2**7`` the product exceeds ``x / n * 2**25`` by less than ``2**17``, and
    ``2**17 / 2**25 = 1 / 256`` is no more than the gap ``1 / n`` to the next whole number.

    >>> out = np.zeros(2, np.uint8)
    >>> means(np.array([5, 765], np.uint16), 3, out)
    >>> out.tolist()
    [2, 255]
    """
    if len(out) >= MEANS:
        means_of_uint16(sums, 0, len(out), n, out, 0)
        return
    factor, half = np.int64(2**25) // n + 1, n // 2
    for k in range(len(out)):
        out[k] = np.uint8(((np.int64(sums[k]) + half) * factor) >> np.int64(25))


@jit_vectorised
def column_means(
    sums: NDArray[np.int32], first: Int, size: Int, n: Int, out: NDArray[np.uint8], to: Int
) -> None:  # fmt: skip
    """``out[to + k] = (sums[first + k] + n // 2) // n``, k below ``size``, sums of 1 to 2048 bytes each.

    The dividend x is below 2**19.5, and ``r = 2**31 // n + 1`` is at most ``(2**31 + n) / n``, so
    ``x * r / 2**31`` is above ``x / n`` by at most ``x / 2**31 < 1 / n``, which is too little to reach the
    next whole number.
    """
    if size >= MEANS and n <= 256:
        means_of_int32(sums, first, size, n, out, to)
        return
    factor, half = np.int64(2**31) // n + 1, n // 2
    for k in range(size):
        out[to + k] = np.uint8(((np.int64(sums[first + k]) + half) * factor) >> np.int64(31))
