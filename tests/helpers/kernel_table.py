"""One table of kernels: arguments, plain reference, compiled kernel.

Arguments and results are plain Python values, so another implementation (the C core) is held
to the same table by giving its own callable per name. ``edges`` are tried always, whatever
Hypothesis draws.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from odl.core.arrays import memory_for
from odl.core.config import rule_of
from odl.core.kernels.ask import ask, collect, settled_batch
from odl.core.kernels.block import Memory
from odl.core.kernels.command import command
from odl.core.kernels.conv import conv
from odl.core.kernels.decide import decide
from odl.core.kernels.dense import dense
from odl.core.kernels.distance import distance
from odl.core.kernels.generator import below, next_state, shuffle
from odl.core.kernels.imprint import imprint
from odl.core.kernels.net import SETTINGS, Act, Net
from odl.core.kernels.pool import pool
from odl.core.kernels.quantile import track_quantile
from odl.core.kernels.requantise import requantise_relu_u8
from odl.core.kernels.scale_input import scale_input
from odl.core.kernels.score import score, uncertainty
from odl.core.kernels.sgd import sgd
from odl.core.kernels.shift import root, round_shift, round_shift32
from odl.core.kernels.softmax import exp_q15, softmax
from odl.core.state import Asked, Count, state_dtype
from odl.core.state import Entry as Kind
from tests.helpers import reference
from tests.helpers.reference_heads import Entry, Head, Row, Scores, Trained

MAX_HEADS, MAX_ROWS, MAX_PENDING = 5, 9, 6
I30, I31, I32 = 2**30, 2**31, 2**32
LAST = 2**64 - 1


class Case(NamedTuple):
    """One kernel. ``kernel`` takes and gives what ``reference`` does."""

    arguments: st.SearchStrategy[tuple[Any, ...]]
    reference: Callable[..., Any]
    kernel: Callable[..., Any]
    edges: tuple[tuple[Any, ...], ...] = ()


# --- strategies ---------------------------------------------------------------------------


def ints(low: int, high: int) -> st.SearchStrategy[int]:
    """Whole numbers in [low, high], its ends and what lies about zero often among them."""
    marks = sorted({low, low + 1, high - 1, high} | ({-1, 0, 1} & set(range(max(low, -1), min(high, 1) + 1))))
    return st.one_of(st.sampled_from([m for m in marks if low <= m <= high]), st.integers(low, high))


def lists(low: int, high: int, size: int) -> st.SearchStrategy[list[int]]:
    """So many whole numbers in [low, high]: any, one end throughout, or from both ends."""
    return st.one_of(
        st.lists(st.integers(low, high), min_size=size, max_size=size),
        st.lists(st.sampled_from([low, high]), min_size=size, max_size=size),
        st.sampled_from([[low] * size, [high] * size]),
    )


WEIGHTS = (-I30, I30)
BYTES = (0, 255)
ERRORS = ints(-32768, 32768)
SIZE = 6  # features of a tree: one size, since Numba compiles for each layout of the state


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


@st.composite
def heads_and_rows(draw: Any, most: int = 7) -> tuple[Any, ...]:
    """A tree: each task after the first hangs under a class of an earlier one."""
    n_rows = draw(st.integers(2, most))
    n_heads = draw(st.integers(1, min(3, n_rows)))
    classes = draw(st.permutations([0, 1, 2, 3, 7, 250, 254]))[:n_rows]
    owner = [0, *sorted(draw(st.integers(0, n_heads - 1)) for _ in range(n_rows - 1))]
    heads = [Head(255, draw(ints(8, 28)))]
    for number in range(1, n_heads):
        free = [c for c, h in zip(classes, owner, strict=True) if h < number]
        free = [c for c in free if c not in {head.parent for head in heads}]
        if not free:
            break
        heads.append(Head(draw(st.sampled_from(free)), draw(ints(8, 28))))
    limit = draw(st.sampled_from([2000, 2**20, I30]))
    active = [True, *(draw(st.integers(0, 3)) > 0 for _ in range(n_rows - 1))]
    return heads, [
        Row(cls, min(head, len(heads) - 1), part, draw(lists(-limit, limit, SIZE + 1)))
        for cls, head, part in zip(classes, owner, active, strict=True)
    ]


@st.composite
def trees(draw: Any) -> tuple[Any, ...]:
    """Heads, rows and the features to score."""
    heads, rows = draw(heads_and_rows())
    return heads, rows, draw(lists(0, 255, SIZE))


@st.composite
def askers(draw: Any, rule: str) -> tuple[Any, ...]:
    """Settings of a policy, and windows: samples since the last, uncertainty, features, all settled."""
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
    }
    # Drawn from a seed, because a hundred windows of a few numbers each tire Hypothesis.
    chance = draw(st.randoms(use_true_random=False))
    doubtless, gaps, settled = chance.choice([0, 20000]), chance.choice([0, 0.1]), chance.choice([0.02, 0.3])
    vectors = [[chance.randint(0, 255) for _ in range(SIZE)] for _ in range(4)]
    windows = [
        (
            hop + 7 * (chance.random() < gaps),
            chance.choice([chance.randint(doubtless, 32768)] * 6 + [chance.randint(0, 40), 32768]),
            chance.choice(vectors),  # of a few, so that distances come again
            chance.random() < settled,
        )
        for _ in range(draw(st.sampled_from([3, 30, 100])))
    ]
    return settings, windows


@st.composite
def lessons(draw: Any) -> tuple[Any, ...]:
    """An image's heads and a log of labels, classes, splits and labels undone."""
    heads, rows = draw(heads_and_rows(4))
    rows = [row._replace(active=True) for row in rows]
    classes = {row.cls: row.head for row in rows}
    n = draw(st.integers(0, 6))
    trained = Trained(
        heads,
        rows,
        [draw(lists(0, 255, SIZE)) for _ in range(n)],
        [draw(st.sampled_from(sorted(classes))) for _ in range(n)],
        draw(st.integers(0, 3)),
        draw(ints(1, 24)),
        draw(ints(0, 255)),
        draw(ints(1, LAST)),
    )
    log: list[Entry] = []
    parents = [head.parent for head in heads]
    for window in draw(st.permutations(range(draw(st.integers(0, 7))))):
        kind = draw(st.sampled_from(["label"] * 4 + ["undone", "class", "split"]))
        leaf = draw(st.sampled_from(sorted(classes)))
        if kind == "class" and len(classes) < MAX_ROWS:
            new = next(c for c in range(99) if c not in classes)
            classes[new] = draw(st.integers(0, len(parents) - 1))
            log.append(Entry(kind, window, new, classes[new]))
        elif kind == "split" and leaf not in parents and len(parents) < MAX_HEADS:
            log.append(Entry(kind, window, leaf, len(parents)))
            parents.append(leaf)
        elif kind in ("label", "undone"):
            log.append(Entry(kind, window, leaf, classes[leaf], draw(lists(0, 255, SIZE))))
    return trained, log


