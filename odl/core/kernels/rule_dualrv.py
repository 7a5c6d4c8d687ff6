"""DualRV: ask where the heads are uncertain and the open batch holds nothing like it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.ask import question_features
from odl.core.kernels.block import ASK_BATCH, BATCH, N_ASK, N_FAR, RV_D, STEP, Block
from odl.core.kernels.distance import distance
from odl.core.kernels.jit import Int, late
from odl.core.kernels.quantile import LOWEST, track_quantile
from odl.core.kernels.rule_inforv import inforv
from odl.core.kernels.rules import Rule
from odl.core.kernels.shift import root


@late(Rule.DUALRV)
def dualrv(
    s: Block, features: NDArray[np.uint8], utility: Int,
    rate: Int, left: Int, hop: Int,
) -> bool:  # fmt: skip
    """Whether uncertainty and distance each reach their reference, set for the rate's square root.

    The distance is that to the nearest member of the open batch. An empty batch accepts
    anything; the first distance after that only sets the reference, which is estimated anew
    for each batch.
    """
    each = root(np.int64(rate << np.int64(31)))
    uncertain = inforv(s, features, utility, each, left, hop)
    nearest = np.int64(-1)
    for i in range(s.d[s.q[N_ASK]]):
        if s.q[s.q[ASK_BATCH] + i] == s.q[BATCH]:
            d = distance(features, question_features(s, i))
            if nearest < 0 or d < nearest:
                nearest = np.int64(d)
    if nearest < 0:
        return uncertain
    if s.d[s.q[N_FAR]] == 0:
        s.d[s.q[N_FAR]] = 1
        s.q[RV_D] = max(np.int64(nearest << np.int64(16)), np.int64(LOWEST))
        return False
    far = np.int64(nearest << np.int64(16)) >= s.q[RV_D]
    s.q[RV_D] = track_quantile(s.q[RV_D], nearest, each, s.q[STEP])
    return uncertain and far
