"""Tables of one's own, in any format that a reader knows, by what the card says."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from odl.data.archive import to_counts
from odl.data.bundled import Part
from odl.data.card import Card, DataError, agree, read_card, subject_name, subject_order
from odl.data.label_file import read_spans, side_name
from odl.data.loaders.recordings import recorded_parts
from odl.data.loaders.rows import Rows, rows_of, span_rows
from odl.data.loaders.words import named_columns, without_word, word_in
from odl.data.readers import read_tables
from odl.data.readers.source import SourceFile
from odl.data.readers.table import RawTable
from odl.data.resample import runs, to_fixed_rate
from odl.data.table_card import files_of, from_name, layout_of

SATURATED = 0.01  # share of values beyond 16 bits from which on the scale is wrong


@dataclass
class FileReport:
    """What became of the rows of one file, or of files that are one recording."""

    files: list[str]
    read: int = 0
    dropped: int = 0
    bridged: int = 0
    resampled: int = 0
    recordings: int = 0
    gaps: int = 0
    lost: int = 0
    notes: list[str] = field(default_factory=list)


class Tables:
    """Every person of a folder's tables; files are read once, when first asked for.

    Parameters
    ----------
    card : Card
        With its ``table`` entry.
    card_path : Path
        Where it lies, for complaints.
    base : Path
        Folder of the tables, a zip of them, or one of them.

    Attributes
    ----------
    reports : list of FileReport
        One for each file that was read.

    Raises
    ------
    DataError
        If there are no files, one has another checksum, or a card further down disagrees.
    """

    def __init__(self, card: Card, card_path: Path, base: Path) -> None:
        self._card, self._card_path, self._base = card, card_path, base
        self._layout = layout_of(card, card_path)
        self.reports: list[FileReport] = []
        own = files_of(base, self._layout.files)
        beside = files_of(base.parent, ("*",)) if base.is_file() and self._layout.label_file else own
        if not base.is_file() and self._layout.label_file:
            beside = files_of(base, ("*",))
        self._sides = {s.name: s for s in beside}
        sides = {side_name(s, self._layout.label_file) for s in own}
        self._files = [s for s in own if s.name not in sides and s.name not in self._layout.skip]
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
        self.reports.clear()
        for group in self._groups():
            parts = self._recorded(group[0]) if group[0].suffix == ".odl" else self._read(group)
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

    def _groups(self) -> list[list[SourceFile]]:
        """Files that are one recording: those whose names differ by a word of ``join`` alone."""
        groups: dict[str, list[SourceFile]] = {}
        for source in self._files:
            word = word_in(source.name, self._layout.join)
            groups.setdefault(without_word(source.name, word) if word else source.name, []).append(source)
        return list(groups.values())

    def _tables(self, group: list[SourceFile]) -> Iterator[dict[str, RawTable]]:
        """The tables of each recording of a group, by the word of ``join`` that each goes by."""
        layout = self._layout
        joined: dict[str, dict[str, RawTable]] = {}
        for source in group:
            tables = read_tables(source)
            while tables:  # each is let go of before the next: a table may be large
                table = named_columns(tables.pop(0), layout.columns)
                if not layout.join:
                    alone = {"": table}
                    del table
                    yield alone
                    continue
                file_word, part_word = word_in(source.name, layout.join), word_in(table.part, layout.join)
                own = {file_word or part_word: table}
                if layout.sensor:
                    codes, texts = table.texts(layout.sensor)
                    own = {t: table.taken(codes == i) for i, t in enumerate(texts) if t in layout.join}
                rest = without_word(table.part, part_word) if part_word else ""
                joined.setdefault(rest, {}).update({word: t for word, t in own.items() if word})
        for own in filter(None, joined.values()):
            for word in layout.join:
                if word not in own:
                    raise DataError(
                        f"{group[0].path}: there is no '{word}' beside it; add it, take its channels out "
                        f"of the "
                        "card, or the file out of the folder"
                    )
            yield {word: own[word] for word in layout.join}

    def _read(self, group: list[SourceFile]) -> Iterator[tuple[str, str, Part]]:
        """(person, where, part) of the tables of one recording."""
        card, raw = self._card, self._layout.raw
        scales = np.array([c.scale for c in card.channels])
        report = FileReport([source.name for source in group])
        self.reports.append(report)
        for tables in self._tables(group):
            name = next(iter(tables.values())).path.name
            report.read += sum(len(table) + table.facts.dropped for table in tables.values())
            report.dropped += sum(table.facts.dropped for table in tables.values())
            report.notes += [note for table in tables.values() for note in table.facts.notes]
            for rows in rows_of(tables, card, self._layout, partial(self._marks, group[0])):
                report.dropped += rows.dropped
                report.resampled += rows.joined
                stretches, changes = to_fixed_rate(
                    rows.times, rows.values, rows.marks, card.rate_hz, rows.where, self._layout.resample
                )
                report.dropped += changes.dropped
                report.bridged += changes.bridged
                report.resampled += changes.resampled
                report.recordings += 1
                report.gaps += len(changes.holes)
                report.lost += sum(changes.holes)
                notes = [*rows.notes, *changes.notes]
                report.notes += notes
                for stretch in stretches:
                    block, outside = to_counts(stretch.values, np.ones(len(scales)) if raw else scales)
                    if outside > SATURATED * block.size:
                        raise DataError(
                            f"{rows.where(0)} on: {outside} of {block.size} values do not fit into 16 bits "
                            f"at "
                            "the card's scale; correct scale or unit"
                        )
                    if outside:
                        notes.append(f"{outside} values limited to 16 bits")
                    truths = tuple((s, e, card.classes[m]) for s, e, m in runs(stretch.marks) if m >= 0)
                    first = stretch is stretches[0]
                    note = f"{name}: {', '.join(notes)}" if notes and first else ""
                    person = self._person(self._subject(group[0], rows))
                    yield person, rows.where(0), Part(block, truths, stretch.lost_before, note)

    def _subject(self, source: SourceFile, rows: Rows) -> str:
        if self._layout.subject:
            return rows.subject
        if self._layout.subject_pattern:
            return self._named(source, "subject", self._layout.subject_pattern)
        return rows.subject or "1"

    def _named(self, source: SourceFile, entry: str, pattern: str) -> str:
        name = source.name
        if "/" in pattern and self._base.is_file() and source.archive is None:
            name = source.path.relative_to(self._card_path.parent).as_posix()
        found = from_name(pattern, entry, name if "/" in pattern else name.rsplit("/", 1)[-1])
        if found is None:
            raise DataError(f"{source.path}: the name does not fit the card's pattern '{pattern}'")
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

    def _marks(
        self, source: SourceFile, table: RawTable, times: NDArray[np.float64] | None
    ) -> NDArray[np.int64]:
        """The class of each row, -1 where none is known."""
        layout = self._layout
        if layout.label:
            codes, texts = table.texts(layout.label)
            first = np.zeros(len(texts), np.int64)
            first[codes[::-1]] = np.arange(len(codes))[::-1]
            known = [self._class(text, table.row(int(i))) for text, i in zip(texts, first, strict=True)]
            return np.array([*known, -1], np.int64)[codes]
        if layout.label_pattern:
            text = self._named(source, "label", layout.label_pattern)
            return np.full(len(table), self._class(text, str(table.path)))
        marks = np.full(len(table), -1, np.int64)
        if not layout.label_file:
            if table.facts.label:
                marks[:] = self._class(table.facts.label, str(table.path))
            for a, b, text in table.facts.spans:
                marks[a:b] = self._class(text, table.row(a))
            return marks
        side = self._sides.get(side_name(source, layout.label_file))
        if side is None:
            missing = source.path.parent / side_name(source, layout.label_file).rsplit("/", 1)[-1]
            raise DataError(f"{missing}: this label file is missing; {source.path.name} needs it")
        for span in read_spans(side, source, list(self._sides)):
            a, b = span_rows(span, layout, table, times, self._card.rate_hz)
            marks[a:b] = self._class(span.label, span.where)
        return marks

    def _recorded(self, source: SourceFile) -> Iterator[tuple[str, str, Part]]:
        who, parts = recorded_parts(source.path, self._card)
        report = FileReport([source.name], sum(len(p.block) for p in parts), recordings=len(parts))
        self.reports.append(report)
        if self._layout.subject_pattern:
            who = self._named(source, "subject", self._layout.subject_pattern)
        for part in parts:
            truths = [(a, b, self._class(name, str(source.path))) for a, b, name in part.truths]
            named = tuple((a, b, self._card.classes[c]) for a, b, c in truths if c >= 0)
            yield self._person(who), str(source.path), Part(part.block, named, part.lost_before, part.note)
