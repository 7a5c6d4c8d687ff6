"""The answers of a session run again: which, at what moment, and how they are given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from odl.core.protocols import Answer
from odl.core.session import Session
from odl.labels.answer_log import Told
from odl.labels.edits import Edit, RelabelError
from odl.labels.history import STANDING, Asked, History


@dataclass(frozen=True)
class Due:
    """An answer to be given at sample ``at``; ``under`` names where a new class hangs."""

    at: int
    window: int
    name: str | None
    under: str | None
    by: str
    took: int
    clock: int


def answers_due(
    history: History, edits: Mapping[int, Edit], homes: Mapping[str, str | None] | None = None
) -> list[Due]:
    """Every answer of a session, as ``edits`` have it, in the order of time.

    ``homes`` tells under which class the new ones hang that an edit does not place. An answer keeps
    its moment. Where none had come in time, an edit's is the last one before the question expired. An answer
    that had been taken back is a skip. Questions whose samples were missed are not asked, so not answered.
    """
    due, homes = [], {**history.homes, **(homes or {})}
    for asked in history.questions:
        window = asked.question.window
        edit = edits.get(window)
        if asked.missed:
            continue
        if edit is not None:
            at = _moment(asked, history)
            under = edit.under or homes.get(edit.name or "")
            due.append(Due(at, window, edit.name, under, edit.by, edit.took, edit.clock))
            continue
        last = next((one for one in reversed(asked.answers) if one.state in STANDING), None)
        for told in asked.answers:
            if told.at is None or (told.state == "undone" and last is not None):
                continue
            due.append(_again(told, history, None if told.state == "undone" else told.name))
    windows = {asked.question.window for asked in history.questions}
    due += [_again(told, history, told.name) for told in history.answers
            if told.window not in windows and told.at is not None]  # fmt: skip
    order = {id(told): i for i, told in enumerate(history.answers)}
    first = {told.window: order[id(told)] for told in history.answers}
    return sorted(due, key=lambda one: (one.at, first.get(one.window, -1)))


def _again(told: Told, history: History, name: str | None) -> Due:
    under = None if name is None else history.homes.get(name)
    return Due(told.at or 0, told.window, name, under, told.by, told.took, told.clock)


def _moment(asked: Asked, history: History) -> int:
    """The sample at which an edited answer takes effect."""
    told = asked.told
    if told is not None and told.at is not None and told.at < asked.question.expires:
        return told.at
    at = min(asked.question.expires - 1, history.end)
    for start, lost in history.gaps:
        if start < at <= start + lost:
            return start
    return at


class Given:
    """A labeller that gives known answers at known samples; new classes where they belong."""

    def __init__(self, session: Session, due: Iterable[Due]) -> None:
        self._session, self._due = session, list(reversed(list(due)))

    def ask(self, query: object, now: int) -> None:
        """What is answered is settled already."""

    def next_due(self) -> int | None:
        """The sample of the next answer."""
        return self._due[-1].at if self._due else None

    def poll(self, now: int) -> Iterable[Answer]:
        """Answers due by ``now``."""
        while self._due and self._due[-1].at <= now:
            one = self._due.pop()
            yield Answer(one.window, one.name, 0, self._leaf(one), one.by, one.took, one.clock)

    def _leaf(self, one: Due) -> int | None:
        ids = {name: cls for cls, name in self._session.names.items()}
        if one.under is None or one.name in ids:
            return None
        if one.under not in ids:
            raise RelabelError(
                f"'{one.name}' cannot hang under '{one.under}', which the session came to know only later; "
                "give it another place"
            )
        return ids[one.under]
