"""Propose the channels and the rate of tables."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.data.card import DataError
from odl.data.conversion.converted import Converted, guarded, read_converted
from odl.data.inference.columns import acceleration_unit, axes_of, rate_of, scale_for, time_column, turn_unit
from odl.data.inference.proposal import Proposal
from odl.data.table_file import Table


def find_channels(proposal: Proposal, tables: list[Table]) -> None:
    """Propose the channels of tables that have the same columns."""
    first = tables[0]
    if card := _converted(tables):
        proposal.card["table"] |= {"raw": True} if card.counts else {}
        guard = str if first.path.suffix == ".parquet" else guarded
        proposal.card["channels"] += [
            {"name": name, "unit": unit, "scale": scale, "column": guard(column), "sign": 1}
            for (name, unit, scale), column in zip(card.channels, card.columns, strict=True)
        ]
        proposal.say("channels, units and scales as the recordings had them")
        return
    axes, left = axes_of(list(first.columns))
    if not axes:
        raise DataError(
            f"{first.path} row 1: no column looks like a sensor's axis (ax, acc_x, accelerometer_x, gx, "
            f"gyro_x, ...); there are {', '.join(first.columns)[:200]}"
        )
    for table in tables[1:]:
        for axis in axes:
            if axis.column not in table.columns:
                raise DataError(
                    f"{table.path}: there is no column '{axis.column}', but {first.path.name} has it"
                )
    proposal.say("channels: " + ", ".join(f"{a.name} from '{a.column}'" for a in axes))
    if left:
        proposal.say(f"left out, a second sensor of the same kind: {', '.join(left)}", None)
    for kind in ("a", "w", "m"):
        own = [a for a in axes if a.name[0] == kind]
        if not own:
            continue
        values = np.concatenate([np.stack([s.numbers(a.column) for a in own], 1) for s in tables])
        values = values[np.isfinite(values).all(1)]
        if not len(values):
            raise DataError(f"{first.path}: columns {', '.join(a.column for a in own)} hold no numbers")
        unit, scale = _unit(proposal, kind, own[0].unit, values)
        proposal.card["channels"] += [
            {"name": a.name, "unit": unit, "scale": scale, "column": a.column, "sign": 1} for a in own
        ]
    if proposal.card["table"].get("raw") and len(axes) != sum(a.name[0] == "a" for a in axes):
        proposal.say("what one raw count of the other channels is; write their scale and unit", False)


def _converted(tables: list[Table]) -> Converted | None:
    """The card of tables that were all made from recordings of the same channels and rate."""
    cards = [read_converted(table.path) for table in tables]
    one = cards[0]
    if one is None:
        return None
    facts = {(c.channels, c.columns, c.counts, c.rate_hz) for c in cards if c is not None}
    return one if len(facts) == 1 and None not in cards else None


def _unit(proposal: Proposal, kind: str, hint: str, values: NDArray[np.float64]) -> tuple[str, float]:
    """Unit and scale of a sensor's counts."""
    scale = scale_for(values)
    if kind == "m":
        proposal.say(f"magnetometer in {hint or 'uT'}", bool(hint))
        return hint or "uT", scale
    if kind == "w":
        unit, why = turn_unit(values)
        sure: bool | None = None
    elif values.shape[1] == 3:
        unit, count, why = acceleration_unit(values)
        sure = count >= 0 or False
        if count > 0:
            proposal.card["table"]["raw"] = True
            scale = count
    else:
        unit, why, sure = "g", "fewer than three axes", False
    if hint:
        unit, why, sure = hint, "the column's name says so", True
    what = "acceleration" if kind == "a" else "turn rate"
    proposal.say(f"{what} in {unit} ({why})", sure)
    return unit, scale


def find_rate(proposal: Proposal, tables: list[Table]) -> None:
    """Propose the rate, from time stamps where there are any."""
    layout = proposal.card["table"]
    column = time_column(tables[0].columns)
    if not column:
        proposal.card["rate_hz"] = 50
        proposal.say("rate: no column of time stamps, so 50 Hz; write the true rate_hz", False)
        return
    steps = []
    for table in tables:
        ahead = np.diff(table.times(column))
        if (ahead > 0).any():
            typical = ahead[(ahead > 0) & (ahead < 2.5 * np.median(ahead[ahead > 0]))]
            steps.append(float(typical.mean()))
    if not steps:
        raise DataError(f"{tables[0].path}: the time stamps in '{column}' do not move")
    try:
        rate, unit = rate_of(float(np.median(steps)))
    except ValueError as error:
        raise DataError(f"{tables[0].path}: column '{column}': {error}") from None
    if tables[0].has_dates(column):
        unit = "s"
    if card := _converted(tables):
        rate = card.rate_hz
    proposal.card["rate_hz"] = rate
    layout |= {"time": column, "time_unit": unit}
    proposal.say(f"rate: {rate:g} Hz from time stamps in '{column}', in {unit}")
    apart = max(steps) / min(steps)
    if apart > 1.1:
        layout["resample"] = True
        proposal.say(
            f"files run at {1 / max(steps):.4g} to {1 / min(steps):.4g} per {unit}: all resampled", None
        )
