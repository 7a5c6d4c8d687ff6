"""Periodic: ask at equal distances."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.jit import Int, jit_inline


@jit_inline
def periodic(
    state: NDArray[Any], settings: NDArray[Any], features: NDArray[np.uint8], utility: Int,
    rate: Int, left: Int, hop: Int,
) -> bool:  # fmt: skip
    """Whether a question is due: the k-th at the middle of the k-th equal part of the period."""
    total = settings[0]["period"]
    if total == 0:
        total = settings[0]["horizon"]
    elif settings[0]["in_samples"] != 0:
        total = max(np.int64(1), np.int64(total // hop))
    allowed = settings[0]["allowed"]
    passed = max(np.int64(0), np.int64(total - left))
    due = ((2 * passed + 1) * allowed + total) // (2 * total)
    return state[0]["issued"] < due
