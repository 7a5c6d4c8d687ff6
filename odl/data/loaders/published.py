"""Datasets in their published layouts, each described by the entry ``published`` of its bundled card.

A card names the source of its facts under ``sources``, and ``run_on_real_files`` says whether the loader was
run on the files themselves; the layouts that were not are tested on small files of the published structure.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from functools import cached_property, partial
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from odl.data.archive import Files, to_counts
from odl.data.bundled import Part
from odl.data.card import Card, DataError, subject_name, subject_order
from odl.data.clock import SECONDS
from odl.data.resample import runs, to_fixed_rate
from odl.data.table_card import from_name

_CHUNK = 2**19  # rows at a time
_APART = 5  # periods between two rows of a second sensor; between rows further apart nothing is interpolated
_GRAVITY = {"g": 1.0, "mg": 1000.0, "m/s2": 9.81}


@dataclass(frozen=True)
class PublishedLayout:
    """The card's entry ``published``.

    Attributes
    ----------
    files : dict of str to str
        A pattern of file names for each sensor, with ``{subject}``, ``{label}`` and ``{recording}`` where a
        name holds them. A channel's ``column`` names its sensor where there are several: ``"gyr:x"``.
    inside : str
        Regular expression for zips within the folder or zip.
    separator, terminator : str
        Between the values of a row, and after a row where that is more than a line's end.
    names : bool
        Whether the first line names the columns; without it a column is its number, from 1.
    time, time_unit, subject, label, recording : str
        Columns, where the rows hold them.
    labels : dict of str to str
        Class of each label as published; ``""`` is no class.
    unit_assumed : bool
        Whether the unit of acceleration was not published; the one that fits gravity is then taken.
    damaged : bool
        Whether broken rows are known to be there; they are left out and counted.
    """

    files: dict[str, str]
    inside: str = ""
    separator: str = ","
    terminator: str = ""
    names: bool = True
    time: str = ""
    time_unit: str = "s"
    subject: str = ""
    label: str = ""
    recording: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    unit_assumed: bool = False
    damaged: bool = False


@dataclass(frozen=True, eq=False)
class _Rows:
    """One sensor's rows of one person in one file; ``rows`` are their numbers in it."""

    where: str
    values: NDArray[np.float64]
    times: NDArray[np.float64] | None
    marks: NDArray[np.int64]
    recording: NDArray[Any]
    rows: NDArray[np.int64]
    broken: int

    def taken(self, which: NDArray[np.bool_] | slice) -> _Rows:
        times = None if self.times is None else self.times[which]
        return _Rows(
            self.where, self.values[which], times, self.marks[which], self.recording[which],
            self.rows[which], self.broken,
        )  # fmt: skip

    def row(self, i: int, start: int = 0) -> str:
        return f"{self.where} row {self.rows[start + i]}"


