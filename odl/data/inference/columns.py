"""Guess the meaning of a table's columns from their names and their numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SENSORS = {  # what names begin with once they are lower case and letters only
    "a": ("a", "acc", "accel", "acceleration", "accelerometer", ""),
    "w": ("g", "w", "gyr", "gyro", "gyroscope", "rot", "rotationrate", "angularvelocity", "omega"),
    "m": ("m", "mag", "magnet", "magnetometer"),
}
UNIT_WORDS = {
    "g": "g", "mg": "mg", "ms2": "m/s2", "mss": "m/s2", "ms": "m/s2", "dps": "deg/s", "degs": "deg/s",
    "deg": "deg/s", "rads": "rad/s", "rad": "rad/s", "mdps": "mdps", "ut": "uT",
}  # fmt: skip
TIME = ("timestamp", "time", "t", "ts", "datetime", "date", "elapsed", "seconds", "secondselapsed", "epoch")
SUBJECT = ("subject", "user", "person", "participant", "volunteer", "people", "name", "pid", "sub", "wearer")
LABEL = ("label", "activity", "class", "target", "gesture", "exercise", "behaviour", "behavior", "annotation",
         "action", "movement", "truth", "y")  # fmt: skip
RECORDING = ("recording", "session", "trial", "experiment", "exp", "file", "run", "series")
RATES = (10, 12.5, 16, 20, 25, 26, 31.25, 32, 40, 50, 52, 60, 62.5, 64, 75, 80, 100, 104, 119, 120, 125, 128,
         200, 208, 238, 250, 256, 400, 416, 500, 512, 800, 833, 1000)  # fmt: skip
TIME_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


@dataclass(frozen=True)
class Axis:
    """A column that holds one axis of a sensor; ``unit`` if its name holds one."""

    name: str  # ax, ay, az, wx, ..., as the card will call it
    column: str
    unit: str


def plain(name: str) -> str:
    """Lower case, letters and digits only.

    >>> plain("User_ID")
    'userid'
    """
    return re.sub(r"[^a-z0-9]", "", name.lower())


def axes_of(columns: Sequence[str]) -> tuple[list[Axis], list[str]]:
    """Return the columns that hold an axis, for one sensor of a kind, and the axes that were left out.

    >>> [a.name for a in axes_of(["t", "Acc_X [g]", "Acc_Y [g]", "Acc_Z [g]", "gyroscope.x", "label"])[0]]
    ['ax', 'ay', 'az', 'wx']
    """
    found: dict[str, Axis] = {}
    origin: dict[str, str] = {}
    left = []
    for column in columns:
        match = re.fullmatch(
            r"(.*?)[\W_]*([xyz])(?:[\W_]+(.*?)[\W_]*)?", column.strip().lower().replace("²", "2")
        )
        if match is None:
            continue
        words = [w for w in re.split(r"[^a-z]+", match[1]) if w]
        kind = _kind(words)
        unit = UNIT_WORDS.get(plain(match[3] or ""), "")
        if kind is None or (match[3] and not unit and not _kind_of_tail(match[3])):
            continue
        name, start = kind + match[2], "".join(words)
        if name in found or origin.get(kind, start) != start:
            left.append(column)
            continue
        origin[kind] = start
        found[name] = Axis(name, column, unit)
    order = [kind + axis for kind in SENSORS for axis in "xyz"]
    return [found[name] for name in order if name in found], left


def _kind(words: Sequence[str]) -> str | None:
    """Return the sensor that a name's words mean; the last such word decides."""
    whole = "".join(words)
    for kind, names in SENSORS.items():
        if whole in names:
            return kind
    for word in reversed(words):
        for kind, names in SENSORS.items():
            if any(len(n) > 2 and n in word for n in names):
                return kind
    return None


def _kind_of_tail(tail: str) -> bool:
    return plain(tail) in ("axis", "value", "raw")


def named(columns: Iterable[str], names: Sequence[str]) -> str:
    """Return the column named by the earliest of ``names`` that exists; empty if none does.

    >>> named(["user_id", "Activity"], SUBJECT), named(["user_id"], LABEL)
    ('user_id', '')
    """
    own = {plain(c): c for c in reversed(list(columns))}
    for name in names:
        for form in (name, name + "name", name + "id", "id" + name, name + "s", "true" + name):
            if form in own:
                return own[form]
    return ""


def time_column(columns: Iterable[str]) -> str:
    """Return the column of time stamps by its name, which may end in a unit; empty if there is none.

    >>> time_column(["ax", "time_ms"])
    'time_ms'
    """
    own = list(columns)
    for name in TIME:
        for column in own:
            if plain(column) in (
                name,
                *(name + u for u in TIME_UNITS),
                *(name + "in" + u for u in TIME_UNITS),
            ):
                return column
    return ""


def rate_of(step: float) -> tuple[float, str]:
    """Return rate in Hz and time unit for a median ``step`` between time stamps.

    The unit is the one that gives 2 to 1500 Hz; the rate is a usual one if within 1.5 %.

    >>> rate_of(20.0), rate_of(9600.0), rate_of(0.04)
    ((50.0, 'ms'), (104.0, 'us'), (25.0, 's'))
    """
    for unit, size in TIME_UNITS.items():
        rate = 1 / (step * size)
        if 2 <= rate <= 1500:
            near = min(RATES, key=lambda r: abs(r - rate))
            return (float(near) if abs(near / rate - 1) < 0.015 else float(f"{rate:.4g}")), unit
    raise ValueError(f"a step of {step:g} between time stamps is no rate from 2 to 1500 Hz in any unit")


def acceleration_unit(values: NDArray[np.float64]) -> tuple[str, float, str]:
    """Return unit, scale of a raw count (0: real values) and why, from (n, 3) accelerations.

    >>> acceleration_unit(np.array([[0.0, 0.1, 9.7]]))[0]
    'm/s2'
    """
    size = float(np.median(np.linalg.norm(values, axis=1)))
    why = f"|a| is mostly near {size:.3g}"
    for unit, gravity in (("g", 1.0), ("m/s2", 9.81), ("mg", 1000.0)):
        if 0.7 < size / gravity < 1.4:
            return unit, 0.0, why
    for power in (2048, 4096, 8192, 16384):
        if 0.85 < size / power < 1.15 and np.array_equal(values, np.rint(values)):
            return "g", 1 / power, f"{why}, whole numbers: raw counts of 1/{power} g"
    unit = "m/s2" if float(np.quantile(np.abs(values), 0.999)) > 4 else "g"
    return unit, -1.0, f"{why}, which is no gravity: a guess, check it"


def turn_unit(values: NDArray[np.float64]) -> tuple[str, str]:
    """Return unit and why, from (n, axes) turn rates.

    >>> turn_unit(np.array([[250.0, 3.0]]))[0]
    'deg/s'
    """
    size = float(np.quantile(np.abs(values), 0.999))
    return ("deg/s" if size > 35 else "rad/s"), f"turns reach {size:.3g}"


def scale_for(values: NDArray[np.float64]) -> float:
    """Return the smallest power of two at which the values fit into 16 bits with a quarter to spare.

    >>> scale_for(np.array([3.0])) == 2**-13
    True
    """
    most = max(float(np.abs(values).max(initial=0)), 1e-6)
    return float(2.0 ** np.ceil(np.log2(most * 1.25 / 32767)))