# --- plain values in and out of the kernels ---------------------------------------------


def u8(values: Any) -> NDArray[np.uint8]:
    """As bytes."""
    return np.array(values, np.uint8)


def sizes(features: int) -> np.dtype[Any]:
    """A state block's layout where only heads and questions matter."""
    return state_dtype(
        features=features, positions=1, outputs=1, taps=0, layers=0,
        max_heads=MAX_HEADS, max_rows=MAX_ROWS, max_pending=MAX_PENDING,
    )  # fmt: skip


def memory_with(heads: list[Head], rows: list[Row]) -> Memory:
    """Memory whose state block has these heads."""
    size = len(rows[0].weights) - 1
    memory = memory_for(net_of(Trained(heads, rows, [], [], 1, 1, 1, 1)), sizes(size), 0)
    s = memory.state[0]
    for n, row in enumerate(rows):
        s["row_active"][n] = row.active
    return memory


def heads_of(state: NDArray[Any]) -> tuple[list[Head], list[Row]]:
    """What `state_of` put in."""
    s = state[0]
    heads = [Head(int(s["head_parent"][n]), int(s["head_format"][n])) for n in range(s["n_heads"])]
    rows = [
        Row(int(s["row_class"][n]), int(s["row_head"][n]), bool(s["row_active"][n]), s["weights"][n].tolist())
        for n in range(s["n_rows"])
    ]
    return heads, rows


def kernel_conv(weights: Any, biases: Any, mults: Any, shifts: Any, taps: Any) -> list[int]:
    """The caller's arrays, with the types that the extractor uses."""
    out = np.zeros(len(weights), np.uint8)
    conv(
        np.array(weights, np.int16).reshape(-1), np.array(biases, np.int32), np.array(mults, np.int32),
        u8(shifts), np.array(taps, np.int16), out,
    )  # fmt: skip
    return out.tolist()


