"""Which windows are asked about: budgets to the question, and each policy's own habit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odl.core.config import Config, rule_of
from odl.core.events import Gap, Prediction, Query, Samples
from odl.core.protocols import Scores, Window
from odl.core.running_policy import RunningPolicy
from odl.core.session import Session
from odl.core.state import Asked
from odl.policies.budget import Budget, BudgetError, parse_budget
from tests.helpers.streams import (
    ASKING,
    BUSY,
    IMAGE,
    SCALING,
    SPENDING,
    Script,
    config,
    configs,
    inputs,
    samples,
    scripts,
)

WINDOW, HOP = IMAGE.window, IMAGE.hop


def at(start: int, features: Any) -> Window:
    """The window at ``start``; its samples are of no interest here."""
    return Window(start, start + WINDOW, features, np.zeros((WINDOW, len(IMAGE.channels))))


def period_of(chosen: Config, window: int, number: int) -> int:
    """The budget's period in which window ``number`` (from 0), that begins at ``window``, ends."""
    if chosen.period == 0:
        return 0
    return (window + WINDOW - 1) // chosen.period if chosen.in_samples else number // chosen.period


# --- budgets are never exceeded -----------------------------------------------------------


@given(configs(ASKING), scripts())
def test_no_policy_exceeds_its_budget_whatever_comes(chosen: Config, script: Script) -> None:
    session, number, spent, asked = Session(IMAGE, chosen), 0, Counter[int](), set[int]()
    for event, outputs in inputs(script, session, cuts=3):
        for output in outputs:
            if isinstance(output, Prediction):
                number += 1
            if isinstance(output, Query):
                spent[period_of(chosen, output.window, number - 1)] += 1
                assert output.window not in asked
                asked.add(output.window)
                assert 0 <= output.utility <= 32768
                assert output.expires == output.window + WINDOW + chosen.patience
        room = rule_of(chosen.policy).batches * chosen.batch or IMAGE.max_pending
        assert session._core.state["n_ask"][0] <= min(room, IMAGE.max_pending), event
    assert max(spent.values(), default=0) <= chosen.allowed


@given(configs(ASKING), scripts())
def test_questions_keep_their_distance_and_tell_what_they_are_about(chosen: Config, script: Script) -> None:
    session, ends, since = Session(BUSY, chosen), list[int](), list[int]()
    begun = 0  # where the stream last began
    for event, outputs in inputs(script, session, cuts=3):
        begun = event.start + event.lost if isinstance(event, Gap) else begun
        for output in outputs:
            if isinstance(output, Query):
                ends.append(output.window + WINDOW)
                since.append(output.since)
                assert begun <= output.since <= output.window
    assert all(later - earlier >= chosen.every for earlier, later in zip(ends, ends[1:], strict=False))
    if chosen.policy == "novel-segments":  # a segment is asked about once, when it has lasted three windows
        assert len(set(since)) == len(since)
        assert all(end - begin >= WINDOW + 2 * HOP for begin, end in zip(since, ends, strict=True))


@given(configs(("none",)), scripts())
def test_none_never_asks(chosen: Config, script: Script) -> None:
    session = Session(IMAGE, chosen)
    assert not any(isinstance(o, Query) for _, outputs in inputs(script, session) for o in outputs)
    assert session.counts["blocked"] == 0


def queries(chosen: Config, n: int, seed: int = 1) -> tuple[list[Query], int]:
    """Questions over ``n`` samples without a gap, and how many windows there were."""
    outputs = Session(IMAGE, chosen).step(Samples(0, samples(seed, n)))
    return [o for o in outputs if isinstance(o, Query)], sum(isinstance(o, Prediction) for o in outputs)


# Questions that nobody answers expire at the next window, so there is always room.
ROOM: dict[str, Any] = {"patience": 1, "batch": 3}
LENGTHS = st.integers(WINDOW, 1500)


@given(st.sampled_from(SPENDING), st.integers(1, 250), LENGTHS, st.integers(1, 2**32))
def test_a_session_s_budget_is_spent_to_the_question(policy: str, allowed: int, n: int, seed: int) -> None:
    windows = (n - WINDOW) // HOP + 1
    found, seen = queries(config(policy, allowed=allowed, horizon=windows, seed=seed, **ROOM), n, seed)
    assert (len(found), seen) == (min(allowed, windows), windows)


