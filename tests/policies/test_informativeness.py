"""Host-only policies by informativeness, against plain references."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odl.core.protocols import Scores, Window
from odl.core.running_policy import RunningPolicy
from odl.core.state import Asked
from odl.evaluate.named_parts import named_policy
from odl.policies.informativeness import MEASURES, OpenBatch, measure_of
from odl.policies.on_host import DualRVOnHost, InfoRVOnHost
from odl.policies.uncertainty import Hybrid
from tests.helpers.images import random_image
from tests.helpers.reference_policy import Asker, Segment
from tests.helpers.streams import config

IMAGE = random_image(4)
ROWS, HOP, WINDOW = len(IMAGE.row_class), IMAGE.hop, IMAGE.window


def plain(name: str, shares: Sequence[Fraction]) -> float:
    """The measure from the textbook's formula; `shares` have the sum 1."""
    ordered = sorted(shares, reverse=True)
    if name == "least-confidence":
        return float(1 - ordered[0])
    if name == "margin":
        return float(1 - (ordered[0] - ordered[1]))
    bits = [-float(p) * math.log2(p) for p in shares if p]
    return sum(bits) / math.log2(len(shares))


def unlike(features: Sequence[int], members: Sequence[Sequence[int]]) -> Fraction:
    """Mean absolute difference to the nearest member."""
    return min(
        Fraction(sum(abs(a - b) for a, b in zip(features, m, strict=True)), len(features)) for m in members
    )


class ScoredStream:
    """Windows with random features and scores, as whole numbers that have the sum 32768."""

    def __init__(self, seed: int, n: int) -> None:
        rng = np.random.default_rng(seed)
        kinds = rng.integers(0, 256, (4, IMAGE.features))
        noise = rng.integers(-9, 10, (n, IMAGE.features))
        self.features = np.clip(kinds[rng.integers(0, 4, n)] + noise, 0, 255).astype(np.uint8)
        cuts = np.sort(rng.integers(0, 32769, (n, ROWS - 1)), axis=1)
        self.scores = np.diff(cuts, axis=1, prepend=0, append=32768)

    def __len__(self) -> int:
        return len(self.features)

    def shares(self, i: int) -> list[Fraction]:
        return [Fraction(int(p), 32768) for p in self.scores[i]]

    def uncertainty(self, i: int) -> int:
        first, second = sorted(self.scores[i].tolist())[:-3:-1]
        return int(32768 - (first - second))

    def asked(self, policy: Any) -> list[int]:
        """The windows that ``policy`` asks about; each is answered at once, and is a segment of its own."""
        found = []
        for i, x in enumerate(self.features):
            if isinstance(policy, RunningPolicy):
                policy.gap()
            window = Window(i * HOP, i * HOP + WINDOW, x, np.zeros((WINDOW, 1)))
            scores = Scores((0,), tuple(self.scores[i].tolist()), self.uncertainty(i))
            if policy.decide(window, scores).ask:
                found.append(i)
                policy.settle(window.start, Asked.ANSWERED)
        return found


# --- the measures -----------------------------------------------------------------------


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=12).filter(any), st.sampled_from(list(MEASURES)))
def test_a_measure_is_that_of_the_textbook_and_lies_between_0_and_1(weights: list[int], name: str) -> None:
    shares = [Fraction(w, sum(weights)) for w in weights]
    found = MEASURES[name]([float(p) for p in shares])
    assert found == pytest.approx(plain(name, shares), abs=1e-12)
    assert -1e-12 <= found <= 1 + 1e-12


@pytest.mark.parametrize("name", MEASURES)
def test_a_sure_class_tells_nothing_and_equal_ones_the_most(name: str) -> None:
    assert MEASURES[name]([0.0, 1.0, 0.0, 0.0]) == 0
    assert MEASURES[name]([0.25] * 4) == pytest.approx(0.75 if name == "least-confidence" else 1)


@given(st.integers(1, 5), st.lists(st.tuples(st.integers(0, 255), st.booleans()), min_size=1, max_size=30))
def test_diversity_is_the_distance_to_the_open_batch_over_the_largest(
    size: int, steps: list[tuple[int, bool]]
) -> None:
    batch, members, most = OpenBatch(size), list[list[int]](), Fraction(0)
    for value, joins in steps:
        found = batch.diversity(np.array([value, 7], np.uint8))
        if members:
            apart = unlike([value, 7], members)
            most = max(most, apart)
            assert found == pytest.approx(float(apart / most) if apart else 0.0)
        else:
            assert found == 1.0
        if joins:
            batch.add(np.array([value, 7], np.uint8))
            members = [*members, [value, 7]] if len(members) + 1 < size else []


# --- the highest utilities so far -------------------------------------------------------


