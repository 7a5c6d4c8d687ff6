"""The canonical bytes of many outputs at once, from their records."""

from __future__ import annotations

from functools import lru_cache
from struct import calcsize
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.events import Dropped, Learned, Prediction, Query
from odl.core.records import DROPPED, LEARNED, PREDICTION, QUERY, Outputs
from odl.wire.schema import SCALARS, TABLE

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
    from odl.core.kernels.messages import (
        put_messages,
    )  # brings Numba, for which readers of files need not wait

    kind = outputs.layout.dtype
    ends = np.zeros(len(outputs), np.int64)
    # No message is longer than its record and what stands before it: a length, a type and two counts.
    out = np.empty((kind.itemsize + 7) * len(outputs), np.uint8)
    records = np.frombuffer(outputs.data, np.uint8)
    n = put_messages(records, kind.itemsize, outputs.layout.kind_at, _plan(kind), ends, out)
    return out[: int(n)].tobytes(), ends


@lru_cache(maxsize=8)
def _plan(kind: np.dtype[Any]) -> NDArray[np.int64]:
    """For `odl.core.kernels.messages.put_messages`: the fields by kind, from the wire's table."""
    from odl.core.kernels.messages import ROW

    assert kind.fields is not None
    place = {name: field[1] for name, field in kind.fields.items()}
    rows = {row.event: row for row in TABLE}
    plan = np.zeros((1 + max(_EVENTS), ROW), np.int64)
    for number, event in _EVENTS.items():
        numbers = [rows[event].number, len(rows[event].fields)]
        for field in rows[event].fields:
            name = _FIELDS.get(field.name, field.name)
            if field.kind in SCALARS:
                numbers += [-1, place[name], calcsize(SCALARS[field.kind])]
            else:  # a list, with its count in a field of its own
                numbers += [place[f"n_{name}"], place[name], kind[name].base.itemsize]
        plan[number, : len(numbers)] = numbers
    return plan.reshape(-1)
