"""Whether to ask about a window: the budget first, then the policy's rule.

After TActiLE (Pavan, Galimberti, Roveri, IJCNN 2025); what is the paper's and what is
ours stands in ``docs/methods.md``. The target rate is what is left of the budget over
what is left of the period, so a rule that spends its budget does so
to the last question, and none exceeds it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.block import (
    ALLOWED,
    ASKED_AT,
    BATCH_SIZE,
    BUDGET_PERIOD,
    COUNTS,
    EVERY,
    HORIZON,
    IN_SAMPLES,
    ISSUED,
    MAX_PENDING,
    N_ASK,
    PERIOD,
    RULE,
    Block,
)  # fmt: skip
from odl.core.kernels.flat import Table
from odl.core.kernels.jit import Int, jit, late
from odl.core.kernels.rules import Rule
from odl.core.state import Count

WINDOWS, BLOCKED = COUNTS + int(Count.WINDOWS), COUNTS + int(Count.BLOCKED)
BATCHES = Table(np.array([rule.batches for rule in Rule], np.int32))
SPENDS = Table(np.array([rule.spends for rule in Rule], np.int32))


@jit
def windows_left(s: Block, end: Int, hop: Int) -> Int:
    """Windows left in the period, this one (which ended at ``end``) included; at least 1.

    Starts the next period when its time has come.
    """
    length = s.q[BUDGET_PERIOD]
    seen = s.q[WINDOWS]
    if length == 0:
        return max(np.int64(1), np.int64(s.q[HORIZON] - seen))
    if s.q[IN_SAMPLES] != 0:
        period = (end - 1) // length
        left = ((period + 1) * length - end) // hop + 1
    else:
        period = seen // length
        left = (period + 1) * length - seen
    if period != s.q[PERIOD]:
        s.q[PERIOD] = period
        s.q[ISSUED] = 0
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
        s: Block, features: NDArray[np.uint8], utility: Int,
        rate: Int, left: Int, hop: Int,
    ) -> bool:  # fmt: skip
        if s.q[RULE] == number:
            return kernel(s, features, utility, rate, left, hop)
        return others(s, features, utility, rate, left, hop)

    return jit(choose)


*ASKING, LAST = list(Rule)[1:]
by_rule = kernel_of(LAST)
for _rule in reversed(ASKING):
    by_rule = either(_rule, by_rule)


@late(38)  # at a cold start this process compiles it, another one `predict`
def decide(
    s: Block, features: NDArray[np.uint8], utility: Int,
    end: Int, hop: Int,
) -> bool:  # fmt: skip
    """Whether the window that ended at ``end`` is asked about. Once per window, in order."""
    rule = s.q[RULE]
    left = windows_left(s, end, hop)
    purse = max(np.int64(0), s.q[ALLOWED] - s.q[ISSUED])
    if rule == 0 or (purse == 0 and SPENDS[rule] != 0):
        return False
    rate = np.int64(2**31) if purse >= left else np.int64((purse << np.int64(31)) // left)
    wanted = by_rule(s, features, utility, rate, left, hop)
    if purse == 0 or (s.q[ASKED_AT] != 0 and end - s.q[ASKED_AT] < s.q[EVERY]):
        return False
    wanted = wanted or (SPENDS[rule] != 0 and purse >= left)
    room = s.q[MAX_PENDING]
    if BATCHES[rule] > 0:
        room = min(np.int64(BATCHES[rule] * s.q[BATCH_SIZE]), room)
    if wanted and s.d[s.q[N_ASK]] >= room:
        s.q[BLOCKED] += 1
        return False
    return wanted
