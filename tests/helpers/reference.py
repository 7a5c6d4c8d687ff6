"""Slow, obvious references of the kernels, on Python's unbounded integers: arithmetic and the extractor.

Written from docs/arithmetic.md, docs/methods.md and the kernels' docstrings; nothing is
borrowed from the kernels. Each intermediate value whose width those pages state goes through
`within`, which raises where the value leaves it, so the range proofs are tested too. The heads are in
`reference_heads`, the policies in `reference_policy`, a whole session in `reference_session`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import NamedTuple, TypeVar

T = TypeVar("T")

ONE = 2**15  # 1.0 in Q15
BESIDE = -32768  # an input of a mean that is padding
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
    return (2 * value + 2**shift) // 2 ** (shift + 1)


def round_shift32(value: int, shift: int) -> int:
    """The same where 32 bits must do."""
    below_bits(value, 30)
    signed(value + 2**shift // 2, 32)
    return round_shift(value, shift)


def root(value: int) -> int:
    """Largest integer whose square is at most ``value``."""
    return math.isqrt(value)


def quotient(dividend: int, divisor: int) -> int:
    """``dividend / divisor``, rounded down; nothing negative."""
    return dividend // divisor


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


def half_from_zero(x: Fraction) -> int:
    """The nearest integer, ties away from zero."""
    return math.floor(abs(x) + Fraction(1, 2)) * (1 if x >= 0 else -1)


def requantise_zero(acc: int, mult: int, shift: int, zero: int, twice: int) -> int:
    """The real factor ``mult / 2**shift`` around a zero point, rounded once, or twice as TFLite does."""
    product = below_bits(signed(acc, 32) * mult, 62)
    if twice:
        first = math.floor(Fraction(product, 2**31) + Fraction(1, 2))
        return clamp(zero + half_from_zero(Fraction(first, 2 ** (shift - 31))), 0, 255)
    return clamp(zero + math.floor(Fraction(product, 2**shift) + Fraction(1, 2)), 0, 255)


def conv_zero(
    weights: Sequence[Sequence[int]], biases: Sequence[int], mults: Sequence[int], shifts: Sequence[int],
    taps: Sequence[int], zero: int, twice: int,
) -> list[int]:  # fmt: skip
    """One output position of a convolution around a zero point: ``weights`` (out, n), ``taps`` (n,)."""
    out = []
    for row, bias, mult, shift in zip(weights, biases, mults, shifts, strict=True):
        acc = signed(bias, 32)
        for weight, tap in zip(row, taps, strict=True):
            acc = signed(acc + weight * tap, 32)
        out.append(requantise_zero(acc, mult, shift, zero, twice))
    return out


def depthwise(
    weights: Sequence[Sequence[int]], biases: Sequence[int], mults: Sequence[int], shifts: Sequence[int],
    taps: Sequence[int], zero: int,
) -> list[int]:  # fmt: skip
    """The same where each channel has its own inputs: ``weights`` (out, kernel), ``taps`` (kernel * out,)."""
    facts = zip(weights, biases, mults, shifts, strict=True)
    return [
        conv_zero([row], [bias], [mult], [shift], taps[o :: len(weights)], zero, 1)[0]
        for o, (row, bias, mult, shift) in enumerate(facts)
    ]


def largest(taps: Sequence[int], channels: int, more: int) -> list[int]:
    """The largest input of each channel; ``more`` is 128 where they are signed."""
    return [max(taps[c::channels]) + more for c in range(channels)]


def lookup(tables: Sequence[Sequence[int]], taps: Sequence[int], more: int) -> list[int]:
    """Each channel's input in its own table of outputs less 128."""
    return [table[value + more] + 128 for table, value in zip(tables, taps, strict=True)]


def average(taps: Sequence[int], channels: int, more: int) -> list[int]:
    """The mean of each channel's inputs as int8 values, rounded with ties away from zero, plus 128.

    Inputs of `BESIDE` are padding and do not count.
    """
    columns = [
        [value + more - 128 for value in taps[c::channels] if value != BESIDE] for c in range(channels)
    ]
    return [half_from_zero(Fraction(within(sum(c), -(2**20), 2**20), len(c))) + 128 for c in columns]