def kernel_pool(ring: Any, first: int) -> list[int]:
    """Features of a ring."""
    features, rows = np.zeros(3 * len(ring[0]), np.uint8), u8(ring[first:] + ring[:first]).reshape(-1)
    rows = np.concatenate([rows, np.full(64, 255, np.uint8)])
    pool(rows, len(ring[0]), len(ring), np.zeros(128, np.int32), np.zeros(128, np.uint8), features)
    return features.tolist()


def kernel_softmax(logits: list[int], fmt: int) -> list[int]:
    """Probabilities, in an array that has more room than is used."""
    out = np.full(MAX_ROWS + 20, -1, np.int64)
    padded = np.array([*logits, *[2**62] * 3], np.int64)
    softmax(padded, len(logits), np.uint8(fmt), out)
    assert np.all(out[len(logits) :] == -1)
    return out[: len(logits)].tolist()


def kernel_sgd(row: list[int], features: list[int], error: int, shift: int) -> list[int]:
    """The row after a step."""
    weights = np.array(row, np.int32)
    sgd(weights, u8(features), np.int64(error), np.int64(shift))
    return weights.tolist()


def kernel_shuffle(order: list[int], state: int) -> tuple[list[int], int]:
    """Order and generator after a shuffle."""
    array = np.array(order, np.int32)
    after = shuffle(array, len(order), np.uint64(state))
    return array.tolist(), int(after)


def kernel_imprint(features: list[int], centre: list[int], gain: int) -> list[int]:
    """A new row."""
    row = np.zeros(len(features) + 1, np.int32)
    imprint(row, u8(features), u8(centre), np.uint64(gain))
    return row.tolist()


def kernel_score(heads: list[Head], rows: list[Row], features: list[int]) -> Scores:
    """Path, scores and uncertainty from a state block."""
    block = memory_with(heads, rows).block
    scores, path = np.full(MAX_ROWS, 7, np.uint16), np.zeros(MAX_HEADS, np.uint8)
    length = score(block, u8(features), scores, path)
    figures = tuple(scores[: len(rows)].tolist())
    return Scores(tuple(path[:length].tolist()), figures, int(uncertainty(block, scores)))


def reference_asker(settings: dict[str, Any], windows: list[Any]) -> tuple[Any, ...]:
    """Whether each window is asked about, and the policy's state afterwards."""
    asker = reference.Asker(**settings, room=MAX_PENDING)
    asked, end = [], 128
    for pause, utility, features, settled in windows:
        end += pause
        if settled:
            asker.waiting = 0
        asked.append(asker.decide(features, utility, end))
    return (
        asked, asker.issued, asker.now, asker.generator, asker.rv_u, asker.rv_d, sorted(asker.warm),
        asker.blocked,
    )  # fmt: skip


def settings_of(settings: dict[str, Any]) -> NDArray[Any]:
    """The settings as the kernels read them."""
    block = np.zeros(1, SETTINGS)
    block["rule"], block["patience"] = rule_of(settings["rule"]), 10**6
    for name in ("allowed", "period", "in_samples", "horizon", "batch", "step"):
        block[name] = settings[name]
    return block


def kernel_asker(settings: dict[str, Any], windows: list[Any]) -> tuple[Any, ...]:
    """The same from the kernels, questions included."""
    nothing = Trained([Head(255, 8)], [Row(0, 0, True, [0] * (SIZE + 1))], [], [], 1, 1, 1, 1)
    state, _, chosen, _, block = memory_for(net_of(nothing), sizes(SIZE), 0, settings["seed"])
    chosen[:] = settings_of(settings)
    s = state[0]
    asked, end = [], 128
    for pause, utility, features, settled in windows:
        end += pause
        if settled:
            s["ask_status"][: s["n_ask"]] = Asked.SKIPPED
            while (batch := settled_batch(block)) >= 0:
                collect(block, batch, end, 0)
        wanted = bool(decide(block, u8(features), np.int64(utility), np.int64(end), settings["hop"]))
        asked.append(wanted)
        if wanted:
            ask(block, u8(features), end - 128, np.int64(end), np.int64(utility), 0)
        s["counts"][Count.WINDOWS] += 1
    return (
        asked, int(s["issued"]), int(s["period"]), int(s["generator"]), int(s["rv_u"]), int(s["rv_d"]),
        s["warm"][: s["n_warm"]].tolist(), int(s["counts"][Count.BLOCKED]),
    )  # fmt: skip


