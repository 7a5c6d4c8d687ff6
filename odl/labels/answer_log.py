"""The answers of a session with a sentence about the outcome of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from odl._text import clean
from odl.core.answer_records import AnswerOutcome, AnswerRecord, ChangeRecord, Undoable
from odl.core.class_tree import ClassTree
from odl.core.events import ChangeClass, Dropped, Event, Label, Learned, Teach, Why
from odl.core.history import SessionHistory

SENTENCES = {
    Why.EXPIRED: "nobody answered in time",
    Why.LATE: "it came after the question had expired, so nothing was learned",
    Why.REPEATED: "the question had an answer already, so nothing was changed",
    Why.UNKNOWN: "the session knows no such question any more, so nothing was learned",
    Why.NO_SUCH_CLASS: "the session has no such class or task, so nothing was learned",
    Why.FULL: "the model has no room left for it, so nothing was learned",
    Why.NOTHING_TO_UNDO: "there was no answer to take back",
    Why.SKIPPED: "skipped",
}


# Of a label that nobody asked for.
_TAUGHT = {
    Why.UNKNOWN: "there is no window yet that it could be about, so nothing was learned",
    Why.REPEATED: "this moment has a label or a question already, so nothing was changed",
}


@dataclass(frozen=True, slots=True)
class AnswerEntry:
    """An answer, or a question that expired, as a line of a log.

    ``name`` is None for a skip or an expired question. ``state`` is a value of
    `odl.core.answer_records.AnswerOutcome`, ``given`` while the answer is in flight, or ``edited``.
    ``at`` is the sample of the answer, None without one; ``by``, ``took`` and ``clock`` are those of
    `odl.core.events.Origin`; ``taught`` is True if nobody had asked.
    """

    window: int
    name: str | None
    state: str
    sentence: str
    at: int | None = None
    by: str = ""
    took: int = 0
    clock: int = 0
    taught: bool = False

    @property
    def counts(self) -> bool:
        """True if the answer is learned or can still be."""
        return self.state in (AnswerOutcome.PENDING, AnswerOutcome.LEARNED)


def entry_of(record: AnswerRecord) -> AnswerEntry:
    """Return ``record`` with a sentence about its outcome.

    >>> entry_of(AnswerRecord(0, 1, "walk", AnswerOutcome.PENDING, at=9)).sentence
    "'walk' waits for its batch"
    """
    return AnswerEntry(
        record.window, record.name, str(record.state), _sentence(record),
        record.at, record.by, record.took, record.clock, record.taught,
    )  # fmt: skip


def _sentence(record: AnswerRecord | ChangeRecord) -> str:
    if isinstance(record, ChangeRecord):
        return f"the change of '{clean(record.before)}' was taken back"
    if record.state is AnswerOutcome.EXPIRED:
        return SENTENCES[Why.EXPIRED]
    if record.why is not None:
        return _TAUGHT.get(record.why, SENTENCES[record.why]) if record.taught else SENTENCES[record.why]
    if record.name is None:
        return SENTENCES[Why.SKIPPED]
    name = clean(record.name)
    match record.state:
        case AnswerOutcome.UNDONE:
            return f"'{name}' was taken back"
        case AnswerOutcome.LEARNED if record.missed:
            return "it was learned from while the line was lost"
        case AnswerOutcome.LEARNED:
            return f"'{name}' has been learned"
    return f"'{name}' waits for its batch"


def _changed(record: ChangeRecord) -> str:
    before, after = clean(record.before), clean(record.after or "")
    if record.after is None:
        return f"'{before}' is no longer a class; its labels do not count"
    if record.change.into != record.change.cls:
        return f"'{before}' counts as '{after}'"
    return (
        f"'{before}' is called '{after}'"
        if before != after
        else f"'{after}' is a class again, with its labels"
    )


@dataclass
class AnswerLog:
    """The newest answers of a session, and the newest sentence about them.

    Attributes
    ----------
    history : SessionHistory
        The outcome of each answer. Pass events to `take` of the log, not of the history.
    sentence : str
        The newest sentence for the person.

    Examples
    --------
    >>> from odl.core.events import Origin, Undo
    >>> log = AnswerLog(SessionHistory(ClassTree({1: "walk"})))
    >>> for event in (Origin(9, "button", 800, 0), Label(9, 0, 1), Learned(9, 0, 1, 0), Undo(9)):
    ...     log.take(event)
    >>> log.settle()
    >>> [(one.name, one.state, one.by, one.sentence) for one in log.entries]
    [('walk', 'undone', 'button', "'walk' was taken back")]
    """

    history: SessionHistory
    sentence: str = ""
    _others: list[tuple[AnswerRecord | None, AnswerEntry]] = field(default_factory=list, repr=False)

    @property
    def entries(self) -> tuple[AnswerEntry, ...]:
        """The answers, the oldest first."""
        records = list(self.history.answers)
        entries = [other for after, other in self._others if after is None]
        for record in records:
            entries.append(entry_of(record))
            entries += [other for after, other in self._others if after is record]
        return tuple(entries)

    @property
    def names(self) -> list[str]:
        """Names of the answers that an undo can take back, the newest last."""
        return self.history.names

    def add(self, entry: AnswerEntry) -> None:
        """Log an answer that never reached the session, so that no event shows it."""
        records = self.history.answers
        self._others.append((records[-1] if records else None, entry))
        self._others = [pair for pair in self._others if pair[0] is None or pair[0] in records]

    def remove(self, entry: AnswerEntry) -> None:
        """Remove an entry of `add`, if there: the session has received the answer after all."""
        self._others = [pair for pair in self._others if pair[1] != entry]

    def adopt(
        self, tree: ClassTree, undoable: Iterable[Undoable],
        entries: Sequence[tuple[int, int] | None] | None = None,
    ) -> None:  # fmt: skip
        """Continue from a session's own ``tree`` and ``answers``: some came while the line was lost."""
        self.history.adopt(tree, undoable, entries)

    def take(self, event: Event) -> None:
        """Apply the next event."""
        undone = self.history.last_undone
        self.history.take(event)
        self._tell_undone(undone)
        match event:
            case Label() | Teach():
                self.sentence = _sentence(self.history.answers[-1])
            case Learned(_, _, cls, _):
                self.sentence = f"'{clean(self.history.tree.name(cls))}' has been learned"
            case ChangeClass():
                self.sentence = _changed(self.history.changes[-1])
            case Dropped(at, window, why):
                ours = [
                    one for one in self.history.answers if one.taught and (one.at, one.window) == (at, window)
                ]
                self.sentence = _sentence(ours[-1]) if ours and ours[-1].why is why else SENTENCES[why]

    def settle(self) -> None:
        """Apply an undo whose step has ended; call this after the last event."""
        undone = self.history.last_undone
        self.history.settle()
        self._tell_undone(undone)

    def _tell_undone(self, before: AnswerRecord | ChangeRecord | None) -> None:
        undone = self.history.last_undone
        if undone is not None and undone is not before:
            self.sentence = _sentence(undone)
