"""Columns of pyarrow as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def column_of(column: Any) -> NDArray[Any] | None:
    """Return a pyarrow column as numbers, dates, durations or text; None for lists and bytes.

    >>> import pyarrow
    >>> column_of(pyarrow.chunked_array([["a", None]])).tolist()
    ['a', '']
    """
    import pyarrow
    from pyarrow import types

    kind = column.type
    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_null(kind):
        if types.is_integer(kind) and not column.null_count:
            return _flat(column.cast(pyarrow.int64()), np.int64)
        return _flat(_filled(column.cast(pyarrow.float64()), np.nan), np.float64)
    if types.is_timestamp(kind) or types.is_duration(kind):
        unit = pyarrow.timestamp("ns", kind.tz) if types.is_timestamp(kind) else pyarrow.duration("ns")
        whole = column.cast(unit, safe=False).cast(pyarrow.int64())
        whole = _filled(whole, np.iinfo(np.int64).min)
        return _flat(whole, np.int64).view("M8[ns]" if types.is_timestamp(kind) else "m8[ns]")
    if types.is_time(kind):
        since = column.cast(pyarrow.time64("ns")).cast(pyarrow.int64())
        return _flat(_filled(since, np.iinfo(np.int64).min), np.int64).view("m8[ns]")
    if types.is_string(kind) or types.is_large_string(kind) or types.is_boolean(kind) or types.is_date(kind):
        column = column.cast(pyarrow.string()) if types.is_date(kind) or types.is_boolean(kind) else column
        coded = column if types.is_dictionary(column.type) else column.dictionary_encode()
        chunks = [_spelled(chunk) for chunk in coded.chunks]
        return np.concatenate(chunks) if chunks else np.empty(0, object)
    return None


def _filled(column: Any, value: float) -> Any:
    return column.fill_null(value) if column.null_count else column


def _flat(column: Any, dtype: Any) -> NDArray[Any]:
    """The numbers of a pyarrow column without nulls; its own conversion loads pandas."""
    pieces = [
        np.frombuffer(chunk.buffers()[1], dtype, chunk.offset + len(chunk))[chunk.offset :]
        for chunk in column.chunks
        if len(chunk)
    ]
    return np.concatenate(pieces) if pieces else np.empty(0, dtype)


def _spelled(chunk: Any) -> NDArray[Any]:
    import pyarrow

    words = np.array([*chunk.dictionary.to_pylist(), ""], object)
    indices = pyarrow.chunked_array([_filled(chunk.indices.cast(pyarrow.int64()), len(words) - 1)])
    spelled: NDArray[Any] = words[_flat(indices, np.int64)]
    return spelled
