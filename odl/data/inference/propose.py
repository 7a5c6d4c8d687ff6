"""``odl init``: inspect tables and propose their card."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from odl._kinds import ZIP, instead, kind_of
from odl._text import counted
from odl.core.image_layout import MOST_ROWS
from odl.data.card import DataError
from odl.data.clock import SECONDS
from odl.data.inference.class_names import class_names
from odl.data.inference.file_names import Reading, apply, read_names, split_of
from odl.data.inference.proposal import GUESS, LIKELY, SURE, Proposal
from odl.data.inference.roles import VAGUE, plain
from odl.data.inference.sensors import Sensors, choose_sensors, find_channels, find_rate
from odl.data.inference.survey import Choices, Profile, Survey, survey
from odl.data.inference.unnamed import guessed_labels, labels_inside, may_be_people
from odl.data.label_file import span_columns
from odl.data.loaders.recordings import recorded_facts
from odl.data.readers.source import SourceFile, sources
from odl.data.readers.table import RawTable
from odl.data.table_card import is_card

WINDOW_S = 2.56
NOBODY = Choices()


def propose(
    path: Path, checksums: bool = False, choices: Choices = NOBODY,
    progress: Callable[[str], None] | None = None,
) -> Proposal:  # fmt: skip
    """Propose a card for a table, a zip or all tables below a folder.

    Parameters
    ----------
    path : Path
        A folder, a zip or a file; any format that `odl.data.readers` knows, or recordings (.odl).
    checksums : bool
        Note each file's SHA-256, so that a changed file is refused later.
    choices : Choices
        What is known already: names, columns, the rate.
    progress : callable, optional
        Called with a sentence every two seconds.

    Raises
    ------
    DataError
        If there is nothing to read, or channels cannot be found.
    """
    found = [s for s in sources(path) if not is_card(s)]
    title = path.resolve().name
    proposal = Proposal({
        "name": re.sub(r"[^\w-]+", "-", title.lower()).strip("-") or "mine",
        "title": title, "origin": "to be written: who recorded this, where, with what",
        "licence": "to be written", "citation": "to be written", "rate_hz": 0, "window_s": WINDOW_S,
        "hop_s": WINDOW_S / 2, "channels": [], "classes": [], "tree": None, "splits": {}, "table": {},
    })  # fmt: skip
    surveyed = survey(found, choices, progress)
    recordings = [s for s in found if s.suffix == ".odl" and s.archive is None]
    own = recordings
    if surveyed.profiles:
        own = _from_tables(proposal, path, surveyed, choices)
    elif recordings:
        _from_recordings(proposal, [s.path for s in recordings])
    elif surveyed.spans:
        raise DataError(f"{path}: there are label files, but no table with channels")
    else:
        none = "there are no tables; looked for *.csv, *.parquet and *.odl, and for other formats that"
        none = f"{none} docs/data.md lists, in {counted(len(found), 'file')}"
        other = "" if path.is_dir() or kind_of(path)[0] == ZIP else instead(path, "a table or a recording")
        raise DataError(f"{path}: {other or none}")
    proposal.say(
        f"{len(own)} file{'s' if len(own) > 1 else ''}: {', '.join(proposal.card['table']['files'])}"
    )
    proposal.say(
        'one flat task; write a tree such as {"still": ["sit", "lie"], "walk": []} to have more', LIKELY
    )
    proposal.say(f"windows of {WINDOW_S} s, one every {WINDOW_S / 2} s", LIKELY)
    if checksums:
        base = path if path.is_dir() else path.parent
        files = dict.fromkeys(s.archive or s.path for s in own)
        proposal.card["checksums"] = {
            p.relative_to(base).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files
        }
    return proposal


def _from_tables(proposal: Proposal, path: Path, surveyed: Survey, choices: Choices) -> list[SourceFile]:
    """Propose a card from tables; the files that it reads."""
    sensors = choose_sensors(proposal, surveyed.profiles)
    profiles = sensors.main
    layout: dict[str, Any] = {}
    proposal.card["table"] = layout
    used = {id(p.source): p.source for p in sensors.profiles}
    spans = {id(s): s for s, _ in surveyed.spans}
    layout["files"] = (
        sorted({f"*{_suffix(s)}" for s in used.values()}) if path.is_dir() or path.suffix == ".zip" else ["*"]
    )
    unused = [p.source for p in surveyed.profiles if id(p.source) not in used]
    skipped = [s for s, _ in surveyed.skipped] + surveyed.beside + unused
    skip = [s.name for s in skipped if f"*{_suffix(s)}" in layout["files"] and id(s) not in {**spans, **used}]
    if skip:
        layout["skip"] = sorted(set(skip))
    if surveyed.beside:
        others = ", ".join(sorted({s.path.name for s in surveyed.beside}))
        proposal.say(f"no tables of their own, or no movement: {others[:200]}", SURE)
    for source, why in surveyed.skipped:
        proposal.warnings.append(f"{source.name} is left out: {why}")
    for name in sorted({p.source.name for p in surveyed.profiles if id(p.source) not in used and not p.word}):
        proposal.warnings.append(
            f"{name} is left out: its name has none of the words {', '.join(sensors.join)}"
        )
    find_channels(proposal, sensors)
    find_rate(proposal, sensors, choices.rate_hz)
    names = [p.source.name for p in profiles]
    split = split_of(names)
    reading = _reading(proposal, path, surveyed, profiles, choices, bool(split))
    texts = _labels(proposal, surveyed, profiles, reading) or guessed_labels(proposal, profiles)
    _classes(proposal, texts, reading)
    _people(proposal, profiles, reading, split)
    _columns(proposal, profiles, sensors)
    proposal.warnings += [f"{p.source.name}: {remark}" for p in profiles for remark in p.roles.remarks]
    if surveyed.spans and "label_file" not in layout:
        names = sorted(s.name for s, _ in surveyed.spans)
        layout["skip"] = sorted({*layout.get("skip", ()), *names})
        proposal.warnings.append(f"{', '.join(names)} left out: the tables have labels of their own")
    return list(used.values())


def _suffix(source: SourceFile) -> str:
    """The ending of a file's name as it is written, with that of gzip."""
    name = source.name.rsplit("/", 1)[-1]
    match = re.search(r"(\.[A-Za-z]\w*(\.gz)?)$", name)
    return match[1] if match else name


