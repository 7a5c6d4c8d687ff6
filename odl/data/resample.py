"""Irregular time stamps resampled to a fixed rate; long holes stay holes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from odl.data.card import DataError
from odl.data.clock import LONGEST, rate_of_steps

HOLE = 2.5  # periods between two rows; a longer distance is a gap
LATE = 1.75  # periods; a longer step, up to a hole, is a lost row and bridged
OFF = 0.1  # largest relative difference of a rate from the card's


@dataclass(frozen=True, eq=False)
class Stretch:
    """Samples at a fixed rate: ``values`` (n, channels), ``marks`` (n,), and what is lost before them."""

    values: NDArray[np.float64]
    marks: NDArray[np.int64]
    lost_before: int


@dataclass
class Changes:
    """What was changed on the way from rows to samples.

    Attributes
    ----------
    dropped : int
        Rows without a value in some channel.
    bridged : int
        Samples that no row had, between two rows that are close enough.
    resampled : int
        Samples that were interpolated because the clock or its rate was another one.
    holes : list of int
        Samples that are missing in each gap.
    notes : list of str
        The same in words.
    """

    dropped: int = 0
    bridged: int = 0
    resampled: int = 0
    holes: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def to_fixed_rate(
    times: NDArray[np.float64] | None,
    values: NDArray[np.float64],
    marks: NDArray[np.int64],
    rate_hz: float,
    row: Callable[[int], str],
    resample: bool = False,
) -> tuple[list[Stretch], Changes]:
    """Resample rows to ``rate_hz``: uninterrupted stretches, and what was changed.

    Rows in which a value is missing are left out. A hole of more than 2.5 periods ends a
    stretch; a shorter one is bridged linearly. Rows that lie within half a period of where
    their grid point are taken as they are, others are interpolated linearly, from the mean of
    neighbours where the rate goes down.

    Parameters
    ----------
    times : float64, (n,), seconds, or None
        None: one row after another at ``rate_hz``.
    values : float64, (n, channels)
        NaN where a value is missing.
    marks : int64, (n,)
        One mark per row; a new sample has its nearest row's.
    rate_hz : float
        Rate of the result.
    row : callable
        Returns the place of row i, for messages.
    resample : bool
        Accept time stamps of another rate.

    Raises
    ------
    DataError
        If time goes back, the rate differs, or most rows have no value.

    Examples
    --------
    >>> t = np.array([0, 0.02, 0.04, 0.5, 0.52])
    >>> stretches, changes = to_fixed_rate(t, t[:, None], np.zeros(5, int), 50, str)
    >>> [(len(s.values), s.lost_before) for s in stretches], changes.notes
    ([(3, 0), (2, 22)], ['1 hole of 22 samples'])
    """
    changes = Changes()
    n = len(values)
    t = np.arange(n) / rate_hz if times is None else times
    good = np.asarray(np.isfinite(values).all(axis=1), np.bool_)
    if 2 * int(good.sum()) < n:
        first, last = _longest(~good)
        raise DataError(
            f"{row(first)}: from here on {last - first + 1} rows have no value in some channel, and "
            f"{n - int(good.sum())} of {n} in all; leave that channel or those rows out"
        )
    for i in np.flatnonzero(np.diff(t) < 0)[:1]:
        raise DataError(
            f"{row(int(i) + 1)}: time goes back from {t[i]:.10g} to {t[i + 1]:.10g} s; name a column "
            "'recording' that tells recordings apart, or split the file"
        )
    if not good.all():
        changes.dropped = n - int(good.sum())
        changes.notes.append(f"{changes.dropped} rows without values left out")
    repeated = np.append(False, np.diff(t) == 0) & good
    if repeated.any():
        changes.dropped += int(repeated.sum())
        changes.notes.append(f"{int(repeated.sum())} rows with the time stamp of the row before left out")
    keep = np.flatnonzero(good & ~repeated)
    if len(keep) < n:
        t, values, marks = t[keep], values[keep], marks[keep]
    if len(t) < 2:
        return [Stretch(values, marks, 0)], changes
    steps = np.diff(t)
    rate = rate_of_steps(steps)
    if abs(rate / rate_hz - 1) > OFF and not resample:
        raise DataError(
            f"{row(int(keep[0]))} on: time stamps run at {rate:.4g} Hz, but the card says {rate_hz:g} Hz; "
            'correct rate_hz or time_unit, or write "resample": true into the card\'s table'
        )
    cuts = np.flatnonzero(steps > HOLE / min(rate, rate_hz)) + 1
    stretches: list[Stretch] = []
    changed, end = 0, 0.0
    for first, last in pairwise([0, *cuts.tolist(), len(t)]):
        own_t, own_values, own_marks = t[first:last], values[first:last], marks[first:last]
        lost = max(1, round((own_t[0] - end) * rate_hz) - 1) if stretches else 0
        if lost > LONGEST:
            raise DataError(f"{row(int(keep[first]))}: time jumps from {end:.10g} to {own_t[0]:.10g} s")
        late = own_t - np.arange(len(own_t)) / rate_hz
        if np.ptp(late) >= 1 / rate_hz - 1e-9:
            short = np.diff(own_t) > LATE / rate
            changes.bridged += int(short.sum())
            # Time stamps that are even but for missing rows get no note.
            late[1:] -= np.cumsum(np.where(short, np.diff(own_t) - 1 / rate_hz, 0))
            own_t, own_values, own_marks = _onto(own_t, own_values, own_marks, rate, rate_hz)
            changed += len(own_t) if np.ptp(late) >= 1 / rate_hz - 1e-9 else 0
        stretches.append(Stretch(own_values, own_marks, lost))
        end = float(own_t[-1])
    changes.resampled = changed
    changes.holes = [s.lost_before for s in stretches if s.lost_before]
    if changed:
        changes.notes.append(f"uneven time stamps of {rate:.4g} Hz resampled to {rate_hz:g} Hz")
    if changes.bridged:
        changes.notes.append(f"{changes.bridged} missing rows bridged linearly")
    if changes.holes:
        holes = changes.holes
        changes.notes.append(f"{len(holes)} hole{'s' if len(holes) > 1 else ''} of {sum(holes)} samples")
    return stretches, changes


def _onto(
    t: NDArray[np.float64], values: NDArray[np.float64], marks: NDArray[np.int64], rate: float, to_hz: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Times, values and marks on the even grid from the first row on."""
    grid = t[0] + np.arange(int((t[-1] - t[0]) * to_hz + 1e-6) + 1) / to_hz
    width = min(round(rate / to_hz), len(t))
    if width > 1:  # a mean as a filter: frequencies above the new rate must not alias
        box = np.ones(width)
        there = np.convolve(np.ones(len(t)), box, "same")
        values = np.stack([np.convolve(v, box, "same") / there for v in values.T], 1)
    resampled = np.stack([np.interp(grid, t, v) for v in values.T], 1)
    nearest = np.searchsorted((t[1:] + t[:-1]) / 2, grid)
    return grid, resampled, marks[nearest]


def _longest(flags: NDArray[np.bool_]) -> tuple[int, int]:
    """First and last index of the longest run of true flags."""
    edges = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    best = int(np.argmax(ends - starts))
    return int(starts[best]), int(ends[best]) - 1


def runs(marks: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """(start, end exclusive, mark) of each stretch of equal marks.

    >>> runs(np.array([4, 4, -1, 2]))
    [(0, 2, 4), (2, 3, -1), (3, 4, 2)]
    """
    if not len(marks):
        return []
    edges = [0, *(np.flatnonzero(np.diff(marks)) + 1).tolist(), len(marks)]
    return [(a, b, int(marks[a])) for a, b in zip(edges[:-1], edges[1:], strict=True)]
