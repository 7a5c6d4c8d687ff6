"""The rows of each recording in a table: split by person, device and clock, joined across sensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from odl.data.card import Card, DataError
from odl.data.clock import FEWEST_ROWS, PAIR, SECONDS, has_dates, rate_of_steps, read_clock, seconds_of
from odl.data.label_file import Span
from odl.data.readers.table import RawTable
from odl.data.resample import HOLE
from odl.data.table_card import TableLayout

Marks = Callable[[RawTable, NDArray[np.float64] | None], NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class Rows:
    """One recording of one person and device.

    ``values`` are (n, channels), ``times`` (n,) in seconds or None, ``marks`` (n,).

    ``subject`` is as the table has it, empty if it does not say. ``dropped`` rows were left out, ``joined``
    values were interpolated at another sensor's times; ``notes`` say so. ``places`` are the rows' places in
    ``table``.
    """

    table: RawTable
    places: NDArray[np.int64]
    times: NDArray[np.float64] | None
    values: NDArray[np.float64]
    marks: NDArray[np.int64]
    subject: str = ""
    dropped: int = 0
    joined: int = 0
    notes: list[str] = field(default_factory=list)

    def where(self, i: int) -> str:
        """The place of row ``i`` in the user's file."""
        return self.table.row(int(self.places[i]))


def rows_of(tables: dict[str, RawTable], card: Card, layout: TableLayout, marks: Marks) -> Iterator[Rows]:
    """Yield the recordings of tables that belong together, one table by sensor word.

    Raises
    ------
    DataError
        If a column is missing, a clock cannot be used, or tables do not fit together.
    """
    own: dict[str, list[int]] = {}
    columns = list(card.columns)
    for i, column in enumerate(columns):
        word = next(
            (w for w in sorted(tables, key=len, reverse=True) if w and column.startswith(f"{w}.")), ""
        )
        columns[i] = column[len(word) + 1 :] if word else column
        own.setdefault(word if word in tables else next(iter(tables)), []).append(i)
    needed = [layout.label, layout.subject, layout.device, layout.recording, *layout.time.split(PAIR)]
    pieces: dict[str, list[Rows]] = {}
    signs = np.array(card.signs)
    for word, channels in list(own.items()):
        table = tables[word]
        values = table.values([columns[i] for i in channels])
        if (signs[channels] < 0).any():
            values *= signs[channels]
        kept = [name for name in needed if name in table.columns] or columns[channels[0] : channels[0] + 1]
        table = tables[word] = table.only(kept)  # the axes need no memory twice
        for sensor, chosen in _sensors([card.channels[i].name for i in channels], values).items():
            part = table if chosen is None else table.taken(chosen)
            some = values if chosen is None else values[chosen]
            kinds = [
                k for k, i in enumerate(channels) if chosen is None or card.channels[i].name[0] == sensor
            ]
            name = word or sensor
            pieces[name] = list(_split(part, some[:, kinds], layout, marks, card.rate_hz))
            own[name] = [channels[k] for k in kinds]
    order = np.argsort([i for name in pieces for i in own[name]])
    straight = bool((np.diff(order) == 1).all())
    for group in _together(pieces):
        rows = group[next(iter(group))]
        for name, other in list(group.items())[1:]:
            rows = _joined(rows, other, next(iter(group)), name)
        yield rows if straight else replace(rows, values=rows.values[:, order])


def _sensors(names: list[str], values: NDArray[np.float64]) -> dict[str, NDArray[np.int64] | None]:
    """The rows of each sensor where no row has all of them (a row per event); else all rows, None."""
    good = np.isfinite(values)
    if len(values) and good.all(1).mean() < 0.5:
        kinds = {
            kind: good[:, [n[0] == kind for n in names]].all(1) for kind in dict.fromkeys(n[0] for n in names)
        }
        if len(kinds) > 1 and all(own.mean() > 0.2 / len(kinds) for own in kinds.values()):
            return {kind: np.flatnonzero(own) for kind, own in kinds.items()}
    return {"": None}


def _split(
    table: RawTable, values: NDArray[np.float64], layout: TableLayout, marks: Marks, rate_hz: float
) -> Iterator[Rows]:
    """The recordings of one table, in the order in which they begin."""
    code = np.zeros(len(table), np.int64)
    people: list[str] = [""]
    for name in (layout.device, layout.recording, layout.subject):
        if name:
            codes, texts = table.texts(name)
            code = code * len(texts) + codes
            people = texts if name == layout.subject else [""]
    keys, first = np.unique(code, return_index=True)
    breaks = np.array(table.facts.breaks, np.int64)
    for key in keys[np.argsort(first)].tolist():
        own = np.flatnonzero(code == key) if len(keys) > 1 else np.arange(len(table))
        subject = people[key % len(people)] or table.facts.subject
        dropped, notes = 0, list[str]()
        if layout.time:
            empty = ~np.isfinite(values[own]).any(1)
            if empty.any():
                empty &= np.isnan(seconds_of(table, layout.time, layout.time_unit)[own])
            own, dropped = own[~empty], int(empty.sum())
            if not len(own):
                continue
        place = _slice(own)
        part = table if len(own) == len(table) else table.taken(place)
        at = tuple(np.searchsorted(own, breaks).tolist())
        part = replace(part, facts=replace(part.facts, breaks=tuple(b for b in at if 0 < b < len(own))))
        keep = np.ones(len(own), np.bool_)
        times, cuts = None, part.facts.breaks
        if layout.time:
            clock = read_clock(part, layout.time, layout.time_unit, values[place])
            times, keep, cuts, notes = clock.times, clock.keep, clock.cuts, list(clock.notes)
        elif len(keys) > 1:
            runs = np.flatnonzero(np.diff(own) > 1) + 1
            cuts = (*cuts, *(runs.tolist() if len(runs) * FEWEST_ROWS < len(own) else ()))
        if times is None and table.facts.rate_hz and abs(table.facts.rate_hz / rate_hz - 1) > 1e-6:
            times = np.arange(len(own)) / table.facts.rate_hz
        classes = marks(part, times)
        edges = [0, *sorted(set(cuts)), len(own)]
        for a, b in zip(edges[:-1], edges[1:], strict=True):
            rows = np.arange(a, b)[keep[a:b]]
            lost = dropped * (a == 0) + (b - a - len(rows))
            some = _slice(rows)
            yield Rows(
                table, own[rows], None if times is None else times[some], values[_slice(own[rows])],
                classes[some],
                subject, lost, 0, notes if a == 0 else [],
            )  # fmt: skip


