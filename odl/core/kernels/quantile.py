"""A streaming quantile, TActiLE's moving reference value."""

from __future__ import annotations

import numpy as np

from odl.core.kernels.jit import Int, jit
from odl.core.kernels.shift import round_shift

LOWEST = 2**16  # a score of zero is never above the reference
HIGHEST = 2**31


@jit
def track_quantile(reference: Int, score: Int, rate: Int, step: Int) -> Int:
    """``rv += 2**-step * ([score > rv] - rate)``, all in Q31, held in [2**16, 2**31].

    ``score`` is Q15, ``rate`` Q31 in [0, 2**31]: the share of scores that should lie
    above. Kept in Q31 because in Q15 a small rate would round to no step at all.
    """
    above = np.int64(1) if np.int64(score) << np.int64(16) > reference else np.int64(0)
    move = round_shift(np.int64((above << np.int64(31)) - np.int64(rate)), step)
    value = np.int64(reference + move)
    if value < LOWEST:
        return np.int64(LOWEST)
    return np.int64(HIGHEST) if value > HIGHEST else value
