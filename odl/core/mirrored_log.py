"""What a session's label log holds, as its events tell: enough to know which label leaves a full log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, MutableSequence, Sequence
from typing import TypeAlias, TypeVar

from odl.core.answer_records import AnswerRecord, ChangeRecord
from odl.core.events import AddClass, Split

Logged: TypeAlias = AnswerRecord | ChangeRecord | AddClass | Split | None  # None: one of a board's own

T = TypeVar("T")


def take_out(items: MutableSequence[T], one: T) -> None:
    """Remove ``one`` if it is there; it is the last one as a rule, and then nothing is looked for.

    >>> numbers = [1, 2, 3]
    >>> take_out(numbers, 3), take_out(numbers, 4), numbers
    (None, None, [1, 2])
    """
    if items and items[-1] is one:
        items.pop()
    elif one in items:
        items.remove(one)


class MirroredLog:
    """The entries of a label log that has ``room`` for so many, oldest first; None: their number is unknown.

    Where the log is full, the first label of the class that has most of them gives way; of equals it is the
    class of the earlier row (`odl.core.kernels.log.make_room`).

    Examples
    --------
    >>> from odl.core.answer_records import AnswerOutcome
    >>> log = MirroredLog(3)
    >>> for window, cls in enumerate((1, 0, 1)):
    ...     _ = log.add(AnswerRecord(window, cls, None, AnswerOutcome.LEARNED), (0, 1))
    >>> log.add(AddClass(9, 2, "hop", 0), (0, 1)).window
    0
    """

    def __init__(self, room: int | None = None) -> None:
        self.room = room
        self.restart([])

    def add(self, entry: Logged, rows: Sequence[int]) -> AnswerRecord | None:
        """Append ``entry``; return the label that gives way for it. ``rows`` are the classes in row order."""
        if self.room is None:
            return None
        gone = self._leaving(rows) if len(self.entries) >= self.room else None
        if gone is not None:
            self.remove(gone)
        self.entries.append(entry)
        self._count(entry, 1)
        return gone

    def remove(self, entry: Logged) -> None:
        """Take ``entry`` out, if it is there."""
        before = len(self.entries)
        take_out(self.entries, entry)
        self._count(entry, len(self.entries) - before)

    def restart(self, entries: Iterable[Logged]) -> None:
        """Hold ``entries`` instead."""
        self.entries: list[Logged] = []
        self._labels: Counter[int | None] = Counter()  # by class
        for entry in entries:
            self.entries.append(entry)
            self._count(entry, 1)

    def _leaving(self, rows: Sequence[int]) -> AnswerRecord | None:
        if not self._labels.total():
            return None
        most = max(rows, key=lambda cls: self._labels[cls])  # the first of equals
        labels = (entry for entry in self.entries if isinstance(entry, AnswerRecord))
        return next((label for label in labels if label.cls == most), None)

    def _count(self, entry: Logged, change: int) -> None:
        if isinstance(entry, AnswerRecord):
            self._labels[entry.cls] += change
