"""The canonical bytes of many outputs at once, from their records."""

from __future__ import annotations

from struct import calcsize
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.events import Dropped, Learned, Prediction, Query
from odl.core.records import DROPPED, LEARNED, PREDICTION, QUERY, Outputs
from odl.wire.schema import SCALARS, TABLE

LENGTH = 4  # bytes of the length before each message
_ROWS = {row.event: row for row in TABLE}
_EVENTS = {PREDICTION: Prediction, QUERY: Query, LEARNED: Learned, DROPPED: Dropped}
_FIELDS = {"utility": "value", "since": "at"}  # the record's name of a field, where it is another


def encode_outputs(outputs: Outputs) -> tuple[bytes, NDArray[np.int64]]:
    """Each output's u32 length and its canonical bytes, one behind the other, and where each one ends.

    Examples
    --------
    >>> from odl.core.records import outputs_of
    >>> data, ends = encode_outputs(outputs_of([Prediction(64, (4,), (30000, 2768))]))
    >>> data.hex(" "), ends.tolist()
    ('11 00 00 00 20 40 00 00 00 00 00 00 00 ff 01 04 02 30 75 d0 0a', [21])
    """
    layout, n = outputs.layout, len(outputs)
    assert layout.dtype.fields is not None
    place = {name: field[1] for name, field in layout.dtype.fields.items()}
    raw = np.frombuffer(outputs.data, np.uint8).reshape(n, layout.dtype.itemsize)
    kinds = raw[:, place["kind"]]
    tasks, rows = (layout.dtype.fields[name][0].shape[0] for name in ("path", "scores"))
    table = np.zeros((n, max(LENGTH + 27, LENGTH + 12 + tasks + 2 * rows)), np.uint8)
    sizes = np.zeros(n, np.int64)
    there = np.zeros(table.shape, np.bool_)
    for kind, event in _EVENTS.items():
        own: Any = np.flatnonzero(kinds == kind)
        if not len(own):
            continue
        if len(own) == n:
            own = slice(None)
        table[own, LENGTH] = _ROWS[event].number
        there[own, : LENGTH + 1] = True
        sizes[own] = at = LENGTH + 1
        for field in _ROWS[event].fields:
            first = place[_FIELDS.get(field.name, field.name)]
            if field.kind in SCALARS:
                size = calcsize(SCALARS[field.kind])
                table[own, at : at + size] = raw[own, first : first + size]
                there[own, at : at + size] = True
                sizes[own] += size
                at += size
                continue
            # A list: its count, then as many of the bytes for which there is room.
            length = raw[own, place[f"n_{field.name}"]]
            kind_of, room = layout.dtype.fields[field.name][0].base, layout.dtype[field.name].shape[0]
            bytes_used = length.astype(np.int64) * kind_of.itemsize
            table[own, at] = length
            there[own, at] = True
            sizes[own] += 1 + bytes_used
            at += 1
            size = room * kind_of.itemsize
            table[own, at : at + size] = raw[own, first : first + size]
            there[own, at : at + size] = np.arange(size) < bytes_used[:, None]
            at += size
    table[:, :LENGTH] = (sizes - LENGTH).astype("<u4")[:, None].view(np.uint8)
    return table[there].tobytes(), np.cumsum(sizes)
