"""Protocols of the replaceable parts around a session: learner, policy, labeller."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from odl.core.events import Query
from odl.core.state import Asked


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """One window of the stream, as a policy sees it.

    ``start`` and ``end`` (exclusive) are sample indices since the session's start, ``features``
    is uint8 of shape (features,), ``samples`` float64 of shape (window, channels) in the units of
    the model image.
    """

    start: int
    end: int
    features: NDArray[np.uint8]
    samples: NDArray[np.float64]


class Scores(NamedTuple):
    """A learner's scores for one feature vector.

    ``path`` holds class ids from the root down, ``scores`` a Q15 probability per class in
    row order, ``uncertainty`` 1 - (p1 - p2) over the leaves in Q15.
    """

    path: tuple[int, ...]
    scores: tuple[int, ...]
    uncertainty: int


class Learner(Protocol):
    """Learns classes from features, uint8 of shape (features,).

    With a method ``see(window)``, which is called before each window is scored, it can use the samples too.
    """

    def scores_one(self, x: NDArray[np.uint8]) -> Scores:
        """Score ``x``; changes nothing."""
        ...

    def learn_many(self, x: NDArray[np.uint8], y: Sequence[int], windows: Sequence[int]) -> None:
        """Learn one closed batch: features (n, features), classes and window ids in window order."""
        ...

    def add_class(self, at: int, cls: int, head: int, name: str) -> bool:
        """Add class ``cls`` under task ``head``; False if there is no room for it."""
        ...

    def split(self, at: int, leaf: int, head: int) -> bool:
        """Add task ``head`` under class ``leaf``; False if there is no room for it."""
        ...

    def forget(self, window: int) -> None:
        """Unlearn the label of ``window``, as if it had never been learned."""
        ...


class Decision(NamedTuple):
    """Whether to ask, and how useful (Q15) an answer would be."""

    ask: bool
    utility: int


class Policy(Protocol):
    """Decides which windows to ask about; the session enforces the budget."""

    def decide(self, window: Window, scores: Scores) -> Decision:
        """Decide about one window; called for every window, in order. A question spends budget."""
        ...

    def settle(self, window: int, outcome: Asked) -> None:
        """The question about ``window`` was answered, skipped or expired, or (OPEN) reopened."""
        ...


class Answer(NamedTuple):
    """An answer about ``window``: a class name, new or known, or None for a skip.

    ``head`` is the task that a new class goes under. With ``leaf`` it goes under that class
    instead, which gets a task of its own if it has none. ``by``, ``took`` and ``clock``
    are those of `odl.core.events.Origin`; an empty ``by`` leaves no origin in the recording.
    """

    window: int
    name: str | None
    head: int = 0
    leaf: int | None = None
    by: str = ""
    took: int = 0
    clock: int = 0


class TakeBack(NamedTuple):
    """Takes back the newest answer; origin as in `Answer`."""

    by: str = ""
    took: int = 0
    clock: int = 0


class Taught(NamedTuple):
    """A label that nobody asked for: the stream is of class ``name`` since it last changed.

    It costs nothing of the budget. ``head`` and ``leaf`` say where a new class goes, as in `Answer`; so does
    the origin.
    """

    name: str
    head: int = 0
    leaf: int | None = None
    by: str = ""
    took: int = 0
    clock: int = 0


class ClassEdit(NamedTuple):
    """Changes the classes themselves; ``head`` and ``leaf`` of what is added, and the origin, as in `Answer`.

    ``what`` is ``"add"``, ``"rename"`` (to ``into``), ``"merge"`` (``name`` counts as class ``into``) or
    ``"remove"``.
    """

    what: str
    name: str
    into: str | None = None
    head: int = 0
    leaf: int | None = None
    by: str = ""
    took: int = 0
    clock: int = 0


Reaction: TypeAlias = Answer | Taught | ClassEdit | TakeBack  # what a labeller gives


class Labeller(Protocol):
    """Answers questions, and may teach unasked; never blocks."""

    def ask(self, query: Query, now: int) -> None:
        """``query`` was issued at sample ``now``; returns at once."""
        ...

    def poll(self, now: int) -> Iterable[Reaction]:
        """What is due by sample ``now``, each once, the earliest first."""
        ...

    def next_due(self) -> int | None:
        """The sample at which the next of them is known to be due, or None."""
        ...
