"""Tables of one's own: CSV, Parquet, Edge Impulse's CSV, recordings, by what the card says."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from odl.data.archive import to_counts
from odl.data.bundled import Part
from odl.data.card import Card, DataError, agree, read_card, subject_name, subject_order
from odl.data.label_file import Span, side_file, spans_of
from odl.data.loaders.recordings import recorded_parts
from odl.data.resample import runs, to_fixed_rate
from odl.data.table_card import SECONDS, files_of, from_name, layout_of
from odl.data.table_file import Table, read_table

SATURATED = 0.01  # share of values beyond 16 bits from which on the scale is wrong


class Tables:
    """Every person of a folder's tables; files are read once, when first asked for.

    Parameters
    ----------
    card : Card
        With its ``table`` entry.
    card_path : Path
        Where it lies, for complaints.
    base : Path
        Folder of the tables, or one of them.

    Raises
    ------
    DataError
        If there are no files, one has another checksum, or a card further down disagrees.
    """

    def __init__(self, card: Card, card_path: Path, base: Path) -> None:
        self._card, self._card_path, self._base = card, card_path, base
        self._layout = layout_of(card, card_path)
        own = files_of(base, self._layout.files)
        sides = {side_file(path, self._layout.label_file) for path in own}
        self._files = [p for p in own if p not in sides]
        if not self._files:
            looked = ", ".join(self._layout.files)
            raise DataError(f"{base}: there are no tables; looked for {looked}")
        folder = base if base.is_dir() else base.parent
        for name, digest in card.checksums.items():
            path = folder / name
            if not path.is_file():
                raise DataError(f"{path}: the file is missing, but {card_path.name} has its checksum")
            if (found := hashlib.sha256(path.read_bytes()).hexdigest()) != digest:
                raise DataError(
                    f"{path}: SHA-256 is {found[:12]}..., but {card_path.name} says {digest[:12]}...; "
                    "restore the file or correct the card"
                )
        # Cards further down speak of what lies there, which a single table does not.
        for other in sorted(folder.rglob("card.json")) if base.is_dir() else ():
            if other.resolve() != card_path.resolve():
                agree(card, card_path, read_card(other), other)

    @property
    def subjects(self) -> tuple[str, ...]:
        """The people whom the card's splits name; of a single file, those who are in it."""
        return tuple(sorted(self._people, key=subject_order)) if self._base.is_file() else self._card.subjects

    def session(self, subject: str, seed: int = 0) -> tuple[Part, ...]:
        """A person's recordings, in order of file names and rows."""
        return self._people.get(subject, ())

    @cached_property
    def _people(self) -> dict[str, tuple[Part, ...]]:
        found: dict[str, list[Part]] = {}
        for path in self._files:
            parts = self._recorded(path) if path.suffix == ".odl" else self._read(path)
            for subject, where, part in parts:
                if subject not in self._card.subjects:
                    raise DataError(f"{where}: person {subject} is in no split of {self._card_path.name}")
                # Nothing is known of what was before a person's first sample.
                lost = part.lost_before if subject in found else 0
                found.setdefault(subject, []).append(Part(part.block, part.truths, lost, part.note))
        for subject in self._card.subjects:
            if subject not in found and self._base.is_dir():
                raise DataError(
                    f"{self._base}: {self._card_path.name} names person {subject}, but no file does"
                )
        return {subject: tuple(parts) for subject, parts in found.items()}

    def _read(self, path: Path) -> Iterator[tuple[str, str, Part]]:
        """(person, where, part) of one table."""
        layout, card = self._layout, self._card
        table = read_table(path, layout.separator)
        values = np.stack([table.numbers(c) for c in card.columns], 1) * np.array(card.signs)
        times = self._clock(table) if layout.time else None
        marks = self._marks(table, times)
        keys = [self._subjects(table)]
        if layout.recording:
            keys.append(table.texts(layout.recording))
        starts = [0, *(i for i in range(1, len(table)) if any(k[i] != k[i - 1] for k in keys)), len(table)]
        scales = np.array([c.scale for c in card.channels])
        for a, b in zip(starts[:-1], starts[1:], strict=True):
            stretches, notes = to_fixed_rate(
                None if times is None else times[a:b], values[a:b], marks[a:b], card.rate_hz,
                partial(table.row, start=a), layout.resample,
            )  # fmt: skip
            for stretch in stretches:
                block, outside = to_counts(stretch.values, np.ones(len(scales)) if layout.raw else scales)
                if outside > SATURATED * block.size:
                    raise DataError(
                        f"{table.row(a)} on: {outside} of {block.size} values do not fit into 16 bits at the "
                        "card's scale; correct scale or unit"
                    )
                if outside:
                    notes.append(f"{outside} values limited to 16 bits")
                truths = tuple((s, e, card.classes[m]) for s, e, m in runs(stretch.marks) if m >= 0)
                first = stretch is stretches[0]
                note = f"{path.name}: {', '.join(notes)}" if notes and first else ""
                yield (
                    self._person(keys[0][a]),
                    table.row(a),
                    Part(block, truths, stretch.lost_before, note),
                )

    def _clock(self, table: Table) -> NDArray[np.float64]:
        """Seconds of each row: dates are that already, numbers are in the card's time unit."""
        times = table.times(self._layout.time)
        return times if table.has_dates(self._layout.time) else times * SECONDS[self._layout.time_unit]

    def _subjects(self, table: Table) -> list[str]:
        layout = self._layout
        if layout.subject:
            return table.texts(layout.subject)
        return [self._named(table.path, "subject", layout.subject_pattern) or "1"] * len(table)

    def _named(self, path: Path, entry: str, pattern: str) -> str:
        if not pattern:
            return ""
        folder = self._base if self._base.is_dir() else self._card_path.parent
        name = path.relative_to(folder).as_posix() if "/" in pattern else path.name
        found = from_name(pattern, entry, name)
        if found is None:
            raise DataError(f"{path}: the name does not fit the card's pattern '{pattern}'")
        return found

    def _person(self, text: str) -> str:
        return self._layout.people.get(text, subject_name(text))

    def _class(self, text: str, where: str) -> int:
        """Index of the class that ``text`` stands for, -1 for none."""
        name = self._layout.rename.get(text, text)
        if name == "":
            return -1
        if name not in self._card.classes:
            raise DataError(
                f"{where}: '{name[:40]}' is not among the card's classes; add it there, or rename it "
                "under rename in the card's table"
            )
        return self._card.classes.index(name)

    def _marks(self, table: Table, times: NDArray[np.float64] | None) -> NDArray[np.int64]:
        """The class of each row, -1 where none is known."""
        layout = self._layout
        if layout.label:
            known: dict[str, int] = {}
            marks = np.empty(len(table), np.int64)
            for i, text in enumerate(table.texts(layout.label)):
                if text not in known:
                    known[text] = self._class(text, table.row(i))
                marks[i] = known[text]
            return marks
        if layout.label_pattern:
            text = self._named(table.path, "label", layout.label_pattern)
            return np.full(len(table), self._class(text, str(table.path)))
        marks = np.full(len(table), -1, np.int64)
        side = side_file(table.path, layout.label_file)
        if side is not None:
            unit = layout.label_unit or ("time" if layout.time else "s")
            for span in spans_of(side, table.path, layout.separator):
                a, b = self._rows(span, unit, table, times)
                marks[a:b] = self._class(span.label, span.where)
        return marks

    def _rows(
        self, span: Span, unit: str, table: Table, times: NDArray[np.float64] | None
    ) -> tuple[int, int]:
        """The rows that a span of a label file covers."""
        clock = np.arange(len(table)) / self._card.rate_hz if times is None else times
        start, end = span.start, span.end
        if unit == "samples":
            clock = np.arange(len(table), dtype=np.float64)
        elif unit == "time" and not table.has_dates(self._layout.time):
            start, end = (x * SECONDS[self._layout.time_unit] for x in (start, end))
        else:
            clock = clock - clock[0]
        step = 1.0 if unit == "samples" else 1 / self._card.rate_hz
        if start < clock[0] - step or end > clock[-1] + 1.5 * step:
            raise DataError(
                f"{span.where}: {span.start:g} to {span.end:g} lies outside {table.path.name}, which goes "
                f"from {clock[0]:g} to {clock[-1]:g} {'rows' if unit == 'samples' else 's'}"
            )
        return int(np.searchsorted(clock, start - 1e-9)), int(np.searchsorted(clock, end - 1e-9))

    def _recorded(self, path: Path) -> Iterator[tuple[str, str, Part]]:
        who, parts = recorded_parts(path, self._card)
        if self._layout.subject_pattern:
            who = self._named(path, "subject", self._layout.subject_pattern)
        for part in parts:
            truths = [(a, b, self._class(name, str(path))) for a, b, name in part.truths]
            named = tuple((a, b, self._card.classes[c]) for a, b, c in truths if c >= 0)
            yield (
                self._person(who),
                str(path),
                Part(part.block, named, part.lost_before, part.note),
            )
