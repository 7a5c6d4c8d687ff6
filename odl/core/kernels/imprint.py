"""A first row for a new class from one window (weight imprinting)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.block import (
    N_STORED,
    STORED,
    Block,
)  # fmt: skip
from odl.core.kernels.jit import Int, jit
from odl.core.kernels.sgd import LIMIT
from odl.core.kernels.shift import round_shift


@jit
def mean_stored(s: Block, centre: NDArray[np.uint8]) -> None:
    """The mean of all stored vectors, ``(sum + n // 2) // n``; zeros if there are none."""
    n, size = s.q[N_STORED], len(centre)
    for k in range(size):
        total = np.int64(0)
        for j in range(n):
            total = np.int64(total + np.int64(s.b[s.q[STORED] + j * size + k]))
        centre[k] = np.uint8((total + n // 2) // n) if n > 0 else np.uint8(0)


@jit
def imprint(
    row: NDArray[np.int32], features: NDArray[np.uint8], centre: NDArray[np.uint8], gain: Int
) -> None:
    """``row = gain * (features - centre)``, its plane midway between the two.

    The bias, which is multiplied with 128, makes the logit zero halfway:
    ``-round(gain * sum (x - c)(x + c) / 256)``. ``gain`` is at most 255, so a weight is
    below 2**16 and the sum below 255 * 192 * 2**16 < 2**32.

    After weight imprinting (Qi, Brown, Lowe, CVPR 2018), without its normalisation: the
    gradient steps that follow set the length.
    """
    n = len(features)
    factor = np.int64(gain)
    total = np.int64(0)
    for k in range(n):
        x = np.int64(features[k])
        c = np.int64(centre[k])
        row[k] = np.int32(factor * (x - c))
        total = np.int64(total + (x - c) * (x + c))
    bias = np.int64(-round_shift(factor * total, 8))
    row[n] = np.int32(min(max(bias, np.int64(-LIMIT)), np.int64(LIMIT)))
