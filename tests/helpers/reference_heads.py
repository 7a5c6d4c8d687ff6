"""Slow, obvious references of the tree of heads: what it says of a vector, and what it learns.

What is learned is a function of the image and the log; a refit is a list of lessons, taken one after
the other. Nothing is borrowed from the kernels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tests.helpers.reference import (
    NOBODY,
    ONE,
    below_bits,
    dense,
    round_shift,
    sgd,
    shuffle,
    softmax,
    within,
)

MORE = 4000  # lessons at least of a task that the image does not have


class Head(NamedTuple):
    """A task: the class it hangs under (255: the root) and its logits' format."""

    parent: int
    fmt: int


class Row(NamedTuple):
    """A class in a task; it takes part once it is active."""

    cls: int
    head: int
    active: bool
    weights: Sequence[int]


class Trained(NamedTuple):
    """What the model image says of heads and learning."""

    heads: Sequence[Head]
    rows: Sequence[Row]
    stored: Sequence[Sequence[int]]
    owners: Sequence[int]
    epochs: int
    rate_shift: int
    gain: int
    seed: int


class Entry(NamedTuple):
    """One line of the label log; ``kind`` is "label", "class", "split" or "change".

    A change has what its class counts as in ``head``, 255 for nothing.
    ``base`` and ``mixed`` are what was said of a label's item when it came: by the image, and by both.
    """

    kind: str
    window: int
    cls: int
    head: int
    features: Sequence[int] = ()
    base: int = NOBODY
    mixed: int = NOBODY


class Learner(NamedTuple):
    """A tree of heads with the weights in use; ``learned``: they are not the image's."""

    heads: list[Head]
    rows: list[Row]
    learned: bool = False
    changed: dict[int, int] = {}  # what a class counts as, if that is not itself: another class, or 255

    def place(self, cls: int) -> int:
        """The number of a class's row."""
        return next(n for n, row in enumerate(self.rows) if row.cls == cls)

    def branch(self, cls: int) -> list[int]:
        """Numbers of the rows from ``cls`` up to the root."""
        found = []
        while cls != NOBODY:
            found.append(self.place(cls))
            cls = self.heads[self.rows[found[-1]].head].parent
        return found

    def own(self, cls: int) -> int:
        """What a class itself counts as, 255 for nothing; of several steps the last."""
        while cls in self.changed:
            cls = self.changed[cls]
        return cls

    def counts_as(self, cls: int) -> int:
        """What a label of a class counts as, with what happened to the classes above it."""
        if cls == NOBODY:
            return cls
        ways = [(self.rows[n].cls, self.own(self.rows[n].cls)) for n in self.branch(cls)]
        if NOBODY in [to for _, to in ways]:
            return NOBODY
        return [cls, *(to for one, to in ways if one != to)][-1]

    def part(self, head: int) -> list[int]:
        """Numbers of the rows that take part in a task."""
        rows = [n for n, row in enumerate(self.rows) if row.head == head and row.active]
        return [n for n in rows if self.own(self.rows[n].cls) != NOBODY]

    def leaves(self) -> list[int]:
        """Numbers of the rows under whose class no task hangs, or one of which nothing is left."""
        inner = set()
        for number, head in enumerate(self.heads):
            classes = [row.cls for row in self.rows if row.head == number]
            if not classes or any(self.own(cls) != NOBODY for cls in classes):
                inner.add(head.parent)
        return [n for n, row in enumerate(self.rows) if row.cls not in inner]

    def leaf(self, cls: int) -> int:
        """``cls`` if it is a leaf, else 255."""
        return cls if cls in [self.rows[n].cls for n in self.leaves()] else NOBODY


# --- what the heads say -----------------------------------------------------------------


class Scores(NamedTuple):
    """What is shown: classes from the root down, a Q15 chance per row, uncertainty.

    ``base`` and ``mixed`` are the leaves that the image alone and both together say, 255 for none.
    """

    path: tuple[int, ...]
    scores: tuple[int, ...]
    uncertainty: int
    base: int
    mixed: int


def own_chances(learner: Learner, head: int, features: Sequence[int]) -> list[int]:
    """The chances of the rows that take part in a task, among themselves."""
    logits = [dense(learner.rows[n].weights, features) for n in learner.part(head)]
    return softmax(logits, learner.heads[head].fmt) if logits else []


def shown_chances(learner: Learner, head: int, features: Sequence[int]) -> dict[int, int]:
    """The same by row, with those of merged classes where they count, in the order of the rows."""
    found: dict[int, int] = {}
    for n, p in zip(learner.part(head), own_chances(learner, head, features), strict=True):
        to = learner.place(learner.own(learner.rows[n].cls))
        found[to] = min(ONE, found.get(to, 0) + p) if learner.changed else p
    return dict(sorted(found.items()))


def chances(learner: Learner, features: Sequence[int]) -> list[int]:
    """Each row's chance, the product down the tree."""
    found = [0] * len(learner.rows)
    for number, head in enumerate(learner.heads):
        above = ONE if head.parent == NOBODY else found[learner.place(head.parent)]
        for n, p in shown_chances(learner, number, features).items():
            found[n] = within(round_shift(p * above, 15), 0, ONE)
    return found


