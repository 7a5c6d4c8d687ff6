"""What a recording holds, as rows of tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from odl._text import clean
from odl.core.events import (
    NO_WINDOW,
    AddClass,
    Adopt,
    ChangeClass,
    Dropped,
    Event,
    Gap,
    Label,
    Learned,
    Prediction,
    Query,
    Samples,
    Split,
    Teach,
    Truth,
    Undo,
)
from odl.core.history import SessionHistory
from odl.data.card import DataError
from odl.data.conversion.converted import Converted
from odl.data.conversion.restored import LAST, Spans
from odl.data.conversion.table_chunks import CHUNK

MARKS: Final = ("predicted", "asked", "answered", "learned")
EVENTS: Final = (
    ("event", "text"), ("index", "whole"), ("time", "time"), ("window", "whole"), ("since", "whole"),
    ("end", "whole"),
    ("class", "text"), ("task", "whole"), ("path", "text"), ("score", "number"), ("held", "text"),
    ("utility", "number"), ("why", "text"), ("by", "text"), ("took", "number"), ("clock", "time"),
)  # fmt: skip
_COMMANDS: Final = (
    "split", "new class", "renamed class", "merged class", "removed class", "answer", "taught", "skip",
    "undo",
)  # fmt: skip
_LONGEST: Final = 100  # letters of what somebody is called
RESERVED: Final = ("index", "time", "recording", "subject", "truth", *MARKS)


class SampleRows:
    """Rows of samples. A block is held back until the events about it have come."""

    def __init__(self, card: Converted, names: dict[int, str], window: int) -> None:
        self._card, self._names, self._window = card, names, window
        session = card.start.get("session")
        who = session.get("subject") if isinstance(session, dict) else None
        self._who = None if who is None else clean(who, _LONGEST, empty="")
        self._truths = Spans(card.truths)
        self._scales = np.array([scale for _, _, scale in card.channels])
        self._blocks: list[tuple[int, int, NDArray[np.int16], dict[str, NDArray[np.int16]]]] = []
        self._held = 0  # rows in these blocks
        self._now = self._recording = 0
        self._last = -1  # number of the recording that the newest row is of
        self._predicted = -1  # what the model says at this point of the stream
        self.written = 0

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Names and kinds."""
        kind = "count" if self._card.counts else "number"
        return (
            ("index", "whole"), ("time", "time"), ("recording", "whole"),
            *((("subject", "text"),) if self._who is not None else ()),
            *((column, kind) for column in self._card.columns),
            ("truth", "text"), *((mark, "whole" if mark == "asked" else "text") for mark in MARKS),
        )  # fmt: skip

    def take(self, event: Event) -> Iterator[list[Any]]:
        """Rows that are complete now that ``event`` has come."""
        match event:
            case Samples(start, block):
                if self._held >= CHUNK:
                    yield self._flush()
                if start > self._now:
                    self._part(start)
                block = block[self._now - start :]
                if len(block):
                    self._begin(block)
            case Gap(start, lost) | Adopt(start, lost):
                if isinstance(event, Gap) or lost:
                    self._part(max(self._now, start + lost))
            case Prediction(window, path) if path:
                self._mark("predicted", window + self._window - 1, path[-1], onwards=True)
                self._predicted = path[-1]
            case Query(window):
                self._mark("asked", window + self._window - 1, 1)
            case Label(at, _, cls) | Teach(at, cls) if cls is not None:
                self._mark("answered", at - 1, cls)
            case Learned(at, _, cls):
                self._mark("learned", at - 1, cls)

    def rest(self) -> Iterator[list[Any]]:
        """The rows held back."""
        if self._blocks:
            yield self._flush()

    def _part(self, now: int) -> None:
        """What comes next is not the continuation of what has come."""
        self._now = now
        self._predicted = -1
        self._recording = self._last + 1

    def _begin(self, block: NDArray[np.int16]) -> None:
        if block.shape[1] != len(self._card.channels):
            raise DataError(
                f"samples of {block.shape[1]} channels at {self._now}; "
                f"the recording says that it has {len(self._card.channels)}"
            )
        marks = {mark: np.full(len(block), -1, np.int16) for mark in MARKS}
        marks["predicted"][:] = self._predicted
        self._blocks.append((self._now, self._recording, block, marks))
        self._held += len(block)
        self._now += len(block)
        self._last = self._recording

    def _mark(self, column: str, index: int, value: int, onwards: bool = False) -> None:
        """Set what was said at ``index``; it may lie a few blocks back."""
        for start, _, block, marks in reversed(self._blocks):
            row = max(0, index - start)
            if onwards:
                marks[column][row:] = value
            elif row < len(block):
                marks[column][row] = value
            if index >= start:
                return

    def _flush(self) -> list[Any]:
        card, blocks = self._card, self._blocks
        index = np.concatenate([start + np.arange(len(block)) for start, _, block, _ in blocks])
        parts = np.concatenate([np.full(len(block), part) for _, part, block, _ in blocks])
        counts = np.concatenate([block for _, _, block, _ in blocks])
        values = counts if card.counts else counts * self._scales
        marks = {mark: np.concatenate([own[mark] for *_, own in blocks]) for mark in MARKS}
        self._blocks, self._held = [], 0
        self.written += len(index)
        return [
            index, index / card.rate_hz, parts,
            *([[self._who] * len(index)] if self._who is not None else []),
            *values.T,
            self._truths.names(index),
            *(
                np.maximum(marks[mark], 0) if mark == "asked"
                else [None if cls < 0 else self._names.get(cls, str(cls)) for cls in marks[mark].tolist()]
                for mark in MARKS
            ),
        ]  # fmt: skip


