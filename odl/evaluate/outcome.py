"""What one session of a replay gave."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from odl.core.config import Config
from odl.core.events import Event


@dataclass(frozen=True)
class Outcome:
    """One person's session: everything that passed, and what it was run with."""

    subject: str
    events: tuple[Event, ...] = field(repr=False)
    without: tuple[Event, ...] = field(repr=False)
    names: dict[int, str]
    trace_sha256: str
    seconds: float
    samples: int
    budget: int
    counts: dict[str, int]
    config: Config
    file: Path | None = None
    problems: tuple[str, ...] = ()
    same_trace: bool | None = None  # of a replayed recording: equal to the one it holds
