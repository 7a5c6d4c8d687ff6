"""Parquet, with the index that pandas keeps as columns."""

from __future__ import annotations

from typing import Any

from odl.data.card import DataError
from odl.data.readers.arrow import column_of
from odl.data.readers.source import SourceFile
from odl.data.readers.table import FileFacts, RawTable

NAME = "Parquet"


def is_mine(source: SourceFile) -> bool:
    """By the ending or the first bytes."""
    return source.suffix == ".parquet" or source.head(4) == b"PAR1"


def read(source: SourceFile) -> list[RawTable]:
    """Return the file's table; an index of pandas is a column, called ``index`` if it has no name."""
    import pyarrow
    from pyarrow import parquet

    try:
        stored = parquet.read_table(pyarrow.BufferReader(pyarrow.py_buffer(source.data())))
    except (pyarrow.ArrowException, OSError, NotImplementedError) as error:
        raise DataError(f"{source.path}: this cannot be read as Parquet ({str(error)[:80]})") from None
    columns: dict[str, Any] = {}
    left = []
    for number, written in enumerate(stored.column_names):
        name = "index" if written.startswith("__index_level_") else written.strip()
        if name in columns:
            raise DataError(f"{source.path}: two columns are called '{name}'")
        column = column_of(stored.column(number))
        if column is None:
            left.append(name)
        else:
            columns[name] = column
    if not stored.num_rows or not columns:
        raise DataError(f"{source.path}: the file is empty")
    notes = (f"columns that hold lists or bytes were left out: {', '.join(left)}",) if left else ()
    return [RawTable(source.path, columns, facts=FileFacts(notes=notes))]
