"""Label logs of two sessions in one, and as many labels as there is room for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.events import NO_CLASS
from odl.core.state import Entry
from odl.model.profile_entries import name_of


def shortened(log: NDArray[Any], most: int) -> NDArray[Any]:
    """The log without the labels that give way where it is full: the first of the class that has most."""
    kept = list(range(len(log)))
    while len(kept) > most:
        labels = [i for i in kept if log[i]["kind"] == Entry.LABEL]
        if not labels:
            break
        classes = [int(log[i]["cls"]) for i in labels]
        most_common = max(map(classes.count, classes))
        kept.remove(next(i for i in labels if classes.count(int(log[i]["cls"])) == most_common))
    return log[kept]


def behind(before: NDArray[Any], log: NDArray[Any]) -> NDArray[Any]:
    """``log`` as it goes behind ``before``: what both have by name is the same, the rest gets new numbers."""
    log = log.copy()
    names = {name_of(entry): int(entry["cls"]) for entry in before if entry["kind"] == Entry.CLASS}
    tasks = {int(entry["cls"]): int(entry["head"]) for entry in before if entry["kind"] == Entry.SPLIT}
    used, heads = set(names.values()), len(tasks)
    first = min([int(entry["head"]) for entry in (*before, *log) if entry["kind"] == Entry.SPLIT], default=0)
    classes, moved, kept = dict[int, int](), dict[int, int](), []
    homes = {int(entry["cls"]): int(entry["head"]) for entry in before if entry["kind"] == Entry.CLASS}
    order = int(before["order"].max(initial=0))
    for entry in log:
        kind, cls = Entry(int(entry["kind"])), int(entry["cls"])
        if kind is Entry.CLASS:
            known = names.get(name_of(entry))
            own = {int(e["cls"]) for e in log if e["kind"] == Entry.CLASS}
            # From above: the image's classes, which a log does not name, have low numbers.
            others = used | own | set(before["cls"].tolist())
            free = cls if cls not in used else max(c for c in range(NO_CLASS) if c not in others)
            classes[cls] = free if known is None else known
            used.add(classes[cls])
            if known is not None:
                continue
        entry["cls"] = classes.get(cls, cls)
        if kind is Entry.SPLIT:
            known = tasks.get(int(entry["cls"]))
            moved[int(entry["head"])] = first + heads if known is None else known
            if known is not None:
                continue
            heads += 1
        if kind is Entry.CHANGE:
            entry["head"] = classes.get(int(entry["head"]), int(entry["head"]))
        else:
            entry["head"] = moved.get(int(entry["head"]), int(entry["head"]))
        if kind is Entry.CLASS:
            homes[int(entry["cls"])] = int(entry["head"])
        if kind is Entry.LABEL:
            entry["head"] = homes.get(int(entry["cls"]), int(entry["head"]))
        if kind in (Entry.LABEL, Entry.CHANGE):
            order += 1
            entry["order"] = order
        if kind is Entry.LABEL:
            for name in ("base", "mixed"):
                entry[name] = classes.get(int(entry[name]), int(entry[name]))
        kept.append(entry.copy())
    return np.array(kept, log.dtype) if kept else log[:0]