def _reading(
    proposal: Proposal, path: Path, surveyed: Survey, profiles: list[Profile], choices: Choices, split: bool
) -> Reading | None:
    """What the names of files say of classes and people, where the tables do not say it."""
    names = [p.source.name for p in profiles]
    if choices.pattern:
        reading = apply(choices.pattern, names)
        if reading is None or not (reading.labels or reading.subjects):
            raise DataError(
                f"{path}: the pattern '{choices.pattern}' has no {{label}} or {{subject}}, or does not fit "
                f"every "
                f"file, as {names[0]}"
            )
        proposal.say(f"names of files read as {choices.pattern}: {reading.counts}")
        return Reading(reading.pattern, reading.labels, reading.subjects, SURE, "you said so")
    labels = bool(surveyed.spans) or _says(profiles, "label") or labels_inside(profiles, names)
    people = _says(profiles, "subject") or split
    if labels and people:
        return None
    needed = ["{subject"] if labels else []
    unwanted = [*(["{label"] if labels else []), *(["{subject"] if people else [])]
    readings = read_names(names, needed, unwanted)
    if not readings and people and not labels:
        readings = read_names(names)
    if not readings:
        return None
    for other in readings[1:3]:
        proposal.say(f"names of files may also be read as {other.pattern}: {other.counts}", GUESS)
    best = readings[0]
    if best.word == GUESS or len(readings) > 1:
        proposal.readings = [(r.pattern, r.counts) for r in readings[:3]]
    if best.word == GUESS and len(readings) > 1:
        proposal.warnings.append(
            f"names of files are read as {best.pattern} ({best.counts}); "
            f"`pattern={readings[1].pattern}` reads them the other way ({readings[1].counts})"
        )
    return best


def _says(profiles: list[Profile], entry: str) -> bool:
    """Whether the tables themselves name classes or people."""
    if entry == "label":
        return all(p.facts.label or p.facts.spans or p.roles.label for p in profiles) and (
            len({*(t for p in profiles for t in p.labels), *(p.facts.label for p in profiles)} - {""}) > 1
            or any(p.facts.spans for p in profiles) or len(profiles) == 1
        )  # fmt: skip
    return all(p.roles.subject or p.facts.subject for p in profiles)


