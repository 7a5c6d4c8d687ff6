"""Parquet and Feather (Arrow), with the index that pandas keeps as columns."""

from __future__ import annotations

from typing import Any

from odl.data.card import DataError
from odl.data.readers.arrow import column_of
from odl.data.readers.source import SourceFile
from odl.data.readers.table import FileFacts, RawTable

NAME = "Parquet and Feather"
_DENSE, _RATIO = 2**28, 1000  # bytes of columns, and how tightly real ones are packed at most
_AXES = 9  # numbers in a list of a cell that become columns


def is_mine(source: SourceFile) -> bool:
    """By the ending or the first bytes."""
    return source.suffix in (".parquet", ".feather", ".arrow") or source.head(6)[:4] in (b"PAR1", b"ARRO")


def read(source: SourceFile) -> list[RawTable]:
    """Return the file's table; an index of pandas is a column, called ``index`` if it has no name."""
    import pyarrow

    try:
        names, stored_columns = _columns(source)
        made = [column_of(column) for column in stored_columns]
    except DataError:
        raise
    except (pyarrow.ArrowException, OSError, NotImplementedError, MemoryError, ValueError) as error:
        raise DataError(f"{source.path}: this cannot be read as Parquet ({str(error)[:80]})") from None
    columns: dict[str, Any] = {}
    left = []
    for written, column in zip(names, made, strict=True):
        name = "index" if written.startswith("__index_level_") else written.strip()
        if name in columns:
            raise DataError(f"{source.path}: two columns are called '{name}'")
        if column is None:
            left.append(name)
        else:
            columns[name] = column
    if not any(len(column) for column in columns.values()):
        raise DataError(f"{source.path}: the file is empty")
    notes = (f"columns that hold lists or bytes were left out: {', '.join(left)}",) if left else ()
    return [RawTable(source.path, columns, facts=FileFacts(notes=notes))]


def _columns(source: SourceFile) -> tuple[list[str], list[Any]]:
    """Names and columns; the fields of a group as columns of their own."""
    import pyarrow

    stored = _stored(source)
    stored.validate(full=True)  # without it, a length that is a lie reads beside the buffer
    while any(pyarrow.types.is_struct(kind) for kind in stored.schema.types):
        stored = stored.flatten()
    return _spread(stored)


def _stored(source: SourceFile) -> Any:
    """The file's table; text stays coded, and sizes that cannot be are refused before they are taken."""
    import pyarrow
    from pyarrow import feather, parquet

    data = source.data()
    buffer = pyarrow.BufferReader(pyarrow.py_buffer(data))
    if source.head(4) != b"PAR1":
        return feather.read_table(buffer)
    file = parquet.ParquetFile(buffer)
    size = 8 * file.metadata.num_rows * file.metadata.num_columns
    if size > max(_DENSE, _RATIO * len(data)):
        raise DataError(
            f"{source.path}: {file.metadata.num_rows} rows of {file.metadata.num_columns} columns in "
            f"{len(data)} bytes, as in a bomb; it is not read"
        )
    texts = [
        field.name for field in file.schema_arrow if field.type in (pyarrow.string(), pyarrow.large_string())
    ]
    return parquet.read_table(buffer, read_dictionary=texts)


def _spread(stored: Any) -> tuple[list[str], list[Any]]:
    """Names and columns, a list of a few numbers in each cell as so many columns."""
    import pyarrow
    from pyarrow import compute, types

    names, columns = [], []
    for name, column in zip(stored.column_names, stored.columns, strict=True):
        kind = column.type
        width = 0
        if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
            lengths = compute.unique(compute.list_value_length(column)).to_pylist()
            number = types.is_floating(kind.value_type) or types.is_integer(kind.value_type)
            width = lengths[0] if number and len(lengths) == 1 and lengths[0] is not None else 0
        if not 1 <= width <= _AXES:
            names.append(name)
            columns.append(column)
            continue
        flat = pyarrow.chunked_array([chunk.flatten() for chunk in column.chunks]).combine_chunks()
        for i in range(width):
            names.append(f"{name}.{'xyz'[i]}" if width == 3 else f"{name} {i + 1}")
            columns.append(pyarrow.chunked_array([flat[i::width]]))
    return names, columns
