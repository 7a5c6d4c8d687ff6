"""Propose the channels and the rate of tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from odl.data.card import DataError
from odl.data.conversion.converted import Converted, guarded, read_converted
from odl.data.inference.axes import Axis, axis_of
from odl.data.inference.magnitudes import WINDOW, Unit, acceleration_unit, fits_unit, scale_for, turn_unit
from odl.data.inference.proposal import GUESS, LIKELY, SURE, Proposal
from odl.data.inference.survey import Profile
from odl.data.inference.units import SENSOR_OF, unit_of
from odl.data.loaders.words import without_word

RATES = (
    10, 12.5, 16, 20, 25, 26, 30, 31.25, 32, 40, 50, 52, 60, 62.5, 64, 75, 80, 100, 104, 119, 120,
    125, 128, 200, 208, 238, 250, 256, 400, 416, 500, 512, 800, 833, 1000,
)  # fmt: skip
SENSORS = {"a": "acceleration", "w": "turn rate", "m": "magnetic field"}
FAST = 260.0  # Hz; above it a unit of time that nothing names is too doubtful
_KNOWN = {"a": ("g", "m/s2", "mg"), "w": ("rad/s", "deg/s", "mdps"), "m": ("uT",)}
OFFERED = 50.0  # Hz, where nothing tells the rate


@dataclass(frozen=True, eq=False)
class Sensors:
    """The tables that are used, and how they are joined.

    ``profiles`` are all of them, ``main`` one for each recording. ``axes`` have the column's name as the
    card has it. ``join`` are the words whose tables are one recording, empty where each table is one.
    """

    profiles: list[Profile]
    main: list[Profile]
    axes: tuple[Axis, ...]
    join: tuple[str, ...] = ()
    sensor: str = ""


def choose_sensors(proposal: Proposal, profiles: list[Profile]) -> Sensors:
    """Choose the tables of one sensor of each kind, and check that they have the same columns.

    Raises
    ------
    DataError
        If a table has other columns than the first one.
    """
    first = profiles[0]
    if first.roles.join:
        return _long(profiles)
    groups: dict[str, dict[str, Profile]] = defaultdict(dict)
    for p in profiles:
        name = without_word(p.source.name, p.word) if p.word else p.source.name
        rest = without_word(p.part, p.word) if p.word and p.part else p.part
        groups[f"{name}|{rest}"][p.word] = p
    if max(len({p.kind for p in group.values()} - {"", "none"}) for group in groups.values()) < 2:
        chosen = _one_kind(proposal, profiles)
        return Sensors(chosen, chosen, _same_axes(chosen))
    words: dict[str, str] = {}
    counts = Counter(p.word for p in profiles)
    for kind in "aw":
        own = {p.word: p for p in profiles if p.kind == kind}
        if own:
            words[kind] = min(own, key=lambda w: (
                any(a.linear for a in own[w].roles.axes.axes), "uncal" in w.lower(), "total" not in w.lower(),
                -counts[w],
            ))  # fmt: skip
    used = [p for p in profiles if p.word in words.values()]
    axes: list[Axis] = []
    for word in words.values():
        own_axes = _same_axes([p for p in used if p.word == word])
        axes += [
            Axis(f"{word}.{a.column}", a.sensor, a.axis, a.unit, a.group, a.linear, a.written)
            for a in own_axes
        ]
    proposal.say(
        f"files of {' and '.join(words.values())} with the same rest of the name are joined on time", LIKELY
    )
    left = sorted({p.word for p in profiles} - set(words.values()) - {""})
    if left:
        proposal.say(f"other sensors left out: {', '.join(left)}", LIKELY)
    main = [p for p in used if p.word == next(iter(words.values()))]
    return Sensors(used, main, tuple(axes), tuple(words.values()))


def _one_kind(proposal: Proposal, profiles: list[Profile]) -> list[Profile]:
    """Where files of different sensors are no pairs, those of the first kind."""
    kinds = Counter(p.roles.axes.axes[0].sensor for p in profiles)
    if len(kinds) == 1 or len({tuple(a.name for a in p.roles.axes.axes) for p in profiles}) == 1:
        return profiles
    kind = max(kinds, key=lambda k: (kinds[k], k == "a"))
    names = ", ".join(p.source.name for p in profiles if p.roles.axes.axes[0].sensor != kind)
    proposal.warnings.append(f"files of another sensor are left out: {names[:200]}")
    return [p for p in profiles if p.roles.axes.axes[0].sensor == kind]


def _long(profiles: list[Profile]) -> Sensors:
    """Rows of several sensors in one table, told apart by a column."""
    from odl.data.inference.axes import SENSOR_WORDS
    from odl.data.inference.roles import plain

    roles = profiles[0].roles
    words: dict[str, str] = {}
    for word in roles.join:
        words.setdefault(SENSOR_WORDS.get(plain(word), ""), word)
    axes = [
        Axis(f"{words[kind]}.{a.column}", kind, a.axis, "", a.group)
        for kind in "awm" if kind in words for a in roles.axes.axes
    ]  # fmt: skip
    join = tuple(words[kind] for kind in "awm" if kind in words)
    return Sensors(profiles, profiles, tuple(axes), join, roles.sensor)


def _same_axes(profiles: list[Profile]) -> tuple[Axis, ...]:
    first = profiles[0]
    for other in profiles[1:]:
        for axis in first.roles.axes.axes:
            if axis.column not in other.columns:
                raise DataError(
                    f"{other.source.path}: there is no column '{axis.column}', but "
                    f"{first.source.path.name} has it; "
                    "put files of other columns into a folder of their own"
                )
    return first.roles.axes.axes


def find_channels(proposal: Proposal, sensors: Sensors) -> None:
    """Propose channels, units and scales."""
    card, layout = proposal.card, proposal.card["table"]
    if sensors.join:
        layout["join"] = list(sensors.join)
    if sensors.sensor:
        layout["sensor"] = sensors.sensor
    if converted := _converted(sensors.main):
        layout |= {"raw": True} if converted.counts else {}
        guard = str if sensors.main[0].source.suffix == ".parquet" else guarded
        for (name, unit, scale), column in zip(converted.channels, converted.columns, strict=True):
            card["channels"].append(
                {"name": name, "unit": unit, "scale": scale, "column": guard(column), "sign": 1}
            )
            proposal.channels.append(
                {"name": name, "unit": unit, "column": guard(column), "confidence": SURE}
            )
        proposal.say("channels, units and scales as the recordings had them", SURE, "units")
        return
    unsaid = [a for a in sensors.axes if not sensors.main[0].kind and _unsaid(a)]
    proposal.say("channels: " + ", ".join(f"{a.name} from '{a.column}'" for a in sensors.axes),
                 GUESS if sensors.main[0].roles.guessed else LIKELY if unsaid else SURE)  # fmt: skip
    acceleration = Unit("", "", SURE)
    for kind in "awm":
        own = [a for a in sensors.axes if a.sensor == kind]
        if not own:
            continue
        blocks, most = _values(sensors, own)
        values = np.concatenate([block for _, block in blocks])
        found = _unit(proposal, kind, own, _told(sensors, own), values, acceleration)
        if kind == "a" and len(own) == 3 and not _told(sensors, own):
            found = _same_unit(proposal, blocks, found)
        acceleration = found if kind == "a" else acceleration
        if kind == "a" and found.word == GUESS and unsaid:
            proposal.warnings.append(
                f"nothing says of which sensor {', '.join(a.column for a in unsaid)} are; they are taken for "
                "acceleration, though no gravity is seen in them; a gyroscope's file has 'gyro' in its name"
            )
        if (
            kind == "a"
            and len(values)
            and most.max() > 100 * (usual := float(np.quantile(abs(values), 0.9))) > 0
        ):
            proposal.warnings.append(
                f"{', '.join(a.column for a in own)}: a value has the size {most.max():g}, where most are "
                f"below {usual:.3g}; if it stands for no value, empty these cells"
            )
        layout |= {"raw": True} if found.per_count else {}
        scale = found.per_count or scale_for(most)
        if not 0 < scale < 1e6:  # as a card may have it
            raise DataError(
                f"{', '.join(a.column for a in own)}: a value has the size {most.max():g}, "
                "which no sensor measures; if it stands for no value, empty these cells"
            )
        for a in own:
            card["channels"].append(
                {"name": a.name, "unit": found.unit, "scale": scale, "column": a.column, "sign": 1}
            )
            proposal.channels.append(
                {"name": a.name, "unit": found.unit, "column": a.column, "confidence": found.word}
            )
            if found.per_count:
                proposal.channels[-1] |= {"counts": True, "scale": scale}
    left = list(dict.fromkeys(c for p in sensors.profiles for c in p.roles.axes.left))
    if left:
        proposal.say(
            f"left out, a second sensor of the same kind or another quantity: {', '.join(left)}", LIKELY
        )
        gravity = [c for c in left if "grav" in c.lower()]
        if gravity and any(a.linear for a in sensors.axes):
            proposal.warnings.append(
                f"acceleration without gravity is taken; gravity is in {', '.join(gravity)}, which are "
                f"left out"
            )


def _unsaid(axis: Axis) -> bool:
    """Whether neither the column's name nor its unit says which sensor it is of."""
    own = axis_of(axis.column)
    return own is None or own.sensor == "?"


