"""Changes of the classes in a recording, as a person gave them, so that they can be given again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from odl._text import clean
from odl.core.answer_records import ChangeRecord
from odl.core.class_tree import ClassTree
from odl.core.events import (
    NO_WINDOW,
    AddClass,
    Adopt,
    ChangeClass,
    Dropped,
    Event,
    Label,
    Origin,
    Split,
    Teach,
)
from odl.core.history import SessionHistory
from odl.core.protocols import ClassEdit
from odl.labels.class_edit import sentence_of


@dataclass(eq=False)
class RecordedChange:
    """A change of the classes at sample ``at``, behind the first ``after`` answers of the recording.

    ``under`` is the class that an added one goes under, None for the root task. An added class has no
    ``record``.
    """

    at: int
    after: int
    edit: ClassEdit
    under: str | None = None
    record: ChangeRecord | None = None
    refused: bool = False

    @property
    def undone(self) -> bool:
        """True if it was taken back."""
        return self.record is not None and self.record.undone_at is not None

    @property
    def sentence(self) -> str:
        """What became of it."""
        if self.refused or (self.record is not None and self.record.refused is not None):
            return "it could not be done, so nothing was changed"
        if self.undone:
            return f"the change of '{clean(self.edit.name)}' was taken back"
        return sentence_of(self.edit, back=self.record is not None and self.edit.what == "add")


class RecordedChanges:
    """Collects the changes of classes among a session's events.

    A class that an answer adds or brings back is left out: it comes again with that answer. So is what a
    session knew before its first sample.

    Examples
    --------
    >>> tree = ClassTree({0: "walk", 1: "run"}, (None,), ((0, 0), (1, 0)))
    >>> history, changes = SessionHistory(tree), RecordedChanges()
    >>> for event in (AddClass(9, 2, "hop", 0), AddClass(9, 3, "jog", 0), Label(9, 0, 3),
    ...               ChangeClass(20, 3, 1, "jog")):
    ...     history.take(event)
    ...     changes.take(event, history)
    >>> [(one.at, one.after, one.sentence) for one in changes.found]
    [(9, 0, "'hop' becomes a class; it is shown once it has a label"), (20, 1, "'jog' counts as 'run'")]
    """

    def __init__(self) -> None:
        self.found: list[RecordedChange] = []
        self._seen = 0  # records of the history
        self._added: tuple[RecordedChange, int] | None = None  # by the last command, and its class

    def take(self, event: Event, history: SessionHistory) -> None:
        """Apply the next event, which ``history`` has taken."""
        records = [history.changes[k] for k in range(self._seen - len(history.changes), 0)]
        self._seen += len(records)
        added, self._added = self._added, None
        match event:
            case AddClass(at, cls, name) if history.classes.added[-1:] == [(at, name)]:
                by = history.origin
                origin = {} if by is None else {"by": by.by, "took": by.took, "clock": by.clock}
                edit = ClassEdit("add", name, **origin)  # type: ignore[arg-type]
                self._found(
                    RecordedChange(at, len(history.answers), edit, history.classes.parents[name]), cls
                )
            case ChangeClass(at, cls):
                self._found(_recorded(records[0], at, history), cls)
            case Adopt(start) if start:  # made while the line was lost
                self.found += [_recorded(record, start, history) for record in records]
            case Label(at, _, cls) | Teach(at, cls):
                if added is not None and (added[0].at, added[1]) == (at, cls):
                    self.found.remove(added[0])
            case Dropped(window=window) if added is not None and window == NO_WINDOW:
                added[0].refused = True
            case Origin() | Split():
                self._added = added

    def _found(self, change: RecordedChange, cls: int) -> None:
        self.found.append(change)
        self._added = (change, cls) if change.edit.what == "add" else None


def _recorded(record: ChangeRecord, at: int, history: SessionHistory) -> RecordedChange:
    change, origin = record.change, (record.by, record.took, record.clock)
    if change.into is None:
        edit = ClassEdit("remove", record.before)
    elif change.into != change.cls:
        edit = ClassEdit("merge", record.before, record.after)
    elif change.name != record.before:
        edit = ClassEdit("rename", record.before, change.name)
    else:
        edit = ClassEdit("add", record.before)  # it is brought back
    by, took, clock = origin
    edit = edit._replace(by=by, took=took, clock=clock)
    return RecordedChange(at, len(history.answers), edit, record=record)


def named_then(tree: ClassTree, name: str, at: int) -> str:
    """What the class that is called ``name`` at the end was called at sample ``at``.

    >>> tree = ClassTree({0: "jog"}, (None,), ((0, 0),)).with_change(ChangeClass(90, 0, 0, "run"))
    >>> named_then(tree, "run", 50), named_then(tree, "run", 99), named_then(tree, "hop", 50)
    ('jog', 'run', 'hop')
    """
    cls = tree.id_of(name)
    if cls is None:
        return name
    return replace(tree, changes=tuple(one for one in tree.changes if one.at < at)).name(cls)
