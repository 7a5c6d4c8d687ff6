"""Slow, obvious references of the kernels, on Python's unbounded integers.

Written from docs/arithmetic.md, docs/methods.md and the kernels' docstrings; nothing is
borrowed from the kernels. Each intermediate value whose width those pages state goes through
`within`, which raises where the value leaves it, so the range proofs are tested too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import NamedTuple

ONE = 2**15  # 1.0 in Q15
NOBODY = 255  # no class, no head; the parent of the root task


def within(value: int, low: int, high: int) -> int:
    """``value``, if it lies in [low, high]."""
    if not low <= value <= high:
        raise OverflowError(f"{value} is outside {low} to {high}")
    return value


def signed(value: int, bits: int) -> int:
    """``value``, if a signed integer of so many bits holds it."""
    return within(value, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def below_bits(value: int, bits: int) -> int:
    """``value``, if its size is below ``2**bits``."""
    return within(value, 1 - 2**bits, 2**bits - 1)


def clamp(value: int, low: int, high: int) -> int:
    """``value``, or the end of [low, high] that it lies beyond."""
    return sorted((low, value, high))[1]


# --- arithmetic -------------------------------------------------------------------------


def round_shift(value: int, shift: int) -> int:
    """Nearest integer to ``value / 2**shift``, ties upwards."""
    below_bits(value, 62)
    signed(value + 2**shift // 2, 64)
    return math.floor(Fraction(value, 2**shift) + Fraction(1, 2))


def round_shift32(value: int, shift: int) -> int:
    """The same where 32 bits must do."""
    below_bits(value, 30)
    signed(value + 2**shift // 2, 32)
    return round_shift(value, shift)


def root(value: int) -> int:
    """Largest integer whose square is at most ``value``."""
    return math.isqrt(value)


def scale_input(raw: int, mult: int, shift: int, offset: int) -> int:
    """Counts to the model's input, before saturation."""
    return round_shift(within(signed(raw, 16) * signed(mult, 32), -(2**46), 2**46), shift) + offset


def requantise(acc: int, mult: int, shift: int) -> int:
    """ReLU, the real factor ``mult / 2**shift``, one rounding half up, at most 255."""
    product = below_bits(max(signed(acc, 32), 0) * mult, 62)
    signed(product + 2 ** (shift - 1), 64)
    return min(255, math.floor(Fraction(product, 2**shift) + Fraction(1, 2)))


def conv(
    weights: Sequence[Sequence[int]],
    biases: Sequence[int],
    mults: Sequence[int],
    shifts: Sequence[int],
    taps: Sequence[int],
) -> list[int]:
    """One output position: ``weights`` (out, n), ``taps`` (n,)."""
    out = []
    for row, bias, mult, shift in zip(weights, biases, mults, shifts, strict=True):
        acc = signed(bias, 32)
        for weight, tap in zip(row, taps, strict=True):
            acc = signed(acc + weight * tap, 32)
        out.append(requantise(acc, mult, shift))
    return out


