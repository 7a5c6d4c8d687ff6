"""From a table that was made from a recording back to its samples, gaps and truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from odl.core.events import Gap, Samples, Truth, valid_name
from odl.data.card import DataError
from odl.data.conversion.converted import Converted, guarded, unguarded
from odl.data.conversion.table_chunks import Chunk, read_chunks
from odl.data.resample import runs

MISSING = "missing in the table"
SEAM = "seam between recordings"
LAST = 2**53  # samples that a table can count
BLOCK = 512  # samples per event


class Spans:
    """The class of each sample; of two that cover a sample, the later one counts.

    Parameters
    ----------
    truths : tuple of (start, end exclusive, class)

    Examples
    --------
    >>> Spans(((0, 2, "sit"), (1, 3, "walk"))).names(np.arange(4))
    ['sit', 'walk', 'walk', None]
    """

    def __init__(self, truths: tuple[tuple[int, int, str], ...]) -> None:
        self._truths = truths
        self._starts = np.array([min(start, LAST) for start, _, _ in truths], np.int64)
        self._ends = np.array([min(end, LAST) for _, end, _ in truths], np.int64)

    def names(self, index: NDArray[np.int64]) -> list[str | None]:
        """Return the class of each sample of an ascending ``index``, None where there is no truth."""
        found = np.full(len(index), -1)
        if len(index):
            for i in np.flatnonzero((self._starts <= index[-1]) & (self._ends > index[0])).tolist():
                low, high = np.searchsorted(index, [self._starts[i], self._ends[i]])
                found[low:high] = i
        return [None if i < 0 else self._truths[i][2] for i in found.tolist()]


@dataclass(frozen=True, eq=False)
class Restored:
    """What a table says happened: ``events`` in order, and ``notes`` on what was changed."""

    events: list[Samples | Gap | Truth]
    notes: list[str]


def restore(path: Path, card: Converted, progress: Callable[[int], None] | None = None) -> Restored:
    """Read a converted table. Where card and rows differ, the rows are right.

    Parameters
    ----------
    path : Path
        The table, CSV or Parquet.
    card : Converted
        Its card.
    progress : callable, optional
        Called with the number of rows read so far.

    Raises
    ------
    DataError
        If a column is missing or a number cannot be: with the row.
    """
    indices, blocks, parts = [], [], []
    labels: list[str | None] = []
    known: dict[str | None, str | None] = {}  # the same name is kept once only
    last, rows, marked = -1, 0, False
    for table in read_chunks(path):
        index, counts, good = _numbers(table, card, last)
        last, rows, marked = int(index[-1]), rows + len(table), "truth" in table.columns
        indices.append(index[good])
        blocks.append(counts[good])
        if "recording" in table.columns:
            parts.append(np.nan_to_num(table.numbers("recording")[good]))
        else:
            seams = np.sort([start for start, _, _ in card.gaps])
            parts.append(np.searchsorted(seams, index[good], "right").astype(np.float64))
        if marked:
            own = zip(_truth(table), good.tolist(), strict=True)
            labels += [known.setdefault(name, name) for name, there in own if there]
        if progress is not None:
            progress(rows)
    index = np.concatenate(indices) if indices else np.empty(0, np.int64)
    if not len(index):
        raise DataError(f"{path}: there are no rows with values")
    notes = [f"{rows - len(index)} rows without values left out"] if rows > len(index) else []
    breaks = np.flatnonzero((np.diff(index) > 1) | (np.diff(np.concatenate(parts)) != 0)) + 1
    edges = [0, *breaks.tolist(), len(index)]
    gaps = _Gaps(card)
    tail = gaps.chain(int(index[-1]) + 1, card.position)
    position = card.position if tail else int(index[-1]) + 1
    if not marked or Spans(card.truths).names(index) == labels:
        spans = card.truths
        if position < card.position:
            spans = tuple((a, min(b, position), name) for a, b, name in spans if a < position)
    else:
        spans = _spans(index, labels, edges)
        notes.append("the truth is that of the rows, which differs from the recorded one")
    events = list(_events(index, np.concatenate(blocks), edges, [Truth(*one) for one in spans], gaps))
    return Restored([*events, *tail], notes)


def _numbers(
    table: Chunk, card: Converted, last: int
) -> tuple[NDArray[np.int64], NDArray[np.int16], NDArray[np.bool_]]:
    """Indices (n,), counts (n, channels), and which rows have all values."""
    numbers = table.numbers("index")
    ahead = np.diff(numbers, prepend=last) >= 1
    whole = (numbers == np.rint(numbers)) & (numbers >= 0) & (numbers < LAST)
    for i in np.flatnonzero(~(ahead & whole))[:1].tolist():
        raise DataError(
            f"{table.row(i)}: index is {numbers[i]:.15g} after {numbers[i - 1] if i else last:.15g}; "
            "it has to be a whole number and grow"
        )
    guard = str if table.path.suffix == ".parquet" else guarded
    values = np.stack([table.numbers(guard(column)) for column in card.columns], 1)
    good = np.asarray(np.isfinite(values).all(axis=1), np.bool_)
    scales = 1.0 if card.counts else np.array([scale for _, _, scale in card.channels])
    counts = np.rint(np.where(good[:, None], values, 0) / scales)
    for i in np.flatnonzero((np.abs(counts + 0.5) > 2**15).any(axis=1))[:1].tolist():
        raise DataError(f"{table.row(i)}: a value does not fit into 16 bits at the card's scale")
    return numbers.astype(np.int64), counts.astype(np.int16), good


def _truth(table: Chunk) -> list[str | None]:
    """The class of each row, None where the cell is empty."""
    plain = table.path.suffix == ".parquet"
    names: list[str | None] = []
    for i, cell in enumerate(table.columns["truth"]):
        text = cell if isinstance(cell, str) else ""
        text = text if plain else unguarded(text)
        if text and not valid_name(text):
            raise DataError(f"{table.row(i)}: a class name is over 32 bytes or not printable")
        names.append(text or None)
    return names


def _spans(
    index: NDArray[np.int64], labels: list[str | None], edges: list[int]
) -> tuple[tuple[int, int, str], ...]:
    """Truth from rows: one for each run of a class within an uninterrupted recording."""
    numbers: dict[str, int] = {}
    marks = np.array([-1 if name is None else numbers.setdefault(name, len(numbers)) for name in labels])
    names = list(numbers)
    return tuple(
        (int(index[low + a]), int(index[low + b - 1]) + 1, names[mark])
        for low, high in pairwise(edges)
        for a, b, mark in runs(marks[low:high])
        if mark >= 0
    )


class _Gaps:
    """The card's gaps by where they start."""

    def __init__(self, card: Converted) -> None:
        self._at: dict[int, list[Gap]] = {}
        for gap in card.gaps:
            self._at.setdefault(gap[0], []).append(Gap(*gap))

    def chain(self, start: int, end: int) -> list[Gap]:
        """Gaps one after the other from ``start`` to ``end``; none if there is no such chain."""
        found: list[Gap] = []
        while start <= end:
            own = self._at.get(start, [])
            found += own
            if not sum(gap.lost for gap in own):
                break
            start += sum(gap.lost for gap in own)
        return found if start == end else []


def _events(
    index: NDArray[np.int64], counts: NDArray[np.int16], edges: list[int], truths: list[Truth], known: _Gaps
) -> Iterator[Samples | Gap | Truth]:
    now = done = 0
    for low, high in pairwise(edges):
        first, end = int(index[low]), int(index[high - 1]) + 1
        gaps = known.chain(now, first)
        if not gaps and (first > now or low):
            gaps = [Gap(now, first - now, MISSING if first > now else SEAM)]
        yield from gaps
        while done < len(truths) and truths[done].start < end:
            yield truths[done]
            done += 1
        for at in range(low, high, BLOCK):
            yield Samples(int(index[at]), counts[at : min(at + BLOCK, high)])
        now = end
    yield from truths[done:]
