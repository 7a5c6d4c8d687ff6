"""Label logs of two sessions in one, and as many labels as there is room for."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.class_tree import rename
from odl.core.events import NO_CLASS, valid_name
from odl.core.image import Image
from odl.core.state import NAME_BYTES, Entry
from odl.model.profile_entries import name_of

Log = NDArray[Any]


def fitted(image: Image, log: Log) -> Log:
    """The log as a session of ``image`` has it: as many labels as there is room for, each with its task.

    The labels that give way are those of a full log: the first of the class that has most. Classes that
    do not lie beside each other are not merged.
    """
    log = shortened(log, image.max_log)
    homes = dict(zip(image.row_class.tolist(), image.row_head.tolist(), strict=True))
    kept = np.ones(len(log), bool)
    for i, entry in enumerate(log):
        cls, head = int(entry["cls"]), int(entry["head"])
        if entry["kind"] == Entry.CLASS:
            homes[cls] = head
        elif entry["kind"] == Entry.LABEL:
            entry["head"] = homes.get(cls, head)
        elif entry["kind"] == Entry.CHANGE:
            kept[i] = head == NO_CLASS or homes.get(cls) == homes.get(head)
    return log[kept]


def shortened(log: Log, most: int) -> Log:
    """The log without the labels that give way where it is full: the first of the class that has most."""
    places = dict[int, deque[int]]()
    for i in np.flatnonzero(log["kind"] == Entry.LABEL).tolist():
        places.setdefault(int(log[i]["cls"]), deque()).append(i)
    kept = np.ones(len(log), bool)
    for _ in range(len(log) - most):
        if waiting := [of for of in places.values() if of]:
            kept[max(waiting, key=lambda of: (len(of), -of[0])).popleft()] = False
    return log[kept]


def names_in(log: Log) -> dict[int, str]:
    """What the classes that a log names are called at its end, by number."""
    return _Classes(log).names


def counts_in(log: Log) -> dict[int, int]:
    """What each class in a log counts as at its end, `NO_CLASS` if it was removed, by number.

    What lies in a task that was added goes with the class above it. Tasks of the image are not known here.
    """
    classes, counts = _Classes(log), dict[int, int]()
    above = {task: leaf for leaf, task in classes.tasks.items()}
    for cls in set(log["cls"].tolist()):
        counts[cls], at = classes.counts_as(cls), above.get(classes.homes.get(cls, 0))
        for _ in above:
            if at is None or counts[cls] == NO_CLASS:
                break
            if classes.counts_as(at) != at:
                counts[cls] = classes.counts_as(at)
            at = above.get(classes.homes.get(at, 0))
    return counts


def unique_name(name: str, taken: Container[str]) -> str:
    """The name of a class, made valid and unlike those that are ``taken``.

    >>> unique_name("hop", {"hop", "hop 2"})
    'hop 3'
    """
    found = name = name if valid_name(name) else "class"
    number = 2
    while name in taken:
        name = f"{found.encode()[: NAME_BYTES - 4].decode('utf-8', 'ignore')} {number}"
        number += 1
    return name


class _Classes:
    """What the classes of a log are called and count as, where they lie, which tasks there are."""

    def __init__(self, log: Iterable[Any] = ()) -> None:
        self.first, self.names = dict[int, str](), dict[int, str]()
        self.homes, self.tasks, self.into = dict[int, int](), dict[int, int](), dict[int, int]()
        self.giving = set[int]()  # classes whose last change gave their name to another
        for entry in log:
            self.take(entry)

    def take(self, entry: Any) -> None:
        """Take in the next entry."""
        cls, head = int(entry["cls"]), int(entry["head"])
        if entry["kind"] == Entry.CLASS:
            self.first[cls] = self.names[cls] = name_of(entry)
            self.homes[cls] = head
        elif entry["kind"] == Entry.SPLIT:
            self.tasks[cls] = head
        elif entry["kind"] == Entry.CHANGE:
            self.into[cls] = head
            self.giving.discard(cls)
            if head in (cls, NO_CLASS):
                self.names[cls] = name_of(entry)
            elif cls in self.names and rename(self.names, cls, head, name_of(entry)) == head:
                self.giving.add(cls)

    def counts_as(self, cls: int) -> int:
        """The class that ``cls`` counts as, `NO_CLASS` if it was removed."""
        for _ in range(len(self.into)):
            cls = self.into.get(cls, cls)
        return cls

    def by_name(self, names: dict[int, str], among: Iterable[int]) -> dict[str, int]:
        """Classes by their names; of two with one name the one that stands on its own."""
        order = sorted((cls for cls in among if cls in names), key=lambda cls: self.counts_as(cls) == cls)
        return {names[cls]: cls for cls in order}


def merged(before: Log, log: Log) -> Log:
    """``log`` behind ``before``; what both begin with, and a label that both have, is there once.

    Classes that have the same name at the end are one class, and so are those that had it at first. The other
    classes and tasks of ``log`` get new numbers where theirs are taken.

    Raises
    ------
    ValueError, OverflowError
        If no number is left for a class or a task.
    """
    n = 0
    while n < min(len(before), len(log)) and before[n].tobytes() == log[n].tobytes():
        n += 1
    if n in (len(before), len(log)):  # one went on from the other
        return max(before, log, key=len).copy()
    if not np.isin(before[:n]["kind"], (Entry.LABEL, Entry.CHANGE)).any():
        n = 0  # two days can begin with the same new class
    common, mine, its = _Classes(before[:n]), _Classes(before), _Classes(log)
    mine_new, its_new = mine.first.keys() - common.first.keys(), its.first.keys() - common.first.keys()
    # Others, such as the image's, can have got the name of a class that was added on the other side.
    later = _Classes(log[n:])
    latest, into = mine.names | later.names, mine.into | later.into
    standing = (cls for cls in latest.keys() - mine_new - its_new if into.get(cls, cls) == cls)
    shared = its.by_name(latest, standing)
    same_mine, same = ({cls: shared[name] for name, cls in of.by_name(of.names, new).items()
                        if name in shared and of.counts_as(cls) == cls}
                       for of, new in ((mine, mine_new), (its, its_new)))  # fmt: skip
    for names, others in ((its.names, mine.names), (its.first, mine.names),
                          (its.names, mine.first), (its.first, mine.first)):  # fmt: skip
        left = mine.by_name(others, mine_new - same_mine.keys() - set(same.values()))
        found = its.by_name(names, its_new - same.keys())
        same |= {cls: left[name] for name, cls in found.items() if name in left}
    used = {*before["cls"].tolist(), *log["cls"].tolist()}
    numbers = dict[int, int]()
    for cls in sorted((its_new - same.keys()) & mine.first.keys()):
        # From above: the image's classes, which a log does not name, have low numbers.
        numbers[cls] = max(c for c in range(NO_CLASS) if c not in used)
        used.add(numbers[cls])
    tasks = [int(entry["head"]) for entry in (*before, *log) if entry["kind"] == Entry.SPLIT]
    both = _Merged(before[:n] if same_mine else before, min(tasks, default=0))
    if same_mine:
        both.extend(before[n:], mine, same_mine, {})
    both.extend(log[n:], its, same, numbers)
    both.settle()
    return np.array(both.entries, before.dtype) if both.entries else before[:0]


class _Merged:
    """A log that others are put behind; ``first`` is the number of the first task that the image lacks."""

    def __init__(self, log: Log, first: int) -> None:
        self.entries = [entry.copy() for entry in log]
        self._first, self._now, self._dtype = first, _Classes(log), log.dtype
        self._named = dict[int, str]()  # what classes are to be called in the end
        self._order = max((int(entry["order"]) for entry in log), default=0)

    def extend(self, log: Log, of: _Classes, same: dict[int, int], numbers: dict[int, int]) -> None:
        """Add what is new in a log; some classes are the ``same`` as here, others get new ``numbers``."""
        now, classes, splits, tasks = self._now, same | numbers, dict[int, Any](), dict[int, int]()
        known = {_label(entry) for entry in self.entries if entry["kind"] == Entry.LABEL}
        last = {int(entry["cls"]): i for i, entry in enumerate(log) if entry["kind"] == Entry.CHANGE}
        for i, source in enumerate(log):
            entry, kind, own = source.copy(), Entry(int(source["kind"])), int(source["cls"])
            cls, head = classes.get(own, own), int(source["head"])
            entry["cls"], entry["head"] = cls, tasks.get(head, head)
            if kind is Entry.SPLIT:
                splits[head] = entry  # it is made once a class lies in it
                continue
            if kind is Entry.LABEL:
                entry["head"] = now.homes.get(cls, entry["head"])
                for name in ("base", "mixed"):
                    entry[name] = classes.get(int(entry[name]), int(entry[name]))
                if _label(entry) in known:
                    continue
                if of.counts_as(own) == own and now.counts_as(cls) == NO_CLASS and cls in now.names:
                    self._rename(cls, now.names[cls])  # what was removed has been taught again
            elif kind is Entry.CHANGE:
                if i != last[own]:
                    continue
                entry["head"] = classes.get(head, head)
                if head == own:
                    self._named[cls] = name_of(entry)
                    continue
                if own in of.giving:
                    if now.into.get(cls) != entry["head"]:
                        self._rename(cls, of.names[own])
                    self._named.pop(int(entry["head"]), None)
                    _name(entry, now.names.get(int(entry["head"]), name_of(entry)))
                elif head != NO_CLASS:
                    _name(entry, now.names.get(cls, name_of(entry)))
                if not self._changes(entry):
                    continue
            elif own in same:
                continue
            elif head in splits:
                entry["head"] = tasks[head] = self._task(splits.pop(head))
            self._add(entry)

    def _add(self, entry: Any) -> None:
        if entry["kind"] in (Entry.LABEL, Entry.CHANGE):
            self._order += 1
            entry["order"] = self._order
        self._now.take(entry)
        self.entries.append(entry)

    def settle(self) -> None:
        """Give the classes their new names; where two that stand on their own have one, one gets a number."""
        now = self._now
        names = now.names | self._named
        on_their_own = [cls for cls in names if cls in self._named or now.counts_as(cls) == cls]
        for cls in [*self._named, *reversed(on_their_own)]:
            if cls in on_their_own:
                names[cls] = unique_name(names[cls], {names[one] for one in on_their_own if one != cls})
                self._rename(cls, names[cls])

    def _rename(self, cls: int, name: str) -> None:
        """Call a class ``name``; one that is hidden is a class again."""
        change = np.zeros(1, self._dtype)[0]
        change["kind"], change["cls"], change["head"] = Entry.CHANGE, cls, cls
        _name(change, name)
        if self._changes(change):
            self._add(change)

    def _task(self, split: Any) -> int:
        """The task under the class of ``split``, made if there is none."""
        leaf, tasks = int(split["cls"]), self._now.tasks
        if leaf not in tasks:
            split["head"] = self._first + len(tasks)
            self._add(split)
        return tasks[leaf]

    def _changes(self, entry: Any) -> bool:
        """Whether a change of a class does something."""
        now, cls, into = self._now, int(entry["cls"]), int(entry["head"])
        if into in (cls, NO_CLASS):
            return now.into.get(cls, cls) != into or now.names.get(cls) != name_of(entry)
        added = cls in now.first or into not in now.first  # no class of the image counts as an added one
        return added and now.into.get(cls) != into and now.counts_as(into) != cls


def _label(entry: Any) -> tuple[int, bytes]:
    return int(entry["cls"]), entry["features"].tobytes()


def _name(entry: Any, name: str) -> None:
    entry["features"] = 0
    entry["features"][: len(name.encode())] = list(name.encode())
