"""The card's entry ``table``, and the files that it names."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from odl.data.card import Card, DataError, subject_name
from odl.data.clock import SECONDS
from odl.data.readers.source import SourceFile, sources


@dataclass(frozen=True)
class TableLayout:
    """The card's entry ``table``, which describes the columns of the files; see docs/data.md."""

    files: tuple[str, ...] = ("*.csv", "*.parquet", "*.odl")
    skip: tuple[str, ...] = ()  # names below the folder that are no tables
    separator: str = ""  # found by the reader; older cards have it
    columns: tuple[str, ...] = ()  # names for a file that has none
    join: tuple[str, ...] = ()  # words of file names, sheets or sensors whose tables are one recording
    sensor: str = ""  # a column whose text is such a word
    device: str = ""
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

    No entry spans folders. A label goes on to the last separator before ``{recording}`` or ``{subject}``,
    other entries end at the first one. ``{entry:number}`` is digits only, ``{entry:word}`` anything without
    a digit.

    >>> from_name("{label}.*.csv", "label", "idle.3k2.csv")
    'idle'
    >>> from_name("{subject}_{label}_{recording}.csv", "label", "anna_walk_up_2.csv")
    'walk_up'
    >>> from_name("*/{label}/*.csv", "label", "data/walk/1.csv")
    'walk'
    >>> from_name("{label:word}{recording:number}.csv", "recording", "walk12.csv")
    '12'
    """
    match = _regex(pattern, entry).fullmatch(name)
    return match[1].strip(" _-.") or None if match and match.groups() else None


@lru_cache(maxsize=20_000)
def _regex(pattern: str, entry: str) -> re.Pattern[str]:
    words = re.split(r"(\{\w+(?::number|:word)?\}|\*)", pattern)
    kinds = {"number": "[0-9]+", "word": "[^0-9/]+?"}
    text = ""
    for i, word in enumerate(words):
        if word[:1] == "{" and word[-1:] == "}":
            name, _, kind = word[1:-1].partition(":")
            last = name == "label" and words[i + 2 : i + 3] in (["{recording}"], ["{subject}"])
            inner = kinds.get(kind, "[^/]+" if last else "[^/]+?")
            text += f"({inner})" if name == entry else inner
        else:
            text += ".*?" if word == "*" else re.escape(word)
    return re.compile(text)


def files_of(base: Path, patterns: tuple[str, ...]) -> list[SourceFile]:
    """Return the files of a folder or zip that fit a pattern, 2 before 10; of a file, that one."""
    found = sources(base)
    if base.is_file() and base.suffix.lower() != ".zip":
        return found
    return [s for s in found if any(Path(s.name).match(pattern) for pattern in patterns) and not is_card(s)]


def is_card(source: SourceFile) -> bool:
    """Whether a file is a card: of a dataset, of one table, or of a table that was made from a recording."""
    name = source.name.rsplit("/", 1)[-1]
    return name == "card.json" or name.endswith((".card.json", ".csv.json"))
