"""InfoRV: ask where the heads are uncertain."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.block import N_WARM, RV_U, STEP, WARM_SCORES, Block
from odl.core.kernels.jit import Int, late
from odl.core.kernels.quantile import LOWEST, track_quantile
from odl.core.kernels.rules import Rule
from odl.core.state import WARM


@late(Rule.INFORV)
def inforv(
    s: Block, features: NDArray[np.uint8], utility: Int,
    rate: Int, left: Int, hop: Int,
) -> bool:  # fmt: skip
    """Whether the uncertainty reaches the reference value, a streaming (1 - rate) quantile.

    The first 16 scores only set the reference. A window without any doubt is never
    informative, whatever the reference.
    """
    if s.d[s.q[N_WARM]] < WARM:
        at = s.d[s.q[N_WARM]]
        while at > 0 and s.u[s.q[WARM_SCORES] + at - 1] > utility:  # insertion keeps them sorted
            s.u[s.q[WARM_SCORES] + at] = s.u[s.q[WARM_SCORES] + at - 1]
            at -= 1
        s.u[s.q[WARM_SCORES] + at] = utility
        s.d[s.q[N_WARM]] += 1
        if s.d[s.q[N_WARM]] == WARM:
            rank = min(((np.int64(2**31) - rate) * WARM) >> np.int64(31), np.int64(WARM - 1))
            s.q[RV_U] = max(np.int64(s.u[s.q[WARM_SCORES] + rank]) << np.int64(16), np.int64(LOWEST))
        return False
    wanted = np.int64(utility) << np.int64(16) >= s.q[RV_U]
    s.q[RV_U] = track_quantile(s.q[RV_U], utility, rate, s.q[STEP])
    return wanted
