"""Which column is the clock, in which unit."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from odl.data.card import DataError
from odl.data.clock import PAIR, SECONDS, has_dates, seconds_of
from odl.data.inference.units import time_unit_of
from odl.data.readers.table import RawTable

_WORDS_TEXT = """time times timestamp timestamps stamp t ts datetime date dates epoch epoc elapsed
seconds second secs sec s ms us ns millis micros nanos milliseconds microseconds nanoseconds clock
uptime zeit zeitstempel uhrzeit datum tiempo temps hora heure tempo tick ticks sampletime index"""
_WORDS = frozenset(_WORDS_TEXT.split())
_NO_CLOCK_TEXT = """zone timezone duration label count counter id diff delta dt interval rate hz temp"""
_NO_CLOCK = frozenset(_NO_CLOCK_TEXT.split())
_EPOCH = {"s": (1e9, 4e9), "ms": (1e12, 4e12), "us": (1e15, 4e15), "ns": (1e18, 4e18)}  # 2001 to 2096


@dataclass(frozen=True)
class Stamps:
    """A column of time stamps.

    ``unit`` is s, ms, us or ns; ``word`` says how sure it is: ``sure`` (its name, a date), ``likely`` or
    ``guess``. ``counter`` is a column that only counts rows; ``inferred`` is a unit from
    the steps alone. ``others`` are columns of time stamps that are
    not used.
    """

    column: str
    unit: str
    word: str
    why: str
    counter: bool = False
    inferred: bool = False
    others: tuple[str, ...] = ()


def find_stamps(table: RawTable, columns: list[str]) -> Stamps | None:
    """Return the finest clock among ``columns``; None if there is none."""
    found: list[tuple[float, Stamps]] = []
    days, hours = [], []
    for column in columns:
        cells = table.columns[column]
        words = set(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column).lower()))
        if cells.dtype.kind == "O":
            if words & {"date", "day", "datum"} and _is_day(str(cells[0])):
                days.append(column)
            continue
        if cells.dtype.kind not in "mM" and (not (words & _WORDS or _ending(column)) or words & _NO_CLOCK):
            continue
        unit = "s" if cells.dtype.kind in "mM" else ""
        t = seconds_of(table, column, unit or "s")
        t = t[np.isfinite(t)]
        steps = np.diff(t)
        if len(t) < 2 or not (steps != 0).any():
            continue
        if (steps < 0).mean() > 0.4 and not (words & {"time", "timestamp", "timestamps", "t", "ts", "date"}):
            continue
        if cells.dtype.kind == "m":
            hours.append(column)
        stamps = _stamps(table, column, t, steps)
        fine = len(np.unique(t)) / len(t)
        rank = (
            fine
            - 0.5 * stamps.counter
            - (0.05 if stamps.word == "guess" else 0.01 * (stamps.word == "likely"))
        )
        found.append((rank, stamps))
    if not found:
        still = [
            c for c in columns if re.fullmatch(r"(?i)t|ts|time[ _]?(stamps?)?([ _(\[]*[munμ]?s[)\]]?)?", c)
        ]
        for column in still:
            cells = table.columns[column]
            if len(cells) > 1 and cells.dtype.kind in "iufmM" and (cells == cells[0]).all():
                raise DataError(f"{table.path}: the time stamps in '{column}' do not move")
        return None
    best = max(found, key=lambda pair: pair[0])[1]
    others = tuple(s.column for _, s in found if s.column != best.column)
    column = best.column
    if column in hours and days:
        column = days[0] + PAIR + column
    return Stamps(column, best.unit, best.word, best.why, best.counter, best.inferred, others)


def _is_day(text: str) -> bool:
    return re.fullmatch(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}", text.strip()) is not None


def _ending(column: str) -> str:
    """The unit of time at the end of a name: ``time_ms``, ``t [us]``, ``sinceReboot(s)``."""
    bracket = re.search(r"[\[(]([^\])]*)[\])]", column)
    if bracket and time_unit_of(bracket[1]):
        return time_unit_of(bracket[1])
    words = [w for w in re.split(r"[^a-z0-9μµ]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column).lower()) if w]
    if words and time_unit_of(words[-1]) and (len(words) > 1 or len(words[0]) > 1):
        return time_unit_of(words[-1])
    fused = re.fullmatch(
        r"(?:time|timestamp|t|ts|elapsed|clock)(?:in)?(ms|us|ns|s|millis|micros|seconds)", "".join(words)
    )
    fused = None if words == ["ts"] else fused  # time stamps, of any unit
    spoken = next((time_unit_of(w) for w in words if len(w) > 2 and time_unit_of(w)), "")
    return time_unit_of(fused[1]) if fused else spoken


def _stamps(table: RawTable, column: str, t: NDArray[np.float64], steps: NDArray[np.float64]) -> Stamps:
    if has_dates(table, column):
        return Stamps(
            column, "s", "sure", "dates" if table.columns[column].dtype.kind == "M" else "times of day"
        )
    ahead = steps[steps > 0] if (steps > 0).any() else -steps[steps < 0]  # newest first
    step = float(np.median(ahead))
    per_stamp = len(t) / max(1, len(ahead) + 1)  # rows that share a stamp
    told = _ending(column) or time_unit_of(table.units.get(column, ""))
    middle = float(np.median(t))
    epoch = next((u for u, (low, high) in _EPOCH.items() if low < middle < high), "")
    whole = bool(np.array_equal(t, np.rint(t)))
    if told and 2 / per_stamp <= 1 / (step * SECONDS[told]) <= 20_000:
        one = whole and step == 1 and (ahead == 1).mean() > 0.99 and per_stamp < 1.5 and told != "s"
        why = f"'{column}' is in {told}" + ", but may only count rows" * one
        return Stamps(column, told, "guess" if one else "sure", why)
    if epoch and 0.2 <= per_stamp / (step * SECONDS[epoch]) <= 20_000:
        return Stamps(column, epoch, "sure" if not told else "guess", f"seconds since 1970 in {epoch}")
    if whole and step == 1 and (ahead == 1).mean() > 0.9 and per_stamp < 1.5:
        return Stamps(column, "s", "guess", f"'{column}' only counts rows", True)
    plausible = [u for u in ("s", "ms", "us", "ns") if 5 <= per_stamp / (step * SECONDS[u]) <= 2000]
    usual = [u for u in plausible if per_stamp / (step * SECONDS[u]) >= 10] or plausible
    if told:
        rate = per_stamp / (step * SECONDS[told])
        why = f"'{column}' says {told}, which would be {rate:.3g} Hz"
        unit = usual[0] if usual else told
        return Stamps(column, unit, "guess", why + (f"; in {unit} it is a usual rate" if usual else ""))
    if not plausible:
        return Stamps(column, "s", "guess", f"a step of {step:g} is no usual rate in s, ms, us or ns", True)
    others = [u for u in plausible if u != usual[0]]
    why = f"steps of {step:g} in {usual[0]}" + (
        f"; in {others[0]} it would be another rate" if others else ""
    )
    return Stamps(column, usual[0], "guess" if len(usual) > 1 else "likely", why, inferred=True)