class EventRows:
    """Rows of all events but samples, one for each."""

    def __init__(self, rate_hz: float, names: dict[int, str], window: int) -> None:
        self._rate, self._names, self._window = rate_hz, names, window
        self._history = SessionHistory()
        self.rows: list[dict[str, Any]] = []

    def take(self, event: Event) -> None:
        """Add a row for ``event``."""
        self._history.take(event)
        match event:
            case Gap(start, lost, why):
                self._add("gap", start, end=start + lost, why=clean(why, None, empty=""))
            case Adopt(start, lost):
                self._add("state taken over", start, end=start + lost)
            case Truth(start, end, name):
                self._add("truth", start, end=end, name=name)
            case Label(at, window, cls):
                self._add("answer" if cls is not None else "skip", at, window=window, cls=cls)
            case Teach(at, cls):
                self._add("taught", at, cls=cls)
            case Undo(at):
                self._add("undo", at)
            case AddClass(at, _, name, head):
                self._add("new class", at, task=head, name=name)
            case ChangeClass(at, cls, into, name):
                what = "removed class" if into is None else "renamed class" if into == cls else "merged class"
                self._add(what, at, name=name)
            case Split(at, leaf, head):
                self._add("split", at, task=head, cls=leaf)
            case Prediction(window, path, scores, held):
                self._add(
                    "prediction", window + self._window, window=window, cls=path[-1] if path else None,
                    path=" > ".join(map(self._name, path)) or None,
                    score=max(scores) / 2**15 if scores else None,
                    held=None if held is None else self._name(held),
                )  # fmt: skip
            case Query(window, utility, expires, since):
                at = window + self._window
                self._add(
                    "question", at, window=window, since=since, end=expires, utility=utility / 2**15
                )  # fmt: skip
            case Learned(at, window, cls, head):
                self._add("learned", at, window=window, cls=cls, task=head)
            case Dropped(at, window, why):
                about = None if window == NO_WINDOW else window
                self._add("dropped", at, window=about, why=why.name.lower().replace("_", " "))

    def _name(self, cls: int) -> str:
        return self._names.get(cls, str(cls))

    def _add(
        self, event: str, index: int, cls: int | None = None, name: str | None = None, **cells: Any
    ) -> None:
        origin = self._history.origin
        if origin is not None and event in _COMMANDS:
            cells |= {
                "by": clean(origin.by, None, empty=""),
                "took": origin.took / 1e3,
                "clock": origin.clock / 1e3 or None,
            }
        cells["class"] = name if cls is None else self._name(cls)
        cells = {"event": event, "index": index, "time": index / self._rate, **cells}
        # An index that no stream can have, from a damaged or hostile file, is left empty.
        far = [key for key in ("index", "window", "since", "end") if (cells.get(key) or 0) > LAST]
        self.rows.append(cells | dict.fromkeys(far))

    def columns(self) -> list[list[Any]]:
        """The rows so far, column by column; they are forgotten then."""
        rows, self.rows = self.rows, []
        return [[row.get(name) for row in rows] for name, _ in EVENTS]
