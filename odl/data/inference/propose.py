"""``odl init``: inspect a folder of tables and propose its card."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl._text import clean
from odl.data.card import DataError
from odl.data.conversion.converted import Converted, guarded, read_converted
from odl.data.inference.columns import (
    LABEL,
    RECORDING,
    SUBJECT,
    acceleration_unit,
    axes_of,
    named,
    plain,
    rate_of,
    scale_for,
    time_column,
    turn_unit,
)
from odl.data.inference.naming import file_name, label_pattern, people_pattern, side_shape
from odl.data.inference.proposal import Proposal
from odl.data.loaders.recordings import recorded_facts
from odl.data.table_card import files_of, from_name
from odl.data.table_file import TABLES, Table, read_table

NO_LABEL = {"null", "none", "unknown", "unlabelled", "unlabeled", "undefined", "transition_unknown"}
MOST_CLASSES = 20  # rows that a model image has room for by default
WINDOW_S = 2.56


def propose(folder: Path, checksums: bool = False) -> Proposal:
    """Look at every table below ``folder``.

    Parameters
    ----------
    folder : Path
        Holds CSV, Parquet or recordings (.odl), in folders below it or not.
    checksums : bool
        Note each file's SHA-256, so that a changed file is refused later.

    Raises
    ------
    DataError
        If there is nothing to read, or channels or labels cannot be found.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder")
    found = files_of(folder, tuple(f"*{suffix}" for suffix in (*TABLES, ".odl")))
    if not found:
        raise DataError(f"{folder}: there are no tables; looked for *.csv, *.parquet and *.odl")
    tables = [p for p in found if p.suffix in TABLES]
    proposal = Proposal({
        "name": re.sub(r"[^\w-]+", "-", folder.resolve().name.lower()).strip("-") or "mine",
        "title": folder.resolve().name, "origin": "to be written: who recorded this, where, with what",
        "licence": "to be written", "citation": "to be written", "rate_hz": 0, "window_s": WINDOW_S,
        "hop_s": WINDOW_S / 2, "channels": [], "classes": [], "tree": None, "splits": {}, "table": {},
    })  # fmt: skip
    if tables:
        _from_tables(proposal, folder, tables)
    else:
        _from_recordings(proposal, found)
    own = tables if tables else found
    proposal.say(
        f"{len(own)} file{'s' if len(own) > 1 else ''}: {', '.join(proposal.card['table']['files'])}"
    )
    proposal.say(
        'one flat task; write a tree such as {"still": ["sit", "lie"], "walk": []} to have more', None
    )
    proposal.say(f"windows of {WINDOW_S} s, one every {WINDOW_S / 2} s", None)
    if checksums:
        proposal.card["checksums"] = {
            p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in own
        }
    return proposal


def _from_tables(proposal: Proposal, folder: Path, paths: list[Path]) -> None:
    tables = [read_table(path) for path in paths]
    spans = [s for s in tables if {"start", "end", "label"} <= set(s.columns)]
    tables = [s for s in tables if s not in spans]
    if not tables:
        raise DataError(f"{folder}: there are label files, but no table with channels")
    layout: dict[str, Any] = {"files": sorted({f"*{s.path.suffix}" for s in tables})}
    proposal.card["table"] = layout
    find_channels(proposal, tables)
    find_rate(proposal, tables)
    _labels(proposal, folder, tables, spans)
    _people(proposal, folder, tables)
    column = named(tables[0].columns, RECORDING)
    if column and column not in (layout.get("subject"), layout.get("label")):
        layout["recording"] = column
        proposal.say(f"column '{column}' tells recordings apart", None)


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


def _labels(proposal: Proposal, folder: Path, tables: list[Table], spans: list[Table]) -> None:
    layout, first = proposal.card["table"], tables[0]
    column = named(first.columns, LABEL)
    if spans:
        shape = side_shape(tables, spans)
        layout["label_file"] = shape
        texts = Counter(t for s in spans for t in s.texts("label"))
        proposal.say(
            f"labels from {shape}, in {'the time of ' + repr(layout['time']) if 'time' in layout else 's'}",
            None,
        )
    elif column:
        layout["label"] = column
        texts = Counter(t for s in tables for t in s.texts(column))
        proposal.say(f"labels from column '{column}'")
    else:
        pattern = label_pattern(folder, tables)
        if not pattern:
            raise DataError(
                f"{folder}: no labels can be found; looked for a column such as label, activity or class, "
                "for a file with columns start, end, label, and for names such as walk.1.csv or walk/1.csv"
            )
        layout["label_pattern"] = pattern
        texts = Counter(str(from_name(pattern, "label", file_name(folder, s.path, pattern))) for s in tables)
        proposal.say(f"labels from file names, {pattern}", None)
    _classes(proposal, texts, folder)


