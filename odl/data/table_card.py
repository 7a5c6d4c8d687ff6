"""The card's entry ``table``, and the files that it names."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from odl.data.card import Card, DataError, subject_name

SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


@dataclass(frozen=True)
class TableLayout:
    """The card's entry ``table``, which describes the columns of the files; see docs/data.md."""

    files: tuple[str, ...] = ("*.csv", "*.parquet", "*.odl")
    separator: str = ""
    time: str = ""
    time_unit: str = "s"
    resample: bool = False
    raw: bool = False  # the numbers are counts already
    subject: str = ""
    subject_pattern: str = ""
    people: dict[str, str] = field(default_factory=dict)
    recording: str = ""
    label: str = ""
    label_pattern: str = ""
    label_file: str = ""
    label_unit: str = ""
    rename: dict[str, str] = field(default_factory=dict)


def layout_of(card: Card, where: Path) -> TableLayout:
    """Check the card's table entry and return it.

    Raises
    ------
    DataError
        If an entry is unknown or has a wrong value.
    """
    written = card.about.get("table", {})
    if not isinstance(written, dict):
        raise DataError(f"{where}: table: this has to be a group of entries")
    given: dict[str, Any] = dict(written)
    kinds = {f.name: type(getattr(TableLayout(), f.name)) for f in fields(TableLayout)}
    for name, value in given.items():
        if name not in kinds:
            raise DataError(f"{where}: table: there is no entry '{name}'; there are {', '.join(kinds)}")
        if kinds[name] is tuple and isinstance(value, str | list):
            given[name] = tuple(str(v) for v in ([value] if isinstance(value, str) else value))
        elif type(value) is not kinds[name]:
            raise DataError(f"{where}: table: '{name}' is {value!r}; it has to be a {kinds[name].__name__}")
    try:
        given["people"] = {str(k): subject_name(v) for k, v in given.get("people", {}).items()}
    except (TypeError, ValueError, OverflowError):
        raise DataError(f"{where}: table: people has to give each name another name or a number") from None
    for text, name in given.get("rename", {}).items():
        if not isinstance(name, str):
            raise DataError(f"{where}: table: rename has {name!r} for '{text}'; it has to be a class or \"\"")
    layout = TableLayout(**given)
    for wrong, what in (
        (
            layout.time_unit not in SECONDS,
            f"time_unit is '{layout.time_unit}'; it can be {', '.join(SECONDS)}",
        ),
        (
            layout.label_unit not in ("", "time", "s", "samples"),
            f"label_unit is '{layout.label_unit}'; it can be time, s or samples",
        ),
        (any(".." in f or f.startswith("/") for f in layout.files), "files have to lie below the card"),
        (
            bool(layout.label) + bool(layout.label_pattern) + bool(layout.label_file) > 1,
            "labels come from one place",
        ),
    ):
        if wrong:
            raise DataError(f"{where}: table: {what}")
    return layout


def from_name(pattern: str, entry: str, name: str) -> str | None:
    """Return the part of a file's ``name`` at ``{entry}`` of ``pattern``; ``*`` is anything.

    ``{entry:number}`` is digits only. An entry holds no ``/``, so it lies in one folder.

    >>> from_name("{label}.*.csv", "label", "idle.3k2.csv")
    'idle'
    >>> from_name("*s{subject:number}_*.csv", "subject", "sit_s07_2.csv")
    '07'
    >>> from_name("*/{label}/*.csv", "label", "data/walk/1.csv")
    'walk'
    """
    words = re.split(r"(\{\w+(?::number)?\}|\*)", pattern)
    known = {"*": ".*?", f"{{{entry}}}": "([^/]+?)", f"{{{entry}:number}}": "([0-9]+)"}
    other = {True: "[^/]+?", False: ""}
    text = "".join(known.get(w) or other[w[:1] == "{"] or re.escape(w) for w in words)
    match = re.fullmatch(text, name)
    return match[1] if match else None


def files_of(base: Path, patterns: tuple[str, ...]) -> list[Path]:
    """Return the files below ``base`` (or ``base`` itself), 2 before 10."""
    if base.is_file():
        return [base]
    found = {p for pattern in patterns for p in base.rglob(pattern) if p.is_file()}

    def natural(path: Path) -> list[tuple[int, str]]:
        words = re.split(r"([0-9]+)", path.relative_to(base).as_posix())
        return [(int(w) if w.isdecimal() else -1, w) for w in words]

    return sorted(found, key=natural)