def route(learner: Learner, features: Sequence[int]) -> tuple[int, ...]:
    """Classes from the root down, the likeliest of each task, as far as tasks have rows."""
    path: list[int] = []
    under = [head.parent for head in learner.heads]
    task = 0
    while own := shown_chances(learner, task, features):
        path.append(learner.rows[max(own, key=lambda n: own[n])].cls)
        if path[-1] not in under:
            break
        task = under.index(path[-1])
    return tuple(path)


def mix(trained: Trained, learner: Learner, adapted: Sequence[int], base: Sequence[int]) -> list[int]:
    """The mean of both where the image knows the row; a task's class has what its rows have."""
    known = len(trained.rows)
    new = min(ONE, sum(adapted[n] for n in learner.leaves() if n >= known))
    found = list(adapted)
    for n in range(known):
        found[n] = (adapted[n] + round_shift((ONE - new) * base[n], 15) + 1) // 2
    for number, head in reversed(list(enumerate(learner.heads))):
        if head.parent != NOBODY and learner.part(number):
            whole = sum(p for p, row in zip(found, learner.rows, strict=True) if row.head == number)
            found[learner.place(head.parent)] = min(ONE, whole)
    return [within(p, 0, ONE) for p in found]


def right(learner: Learner, said: int, cls: int) -> bool:
    """``said`` is ``cls`` or what it lies under."""
    return said in [learner.rows[n].cls for n in learner.branch(cls)]


def gate(trained: Trained, learner: Learner, log: Sequence[Entry], base: int, mixed: int) -> bool:
    """Whether ``mixed`` is shown where the image says ``base``, after what the answers were worth so far."""
    labels = [
        e._replace(cls=cls, base=learner.counts_as(e.base), mixed=learner.counts_as(e.mixed))
        for e in log
        if e.kind == "label" and (cls := learner.counts_as(e.cls)) != NOBODY
    ]
    pair = [e.cls for e in labels if (e.base, e.mixed) == (base, mixed)]
    gain = sum(right(learner, mixed, cls) - right(learner, base, cls) for cls in pair)
    if learner.place(mixed) >= len(trained.rows):
        return gain >= 0
    otherwise = sum((e.base, e.cls) == (base, mixed) for e in labels)
    agreed = sum((e.base, e.cls) == (base, base) for e in labels if base != NOBODY)
    return gain >= 1 or (gain >= 0 and otherwise >= 2 and otherwise >= agreed)


def score(trained: Trained, learner: Learner, log: Sequence[Entry], features: Sequence[int]) -> Scores:
    """What is shown of a vector."""
    adapted = chances(learner, features)
    if not learner.learned:
        path = route(learner, features)
        said = learner.leaf(path[-1])
        return Scores(path, tuple(adapted), uncertainty(learner, adapted), said, said)
    image = Learner(list(trained.heads), list(trained.rows), changed=learner.changed)
    base = chances(image, features)
    path = route(image, features)
    both = mix(trained, learner, adapted, base)
    best = max(learner.leaves(), key=lambda n: both[n], default=None)  # the first on ties
    b = learner.leaf(path[-1])
    a = NOBODY if best is None or both[best] == 0 else learner.rows[best].cls
    if a != NOBODY and (a == b or gate(trained, learner, log, b, a)):
        shown = both
        path = tuple(learner.rows[n].cls for n in reversed(learner.branch(a)))
    else:
        shown = base + [0] * (len(learner.rows) - len(base))
    return Scores(path, tuple(shown), uncertainty(learner, shown), b, a)


def uncertainty(learner: Learner, shown: Sequence[int]) -> int:
    """``1 - (p1 - p2)`` over the leaves."""
    leaves = sorted([0, 0, *(shown[n] for n in learner.leaves())])
    return within(ONE - (leaves[-1] - leaves[-2]), 0, ONE)


# --- what is learned --------------------------------------------------------------------


def imprint(features: Sequence[int], centre: Sequence[int], gain: int) -> list[int]:
    """A row along ``features - centre`` whose logit is zero halfway between the two."""
    row = [gain * (x - c) for x, c in zip(features, centre, strict=True)]
    twice = below_bits(sum(gain * (x - c) * (x + c) for x, c in zip(features, centre, strict=True)), 32)
    return [*(within(w, -(2**16), 2**16) for w in row), within(-round_shift(twice, 8), -(2**30), 2**30)]