def _values(
    sensors: Sensors, axes: list[Axis]
) -> tuple[list[tuple[str, NDArray[np.float64]]], NDArray[np.float64]]:
    """Some rows of a sensor's axes of every file (n, axes), and the largest sizes in all of them."""
    blocks, most = [], []
    for p in sensors.profiles:
        if sensors.sensor:
            word = axes[0].column.split(".", 1)[0]
            if word in p.sensors:
                blocks.append((p.source.name, p.sensors[word][0]))
                most.append(p.sensors[word][1])
            continue
        names = [a.column for a in p.roles.axes.axes]
        wanted = [
            a.column.removeprefix(p.word + ".") if sensors.join and not sensors.sensor else a.column
            for a in axes
        ]
        if sensors.sensor:
            wanted = [w.split(".", 1)[1] for w in wanted]
        elif sensors.join and not all(a.column.startswith(p.word + ".") for a in axes):
            continue
        places = [names.index(w) for w in wanted]
        rows = p.sample[:, places]
        blocks.append((p.source.name, rows[np.isfinite(rows).all(1)]))
        most.append(p.most[places])
    return blocks, np.concatenate(most)


def _same_unit(proposal: Proposal, blocks: list[tuple[str, NDArray[np.float64]]], found: Unit) -> Unit:
    """The unit of all files, which is a guess if some of them are in another one."""
    units: dict[str, str] = {}
    for name, block in blocks:
        if len(block) >= WINDOW and (own := acceleration_unit(block)).word == LIKELY:
            units.setdefault(own.unit, name)
    if len(units) < 2:
        return found
    told = ", ".join(f"{name} in {unit}" for unit, name in units.items())
    proposal.warnings.append(
        f"files seem to be in different units ({told}); put each kind into a folder of its own"
    )
    proposal.confidence["units"] = GUESS
    return Unit(found.unit, found.why, GUESS, found.per_count)


