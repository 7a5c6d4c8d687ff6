"""Random: draw exactly as many windows as the budget has questions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.generator import below, next_state
from odl.core.kernels.jit import Int, jit_inline


@jit_inline
def random(
    state: NDArray[Any], settings: NDArray[Any], features: NDArray[np.uint8], utility: Int,
    rate: Int, left: Int, hop: Int,
) -> bool:  # fmt: skip
    """Whether selection sampling picks this window: a chance of questions left in windows left."""
    s = state[0]
    s["generator"] = next_state(s["generator"])
    return below(s["generator"], left) < settings[0]["allowed"] - s["issued"]
