"""The outcome of one person's session in a replay."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from odl._text import counted
from odl.core.config import Config
from odl.core.events import Event
from odl.core.trace import Trace
from odl.evaluate.unspent import unspent_note


@dataclass(frozen=True)
class Outcome:
    """One person's session: all that passed, counters, settings and recording.

    ``trace`` is the session itself, ``without`` the same stream without learning. ``samples`` came,
    ``position`` counts the lost ones too.
    """

    subject: str
    trace: Trace = field(repr=False)
    without: Trace = field(repr=False)
    names: dict[int, str]
    trace_sha256: str
    seconds: float
    samples: int
    position: int
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
        if left := unspent_note(self.config, self.counts, self.budget, self.position):
            notes.append(left)
        for count, what in (
            ("full", "had no effect because there was no room for another class or label"),
            ("no_such_class", "named a class or task that does not exist"),
        ):
            if self.counts[count]:
                notes.append(f"{self.counts[count]} inputs {what}")
        if gone := self.counts["gave_way"]:
            notes.append(f"{counted(gone, 'label')} left the full log for newer ones")
        if self.same_trace is not None:
            equal = "equals" if self.same_trace else "is NOT"
            notes.append(f"the replay's trace {equal} the recorded one")
        return notes
