"""Energy of a session on a board: an estimate from counted instructions and the data sheet's currents.

Instructions are counted, and everything else is assumed: cycles for each, the typical currents of the
data sheet, and that the processor does nothing but wait in its sleep between samples. Nothing was measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

DAY: Final = 86400  # seconds
SHARES: Final = {  # who spends the energy, by the parts of `firmware_sim.bench.PARTS`
    "extractor": ("convolution", "scaling and rings", "pooling"),
    "heads": ("heads",),
    "policy": ("policy and log",),
    "learner": ("learning",),
    "line": ("line",),
    "rest of the firmware": ("memcpy and memset", "board"),
}


@dataclass(frozen=True, slots=True)
class PowerSheet:
    """Currents of a board's processor.

    Attributes
    ----------
    clock_hz : core clock.
    run : amperes for each hertz of the core clock, while instructions run.
    sleep : amperes while it waits, in the sleep that ``sleep_is`` names.
    volt : supply.
    source : where the numbers stand.
    """

    clock_hz: float
    run: float
    sleep: float
    sleep_is: str
    volt: float
    source: str


def energy(
    by_part: Mapping[str, float],
    seconds: float,
    sheet: PowerSheet,
    *,
    cycles: float = 1.0,
    battery_mah: float | None = None,
    sleep_ua: float | None = None,
) -> dict[str, Any]:
    """Estimate the energy of a session.

    Parameters
    ----------
    by_part : mapping
        Instructions of a mean window, by part of the firmware; learning is the part of that name.
    seconds : float
        Time from one window to the next.
    sheet : PowerSheet
        The board's currents.
    cycles : float
        Cycles of an instruction.
    battery_mah : float, optional
        Capacity of a battery at the same voltage, to say how long it lasts.
    sleep_ua : float, optional
        Microamperes of sleep, in place of the sheet's.

    Returns
    -------
    dict
        ``uj_per_window``, ``mj_per_day`` and ``mah_per_day`` of everything; ``uj_by_share`` of a window,
        sleep included; ``busy``, the share of time in which instructions run; ``battery_days`` and
        ``battery_share_per_day`` with a battery; ``source`` and ``assumes``.

    Raises
    ------
    ValueError
        If a number is not positive, or the instructions take longer than the time that there is.

    Examples
    --------
    >>> sheet = PowerSheet(1e6, 1e-9, 1e-6, "sleep", 1.0, "nowhere")
    >>> found = energy({"convolution": 1e5, "learning": 1e5}, 1.0, sheet, battery_mah=10)
    >>> found["uj_per_window"], found["busy"], found["uj_by_share"]["extractor"]
    (200.8, 0.2, 100.0)
    """
    for name, value in (("seconds", seconds), ("battery_mah", battery_mah), ("cycles", cycles)):
        if value is not None and not value > 0:
            raise ValueError(f"`{name}` is {value:g}; it must be above 0")
    if sleep_ua is not None:
        if not sleep_ua >= 0:
            raise ValueError(f"`sleep_ua` is {sleep_ua:g}; it must be 0 or above")
        sheet = replace(sheet, sleep=sleep_ua * 1e-6, sleep_is="as given")
    unknown = set(by_part) - {part for parts in SHARES.values() for part in parts}
    if unknown:
        raise ValueError(f"no share has the parts {', '.join(sorted(unknown))}")
    busy = sum(by_part.values()) * cycles / sheet.clock_hz
    if busy > seconds:
        raise ValueError(
            f"a window's instructions take {busy:.3g} s, but the next window comes in {seconds:g} s"
        )
    each = cycles * sheet.run * sheet.volt * 1e6  # microjoules of an instruction
    shares = {who: each * sum(by_part.get(part, 0) for part in parts) for who, parts in SHARES.items()}
    shares["sleep"] = (seconds - busy) * sheet.sleep * sheet.volt * 1e6
    window = sum(shares.values())
    day = window * DAY / seconds
    mah = day * 1e-6 / sheet.volt / 3.6
    found: dict[str, Any] = {
        "uj_per_window": round(window, 9),
        "uj_by_share": shares,
        "busy": busy / seconds,
        "mj_per_day": day / 1000,
        "mah_per_day": mah,
        "source": sheet.source,
        "assumes": f"{cycles:g} cycles an instruction at {sheet.clock_hz / 1e6:g} MHz, "
        f"{sheet.run * 1e12:g} uA/MHz at {sheet.volt:g} V, {sheet.sleep * 1e6:g} uA asleep "
        f"({sheet.sleep_is}); "
        "sensor, light and line drivers not counted",
    }
    if battery_mah is not None:
        found |= {
            "battery_mah": battery_mah,
            "battery_days": battery_mah / mah,
            "battery_share_per_day": mah / battery_mah,
        }
    return found


def energy_text(found: Mapping[str, Any]) -> list[str]:
    """Lines about what `energy` returns."""
    whole = found["uj_per_window"]
    lines = [
        f"energy, estimated: {whole:,.0f} uJ a window, {found['mj_per_day'] / 1000:.3g} J or "
        f"{found['mah_per_day']:.3g} mAh a day; busy {found['busy']:.2%} of the time"
    ]
    lines += [f"  {who:<21} {uj:>9,.1f} uJ {uj / whole:>7.1%}" for who, uj in found["uj_by_share"].items()]
    if "battery_days" in found:
        lines.append(
            f"  a battery of {found['battery_mah']:g} mAh lasts {found['battery_days']:,.0f} days; "
            f"a day takes {found['battery_share_per_day']:.2%} of it"
        )
    return lines
