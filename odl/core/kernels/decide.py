"""Whether to ask about a window: the budget first, then the policy's rule.

After TActiLE (Pavan, Galimberti, Roveri, IJCNN 2025); what is the paper's and what is
ours stands in ``docs/methods.md``. The target rate is what is left of the budget over
what is left of the period, so every rule spends its budget exactly and none exceeds it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.jit import Int, jit, jit_inline
from odl.core.kernels.rules import Rule
from odl.core.state import Count

WINDOWS, BLOCKED = int(Count.WINDOWS), int(Count.BLOCKED)
BATCHES = tuple(rule.batches for rule in Rule)


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


def kernel_of(rule: Rule) -> Callable[..., bool]:
    """The kernel of ``rule``, found by its name."""
    name = rule.name.lower()
    kernel: Callable[..., bool] = getattr(import_module(f"odl.core.kernels.rule_{name}"), name)
    return kernel


def either(rule: Rule, others: Callable[..., bool]) -> Callable[..., bool]:
    """A kernel that decides by ``rule`` where the settings name it, else by ``others``."""
    number, kernel = int(rule), kernel_of(rule)

    def choose(
        state: NDArray[Any], settings: NDArray[Any], features: NDArray[np.uint8], utility: Int,
        rate: Int, left: Int, hop: Int,
    ) -> bool:  # fmt: skip
        if settings[0]["rule"] == number:
            return kernel(state, settings, features, utility, rate, left, hop)
        return others(state, settings, features, utility, rate, left, hop)

    return jit_inline(choose)


*ASKING, LAST = list(Rule)[1:]
by_rule = kernel_of(LAST)
for _rule in reversed(ASKING):
    by_rule = either(_rule, by_rule)


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
    wanted = by_rule(state, settings, features, utility, rate, left, hop)
    wanted = wanted or purse >= left
    room = np.int64(s["ask_window"].shape[0])
    if BATCHES[rule] > 0:
        room = min(np.int64(BATCHES[rule] * settings[0]["batch"]), room)
    if wanted and s["n_ask"] >= room:
        s["counts"][BLOCKED] += 1
        return False
    return wanted
