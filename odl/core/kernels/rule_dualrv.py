"""DualRV: ask where the heads are uncertain and the open batch holds nothing like it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.distance import distance
from odl.core.kernels.jit import Int, jit_inline
from odl.core.kernels.quantile import LOWEST, track_quantile
from odl.core.kernels.rule_inforv import inforv
from odl.core.kernels.shift import root


@jit_inline
def dualrv(
    state: NDArray[Any], settings: NDArray[Any], features: NDArray[np.uint8], utility: Int,
    rate: Int, left: Int, hop: Int,
) -> bool:  # fmt: skip
    """Whether uncertainty and distance each reach their reference, set for the rate's square root.

    The distance is that to the nearest member of the open batch. An empty batch accepts
    anything; the first distance after that only sets the reference, which is estimated anew
    for each batch.
    """
    s = state[0]
    each = root(np.int64(rate << np.int64(31)))
    uncertain = inforv(state, settings, features, utility, each, left, hop)
    nearest = np.int64(-1)
    for i in range(s["n_ask"]):
        if s["ask_batch"][i] == s["batch"]:
            d = distance(features, s["ask_features"][i])
            if nearest < 0 or d < nearest:
                nearest = np.int64(d)
    if nearest < 0:
        return uncertain
    if s["n_far"] == 0:
        s["n_far"] = 1
        s["rv_d"] = max(np.int64(nearest << np.int64(16)), np.int64(LOWEST))
        return False
    far = np.int64(nearest << np.int64(16)) >= s["rv_d"]
    s["rv_d"] = track_quantile(s["rv_d"], nearest, each, settings[0]["step"])
    return uncertain and far
