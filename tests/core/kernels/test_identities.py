"""What docs/arithmetic.md claims of the formulas, in plain integers and on the kernels."""

from __future__ import annotations

import math
from fractions import Fraction

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odl.core.kernels import softmax as softmax_kernel
from odl.core.kernels.generator import below, next_state
from odl.core.kernels.means import column_means, means
from odl.core.kernels.quantile import track_quantile
from odl.core.kernels.requantise import requantise_relu_u8
from odl.core.kernels.softmax import exp_q15
from tests.helpers import reference
from tests.helpers.in_kernels import kernel_softmax
from tests.helpers.kernel_arguments import I30, I31, ints

pytestmark = pytest.mark.filterwarnings("error")
ONE = 32768
TOP = 1 - math.exp(-1 / 256)  # the share of exp that cutting the exponent to 1/256 can add

ACCUMULATORS, MULTS, SHIFTS = ints(-I31, I31 - 1), ints(I30, I31 - 1), ints(31, 62)
LOGITS = st.lists(st.integers(-(2**30), 2**30), min_size=1, max_size=20)
FORMATS = ints(8, 28)


def tflite_int8(acc: int, mult: int, shift: int) -> int:
    """Its fully connected kernel: one rounding, zero point -128, a fused ReLU clamps below."""
    scaled = (acc * mult + 2 ** (shift - 1)) >> shift
    return min(127, max(-128, scaled - 128))


@given(ACCUMULATORS, MULTS, SHIFTS)
def test_uint8_is_int8_of_zero_point_minus_128(acc: int, mult: int, shift: int) -> None:
    ours = requantise_relu_u8(np.int32(acc), np.int32(mult), np.uint8(shift))
    assert int(ours) == tflite_int8(acc, mult, shift) + 128


@given(st.lists(st.tuples(st.integers(-127, 127), st.integers(-128, 127)), max_size=30), ints(-1000, 1000))
def test_the_zero_point_folds_into_the_bias(pairs: list[tuple[int, int]], bias: int) -> None:
    folded = bias + 128 * sum(w for w, _ in pairs)
    assert folded + sum(w * q for w, q in pairs) == bias + sum(w * (q + 128) for w, q in pairs)


def test_exp_is_within_its_bound() -> None:
    # The cut exponent adds at most TOP of the value; a table entry is off by half a unit of
    # its own format, weighed with the other factor, and the product is rounded once more.
    for steps in range(0, 4097, 1):
        for part in (0, 2**12 - 1, 2**11):  # at and between the steps, format 20
            x = (steps << 12) + part
            exact, table = ONE * math.exp(-x / 2**20), int(exp_q15(np.int64(x), np.uint8(20)))
            whole, rest = math.exp(-(steps >> 8)), math.exp(-(steps & 255) / 256)
            off = 0.5 + 0.5 * whole + 0.5 * (rest * ONE + 1) / 2**30
            assert -off <= table - exact <= off + ONE * whole * rest * TOP


def test_exp_never_rises() -> None:
    values = [int(exp_q15(np.int64(d), np.uint8(8))) for d in range(4200)]
    assert values[0] == ONE and values == sorted(values, reverse=True) and values[-1] == values[4095]


def test_the_tables_hold_the_nearest_integers() -> None:
    assert softmax_kernel.WHOLE.tolist() == reference.WHOLE
    assert softmax_kernel.FRACTION.tolist() == reference.FRACTION


@given(LOGITS, FORMATS)
def test_softmax_sums_to_one_within_half_a_unit_per_row(logits: list[int], fmt: int) -> None:
    assert 2 * abs(sum(kernel_softmax(logits, fmt)) - ONE) <= len(logits)


@given(LOGITS, FORMATS)
def test_softmax_keeps_the_order(logits: list[int], fmt: int) -> None:
    chances = kernel_softmax(logits, fmt)
    ranked = sorted(zip(logits, chances, strict=True))
    assert [p for _, p in ranked] == sorted(chances)
    assert all(p == q for (a, p), (b, q) in zip(ranked, ranked[1:], strict=False) if a == b)


@given(LOGITS, st.integers(0, 19), st.integers(0, 2**20), FORMATS)
def test_a_higher_logit_never_has_less(logits: list[int], which: int, more: int, fmt: int) -> None:
    which %= len(logits)
    raised = [*logits[:which], logits[which] + more, *logits[which + 1 :]]
    before, after = kernel_softmax(logits, fmt), kernel_softmax(raised, fmt)
    # Its own exponential grows and, where it becomes the largest, the others' shrink.
    assert after[which] >= before[which] - 1


@given(LOGITS, FORMATS)
def test_softmax_is_near_the_real_one(logits: list[int], fmt: int) -> None:
    top = max(logits)
    real = [math.exp((x - top) / 2**fmt) for x in logits]
    # Each exponential is too large by at most TOP of it, and off by a unit and a bit besides.
    bound = TOP + (1.01 * (1 + len(logits)) + 0.5) / ONE
    for p, e in zip(kernel_softmax(logits, fmt), real, strict=True):
        assert abs(p / ONE - e / sum(real)) <= bound


@given(st.lists(st.fractions(0, 1), min_size=1, max_size=8))
def test_a_path_is_off_by_half_a_unit_per_task(parts: list[Fraction]) -> None:
    product, exact = ONE, Fraction(1)
    for part in parts:
        p = math.floor(part * ONE)
        product, exact = reference.round_shift(product * p, 15), exact * Fraction(p, ONE)
    assert abs(Fraction(product, ONE) - exact) <= Fraction(len(parts), 2 * ONE)


def test_the_reference_value_settles_at_its_quantile() -> None:
    # 4000 even scores, a tenth of which is to lie above.
    rv, state, above = np.int64(2**30), np.uint64(99), 0
    for n in range(4000):
        state = np.uint64(next_state(state))
        score = int(below(state, 32768))
        above += n >= 1000 and score * 2**16 > rv
        rv = track_quantile(rv, score, 2**31 // 10, 6)
    assert 0.08 < above / 3000 < 0.12
    assert 0.8 < rv / 2**31 < 1


def test_a_small_rate_still_moves_the_reference() -> None:
    rate, step = 2**31 // 10_000, 8
    assert 0 < 2**30 - int(track_quantile(2**30, 0, rate, step)) == round(rate / 2**step)


@pytest.mark.parametrize("size", [1, 31, 32, 33, 255 * 256 + 1])
def test_a_segment_s_mean_is_rounded_for_every_sum(size: int) -> None:
    for n in range(1, 257) if not numba.config.DISABLE_JIT else (1, 3, 255, 256):
        sums = np.arange(255 * n + 1, dtype=np.uint16)[-size:]
        out = np.zeros(len(sums), np.uint8)
        means(sums, n, out)
        assert np.array_equal(out, (sums.astype(np.int64) + n // 2) // n)


@pytest.mark.parametrize("size", [1, 31, 32, 33, 64])
def test_a_mean_of_columns_is_rounded_for_the_largest_sums(size: int) -> None:
    """Every n, whose largest sums are the ones where a product is furthest from its quotient."""
    for n in range(1, 2049) if not numba.config.DISABLE_JIT else (1, 3, 256, 257, 2048):
        sums = np.arange(255 * n - size + 1, 255 * n + 1, dtype=np.int32)
        out = np.zeros(4 + len(sums), np.uint8)
        column_means(np.concatenate([np.zeros(2, np.int32), sums]), 2, size, n, out, 3)
        assert np.array_equal(out[3:-1], (sums.astype(np.int64) + n // 2) // n)
        assert not out[:3].any() and not out[-1]
