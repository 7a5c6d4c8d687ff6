"""One table of kernels: arguments, plain reference, compiled kernel.

Arguments and results are plain Python values, so another implementation (the C core) is held
to the same table by giving its own callable per name. ``edges`` are tried always, whatever
Hypothesis draws.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from odl.core.kernels.dense import dense
from odl.core.kernels.distance import distance
from odl.core.kernels.generator import below, next_state
from odl.core.kernels.quantile import track_quantile
from odl.core.kernels.requantise import requantise_relu_u8
from odl.core.kernels.requantise_zero import requantise_zero
from odl.core.kernels.scale_input import scale_input
from odl.core.kernels.shift import root, round_shift, round_shift32
from odl.core.kernels.softmax import exp_q15
from tests.helpers import reference, reference_heads, reference_policy
from tests.helpers.in_kernels import (
    kernel_added,
    kernel_asker,
    kernel_average,
    kernel_conv,
    kernel_conv_zero,
    kernel_depthwise,
    kernel_hops,
    kernel_imprint,
    kernel_largest,
    kernel_lookup,
    kernel_make_room,
    kernel_pool,
    kernel_refit,
    kernel_score,
    kernel_segment,
    kernel_sgd,
    kernel_shuffle,
    kernel_softmax,
    u8,
)
from tests.helpers.kernel_arguments import (
    BYTES,
    ERRORS,
    I30,
    I31,
    I32,
    LAST,
    MAX_LOG,
    MAX_PENDING,
    SIZE,
    around_zero,
    askers,
    averaged,
    convs,
    depthwises,
    full_logs,
    hops,
    ints,
    lessons,
    looked_up,
    pairs,
    pooled,
    rings,
    rows_and_features,
    scored,
    stretches,
    summed,
)
from tests.helpers.reference_heads import Entry, Head, Learner, Refit, Row, Trained, least_needed, regrow
from tests.helpers.reference_policy import Asker, Segment


class Case(NamedTuple):
    """One kernel. ``kernel`` takes and gives what ``reference`` does."""

    arguments: st.SearchStrategy[tuple[Any, ...]]
    reference: Callable[..., Any]
    kernel: Callable[..., Any]
    edges: tuple[tuple[Any, ...], ...] = ()


# --- references of what the kernels do in parts ------------------------------------------


def reference_hops(trained: Trained, log: list[Entry], hops: list[int]) -> list[tuple[Learner, Any]]:
    """Heads in use after each hop of a refit, and those being learned."""
    used, found = regrow(trained, log), []
    refit = Refit(trained, log) if reference_heads.counting(trained, log) else None
    for most in hops:
        if refit and refit.learn(most):
            used, refit = refit.now(), None
        found.append((used, list(refit.rows) if refit else None))
    return found


def reference_make_room(trained: Trained, learner: Learner, log: list[Entry]) -> list[Entry] | None:
    """A full log after it made room, None if it cannot."""
    place = least_needed(learner, log)
    return None if place is None else log[:place] + log[place + 1 :]


def reference_segment(change: int, steps: list[Any]) -> list[tuple[Any, ...]]:
    """Number, first sample, last window, age and mean after each step."""
    segment = Segment()
    found: list[tuple[Any, ...]] = []
    for n, features in enumerate(steps):
        if features is None:
            segment = Segment(segment.number + 1)
            found.append((segment.number, segment.age))
            continue
        segment = segment.after(8 * n, features, change)
        place = segment.number, segment.starts[0], segment.starts[-1], segment.age
        found.append((*place, segment.mean()))
    return found


@dataclass
class AskedAbout:
    """What was asked, and whether it can still be learned."""

    batch: int
    item: list[int]
    lost: bool = False


def reference_asker(settings: dict[str, Any], windows: list[Any]) -> tuple[Any, ...]:
    """Whether each window is asked about, and the policy's state afterwards."""
    chosen = {name: value for name, value in settings.items() if name != "change"}
    asker, segment = Asker(**chosen, room=MAX_PENDING), Segment()
    questions: list[AskedAbout] = []
    labels: list[list[int]] = []
    asked, end = [], 128
    for pause, utility, features, gap, fate in windows:
        end += pause
        if gap:
            segment = Segment(segment.number + 1)
        if fate:
            closed = [q.item for q in questions if q.batch < asker.number]
            labels = (labels + closed * (fate == "learned"))[-MAX_LOG:]
            questions = [q for q in questions if q.batch == asker.number]
            asker.waiting = 0
            for q in questions:
                q.lost = fate == "settled"
        segment = segment.after(end - 128, features, settings["change"])
        batch, items = asker.number, labels + [q.item for q in questions if not q.lost]
        asked.append(asker.decide(features, utility, end, segment, items))
        if asked[-1]:
            questions.append(AskedAbout(batch, segment.mean()))
    return (
        asked, asker.issued, asker.now, asker.generator, asker.rv_u, asker.rv_d, sorted(asker.warm),
        asker.blocked, asker.asked_at or 0, len(asker.points), asker.points[-64:],
    )  # fmt: skip