def mean(values: Sequence[int]) -> int:
    """Rounded to nearest, ties upwards; of numbers that are not negative."""
    return (within(sum(values), 0, 2**20 - 1) + len(values) // 2) // len(values)


def pool(positions: Sequence[Sequence[int]], first: int = 0) -> list[int]:
    """Mean of the first half, of the second half, and maximum, per channel; oldest at ``first``."""
    ordered = [*positions[first:], *positions[:first]]
    half = len(ordered) // 2
    channels = list(zip(*ordered, strict=True))
    return (
        [mean(c[:half]) for c in channels] + [mean(c[half:]) for c in channels] + [max(c) for c in channels]
    )


def dense(row: Sequence[int], features: Sequence[int]) -> int:
    """A row's logit; the last weight is the bias, fed by 128."""
    acc = 0
    for weight, feature in zip(row, [*features, 128], strict=True):
        within(weight, -(2**30), 2**30)
        acc = below_bits(acc + weight * feature, 46)
    return acc


def exact_exp(x: Fraction) -> Fraction:
    """``exp(-x)`` to 40 digits."""
    with localcontext() as context:
        context.prec = 40
        return Fraction((-Decimal(x.numerator) / Decimal(x.denominator)).exp())


def nearest(x: Fraction) -> int:
    """Nearest integer; no tie occurs among powers of e."""
    return math.floor(x + Fraction(1, 2))


WHOLE = [nearest(2**30 * exact_exp(Fraction(n))) for n in range(16)]
FRACTION = [nearest(ONE * exact_exp(Fraction(i, 256))) for i in range(256)]


def exp_q15(logit_below: int, fmt: int) -> int:
    """``exp(-logit_below / 2**fmt)`` in Q15 by two tables."""
    d = min(4095, within(logit_below, 0, 2**47 - 1) * 256 // 2**fmt)
    return round_shift(within(WHOLE[d // 256] * FRACTION[d % 256], 0, 2**45), 30)


def softmax(logits: Sequence[int], fmt: int) -> list[int]:
    """Q15 probabilities."""
    powers = [exp_q15(max(logits) - logit, fmt) for logit in logits]
    total = within(sum(powers), ONE, len(powers) * ONE)
    return [within(e * ONE + total // 2, 0, 2**31 - 1) // total for e in powers]


def sgd(row: Sequence[int], features: Sequence[int], error: int, shift: int) -> list[int]:
    """The row after one step."""
    new = []
    for weight, feature in zip(row, [*features, 128], strict=True):
        move = round_shift32(below_bits(within(error, -ONE, ONE) * feature, 23), shift)
        new.append(clamp(signed(weight - move, 32), -(2**30), 2**30))
    return new


def distance(a: Sequence[int], b: Sequence[int]) -> int:
    """Mean absolute difference as a Q15 fraction of the largest possible one."""
    total = within(sum(abs(x - y) for x, y in zip(a, b, strict=True)), 0, 2**16 - 1)
    return within(ONE * total, 0, 2**31 - 1) // (255 * len(a))


def track_quantile(reference: int, score: int, rate: int, step: int) -> int:
    """A reference value's next, Q31."""
    above = int(score * 2**16 > reference)
    return clamp(reference + round_shift(above * 2**31 - rate, step), 2**16, 2**31)


def next_state(x: int) -> int:
    """xorshift64."""
    x ^= x << 13 & 2**64 - 1
    x ^= x >> 7
    x ^= x << 17 & 2**64 - 1
    return within(x, 1, 2**64 - 1)


def below(state: int, n: int) -> int:
    """A number below n from the state's upper half."""
    return within(within((state >> 32) * within(n, 1, 2**31 - 1), 0, 2**64 - 1) >> 32, 0, n - 1)


def shuffle(order: Sequence[int], state: int) -> tuple[list[int], int]:
    """Fisher and Yates from the end; the new order and the new state."""
    new = list(order)
    for last in reversed(range(1, len(new))):
        state = next_state(state)
        other = below(state, last + 1)
        new[last], new[other] = new[other], new[last]
    return new, state


# --- the extractor, a window on its own -------------------------------------------------


class Layer(NamedTuple):
    """One convolution: ``weights`` [out][kernel][in]."""

    weights: Sequence[Sequence[Sequence[int]]]
    biases: Sequence[int]
    mults: Sequence[int]
    shifts: Sequence[int]
    stride: int


def scale_sample(
    sample: Sequence[int], scaling: Sequence[tuple[int, int, int]]
) -> tuple[list[int], int]:  # fmt: skip
    """The int8 input of one sample, and how often it was clamped."""
    exact = [scale_input(raw, *how) for raw, how in zip(sample, scaling, strict=True)]
    clamped = [clamp(value, -128, 127) for value in exact]
    return clamped, sum(a != b for a, b in zip(exact, clamped, strict=True))


def extract(layers: Sequence[Layer], window: Sequence[Sequence[int]]) -> list[int]:
    """Features of one window of int8 samples, convolved whole."""
    rows = [list(row) for row in window]
    for layer in layers:
        kernel = len(layer.weights[0])
        flat = [[w for tap in out for w in tap] for out in layer.weights]
        rows = [
            conv(flat, layer.biases, layer.mults, layer.shifts, sum(rows[at : at + kernel], []))
            for at in range(0, len(rows) - kernel + 1, layer.stride)
        ]
    return pool(rows)


# --- the tree of heads ------------------------------------------------------------------


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


class Scores(NamedTuple):
    """What the heads say: classes from the root down, a Q15 chance per row, uncertainty."""

    path: tuple[int, ...]
    scores: tuple[int, ...]
    uncertainty: int


def taking_part(rows: Sequence[Row], head: int) -> list[Row]:
    """The active rows of a task that has two or more, else none."""
    active = [row for row in rows if row.head == head and row.active]
    return active if len(active) >= 2 else []


def score(heads: Sequence[Head], rows: Sequence[Row], features: Sequence[int]) -> Scores:
    """Every task on one feature vector."""
    chance = {row.cls: 0 for row in rows}
    best: dict[int, int] = {}  # task -> its likeliest class
    for number, head in enumerate(heads):
        above = ONE if head.parent == NOBODY else chance[head.parent]
        part = taking_part(rows, number)
        if not part:
            continue
        own = softmax([dense(row.weights, features) for row in part], head.fmt)
        best[number] = part[own.index(max(own))].cls
        for row, p in zip(part, own, strict=True):
            chance[row.cls] = round_shift(p * above, 15)
    path: list[int] = []
    task: int | None = 0
    while task is not None and task in best:
        path.append(best[task])
        task = next((n for n, head in enumerate(heads) if head.parent == path[-1]), None)
    scores = tuple(within(chance[row.cls], 0, ONE) for row in rows)
    return Scores(tuple(path), scores, uncertainty(heads, rows, scores))


def uncertainty(heads: Sequence[Head], rows: Sequence[Row], scores: Sequence[int]) -> int:
    """``1 - (p1 - p2)`` over the leaves: the rows with no task below that takes part."""
    inner = {head.parent for number, head in enumerate(heads) if taking_part(rows, number)}
    leaves = sorted(p for row, p in zip(rows, scores, strict=True) if row.cls not in inner)
    first, second = ([0, 0] + leaves)[-1], ([0, 0] + leaves)[-2]
    return ONE - (first - second)


# --- which windows to ask about ---------------------------------------------------------


class Asker:
    """Decides window by window, as docs/methods.md says, with an exact budget.

    ``room`` is how many questions the state block can keep.
    """

    def __init__(
        self, rule: str, *, allowed: int, period: int, in_samples: bool, horizon: int,
        batch: int, step: int, seed: int, hop: int, room: int,
    ) -> None:  # fmt: skip
        self.rule, self.allowed, self.period, self.in_samples = rule, allowed, period, in_samples
        self.horizon, self.batch, self.step, self.hop = horizon, batch, step, hop
        self.room = min(2 * batch, room) if rule.startswith("tactile") else room
        self.generator = seed
        self.windows = self.now = self.issued = self.blocked = 0
        self.number = 0  # of the open batch
        self.warm: list[int] = []
        self.rv_u = self.rv_d = 0
        self.open: list[Sequence[int]] = []  # features of the open batch
        self.distances = 0
        self.waiting = 0  # members of closed batches that are not settled yet

    def left(self, end: int) -> int:
        """Windows of the period from this one on, which ended at ``end``."""
        if self.period == 0:
            return max(1, self.horizon - self.windows)
        if self.in_samples:
            number = (end - 1) // self.period
            left = ((number + 1) * self.period - end) // self.hop + 1
        else:
            number = self.windows // self.period
            left = (number + 1) * self.period - self.windows
        if number != self.now:
            self.now, self.issued = number, 0
        return left

    def decide(self, features: Sequence[int], uncertainty: int, end: int) -> bool:
        """Whether the window is asked about; if so, the question is issued."""
        left = self.left(end)
        self.windows += 1
        purse = self.allowed - self.issued
        if self.rule == "none" or purse <= 0:
            return False
        rate = min(2**31, within(purse, 0, 2**31 - 1) * 2**31 // left)
        wanted = RULES[self.rule](self, features, uncertainty, rate, left)
        if not (wanted or purse >= left):
            return False
        if self.waiting + len(self.open) >= self.room:
            self.blocked += 1
            return False
        self.issued += 1
        self.open.append(features)
        if len(self.open) == self.batch or self.issued == self.allowed:
            self.close()
        return True

    def close(self) -> None:
        """The batch is full, or the budget spent."""
        self.waiting += len(self.open)
        self.open, self.distances, self.number = [], 0, self.number + 1

    def informative(self, uncertainty: int, rate: int) -> bool:
        """InfoRV: the first 16 scores set the reference."""
        if len(self.warm) < 16:
            self.warm.append(uncertainty)
            if len(self.warm) == 16:
                rank = min((2**31 - rate) * 16 // 2**31, 15)
                self.rv_u = max(sorted(self.warm)[rank] * 2**16, 2**16)
            return False
        wanted = uncertainty * 2**16 >= self.rv_u
        self.rv_u = track_quantile(self.rv_u, uncertainty, rate, self.step)
        return wanted

    def far_enough(self, features: Sequence[int], rate: int) -> bool:
        """DualRV's second half: the distance to the open batch."""
        if not self.open:
            return True
        gap = min(distance(features, member) for member in self.open)
        self.distances += 1
        if self.distances == 1:
            self.rv_d = max(gap * 2**16, 2**16)
            return False
        wanted = gap * 2**16 >= self.rv_d
        self.rv_d = track_quantile(self.rv_d, gap, rate, self.step)
        return wanted

    def due(self, left: int) -> bool:
        """Question k at the middle of the k-th equal part of the period."""
        total = self.period or self.horizon
        if self.period and self.in_samples:
            total = max(1, total // self.hop)
        passed = max(0, total - left)
        middle = Fraction(2 * passed + 1, 2) * self.allowed / total
        return self.issued < math.floor(middle + Fraction(1, 2))


def inforv(asker: Asker, features: Sequence[int], uncertainty: int, rate: int, left: int) -> bool:
    """Uncertain windows."""
    return asker.informative(uncertainty, rate)


def dualrv(asker: Asker, features: Sequence[int], uncertainty: int, rate: int, left: int) -> bool:
    """Uncertain windows unlike the open batch; each half for the rate's root."""
    each = root(rate * 2**31)
    far = asker.far_enough(features, each)
    return asker.informative(uncertainty, each) and far


def drawn(asker: Asker, features: Sequence[int], uncertainty: int, rate: int, left: int) -> bool:
    """Selection sampling."""
    asker.generator = next_state(asker.generator)
    return below(asker.generator, left) < asker.allowed - asker.issued


def periodic(asker: Asker, features: Sequence[int], uncertainty: int, rate: int, left: int) -> bool:
    """Equal distances."""
    return asker.due(left)


def never(asker: Asker, features: Sequence[int], uncertainty: int, rate: int, left: int) -> bool:
    """No window; the rule is not consulted."""
    raise AssertionError("a policy that asks nothing decides nothing")


# A policy's own test adds its reference here.
RULES: dict[str, Callable[[Asker, Sequence[int], int, int, int], bool]] = {
    "none": never, "tactile-inforv": inforv, "tactile-dualrv": dualrv, "random": drawn,
    "periodic": periodic,
}  # fmt: skip


# --- what is learned --------------------------------------------------------------------


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
    """One line of the label log; ``kind`` is "label", "class", "split" or "undone"."""

    kind: str
    window: int
    cls: int
    head: int
    features: Sequence[int] = ()


def imprint(features: Sequence[int], centre: Sequence[int], gain: int) -> list[int]:
    """A row along ``features - centre`` whose logit is zero halfway between the two."""
    row = [gain * (x - c) for x, c in zip(features, centre, strict=True)]
    twice = below_bits(sum(gain * (x - c) * (x + c) for x, c in zip(features, centre, strict=True)), 32)
    return [*(within(w, -(2**16), 2**16) for w in row), within(-round_shift(twice, 8), -(2**30), 2**30)]


def mean_stored(stored: Sequence[Sequence[int]], length: int) -> list[int]:
    """The stored vectors' rounded mean, zeros without any."""
    n = len(stored)
    return [(sum(v[k] for v in stored) + n // 2) // n if n else 0 for k in range(length)]


def branch(heads: Sequence[Head], rows: Sequence[Row], cls: int) -> list[int]:
    """Numbers of the rows from ``cls`` up to the root."""
    found = []
    while cls != NOBODY:
        found.append(next(n for n, row in enumerate(rows) if row.cls == cls))
        cls = heads[rows[found[-1]].head].parent
    return found


def regrow(trained: Trained, log: Sequence[Entry]) -> tuple[list[Head], list[Row]]:
    """The image's heads with the log's classes and splits, nothing learned."""
    heads, rows = list(trained.heads), list(trained.rows)
    width = len(rows[0].weights)
    for entry in log:
        if entry.kind == "class":
            rows.append(Row(entry.cls, entry.head, False, [0] * width))
        elif entry.kind == "split":
            above = next(row.head for row in rows if row.cls == entry.cls)
            heads.append(Head(entry.cls, heads[above].fmt))
    return heads, rows


def refit(trained: Trained, log: Sequence[Entry]) -> tuple[list[Head], list[Row]]:
    """Heads as a function of the image and the ordered label log."""
    heads, rows = regrow(trained, log)
    labels = sorted((entry for entry in log if entry.kind == "label"), key=lambda entry: entry.window)
    if not labels:
        return heads, rows
    centre = mean_stored(trained.stored, len(rows[0].weights) - 1)
    touched = set()
    for label in labels:
        for n in branch(heads, rows, label.cls):
            touched.add(rows[n].head)
            if not rows[n].active:
                rows[n] = rows[n]._replace(active=True, weights=imprint(label.features, centre, trained.gain))
    share = max(1, len(trained.stored) // len(trained.rows))
    lesson: list[tuple[Sequence[int], int]] = []
    for label in labels:
        same = sum(other.cls == label.cls for other in labels)
        lesson += [(label.features, label.cls)] * max(1, share // same)
    lesson += list(zip(trained.stored, trained.owners, strict=True))
    generator, order = trained.seed, list(range(len(lesson)))
    for _ in range(trained.epochs):
        order, generator = shuffle(order, generator)
        for place in order:
            learn_one(heads, rows, touched, trained.rate_shift, *lesson[place])
    return heads, rows


def learn_one(
    heads: Sequence[Head], rows: list[Row], touched: set[int], rate_shift: int,
    features: Sequence[int], cls: int,
) -> None:  # fmt: skip
    """A gradient step of each touched head on the way from ``cls`` to the root."""
    for right in branch(heads, rows, cls):
        head = rows[right].head
        if head not in touched:
            continue
        part = [n for n, row in enumerate(rows) if row.head == head and row.active]
        chances = softmax([dense(rows[n].weights, features) for n in part], heads[head].fmt)
        for n, p in zip(part, chances, strict=True):
            error = p - ONE if n == right else p
            rows[n] = rows[n]._replace(weights=sgd(rows[n].weights, features, error, rate_shift))