def mean_stored(stored: Sequence[Sequence[int]], length: int) -> list[int]:
    """The stored vectors' rounded mean, zeros without any."""
    n = len(stored)
    return [(sum(v[k] for v in stored) + n // 2) // n if n else 0 for k in range(length)]


def regrow(trained: Trained, log: Sequence[Entry]) -> Learner:
    """The image's heads with the log's classes and splits, nothing learned."""
    heads, rows = list(trained.heads), list(trained.rows)
    width = len(rows[0].weights)
    for entry in log:
        if entry.kind == "class":
            rows.append(Row(entry.cls, entry.head, False, [0] * width))
        elif entry.kind == "split":
            above = next(row.head for row in rows if row.cls == entry.cls)
            heads.append(Head(entry.cls, heads[above].fmt))
    return Learner(heads, rows, changed=changes(log))


def changes(log: Sequence[Entry]) -> dict[int, int]:
    """What classes count as; the last word on each counts."""
    last = {entry.cls: entry.head for entry in log if entry.kind == "change"}
    return {cls: to for cls, to in last.items() if to != cls}


def least_needed(learner: Learner, log: Sequence[Entry]) -> int | None:
    """The place of the first label of the class that has most, of the earliest row among equals."""
    labels = [entry.cls for entry in log if entry.kind == "label"]
    if not labels:
        return None
    fullest = max((row.cls for row in learner.rows), key=labels.count)  # the first on ties
    return next(n for n, entry in enumerate(log) if (entry.kind, entry.cls) == ("label", fullest))


class Lesson(NamedTuple):
    """A vector, its class, and whether a person gave it."""

    features: Sequence[int]
    cls: int
    label: bool


class Refit:
    """The lessons that a log with labels gives, learned one after the other.

    ``left`` lessons are still to be learned; then `heads` are those that come into use.
    """

    def __init__(self, trained: Trained, log: Sequence[Entry]) -> None:
        self.trained = trained
        self.heads, self.rows, _, self.changed = grown = regrow(trained, log)
        counted = [e._replace(cls=grown.counts_as(e.cls)) for e in log if e.kind == "label"]
        labels = sorted((e for e in counted if e.cls != NOBODY), key=lambda entry: entry.window)
        self.touched: set[int] = set()
        centre = mean_stored(trained.stored, len(self.rows[0].weights) - 1)
        for label in labels:
            for n in self.now().branch(label.cls):
                self.touched.add(self.rows[n].head)
                if not self.rows[n].active:
                    new = imprint(label.features, centre, trained.gain)
                    self.rows[n] = self.rows[n]._replace(active=True, weights=new)
        share = max(1, len(trained.stored) // len(trained.rows))
        self.lessons: list[Lesson] = []
        for label in labels:
            same = sum(other.cls == label.cls for other in labels)
            self.lessons += [Lesson(label.features, label.cls, True)] * max(1, share // same)
        owners = map(grown.counts_as, trained.owners)
        self.lessons += [Lesson(x, cls, False) for x, cls in zip(trained.stored, owners, strict=True)]
        self.late = {number for number in range(len(self.heads)) if self.needs_more(number)}
        n = sum(self.needed_late(lesson) for lesson in self.lessons)
        self.late_epochs = max(0, -(-MORE // n) - trained.epochs) if n else 0
        self.left = trained.epochs * len(self.lessons) + self.late_epochs * n
        self.steps = self.learning()

    def now(self) -> Learner:
        """The heads as far as they are learned."""
        return Learner(self.heads, self.rows, True, self.changed)

    def needs_more(self, head: int) -> bool:
        """A task that the image has no row of, with something to tell apart."""
        known = [row for row in self.trained.rows if row.head == head]
        return not known and len(self.now().part(head)) >= 2

    def needed_late(self, lesson: Lesson) -> bool:
        """A person's lesson for a task that needs more."""
        return lesson.label and any(self.rows[n].head in self.late for n in self.now().branch(lesson.cls))

    def learn(self, lessons: int) -> bool:
        """Take so many lessons more, or what there is; true at the end."""
        for _ in range(min(lessons, self.left)):
            next(self.steps)
            self.left -= 1
        return self.left == 0

    def learning(self) -> Iterator[None]:
        """All tasks, then those that need more."""
        generator, order = self.trained.seed, self.lessons
        for touched, epochs in ((self.touched, self.trained.epochs), (self.late, self.late_epochs)):
            for _ in range(epochs):
                order, generator = shuffle(order, generator)
                for lesson in order:
                    self.learn_one(lesson, touched)
                    yield
            order = [lesson for lesson in order if self.needed_late(lesson)]

    def learn_one(self, lesson: Lesson, touched: set[int]) -> None:
        """A gradient step of each of these tasks on the way from the lesson's class to the root."""
        for place in self.now().branch(lesson.cls):
            head = self.rows[place].head
            if head not in touched:
                continue
            own = own_chances(self.now(), head, lesson.features)
            for n, p in zip(self.now().part(head), own, strict=True):
                error = p - ONE if n == place else p
                moved = sgd(self.rows[n].weights, lesson.features, error, self.trained.rate_shift)
                self.rows[n] = self.rows[n]._replace(weights=moved)


def counting(trained: Trained, log: Sequence[Entry]) -> bool:
    """Whether a label counts as any class."""
    grown = regrow(trained, log)
    return any(grown.counts_as(entry.cls) != NOBODY for entry in log if entry.kind == "label")


def refit(trained: Trained, log: Sequence[Entry]) -> Learner:
    """Heads as a function of the image and the log."""
    if not counting(trained, log):
        return regrow(trained, log)
    whole = Refit(trained, log)
    whole.learn(whole.left)
    return whole.now()
