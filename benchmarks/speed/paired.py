"""Two ways to compute one thing, timed in turn; a ratio is formed only if both computed it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

US = 1e-6  # seconds
Ours = TypeVar("Ours")
Theirs = TypeVar("Theirs")


class DifferentError(Exception):
    """The two sides did not compute the same thing; the message says where."""


def require(holds: object, difference: str) -> None:
    """Raise `DifferentError` unless ``holds``."""
    if not holds:
        raise DifferentError(difference)


@dataclass(frozen=True)
class Spread:
    """Median and quartiles of several runs."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)


@dataclass(frozen=True)
class Figure:
    """One row of the table."""

    name: str
    unit: str
    ours: Spread | None
    peer: str = ""
    theirs: Spread | None = None
    ratio: Spread | None = None  # how many times faster ours is
    checked: str = ""  # what was found equal on both sides
    refused: str = ""  # why there is no ratio

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Figure:
        """Inverse of `to_dict`."""
        read: dict[str, Any] = {k: Spread(**v) if isinstance(v, dict) else v for k, v in values.items()}
        return cls(**read)


def cpu_seconds(run: Callable[[], Any]) -> float:
    """Processor time that ``run`` takes: what else the machine does counts less than on a wall clock."""
    start = time.process_time()
    run()
    return time.process_time() - start


def paired(
    name: str,
    unit: str,
    ours: Callable[[], Ours],
    peer: str,
    theirs: Callable[[], Theirs],
    check: Callable[[Ours, Theirs], str],
    *,
    per: float = 1.0,
    runs: int = 7,
) -> Figure:
    """Compare ``ours`` with ``theirs``: first what they compute, then how long they take.

    Parameters
    ----------
    check : callable
        Takes both results. It returns a sentence about what is equal, or raises `DifferentError`; then
        nothing is timed.
    per : float
        Times are divided by this: how many units of work one call does, per ``unit``.
    """
    try:
        checked = check(ours(), theirs())
    except DifferentError as difference:
        return Figure(name, unit, None, peer, refused=str(difference))
    pairs: list[tuple[float, float]] = []
    for run in range(runs):
        if run % 2:
            second = cpu_seconds(theirs)
            pairs.append((cpu_seconds(ours), second))
        else:
            first = cpu_seconds(ours)
            pairs.append((first, cpu_seconds(theirs)))
    return Figure(
        name, unit, Spread.of([a / per for a, _ in pairs]), peer, Spread.of([b / per for _, b in pairs]),
        Spread.of([b / a for a, b in pairs]), checked,
    )  # fmt: skip


def alone(
    name: str,
    unit: str,
    run: Callable[[], Any],
    value: Callable[[float], float],
    runs: int,
    checked: str = "",
) -> Figure:
    """A figure without a peer; ``value`` turns the seconds of one run into the unit."""
    run()
    return Figure(name, unit, Spread.of([value(cpu_seconds(run)) for _ in range(runs)]), checked=checked)
