"""Periodic: ask at equal distances."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.block import ALLOWED, BUDGET_PERIOD, HORIZON, IN_SAMPLES, ISSUED, Block
from odl.core.kernels.jit import Int, late
from odl.core.kernels.rules import Rule


@late(Rule.PERIODIC)
def periodic(
    s: Block, features: NDArray[np.uint8], utility: Int,
    rate: Int, left: Int, hop: Int,
) -> bool:  # fmt: skip
    """Whether a question is due: the k-th at the middle of the k-th equal part of the period."""
    total = s.q[BUDGET_PERIOD]
    if total == 0:
        total = s.q[HORIZON]
    elif s.q[IN_SAMPLES] != 0:
        total = max(np.int64(1), np.int64(total // hop))
    allowed = s.q[ALLOWED]
    passed = max(np.int64(0), np.int64(total - left))
    due = ((2 * passed + 1) * allowed + total) // (2 * total)
    return s.q[ISSUED] < due
