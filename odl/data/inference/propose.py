"""``odl init``: inspect a folder of tables and propose its card."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from pathlib import Path
from typing import Any

from odl._text import clean
from odl.data.card import DataError
from odl.data.inference.columns import (
    LABEL,
    RECORDING,
    SUBJECT,
    named,
    plain,
)
from odl.data.inference.naming import file_name, label_pattern, people_pattern, side_shape
from odl.data.inference.proposal import Proposal
from odl.data.inference.sensors import find_channels, find_rate
from odl.data.loaders.recordings import recorded_facts
from odl.data.table_card import files_of, from_name
from odl.data.table_file import TABLES, Table, read_table

NO_LABEL = {"null", "none", "unknown", "unlabelled", "unlabeled", "undefined", "transition_unknown"}
MOST_CLASSES = 20  # rows that a model image has room for by default
WINDOW_S = 2.56


def propose(folder: Path, checksums: bool = False) -> Proposal:
    """Propose a card for all tables below ``folder``.

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
    """Propose a card from the Start of recordings."""
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