# --- the table --------------------------------------------------------------------------

FULL = [255] * 192  # the longest feature vector at its highest


def row(cls: int, head: int, weight: int, bias: int, active: bool = True) -> Row:
    """A row with one weight throughout."""
    return Row(cls, head, active, [weight] * SIZE + [bias])


def trained(heads: list[Head], *rows: Row, epochs: int = 1) -> Trained:
    """An image of these heads that has nothing stored."""
    return Trained(heads, rows, [], [], epochs, 12, 16, 9)


ROOT = Head(255, 8)
EVEN = trained([ROOT], row(0, 0, 1, 0), row(1, 0, 1, 0))  # says nothing of either
NINE = [9] * SIZE
SPLIT = Entry("split", 3, 1, 1)
CLASS = Entry("class", 4, 5, 1)
OTHER = [SPLIT, Entry("split", 4, 0, 2)]


def learned(image: Trained, log: list[Entry], *rows: Row) -> Learner:
    """The tree that the log gives, with these rows in place of the last."""
    tree = regrow(image, log)
    return Learner(tree.heads, [*tree.rows[: len(tree.rows) - len(rows)], *rows], True)


SMALL = trained([ROOT, Head(1, 8)], row(0, 0, 0, 21), row(1, 0, 0, 0), *(row(c, 1, 0, 0) for c in (2, 3, 4)))
SCORES: tuple[Any, ...] = (
    # Three classes are leaves, though their chances round to nothing.
    (SMALL, regrow(SMALL, []), [], FULL[:SIZE]),
    (SMALL, learned(SMALL, []), [], FULL[:SIZE]),
    # Alone in its task a class has all of the chance; one that was never labelled has none.
    (EVEN, learned(EVEN, [SPLIT, CLASS], row(5, 1, 9, 9)), [SPLIT, CLASS], NINE),
    (EVEN, learned(EVEN, [SPLIT, CLASS]), [SPLIT, CLASS], NINE),
    (EVEN, regrow(EVEN, [SPLIT, CLASS]), [SPLIT, CLASS], NINE),
    # No leaf has any chance: the image's word it is.
    (EVEN, learned(EVEN, OTHER), OTHER, NINE),
    # The image says 0, the learned heads 1, both together 0 or 1; the first of equals.
    *(
        (
            trained([ROOT], row(0, 0, 1, 0), row(1, 0, 0, 0)),
            learned(EVEN, [], row(0, 0, 0, 0), row(1, 0, weight, 0)), log, NINE,
        )
        for weight in (1, 2, 9)
        for log in (
            [], [Entry("label", 1, 1, 0, NINE, 0, 1)], [Entry("label", 1, 0, 0, NINE, 0, 1)],
            [Entry("label", n, n % 2, 0, NINE, 0, n % 3 // 2) for n in range(6)],
            [Entry("label", n, 1, 0, NINE, 0, 0) for n in range(2)],
        )
    ),
)  # fmt: skip
# Classes merged and removed: in the root, in a task of the image, in a new one; all that a task had.
MERGED, REMOVED = Entry("change", 6, 2, 3), Entry("change", 7, 2, 255)
GROWN = [SPLIT, CLASS, Entry("class", 5, 6, 1)]
ALTERED = (
    (SMALL, [Entry("change", 8, 0, 1)]), (SMALL, [Entry("change", 8, 1, 255)]),
    (SMALL, [MERGED]), (SMALL, [REMOVED]), (SMALL, [MERGED, Entry("change", 9, 3, 4)]),
    (SMALL, [MERGED, Entry("change", 9, 2, 2)]),
    (SMALL, [Entry("change", 9, cls, 255) for cls in (2, 3, 4)]),
    (EVEN, [*GROWN, Entry("change", 8, 1, 0)]), (EVEN, [*GROWN, Entry("change", 8, 5, 6)]),
    (EVEN, [*GROWN, *(Entry("change", 9, cls, 255) for cls in (5, 6))]),
)  # fmt: skip
SCORES += tuple(
    (image, regrow(image, log)._replace(learned=learned), log, NINE)
    for image, log in ALTERED
    for learned in (False, True)
)
# What labels and stored vectors of changed classes teach: as the other class, or nothing.
STORED = SMALL._replace(stored=[NINE, [200] * SIZE], owners=[2, 0])
TOLD = [Entry("label", 1, 2, 1, NINE), Entry("label", 2, 4, 1, FULL[:SIZE])]
RELABELLED = [(STORED, [*TOLD, *log]) for image, log in ALTERED if image is SMALL]
# Two classes of a task that the image does not have: one lesson each, and then so many more.
NEW_TASK = (
    EVEN,
    [
        SPLIT, CLASS, Entry("label", 9, 5, 1, [200] * SIZE), Entry("class", 5, 6, 1),
        Entry("label", 8, 6, 1, NINE),
    ],
)  # fmt: skip


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
    "quotient": Case(  # Numba divides by itself
        st.tuples(ints(0, 2**63 - 1), st.one_of(ints(1, 2**63 - 1), ints(1, 2**16))),
        reference.quotient,
        lambda n, d: int(np.int64(n) // np.int64(d)),
        edges=((0, 1), (0, 2**63 - 1), (2**63 - 1, 1), (2**63 - 1, 2**63 - 1), (2**62, 2**62 + 1), (7, 8)),
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
    "requantise_zero": Case(
        st.tuples(ints(-I31, I31 - 1), ints(I30 // 2, I31 - 1), ints(31, 62), ints(0, 255), ints(0, 1)),
        reference.requantise_zero,
        lambda acc, m, s, zero, twice: int(
            requantise_zero(np.int32(acc), np.int32(m), np.uint8(s), np.int64(zero), np.int64(twice))
        ),
        edges=(
            *((acc, I30, 32, 100, twice) for acc in (-7, -6, -5, -2, -1, 1, 2, 5, 6) for twice in (0, 1)),
            *((acc, I30, 33, 100, twice) for acc in (-13, -12, -11, -3, -2, 2, 11, 12) for twice in (0, 1)),
            *((end, I31 - 1, shift, 0, 1) for end in (-I31, I31 - 1) for shift in (31, 62)),
            *((end, I31 - 1, shift, 255, 0) for end in (-I31, I31 - 1) for shift in (31, 62)),
            (-3, I30, 31, 9, 1),
        ),
    ),
    "conv_zero": Case(
        around_zero(),
        reference.conv_zero,
        kernel_conv_zero,
        edges=(
            ([[127] * 66311], [120], [I30], [54], [255] * 66311, 3, 1),
            ([[-127] * 66311], [-120], [I30], [54], [255] * 66311, 250, 1),
        ),
    ),
    "depthwise": Case(depthwises(), reference.depthwise, kernel_depthwise),
    "largest": Case(
        pooled(), reference.largest, kernel_largest, edges=(([-128, -128], 1, 128), ([127, 126], 1, 128))
    ),
    "average": Case(
        averaged(),
        reference.average,
        kernel_average,
        edges=(
            ([0] * 4096, 1, 0), ([255] * 4096, 1, 0), ([127, 128], 1, 0), ([128, 129], 1, 0),
            ([-1, 0], 1, 128), ([0, 1], 1, 128), ([-128] * 4096, 1, 128), ([127] * 4096, 1, 128),
        ),
    ),
    "added": Case(
        summed(),
        reference.added,
        kernel_added,
        edges=tuple(
            ([x], [y], [zero] * 2, [I31 - 1] * 3, [31, 31, shift], 128)
            for x in (0, 255) for y in (0, 255) for zero in (0, 255) for shift in (31, 50)
        ),
    ),
    "lookup": Case(looked_up(), reference.lookup, kernel_lookup),
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
        reference_heads.imprint,
        kernel_imprint,
        edges=((FULL, [0] * 192, 255), ([0] * 192, FULL, 255)),
    ),
    "score": Case(scored(), reference_heads.score, kernel_score, edges=SCORES),
    "refit": Case(lessons(), reference_heads.refit, kernel_refit, edges=(NEW_TASK, *RELABELLED)),
    "hops": Case(hops(), reference_hops, kernel_hops, edges=((*NEW_TASK, [9] * 20), (*NEW_TASK, [2999, 9]))),
    "make_room": Case(full_logs(), reference_make_room, kernel_make_room),
    "segment": Case(
        stretches(), reference_segment, kernel_segment,
        edges=(
            (0, [FULL[:SIZE]] * 300),
            (1200, [[0] * SIZE] * 200 + [[10] * SIZE, [9] * SIZE] * 60),
            *((1200, [*[[0] * SIZE] * n, [step] * SIZE]) for n, step in ((1, 13), (1, 14), (2, 11), (2, 12))),
        ),
    ),
    **{
        f"decide {rule}": Case(askers(rule), reference_asker, kernel_asker)
        for rule in reference_policy.RULES
    },
}  # fmt: skip
