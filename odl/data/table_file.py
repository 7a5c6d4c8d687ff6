"""One table file: named columns, every complaint with file and row."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import NDArray

from odl.data.archive import LARGEST
from odl.data.card import DataError

TABLES = (".csv", ".parquet")
_FAR = 1e100  # beyond any time stamp and any sensor; what is, would overflow in a square
_NOTHING = {"", "nan", "na", "n/a", "null", "none"}


@dataclass(frozen=True, eq=False)
class Sheet:
    """Columns of equal length by name; ``first`` is the row number of the first values."""

    path: Path
    first: int
    columns: dict[str, list[str] | NDArray[Any]]
    point: str = "."  # may stand for the decimal point, too

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def row(self, i: int, start: int = 0) -> str:
        """Where value ``i`` after value ``start`` stands, for people."""
        return f"{self.path} row {self.first + start + i}"

    def _column(self, name: str) -> list[str] | NDArray[Any]:
        if name not in self.columns:
            there = ", ".join(self.columns)
            raise DataError(f"{self.path}: there is no column '{name}'; there are {there[:200]}")
        return self.columns[name]

    def numbers(self, name: str) -> NDArray[np.float64]:
        """A column as float64, NaN where nothing is written or nothing that was ever measured.

        Raises
        ------
        DataError
            For a missing column, and for text in a number: with the row.
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

    def has_dates(self, name: str) -> bool:
        """Whether a column begins with something that is no number."""
        column = self._column(name)
        return bool(len(column)) and not _is_number(column[0])

    def times(self, name: str) -> NDArray[np.float64]:
        """A column of time stamps: numbers as they are, dates as seconds since the first."""
        column = self._column(name)
        if self.has_dates(name):
            try:
                with catch_warnings():
                    simplefilter("ignore", UserWarning)  # of a zone numpy says that it takes it off
                    stamps = [str(cell).strip().removesuffix("Z") for cell in column]
                    dates = np.array(stamps, "datetime64[us]")
            except ValueError:
                return self.numbers(name)  # which names the row
            if not np.isnat(dates).any():
                return np.array((dates - dates[0]) / np.timedelta64(1, "s"), np.float64)
        times = self.numbers(name)
        for i in np.flatnonzero(np.isnan(times))[:1]:
            raise DataError(f"{self.row(int(i))}: column '{name}' has no time stamp")
        return times

    def texts(self, name: str) -> list[str]:
        """A column as text; whole numbers without a decimal point, nothing as ''."""
        return [_text(cell) for cell in self._column(name)]


def _is_number(cell: Any) -> bool:
    try:
        float(cell)
    except (TypeError, ValueError):
        return str(cell).strip().lower() in _NOTHING
    return not isinstance(cell, np.datetime64)


def _text(cell: Any) -> str:
    if isinstance(cell, float | np.floating) and float(cell).is_integer():
        return str(int(cell))
    text = str(cell).strip()
    return "" if text.lower() in ("", "nan", "none", "<na>", "nat") else text


def read_sheet(path: Path, separator: str = "") -> Sheet:
    """Read a CSV (comma, semicolon or tab, one line of names) or a Parquet file.

    Parameters
    ----------
    path : Path
        ``.parquet``, or anything else as CSV.
    separator : str
        Between columns; empty: the one that the line of names has most of.

    Raises
    ------
    DataError
        If it is empty, has no names, or a row has too few or too many values.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise DataError(f"{path}: more than {LARGEST} bytes; split the file")
        if path.suffix == ".parquet":
            return _parquet(path)
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: this is not text in UTF-8; save it as that") from None
    return parse_csv(path, text, separator)


def parse_csv(path: Path, text: str, separator: str = "") -> Sheet:
    """What the file ``path`` holds, read already; see `read_sheet`.

    >>> parse_csv(Path("a.csv"), "t;ax\\n0;1,5\\n").numbers("ax")
    array([1.5])
    """
    text = text.rstrip("\r\n ")
    if not text.strip():
        raise DataError(f"{path}: the file is empty")
    head = text.splitlines()[0]
    separator = separator or max(",;\t", key=head.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error as error:
        raise DataError(f"{path}: this cannot be read as CSV ({error})") from None
    for i, row in enumerate(rows):
        if any("\n" in cell or "\r" in cell for cell in row):
            raise DataError(f"{path} row {i + 1}: a quotation mark is not closed")
    names = [name.strip() for name in rows[0]]
    if all(_is_number(name) for name in names):
        raise DataError(f"{path} row 1: there are no column names; write one line of names first")
    named = [name for name in names if name]
    for name in named:
        if named.count(name) > 1:
            raise DataError(f"{path} row 1: two columns are called '{name}'")
    for i, row in enumerate(rows):
        if len(row) != len(names):
            raise DataError(f"{path} row {i + 1}: {len(row)} values where {len(names)} should be")
    if len(rows) < 2:
        raise DataError(f"{path}: the file is empty below its names")
    columns = zip(*rows[1:], strict=True)
    kept = {name: list(column) for name, column in zip(names, columns, strict=True) if name}
    return Sheet(path, 2, dict(kept), "." if separator == "," else ",")


def _parquet(path: Path) -> Sheet:
    import pandas

    try:
        frame = pandas.read_parquet(path)
    except ImportError:
        raise DataError(f"{path}: reading Parquet needs the package 'pyarrow': pip install pyarrow") from None
    except (ValueError, OSError) as error:
        raise DataError(f"{path}: this cannot be read as Parquet ({str(error)[:80]})") from None
    if not len(frame):
        raise DataError(f"{path}: the file is empty")
    return Sheet(path, 1, {str(name): np.asarray(frame[name]) for name in frame.columns})
