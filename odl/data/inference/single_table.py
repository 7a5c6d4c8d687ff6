"""One table without a card: what its columns are, from their names, its numbers and what is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from odl._text import clean
from odl.core.events import valid_name
from odl.core.image import Channel
from odl.data.bundled import Part
from odl.data.card import Card, DataError
from odl.data.clock import read_clock
from odl.data.inference.class_names import NO_LABEL
from odl.data.inference.magnitudes import scale_for
from odl.data.inference.proposal import Proposal
from odl.data.inference.roles import find_roles
from odl.data.inference.sensors import choose_sensors, find_channels, usual_rate
from odl.data.inference.survey import Choices, survey
from odl.data.loaders.tables import Tables
from odl.data.readers import read_tables
from odl.data.readers.source import SourceFile
from odl.data.readers.table import RawTable

_LONGEST = 64  # letters of what somebody is called


@dataclass(frozen=True, eq=False)
class SingleTable:
    """One person's table: who, at which rate, what, and how that was come by."""

    subject: str
    rate_hz: float
    channels: tuple[tuple[str, str, float], ...]
    parts: tuple[Part, ...]
    provenance: tuple[tuple[str, str], ...]  # what, how sure


def read_single_table(
    path: Path,
    rate_hz: float | None = None,
    columns: Sequence[str] = (),
    units: Sequence[str] = (),
    label: str = "",
) -> SingleTable:
    """Read a table of one person that has no card.

    Parameters
    ----------
    path : Path
        CSV or Parquet.
    rate_hz : float, optional
        Samples a second; needed where no column holds time stamps.
    columns : sequence of str, optional
        The channels; default: those that are called like a sensor's axes.
    units : sequence of str, optional
        Of all channels or of each; default: by names and sizes.
    label : str, optional
        Column of class names; default: one that is called so.

    Raises
    ------
    DataError
        If it cannot be read so: what was looked for, and what to say.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.csv")
    ...     _ = path.write_text("ax,ay,az\\n" + "0,0.1,9.8\\n" * 100)
    ...     read_single_table(path, rate_hz=50).channels[0][:2]
    ('ax', 'm/s2')
    """
    if rate_hz is not None and not 1e-3 <= rate_hz <= 1e4:
        raise DataError(f"{path}: a rate of {rate_hz:g} Hz is none of a sensor; it can be 0.001 to 10000")
    source = SourceFile(path, path.name)
    table = read_tables(source)[0]
    for column in (*columns, *([label] if label else [])):
        if column not in table.columns:
            raise DataError(
                f"{path}: there is no column '{column[:40]}'; there are {', '.join(table.columns)[:200]}"
            )
    proposal = Proposal({"channels": [], "table": {}, "rate_hz": rate_hz})
    layout: dict[str, Any] = proposal.card["table"]
    chosen = {c: v for c, v in table.columns.items() if not units or c not in columns}
    roles = find_roles(replace(table, columns=chosen), label=label)
    if units:
        _by_units(proposal, table, columns, units)
    else:
        found = survey([source], Choices(label=label, columns=tuple(columns)))
        if not found.profiles:
            raise DataError(f"{path}: {found.skipped[0][1] if found.skipped else 'there is no table'}")
        sensors = choose_sensors(proposal, found.profiles)
        find_channels(proposal, sensors)
    if columns and len(proposal.card["channels"]) < len(columns):
        raise DataError(f"{path}: not every column is called like a sensor's axis; say their `units`, too")
    if roles.stamps is not None and not roles.stamps.counter:
        layout |= {"time": roles.stamps.column, "time_unit": roles.stamps.unit}
        clock = read_clock(table, roles.stamps.column, roles.stamps.unit, np.zeros((len(table), 1)))
        measured = usual_rate(clock.rate_hz) if clock.rate_hz else 0.0
        if not measured:
            raise DataError(f"{path}: the time stamps in '{roles.stamps.column}' do not move")
        proposal.card["rate_hz"] = rate_hz or measured
        word = roles.stamps.word
        proposal.say(
            f"rate: {measured:g} Hz from time stamps in '{roles.stamps.column}', in {roles.stamps.unit}", word
        )
    elif rate_hz is None:
        raise DataError(f"{path}: no column holds time stamps; say how many samples a second, with `rate`")
    who = roles.subject
    codes, texts = table.texts(who) if who and who != label else (None, [])
    people = sorted(set(texts) - {""})
    if len(people) > 1:
        raise DataError(f"{path}: {len(people)} people in column '{who}'; a recording is one person's")
    label = label or roles.label
    classes: list[str] = []
    if label:
        words = sorted(table.texts(label)[1])
        classes = [t for t in words if valid_name(t) and t.lower() not in NO_LABEL]
        layout |= {"label": label, "rename": {t: "" for t in words if t not in classes}}
        proposal.say(f"truth from column '{label}': {', '.join(classes[:12])}")
    if roles.recording and roles.recording not in (label, who, *columns):
        layout["recording"] = roles.recording
    person = clean(people[0][:_LONGEST], _LONGEST, empty="") if people else ""
    return _read(path, proposal, classes, person or "1")


def _by_units(proposal: Proposal, table: RawTable, columns: Sequence[str], units: Sequence[str]) -> None:
    if not columns:
        raise DataError(f"{table.path}: units are told for columns; name these with `columns`")
    if len(units) not in (1, len(columns)):
        raise DataError(f"{table.path}: {len(units)} units for {len(columns)} columns; tell one, or each")
    for column, unit in zip(columns, [*units] * (len(columns) if len(units) == 1 else 1), strict=True):
        values = table.numbers(column)
        scale = scale_for(values[np.isfinite(values)])
        proposal.card["channels"].append({"name": column, "unit": unit, "scale": scale, "column": column})


def _read(path: Path, proposal: Proposal, classes: list[str], subject: str) -> SingleTable:
    channels = proposal.card["channels"]
    card = Card(
        name=path.stem, title="", origin="", licence="", citation="", file="", sha256="", model="",
        rate_hz=float(proposal.card["rate_hz"]),
        channels=tuple(Channel(c["name"], c["unit"], c["scale"]) for c in channels),
        classes=tuple(classes), splits={"all": ("1",)}, notes=(), about={"table": proposal.card["table"]},
        columns=tuple(c["column"] for c in channels), signs=(1,) * len(channels),
    )  # fmt: skip
    parts = Tables(card, path, path).session("1")
    said = [*proposal.provenance, *((part.note, "sure") for part in parts if part.note)]
    facts = tuple((c.name, c.unit, c.scale) for c in card.channels)
    return SingleTable(subject, card.rate_hz, facts, parts, tuple(said))
