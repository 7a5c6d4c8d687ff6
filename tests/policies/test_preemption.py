"""Preemption against a plain reference, and against the best batch that there is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations, permutations
from typing import NamedTuple

import numpy as np
import pytest

from odl.policies.preemption import Preemption


class Item(NamedTuple):
    """A window: its features, and the probability of the first of two classes."""

    features: tuple[int, ...]
    first: float

    @property
    def margin(self) -> float:
        return 1 - abs(2 * self.first - 1)


def cosine(a: Item, b: Item) -> float:
    lengths = math.hypot(*a.features) * math.hypot(*b.features)
    return sum(x * y for x, y in zip(a.features, b.features, strict=True)) / lengths if lengths else 0.0


def determinant(rows: Sequence[Sequence[float]]) -> float:
    """By Leibniz's formula."""
    total = 0.0
    for order in permutations(range(len(rows))):
        swaps = sum(order[i] > order[j] for i in range(len(order)) for j in range(i + 1, len(order)))
        total += (-1) ** swaps * math.prod(rows[i][j] for i, j in enumerate(order))
    return total


def worth(items: Sequence[Item], diversity: float) -> float:
    """f(S), from its definition."""
    rows = [[2.0 if i == j else cosine(a, b) for j, b in enumerate(items)] for i, a in enumerate(items)]
    return sum(item.margin for item in items) + diversity * math.log2(determinant(rows) if items else 1.0)


def reference(items: Sequence[Item], batch: int, diversity: float, swap: float) -> list[int]:
    """The batch's windows after all of ``items``: every exchange is tried on the whole set."""
    kept: list[int] = []
    for number in range(len(items)):
        if len(kept) < batch:
            kept.append(number)
            continue
        now = worth([items[i] for i in kept], diversity)
        tries = [[number if i == gone else i for i in kept] for gone in kept]
        values = [worth([items[i] for i in one], diversity) for one in tries]
        gain = max(values) - now
        if gain > 1e-9 and gain >= swap * now / batch:
            kept = tries[values.index(max(values))]
    return sorted(kept)


def drawn(seed: int, n: int) -> list[Item]:
    """Windows of three kinds, some without any feature, of any certainty."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 200, (3, 4))
    noise, which = rng.integers(0, 40, (n, 4)), rng.integers(0, 3, n)
    features = (kinds[which] + noise) * (rng.random((n, 1)) > 0.05)
    return [Item(tuple(int(v) for v in x), float(p)) for x, p in zip(features, rng.random(n), strict=True)]


def batch_of(items: Sequence[Item], made: Preemption) -> tuple[int, ...]:
    for number, item in enumerate(items):
        made.offer(number, np.array(item.features, np.uint8), [item.first, 1 - item.first])
    return made.take()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("swap", [0, 0.5, 1])
@pytest.mark.parametrize("diversity", [0, 1, 2.5])
def test_the_batch_is_that_of_the_plain_rule(seed: int, swap: float, diversity: float) -> None:
    items = drawn(seed, 25)
    found = batch_of(items, Preemption(batch=4, diversity=diversity, swap=swap))
    assert list(found) == reference(items, 4, diversity, swap)


@pytest.mark.parametrize("seed", range(8))
def test_the_batch_is_worth_a_quarter_of_the_best_one(seed: int) -> None:
    items = drawn(seed, 14)
    found = worth([items[i] for i in batch_of(items, Preemption(batch=3))], 1)
    best = max(worth([items[i] for i in one], 1) for one in combinations(range(14), 3))
    assert best / 4 <= found <= best + 1e-9


def test_worth_is_monotone_and_submodular() -> None:
    for seed in range(20):
        *few, more, new = drawn(seed, 5)
        alone = worth([*few, new], 1) - worth(few, 1)
        beside = worth([*few, more, new], 1) - worth([*few, more], 1)
        assert alone + 1e-9 >= beside >= -1e-9


def test_without_diversity_and_threshold_it_holds_the_most_informative() -> None:
    items = drawn(3, 40)
    found = batch_of(items, Preemption(batch=6, diversity=0, swap=0))
    highest = sorted(range(40), key=lambda i: items[i].margin)[-6:]
    assert list(found) == sorted(highest)


def test_a_batch_that_is_taken_leaves_nothing_behind() -> None:
    made = Preemption(batch=3)
    first = batch_of(drawn(1, 20), made)
    assert len(first) == 3 and made.take() == ()
    assert batch_of(drawn(1, 20), made) == first


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"batch": 0}, "batch is 0; it can be 1 or more"),
        ({"batch": 2, "swap": -1}, "swap is -1; it can be 0 or more"),
        ({"batch": 2, "diversity": float("nan")}, "diversity is nan"),
        ({"batch": 2, "informativeness": "x"}, "it can be least-confidence, margin, entropy"),
    ],
)
def test_a_setting_out_of_range_is_refused(settings: dict[str, float], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Preemption(**settings)  # type: ignore[arg-type]
