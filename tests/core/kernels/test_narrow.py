"""A refit's steps on 16 bits give the integers of those on 32."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odl.core.kernels.block import (
    CHANCES,
    ITEMS,
    LOGITS,
    MOST_FEATURES,
    N_HEADS,
    NARROW,
    NARROW_BIASES,
    NEXT,
    SPREAD,
    TOUCHED,
    Block,
)
from odl.core.kernels.command import command
from odl.core.kernels.dense import BIAS
from odl.core.kernels.jit import Int, jit
from odl.core.kernels.learn import learn_items, learn_narrow, learn_one, next_item, place_rows
from odl.core.kernels.net import Act
from odl.core.kernels.sgd import LIMIT
from odl.core.kernels.tiers import Tier
from odl.model.dendron import Dendron
from tests.helpers.images import random_image
from tests.helpers.tiers import HERE

pytestmark = [
    pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="without JIT the plain tier runs alone"),
    pytest.mark.skipif(not HERE[0].lanes, reason="this machine cannot run the tiers with vectors"),
]
SHIFT = st.integers(8, 15)


# --- the machine code ------------------------------------------------------------------------


@cache
def step_under(tier: Tier) -> Callable[..., None]:
    """The compiled step of a tier, on the places of a session's memory."""
    from odl.core.kernels.narrow_code import step_of

    code = step_of(tier)

    def step(s: Block, n: Int, up: Int) -> None:
        at = s.q
        code(
            s, 2 * at[NARROW], 4 * at[NARROW_BIASES], n, 8 * at[CHANCES], 2 * at[SPREAD], up,
            2 * (at[SPREAD] + MOST_FEATURES), 8 * at[LOGITS],
        )  # fmt: skip

    return jit(step)


@pytest.mark.parametrize("tier", [tier for tier in HERE if tier.lanes], ids=lambda tier: tier.name)
@given(shift=SHIFT, n=st.integers(1, 9), seed=st.integers(0, 2**32), ends=st.booleans())
def test_a_step_is_the_rounded_product(tier: Tier, shift: int, n: int, seed: int, ends: bool) -> None:
    rng = np.random.default_rng(seed)
    block = Dendron(random_image()).block

    def part(field: int, of: Any, *shape: int) -> Any:
        return of[int(block.q[field]) :][: np.prod(shape)].reshape(shape)

    rows, biases = part(NARROW, block.h, n, MOST_FEATURES), part(NARROW_BIASES, block.d, n)
    errors, logits = part(CHANCES, block.q, n), part(LOGITS, block.q, n)
    features, following = part(SPREAD, block.h, 2, MOST_FEATURES)
    errors[:] = rng.choice([-(2**15), -1, 0, 1, 2**15], n) if ends else rng.integers(-(2**15), 2**15 + 1, n)
    features[:], following[:] = rng.integers(0, 256, (2, MOST_FEATURES))
    following[:] = 255 if ends else following
    product = errors[:, None] * features.astype(np.int64)
    moves = (product + 2 ** (shift - 1)) >> shift
    low, high = np.maximum(moves, 0) - 2**15, np.minimum(moves, 0) + 2**15 - 1
    rows[:] = rng.choice([low, high]) if ends else rng.integers(low, high + 1)
    biases[:] = rng.choice([-LIMIT, LIMIT], n) if ends else rng.integers(-LIMIT, LIMIT + 1, n)
    wanted = rows - moves
    bias = np.clip(biases - ((errors * BIAS + 2 ** (shift - 1)) >> shift), -LIMIT, LIMIT)
    step_under(tier)(block, n, 15 - shift)
    assert np.array_equal(rows, wanted) and np.array_equal(biases, bias)
    assert np.array_equal(logits, wanted @ following.astype(np.int64) + BIAS * bias)


# --- whole tasks -------------------------------------------------------------------------------


@jit
def learn_wide(s: Block, stop: Int) -> None:
    """As `learn_items`, on 32 bits alone."""
    for head in range(np.int64(s.d[s.q[N_HEADS]])):
        if s.b[s.q[TOUCHED] + head] != 0:
            place_rows(s, np.int64(head))
            at = next_item(s, np.int64(0), stop)
            while at < stop:
                learn_one(s, np.int64(head), at)
                at = next_item(s, at + 1, stop)


@jit
def learned_narrow(s: Block, stop: Int) -> Int:
    """How many items the root task learns from on 16 bits."""
    n = place_rows(s, np.int64(0))
    return learn_narrow(s, np.int64(0), next_item(s, np.int64(0), stop), stop, n)


def with_items(seed: int, size: int, **changes: Any) -> tuple[Dendron, int]:
    """A refit that has just begun, with labels some of which are wrong, and how many items it has."""
    rng = np.random.default_rng(seed)
    image = random_image(
        seed, tree=True, base=rng.integers(-size, size + 1, (5, 25)).astype(np.int32), **changes
    )
    dendron = Dendron(image)
    dendron.add_class(0, 9, 0, "new")
    dendron.add_class(0, 8, 1, "newer")
    x = rng.integers(0, rng.choice([3, 256]), (6, 24)).astype(np.uint8)
    dendron.learn_many(x, rng.choice([0, 2, 3, 4, 8, 9], 6).tolist(), list(range(6)))
    command(dendron.block, Act.START_REFIT, 0, 0, 0)
    n = int(dendron.state["n_items"][0])
    items = dendron.block.u[int(dendron.block.q[ITEMS]) :][:n]
    items[:] = rng.permutation(items)
    return dendron, n


@given(
    seed=st.integers(0, 2**32), size=st.sampled_from([10, 9000, 2**15 - 1, 2**15, 2**17, LIMIT]),
    shift=st.integers(5, 17), fmt=st.sampled_from([8, 16, 20, 28]),
)  # fmt: skip
def test_narrow_and_wide_weights_learn_the_same(seed: int, size: int, shift: int, fmt: int) -> None:
    formats = np.full(2, fmt, np.uint8)
    (narrow, n), (wide, _) = (with_items(seed, size, rate_shift=shift, formats=formats) for _ in range(2))
    for _ in range(3):
        learn_items(narrow.block, 0, n)
        learn_wide(wide.block, n)
        assert narrow.state.tobytes() == wide.state.tobytes()


def learned_from(largest: int, shift: int = 11) -> tuple[int, int]:
    """How many items the root task learns on 16 bits, its largest weight being that, and how many it has."""
    dendron, n = with_items(3, 9000, rate_shift=shift)
    dendron.block.d[int(dendron.block.q[NEXT])] = largest
    return learned_narrow(dendron.block, n), n


def test_weights_without_room_go_on_with_32_bits() -> None:
    few = [learned for learned, n in map(learned_from, range(2**15 - 4000, 2**15, 100)) if 0 < learned < n]
    assert few, "some steps have room, and then one has not"
    (all_of_them, n), (none, _) = learned_from(9000), learned_from(2**15)
    assert all_of_them == n and none == 0
    for shift, some in (7, False), (12, True), (15, True), (16, False):
        learned, n = learned_from(9000, shift)
        assert learned == (n if some else 0), shift