def _slice(places: NDArray[np.int64]) -> NDArray[np.int64] | slice:
    """Neighbouring places as a slice, which copies nothing."""
    if len(places) and places[-1] - places[0] + 1 == len(places):
        return slice(int(places[0]), int(places[-1]) + 1)
    return places


def _together(pieces: dict[str, list[Rows]]) -> Iterator[dict[str, Rows]]:
    """One recording of every sensor at a time."""
    counts = {name: len(rows) for name, rows in pieces.items()}
    if len(set(counts.values())) > 1:
        first = next(iter(pieces.values()))[0].table.path
        told = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise DataError(
            f"{first}: its sensors have different numbers of recordings ({told}): they cannot be joined"
        )
    for group in zip(*pieces.values(), strict=True):
        yield dict(zip(pieces, group, strict=True))


def _joined(one: Rows, other: Rows, name: str, other_name: str) -> Rows:
    """``one`` with the channels of ``other`` at its times."""
    where = f"{one.where(0)} on"
    notes = [*one.notes, *(note for note in other.notes if note not in one.notes)]
    lost = one.dropped + other.dropped
    if one.times is None or other.times is None:
        n = min(len(one.values), len(other.values))
        more = max(len(one.values), len(other.values)) - n
        if more > max(2, 0.01 * n):
            raise DataError(
                f"{where}: {name} has {len(one.values)} rows and {other_name} {len(other.values)}; without "
                f"a clock "
                "they cannot be joined"
            )
        notes += [f"{more} rows that only one of {name} and {other_name} has left out"] if more else []
        values = np.concatenate([one.values[:n], other.values[:n]], 1)
        return replace(
            one, places=one.places[:n], times=None if one.times is None else one.times[:n], values=values,
            marks=one.marks[:n], dropped=lost + more, notes=notes,
        )  # fmt: skip
    t, u = one.times, other.times
    period, width = np.median(np.diff(t)) if len(t) > 1 else 0.0, 1 / (rate_of_steps(np.diff(u)) or 1.0)
    inside = np.flatnonzero((t >= u[0] - width / 2 - period / 2) & (t <= u[-1] + width / 2 + period / 2))
    if not len(inside):
        raise DataError(
            f"{where}: the clock of {name} goes from {t[0]:.10g} to {t[-1]:.10g} s, that of {other_name} "
            f"from "
            f"{u[0]:.10g} to {u[-1]:.10g} s: they do not overlap and cannot be joined"
        )
    if outside := len(t) - len(inside):
        notes.append(f"{outside} rows of {name} before or after {other_name} left out")
    over = int(((u < t[0] - width) | (u > t[-1] + width)).sum())
    if over:
        notes.append(f"{over} rows of {other_name} before or after {name} left out")
    t, joined = t[inside], 0
    if len(t) == len(u) and np.abs(t - u).max() < 0.01 * width:
        added = other.values
    else:
        joined = len(t)
        good = np.isfinite(other.values).all(1)
        added = np.stack([np.interp(t, u[good], v) for v in other.values[good].T], 1)
        after = np.clip(np.searchsorted(u[good], t), 1, max(int(good.sum()) - 1, 1))
        added[(np.diff(u[good])[after - 1] > HOLE * width) & (t > u[good][0]) & (t < u[good][-1])] = np.nan
        notes.append(f"{other_name} interpolated at the time stamps of {name}")
    return replace(
        one, places=one.places[inside], times=t, values=np.concatenate([one.values[inside], added], 1),
        marks=one.marks[inside], dropped=lost + outside, joined=one.joined + joined, notes=notes,
    )  # fmt: skip


def span_rows(
    span: Span, layout: TableLayout, table: RawTable, times: NDArray[np.float64] | None, rate_hz: float
) -> tuple[int, int]:
    """The rows that a span of a label file covers."""
    unit = layout.label_unit or ("time" if layout.time else "s")
    clock = np.arange(len(table)) / rate_hz if times is None else times
    start, end = span.start, span.end
    if unit == "samples":
        clock = np.arange(len(table), dtype=np.float64)
    elif unit == "time" and times is not None and not has_dates(table, layout.time):
        start, end = (x * SECONDS[layout.time_unit] for x in (start, end))
    elif start < 1e8:  # later than any recording is long: a time of day or a date
        clock = clock - clock[0]
    step = 1.0 if unit == "samples" else 1 / rate_hz
    if start < clock[0] - step or end > clock[-1] + 1.5 * step:
        raise DataError(
            f"{span.where}: {span.start:g} to {span.end:g} lies outside {table.path.name}, which goes "
            f"from {clock[0]:g} to {clock[-1]:g} {'rows' if unit == 'samples' else 's'}; "
            "correct the row, or label_unit in the card"
        )
    return int(np.searchsorted(clock, start - 1e-9)), int(np.searchsorted(clock, end - 1e-9))
