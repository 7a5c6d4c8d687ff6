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
        if not types.is_integer(kind) or column.null_count:
            column = column.cast(pyarrow.float64())
        return np.asarray(column.to_numpy())
    if types.is_timestamp(kind) or types.is_duration(kind):
        unit = pyarrow.timestamp("ns", kind.tz) if types.is_timestamp(kind) else pyarrow.duration("ns")
        return np.asarray(column.cast(unit, safe=False).to_numpy())
    if types.is_time(kind):
        since = column.cast(pyarrow.time64("ns")).cast(pyarrow.int64()).cast(pyarrow.duration("ns"))
        return np.asarray(since.to_numpy())
    if types.is_string(kind) or types.is_large_string(kind) or types.is_boolean(kind) or types.is_date(kind):
        column = column.cast(pyarrow.string()) if types.is_date(kind) or types.is_boolean(kind) else column
        coded = column if types.is_dictionary(column.type) else column.dictionary_encode()
        chunks = [_spelled(chunk) for chunk in coded.chunks]
        return np.concatenate(chunks) if chunks else np.empty(0, object)
    return None


def _spelled(chunk: Any) -> NDArray[Any]:
    words = np.array([*chunk.dictionary.to_pylist(), ""], object)
    spelled: NDArray[Any] = words[chunk.indices.fill_null(len(words) - 1).to_numpy(zero_copy_only=False)]
    return spelled
