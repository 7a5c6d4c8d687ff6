"""Arguments for the kernels of the table, drawn by Hypothesis: numbers, vectors, trees, logs, windows.

All are plain Python values.
"""

from __future__ import annotations

import random
from typing import Any

from hypothesis import strategies as st

from tests.helpers import reference_heads
from tests.helpers.reference import BESIDE, NOBODY, ONE
from tests.helpers.reference_heads import Entry, Head, Learner, Row, Trained, regrow

MAX_HEADS, MAX_ROWS, MAX_PENDING, MAX_LOG = 5, 9, 6, 20
I30, I31, I32 = 2**30, 2**31, 2**32
LAST = 2**64 - 1
WEIGHTS = (-I30, I30)
BYTES = (0, 255)
SIZE = 6  # features of a tree: one size, since Numba compiles for each layout of the state


def ints(low: int, high: int) -> st.SearchStrategy[int]:
    """Whole numbers in [low, high], its ends and what lies about zero often among them."""
    marks = sorted({low, low + 1, high - 1, high} | ({-1, 0, 1} & set(range(max(low, -1), min(high, 1) + 1))))
    return st.one_of(st.sampled_from([m for m in marks if low <= m <= high]), st.integers(low, high))


ERRORS = ints(-ONE, ONE)


def lists(low: int, high: int, size: int) -> st.SearchStrategy[list[int]]:
    """So many whole numbers in [low, high]: any, one end throughout, or from both ends."""
    return st.one_of(
        st.lists(st.integers(low, high), min_size=size, max_size=size),
        st.lists(st.sampled_from([low, high]), min_size=size, max_size=size),
        st.sampled_from([[low] * size, [high] * size]),
    )


VECTORS = lists(*BYTES, SIZE)
CHANCE = st.randoms(use_true_random=False)


@st.composite
def convs(draw: Any) -> tuple[Any, ...]:
    """One to three output channels whose accumulators the image's check lets through."""
    size, out = draw(st.integers(1, 30)), draw(st.integers(1, 3))
    weights = [draw(lists(-127, 127, size)) for _ in range(out)]
    spare = [I31 - 1 - 255 * sum(map(abs, row)) for row in weights]
    biases = [draw(ints(-room, room)) for room in spare]
    mults = [draw(ints(I30, I31 - 1)) for _ in range(out)]
    shifts = [draw(ints(31, 62)) for _ in range(out)]
    taps = draw(st.one_of(lists(-128, 127, size), lists(0, 255, size)))
    return weights, biases, mults, shifts, taps