class Published:
    """The people of a dataset whose files are there.

    Parameters
    ----------
    card : Card
        The bundled one, with an entry ``published``.
    path : Path
        Folder or zip of the files as published; what lies around them does not matter.

    Raises
    ------
    DataError
        If files are missing, saying which were looked for and where to get them.
    """

    def __init__(self, card: Card, path: Path) -> None:
        self._card = card
        known = {f.name for f in fields(PublishedLayout)}
        self._layout = PublishedLayout(**{k: v for k, v in card.about["published"].items() if k in known})
        self._files = Files(path, self._layout.inside)
        self._recordings: dict[tuple[str, str], dict[str, str]] = {}  # (person, recording): file by sensor
        for name in self._files.names:
            for sensor, pattern in self._layout.files.items():
                if _fits(pattern, name):
                    self._recordings.setdefault(self._key(pattern, name), {})[sensor] = name
        wanted = ", ".join(self._layout.files.values())
        if not self._recordings:
            raise DataError(f"{path}: {wanted} cannot be found; {where_from(card)}")
        for found in self._recordings.values():
            for sensor in self._layout.files.keys() - found.keys():
                there = self._files.where(next(iter(found.values())))
                raise DataError(f"{there}: its {self._layout.files[sensor]} is missing; {where_from(card)}")

    def _key(self, pattern: str, name: str) -> tuple[str, str]:
        """Who a file is of, empty if its rows say that, and what tells it from the person's others."""
        person = subject_name(_entry(pattern, "subject", name))
        if person not in ("", *self._card.subjects):
            raise DataError(f"{self._files.where(name)}: the card knows no person {person}")
        taken = [_entry(pattern, entry, name) for entry in ("label", "recording")]
        folder = name.rpartition("/")[0] if len(self._layout.files) == 1 else ""
        return person, "/".join((folder, *taken))

    @cached_property
    def subjects(self) -> tuple[str, ...]:
        """The people whose files are there, or whose rows where only the rows say who somebody is."""
        found = {person for person, _ in self._recordings} - {""}
        if self._layout.subject:
            for files in self._recordings.values():
                frame, _ = self._frame(next(iter(files.values())), [self._layout.subject], "")
                found |= set(_texts(frame[self._layout.subject]).tolist())
        return tuple(sorted(found & set(self._card.subjects), key=subject_order))

    def session(self, subject: str, seed: int = 0) -> tuple[Part, ...]:
        """A person's recordings, in the order of their files' names and rows."""
        parts: list[Part] = []
        for (person, _), files in sorted(self._recordings.items()):
            if person in ("", subject):
                sensors = [self._read(name, sensor, subject) for sensor, name in sorted(files.items())]
                parts += self._parts(sensors)
        if not parts:
            raise DataError(f"{self._files.path}: no row is of person {subject}; {where_from(self._card)}")
        return tuple(parts)

    def _parts(self, sensors: list[_Rows]) -> Iterator[Part]:
        first = sensors[0]
        for recording in dict.fromkeys(first.recording.tolist()):
            own = [rows.taken(rows.recording == recording) for rows in sensors]
            main, values = own[0], [own[0].values]
            for other in own[1:]:
                values.append(_onto(main, other))
            columns = np.concatenate(values, 1)
            notes = self._to_unit(main.where, columns)
            back = [0, len(columns)]
            if main.times is not None:  # the clock went back: another recording
                back[1:1] = (np.flatnonzero(np.diff(main.times) < 0) + 1).tolist()
            for a, b in zip(back, back[1:], strict=False):
                yield from self._stretches(main, columns, a, b, notes if a == 0 else [])

    def _to_unit(self, where: str, values: NDArray[np.float64]) -> list[str]:
        """Turn the acceleration into the card's unit in place, and say so."""
        unit = self._card.channels[0].unit
        found = self._unit_found(where, values)
        values[:, :3] *= _GRAVITY[unit] / _GRAVITY[found]
        return [] if found == unit else [f"acceleration is in {found}: turned into {unit}"]

    def _stretches(
        self, main: _Rows, values: NDArray[np.float64], a: int, b: int, said: list[str]
    ) -> Iterator[Part]:
        card = self._card
        times = None if main.times is None else main.times[a:b] - main.times[a]
        stretches, changes = to_fixed_rate(
            times, values[a:b], main.marks[a:b], card.rate_hz, partial(main.row, start=a), resample=True
        )
        notes = [*said, *changes.notes]
        if main.broken and a == 0:
            notes.append(f"{main.broken} broken rows or rows without time stamp left out")
        for stretch in stretches:
            block, outside = to_counts(stretch.values, np.array([c.scale for c in card.channels]))
            if outside:
                notes.append(f"{outside} values limited to 16 bits")
            truths = tuple((s, e, card.classes[m]) for s, e, m in runs(stretch.marks) if m >= 0)
            note = f"{main.where}: {', '.join(notes)}" if notes and stretch is stretches[0] else ""
            yield Part(block, truths, stretch.lost_before, note)

    def _unit_found(self, where: str, values: NDArray[np.float64]) -> str:
        """The unit of the acceleration: the card's, another where the card's was assumed, or a DataError."""
        unit = self._card.channels[0].unit
        sizes = np.linalg.norm(values[:, :3], axis=1)
        sizes = sizes[np.isfinite(sizes)]
        size = float(np.median(sizes)) if len(sizes) else _GRAVITY[unit]
        if 0.4 < size / _GRAVITY[unit] < 2.5:
            return unit
        if self._layout.unit_assumed:
            for other, gravity in _GRAVITY.items():
                if 0.7 < size / gravity < 1.4:
                    return other
        raise DataError(
            f"{where}: acceleration is mostly {size:.3g}, but gravity alone is {_GRAVITY[unit]:g} in the "
            f"card's {unit}; these are not the published files"
        )

    def _read(self, name: str, sensor: str, subject: str) -> _Rows:
        """One sensor's rows of a person."""
        layout = self._layout
        columns = [c.partition(":")[2] if ":" in c else c for c in self._card.columns]
        columns = [c for c, full in zip(columns, self._card.columns, strict=True) if self._of(full, sensor)]
        terms = [[term.strip() for term in column.split("+")] for column in columns]
        needed = dict.fromkeys(
            c for c in (*sum(terms, []), layout.time, layout.subject, layout.label, layout.recording) if c
        )
        where = self._files.where(name)
        frame, broken = self._frame(name, list(needed), subject)
        numbers = {c: self._numbers(frame, c, where) for c in dict.fromkeys(sum(terms, []))}
        values = np.stack([np.sum([numbers[c] for c in term], axis=0) for term in terms], 1)
        times = self._numbers(frame, layout.time, where) * SECONDS[layout.time_unit] if layout.time else None
        own = _entry(layout.files[sensor], "label", name)
        texts = _texts(frame[layout.label]) if layout.label else np.full(len(frame), own, object)
        recording = _texts(frame[layout.recording]) if layout.recording else np.full(len(frame), "", object)
        first = 2 if layout.names else 1
        rows = frame.index.to_numpy(np.int64) + first
        whole = np.ones(len(rows), np.bool_) if times is None else np.isfinite(times)
        if layout.damaged:
            whole &= np.isfinite(values).all(axis=1)
        broken += int((~whole).sum())
        read = _Rows(where, values, times, self._marks(texts, rows, where), recording, rows, broken)
        return read.taken(whole)

    def _of(self, column: str, sensor: str) -> bool:
        return len(self._layout.files) == 1 or column.startswith(f"{sensor}:")

    def _frame(self, name: str, columns: list[str], subject: str) -> tuple[pd.DataFrame, int]:
        """The needed columns of a file, of one person where the rows say whose they are; "" is everybody."""
        layout, broken = self._layout, 0
        with self._files.open(name) as stream:
            file: IO[bytes] = stream
            if layout.terminator:
                text = self._files.text(name).replace(layout.terminator, "\n")
                file, broken = io.BytesIO(text.encode()), sum(map(bool, map(str.strip, text.splitlines())))
            try:
                frames, seen = [], 0
                for chunk in pd.read_csv(
                    file, sep=layout.separator, header=0 if layout.names else None,
                    usecols=columns if layout.names else [int(c) - 1 for c in columns],
                    on_bad_lines="skip" if layout.damaged else "error", index_col=False, chunksize=_CHUNK,
                    low_memory=False,
                ):  # fmt: skip
                    seen += len(chunk)
                    chunk.columns = [str(c) if layout.names else str(int(c) + 1) for c in chunk.columns]
                    if subject and layout.subject:
                        chunk = chunk[_texts(chunk[layout.subject]) == subject]
                    frames.append(chunk)
            except (ValueError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
                raise DataError(f"{self._files.where(name)}: {str(error).strip()[:120]}") from None
        return pd.concat(frames), max(0, broken - seen)

    def _numbers(self, frame: pd.DataFrame, column: str, where: str) -> NDArray[np.float64]:
        values = pd.to_numeric(frame[column], errors="coerce").to_numpy(np.float64)
        wrong = np.isnan(values) & frame[column].notna().to_numpy()
        for i in np.flatnonzero(wrong)[:1] if not self._layout.damaged else ():
            row = frame.index[i] + (2 if self._layout.names else 1)
            text = str(frame[column].iloc[i])[:40]
            raise DataError(f"{where} row {row}: column '{column}' has '{text}', not a number")
        return values

    def _marks(self, texts: NDArray[Any], rows: NDArray[np.int64], where: str) -> NDArray[np.int64]:
        """Class index of each row, -1 for none."""
        index: dict[Any, int] = {}
        for text in dict.fromkeys(texts.tolist()):
            name = self._layout.labels.get(text, None) if text else ""
            if name is None:
                row = rows[np.flatnonzero(texts == text)[0]]
                raise DataError(f"{where} row {row}: there is no label '{str(text)[:40]}'")
            index[text] = self._card.classes.index(name) if name else -1
        return np.array([index[text] for text in texts.tolist()], np.int64)


def _entry(pattern: str, entry: str, name: str) -> str:
    return (from_name(pattern, entry, name) or "") if f"{{{entry}" in pattern else ""


def _fits(pattern: str, name: str) -> bool:
    entry = re.search(r"\{(\w+)", pattern)
    return fnmatchcase(name, pattern) if entry is None else bool(_entry(pattern, entry[1], name))


def _texts(column: pd.Series[Any]) -> NDArray[Any]:
    """A column as text; whole numbers without a decimal point, nothing for an empty cell."""
    codes, values = pd.factorize(column)
    texts = [str(int(v)) if isinstance(v, float) and v.is_integer() else str(v).strip() for v in values]
    return np.array([*texts, ""], object)[codes]


def _onto(main: _Rows, other: _Rows) -> NDArray[np.float64]:
    """Another sensor's values at the time stamps of the first, NaN where it has none near."""
    if main.times is None or other.times is None or len(other.times) < 2:
        return np.full((len(main.values), other.values.shape[1]), np.nan)
    order = np.argsort(other.times, kind="stable")
    t, values = other.times[order], other.values[order]
    after = np.clip(np.searchsorted(t, main.times), 1, len(t) - 1)
    far = t[after] - t[after - 1] > _APART * np.median(np.diff(t))
    far |= (main.times < t[0]) | (main.times > t[-1])
    at = np.stack([np.interp(main.times, t, v) for v in values.T], 1)
    at[far] = np.nan
    return at


def where_from(card: Card) -> str:
    """Return where a dataset's files can be had, for messages."""
    return f"get {card.origin}, and name its folder or zip with `data`"


LOADER = Published  # of every dataset whose card has the entry
