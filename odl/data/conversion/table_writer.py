"""Tables written a piece at a time, CSV or Parquet."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from odl.data.conversion.converted import ATTRIBUTES, KEY, guarded

# Nine digits tell 16-bit counts apart at any scale.
_FORM: Final = {"number": "{:.9g}", "time": "{:.12g}", "whole": "{:d}"}
_TYPE: Final = {"number": "double", "time": "double", "whole": "int64", "count": "int16", "text": "string"}

Column = Sequence[Any] | NDArray[Any]


class TableWriter(Protocol):
    """Takes the rows of a table; to be closed."""

    def write(self, columns: Sequence[Column]) -> None:
        """Append rows: the values of each column, all equally many; None is an empty cell."""

    def close(self) -> None:
        """Finish the file."""


def table_writer(path: Path, form: str, columns: Sequence[tuple[str, str]], card: str = "") -> TableWriter:
    """Open a file for the rows of a table.

    Parameters
    ----------
    path : Path
        To be written.
    form : str
        ``.csv`` or ``.parquet``.
    columns : sequence of (name, kind)
        Kinds are ``whole``, ``count`` (int16), ``time``, ``number`` and ``text``.
    card : str
        Goes into a Parquet file's metadata; a CSV has no place for it.
    """
    return _Parquet(path, columns, card) if form == ".parquet" else _Csv(path, columns)


class _Csv:
    def __init__(self, path: Path, columns: Sequence[tuple[str, str]]) -> None:
        self._kinds = [kind for _, kind in columns]
        self._file = path.open("w", encoding="utf-8", newline="")
        self._rows = csv.writer(self._file, lineterminator="\n")
        self._rows.writerow([guarded(name) for name, _ in columns])

    def write(self, columns: Sequence[Column]) -> None:
        cells = [_cells(kind, column) for kind, column in zip(self._kinds, columns, strict=True)]
        self._rows.writerows(zip(*cells, strict=True))

    def close(self) -> None:
        self._file.close()


def _cells(kind: str, column: Column) -> list[Any]:
    values = column.tolist() if isinstance(column, np.ndarray) else column
    if kind == "text":
        return ["" if value is None else guarded(value) for value in values]
    if kind == "count":
        return list(values)
    form = _FORM[kind].format
    return ["" if value is None else form(value) for value in values]


class _Parquet:
    def __init__(self, path: Path, columns: Sequence[tuple[str, str]], card: str) -> None:
        import pyarrow
        from pyarrow import parquet

        self._arrow = pyarrow
        attributes = {ATTRIBUTES: json.dumps({KEY: card}).encode()} if card else None
        fields = [pyarrow.field(name, pyarrow.type_for_alias(_TYPE[kind])) for name, kind in columns]
        self._schema = pyarrow.schema(fields, metadata=attributes)
        self._file = parquet.ParquetWriter(path, self._schema)

    def write(self, columns: Sequence[Column]) -> None:
        arrays = [
            self._arrow.array(column, field.type) for column, field in zip(columns, self._schema, strict=True)
        ]
        self._file.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))

    def close(self) -> None:
        self._file.close()
