"""What a reader of a result's figures should know, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from odl.core.events import Prediction

if TYPE_CHECKING:
    from odl.evaluate.outcome import Outcome

BLOCKED_SHARE = 0.95  # a policy that spends less of its budget has to say why


def notes_of(outcomes: Sequence[Outcome], host_only: Sequence[str]) -> list[str]:
    """What a reader of the figures should know: unspent budgets, damage, other traces."""
    notes = []
    if host_only:
        parts = " and ".join(host_only)
        notes.append(f"{parts} ran in Python only: no board runs that, and 'odl verify' cannot compare it")
    for one in outcomes:
        who = f"person {one.subject}"
        notes += [f"{who}: {problem}" for problem in one.problems]
        asked = one.counts["queries"]
        if asked < BLOCKED_SHARE * one.budget:
            notes.append(f"{who}: {asked} of {one.budget} questions asked, because {_why_unspent(one)}")
        for count, what in (
            ("full", "had no effect because there was no room for another class or label"),
            ("no_such_class", "named a class or task that does not exist"),
        ):
            if one.counts[count]:
                notes.append(f"{who}: {one.counts[count]} inputs {what}")
        if one.same_trace is False:
            notes.append(f"{who}: the replay's trace is NOT the recorded one")
        elif one.same_trace:
            notes.append(f"{who}: the replay's trace equals the recorded one")
    return notes


def _why_unspent(one: Outcome) -> str:
    why = []
    if one.config.period and one.config.in_samples:
        why.append("the stream ended before the period did")
    elif sum(isinstance(e, Prediction) for e in one.events) < one.config.horizon:
        why.append("the stream was shorter than declared")
    if blocked := one.counts["blocked"]:
        windows = "window" if blocked == 1 else "windows"
        why.append(f"too many questions were open when {blocked} more {windows} would have been asked about")
    return " and ".join(why) or "too few windows were uncertain enough"