def _told(sensors: Sensors, axes: list[Axis]) -> str:
    """The unit in the columns' names, or in the file's row of units."""
    column = axes[0].column
    units = {
        unit_of(p.units.get(column.split(".", 1)[-1] if sensors.join else column, ""))
        for p in sensors.profiles
        if not sensors.join or sensors.sensor or column.startswith(f"{p.word}.")
    }
    return next((a.unit for a in axes if a.unit), "") or (units.pop() if len(units) == 1 else "")


def _unit(
    proposal: Proposal,
    kind: str,
    axes: list[Axis],
    told: str,
    values: NDArray[np.float64],
    acceleration: Unit,
) -> Unit:
    """The unit of a sensor: what the names say, else what the numbers say."""
    what = SENSORS[kind]
    wrong = told not in ("", "count") and SENSOR_OF.get(told) != kind
    if wrong:
        proposal.warnings.append(
            f"columns {', '.join(a.column for a in axes)} are called {what}, but in {told}"
        )
    three = values.shape[1] == 3 and len(values) > 0
    if kind == "a":
        found = acceleration_unit(values) if three else Unit("g", "fewer than three axes", GUESS)
    elif kind == "w":
        found = (
            turn_unit(values, acceleration.unit, acceleration.per_count)
            if len(values)
            else Unit("rad/s", "", GUESS)
        )
    else:
        found = Unit("uT", "as most magnetometers", GUESS)
    if told and told != "count" and not wrong:
        against = fits_unit(values, told) if kind == "a" and three and not any(a.linear for a in axes) else ""
        if kind == "w" and told == "rad/s" and found.unit == "deg/s":
            against = found.why
        found = Unit(
            told, "the file says so" + f", but {against}" * bool(against), LIKELY if against else SURE
        )
        if against:
            proposal.warnings.append(f"{axes[0].column}: the file says {told}, but {against}; check it")
    elif wrong:
        found = Unit(found.unit, found.why, GUESS)
    elif not told and (unknown := next((a.written for a in axes if a.written), "")):
        found = Unit(
            found.unit, f"{found.why}; '{unknown}' is no unit that is known here", GUESS, found.per_count
        )
        proposal.warnings.append(
            f"{axes[0].column}: the unit '{unknown}' is not known, and {found.unit} is only a guess; write "
            f"the unit and scale into the card, or the numbers in {' or '.join(_KNOWN[kind])}"
        )
    if kind == "a" and any(a.linear for a in axes):
        steady = "in a steady direction" in found.why
        why = "no gravity, as its name says" + ", though its direction is steady" * steady
        why = f"{found.why.split(', in a')[0].split(' without')[0]}: {why}"
        found = Unit(found.unit, why, found.word if told and not wrong else GUESS, found.per_count)
    elif kind == "a" and "without gravity" in found.why:
        proposal.warnings.append(
            f"{what}: {found.why}; check the unit, and that the model is to see no gravity"
        )
    proposal.say(f"{what} in {found.unit} ({found.why})", found.word, "units")
    return found


