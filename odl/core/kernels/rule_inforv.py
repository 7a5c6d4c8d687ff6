"""InfoRV: ask where the heads are uncertain."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.jit import Int, jit
from odl.core.kernels.quantile import LOWEST, track_quantile
from odl.core.state import WARM


@jit
def inforv(
    state: NDArray[Any], settings: NDArray[Any], features: NDArray[np.uint8], utility: Int,
    rate: Int, left: Int, hop: Int,
) -> bool:  # fmt: skip
    """Whether the uncertainty reaches the reference value, a streaming (1 - rate) quantile.

    The first 16 scores only set the reference. A window without any doubt is never
    informative, whatever the reference.
    """
    s = state[0]
    if s["n_warm"] < WARM:
        at = s["n_warm"]
        while at > 0 and s["warm"][at - 1] > utility:  # insertion keeps them sorted
            s["warm"][at] = s["warm"][at - 1]
            at -= 1
        s["warm"][at] = utility
        s["n_warm"] += 1
        if s["n_warm"] == WARM:
            rank = min(((np.int64(2**31) - rate) * WARM) >> np.int64(31), np.int64(WARM - 1))
            s["rv_u"] = max(np.int64(s["warm"][rank]) << np.int64(16), np.int64(LOWEST))
        return False
    wanted = np.int64(utility) << np.int64(16) >= s["rv_u"]
    s["rv_u"] = track_quantile(s["rv_u"], utility, rate, settings[0]["step"])
    return wanted
