"""Tables as a file holds them: named columns, and what else the file says of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.data.card import DataError

_FAR = 1e100  # beyond any time stamp and any sensor; what is, would overflow in a square
NOTHING = frozenset({"", "nan", "na", "n/a", "null", "none", "-", "<na>", "nat", "#n/a", "?"})


class NotATable(DataError):
    """A reader knows the file, and it holds no table of movement: it belongs to another file."""


class NoTable(DataError):
    """A file holds no table of a sensor: it is empty, or something else."""


@dataclass(frozen=True)
class FileFacts:
    """What a file says of a table beside its columns; empty where it says nothing.

    Attributes
    ----------
    rate_hz : float
        Samples a second as the file has it, 0 if it does not say.
    sensor : str
        ``"a"`` acceleration, ``"w"`` turn rate, ``"m"`` magnetic field, of columns called ``x``, ``y``,
        ``z``.
    label, subject, device, split : str
        Of all rows. ``split`` is ``"train"`` or ``"test"``.
    spans : tuple of (first row, row after the last, label)
        Labelled rows, as indices into the table.
    breaks : tuple of int
        Rows at which another recording begins, as indices into the table, without 0.
    start : float
        Seconds since 1970 of the first row, 0 if the file does not say. Tables without a column of time
        stamps that are joined are put at their starts.
    notes : tuple of str
        What the reader left out or changed, with the file's row: "row 1002 is cut and was left out".
    dropped : int
        Rows that the reader left out.
    """

    rate_hz: float = 0.0
    sensor: str = ""
    label: str = ""
    subject: str = ""
    device: str = ""
    split: str = ""
    spans: tuple[tuple[int, int, str], ...] = ()
    breaks: tuple[int, ...] = ()
    start: float = 0.0
    notes: tuple[str, ...] = ()
    dropped: int = 0


@dataclass(frozen=True, eq=False)
class RawTable:
    """Columns of equal length by name, as a reader found them.

    Attributes
    ----------
    path : Path
        The user's file, for messages; of a file in a zip ``folder/data.zip/walk.csv``.
    columns : dict of str to array, (n,)
        float64, integers, ``datetime64[ns]``, ``timedelta64[ns]``, or text (object, a str in each row). A
        time stamp stays an integer where the file has one. A sensor of several axes is several columns.
    rows : int64, (n,), or int
        Each row's number in its file, counted from 1 as an editor does, or that of the first of rows
        without a gap. Of a file that has no lines the numbers count samples from 1.
    units : dict of str to str
        Unit of a column as the file has it (a row of units, an attribute), unchanged: ``"m/(s^2)"``,
        ``"ms"``. A unit that is part of a column's name stays there.
    facts : FileFacts
        What else the file says.
    part : str
        Which table of its file: a sheet, a group, a sensor. Tables of one file with different parts are
        one recording of several sensors if their columns are, and are then joined on time.
    """

    path: Path
    columns: dict[str, NDArray[Any]]
    rows: NDArray[np.int64] | int = 1
    units: dict[str, str] = field(default_factory=dict)
    facts: FileFacts = FileFacts()
    part: str = ""

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def row(self, i: int) -> str:
        """Return the place of row ``i`` in the user's file, for messages."""
        number = self.rows + i if isinstance(self.rows, int) else int(self.rows[i])
        part = f" ({self.part})" if self.part else ""
        return f"{self.path}{part} row {number}"

    def values(self, names: Sequence[str]) -> NDArray[np.float64]:
        """Return columns as numbers side by side, (n, columns); see `numbers`."""
        found = np.empty((len(self), len(names)))
        for i, name in enumerate(names):
            found[:, i] = self.numbers(name)
        return found

    def only(self, names: Iterable[str]) -> RawTable:
        """Return the table with the columns that are among ``names``."""
        return replace(self, columns={name: self.columns[name] for name in names if name in self.columns})

    def taken(self, index: NDArray[np.int64] | NDArray[np.bool_] | slice) -> RawTable:
        """Return the table of some rows; facts about rows are left out."""
        rows = np.arange(len(self)) + self.rows if isinstance(self.rows, int) else self.rows
        columns = {name: column[index] for name, column in self.columns.items()}
        facts = replace(self.facts, spans=(), breaks=())
        return replace(self, columns=columns, rows=rows[index], facts=facts)

    def column(self, name: str) -> NDArray[Any]:
        """Return a column; DataError lists the columns if it is not there."""
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
        column = self.column(name)
        if column.dtype.kind in "biuf":
            values = column.astype(np.float64)
        else:
            values = np.empty(len(column))
            for i, cell in enumerate(column):
                try:
                    values[i] = np.nan if str(cell).strip().lower() in NOTHING else float(cell)
                except (ValueError, TypeError):
                    text = str(cell).strip()
                    raise DataError(
                        f"{self.row(i)}: column '{name}' has '{text[:40]}', not a number; correct or empty it"
                    ) from None
        with np.errstate(invalid="ignore"):
            values[np.abs(values) > _FAR] = np.nan
        return values

    def texts(self, name: str) -> tuple[NDArray[np.int64], list[str]]:
        """Return a column as text: an index for each row (n,), and the texts that it points to.

        Whole numbers are written without a decimal point, an empty cell is ``""``.
        """
        column = self.column(name)
        cells: dict[Any, int] = {}
        if column.dtype.kind == "O":
            places = np.fromiter(
                (cells.setdefault(cell, len(cells)) for cell in column), np.int64, len(column)
            )
        else:
            values, places = np.unique(column, return_inverse=True)
            cells = dict.fromkeys(values.tolist(), 0) if len(values) else {}
        known: dict[str, int] = {}
        found = [known.setdefault(_text(cell), len(known)) for cell in cells]
        return np.array(found, np.int64)[places], list(known)


def _text(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    text = " ".join(str(cell).split())
    return "" if text.lower() in NOTHING - {"null", "none"} else text