def _classes(proposal: Proposal, texts: Counter[str], folder: Path) -> None:
    rename: dict[str, str] = {}
    for text in sorted(texts):
        name = clean(re.sub(r"_+", " ", text).lower(), None, empty="")
        while len(name.encode()) > 32:
            name = name[:-1].strip()
        if plain(text) in NO_LABEL or text == "":
            name = ""
        if name in rename.values() and name:
            name = text
        rename[text] = name
    classes = list(dict.fromkeys(name for name in rename.values() if name))
    if len(classes) < 2:
        what = f"the only class is '{classes[0]}'" if classes else "the labels are all empty"
        raise DataError(f"{folder}: {what}; two classes or more are needed")
    proposal.card["classes"] = classes
    changed = {text: name for text, name in rename.items() if text != name}
    if changed:
        proposal.card["table"]["rename"] = changed
    none = sum(n for text, n in texts.items() if not rename[text])
    proposal.say(f"{len(classes)} classes: {', '.join(classes[:12])}{', ...' if len(classes) > 12 else ''}")
    if none:
        empty = ", ".join(f"'{t}'" if t else "nothing" for t in rename if not rename[t])
        proposal.say(f"no label where it says {empty}", None)
    if len(classes) > MOST_CLASSES:
        proposal.say(f"a model has room for {MOST_CLASSES} classes and groups; join some under rename", False)


def _people(proposal: Proposal, folder: Path, tables: list[Table]) -> None:
    layout, first = proposal.card["table"], tables[0]
    column = named([c for c in first.columns if c != layout.get("label")], SUBJECT)
    if column:
        layout["subject"] = column
        texts = sorted({t for s in tables for t in s.texts(column)})
        proposal.say(f"people from column '{column}'")
    else:
        pattern = people_pattern(folder, tables, layout.get("label_pattern", ""))
        if not pattern:
            proposal.say("nothing tells people apart: all is one person's", False)
            texts = ["1"]
        else:
            layout["subject_pattern"] = pattern
            texts = sorted(
                {str(from_name(pattern, "subject", file_name(folder, s.path, pattern))) for s in tables}
            )
            proposal.say(f"people from file names, {pattern}", None)
    if all(re.fullmatch(r"-?\d+", t) for t in texts) and len({int(t) for t in texts}) == len(texts):
        people = sorted(int(t) for t in texts)
    else:
        layout["people"] = {text: i for i, text in enumerate(texts, 1)}
        people = list(layout["people"].values())
    _splits(proposal, people)


def _splits(proposal: Proposal, people: list[int]) -> None:
    """Whole people are held out: the last quarter of them, one at least, where two are left."""
    if len(people) < 3:
        proposal.card["splits"] = {"train": people}
        proposal.say(f"nobody kept for testing: {len(people)} of at least 3 people", False)
        return
    kept = max(1, len(people) // 4)
    proposal.card["splits"] = {"train": people[:-kept], "test": people[-kept:]}
    proposal.say(
        f"{len(people)} people, of whom {', '.join(map(str, people[-kept:]))} kept for testing", None
    )


def _from_recordings(proposal: Proposal, paths: list[Path]) -> None:
    """What recordings say of themselves."""
    facts = [recorded_facts(path) for path in paths]
    for path, fact in zip(paths, facts, strict=True):
        if (fact.channels, fact.rate_hz) != (facts[0].channels, facts[0].rate_hz):
            raise DataError(f"{path}: its channels or rate differ from those of {paths[0].name}")
    proposal.card["table"] = {"files": ["*.odl"]}
    proposal.card["rate_hz"] = facts[0].rate_hz
    proposal.card["channels"] = [{"name": n, "unit": u, "scale": s} for n, u, s in facts[0].channels]
    proposal.say("channels and rate as the recordings have them")
    _classes(proposal, Counter(name for fact in facts for name in fact.classes), paths[0].parent)
    texts = sorted({fact.subject for fact in facts})
    if all(t.isdecimal() for t in texts):
        people = sorted(map(int, texts))
    else:
        proposal.card["table"]["people"] = {text: i for i, text in enumerate(texts, 1)}
        people = list(range(1, len(texts) + 1))
    _splits(proposal, people)