def net_of(trained: Trained) -> Net:
    """What a refit reads of an image."""
    size = len(trained.rows[0].weights) - 1
    nothing = np.zeros(0, np.int32)
    return Net(
        plan=np.zeros((0, 7), np.int64), weights=np.zeros(0, np.int16), biases=nothing, mults=nothing,
        shifts=u8([]), scale_mult=nothing, scale_shift=u8([]), scale_offset=np.zeros(0, np.int16),
        base=np.array([row.weights for row in trained.rows], np.int32),
        row_class=u8([row.cls for row in trained.rows]), row_head=u8([row.head for row in trained.rows]),
        head_parent=u8([head.parent for head in trained.heads]),
        head_format=u8([head.fmt for head in trained.heads]),
        stored=u8(trained.stored).reshape(-1, size), owners=u8(trained.owners),
        learning=np.array([trained.epochs, trained.rate_shift, trained.gain, trained.seed], np.uint64),
        window=128, hop=64,
    )  # fmt: skip


KINDS = {"label": Kind.LABEL, "class": Kind.CLASS, "split": Kind.SPLIT, "undone": Kind.UNDONE}


def kernel_refit(trained: Trained, log: list[Entry]) -> tuple[list[Head], list[Row]]:
    """Heads after a refit that starts from a state block full of something else."""
    size = len(trained.rows[0].weights) - 1
    state, entries, _, _, block = memory_for(net_of(trained), sizes(size), len(log) + 2)
    state["weights"], state["row_active"], state["row_class"] = 99, 1, 3
    state["n_log"] = len(log)
    for place, entry in zip(entries, log, strict=False):
        place["kind"], place["window"], place["cls"] = KINDS[entry.kind], entry.window, entry.cls
        place["head"], place["features"][: len(entry.features)] = entry.head, entry.features
    command(block, Act.REFIT, 0, 0, 0)
    return heads_of(state)


# --- the table --------------------------------------------------------------------------

FULL = [255] * 192  # the longest feature vector at its highest


def row(cls: int, head: int, weight: int, bias: int, active: bool = True) -> Row:
    """A row with one weight throughout."""
    return Row(cls, head, active, [weight] * SIZE + [bias])


