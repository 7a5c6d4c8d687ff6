"""Labels in a file of their own: start, end, label."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from odl.data.card import DataError
from odl.data.clock import seconds_of
from odl.data.readers import read_tables
from odl.data.readers.source import SourceFile
from odl.data.readers.table import RawTable

_LABELS = (
    "label",
    "annotation",
    "activity",
    "class",
    "value",
    "event",
    "name",
    "text",
    "behavior",
    "behaviour",
)


@dataclass(frozen=True)
class Span:
    """A labelled stretch from ``start`` to ``end`` (exclusive)."""

    start: float
    end: float
    label: str
    where: str


@dataclass(frozen=True)
class SpanColumns:
    """The columns of a label file; ``factor`` turns its numbers into seconds where their names say a unit."""

    start: str
    end: str
    label: str
    factor: float = 1.0


def span_columns(table: RawTable) -> SpanColumns | None:
    """Return which columns are start, end and label; None if the table has no such columns.

    ``start, end, label``; ``label_start, label_end``; ``begin time - ss.msec`` of ELAN; without names two
    ascending columns of numbers and one of text, as Audacity writes them.
    """
    names = {name: re.sub(r"[^a-z0-9]+", " ", name.lower()).strip() for name in table.columns}
    starts = [n for n, p in names.items() if re.search(r"\b(start|begin|from|onset|t0|tmin|xmin)\b", p)]
    ends = [n for n, p in names.items() if re.search(r"\b(end|stop|to|offset|until|t1|tmax|xmax)\b", p)]
    texts = [n for n, c in table.columns.items() if n not in starts + ends and c.dtype.kind in "Oiu"]
    labels = [n for word in _LABELS for n in texts if word in names[n].split()]
    labels += [n for n in texts if any(word in names[n] for word in _LABELS) and n not in labels]
    if starts and ends and labels:

        def numeric(name: str) -> bool:
            return table.columns[name].dtype.kind in "iuf"

        start, end = (next((n for n in own if numeric(n)), own[0]) for own in (starts, ends))
        told = re.search(r"\b(ms|msec|milliseconds)\b", names[start]) and "ss msec" not in names[start]
        return SpanColumns(start, end, labels[0], 1e-3 if told and numeric(start) else 1.0)
    if all(re.fullmatch(r"column \d+", name) for name in table.columns) and len(table.columns) < 9:
        numbers = [n for n, c in table.columns.items() if c.dtype.kind in "iuf"]
        words = [n for n, c in table.columns.items() if c.dtype.kind == "O" and (c != "").all()]
        for one, other in zip(numbers, numbers[1:], strict=False):
            a, b = table.numbers(one), table.numbers(other)
            if words and len(numbers) < 5 and bool((a <= b).all()) and bool((np.diff(a) >= 0).all()):
                return SpanColumns(one, other, words[-1])
    return None


def side_name(table: SourceFile, name: str) -> str:
    """The label file of ``table``: ``{file}`` in ``name`` is the table's name without its end.

    >>> side_name(SourceFile(Path("a/walk.csv"), "a/walk.csv"), "{file}.labels.csv")
    'a/walk.labels.csv'
    """
    folder, _, own = table.name.rpartition("/")
    stem = Path(own).stem
    return f"{folder}/" * bool(folder) + name.replace("{file}", stem) if name else ""


def read_spans(source: SourceFile, table: SourceFile, others: Sequence[str]) -> list[Span]:
    """Return the labelled stretches of ``table`` in a label file, in order of start.

    A column ``file`` names the table of a row, one of ``others``; without it all rows belong to ``table``.

    Raises
    ------
    DataError
        If a column is missing, a stretch ends before it starts, or two overlap: with both rows.
    """
    rows = read_tables(source)[0]
    columns = span_columns(rows)
    if columns is None:
        there = ", ".join(rows.columns)
        raise DataError(
            f"{source.path}: a label file has columns start, end and label; there are {there[:200]}"
        )
    starts, ends = (
        (seconds_of(rows, n, "s") if rows.column(n).dtype.kind in "mMO" else rows.numbers(n)) * columns.factor
        for n in (columns.start, columns.end)
    )
    codes, texts = rows.texts(columns.label)
    own = Path(table.name).name
    file_codes, files = rows.texts("file") if "file" in rows.columns else (codes * 0, [own])
    spans = []
    for i, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        file = files[file_codes[i]]
        if file not in (own, Path(own).stem):
            if not any(Path(name).name == file or Path(name).stem == file for name in others):
                raise DataError(f"{rows.row(i)}: there is no file '{file[:40]}'")
            continue
        if not start < end:
            raise DataError(f"{rows.row(i)}: from {start:g} to {end:g} is no stretch of time")
        spans.append(Span(start, end, texts[codes[i]], rows.row(i)))
    spans.sort(key=lambda s: (s.start, s.end))
    for one, after in zip(spans, spans[1:], strict=False):
        if after.start < one.end:
            raise DataError(
                f"{after.where}: starts at {after.start:g}, before row {one.where.rsplit(' ', 1)[1]} ends at "
                f"{one.end:g}; correct one of the two"
            )
    return spans
