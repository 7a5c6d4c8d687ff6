"""Read-only views of a session: its position, classes, questions, answers and counters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from numpy.typing import NDArray

from odl.core.arrays import WithMemory
from odl.core.class_tree import ClassTree
from odl.core.config import Config
from odl.core.events import NO_CLASS, ChangeClass
from odl.core.image import Image
from odl.core.state import Asked, Count, Entry

_LABEL, _CLASS, _CHANGE = int(Entry.LABEL), int(Entry.CLASS), int(Entry.CHANGE)
_COUNTERS = tuple((int(count), count.name.lower()) for count in Count)


class Open(NamedTuple):
    """An open question: its window, and the sample at which it expires."""

    window: int
    expires: int


class StateView:
    """What can be read from a session's state block and label log.

    Attributes
    ----------
    image : Image
        The model image that the session started from.
    config : Config
        Its settings.
    """

    image: Image
    config: Config
    _core: WithMemory

    @property
    def position(self) -> int:
        """Samples consumed so far, gaps included."""
        return self._core.position

    @property
    def names(self) -> dict[int, str]:
        """Class ids and names, added classes included; of a renamed class its present name."""
        return dict(self.tree.names)

    @property
    def changes(self) -> tuple[ChangeClass, ...]:
        """Classes that were renamed, merged or removed, oldest first."""
        return _changes_in(self._entries(_CHANGE))

    @property
    def tree(self) -> ClassTree:
        """Classes and tasks."""
        entries = self._entries(_CLASS, _CHANGE)
        classes = [entry for entry in entries if entry["kind"] == _CLASS]
        changes = _changes_in(entry for entry in entries if entry["kind"] == _CHANGE)
        return ClassTree(dict(self.image.names) | _names_in(classes), self.tasks, self.rows, changes)

    @property
    def counts(self) -> dict[str, int]:
        """The counters, by name."""
        values = self._core.state["counts"][0].tolist()
        return {name: values[count] for count, name in _COUNTERS}

    @property
    def tasks(self) -> tuple[int | None, ...]:
        """The class that each task lies under, by task number; None for the root task."""
        n = int(self._core.state["n_heads"][0])
        parents = self._core.state["head_parent"][0, :n].tolist()
        return tuple(None if parent == NO_CLASS else parent for parent in parents)

    @property
    def rows(self) -> tuple[tuple[int, int], ...]:
        """(class, its task) for each row, in the order of `Prediction.scores`."""
        state = self._core.state[0]
        n = int(state["n_rows"])
        return tuple(zip(state["row_class"][:n].tolist(), state["row_head"][:n].tolist(), strict=True))

    def task_under(self, leaf: int) -> int:
        """The task under class ``leaf``, or the number of the next new one."""
        tasks = self.tasks
        return tasks.index(leaf) if leaf in tasks else len(tasks)

    @property
    def open_questions(self) -> tuple[Open, ...]:
        """Open questions in window order."""
        state = self._core.state[0]
        return tuple(
            Open(int(state["ask_window"][i]), int(state["ask_expires"][i]))
            for i in range(int(state["n_ask"]))
            if state["ask_status"][i] == Asked.OPEN
        )

    @property
    def answers(self) -> tuple[tuple[int, int], ...]:
        """(window, class) of the answers that count, oldest first."""
        return tuple(one for one in self.undoable if not isinstance(one, ChangeClass))

    @property
    def undoable(self) -> tuple[tuple[int, int] | ChangeClass, ...]:
        """The answers and the changes of classes, oldest first; an undo takes back the last."""
        state = self._core.state[0]
        found: list[tuple[int, tuple[int, int] | ChangeClass]] = [
            (int(entry["order"]), _change_in(entry) if entry["kind"] == _CHANGE else _answer_in(entry))
            for entry in self._entries(_LABEL, _CHANGE)
        ]
        found += [
            (int(state["ask_order"][i]), (int(state["ask_window"][i]), int(state["ask_class"][i])))
            for i in range(int(state["n_ask"]))
            if state["ask_status"][i] == Asked.ANSWERED
        ]
        return tuple(one for _, one in sorted(found, key=lambda pair: pair[0]))

    @property
    def log(self) -> NDArray[Any]:
        """A copy of the label log, undone entries included; dtype `odl.core.state.log_dtype`."""
        return self._core.log[: self.lessons].copy()

    @property
    def entries(self) -> tuple[tuple[int, int] | None, ...]:
        """The entries of the label log: (window, class) of a label, None of anything else."""
        return tuple(
            (int(entry["window"]), int(entry["cls"])) if entry["kind"] == Entry.LABEL else None
            for entry in self.log
        )

    @property
    def lessons(self) -> int:
        """Number of entries in the label log: labels, undone ones included, new classes and tasks."""
        return int(self._core.state["n_log"][0])

    def _entries(self, *kinds: int) -> list[Any]:
        """The entries of the label log that are of these kinds."""
        log = self._core.log[: self.lessons]
        return [log[i] for i, kind in enumerate(log["kind"].tolist()) if kind in kinds]

    def issued_at(self, position: int) -> int:
        """Questions spent in the budget period of sample ``position``; 0 if that is a later period.

        Used where a session continues at a later sample.
        """
        state, period = self._core.state[0], self.config.period
        if period and self.config.in_samples and max(position - 1, 0) // period != state["period"]:
            return 0
        return int(state["issued"])

    def samples_to_window(self) -> int:
        """Samples until the next window ends, at least 1."""
        phase = int(self._core.state["phase"][0])
        if phase < self.image.window:
            return self.image.window - phase
        return self.image.hop - (phase - self.image.window) % self.image.hop


def _answer_in(entry: Any) -> tuple[int, int]:
    """Window and class of a label in the log."""
    return int(entry["window"]), int(entry["cls"])


def _change_in(entry: Any) -> ChangeClass:
    """The change of a class in a log entry."""
    into = None if entry["head"] == NO_CLASS else int(entry["head"])
    return ChangeClass(int(entry["window"]), int(entry["cls"]), into, _name_in(entry))


def _changes_in(entries: Iterable[Any]) -> tuple[ChangeClass, ...]:
    """The changes of classes in entries of the log, in their order."""
    return tuple(map(_change_in, sorted(entries, key=lambda entry: int(entry["order"]))))


def _names_in(entries: Iterable[Any]) -> dict[int, str]:
    """The names that entries of the log give to classes; the last one of a class counts."""
    return {int(entry["cls"]): _name_in(entry) for entry in entries}


def _name_in(entry: Any) -> str:
    """The class name in a log entry."""
    name: str = entry["features"].tobytes().rstrip(b"\0").decode()
    return name
