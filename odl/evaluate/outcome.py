"""The outcome of one person's session in a replay."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from odl._text import counted
from odl.core.config import Config
from odl.core.events import Event
from odl.core.trace import Trace

_SPENT_SHARE = 0.95  # a note explains a smaller share of spent budget


@dataclass(frozen=True)
class Outcome:
    """One person's session: all that passed, counters, settings and recording.

    ``trace`` is the session itself, ``without`` the same stream without learning.
    """

    subject: str
    trace: Trace = field(repr=False)
    without: Trace = field(repr=False)
    names: dict[int, str]
    trace_sha256: str
    seconds: float
    samples: int
    budget: int
    counts: dict[str, int]
    config: Config
    file: Path | None = None
    problems: tuple[str, ...] = ()
    same_trace: bool | None = None  # of a replayed recording: True if the recorded trace is equal

    @property
    def events(self) -> tuple[Event, ...]:
        """All events of the session in order."""
        return self.trace.events

    def notes(self) -> list[str]:
        """Problems, unspent budget, inputs without effect, and how the trace compares."""
        notes = list(self.problems)
        asked = self.counts["queries"]
        if asked < _SPENT_SHARE * self.budget:
            notes.append(f"{asked} of {self.budget} questions asked, because {self._why_unspent()}")
        for count, what in (
            ("full", "had no effect because there was no room for another class or label"),
            ("no_such_class", "named a class or task that does not exist"),
        ):
            if self.counts[count]:
                notes.append(f"{self.counts[count]} inputs {what}")
        if self.same_trace is not None:
            equal = "equals" if self.same_trace else "is NOT"
            notes.append(f"the replay's trace {equal} the recorded one")
        return notes

    def _why_unspent(self) -> str:
        why = []
        if self.config.period and self.config.in_samples:
            why.append("the stream ended before the period did")
        elif len(self.trace.predictions) < self.config.horizon:
            why.append("the stream was shorter than declared")
        if blocked := self.counts["blocked"]:
            more = counted(blocked, "more window")
            why.append(f"too many questions were open when {more} would have been asked about")
        own = self.config.policy == "none"  # a policy of the caller's own decided
        chosen = "the policy chose too few windows" if own else "too few windows were uncertain enough"
        return " and ".join(why) or chosen
