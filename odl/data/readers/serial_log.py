"""Saved output of a serial monitor: numbers with their names in each line, and the monitor's own time before.

``ax:0.1,ay:9.8`` is the form of Arduino's plotter; sketches print ``aX = 0.1 aY = 9.8`` as well. With
time stamps on, Arduino's monitor writes ``10:00:00.020 -> `` in front of each line.
"""

from __future__ import annotations

import re
from dataclasses import replace

from odl.data.readers import text
from odl.data.readers.source import SourceFile
from odl.data.readers.table import RawTable

NAME = "serial monitor"
_NAME = rb"([A-Za-z_][\w.]*)[ \t]*[:=][ \t]*"
_NUMBER = rb"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_NAMED = re.compile(rb"(?:^|(?<=[,;|\t ]))" + _NAME + rb"(?=" + _NUMBER + rb")")
_LINE = re.compile(rb"(?:" + _NAME + _NUMBER + rb"[,;|\t ]*){2,}")
_TIMED = re.compile(rb"(\d\d:\d\d:\d\d\.\d+) -> ")
_LINES = 40  # that are looked at
_MOST_OTHER = 0.2  # of these; a sketch says something before it prints numbers


def is_mine(source: SourceFile) -> bool:
    """Most of its first lines are numbers with names, or begin with the monitor's time."""
    lines = [line.strip() for line in source.head().splitlines()[: _LINES + 1][:-1] if line.strip()]
    found = sum(bool(_TIMED.match(line) or _LINE.fullmatch(line)) for line in lines)
    return len(lines) > 1 and found >= (1 - _MOST_OTHER) * len(lines)


def read(source: SourceFile) -> list[RawTable]:
    """Return the one table: the names as columns, and the monitor's time as a column."""
    names: tuple[str, ...] = ()
    rows = []
    for line in bytes(source.data()).splitlines():
        timed, row = _TIMED.match(line), line.strip()
        row = row[timed.end() :] if timed else row
        if _LINE.fullmatch(row):
            own = tuple(name.decode() for name in _NAMED.findall(row))
            names = names or own
            row = _NAMED.sub(b"", row) if own == names else row  # other names: a row that is refused
        separator = next((mark for mark in (b",", b";", b"|", b"\t") if mark in row), b" ")
        rows.append(timed[1] + separator + row if timed else row)
    table = text.parse(source, b"\n".join(rows) + b"\n", [])
    called = (*["time"] * (len(table.columns) - len(names)), *names) if names else ()
    if len(called) == len(table.columns) and len(set(called)) == len(called):
        table = replace(table, columns=dict(zip(called, table.columns.values(), strict=True)))
    return [table]
