"""Units from the size of numbers, with the direction of gravity considered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GRAVITY = {"g": 1.0, "m/s2": 9.81, "mg": 1000.0}
_POWERS = (256, 512, 1024, 2048, 4096, 8192, 16384)  # counts of a g in sensors of 10 to 16 bits
WINDOW = 100  # rows over which a direction is averaged


@dataclass(frozen=True)
class Unit:
    """A unit, why, and how sure: ``likely`` or ``guess``. ``per_count`` is the size of a
    raw count, 0 for real values."""

    unit: str
    why: str
    word: str
    per_count: float = 0.0


def gravity_of(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the steady part of (n, 3) accelerations, and their usual size.

    The steady part is the length of the mean over stretches of 100 rows, where movement averages out.

    >>> i = np.arange(1000)
    >>> steady, size = gravity_of(np.stack([np.sin(i), np.cos(i), np.zeros(1000)], 1))
    >>> bool(steady < 0.1), round(size, 3)
    (True, 1.0)
    """
    size = float(np.median(np.linalg.norm(values[:: max(1, len(values) // 100_000)], axis=1)))
    whole = np.linalg.norm(values, axis=1) <= 20 * size  # a number that stands for no value is none
    values = values[whole] if whole.any() else values
    n = min(WINDOW, len(values))
    count = len(values) // n
    means = values[: count * n].reshape(count, n, 3).mean(axis=1)
    return float(np.median(np.linalg.norm(means, axis=1))), size


def acceleration_unit(values: NDArray[np.float64]) -> Unit:
    """Return the unit of (n, 3) accelerations.

    >>> acceleration_unit(np.array([[0.0, 0.1, 9.7]])).unit
    'm/s2'
    """
    steady, size = gravity_of(values)
    whole = bool(np.array_equal(values, np.rint(values)))
    told = f"|a| is mostly near {size:.3g}"
    if steady > 0.6 * size:
        for unit, gravity in GRAVITY.items():
            if 0.75 < steady / gravity < 1.35 and not (whole and unit == "g"):
                return Unit(unit, f"{told}, in a steady direction: gravity", "likely")
        for power in _POWERS:
            if whole and 0.85 < steady / power < 1.15:
                return Unit("g", f"{told}, whole numbers: raw counts of 1/{power} g", "guess", 1 / power)
        unit = "m/s2" if float(np.quantile(np.abs(values), 0.999)) > 4 else "g"
        return Unit(unit, f"{told}, which is no gravity in g, m/s2 or mg", "guess")
    unit = "m/s2" if float(np.quantile(np.abs(values), 0.999)) > 4 else "g"
    other = "g" if unit == "m/s2" else "m/s2"
    return Unit(
        unit, f"{told} without a steady direction: acceleration without gravity; it may be {other}", "guess"
    )


def fits_unit(values: NDArray[np.float64], unit: str) -> str:
    """Return why (n, 3) accelerations cannot be in ``unit``; empty if they can.

    >>> fits_unit(np.array([[0.0, 0.1, 9.7]] * 200), "g")
    'the numbers have a steady part of 9.7, as gravity in m/s2 has'
    """
    steady, size = gravity_of(values)
    other = next((u for u, g in GRAVITY.items() if 0.75 < steady / g < 1.35), "")
    if unit not in GRAVITY or steady < 0.6 * size or 0.5 < steady / GRAVITY[unit] < 2:
        return ""
    like = f"as gravity in {other} has" if other else f"which is no gravity in {unit}"
    return f"the numbers have a steady part of {steady:.3g}, {like}"


def turn_unit(values: NDArray[np.float64], with_acceleration: str = "", count: float = 0.0) -> Unit:
    """Return the unit of (n, axes) turn rates, beside an acceleration in the unit ``with_acceleration``.

    >>> turn_unit(np.array([[250.0, 3.0]])).unit, turn_unit(np.array([[1.0, 3.0]])).word
    ('deg/s', 'guess')
    """
    size = float(np.quantile(np.abs(values), 0.999))
    told = f"turns reach {size:.3g}"
    if count and np.array_equal(values, np.rint(values)):
        per = {1 / 16384: 131.0, 1 / 8192: 65.5, 1 / 4096: 32.8, 1 / 2048: 16.4}.get(count, 16.4)
        return Unit(
            "deg/s",
            f"{told}, raw counts; {per:g} to a deg/s would go with the acceleration",
            "guess",
            1 / per,
        )
    if size > 40:
        return Unit("deg/s", f"{told}, more than any sensor in rad/s", "likely")
    if size > 8 and with_acceleration == "g":
        return Unit("deg/s", f"{told}; it may be rad/s", "guess")
    return Unit(
        "rad/s", f"{told}; it may be deg/s", "likely" if with_acceleration == "m/s2" and size > 1 else "guess"
    )


def scale_for(values: NDArray[np.float64]) -> float:
    """Return the smallest power of two at which the values fit into 16 bits with a quarter to spare.

    >>> scale_for(np.array([3.0])) == 2**-13
    True
    """
    most = max(float(np.abs(values).max(initial=0)), 1e-6)
    return float(2.0 ** np.ceil(np.log2(most * 1.25 / 32767)))
