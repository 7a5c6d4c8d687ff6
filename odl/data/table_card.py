"""The card's entry ``table``, and the files that it names."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from odl.data.card import Card, DataError, subject_name
from odl.data.clock import SECONDS
from odl.data.readers.source import SourceFile, sources

LONGEST = 4096  # letters of a file's name below its folder that patterns are matched with
_NUMBER, _WORD, _ANY = re.compile("[0-9]+"), re.compile("[^0-9/]+"), re.compile("[^/]+")


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
        (not all(Path(f).parts for f in layout.files), "files: a pattern is empty; write one such as *.csv"),
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
    parts = _parts(pattern)
    if not any(part.entry == f"{{{entry}}}" for part in parts) or len(name) > LONGEST:
        return None
    # The places of the name, as bits, from which on it fits the rest of the pattern: one number for each
    # part, so that no pattern takes long.
    fits = [1 << len(name)]
    for part in reversed(parts):
        fits.append(part.before(name, fits[-1]))
    at, found = 0, None
    if not fits.pop() & 1:
        return None
    for part in parts:
        end = part.end(name, at, fits.pop())
        if found is None and part.entry == f"{{{entry}}}":
            found = name[at:end].strip(" _-.")
        at = end
    return found or None


@dataclass(frozen=True, slots=True)
class _PatternPart:
    """A part of a pattern: letters as they are, ``*``, or an entry of ``inner`` letters."""

    text: str = ""
    entry: str = ""
    inner: re.Pattern[str] | None = None
    longest: bool = False

    def before(self, name: str, after: int) -> int:
        """The places where this part can begin, if it can end at the places ``after``."""
        if self.entry == "*":
            return (1 << after.bit_length()) - 1
        places, at = 0, -1
        if self.inner is not None:
            for run in self.inner.finditer(name):
                start, end = run.span()
                ends = after & ((1 << (end + 1)) - (1 << (start + 1)))
                if ends:
                    places |= (1 << (ends.bit_length() - 1)) - (1 << start)
            return places
        while (at := name.find(self.text, at + 1)) >= 0:
            places |= (after >> (at + len(self.text)) & 1) << at
        return places

    def end(self, name: str, at: int, after: int) -> int:
        """Where this part ends, which begins at ``at``."""
        if self.text:
            return at + len(self.text)
        if self.longest and self.inner is not None and (run := self.inner.match(name, at)):
            return (after & ((1 << (run.end() + 1)) - 1)).bit_length() - 1
        least = at + (self.inner is not None)
        left = after >> least
        return least + (left & -left).bit_length() - 1


@lru_cache(maxsize=20_000)
def _parts(pattern: str) -> tuple[_PatternPart, ...]:
    words = re.split(r"(\{\w+(?::number|:word)?\}|\*)", pattern)
    kinds = {"number": _NUMBER, "word": _WORD}
    parts = list[_PatternPart]()
    for i, word in enumerate(words):
        if word[:1] == "{" and word[-1:] == "}":
            name, _, kind = word[1:-1].partition(":")
            last = name == "label" and words[i + 2 : i + 3] in (["{recording}"], ["{subject}"])
            parts.append(
                _PatternPart(
                    "", f"{{{name}}}", kinds.get(kind, _ANY), kind == "number" or (last and not kind)
                )
            )
        elif word == "*":
            if not parts or parts[-1].entry != "*":
                parts.append(_PatternPart("", "*"))
        elif word:
            parts.append(_PatternPart(word))
    return tuple(parts)


def files_of(base: Path, patterns: tuple[str, ...]) -> list[SourceFile]:
    """Return the files of a folder or zip that fit a pattern, 2 before 10; of a file, that one."""
    found = sources(base)
    if base.is_file() and base.suffix.lower() != ".zip":
        return found
    return [s for s in found if any(Path(s.name).match(pattern) for pattern in patterns) and not is_card(s)]


def is_card(source: SourceFile | Path) -> bool:
    """Whether a file is a card: of a dataset, of one table, or of a table that was made from a recording."""
    name = PurePosixPath(source.name).name
    return name == "card.json" or name.endswith((".card.json", ".csv.json"))
