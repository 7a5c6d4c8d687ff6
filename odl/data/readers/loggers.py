"""Raw CSV of body-worn loggers whose columns have no names or no units: ActiGraph, GENEActiv, Axivity.

ActiLife writes ten lines, the first with the rate, and acceleration in g, with names or without. GENEActiv's
software writes a hundred lines, among them ``Device Type,GENEActiv`` and ``Subject Code``, then rows of time,
x, y, z in g, light in lux, button and temperature. Axivity's OmGui writes ``CWA-DATA.csv``: time, x, y, z
in g, without names. Lines above the rows, rate and clock are read as in any text table.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePosixPath

from odl.data.readers import text
from odl.data.readers.source import SourceFile
from odl.data.readers.table import RawTable

NAME = "ActiGraph, GENEActiv and Axivity"
_MARKS = {
    "ActiGraph": re.compile(rb"-* *Data File Created By ActiGraph"),
    "GENEActiv": re.compile(rb"Device Type,GENEActiv"),
}
_NAMES = {
    "ActiGraph": ("Accelerometer X", "Accelerometer Y", "Accelerometer Z"),
    "GENEActiv": ("Timestamp", "acc_x", "acc_y", "acc_z", "light", "button", "temperature"),
    "Axivity": ("Timestamp", "acc_x", "acc_y", "acc_z"),
}
_OTHER = {"light": "lux", "temperature": "degC"}


def is_mine(source: SourceFile) -> bool:
    """By the first line, or Axivity's name for the file."""
    return source.suffix == ".csv" and _maker(source) != ""


def _maker(source: SourceFile) -> str:
    head = source.head(400)
    found = next((maker for maker, mark in _MARKS.items() if mark.match(head)), "")
    dated = re.match(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+,", head)
    return found or ("Axivity" if dated and "cwa" in PurePosixPath(source.name).name.lower() else "")


def read(source: SourceFile) -> list[RawTable]:
    """Return the one table, with the maker's names where the file has none, and units."""
    maker = _maker(source)
    (table,) = text.read(source)
    names, notes = _NAMES[maker], table.facts.notes
    if list(table.columns) == [f"column {i}" for i in range(1, len(names) + 1)]:
        table = replace(table, columns=dict(zip(names, table.columns.values(), strict=True)))
        notes = (*notes, f"names of the columns as {maker} documents them")
    axes = [n for n in table.columns if re.fullmatch(r"acc_[xyz]|Accelerometer [XYZ]", n)]
    units = dict.fromkeys(axes, "g") | {n: unit for n, unit in _OTHER.items() if n in table.columns}
    code = re.search(rb"(?m)^Subject Code,([^\r\n,]+)", source.head(8000)) if maker == "GENEActiv" else None
    subject = code[1].decode("utf-8", "replace").strip() if code else table.facts.subject
    facts = replace(table.facts, notes=notes, subject=subject)
    return [replace(table, units=units | table.units, facts=facts)]
