"""The last predictions of a stream, the truth, and the running accuracy, for live views."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from odl.core.events import Event, Prediction, Truth
from odl.core.ground_truth import TruthTrack
from odl.core.history import SessionHistory
from odl.labels.oracle import Truths

SCORED = 60  # windows in the running accuracy
_CAPACITY = 400  # windows and truths
_UNSCORED = 64  # windows whose truth may come later


class Run(NamedTuple):
    """Samples ``start`` to ``end`` (exclusive) of one class."""

    start: int
    end: int
    name: str


class RecentWindows:
    """Follows a session's events and remembers what was shown in the last windows, held answers included.

    Parameters
    ----------
    window, hop : int
        Length of a window and distance between two, in samples.
    known : Truths, optional
        Knows the truth of a window at once; by default each Truth among the events is waited for.

    Attributes
    ----------
    right, scored_in_all : int
        Windows of the whole stream that were right, and those with a truth.

    Examples
    --------
    >>> recent = RecentWindows(100, 50)
    >>> for event in (Truth(0, 200, "walk"), Prediction(0, (1,), ()), Prediction(50, (2,), ())):
    ...     recent.take(event, {1: "walk", 2: "sit"})
    >>> recent.accuracy
    0.5
    >>> recent.predicted(0, 200)
    [Run(start=50, end=100, name='walk'), Run(start=100, end=150, name='sit')]
    """

    def __init__(self, window: int, hop: int, known: Truths | None = None) -> None:
        self.history = SessionHistory(keep=0)  # its counts; a day has very many gaps
        self.right = self.scored_in_all = 0
        self._window, self._hop, self._known = window, hop, known
        self._predictions: deque[Run] = deque(maxlen=_CAPACITY)
        self._truths: deque[Truth] = deque(maxlen=_CAPACITY)
        self._unscored: deque[tuple[int, str]] = deque(maxlen=_UNSCORED)  # predictions without a truth
        self._right: deque[bool] = deque(maxlen=SCORED)

    def take(self, event: Event, names: Mapping[int, str]) -> None:
        """Follow ``event``; a prediction needs the ``names`` of the classes."""
        self.history.take(event)
        match event:
            case Truth():
                self._truths.append(event)
                self._score()
            case Prediction(window, path, _, held):
                shown = path[-1] if path and held is None else held
                self._add(window, "?" if shown is None else names.get(shown, "?"))

    def _add(self, window: int, name: str) -> None:
        end = window + self._window
        self._predictions.append(Run(end - self._hop, end, name))
        self._unscored.append((window, name))
        self._score()

    def _score(self) -> None:
        """Score the predictions whose truth is known."""
        unscored = list(self._unscored)
        self._unscored.clear()
        for window, name in unscored:
            truth = self._truth_of(window)
            if truth is None:
                self._unscored.append((window, name))
            else:
                self._right.append(truth == name)
                self.right += truth == name
                self.scored_in_all += 1

    def _truth_of(self, window: int) -> str | None:
        if self._known is not None:
            return self._known.of(window, self._window)
        # Only what lies near the window: a session's truths may be very many.
        end = window + self._window
        near = [t for t in self._truths if t.start < end and t.end > window]
        return TruthTrack(near).of(window, self._window) if near else None

    @property
    def position(self) -> int:
        """Samples that have passed."""
        return self.history.position

    @property
    def learned(self) -> int:
        """Labels learned so far."""
        return self.history.learned

    @property
    def accuracy(self) -> float | None:
        """The share of the last `SCORED` windows with a truth that were right; None without any."""
        return sum(self._right) / len(self._right) if self._right else None

    @property
    def scored(self) -> int:
        """Windows in ``accuracy``."""
        return len(self._right)

    def predicted(self, start: int, end: int) -> list[Run]:
        """Return the predictions from sample ``start`` to ``end``; each stands for its window's last hop."""
        return _joined(_cut(self._predictions, start, end))

    def truth(self, start: int, end: int) -> list[Run]:
        """Return the truth from sample ``start`` to ``end``, as far as it is known."""
        runs = sorted(Run(t.start, t.end, t.name) for t in self._truths)
        if self._known is not None:  # before its Truth is among the events
            shown = [run for run in self._predictions if run.start < end and run.end > start]
            named = [(run, self._known.of(run.end - self._window, self._window)) for run in shown]
            runs = [Run(run.start, run.end, name) for run, name in named if name is not None]
        return _joined(_cut(runs, start, min(end, self.position)))


def _cut(runs: Iterable[Run], start: int, end: int) -> list[Run]:
    return [
        Run(max(r.start, start), min(r.end, end), r.name) for r in runs if r.start < end and r.end > start
    ]


def _joined(runs: Sequence[Run]) -> list[Run]:
    """Return ``runs`` with neighbours of one class as one run."""
    found: list[Run] = []
    for name, group in groupby(runs, key=lambda run: run.name):
        for run in group:
            if found and found[-1].name == name and found[-1].end >= run.start:
                found[-1] = Run(found[-1].start, run.end, name)
            else:
                found.append(run)
    return found