def find_rate(proposal: Proposal, sensors: Sensors, chosen: float = 0.0) -> None:
    """Propose the rate: what a person said, what the clock says, what the file says."""
    layout, main = proposal.card["table"], sensors.main
    stamps = main[0].roles.stamps
    rates = [p.rate_hz for p in main if p.rate_hz]
    written = {p.facts.rate_hz for p in main if p.facts.rate_hz}
    for p in sensors.profiles:
        proposal.warnings += [f"{p.source.name}: {note}" for note in p.notes]
    if stamps is not None and not stamps.counter and rates:
        layout |= {"time": stamps.column, "time_unit": stamps.unit}
        _from_clock(proposal, sensors, rates, written, chosen)
        return
    if stamps is not None:
        proposal.warnings.append(f"{main[0].source.name}: {stamps.why}, so it is not used as a clock")
        proposal.say(f"'{stamps.column}' is no clock: {stamps.why}", GUESS)
    if chosen:
        proposal.card["rate_hz"] = chosen
        proposal.say(f"rate: {chosen:g} Hz, as you said", SURE, "rate_hz")
    elif len(written) == 1 and all(p.facts.rate_hz for p in main):
        proposal.card["rate_hz"] = written.pop()
        proposal.say(
            f"rate: {proposal.card['rate_hz']:g} Hz, as the file says; it has no clock", SURE, "rate_hz"
        )
    else:
        proposal.card["rate_hz"] = OFFERED
        proposal.card["unconfirmed"] = ["rate_hz"]
        proposal.say(
            "rate: no column of time stamps, so 50 Hz is a guess; say it with `rate_hz`", GUESS, "rate_hz"
        )
        proposal.warnings.append(
            f"{main[0].source.name} does not tell its rate, and 50 Hz is only a guess: run 'odl init' "
            f"again with "
            "`rate_hz=50`, or what it was"
        )


