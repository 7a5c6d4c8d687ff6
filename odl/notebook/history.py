"""What a view remembers of a stream: the last predictions, the truth, how often they agreed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from odl.core.events import Adopt, Event, Gap, Learned, Prediction, Samples, Truth
from odl.core.ground_truth import TruthTrack

SCORED = 60  # windows in the running accuracy
_KEPT = 400  # windows and truths that are remembered
_WAITING = 64  # windows whose truth may come later


class Run(NamedTuple):
    """Samples ``start`` to ``end`` (exclusive) of one class."""

    start: int
    end: int
    name: str


class Seen:
    """Follows a session's events, in bounded memory.

    Parameters
    ----------
    window, hop : int
        In samples.

    Examples
    --------
    >>> seen = Seen(100, 50)
    >>> for event in (Truth(0, 200, "walk"), Prediction(0, (1,), ()), Prediction(50, (2,), ())):
    ...     seen.take(event, {1: "walk", 2: "sit"})
    >>> seen.accuracy
    0.5
    >>> seen.predicted(0, 200)
    [Run(start=50, end=100, name='walk'), Run(start=100, end=150, name='sit')]
    """

    def __init__(self, window: int, hop: int) -> None:
        self.learned = 0
        self._window, self._hop = window, hop
        self._said: deque[Run] = deque(maxlen=_KEPT)
        self._truths: deque[Truth] = deque(maxlen=_KEPT)
        self._waiting: deque[tuple[int, str]] = deque(maxlen=_WAITING)  # predictions without a truth
        self._right: deque[bool] = deque(maxlen=SCORED)
        self.position = 0

    def take(self, event: Event, names: Mapping[int, str]) -> None:
        """Remember ``event``; ``names`` are those of the classes as they are, for a prediction."""
        match event:
            case Samples(start, block):
                self.position = start + len(block)
            case Gap(start, lost, _) | Adopt(start, lost, _):
                self.position = start + lost
            case Truth():
                self._truths.append(event)
                self._score()
            case Prediction(window, path, _):
                self._predicted(window, names.get(path[-1], "?") if path else "?")
            case Learned():
                self.learned += 1

    def _predicted(self, window: int, name: str) -> None:
        end = window + self._window
        self._said.append(Run(end - self._hop, end, name))
        self._waiting.append((window, name))
        self._score()

    def _score(self) -> None:
        """Score the predictions whose truth is known by now."""
        waiting = list(self._waiting)
        self._waiting.clear()
        for window, name in waiting:
            # Only what lies near the window: a session's truths may be very many.
            end = window + self._window
            near = [t for t in self._truths if t.start < end and t.end > window]
            truth = TruthTrack(near).of(window, self._window) if near else None
            if truth is None:
                self._waiting.append((window, name))
            else:
                self._right.append(truth == name)

    @property
    def accuracy(self) -> float | None:
        """The share of the last `SCORED` windows with a truth that were right; None without any."""
        return sum(self._right) / len(self._right) if self._right else None

    @property
    def scored(self) -> int:
        """Windows in ``accuracy``."""
        return len(self._right)

    def predicted(self, start: int, end: int) -> list[Run]:
        """What was predicted from sample ``start`` to ``end``, each window for its last hop."""
        return _joined(_cut(self._said, start, end))

    def truth(self, start: int, end: int) -> list[Run]:
        """What is known to have happened from ``start`` to ``end``."""
        runs = sorted(Run(t.start, t.end, t.name) for t in self._truths)
        return _joined(_cut(runs, start, min(end, self.position)))


def _cut(runs: Iterable[Run], start: int, end: int) -> list[Run]:
    return [
        Run(max(r.start, start), min(r.end, end), r.name) for r in runs if r.start < end and r.end > start
    ]


def _joined(runs: Sequence[Run]) -> list[Run]:
    """Neighbours of one class as one run."""
    found: list[Run] = []
    for name, group in groupby(runs, key=lambda run: run.name):
        for run in group:
            if found and found[-1].name == name and found[-1].end >= run.start:
                found[-1] = Run(found[-1].start, run.end, name)
            else:
                found.append(run)
    return found
