"""What a labeller is to the loop: asked at once, answers when it can."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from odl.core.events import Query


class Answer(NamedTuple):
    """An answer about ``window``: a class name, new or known, or None for a skip.

    ``head`` is the task that a new class goes under. With ``leaf`` it goes under that class
    instead, which is given a task of its own if it has none. ``by``, ``took`` and ``clock``
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
    """The answer given last is taken back; origin as in `Answer`."""

    by: str = ""
    took: int = 0
    clock: int = 0


class Labeller(Protocol):
    """Answers questions; never blocks."""

    def ask(self, query: Query, now: int) -> None:
        """``query`` was issued at sample ``now``; returns at once."""
        ...

    def poll(self, now: int) -> Iterable[Answer | TakeBack]:
        """Answers due by sample ``now``, each once, the earliest first."""
        ...

    def next_due(self) -> int | None:
        """The sample at which the next answer is known to be due, or None."""
        ...


class Notified(Labeller, Protocol):
    """A labeller whose answers may get lost on the way."""

    def given_up(self, answer: Answer | TakeBack) -> None:
        """``answer`` did not arrive, and is not sent again."""
        ...
