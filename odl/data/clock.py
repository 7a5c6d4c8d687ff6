"""Time stamps as they are: in packets, in whole seconds, wrapped around, started again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from odl.data.card import DataError
from odl.data.readers.table import RawTable

SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
PAIR = " + "  # between the columns of a date and of a time of day
FEWEST_ROWS = 20  # of a recording, on the mean; clocks that start again more often are none
_LONG = 1.75  # times the median; a longer step is a lost row, a shorter one a late row
LONGEST = 2**40  # samples that can be missing
_PAUSE = 3600.0  # seconds; a longer step forward begins another recording
_REPEATED = 0.9  # share of rows with the stamp of the row before that are copies of it
_DIALS = (3600.0, 86400.0)  # minutes and seconds, a time of day
_WRAPS = (2.0**16, 2.0**24, 2.0**31, 2.0**32)


def seconds_of(table: RawTable, name: str, unit: str) -> NDArray[np.float64]:
    """Return a column of time stamps in seconds, NaN where there is none.

    Dates count from 1970, times of day from midnight, numbers are in ``unit``. ``"date + time"`` are two
    columns.
    """
    if PAIR in name and name not in table.columns:
        day, clock = name.split(PAIR, 1)
        return seconds_of(table, day, unit) + seconds_of(table, clock, unit)
    column = table.column(name)
    if column.dtype.kind == "O":
        import pyarrow

        from odl.data.readers.clock_text import to_clock

        found = to_clock(pyarrow.chunked_array([pyarrow.array(column, pyarrow.string(), from_pandas=True)]))
        column = column if found is None else found
    if column.dtype.kind in "mM":
        whole = column.astype("datetime64[ns]" if column.dtype.kind == "M" else "timedelta64[ns]")
        nanos = whole.view(np.int64)
        return np.where(np.isnat(column), np.nan, nanos // 10**9 + nanos % 10**9 / 1e9)
    return table.numbers(name) * SECONDS[unit]


def has_dates(table: RawTable, name: str) -> bool:
    """Whether a column holds dates or times of day instead of numbers."""
    return PAIR in name or table.column(name).dtype.kind in "mMO"


@dataclass(frozen=True, eq=False)
class RowClock:
    """Usable time stamps of a table's rows.

    Attributes
    ----------
    times : float64, (n,), seconds
        Ascending within a recording; equal stamps are spread over the time until the next one.
    keep : bool, (n,)
        False for a row that repeats the row before.
    cuts : tuple of int
        Rows at which another recording begins.
    rate_hz : float
        Of the rows as the sensor took them: lost rows do not lower it. 0 with fewer than two rows.
    notes : tuple of str
        What was found, with the rows.
    per_stamp : float
        Rows that share a time stamp, on the mean.
    doubtful : bool
        The same two, three or four rows share each stamp, which several devices would also do.
    """

    times: NDArray[np.float64]
    keep: NDArray[np.bool_]
    cuts: tuple[int, ...] = ()
    rate_hz: float = 0.0
    notes: tuple[str, ...] = field(default=())
    per_stamp: float = 1.0
    doubtful: bool = False


def read_clock(table: RawTable, name: str, unit: str, values: NDArray[np.float64]) -> RowClock:
    """Return the clock of a table's rows.

    Raises
    ------
    DataError
        If a stamp is missing, one row's stamp is out of order, or time goes back all the time.
    """
    t = seconds_of(table, name, unit)
    for i in np.flatnonzero(np.isnan(t))[:1]:
        raise DataError(f"{table.row(int(i))}: column '{name}' has no time stamp")
    sizes = [wrap * SECONDS[unit] for wrap in _WRAPS]
    t, notes = _unwrapped(t, _DIALS if has_dates(table, name) else sizes, table)
    steps = np.diff(t)
    back = np.flatnonzero(steps < 0)
    for i in back[:1].tolist():
        here = f"time goes back from {t[i]:.10g} to {t[i + 1]:.10g} s"
        if i + 2 < len(t) and t[i + 2] > t[i] and i + 2 not in back + 1:
            raise DataError(f"{table.row(i + 1)}: {here} in this row alone; correct its time stamp")
        if len(back) * FEWEST_ROWS > len(t):
            raise DataError(
                f"{table.row(i + 1)}: {here}, and so it does in {len(back)} rows of {len(t)}; if the rows of "
                "several devices or people are mixed, name the column that tells them apart, else sort the "
                "rows"
            )
    ahead = steps[steps > 0]
    usual = float(np.median(ahead)) if len(ahead) else 0.0
    jumps = np.flatnonzero(steps > max(_PAUSE, 10 * usual))
    for i in jumps[steps[jumps] > LONGEST * usual][:1].tolist():
        raise DataError(f"{table.row(i + 1)}: time jumps from {t[i]:.10g} to {t[i + 1]:.10g} s")
    cuts = set((np.concatenate([back, jumps]) + 1).tolist())
    for at in table.facts.breaks:
        if at < len(t) and not 0 <= t[at] - t[at - 1] <= 2.5 * usual:
            cuts.add(at)
    for i in back[:3].tolist():
        fall = t[i] - t[i + 1]
        why = (
            "the clock starts again"
            if t[i + 1] - t[0] < max(1.0, 5 * usual)
            else f"the clock goes back {fall:.6g} s"
        )
        if abs(fall - 3600) < 2 + 5 * usual:
            why = "the clock goes back an hour (daylight saving?)"
        notes.append(f"{why} at row {table.row(i + 1).rsplit(' ', 1)[1]}: another recording")
    for i in jumps[:3].tolist():
        notes.append(
            f"{steps[i]:.6g} s pass before row {table.row(i + 1).rsplit(' ', 1)[1]}: another recording"
        )
    if len(back) + len(jumps) > 6:
        notes.append(f"{len(back) + len(jumps)} such places in all")
    edges = [0, *sorted(cuts), len(t)]
    keep = np.ones(len(t), np.bool_)
    same, share, doubtful = np.append(False, steps == 0), 0.0, False
    if same.any():
        copies = same & (np.append(False, (values[1:] == values[:-1]).all(1)))
        if copies.sum() >= _REPEATED * same.sum():
            keep = ~same
            notes.append(f"{int(same.sum())} rows that repeat the row before left out")
        else:
            share = same.mean()
            doubtful = not _of_one_record(table, same) and _by_turns(table, t, values)
            t = _spread(t, edges)
            if share > 0.2:
                notes.append(
                    f"{1 / (1 - share):.3g} rows share a time stamp on the mean: spread over the time to "
                    f"the next"
                )
    rates = [rate_of_steps(np.diff(t[a:b][keep[a:b]])) for a, b in zip(edges[:-1], edges[1:], strict=True)]
    sizes = [b - a for a, b in zip(edges[:-1], edges[1:], strict=True)]
    known = [(rate, size) for rate, size in zip(rates, sizes, strict=True) if rate]
    rate = max(known, key=lambda pair: pair[1])[0] if known else 0.0
    per_stamp = 1 / (1 - float(share))
    return RowClock(t, keep, tuple(sorted(cuts)), rate, tuple(notes), per_stamp, doubtful)


def rate_of_steps(steps: NDArray[np.float64]) -> float:
    """Return the rate of a sensor in Hz from the steps between its rows; 0 if there are none.

    Steps of twice a period or more are lost rows. Where steps are no multiples of a period, those of more
    than 1.75 medians are lost rows and do not count, unless as many short steps make up for them, as where
    a phone delivers late.

    >>> rate_of_steps(np.array([0.01, 0.01, 0.02, 0.01, 0.01]))
    100.0
    >>> rate_of_steps(np.array([0.02, 0.04, 0.02, 0.04, 0.04, 0.02]))
    50.0
    >>> rate_of_steps(np.array([0.025, 0.025, 0.04, 0.01]))
    40.0
    """
    steps = steps[steps > 0]
    if not len(steps):
        return 0.0
    least = float(np.quantile(steps, 0.1))
    lost = np.rint(steps / least)  # steps of one, two, three times a period: rows are lost, however many
    even = np.abs(steps - lost * least) < 0.1 * least
    if even.mean() > 0.98 and (lost == 1).mean() > 0.25 and (lost > 1).mean() > 0.02:
        return float(f"{lost[even].sum() / steps[even].sum():.12g}")
    usual = float(np.median(steps))
    long, short = steps > _LONG * usual, steps < 0.6 * usual
    within = steps[~long]
    if long.mean() > 0.02 and short.sum() >= 0.5 * long.sum():
        within = steps[steps <= 10 * usual]
    return float(f"{1 / within.mean():.12g}")


def _unwrapped(
    t: NDArray[np.float64], sizes: Sequence[float], table: RawTable
) -> tuple[NDArray[np.float64], list[str]]:
    """Times without the jumps of a counter of 16, 24, 31 or 32 bits, or of a time of day at midnight."""
    falls = np.flatnonzero(np.diff(t) < 0)
    if not len(falls):
        return t, []
    for size in sizes:
        wraps = falls[(t[falls] > 0.98 * size) & (t[falls + 1] < 0.02 * size)]
        if len(wraps) and t.max() < size:
            added = np.zeros(len(t))
            added[wraps + 1] = size
            rows = ", ".join(table.row(int(i) + 1).rsplit(" ", 1)[1] for i in wraps[:3])
            return t + np.cumsum(added), [f"the clock wraps around at row {rows}: it goes on"]
    return t, []


def _by_turns(table: RawTable, t: NDArray[np.float64], values: NDArray[np.float64]) -> bool:
    """Whether each stamp has the same two, three or four rows.

    Raises
    ------
    DataError
        If these rows go on each from its own row of the stamp before: they are of several devices.
    """
    counts = np.diff(np.append(np.flatnonzero(np.append(True, np.diff(t) != 0)), len(t)))
    n = int(np.median(counts))
    if not 2 <= n <= 4 or (counts == n).mean() < 0.99:
        return False
    near = np.nanmedian(np.abs(values[1:] - values[:-1]), axis=0)
    far = np.nanmedian(np.abs(values[n:] - values[:-n]), axis=0)
    if (far < 0.3 * near).mean() > 0.5:
        raise DataError(
            f"{table.row(0)} on: {n} rows share each time stamp and take turns between {n} courses, as "
            f"rows of {n} "
            "devices do; add a column that tells them apart, or split the file"
        )
    return True


def _of_one_record(table: RawTable, same: NDArray[np.bool_]) -> bool:
    """Whether rows that share a stamp are of one record of the file, a packet of one sensor."""
    if isinstance(table.rows, int):
        return False
    return bool((np.diff(table.rows)[same[1:]] == 0).all())


def _spread(t: NDArray[np.float64], edges: list[int]) -> NDArray[np.float64]:
    """Rows of one stamp, spread over the time until the next stamp."""
    spread = t.copy()
    for a, b in zip(edges[:-1], edges[1:], strict=True):
        own = t[a:b]
        first = np.flatnonzero(np.append(True, np.diff(own) > 0))
        if len(first) < 2:
            continue
        counts = np.diff(np.append(first, len(own)))
        gaps = np.diff(own[first])
        whole = slice(1, None) if len(gaps) > 2 else slice(None)  # the first stamp may have begun before
        usual = gaps[whole] <= _LONG * np.median(gaps)
        row = float(gaps[whole][usual].sum() / counts[:-1][whole][usual].sum())
        # The last stamp, and one before a hole, last as long as their rows.
        lengths = np.minimum(np.append(gaps, counts[-1] * row), np.maximum(counts * row * 1.25, row))
        within = np.arange(len(own)) - np.repeat(first, counts)
        moved = np.repeat(own[first], counts) + within * np.repeat(lengths / counts, counts)
        if counts[0] < 0.9 * np.median(counts):
            moved[: counts[0]] = own[first[1]] - (counts[0] - np.arange(counts[0])) * row
        spread[a:b] = moved
    return spread
