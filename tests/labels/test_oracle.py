"""Answers from recorded truth, and what the truth of a window is."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odl.core.events import Query, Truth
from odl.core.ground_truth import TruthTrack
from odl.core.kernels.generator import below, next_state, shuffle
from odl.core.loop import commands
from odl.core.protocols import Answer
from odl.core.rng import Chance, seed_of
from odl.core.session import Session
from odl.labels.oracle import Oracle
from tests.helpers.images import random_image
from tests.helpers.streams import config

NAMES = ["sit", "walk", "run"]
TRACK = TruthTrack([Truth(0, 1000, "walk"), Truth(1000, 2000, "sit"), Truth(3000, 4000, "wave")])


def labels(track: TruthTrack = TRACK, **how: float) -> Oracle:
    return Oracle(track, 100, NAMES, **how)  # type: ignore[arg-type]


def answers(labeller: Oracle, windows: list[int]) -> list[str | None]:
    for window in windows:
        labeller.ask(Query(window, 1, 99), now=window + 100)
    return [answer.name for answer in labeller.poll(10**9)]


def test_the_truth_is_told_and_where_there_is_none_a_skip() -> None:
    assert answers(labels(), [0, 949, 951, 1960, 2500, 3000]) == ["walk", "walk", "sit", None, None, "wave"]


def test_answers_come_when_they_are_due_each_once_the_earliest_first() -> None:
    labeller = labels(delay=50)
    assert labeller.next_due() is None
    labeller.ask(Query(100, 1, 999), now=200)
    labeller.ask(Query(0, 1, 999), now=180)
    assert labeller.next_due() == 230
    assert list(labeller.poll(229)) == []
    assert list(labeller.poll(230)) == [Answer(0, "walk")]
    assert labeller.next_due() == 250
    assert list(labeller.poll(9999)) == [Answer(100, "walk")]
    assert list(labeller.poll(9999)) == [] and labeller.next_due() is None


def test_a_new_class_goes_under_its_group_which_gets_a_task_if_it_has_none() -> None:
    image = random_image(3, tree=True)
    leaf = next(int(cls) for cls in image.row_class if cls not in image.parents)
    labeller = Oracle(TRACK, 100, NAMES, homes={"wave": leaf})
    session = Session(image, config())
    for window in (3000, 0):
        labeller.ask(Query(window, 1, 99), now=window + 100)
    for answer in labeller.poll(10**9):
        for command in commands(session, answer):
            session.step(command)
    tasks = {session.names[cls]: session.tasks[task] for cls, task in session.rows}
    assert tasks["wave"] == leaf and tasks["walk"] == session.tasks[0]


def test_no_delay_is_at_once() -> None:
    labeller = labels()
    labeller.ask(Query(100, 1, 999), now=200)
    assert labeller.next_due() == 200 and list(labeller.poll(200)) == [Answer(100, "walk")]


def test_shares_of_refusals_and_errors() -> None:
    long = TruthTrack([Truth(0, 10_000, "walk")])
    told = Counter(answers(labels(long, refuse=0.25, error=0.2), list(range(4000))))
    assert 900 < told[None] < 1100
    assert 500 < told["sit"] + told["run"] < 700 and abs(told["sit"] - told["run"]) < 100
    assert set(told) == {None, "walk", "sit", "run"}


@pytest.mark.parametrize(
    ("how", "expected"),
    [({"refuse": 1.0}, {None}), ({"error": 1.0}, {"sit", "run"}), ({"refuse": 0.0, "error": 0.0}, {"walk"})],
)
def test_the_ends_of_the_shares_are_certain(how: dict[str, float], expected: set[str | None]) -> None:
    assert set(answers(labels(**how), list(range(200)))) == expected


def test_a_wrong_answer_needs_another_name() -> None:
    labeller = Oracle(TRACK, 100, ["walk"], error=1.0)
    assert answers(labeller, [0]) == ["walk"]
    assert answers(labels(error=1.0), [2500]) == [None]  # and no truth is no name to be wrong about


def test_the_seed_decides_and_one_refusal_does_not_reshuffle_the_errors() -> None:
    windows = list(range(300))
    first = answers(labels(error=0.5, seed=1), windows)
    assert first == answers(labels(error=0.5, seed=1), windows)
    assert first != answers(labels(error=0.5, seed=2), windows)
    refused = answers(labels(refuse=0.1, error=0.0, seed=1), windows)
    assert refused == answers(labels(refuse=0.1, seed=1), windows)


@pytest.mark.parametrize(
    ("how", "what"),
    [
        ({"delay": -1}, "delay of answers is -1 samples"),
        ({"refuse": 1.5}, "refusal rate is 1.5; it can be 0 to 1"),
        ({"error": -0.1}, "error rate is -0.1"),
        ({"error": float("nan")}, "error rate is nan"),
    ],
)
def test_settings_out_of_range_are_refused(how: dict[str, float], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        labels(**how)


# --- truth --------------------------------------------------------------------------------


@st.composite
def tracks(draw: st.DrawFn) -> list[Truth]:
    """Intervals that do not overlap, in any order."""
    edges = sorted(draw(st.sets(st.integers(0, 60), max_size=12)))
    pairs = [
        Truth(a, b, draw(st.sampled_from("xyz")))
        for a, b in zip(edges, edges[1:], strict=False)
        if draw(st.booleans())
    ]
    return draw(st.permutations(pairs))


@given(tracks(), st.integers(0, 70), st.integers(1, 30))
def test_truth_is_the_most_frequent_class_if_it_covers_half(
    truths: list[Truth], window: int, length: int
) -> None:
    at = {n: t.name for t in truths for n in range(t.start, t.end)}
    seen = [at[n] for n in range(window, window + length) if n in at]
    expected = None
    if seen:
        most = max(seen.count(name) for name in seen)
        first = next(name for name in seen if seen.count(name) == most)
        expected = first if 2 * most >= length else None
    assert TruthTrack(truths).of(window, length) == expected


def test_a_tie_goes_to_the_earlier_class() -> None:
    track = TruthTrack([Truth(0, 10, "b"), Truth(10, 20, "a")])
    assert (track.of(0, 20), track.of(0, 21), track.of(5, 10)) == ("b", None, "b")


def test_pieces_of_a_class_count_together() -> None:
    track = TruthTrack([Truth(0, 6, "a"), Truth(6, 14, "b"), Truth(14, 20, "a")])
    assert track.of(0, 20) == "a"


def test_a_short_truth_within_a_long_one_hides_it_from_nobody() -> None:
    track = TruthTrack([Truth(0, 100, "a"), Truth(10, 20, "b")])
    assert (track.of(50, 20), track.of(5, 10), track.of(95, 20)) == ("a", "a", None)


# --- chance -------------------------------------------------------------------------------


@given(st.integers(1, 2**64 - 1), st.lists(st.integers(1, 2**31 - 1), max_size=20))
def test_host_chance_is_the_kernels_generator(state: int, limits: list[int]) -> None:
    chance, x = Chance(state), np.uint64(state)
    for n in limits:
        x = np.uint64(next_state(x))
        assert chance.below(n) == below(x, n)
    assert chance.state == int(x)


@given(st.integers(1, 2**64 - 1), st.integers(0, 30))
def test_host_shuffling_is_the_kernels(state: int, n: int) -> None:
    order = np.arange(n, dtype=np.uint16)
    shuffle(order, n, np.uint64(state))
    assert Chance(state).shuffled(n) == order.tolist()


@pytest.mark.parametrize("state", [0, -1, 2**64])
def test_a_generator_s_state_is_never_zero(state: int) -> None:
    with pytest.raises(ValueError, match="lies in 1 to 2"):
        Chance(state)


def test_seeds_of_near_numbers_have_nothing_in_common() -> None:
    seeds = [seed_of(a, b) for a in range(30) for b in range(30)]
    assert len(set(seeds)) == 900 and min(seeds) > 0 and max(seeds) < 2**64
    assert seed_of(1) != seed_of(0, 1) != seed_of(1, 0)
    ones = [bin(a ^ b).count("1") for a, b in zip(seeds, seeds[1:], strict=False)]
    assert 31 < np.mean(ones) < 33
    assert seed_of() == 1  # of nothing, and yet a state that the generator can start from
