"""Empatica E4: a CSV for each sensor without names; its first row is the start, its second the rate.

The format (info.txt in every export): the first row is the start in seconds since 1970, the second the
samples a second, of each column; ``ACC.csv`` holds x, y, z in 1/64 g, ``BVP.csv``, ``EDA.csv``
(microsiemens), ``TEMP.csv`` (degrees Celsius) and ``HR.csv`` one column.
"""

from __future__ import annotations

from pathlib import PurePosixPath

import numpy as np

from odl.data.card import DataError
from odl.data.readers.extra import whole
from odl.data.readers.source import SourceFile
from odl.data.readers.table import FileFacts, RawTable

NAME = "Empatica E4"
_COUNT = 64  # counts in 1 g
_COLUMNS = {
    "ACC.csv": ("acc_x", "acc_y", "acc_z"), "BVP.csv": ("bvp",), "EDA.csv": ("eda",), "TEMP.csv": ("temp",),
    "HR.csv": ("hr",),
}  # fmt: skip
_UNITS = {"acc_x": "g", "acc_y": "g", "acc_z": "g", "eda": "uS", "temp": "degC"}


def is_mine(source: SourceFile) -> bool:
    """By the file's name and two first rows, each of one number."""
    names = _COLUMNS.get(PurePosixPath(source.name).name)
    if names is None:
        return False
    top = source.head(400).split(b"\n")[:2]
    rows = [[cell.strip() for cell in line.split(b",")] for line in top]
    try:
        start, rate = (float(row[0]) for row in rows)
    except ValueError:
        return False
    equal = all(len(set(row)) == 1 and len(row) == len(names) for row in rows)
    return len(rows) == 2 and equal and start > 1e8 and 0 < rate < 1000


def read(source: SourceFile) -> list[RawTable]:
    """Return the one table, acceleration in g."""
    names = _COLUMNS[PurePosixPath(source.name).name]
    lines = whole(source, "Empatica's CSV").decode("ascii", "replace").splitlines()
    start, rate = (float(line.split(",")[0]) for line in lines[:2])
    rows = []
    for number, line in enumerate(lines[2:], 3):
        cells = line.split(",")
        try:
            rows.append([float(cell) for cell in cells])
            good = len(cells) == len(names)
        except ValueError:
            good = False
        if good:
            continue
        if number == len(lines):  # cut
            note = f"row {number} is cut and was left out: '{line[:40]}'"
            return [_table(source, names, rows[: number - 3], rate, start, (note,))]
        raise DataError(f"{source.path} row {number}: '{line[:40]}' where {len(names)} numbers should be")
    return [_table(source, names, rows, rate, start, ())]


def _table(
    source: SourceFile, names: tuple[str, ...], rows: list[list[float]], rate: float, start: float,
    notes: tuple[str, ...],
) -> RawTable:  # fmt: skip
    if not rows:
        raise DataError(f"{source.path}: the file is empty below its start and rate")
    values = np.array(rows) / (_COUNT if names[0] == "acc_x" else 1)
    columns = {name: values[:, i] for i, name in enumerate(names)}
    units = {name: _UNITS[name] for name in names if name in _UNITS}
    facts = FileFacts(rate_hz=rate, start=start, notes=notes, dropped=len(notes))
    return RawTable(source.path, columns, 3, units, facts)
