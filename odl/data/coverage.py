"""Check that a dataset has enough people and windows for training and testing by person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from odl.core.pace import Pace
from odl.data.bundled import Part
from odl.data.card import Card, DataError
from odl.data.dataset import Dataset

FEWEST = 2  # least windows of a class for training and testing


class _Outlines:
    """A loader of what was read before, without samples."""

    def __init__(self, sessions: dict[str, tuple[Part, ...]]) -> None:
        self.subjects = tuple(sessions)
        self._sessions = sessions

    def session(self, subject: str, seed: int = 0) -> tuple[Part, ...]:
        """All recordings of a person, in order; every sample is 0."""
        return self._sessions[subject]


def outline(dataset: Dataset, progress: Callable[[str], None] | None = None) -> Dataset:
    """Read each person once, and keep what can be counted: sizes and truths, and no samples.

    Raises
    ------
    DataError
        If a file cannot be read.

    Examples
    --------
    >>> from odl.data import open_dataset
    >>> found = outline(open_dataset("shoulder"))
    >>> len(found.session(7)), windows_by_class(found, ("7",))["pendulum"]
    (14, 39)
    """
    pace, sessions = Pace(progress, "reading", len(dataset.subjects), "people"), dict[str, tuple[Part, ...]]()
    for number, person in enumerate(dataset.subjects, 1):
        sessions[person] = tuple(
            replace(part, block=np.broadcast_to(np.int16(0), part.block.shape))
            for part in dataset.session(person)
        )
        pace.reach(number)
    return replace(dataset, loader=_Outlines(sessions))


def windows_by_class(dataset: Dataset, people: tuple[str, ...] | None = None) -> Counter[str]:
    """Return the number of labelled windows of each class, stretch by stretch.

    >>> from odl.data import open_dataset
    >>> windows_by_class(open_dataset("shoulder"), ("7",))["pendulum"]
    39
    """
    card = dataset.card
    window = max(1, round((card.window_s or 2.56) * card.rate_hz))
    hop = max(1, round((card.hop_s or (card.window_s or 2.56) / 2) * card.rate_hz))
    found = Counter(dict.fromkeys(card.classes, 0))
    for person in dataset.subjects if people is None else people:
        for part in dataset.session(person):
            for start, end, name in part.truths:
                found[name] += max(0, (end - start - window) // hop + 1)
    return found


def shortcomings(dataset: Dataset) -> list[str]:
    """Return a sentence for each thing that is too little for training or testing."""
    faults = []
    if len(dataset.card.classes) < 2:
        faults.append(
            "fewer than two classes: nothing can be trained; a model that exists can be replayed on these "
            "recordings"
        )
    if len(dataset.subjects) < 2:
        faults.append("one person only: nobody can be held out, so nothing is known of other people")
    counts = windows_by_class(dataset)
    for name, n in counts.items():
        if n < FEWEST:
            many = "one window" if n else "no window"
            faults.append(f"class '{name}' has {many}; record more of it or leave it out")
    holes = [
        part.lost_before
        for person in dataset.subjects
        for part in dataset.session(person)
        if part.lost_before
    ]
    if holes and counts and not sum(counts.values()):
        faults.append(
            f"{len(holes)} gaps leave no window of {dataset.card.window_s or 2.56:g} s whole; write a "
            f"smaller "
            "window_s and hop_s into the card"
        )
    parts = [part for person in dataset.subjects for part in dataset.session(person)]
    longest = max((end - start for part in parts for start, end, _ in part.truths), default=0)
    seconds, window = longest / dataset.card.rate_hz, dataset.card.window_s or 2.56
    if 0 < seconds < window and not holes:
        faults.append(
            f"the longest stretch of a class has {seconds:.3g} s and a window {window:g} s; write a smaller "
            "window_s and hop_s into the card"
        )
    return faults


def check_confirmed(card: Card) -> None:
    """Refuse to train on what was only guessed.

    Raises
    ------
    DataError
        Naming the entry, its value and how it is confirmed.
    """
    for entry in card.unconfirmed:
        value = getattr(card, entry, 0.0)
        raise DataError(
            f"{entry} {value if not isinstance(value, float) else f'{value:g}'} is a guess of 'odl init'; "
            f"write the card anew with `{entry}`, or take '{entry}' out of \"unconfirmed\" in the card"
        )


def _standing_in(card: Card) -> str:
    """How the files of one person are named for their recordings to stand for people.

    >>> from odl.data.bundled import load_card
    >>> card = load_card("shoulder")
    >>> _standing_in(replace(card, about={"table": {"label_pattern": "{label:word}{recording:number}.csv"}}))
    '`pattern={label:word}{subject:number}.csv`'
    """
    table = card.about.get("table", {})
    pattern = table.get("label_pattern", "")
    if "{recording" in pattern:
        return f"`pattern={pattern.replace('{recording', '{subject', 1)}`"
    if "*" in pattern:
        end = Path(table.get("files", [""])[0]).suffix if pattern.find("*") == len(pattern) - 1 else ""
        return f"`pattern={pattern.replace('*', '{subject}', 1)}{end}`"
    if pattern:
        more = pattern.replace("{label}", "{label}_{subject}")
        return f"record each class twice or more, as in walk_1 and walk_2, and use `pattern={more}`"
    return "record into several files, and use `pattern={subject}.*`"


def check_figures(dataset: Dataset, progress: Callable[[str], None] | None = None) -> dict[str, Any]:
    """Return what `odl check` shows: seconds and windows by person and class, and what is missing."""
    card, dataset = dataset.card, outline(dataset, progress)
    people: dict[str, dict[str, Any]] = {}
    for person in dataset.subjects:
        parts = dataset.session(person)
        seconds: Counter[str] = Counter()
        for part in parts:
            for start, end, name in part.truths:
                seconds[name] += end - start
        counts = windows_by_class(dataset, (person,))
        people[person] = {
            "split": next((split for split, own in card.splits.items() if person in own), ""),
            "parts": len(parts),
            "seconds": round(sum(len(part.block) for part in parts) / card.rate_hz, 3),
            "classes": {
                name: {"seconds": round(seconds[name] / card.rate_hz, 3), "windows": counts[name]}
                for name in card.classes
            },
        }
    faults = shortcomings(dataset)
    try:
        check_confirmed(card)
    except DataError as error:
        faults.insert(0, str(error))
    trained = dataset.card.splits.get("train", ())
    windows = windows_by_class(dataset, tuple(p for p in dataset.subjects if p in trained))
    missing = [name for name in card.classes if not windows[name]]
    alone = len([p for p in dataset.subjects if p in trained]) < 2
    if alone:
        faults.append(
            "training needs two people; of one person, recordings can stand for people: "
            f"{_standing_in(card)}; scores are then of this person only"
        )
    ready = not alone and len(card.classes) - len(missing) >= 2 and not card.unconfirmed
    for name in missing:
        if trained and f"class '{name}' has no window" not in " ".join(faults):
            faults.append(f"class '{name}' has no window of the people to train on")
    return {
        "dataset": card.name, "rate_hz": card.rate_hz, "window_s": card.window_s, "hop_s": card.hop_s,
        "classes": list(card.classes), "people": people, "faults": faults, "trainable": ready,
    }  # fmt: skip


def check_text(figures: dict[str, Any]) -> str:
    """Return the figures of `check_figures` as a table for a terminal."""
    classes = figures["classes"]
    lines = [f"{figures['dataset']}: {figures['rate_hz']:g} Hz, windows of {figures['window_s'] or 2.56:g} s"]
    wide = max([len("person"), *(len(p) for p in figures["people"])])
    widths = [max(len(name), 5) for name in classes]
    head = "  ".join(f"{name:>{w}}" for name, w in zip(classes, widths, strict=True))
    lines.append(f"windows  {'person':{wide}}  split  {head}")
    for person, own in figures["people"].items():
        row = "  ".join(f"{own['classes'][n]['windows']:>{w}}" for n, w in zip(classes, widths, strict=True))
        lines.append(f"         {person:{wide}}  {own['split']:5}  {row}")
    lines += [f"- {fault}" for fault in figures["faults"]] or ["nothing is missing"]
    return "\n".join(lines)