def _labels(
    proposal: Proposal, surveyed: Survey, profiles: list[Profile], reading: Reading | None
) -> Counter[str]:
    """Where labels come from, and how often each text is there."""
    layout = proposal.card["table"]
    column = profiles[0].roles.label
    if column and _says(profiles, "label"):
        for profile in profiles:
            if profile.roles.label != column:
                raise DataError(
                    f"{profile.source.path}: there is no column '{column}', but "
                    f"{profiles[0].source.path.name} has it"
                )
        layout["label"] = column
        texts = sum((p.labels for p in profiles), Counter[str]())
        words = any(re.search(r"[^\W\d_]", text) for text in texts)
        doubt = profiles[0].roles.guessed or plain(column) in VAGUE
        word = GUESS if not words else LIKELY if doubt else SURE
        proposal.say(f"labels from column '{column}'", word, "classes")
        return texts
    if surveyed.spans:
        return _from_spans(proposal, surveyed.spans, profiles)
    if all(p.facts.label or p.facts.spans for p in profiles):
        texts = Counter(p.facts.label for p in profiles if p.facts.label)
        texts.update(text for p in profiles for _, _, text in p.facts.spans)
        proposal.say("labels as the files have them", SURE, "classes")
        return texts
    if reading is not None and reading.labels:
        layout["label_pattern"] = reading.pattern
        proposal.say(f"labels from the names of files, {reading.pattern}: {reading.counts}",
                     LIKELY if reading.word == SURE else reading.word, "classes")  # fmt: skip
        return Counter(reading.labels)
    if column:
        layout["label"] = column
        proposal.say(f"labels from column '{column}'", LIKELY, "classes")
        return sum((p.labels for p in profiles), Counter[str]())
    proposal.confidence["classes"] = GUESS
    return Counter()


def _from_spans(
    proposal: Proposal, spans: list[tuple[SourceFile, RawTable]], profiles: list[Profile]
) -> Counter[str]:
    layout = proposal.card["table"]
    stems = sorted((Path(p.source.name).stem for p in profiles), key=len, reverse=True)
    shapes, texts = set(), Counter[str]()
    for source, table in spans:
        name = source.path.name
        own = [
            s for s in stems if Path(name).stem != s and re.search(rf"(?<!\w){re.escape(s)}(?![^\W_])", name)
        ]
        shapes.add(name.replace(own[0], "{file}", 1) if own else name)
        columns = span_columns(table)
        assert columns is not None
        codes, words = table.texts(columns.label)
        texts.update(words[code] for code in codes.tolist())
    if len(shapes) > 1:
        raise DataError(
            f"{spans[0][0].path}: label files are named in different ways ({', '.join(sorted(shapes)[:4])}); "
            "call each as its table with the same ending"
        )
    layout["label_file"] = shapes.pop()
    unit, word = _span_unit(spans, profiles)
    layout["label_unit"] = unit
    where = {"time": f"the time of '{layout.get('time')}'", "s": "s from the first row", "samples": "rows"}[
        unit
    ]
    proposal.say(f"labels from {layout['label_file']}, in {where}", word, "classes")
    return texts


def _span_unit(spans: list[tuple[SourceFile, RawTable]], profiles: list[Profile]) -> tuple[str, str]:
    """The unit of label files, the one in which they cover most of the tables, and how sure that is."""
    shares: dict[str, list[float]] = {"time": [], "s": [], "samples": []}
    for source, table in spans:
        columns = span_columns(table)
        assert columns is not None
        if table.columns[columns.end].dtype.kind not in "iuf":
            return "time", LIKELY
        own = [p for p in profiles if source.path.name.startswith(Path(p.source.name).stem)] or profiles
        size = SECONDS[own[0].roles.stamps.unit] if own[0].roles.stamps else 1.0
        last = float(np.nanmax(table.numbers(columns.end))) * columns.factor
        lasts = [p.last_time * size for p in own], [(p.last_time - p.first_time) * size for p in own]
        if own[0].rate_hz:
            clock = last if columns.factor != 1.0 else last * size
            shares["time"].append(clock / max(lasts[0]))
            shares["s"].append(
                (last if last < 1e8 else last - own[0].first_time * size) / max(max(lasts[1]), 1e-9)
            )
        else:
            shares["s"].append(last / (max(p.rows for p in own) / 50))
        shares["samples"].append(last / max(p.rows for p in own))
    usable = {unit: min(own) for unit, own in shares.items() if own and min(own) > 0.2 and max(own) < 1.1}
    if any(columns.factor != 1.0 for _, t in spans if (columns := span_columns(t)) is not None):
        usable = {"s": 1.0}
    if usable.get("samples", 0.0) < 0.5:  # rows only where they cover the table, which seconds then exceed
        usable.pop("samples", None)
    if not usable:
        seconds = all(p.roles.stamps is None or p.roles.stamps.unit != "s" for p in profiles)
        return ("s" if seconds or not shares["time"] else "time"), GUESS
    order = sorted(usable, key=lambda unit: -usable[unit])
    close = len(order) > 1 and usable[order[1]] > 0.5 * usable[order[0]]
    best = "time" if close and "time" in order[:2] else order[0]
    same = {"time", "s"} == set(order[:2]) and abs(usable["time"] - usable["s"]) < 1e-3
    return best, GUESS if close and not same else LIKELY


