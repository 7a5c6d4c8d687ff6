"""What a session's label log holds, as its events tell: enough to know which label leaves a full log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from odl.core.answer_records import AnswerRecord, ChangeRecord
from odl.core.events import AddClass, Split

Logged: TypeAlias = AnswerRecord | ChangeRecord | AddClass | Split | None  # None: one of a board's own


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
        self.entries: list[Logged] = []

    def add(self, entry: Logged, rows: Sequence[int]) -> AnswerRecord | None:
        """Append ``entry``; return the label that gives way for it. ``rows`` are the classes in row order."""
        gone = self._leaving(rows) if self.room is not None and len(self.entries) >= self.room else None
        if gone is not None:
            self.remove(gone)
        self.entries.append(entry)
        return gone

    def remove(self, entry: Logged) -> None:
        """Take ``entry`` out, if it is there."""
        if entry in self.entries:
            self.entries.remove(entry)

    def restart(self, entries: Iterable[Logged]) -> None:
        """Hold ``entries`` instead."""
        self.entries = list(entries)

    def _leaving(self, rows: Sequence[int]) -> AnswerRecord | None:
        labels = [entry for entry in self.entries if isinstance(entry, AnswerRecord)]
        if not labels:
            return None
        counts = Counter(label.cls for label in labels)
        most = max(rows, key=lambda cls: counts[cls])  # the first of equals
        return next((label for label in labels if label.cls == most), None)
