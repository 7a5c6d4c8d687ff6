"""Output records as the kernels write them, and the events that are a view of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from struct import Struct
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from odl.core.events import NO_CLASS, Dropped, Learned, Output, Prediction, Query, Why
from odl.core.kernels.net import Emit, out_dtype

_U64 = 2**64 - 1
_WHY = {int(why): why for why in Why}
PREDICTION, QUERY, LEARNED, DROPPED = map(int, Emit)


class RecordLayout:
    """Where the fields of an output record lie, for a model's capacities.

    Parameters
    ----------
    dtype : dtype
        What `odl.core.kernels.net.out_dtype` gives.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        assert dtype.fields is not None
        path, scores = dtype.fields["path"], dtype.fields["scores"]
        tasks, rows = path[0].shape[0], scores[0].shape[0]
        gap, rest = scores[1] - path[1] - tasks, dtype.itemsize - scores[1] - 2 * rows
        self.dtype, self.kind_at = dtype, dtype.fields["kind"][1]
        self._struct = Struct(f"<4q7B{tasks}s{gap}x{rows}H{rest}x")

    def __reduce__(self) -> tuple[Any, ...]:
        return RecordLayout, (self.dtype,)

    def events(self, records: Any) -> list[Output]:
        """The events in ``records``, an array of them or its bytes."""
        events: list[Output] = []
        for record in self._struct.iter_unpack(records):
            kind, window = record[4], record[1] & _U64
            if kind == PREDICTION:
                held, path = record[8], tuple(record[11][: record[9]])
                scores = record[12 : 12 + record[10]]
                events.append(Prediction(window, path, scores, None if held == NO_CLASS else held))
            elif kind == QUERY:
                events.append(Query(window, record[2], record[3], record[0]))
            elif kind == LEARNED:
                events.append(Learned(record[0], window, record[5], record[6]))
            else:
                events.append(Dropped(record[0], window, _WHY[record[7]]))
        return events


class Outputs(Sequence[Output]):
    """The outputs of a step, in order: records, which become events when somebody looks at them.

    It compares and prints as the list of its events.

    Parameters
    ----------
    data : buffer
        The bytes of the records; nobody may change them later.
    layout : RecordLayout

    Attributes
    ----------
    data, layout

    Examples
    --------
    >>> from odl.core.events import Query
    >>> outputs = outputs_of([Query(64, 9000, 999, 0)])
    >>> outputs, len(outputs), outputs.records["value"].tolist()
    ([Query(window=64, utility=9000, expires=999, since=0)], 1, [9000])
    """

    __slots__ = ("_events", "data", "layout")

    def __init__(self, data: Any, layout: RecordLayout) -> None:
        self.data, self.layout = data, layout
        self._events: list[Output] | None = None

    @classmethod
    def joined(cls, parts: Sequence[Sequence[Output]]) -> Outputs:
        """The outputs of several steps, of one session."""
        if parts and all(isinstance(part, Outputs) for part in parts):
            return cls(b"".join(part.data for part in parts), parts[0].layout)  # type: ignore[attr-defined]
        return outputs_of(output for part in parts for output in part)

    @property
    def records(self) -> NDArray[Any]:
        """The records, (n,), of ``layout.dtype``; not to be written to."""
        return np.frombuffer(self.data, self.layout.dtype)

    def at(self, indices: NDArray[np.intp]) -> Outputs:
        """The outputs with these indices."""
        rows = np.frombuffer(self.data, np.uint8).reshape(-1, self.layout.dtype.itemsize)
        return Outputs(rows[indices].tobytes(), self.layout)

    @property
    def question(self) -> Query | None:
        """The question if the last output is one."""
        size = self.layout.dtype.itemsize
        if not self.data or self.data[self.layout.kind_at - size] != QUERY:
            return None
        (query,) = self.layout.events(self.data[-size:])
        assert isinstance(query, Query)
        return query

    def _list(self) -> list[Output]:
        if self._events is None:
            self._events = self.layout.events(self.data)
        return self._events

    def __len__(self) -> int:
        return len(self.data) // self.layout.dtype.itemsize

    @overload
    def __getitem__(self, index: int) -> Output: ...
    @overload
    def __getitem__(self, index: slice) -> list[Output]: ...
    def __getitem__(self, index: int | slice) -> Output | list[Output]:
        return self._list()[index]

    def __iter__(self) -> Iterator[Output]:
        return iter(self._list())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Outputs):
            return self._list() == other._list()
        return self._list() == other if isinstance(other, list) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __add__(self, other: Iterable[Output]) -> list[Output]:
        return [*self, *other]

    def __radd__(self, other: Iterable[Output]) -> list[Output]:
        return [*other, *self]

    def __repr__(self) -> str:
        return repr(self._list())


def outputs_of(events: Iterable[Output]) -> Outputs:
    """Events as records, with room for the longest path and the most scores among them.

    Examples
    --------
    >>> outputs_of([Prediction(0, (4, 1), (30000, 2768))]).records["scores"].tolist()
    [[30000, 2768]]
    """
    events = list(events)
    said = [e for e in events if isinstance(e, Prediction)]
    layout = RecordLayout(
        out_dtype(max((len(e.path) for e in said), default=1), max((len(e.scores) for e in said), default=1))
    )
    records = np.zeros(len(events), layout.dtype)
    for record, event in zip(records, events, strict=True):
        record["window"] = _signed(event.window)
        match event:
            case Prediction(_, path, scores, held):
                record["kind"], record["held"] = PREDICTION, NO_CLASS if held is None else held
                record["n_path"], record["n_scores"] = len(path), len(scores)
                record["path"][: len(path)], record["scores"][: len(scores)] = path, scores
            case Query(_, utility, expires, since):
                record["kind"], record["value"], record["expires"] = QUERY, utility, _signed(expires)
                record["at"] = _signed(since)
            case Learned(at, _, cls, head):
                record["kind"], record["at"] = LEARNED, _signed(at)
                record["cls"], record["head"] = cls, head
            case Dropped(at, _, why):
                record["kind"], record["at"], record["why"] = DROPPED, _signed(at), why
    return Outputs(records.tobytes(), layout)


def _signed(number: int) -> int:
    """A u64 as the int64 of the same bits, as which records hold it."""
    return number - ((number >> 63) << 64)
