"""Tables that were made from recordings, strictly and in pieces; errors name file and row."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from odl.data.card import DataError

CHUNK = 2**14  # rows at a time
_LINE = 2**17  # letters of a line; a longer one is cut
_FAR = 1e100  # beyond any time stamp and any sensor; what is, would overflow in a square
_NOTHING = {"", "nan", "na", "n/a", "null", "none"}


@dataclass(frozen=True, eq=False)
class Chunk:
    """Columns of equal length by name; ``first`` is the row number of the first values."""

    path: Path
    first: int
    columns: dict[str, list[str] | NDArray[Any]]
    point: str = "."  # may stand for the decimal point, too

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def row(self, i: int) -> str:
        """Return the place of value ``i``, for messages."""
        return f"{self.path} row {self.first + i}"

    def _column(self, name: str) -> list[str] | NDArray[Any]:
        if name not in self.columns:
            there = ", ".join(self.columns)
            raise DataError(f"{self.path}: there is no column '{name}'; there are {there[:200]}")
        return self.columns[name]

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return a column as float64, with NaN for an empty cell or a value beyond any sensor.

        Raises
        ------
        DataError
            If the column is missing, or a cell is not a number; the message names the row.
        """
        column = self._column(name)
        try:
            values = np.array(column, np.float64)
        except (ValueError, TypeError):
            values = np.array([self._number(name, i, cell) for i, cell in enumerate(column)])
        values[np.abs(values) > _FAR] = np.nan
        return values

    def _number(self, name: str, i: int, cell: Any) -> float:
        text = str(cell).strip()
        if text.lower() in _NOTHING:
            return np.nan
        try:
            return float(text.replace(self.point, "."))
        except ValueError:
            raise DataError(f"{self.row(i)}: column '{name}' has '{text[:40]}', not a number") from None


def _is_number(cell: Any) -> bool:
    try:
        float(cell)
    except (TypeError, ValueError):
        return str(cell).strip().lower() in _NOTHING
    return not isinstance(cell, np.datetime64)


def read_chunks(path: Path) -> Iterator[Chunk]:
    """Read a CSV in UTF-8 with one line of names, or Parquet, of any size, `CHUNK` rows at a time.

    Raises
    ------
    DataError
        If the file is empty, has no names, or a row has too few or too many values.
    """
    return _parquet_chunks(path) if path.suffix == ".parquet" else _csv_chunks(path)


def open_parquet(path: Path) -> Any:
    """Return a ``pyarrow.parquet.ParquetFile``; DataError if the file is not Parquet."""
    import pyarrow
    from pyarrow import parquet

    try:
        return parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path}: this cannot be read as Parquet ({str(error)[:80]})") from None


def _csv_chunks(path: Path) -> Iterator[Chunk]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _chunks_of_lines(path, file)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: this is not text in UTF-8; save it as that") from None


def _chunks_of_lines(path: Path, file: TextIO) -> Iterator[Chunk]:
    lines = iter(partial(file.readline, _LINE), "")
    head = next(lines, "")
    if not head.strip() and not any(line.strip() for line in lines):
        raise DataError(f"{path}: the file is empty")
    separator = max(",;\t", key=head.count)
    rows = _rows(path, csv.reader(chain([head], lines), delimiter=separator))
    names = [name.strip() for name in next(rows)]
    if all(_is_number(name) for name in names):
        raise DataError(f"{path} row 1: there are no column names; write one line of names first")
    _check_names(path, names)
    first, chunk = 2, list[list[str]]()
    for row in rows:
        if len(row) != len(names):
            place = f"{path} row {first + len(chunk)}"
            raise DataError(f"{place}: {len(row)} values where {len(names)} should be")
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield _csv_table(path, first, names, chunk, separator)
            first, chunk = first + len(chunk), []
    if chunk:
        yield _csv_table(path, first, names, chunk, separator)
    elif first == 2:
        raise DataError(f"{path}: the file is empty below its names")


def _rows(path: Path, reader: Iterator[list[str]]) -> Iterator[list[str]]:
    """The rows of a CSV without the empty lines at its end."""
    empty: list[list[str]] = []
    try:
        for number, row in enumerate(reader, 1):
            if len(row) < 2 and not "".join(row).strip():
                empty.append(row)
                continue
            if any("\n" in cell or "\r" in cell for cell in row):
                raise DataError(f"{path} row {number}: a quotation mark is not closed")
            yield from empty
            empty.clear()
            yield row
    except csv.Error as error:
        raise DataError(f"{path}: this cannot be read as CSV ({error})") from None


def _csv_table(path: Path, first: int, names: list[str], rows: list[list[str]], separator: str) -> Chunk:
    cells = zip(names, zip(*rows, strict=True), strict=True)
    columns: dict[str, list[str] | NDArray[Any]] = {name: list(column) for name, column in cells if name}
    return Chunk(path, first, columns, "." if separator == "," else ",")


def _check_names(path: Path, names: list[str]) -> None:
    for name, count in Counter(names).items():
        if name and count > 1:
            raise DataError(f"{path} row 1: two columns are called '{name}'")


def _parquet_chunks(path: Path) -> Iterator[Chunk]:
    file, first = open_parquet(path), 1
    try:
        _check_names(path, file.schema_arrow.names)
        for batch in file.iter_batches(CHUNK):
            batch.validate(full=True)
            columns = {name: np.asarray(batch.column(name).to_pandas()) for name in batch.schema.names}
            if batch.num_rows:
                yield Chunk(path, first, dict(columns))
            first += batch.num_rows
    except DataError:
        raise
    except (ValueError, OSError, NotImplementedError) as error:
        raise DataError(f"{path}: this cannot be read as Parquet ({str(error)[:80]})") from None
    finally:
        file.close()
    if first == 1:
        raise DataError(f"{path}: the file is empty")