@st.composite
def around_zero(draw: Any) -> tuple[Any, ...]:
    """The same around a zero point, rounded once or twice."""
    weights, biases, _, shifts, taps = draw(convs())
    mults = [draw(ints(I30 // 2, I31 - 1)) for _ in biases]
    return weights, biases, mults, shifts, taps, draw(ints(0, 255)), draw(st.integers(0, 1))


@st.composite
def depthwises(draw: Any) -> tuple[Any, ...]:
    """The same of channels with inputs of their own."""
    weights, biases, mults, shifts, _, zero, _ = draw(around_zero())
    size = len(weights) * len(weights[0])
    return weights, biases, mults, shifts, draw(st.one_of(lists(-128, 127, size), lists(0, 255, size))), zero


@st.composite
def pooled(draw: Any) -> tuple[Any, ...]:
    """Inputs of one to three channels, and 128 where they are signed."""
    channels, more = draw(st.integers(1, 3)), draw(st.sampled_from([0, 128]))
    return draw(lists(-more, 255 - more, channels * draw(st.integers(1, 12)))), channels, more


@st.composite
def averaged(draw: Any) -> tuple[Any, ...]:
    """The same, or with padding before or behind at least one position."""
    taps, channels, more = draw(pooled())
    before, behind = draw(st.integers(0, 3)), draw(st.integers(0, 3))
    return [BESIDE] * before * channels + taps + [BESIDE] * behind * channels, channels, more


@st.composite
def summed(draw: Any) -> tuple[Any, ...]:
    """Two inputs of one to three channels, their zero points, and factors of both and of the sum."""
    channels = draw(st.integers(1, 3))
    zeros = [draw(ints(*BYTES)) for _ in range(2)]
    mults, shifts = [draw(ints(I30 // 2, I31 - 1)) for _ in range(3)], [draw(ints(31, 36)) for _ in range(2)]
    inputs = draw(lists(*BYTES, channels)), draw(lists(*BYTES, channels))
    return *inputs, zeros, mults, [*shifts, draw(ints(31, 62))], draw(ints(*BYTES))


@st.composite
def looked_up(draw: Any) -> tuple[Any, ...]:
    """Tables of one to three channels, an input of each, and 128 where they are signed."""
    channels, more = draw(st.integers(1, 3)), draw(st.sampled_from([0, 128]))
    chance = draw(st.randoms(use_true_random=False))
    tables = [[chance.randint(-128, 127) for _ in range(256)] for _ in range(channels)]
    return tables, draw(lists(-more, 255 - more, channels)), more


@st.composite
def rings(draw: Any) -> tuple[Any, ...]:
    """A ring of 2 to 30 positions and where its oldest stands."""
    positions, channels = draw(st.integers(2, 30)), draw(st.integers(1, 3))
    ring = [draw(lists(0, 255, channels)) for _ in range(positions)]
    return ring, draw(st.integers(0, positions - 1))


@st.composite
def pairs(draw: Any, low: int, high: int) -> tuple[Any, ...]:
    """Two lists of one length, the second of bytes."""
    size = draw(st.integers(1, 24))
    return draw(lists(low, high, size)), draw(lists(0, 255, size))


@st.composite
def rows_and_features(draw: Any) -> tuple[Any, ...]:
    """A row of a head, a weight longer than the features."""
    size = draw(st.integers(1, 24))
    return draw(lists(*WEIGHTS, size + 1)), draw(lists(*BYTES, size))


# --- heads and logs ---------------------------------------------------------------------


@st.composite
def images(draw: Any, most: int = 4) -> Trained:
    """What an image has of heads: each task after the first hangs under a class of an earlier one."""
    n_rows = draw(st.integers(2, most))
    n_heads = draw(st.integers(1, min(3, n_rows - 1)))
    classes = draw(st.permutations([0, 1, 2, 3, 7, 250, 254]))[:n_rows]
    owner = [0, 0, *sorted(draw(st.integers(0, n_heads - 1)) for _ in range(n_rows - 2))]
    heads = [Head(NOBODY, draw(ints(8, 28)))]
    for number in range(1, n_heads):
        free = [c for c, h in zip(classes, owner, strict=True) if h < number]
        free = [c for c in free if c not in {head.parent for head in heads}]
        if not free:
            break
        heads.append(Head(draw(st.sampled_from(free)), draw(ints(8, 28))))
    chance = draw(CHANCE)
    rows = [
        Row(cls, min(head, len(heads) - 1), True, weights(chance))
        for cls, head in zip(classes, owner, strict=True)
    ]
    n = draw(st.integers(0, 6))
    return Trained(
        heads, rows,
        [vector(chance) for _ in range(n)], [chance.choice(classes) for _ in range(n)],
        draw(st.integers(1, 3)), draw(ints(1, 24)), draw(ints(0, 255)), draw(ints(1, LAST)),
    )  # fmt: skip


# Logs are drawn from a seed, because Hypothesis alone seldom brings a class and its labels together.
def logs(chance: random.Random, trained: Trained, most: int = 8) -> list[Entry]:
    """Labels, and the classes and tasks that came between them."""
    classes = {row.cls: row.head for row in trained.rows}
    parents = [head.parent for head in trained.heads]
    log: list[Entry] = []
    kinds = chance.choice([(4, 2, 1, 0), (4, 3, 2, 2), (1, 2, 0, 1), (1, 0, 0, 1), (1, 0, 0, 0)])
    fresh = chance.random()
    for window in chance.sample(range(most), chance.choice([most, chance.randint(0, most)])):
        kind = chance.choices(["label", "class", "split", "change"], kinds)[0]
        known = len(trained.rows)
        leaf = chance.choice(
            list(classes)[known:] if len(classes) > known and chance.random() < fresh else list(classes)
        )
        if kind == "class" and len(classes) < MAX_ROWS:
            new = next(c for c in range(99) if c not in classes)
            classes[new] = chance.choice([0, *[len(parents) - 1] * 3, chance.randrange(len(parents))])
            log.append(Entry(kind, window, new, classes[new]))
        elif kind == "split" and leaf not in parents and len(parents) < MAX_HEADS:
            log.append(Entry(kind, window, leaf, len(parents)))
            parents.append(leaf)
        elif kind == "label":
            log.append(Entry(kind, window, leaf, classes[leaf], vector(chance)))
        elif kind == "change":
            log += change(chance, trained, regrow(trained, log), window)
    return log


def change(chance: random.Random, trained: Trained, learner: Learner, window: int) -> list[Entry]:
    """A change that is possible, if the one that was drawn is."""
    cls, known = chance.choice(learner.rows).cls, [row.cls for row in trained.rows]
    place = learner.place(cls)
    same = [row.cls for row in learner.rows if row.head == learner.rows[place].head]
    into = chance.choice([cls, NOBODY, *same])
    if into == NOBODY:
        rest = [c for c in known if c != cls and learner.own(c) == c]
        fits = any(learner.rows[learner.place(c)].head == 0 for c in rest)
    else:
        fits = into == cls or (learner.own(into) == into and (cls not in known or into in known))
    return [Entry("change", window, cls, into)] if fits else []


def vector(chance: random.Random) -> list[int]:
    """Features, now and then at their ends."""
    ends = chance.random() < 0.2
    return [chance.choice(BYTES) if ends else chance.randint(*BYTES) for _ in range(SIZE)]


def weights(chance: random.Random) -> list[int]:
    """A row whose logits differ little, or beyond what an exponent can show."""
    limit = chance.choice([2000, 2000, 2**20, I30])
    ends = chance.random() < 0.1
    return [
        chance.choice([-limit, limit]) if ends else chance.randint(-limit, limit) for _ in range(SIZE + 1)
    ]


@st.composite
def lessons(draw: Any) -> tuple[Trained, list[Entry]]:
    """An image's heads and a log to learn from."""
    trained = draw(images())
    return trained, logs(draw(CHANCE), trained, draw(st.sampled_from([4, 8, 14])))


@st.composite
def hops(draw: Any) -> tuple[Any, ...]:
    """A log to learn from, and how many lessons there is time for at each hop."""
    trained, log = draw(lessons())
    return trained, log, draw(st.lists(st.sampled_from([1, 2, 7, 30]), min_size=1, max_size=5))


@st.composite
def scored(draw: Any) -> tuple[Any, ...]:
    """An image, heads that may have learned, a log that often speaks of what they say, and a vector."""
    trained, chance = draw(images(6)), draw(CHANCE)
    log = [entry for entry in logs(chance, trained) if entry.kind != "label"]
    learner, features = regrow(trained, log), draw(VECTORS)
    if chance.random() < 0.85:
        for n, row in enumerate(learner.rows):
            if n < len(trained.rows) or chance.random() < 0.8:
                learner.rows[n] = row._replace(active=True, weights=weights(chance))
        learner = learner._replace(learned=True)
    found = reference_heads.score(trained, learner, log, features)
    classes = [row.cls for row in learner.rows]
    true = [c for c in (found.base, found.mixed) if c != NOBODY] * 3 + classes
    for window in range(chance.randint(0, 7)):
        cls = chance.choice(true)
        base = chance.choice([found.base] * 8 + [found.mixed, NOBODY, *classes])
        mixed = chance.choice([found.mixed] * 8 + [found.base, NOBODY, *classes])
        head = learner.rows[learner.place(cls)].head
        log.append(Entry("label", window, cls, head, [0] * SIZE, base, mixed))
    return trained, learner, log, features


@st.composite
def full_logs(draw: Any) -> tuple[Trained, Learner, list[Entry]]:
    """An image, a log that is full, and the tree that it gives."""
    trained = draw(images())
    log = logs(draw(CHANCE), trained, 14)
    return trained, regrow(trained, log), log


# --- windows ----------------------------------------------------------------------------


@st.composite
def stretches(draw: Any) -> tuple[Any, ...]:
    """What counts as a change, and windows' features with gaps (None) between them."""
    near = st.builds(lambda k, by: [min(255, 100 + k + by * n) for n in range(SIZE)],
                     st.integers(0, 30), st.integers(0, 4))  # fmt: skip
    steps = st.lists(near | near | VECTORS | st.none(), max_size=30)
    return draw(st.sampled_from([0, 1200, 1200, 2000, 32768])), draw(steps)


@st.composite
def askers(draw: Any, rule: str) -> tuple[Any, ...]:
    """Settings of a policy, and windows.

    A window is: samples since the last, uncertainty, features, a gap before it, and what became of all
    questions before it ("", "settled" or "learned").
    """
    hop = draw(st.sampled_from([4, 64]))
    form = draw(st.sampled_from(["session", "samples", "windows"]))
    length = st.one_of(st.integers(1, 120), st.integers(20, 60), ints(1, I31 - 1))
    settings = {
        "rule": rule,
        "allowed": draw(st.one_of(st.integers(1, 12), ints(1, I31 - 1))),
        "period": 0 if form == "session" else draw(length) * (hop if draw(st.booleans()) else 1) % I31 or 1,
        "in_samples": form == "samples",
        "horizon": draw(length) if form == "session" else 0,
        "batch": draw(st.integers(1, MAX_PENDING)),
        "step": draw(ints(1, 16)),
        "seed": draw(ints(1, LAST)),
        "hop": hop,
        "every": draw(st.sampled_from([0, 0, 0, 1, hop, 3 * hop + 1, 50 * hop])),
        "floor": draw(st.sampled_from([0, 0, 0, 1, 500, 4000, 36045, 65535])),
        "change": draw(st.sampled_from([1200, 1200, 4000, 0, 32768])),
    }
    # Drawn from a seed, because a hundred windows of a few numbers each tire Hypothesis.
    chance = draw(CHANCE)
    doubtless, gaps, settled = chance.choice([0, 20000]), chance.choice([0, 0.1]), chance.choice([0.02, 0.3])
    vectors, stay = [[chance.randint(0, 255) for _ in range(SIZE)] for _ in range(4)], chance.choice([0, 0.9])
    windows, features = [], vectors[0]
    for _ in range(draw(st.sampled_from([3, 30, 100]))):
        if chance.random() >= stay:  # of a few, so that distances come again
            features = chance.choice(vectors)
        windows.append(
            (
                hop + 7 * (chance.random() < gaps),
                chance.choice([chance.randint(doubtless, ONE)] * 6 + [chance.randint(0, 40), ONE]),
                [min(255, x + chance.randint(0, 3)) for x in features],
                chance.random() < gaps,
                chance.choice(["settled", "learned"]) if chance.random() < settled else "",
            )
        )
    return settings, windows
