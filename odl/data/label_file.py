"""Labels in a file of their own: start, end, label."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from odl.data.card import DataError
from odl.data.table_file import read_table


@dataclass(frozen=True)
class Span:
    """A labelled stretch from ``start`` to ``end`` (exclusive)."""

    start: float
    end: float
    label: str
    where: str


def side_file(table: Path, name: str) -> Path | None:
    """The label file of ``table``: ``{file}`` in ``name`` is the table's name without its end.

    >>> side_file(Path("a/walk.csv"), "{file}.labels.csv").name
    'walk.labels.csv'
    """
    return table.parent / name.replace("{file}", table.stem) if name else None


def spans_of(path: Path, table: Path, separator: str = "") -> list[Span]:
    """Return the labelled stretches of ``table`` in the label file ``path``, in order of start.

    A column ``file`` names the table of a row; without it all rows belong to ``table``.

    Raises
    ------
    DataError
        If a file or column is missing, a stretch ends before it starts, or two overlap.
    """
    if not path.is_file():
        raise DataError(f"{path}: this label file is missing; {table.name} needs it")
    rows = read_table(path, separator)
    starts, ends, labels = rows.numbers("start"), rows.numbers("end"), rows.texts("label")
    files = rows.texts("file") if "file" in rows.columns else [table.name] * len(rows)
    spans = []
    for i, (start, end, label, file) in enumerate(zip(starts, ends, labels, files, strict=True)):
        if file not in (table.name, table.stem):
            if not any((table.parent / f).is_file() for f in (file, file + table.suffix)):
                raise DataError(f"{rows.row(i)}: there is no file '{file[:40]}'")
            continue
        if not start < end:
            raise DataError(f"{rows.row(i)}: from {start:g} to {end:g} is no stretch of time")
        spans.append(Span(float(start), float(end), label, rows.row(i)))
    spans.sort(key=lambda s: (s.start, s.end))
    for one, after in zip(spans, spans[1:], strict=False):
        if after.start < one.end:
            raise DataError(f"{after.where}: starts at {after.start:g}, before row "
                            f"{one.where.rsplit(' ', 1)[1]} ends at {one.end:g}")  # fmt: skip
    return spans