def _classes(proposal: Proposal, texts: Counter[str], reading: Reading | None) -> None:
    rename = class_names(sorted(texts))
    classes = sorted({name for name in rename.values() if name})
    proposal.card["classes"] = classes
    changed = {text: name for text, name in rename.items() if text != name}
    if changed:
        proposal.card["table"]["rename"] = changed
    if not classes:
        proposal.confidence["classes"] = GUESS
        proposal.warnings.append(
            "no labels can be found; looked for a column such as label, activity or class, for a file with "
            "columns "
            "start, end, label, and for names such as walk.1.csv or walk/1.csv; name one with `label` or "
            "`pattern`"
        )
        return
    several = f"{len(classes)} class{'es' if len(classes) > 1 else ''}"
    named = ", ".join(classes[:12]) + ", ..." * (len(classes) > 12)
    proposal.say(f"{several}: {named}", proposal.confidence["classes"])
    if len(classes) < 2:
        proposal.warnings.append(f"the only class is '{classes[0]}'; two classes or more are needed to train")
    folded = {name: [t for t in rename if rename[t] == name] for name in classes}
    for name, own in folded.items():
        if len(own) > 1:
            proposal.say(f"one class '{name}' for {', '.join(repr(t) for t in own)}", LIKELY)
        elif name.count("...") and "..." not in own[0]:
            proposal.say(f"'{own[0]}' is called '{name}': a name has 32 bytes at most", LIKELY)
    none = ", ".join(f"'{t}'" if t else "nothing" for t in rename if not rename[t])
    if none:
        proposal.say(f"no label where it says {none}", LIKELY)
    if len(classes) > MOST_ROWS:
        proposal.say(f"a model has room for {MOST_ROWS} classes and groups; join some under rename", GUESS)


def _people(
    proposal: Proposal, profiles: list[Profile], reading: Reading | None, split: dict[str, str]
) -> None:
    layout = proposal.card["table"]
    column = profiles[0].roles.subject
    named = [p.facts.subject for p in profiles]
    kept: dict[str, str] = {}
    if column and all(p.roles.subject == column for p in profiles):
        layout["subject"] = column
        texts = sorted({t for p in profiles for t in p.subjects})
        doubt = plain(column) == "name" or any(p.roles.guessed or p.roles.by_turns for p in profiles)
        proposal.say(f"people from column '{column}'", LIKELY if doubt else SURE, "subjects")
    elif any(named):
        texts = sorted(set(named))
        proposal.say("people as the files have them", SURE, "subjects")
    elif reading is not None and reading.subjects:
        layout["subject_pattern"] = reading.pattern
        texts = sorted(set(reading.subjects))
        word = GUESS if reading.numbered else LIKELY if reading.word == SURE else reading.word
        proposal.say(f"people from the names of files, {reading.pattern}", word, "subjects")
        if reading.numbered:
            some = ", ".join(texts[:3]) + ", ..." * (len(texts) > 3)
            trials = reading.pattern.replace("{subject", "{recording")
            proposal.warnings.append(
                f"{some} in the names of files are taken for people, which is a guess; "
                f"`pattern={trials}` takes them for trials"
            )
    elif split or all(p.facts.split for p in profiles):
        kept = split or {"train": "train", "test": "test"}
        if split:
            layout["subject_pattern"] = "{subject}/*"
        there = {p.facts.split for p in profiles}
        texts = sorted((t for t in kept if split or t in there), key=lambda t: kept[t], reverse=True)
        proposal.say(
            f"{' and '.join(texts)} are a split, not people: nothing tells people apart", GUESS, "subjects"
        )
    else:
        proposal.say("nothing tells people apart: all is one person's", GUESS, "subjects")
        proposal.warnings += may_be_people(profiles, layout.get("label", ""))
        texts = ["1"]
    proposal.subjects = [] if texts == ["1"] and not column or kept else texts
    if all(re.fullmatch(r"-?\d{1,18}", t) for t in texts) and len({int(t) for t in texts}) == len(texts):
        people = sorted(int(t) for t in texts)
    else:
        layout["people"] = {text: i for i, text in enumerate(texts, 1)}
        people = list(layout["people"].values())
    if kept:
        sides = {kept[text]: number for text, number in zip(texts, people, strict=True)}
        proposal.card["splits"] = {side: [number] for side, number in sorted(sides.items(), reverse=True)}
        return
    _splits(proposal, people)


