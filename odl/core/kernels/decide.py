"""Whether to ask about a window: the budget first, then the policy's rule.

After TActiLE (Pavan, Galimberti, Roveri, IJCNN 2025); what is the paper's and what is
ours stands in ``docs/methods.md``. The target rate is what is left of the budget over
what is left of the period, so every rule spends its budget exactly and none exceeds it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.distance import distance
from odl.core.kernels.generator import below, next_state
from odl.core.kernels.jit import Int, jit
from odl.core.kernels.net import Rule
from odl.core.kernels.quantile import LOWEST, track_quantile
from odl.core.kernels.shift import root
from odl.core.state import WARM, Count

INFORV, DUALRV, RANDOM, PERIODIC = (
    int(Rule.INFORV), int(Rule.DUALRV), int(Rule.RANDOM), int(Rule.PERIODIC),
)  # fmt: skip
WINDOWS, BLOCKED = int(Count.WINDOWS), int(Count.BLOCKED)


@jit
def windows_left(state: NDArray[Any], settings: NDArray[Any], end: Int, hop: Int) -> Int:
    """Windows left in the period, this one (which ended at ``end``) included; at least 1.

    Starts the next period when its time has come.
    """
    s = state[0]
    length = settings[0]["period"]
    seen = s["counts"][WINDOWS]
    if length == 0:
        return max(np.int64(1), np.int64(settings[0]["horizon"] - seen))
    if settings[0]["in_samples"] != 0:
        period = (end - 1) // length
        left = ((period + 1) * length - end) // hop + 1
    else:
        period = seen // length
        left = (period + 1) * length - seen
    if period != s["period"]:
        s["period"] = period
        s["issued"] = 0
    return np.int64(left)


@jit
def decide(
    state: NDArray[Any], settings: NDArray[Any], features: NDArray[np.uint8], utility: Int,
    end: Int, hop: Int,
) -> bool:  # fmt: skip
    """Whether the window that ended at ``end`` is asked about. Once per window, in order."""
    s = state[0]
    rule = settings[0]["rule"]
    left = windows_left(state, settings, end, hop)
    purse = settings[0]["allowed"] - s["issued"]
    if rule == 0 or purse <= 0:
        return False
    rate = np.int64(2**31) if purse >= left else np.int64((purse << np.int64(31)) // left)
    if rule == INFORV:
        wanted = informative(state, settings, utility, rate)
    elif rule == DUALRV:
        each = root(np.int64(rate << np.int64(31)))
        near = far_enough(state, settings, features, each)
        wanted = informative(state, settings, utility, each) and near
    elif rule == RANDOM:
        s["generator"] = next_state(s["generator"])
        wanted = below(s["generator"], left) < purse
    else:
        wanted = periodic(state, settings, left, hop)
    wanted = wanted or purse >= left
    room = np.int64(s["ask_window"].shape[0])
    if rule in (INFORV, DUALRV):
        room = min(np.int64(2 * settings[0]["batch"]), room)
    if wanted and s["n_ask"] >= room:
        s["counts"][BLOCKED] += 1
        return False
    return wanted


@jit
def informative(state: NDArray[Any], settings: NDArray[Any], utility: Int, rate: Int) -> bool:
    """Uncertain enough: at least the reference value, a streaming (1 - rate) quantile.

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


@jit
def far_enough(state: NDArray[Any], settings: NDArray[Any], features: NDArray[np.uint8], rate: Int) -> bool:
    """Different enough from the open batch: the distance to its nearest member.

    An empty batch accepts anything; the first distance after that only sets the
    reference, which is estimated anew for each batch.
    """
    s = state[0]
    nearest = np.int64(-1)
    for i in range(s["n_ask"]):
        if s["ask_batch"][i] == s["batch"]:
            d = distance(features, s["ask_features"][i])
            if nearest < 0 or d < nearest:
                nearest = np.int64(d)
    if nearest < 0:
        return True
    if s["n_far"] == 0:
        s["n_far"] = 1
        s["rv_d"] = max(np.int64(nearest << np.int64(16)), np.int64(LOWEST))
        return False
    wanted = np.int64(nearest << np.int64(16)) >= s["rv_d"]
    s["rv_d"] = track_quantile(s["rv_d"], nearest, rate, settings[0]["step"])
    return wanted


@jit
def periodic(state: NDArray[Any], settings: NDArray[Any], left: Int, hop: Int) -> bool:
    """Evenly spaced: the k-th question at the middle of the k-th equal part of the period."""
    total = settings[0]["period"]
    if total == 0:
        total = settings[0]["horizon"]
    elif settings[0]["in_samples"] != 0:
        total = max(np.int64(1), np.int64(total // hop))
    allowed = settings[0]["allowed"]
    passed = max(np.int64(0), np.int64(total - left))
    due = ((2 * passed + 1) * allowed + total) // (2 * total)
    return state[0]["issued"] < due
