"""Records of a session's questions and answers; `odl.core.history.SessionHistory` makes them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, Self, TypeAlias

from odl.core.class_tree import ClassTree
from odl.core.events import ChangeClass, Why

Undoable: TypeAlias = tuple[int, int] | ChangeClass  # (window, class) of an answer, or a change of a class

# Reasons for which an answer had no effect. FULL is not among them: the learner had no room left for
# the answer, but somebody knew the class.
REFUSALS: Final = (Why.LATE, Why.REPEATED, Why.UNKNOWN, Why.NO_SUCH_CLASS)


class AnswerOutcome(StrEnum):
    """What became of an answer, or of a question that ended without one."""

    PENDING = "waits"  # for its batch
    LEARNED = "learned"
    SKIPPED = "skipped"
    EXPIRED = "expired"  # nobody answered in time
    UNDONE = "undone"
    REFUSED = "refused"


class QuestionOutcome(StrEnum):
    """How a question ended."""

    ANSWERED = "answered"
    SKIPPED = "skipped"
    EXPIRED = "expired"
    UNDONE = "undone"  # the answer was taken back, and no other came
    OPEN = "open"  # the stream ended before an answer and before the expiry


@dataclass(slots=True, eq=False)
class AnswerRecord:
    """An answer, or a question that expired, and what became of it so far.

    Attributes
    ----------
    window : int
        Window that the question was about; of a taught label the last one before it.
    cls, name
        The class answered; None for a skip and where nobody answered.
    state : AnswerOutcome
    why : Why or None
        Reason of a refusal.
    at, undone_at : int or None
        Samples at which the answer came and at which it was taken back.
    by, took, clock
        As in `odl.core.events.Origin`.
    missed : bool
        True if the answer came while the line to the board was lost, and only the board's state shows it.
    taught : bool
        True if nobody had asked (`odl.core.events.Teach`).
    """

    window: int
    cls: int | None
    name: str | None
    state: AnswerOutcome
    why: Why | None = None
    at: int | None = None
    by: str = ""
    took: int = 0
    clock: int = 0
    undone_at: int | None = None
    missed: bool = False
    taught: bool = False

    @property
    def effective(self) -> bool:
        """True if the session accepted the answer; it may have been taken back later."""
        return self.state is not AnswerOutcome.EXPIRED and self.why not in REFUSALS

    @property
    def counts(self) -> bool:
        """True if the answer is learned or can still be."""
        return self.state is AnswerOutcome.PENDING or self.state is AnswerOutcome.LEARNED


@dataclass(eq=False)
class ChangeRecord:
    """A class that was renamed, merged or removed (``change``), by whom, and whether that was taken back.

    ``before`` is the name that is gone, ``after`` what the class is called or counts as instead, None if it
    was removed. ``by``, ``took`` and ``clock`` are those of `Origin`.
    """

    change: ChangeClass
    before: str
    after: str | None
    by: str = ""
    took: int = 0
    clock: int = 0
    refused: Why | None = None
    undone_at: int | None = None

    @classmethod
    def of(cls, change: ChangeClass, tree: ClassTree) -> Self:
        """The record of a change of ``tree``."""
        before, after = tree.name(change.cls), None
        if change.into == change.cls:
            after = change.name
        elif change.into is not None:
            after = tree.name(change.into)
            if change.name == after:  # that class takes over the name
                before, after = after, before
        return cls(change, before, after)


class QuestionRecord(NamedTuple):
    """A question about ``window``, asked at sample ``asked``; ``missed`` as in `AnswerRecord`.

    It is about everything from sample ``since`` to the window's end.
    """

    window: int
    asked: int
    expires: int
    since: int
    missed: bool = False


class AdoptedState(NamedTuple):
    """The session data in a board's state (see `odl.core.adopted_state`).

    ``questions`` holds (window, expires) of the open questions; ``undoable`` holds (window, class) of the
    answers that count, and the changes of classes, oldest first; ``learned`` holds the windows whose labels
    were learned. The next window begins after ``skip`` samples. ``entries`` are those of the label log, as in
    `odl.core.state_view.StateView.entries`.
    """

    tree: ClassTree
    questions: tuple[tuple[int, int], ...]
    undoable: tuple[Undoable, ...]
    learned: frozenset[int]
    skip: int
    entries: tuple[tuple[int, int] | None, ...] | None = None


def outcome_of(answers: Iterable[AnswerRecord]) -> tuple[QuestionOutcome, AnswerRecord | None]:
    """Return how a question with these ``answers`` ended, and the answer or skip that ended it.

    >>> outcome_of([AnswerRecord(0, 1, "walk", AnswerOutcome.UNDONE)])[0].name
    'UNDONE'
    """
    outcome = QuestionOutcome.OPEN
    for one in reversed(list(answers)):
        if one.state is AnswerOutcome.EXPIRED:
            outcome = QuestionOutcome.EXPIRED
        elif one.state is AnswerOutcome.UNDONE and outcome is QuestionOutcome.OPEN:
            outcome = QuestionOutcome.UNDONE
        elif one.effective and one.state is not AnswerOutcome.UNDONE:
            return QuestionOutcome.SKIPPED if one.name is None else QuestionOutcome.ANSWERED, one
    return outcome, None
