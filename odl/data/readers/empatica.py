"""Empatica E4: a CSV for each sensor without names; its first row is the start, its second the rate.

The format (info.txt in every export): the first row is the start in seconds since 1970, the second the
samples a second, of each column; ``ACC.csv`` holds x, y, z in 1/64 g. Heart rate, skin and temperature lie
beside it and are no movement.
"""

from __future__ import annotations

from pathlib import PurePosixPath

import numpy as np

from odl.data.card import DataError
from odl.data.readers.extra import whole
from odl.data.readers.source import SourceFile
from odl.data.readers.table import FileFacts, NotATable, RawTable

NAME = "Empatica E4"
_COUNT = 64  # counts in 1 g
_AXES = ("acc_x", "acc_y", "acc_z")
_OTHERS = ("BVP.csv", "EDA.csv", "TEMP.csv", "HR.csv", "IBI.csv", "tags.csv", "info.txt")


def is_mine(source: SourceFile) -> bool:
    """``ACC.csv`` with two first rows of one number each, and the other sensors' files beside one."""
    name = PurePosixPath(source.name)
    if name.name in _OTHERS:
        other = source.beside(str(name.with_name("ACC.csv")))
        return other is not None and is_mine(other)
    if name.name != "ACC.csv":
        return False
    rows = [[cell.strip() for cell in line.split(b",")] for line in source.head(400).split(b"\n")[:2]]
    try:
        start, rate = (float(row[0]) for row in rows)
    except ValueError:
        return False
    return all(row == row[:1] * len(_AXES) for row in rows) and start > 1e8 and 0 < rate < 1000


def read(source: SourceFile) -> list[RawTable]:
    """Return the acceleration in g, at the rate and from the start that the file says."""
    if PurePosixPath(source.name).name in _OTHERS:
        raise NotATable(f"{source.path}: this is no movement, but lies beside ACC.csv")
    lines = whole(source, "Empatica's CSV").decode("ascii", "replace").splitlines()
    (start, rate), notes = (float(line.split(",")[0]) for line in lines[:2]), list[str]()
    if len(lines) > 2 and lines[-1].count(",") < len(_AXES) - 1:
        notes.append(f"row {len(lines)} is cut and was left out: '{lines.pop()[:40]}'")
    if len(lines) < 3:
        raise DataError(f"{source.path}: the file is empty below its start and rate")
    try:
        values = np.loadtxt(lines[2:], delimiter=",", ndmin=2, comments=None)
        fits = values.shape[1] == len(_AXES)
    except ValueError:
        fits = False
    if not fits:
        number = next((n for n, line in enumerate(lines[2:], 3) if not _is_row(line)), 3)
        raise DataError(
            f"{source.path} row {number}: '{lines[number - 1][:40]}' where {len(_AXES)} numbers should be"
        )
    columns = {name: column / _COUNT for name, column in zip(_AXES, values.T, strict=True)}
    facts = FileFacts(rate_hz=rate, start=start, notes=tuple(notes), dropped=len(notes))
    return [RawTable(source.path, columns, 3, dict.fromkeys(_AXES, "g"), facts)]


def _is_row(line: str) -> bool:
    try:
        return len([float(cell) for cell in line.split(",")]) == len(_AXES)
    except ValueError:
        return False