def _splits(proposal: Proposal, people: list[int]) -> None:
    """Whole people are held out: the last quarter of them, one at least, where two are left."""
    if len(people) < 3:
        proposal.card["splits"] = {"train": people}
        proposal.say(f"nobody kept for testing: {len(people)} of at least 3 people", GUESS)
        return
    kept = max(1, len(people) // 4)
    proposal.card["splits"] = {"train": people[:-kept], "test": people[-kept:]}
    proposal.say(f"{len(people)} people; kept for testing: {', '.join(map(str, people[-kept:]))}", LIKELY)


def _columns(proposal: Proposal, profiles: list[Profile], sensors: Sensors) -> None:
    """The other columns: recordings, devices, and what is left out."""
    layout, roles = proposal.card["table"], profiles[0].roles
    if roles.recording:
        layout["recording"] = roles.recording
        proposal.say(f"column '{roles.recording}' tells recordings apart", LIKELY)
    devices = sum((p.devices for p in profiles), Counter[str]())
    if len(devices) > 1:
        layout["device"] = roles.device
        named = ", ".join(f"'{name}'" for name in list(devices)[:4])
        what = f"{len(devices)} devices in column '{roles.device}' ({named})"
        proposal.say(f"{what}: each one's rows are recordings of their own", LIKELY)
        proposal.warnings.append(
            f"column '{roles.device}' has {len(devices)} devices: each is split into recordings of its "
            f"own, and one "
            "model learns from all of them"
        )
    if roles.names:
        layout["columns"] = list(roles.names)
    if roles.guessed:
        proposal.say(
            f"the files have no names of columns; called {', '.join(roles.names)} by their numbers", GUESS
        )
        proposal.warnings.append(
            "columns have no names and were told apart by their numbers; confirm them with "
            f"`columns={','.join(roles.names)}`"
        )
    left = list(dict.fromkeys(c for p in sensors.profiles for c in p.roles.left))
    left = [c for c in left if c not in layout.values()]
    if left:
        proposal.say(f"left out: {', '.join(left[:40])}{', ...' if len(left) > 40 else ''}", LIKELY)


def _from_recordings(proposal: Proposal, paths: list[Path]) -> None:
    """Propose a card from the Start of recordings."""
    facts = [recorded_facts(path) for path in paths]
    for path, fact in zip(paths, facts, strict=True):
        if (fact.channels, fact.rate_hz) != (facts[0].channels, facts[0].rate_hz):
            raise DataError(f"{path}: its channels or rate differ from those of {paths[0].name}")
    proposal.card["table"] = {"files": ["*.odl"]}
    proposal.card["rate_hz"] = facts[0].rate_hz
    proposal.card["channels"] = [{"name": n, "unit": u, "scale": s} for n, u, s in facts[0].channels]
    proposal.channels = [
        {"name": n, "unit": u, "column": n, "confidence": SURE} for n, u, _ in facts[0].channels
    ]
    proposal.say("channels and rate as the recordings have them", SURE)
    proposal.confidence |= {"rate_hz": SURE, "units": SURE, "classes": SURE, "subjects": SURE}
    _classes(proposal, Counter(name for fact in facts for name in fact.classes), None)
    texts = sorted({fact.subject for fact in facts})
    proposal.subjects = texts
    if all(t.isdecimal() for t in texts):
        people = sorted(map(int, texts))
    else:
        proposal.card["table"]["people"] = {text: i for i, text in enumerate(texts, 1)}
        people = list(range(1, len(texts) + 1))
    _splits(proposal, people)