TABLE: dict[str, Case] = {
    "round_shift": Case(
        st.tuples(ints(1 - 2**62, 2**62 - 1), ints(0, 61)),
        reference.round_shift,
        lambda v, s: int(round_shift(np.int64(v), np.int64(s))),
        edges=((2**62 - 1, 61), (1 - 2**62, 61), (-1, 1), (-3, 1), (3, 1), (-2, 2), (-1, 0)),
    ),
    "round_shift32": Case(
        st.tuples(ints(1 - I30, I30 - 1), ints(1, 24)),
        reference.round_shift32,
        lambda v, s: int(round_shift32(np.int32(v), np.int64(s))),
        edges=((I30 - 1, 24), (1 - I30, 24), (-1, 1), (-3, 1)),
    ),
    "root": Case(
        st.tuples(st.one_of(ints(0, 2**62), st.integers(0, I31).map(lambda n: max(0, n * n - 1)))),
        reference.root,
        lambda v: int(root(np.int64(v))),
        edges=((0,), (1,), (2,), (3,), (2**62,), (2**62 - 1,), ((I31 - 1) ** 2,)),
    ),
    "scale_input": Case(
        st.tuples(ints(-32768, 32767), ints(-I31, I31 - 1), ints(0, 60), ints(-32768, 32767)),
        reference.scale_input,
        lambda raw, m, s, o: int(scale_input(np.int16(raw), np.int32(m), np.uint8(s), np.int16(o))),
        edges=((-32768, -I31, 0, 0), (-32768, I31 - 1, 46, -32768), (32767, I31 - 1, 60, 32767)),
    ),
    "requantise": Case(
        st.tuples(ints(-I31, I31 - 1), ints(I30, I31 - 1), ints(31, 62)),
        reference.requantise,
        lambda acc, m, s: int(requantise_relu_u8(np.int32(acc), np.int32(m), np.uint8(s))),
        edges=(
            (I31 - 1, I31 - 1, 62),
            (I31 - 1, I31 - 1, 31),
            (-I31, I31 - 1, 31),
            (1, I30, 31),
            (0, I30, 31),
        ),
    ),
    "conv": Case(
        convs(),
        reference.conv,
        kernel_conv,
        edges=(
            ([[127] * 66311], [120], [I30], [54], [255] * 66311),  # the largest sum that is let through
            ([[-127] * 66311], [-120], [I30], [54], [255] * 66311),
        ),
    ),
    "pool": Case(
        rings(),
        reference.pool,
        kernel_pool,
        edges=(([[255]] * 4096, 0), ([[255], [0]] * 2048, 4095), ([[1], [2]], 1), ([[0], [1], [0]], 0)),
    ),
    "dense": Case(
        rows_and_features(),
        reference.dense,
        lambda row, x: int(dense(np.array(row, np.int32), u8(x))),
        edges=(([I30] * 193, FULL), ([-I30] * 193, FULL)),
    ),
    "exp_q15": Case(
        st.tuples(ints(0, 2**47 - 1), ints(8, 28))
        | st.integers(8, 28).flatmap(lambda f: st.tuples(ints(0, 17 << f), st.just(f))),
        reference.exp_q15,
        lambda below, fmt: int(exp_q15(np.int64(below), np.uint8(fmt))),
        edges=((0, 8), (2**47 - 1, 8), (4095, 8), (4096, 8), ((16 << 28) - 1, 28)),
    ),
    "softmax": Case(
        st.integers(1, 20).flatmap(
            lambda n: st.integers(0, 46).flatmap(
                lambda b: st.tuples(st.lists(ints(1 - 2**b, 2**b - 1), min_size=n, max_size=n), ints(8, 28))
            )
        ),
        reference.softmax,
        kernel_softmax,
        edges=(([0] * 20, 8), ([2**46 - 1] + [1 - 2**46] * 19, 8), ([5], 28)),
    ),
    "sgd": Case(
        st.tuples(rows_and_features(), ERRORS, ints(1, 24)).map(lambda t: (*t[0], t[1], t[2])),
        reference.sgd,
        kernel_sgd,
        edges=(
            ([I30] * 193, FULL, -32768, 1),
            ([-I30] * 193, FULL, 32768, 1),
            ([0] * 193, FULL, 32768, 24),
            ([0, 0], [1], -1, 1),
        ),
    ),
    "distance": Case(
        pairs(*BYTES),
        reference.distance,
        lambda a, b: int(distance(u8(a), u8(b))),
        edges=((FULL, [0] * 192), ([0] * 192, FULL), ([7], [7])),
    ),
    "track_quantile": Case(
        st.tuples(ints(2**16, I31), ints(0, 32768), ints(0, I31), ints(1, 16)),
        reference.track_quantile,
        lambda rv, score, rate, step: int(track_quantile(np.int64(rv), np.int64(score), rate, step)),
        edges=((I31, 32768, 0, 1), (2**16, 0, I31, 1), (I31 - 1, 32768, 0, 1), (2**16, 1, I31, 16)),
    ),
    "next_state": Case(
        st.tuples(ints(1, LAST)),
        reference.next_state,
        lambda x: int(next_state(np.uint64(x))),
        edges=((LAST,), (1,)),
    ),
    "below": Case(
        st.tuples(ints(1, LAST), ints(1, I31 - 1)),
        reference.below,
        lambda x, n: int(below(np.uint64(x), np.int64(n))),
        edges=((LAST, I31 - 1), (LAST, 1), (I32 - 1, I31 - 1)),
    ),
    "shuffle": Case(
        st.tuples(st.lists(st.integers(0, I31 - 1), max_size=20), ints(1, LAST)),
        reference.shuffle,
        kernel_shuffle,
        edges=(([], 5), ([3], 5)),
    ),
    "imprint": Case(
        st.tuples(pairs(*BYTES), ints(0, 255)).map(lambda t: (*t[0], t[1])),
        reference.imprint,
        kernel_imprint,
        edges=((FULL, [0] * 192, 255), ([0] * 192, FULL, 255)),
    ),
    "score": Case(
        trees(),
        reference.score,
        kernel_score,
        edges=(
            # A leaf is told by who takes part, not by chances: these three round to nothing.
            (
                [Head(255, 8), Head(1, 8)],
                [row(0, 0, 0, 21), row(1, 0, 0, 0), *(row(c, 1, 0, 0) for c in (2, 3, 4))],
                [255] * SIZE,
            ),
            # Alone in its task a class does not take part, nor does one that was never labelled.
            ([Head(255, 8), Head(1, 8)], [row(0, 0, 1, 0), row(1, 0, 2, 0), row(2, 1, 9, 9)], [9] * SIZE),
            ([Head(255, 8)], [row(0, 0, 1, 0), row(1, 0, 2, 0, False)], [9] * SIZE),
            ([Head(255, 8)], [row(4, 0, 5, 1), row(1, 0, 5, 1)], [9] * SIZE),
        ),
    ),
    **{f"decide {rule}": Case(askers(rule), reference_asker, kernel_asker) for rule in reference.RULES},
    "refit": Case(lessons(), reference.refit, kernel_refit),
}  # fmt: skip