def reference(name: str, stream: ScoredStream, allowed: int, batch: int, weight: Fraction) -> list[int]:
    """Which windows are asked about, from every utility so far on paper."""
    asked, history, members, most = list[int](), list[float](), list[list[int]](), Fraction(0)
    for i in range(len(stream)):
        utility = plain("margin" if name == "hybrid" else name, stream.shares(i))
        if name == "hybrid":
            diversity = Fraction(1)
            if members:
                apart = unlike(stream.features[i].tolist(), members)
                most = max(most, apart)
                diversity = apart / most if apart else Fraction(0)
            utility = float((1 - weight) * Fraction(utility) + weight * diversity)
        left, purse = len(stream) - i, allowed - len(asked)
        below = sum(other < utility - 1e-12 for other in history)
        among = len(history) >= 16 and purse > 0 and below >= (1 - purse / left) * len(history) - 1e-9
        if purse >= left or (among and utility > 0):
            asked.append(i)
            members = [*members, stream.features[i].tolist()] if len(members) + 1 < batch else []
        history.append(utility)
    return asked


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", [*MEASURES, "hybrid"])
def test_the_highest_utilities_so_far_are_asked_about(name: str, seed: int) -> None:
    stream = ScoredStream(seed, 150)
    policy: Any = named_policy(name)
    policy.start(IMAGE, config("random", allowed=20, horizon=150, batch=4))
    found = stream.asked(policy)
    assert found == reference(name, stream, 20, 4, Fraction(1, 2)) and len(found) == 20


def test_hybrid_without_weight_is_margin_and_with_all_of_it_diversity_alone() -> None:
    stream, chosen = ScoredStream(7, 120), config("random", allowed=15, horizon=120, batch=5)
    margin: Any = named_policy("margin")
    assert stream.asked(Hybrid(weight=0).start(IMAGE, chosen)) == stream.asked(margin.start(IMAGE, chosen))
    assert stream.asked(Hybrid(weight=1).start(IMAGE, chosen)) == reference(
        "hybrid", stream, 15, 5, Fraction(1)
    )


# --- InfoRV and DualRV on the host ------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("cls", [InfoRVOnHost, DualRVOnHost])
def test_with_margin_the_host_asks_as_the_core_does(
    cls: type[InfoRVOnHost | DualRVOnHost], batch: int
) -> None:
    chosen = config(cls.rule.policy, allowed=20, horizon=200, batch=batch)
    stream = ScoredStream(5, 200)
    core = stream.asked(RunningPolicy(IMAGE, chosen))
    host = stream.asked(cls("margin").start(IMAGE, config("none", allowed=20, horizon=200, batch=batch)))
    assert host == core and len(core) == 20


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize(
    ("cls", "measure"),
    [*((InfoRVOnHost, name) for name in (*MEASURES, "hybrid")), *((DualRVOnHost, name) for name in MEASURES)],
)
def test_another_informativeness_goes_through_the_same_rule(
    cls: type[InfoRVOnHost | DualRVOnHost], measure: str, batch: int
) -> None:
    stream, n = ScoredStream(6, 200), 200
    found = stream.asked(cls(measure).start(IMAGE, config("none", allowed=20, horizon=n, batch=batch)))
    asker = Asker(
        cls.rule.policy, allowed=20, period=0, in_samples=False, horizon=n, batch=batch, step=4, seed=1,
        hop=HOP, room=IMAGE.max_pending,
    )  # fmt: skip
    asked, members, most = list[int](), list[list[int]](), Fraction(0)
    for i in range(n):
        x = stream.features[i].tolist()
        utility = plain("margin" if measure == "hybrid" else measure, stream.shares(i))
        if measure == "hybrid":
            diversity = Fraction(1)
            if members:
                apart = unlike(x, members)
                most = max(most, apart)
                diversity = apart / most if apart else Fraction(0)
            utility = (utility + float(diversity)) / 2
        segment = Segment().after(i * HOP, x, config().change)
        if asker.decide(x, round(32768 * utility), i * HOP + WINDOW, segment):
            asked.append(i)
            members = [*members, x] if len(members) + 1 < batch else []
        asker.waiting = 0  # answered at once
    assert found == asked and len(found) == 20


@pytest.mark.parametrize("made", [InfoRVOnHost, Hybrid])
def test_a_batch_closes_with_the_budget_of_its_period(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    members = list[int]()

    class Seen(OpenBatch):
        def add(self, features: Any, last: bool = False) -> None:
            super().add(features, last)
            members.append(len(self._members))

    monkeypatch.setattr(f"{made.__module__}.OpenBatch", Seen)
    policy = made("hybrid" if made is InfoRVOnHost else "margin")
    ScoredStream(3, 200).asked(policy.start(IMAGE, config("none", allowed=3, period=40, batch=2)))
    assert members == [1, 0, 0] * 5


def test_an_informativeness_that_there_is_not_is_refused() -> None:
    for made, text in (
        (lambda: measure_of("doubt"), "least-confidence, margin, entropy$"),
        (lambda: InfoRVOnHost("doubt"), "least-confidence, margin, entropy, hybrid$"),
        (lambda: DualRVOnHost("hybrid"), "least-confidence, margin, entropy$"),
        (lambda: Hybrid("doubt"), "least-confidence, margin, entropy$"),
        (lambda: Hybrid(weight=2), "weight is 2; it can be 0 to 1"),
    ):
        with pytest.raises(ValueError, match=text):
            made()