def added(
    one: Sequence[int], other: Sequence[int], zeros: Sequence[int], mults: Sequence[int],
    shifts: Sequence[int], zero: int,
) -> list[int]:  # fmt: skip
    """Sums of two inputs with scales of their own: each is scaled up by 2**20, all is rounded twice."""
    out = []
    for pair in zip(one, other, strict=True):
        total = 0
        for value, middle, mult, shift in zip(pair, zeros, mults, shifts, strict=False):
            up = signed((value - middle) * 2**20, 32)
            first = math.floor(Fraction(up * mult, 2**31) + Fraction(1, 2))
            total = signed(total + half_from_zero(Fraction(first, 2 ** (shift - 31))), 32)
        out.append(requantise_zero(total, mults[2], shifts[2], zero, 1))
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


def shuffle(order: Sequence[T], state: int) -> tuple[list[T], int]:
    """Fisher and Yates from the end; the new order and the new state."""
    new = list(order)
    for last in reversed(range(1, len(new))):
        state = next_state(state)
        other = below(state, last + 1)
        new[last], new[other] = new[other], new[last]
    return new, state


# --- the extractor, a window on its own -------------------------------------------------


class Layer(NamedTuple):
    """One operation: ``weights`` [out][kernel][in], of which the last or all may be missing."""

    weights: Sequence[Sequence[Sequence[int]]]
    biases: Sequence[int]
    mults: Sequence[int]
    shifts: Sequence[int]
    stride: int
    op: str = "CONV"
    zero: int = 0
    left: int = 0
    right: int = 0
    back: int = 0

    def joined(self, one: Sequence[int], other: Sequence[int]) -> list[int]:
        """One output position from that of an earlier layer and that of the layer before."""
        match self.op:
            case "BRANCH":
                return list(one)
            case "ADD":
                return added(one, other, self.biases[:2], self.mults, self.shifts, self.zero)
            case "CONCAT":
                return [*one, *other]
        raise ValueError(self.op)

    def output(self, taps: Sequence[int], more: int) -> list[int]:
        """One output position; ``more`` is 128 where the inputs are signed."""
        flat = [[w for tap in out for w in tap] for out in self.weights]
        numbers = (flat, self.biases, self.mults, self.shifts, taps)
        match self.op:
            case "CONV":
                return conv(*numbers)
            case "CONV_TWICE" | "DENSE":
                return conv_zero(*numbers, self.zero, int(self.op == "CONV_TWICE"))
            case "DEPTHWISE":
                return depthwise(*numbers, self.zero)
            case "TABLE":
                return lookup(flat, taps, more)
            case "MAX":
                return largest(taps, len(flat), more)
            case "AVERAGE":
                return average(taps, len(flat), more)
        raise ValueError(self.op)


def scale_sample(
    sample: Sequence[int], scaling: Sequence[tuple[int, int, int]]
) -> tuple[list[int], int]:  # fmt: skip
    """The int8 input of one sample, and how often it was clamped."""
    exact = [scale_input(raw, *how) for raw, how in zip(sample, scaling, strict=True)]
    clamped = [clamp(value, -128, 127) for value in exact]
    return clamped, sum(a != b for a, b in zip(exact, clamped, strict=True))


def extract(layers: Sequence[Layer], window: Sequence[Sequence[int]]) -> list[int]:
    """Features of one window of int8 samples, each layer computed whole."""
    rows, more, zero = [list(row) for row in window], 128, 0
    made: list[list[list[int]]] = []
    for i, layer in enumerate(layers):
        if layer.back:
            others = made[i - layer.back]
            pairs = zip(others, others if layer.op == "BRANCH" else rows, strict=True)
            rows = [layer.joined(*pair) for pair in pairs]
        elif layer.op != "WINDOW":
            kernel, beside = len(layer.weights[0]), [0 if layer.op == "MAX" else zero] * len(rows[0])
            beside = [BESIDE if layer.op == "AVERAGE" else value - more for value in beside]
            rows = [beside] * layer.left + rows + [beside] * layer.right
            rows = [
                layer.output(sum(rows[at : at + kernel], []), more)
                for at in range(0, len(rows) - kernel + 1, layer.stride)
            ]
            more = 0
        zero = layer.zero
        made.append(rows)
    return pool(rows) if len(rows) > 1 else rows[0]