def _from_clock(
    proposal: Proposal, sensors: Sensors, rates: list[float], written: set[float], chosen: float
) -> None:
    stamps = sensors.main[0].roles.stamps
    assert stamps is not None
    measured = sorted(rates)[(len(rates) - 1) // 2]  # one that there is, the lower of two
    rate = usual_rate(measured)
    said = [w for w in written if abs(w / measured - 1) < 0.03]
    rate = said[0] if said else rate
    word, why = stamps.word, f"from time stamps in '{stamps.column}', in {stamps.unit} ({stamps.why})"
    if written and not said:
        word = GUESS if stamps.inferred else LIKELY if word == SURE else word
        told = f"{written.pop():g} Hz"
        why += f"; the file says {told}"
        proposal.warnings.append(
            f"{sensors.main[0].source.name}: the clock in '{stamps.column}' runs at {measured:.4g} Hz, but "
            f"the lines above the names say {told}"
        )
    if any(p.roles.by_turns for p in sensors.main):
        word = LIKELY if word == SURE else word
    if stamps.inferred and measured > FAST:
        word = GUESS
    if any(p.spread for p in sensors.main):
        word = LIKELY if word == SURE else word
        why += "; rows share time stamps and are spread"
    if any(p.doubtful for p in sensors.main):
        word = GUESS
        proposal.warnings.append(
            f"{sensors.main[0].source.name}: each time stamp has the same few rows; if they are of several "
            f"devices, "
            "add a column that tells these apart"
        )
    if converted := _converted(sensors.main):
        rate = converted.rate_hz
    apart = max(rates) / min(rates)
    if apart > 1.1:
        proposal.card["table"]["resample"] = True
        word = LIKELY if word == SURE else word
        proposal.say(f"files run at {min(rates):.4g} to {max(rates):.4g} Hz: all resampled", LIKELY)
        proposal.warnings.append(
            f"files run at {min(rates):.4g} to {max(rates):.4g} Hz: all resampled to {rate:g} Hz"
        )
    if chosen:
        proposal.card["rate_hz"] = chosen
        if abs(chosen / measured - 1) > 0.015:
            proposal.card["table"]["resample"] = True
        proposal.say(
            f"rate: {chosen:g} Hz, as you said; time stamps run at {measured:.4g} Hz", SURE, "rate_hz"
        )
        return
    proposal.card["rate_hz"] = rate
    proposal.say(f"rate: {rate:g} Hz {why}", word, "rate_hz")
    if word == GUESS:
        proposal.card["unconfirmed"] = ["rate_hz"]
        proposal.warnings.append(
            f"the rate of {rate:g} Hz is a guess ({stamps.why}); confirm it with `rate_hz={rate:g}`"
        )


def usual_rate(measured: float) -> float:
    """Return the usual rate of a sensor within 1.5 % of a measured one, else that in four digits.

    >>> usual_rate(99.2), usual_rate(30.7)
    (100.0, 30.7)
    """
    near = min(RATES, key=lambda rate: abs(rate - measured))
    return float(near) if abs(near / measured - 1) < 0.015 else float(f"{measured:.4g}")


def _converted(profiles: list[Profile]) -> Converted | None:
    """The card of tables that were all made from recordings of the same channels and rate."""
    cards = [read_converted(p.source.path) if p.source.archive is None else None for p in profiles]
    one = cards[0]
    if one is None:
        return None
    facts = {(c.channels, c.columns, c.counts, c.rate_hz) for c in cards if c is not None}
    return one if len(facts) == 1 and None not in cards else None