@given(st.sampled_from(SPENDING), st.integers(1, 12), st.integers(1, 40), LENGTHS, st.integers(1, 2**32))
def test_a_budget_per_windows_is_spent_in_every_whole_period(
    policy: str, allowed: int, period: int, n: int, seed: int
) -> None:
    chosen = config(policy, allowed=allowed, period=period, horizon=0, seed=seed, **ROOM)
    found, windows = queries(chosen, n, seed)
    spent = Counter(q.window // HOP // period for q in found)
    for number in range(windows // period):
        assert spent[number] == min(allowed, period)


@given(st.sampled_from(SPENDING), st.integers(1, 12), st.integers(1, 300), LENGTHS, st.integers(1, 2**32))
def test_a_budget_per_time_is_spent_in_every_whole_period(
    policy: str, allowed: int, period: int, n: int, seed: int
) -> None:
    chosen = config(policy, allowed=allowed, period=period, in_samples=True, horizon=0, seed=seed, **ROOM)
    found, windows = queries(chosen, n, seed)
    ends = range(WINDOW, WINDOW + HOP * windows, HOP)
    possible = Counter((end - 1) // period for end in ends)
    spent = Counter((q.window + WINDOW - 1) // period for q in found)
    for number in range(n // period):
        assert spent[number] == min(allowed, possible[number])


@pytest.mark.parametrize("policy", ASKING)
def test_a_session_longer_than_declared_spends_no_more(policy: str) -> None:
    assert len(queries(config(policy, allowed=5, horizon=20, **ROOM), 1000)[0]) == 5


@pytest.mark.parametrize("policy", SPENDING)
def test_the_budget_is_spent_though_answers_take_long(policy: str) -> None:
    # Three open questions at a time, each for 100 samples: room for all of 8 in 120 windows.
    found, _ = queries(config(policy, allowed=8, horizon=120, patience=100, batch=3), WINDOW + 119 * HOP)
    assert len(found) == 8


# --- each policy's habit, by the policy alone ---------------------------------------------


def decide(
    chosen: Config, doubts: Iterable[int], features: Iterable[Any] | None = None, hop: int = HOP
) -> list[int]:
    """Numbers of the windows asked about; each question is answered at once."""
    policy, asked = RunningPolicy(IMAGE, chosen), []
    blank = np.zeros(IMAGE.features, np.uint8)
    vectors = iter(features) if features is not None else None
    for number, doubt in enumerate(doubts):
        window = number * hop
        x = blank if vectors is None else next(vectors)
        if policy.decide(at(window, x), Scores((0,), (32768,), doubt)).ask:
            asked.append(number)
            policy.settle(window, Asked.ANSWERED)
    return asked


def test_random_is_as_likely_to_ask_anywhere() -> None:
    times = Counter[int]()
    for seed in range(1, 601):
        times.update(decide(config("random", allowed=3, horizon=12, seed=seed * 2**40 + 7), [0] * 12))
    # 150 each on average, with a standard deviation of 10.6.
    assert sum(times.values()) == 1800 and all(105 < times[n] < 195 for n in range(12))


def test_random_draws_pairs_freely() -> None:
    pairs = Counter[tuple[int, ...]]()
    for seed in range(1, 601):
        pairs[tuple(decide(config("random", allowed=2, horizon=4, seed=seed * 2**33 + 1), [0] * 4))] += 1
    assert len(pairs) == 6 and all(60 < n < 140 for n in pairs.values())


def test_random_does_not_look_at_the_doubt() -> None:
    chosen, rng = config("random", allowed=5, horizon=50), np.random.default_rng(1)
    assert decide(chosen, [0] * 50) == decide(chosen, rng.integers(0, 32769, 50).tolist())


def test_periodic_asks_in_the_middle_of_equal_parts() -> None:
    assert decide(config("periodic", allowed=4, horizon=40), [0] * 40) == [5, 15, 25, 35]
    assert decide(config("periodic", allowed=1, horizon=0, period=5), [0] * 15) == [2, 7, 12]
    assert decide(config("periodic", allowed=3, horizon=3), [0] * 3) == [0, 1, 2]


@given(st.integers(1, 40), st.integers(1, 200))
def test_periodic_leaves_equal_distances(allowed: int, horizon: int) -> None:
    asked = decide(config("periodic", allowed=allowed, horizon=horizon), [0] * horizon)
    steps = {b - a for a, b in zip(asked, asked[1:], strict=False)}
    assert len(asked) == min(allowed, horizon)
    assert max(steps, default=1) - min(steps, default=1) <= 1


@pytest.mark.parametrize("policy", ["tactile-inforv", "tactile-dualrv"])
def test_tactile_first_watches_sixteen_windows(policy: str) -> None:
    assert min(decide(config(policy, allowed=5, horizon=100), [32768] * 100)) >= 16


def test_inforv_asks_where_the_doubt_is() -> None:
    doubts = np.random.default_rng(2).integers(0, 32769, 400)
    asked = decide(config("tactile-inforv", allowed=40, horizon=400, batch=1), doubts.tolist())
    assert len(asked) == 40
    assert doubts[asked].mean() > np.quantile(doubts, 0.8)
    # Not all of it at the start: each quarter gets its share, give or take.
    assert all(4 <= n <= 18 for n in np.histogram(asked, 4, (0, 400))[0])


def test_inforv_follows_a_stream_that_becomes_more_doubtful() -> None:
    rng = np.random.default_rng(3)
    doubts = [*rng.integers(0, 3000, 200).tolist(), *rng.integers(20000, 32768, 200).tolist()]
    asked = decide(config("tactile-inforv", allowed=40, horizon=400, batch=1), doubts)
    early = sum(n < 200 for n in asked)
    assert 5 <= early <= 30 and len(asked) == 40


@pytest.mark.parametrize("policy", ["tactile-inforv", "tactile-dualrv"])
def test_a_window_without_doubt_is_asked_about_only_to_spend_what_is_left(policy: str) -> None:
    assert decide(config(policy, allowed=3, horizon=60), [0] * 60) == [57, 58, 59]


def test_dualrv_does_not_ask_twice_about_the_same() -> None:
    # Two doubtful activities that take turns for long; a batch of two has one of each.
    a, b = np.zeros(IMAGE.features, np.uint8), np.full(IMAGE.features, 200, np.uint8)
    features = [a if (n // 20) % 2 else b for n in range(400)]
    rng = np.random.default_rng(4)
    doubts = rng.integers(15000, 32768, 400).tolist()
    chosen = {"allowed": 20, "horizon": 400, "batch": 2}

    def alike(policy: str) -> int:
        asked = decide(config(policy, **chosen), doubts, features)
        assert len(asked) == 20
        batches = [asked[n : n + 2] for n in range(0, 20, 2)]
        return sum(features[x] is features[y] for x, y in batches)

    assert alike("tactile-dualrv") <= 1 < 3 <= alike("tactile-inforv")


# Segments for the policy alone: so many windows of each, as far apart as they can be.
FAR = [np.full(IMAGE.features, level, np.uint8) for level in (0, 255, 128)]


def segments(*lasting: tuple[int, int]) -> list[Any]:
    """Features: (which of ``FAR``, how many windows) after one another."""
    return [FAR[which] for which, n in lasting for _ in range(n)]


def test_novel_segments_asks_once_about_each_segment_at_its_sixth_window() -> None:
    features = segments((0, 9), (1, 30), (2, 5), (0, 12))
    asked = decide(config("novel-segments", allowed=9, horizon=56, floor=1), [20000] * 56, features)
    # The third lasts too short. The fourth is like the first, whose question was answered: nothing is new.
    assert asked == [5, 14]


def test_novel_segments_may_come_back_to_a_segment_that_it_did_not_ask_about() -> None:
    # The second segment is less worth than the first while the model is certain of it, and more later.
    features = [FAR[0]] * 10 + [np.full(IMAGE.features, 120, np.uint8)] * 60
    doubts = [30000] * 10 + [0] * 6 + [32768] * 54
    asked = decide(config("novel-segments", allowed=3, horizon=1000), doubts, features)
    assert asked == [5, 10 + 21]  # its 22nd window


def test_novel_segments_asks_nothing_below_its_floor() -> None:
    features = segments((0, 9), (1, 9), (2, 9))
    for floor, wanted in ((0, [5, 14, 23]), (36045, []), (65535, [])):
        chosen = config("novel-segments", allowed=9, horizon=27, floor=floor)
        assert decide(chosen, [20000] * 27, features) == wanted


def test_novel_segments_leaves_what_it_knows_and_what_is_left_of_the_budget() -> None:
    # One activity after the other comes again: with their answers known, no question is worth its price.
    features = segments(*((n % 2, 10) for n in range(40)))
    asked = decide(config("novel-segments", allowed=100, horizon=400, floor=1), [20000] * 400, features)
    assert asked == [5, 15]


@pytest.mark.parametrize("policy", ASKING)
def test_questions_of_each_policy_keep_their_distance(policy: str) -> None:
    rng = np.random.default_rng(1)
    doubts = rng.integers(0, 32769, 400).tolist()
    features = segments(*((int(rng.integers(3)), int(rng.integers(6, 15))) for _ in range(200)))
    chosen = {"allowed": 40, "horizon": 400, "floor": 0}
    apart = {every: decide(config(policy, **chosen, every=every * HOP), doubts, features)
             for every in (0, 1, 2, 15)}  # fmt: skip
    assert apart[0] == apart[1]
    for every, asked in apart.items():
        assert len(asked) > 5
        assert all(b - a >= every for a, b in zip(asked, asked[1:], strict=False))
    assert any(b - a < 15 for a, b in zip(apart[0], apart[0][1:], strict=False))


def test_the_policy_alone_leaves_the_features_and_a_settled_question_makes_room() -> None:
    policy, x = (
        RunningPolicy(IMAGE, config("tactile-inforv", allowed=9, horizon=1, batch=1)),
        IMAGE.stored[0].copy(),
    )
    scores = Scores((0,), (32768,), 100)

    def ask(window: int) -> bool:
        return policy.decide(at(window, x), scores).ask

    assert [ask(w) for w in (0, 8, 16)] == [True, True, False]  # twice the batch may wait
    policy.settle(8, Asked.EXPIRED)
    assert ask(24) and not ask(32)
    policy.settle(0, Asked.ANSWERED)
    policy.settle(0, Asked.OPEN)  # taken back, but its batch is learned from: of no account
    assert ask(40)
    assert np.array_equal(x, IMAGE.stored[0])


def test_an_answer_that_is_taken_back_takes_its_room_back() -> None:
    policy = RunningPolicy(IMAGE, config("tactile-inforv", allowed=9, horizon=1, batch=2))
    scores, x = Scores((0,), (32768,), 100), IMAGE.stored[0]
    asks = [policy.decide(at(w, x), scores).ask for w in range(0, 48, 8)]
    assert asks == [True] * 4 + [False] * 2
    policy.settle(0, Asked.ANSWERED)
    policy.settle(0, Asked.OPEN)
    policy.settle(8, Asked.SKIPPED)
    assert not policy.decide(at(48, x), scores).ask
    policy.settle(0, Asked.ANSWERED)
    assert policy.decide(at(56, x), scores).ask


# --- budgets as people write them ---------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "rate", "budget"),
    [
        (20, 50, Budget(20, 0, False)),
        ("20", 50, Budget(20, 0, False)),
        (" 7 ", 50, Budget(7, 0, False)),
        ("12/h", 50, Budget(12, 180_000, True)),
        ("1 / min", 52.5, Budget(1, 3150, True)),
        ("3/s", 104, Budget(3, 104, True)),
        ("30/d", 25, Budget(30, 2_160_000, True)),
        ("1/s", 0.1, Budget(1, 1, True)),  # a period has at least one sample
        ("2%", 50, Budget(1, 50, False)),
        ("2.5 %", 50, Budget(1, 40, False)),
        ("100%", 50, Budget(1, 1, False)),
        ("66%", 50, Budget(33, 50, False)),
    ],
)
def test_budgets_are_read(text: str | int, rate: float, budget: Budget) -> None:
    assert parse_budget(text, rate) == budget


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "write a number of questions"),
        ("many", "write a number of questions"),
        ("12/week", "12/h; s, min, h, "),
        ("1.5/h", "write a number of questions"),
        ("1e3", "write a number of questions"),
        ("0", "above zero; to ask nothing, use policy 'none'"),
        ("-3", "above zero"),
        ("-3/h", "above zero"),
        ("0%", "above zero"),
        ("101%", "at most 100%"),
        (str(2**31), "too large"),
        ("9" * 5000, "write a number of questions"),
        ("0.0000000001%", "too large|above zero"),
        ("1/d", "too large"),
    ],
)
def test_budgets_that_cannot_be_kept_are_refused(text: str, what: str) -> None:
    rate = 1e6 if text == "1/d" else 50
    with pytest.raises(BudgetError, match=what) as error:
        parse_budget(text, rate)
    assert f"'{text}'" in str(error.value)


@given(st.sampled_from(["9", "3/min", "5%", "40%"]), st.sampled_from(ASKING), LENGTHS)
def test_a_total_is_what_a_session_of_that_length_may_ask(text: str, policy: str, n: int) -> None:
    budget = parse_budget(text, 2.0)
    windows = (n - WINDOW) // HOP + 1
    chosen = Config(
        policy=policy, allowed=budget.allowed, period=budget.period, in_samples=budget.in_samples,
        horizon=windows, **ROOM, **SCALING,
    )  # fmt: skip
    assert len(queries(chosen, n)[0]) <= budget.total(windows, n)
