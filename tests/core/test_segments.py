"""Segments: an answer that stands for one, teaching one, asking about one."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from odl.core.events import (
    AddClass,
    Gap,
    Label,
    Learned,
    Prediction,
    Query,
    Samples,
    Teach,
    Undo,
)
from odl.core.session import Session
from tests.helpers.sessions import (
    answer,
    asked,
    fused,
    more,
    more_of,
    still_open,
)
from tests.helpers.streams import (
    CHANNELS,
    VARIED,
    config,
    samples,
)

# --- an answer that stands ----------------------------------------------------------------

LEVEL, OTHER_LEVEL = (np.full((400, CHANNELS), level, np.int16) for level in (700, 30000))


def held_session(change: int = 1200, hold: bool = True, batch: int = 1) -> Session:
    """A stream that does not change, a batch of questions open, a class that the image does not know."""
    budget = {"allowed": batch, "horizon": 1, "batch": batch, "patience": 1000}
    session = fused(config("periodic", **budget, hold=hold, change=change), VARIED)
    session.step(Samples(0, LEVEL[:64]))
    session.step(AddClass(64, 9, "wave", 0))
    return session


def held(session: Session, block: NDArray[np.int16] = LEVEL) -> list[int | None]:
    """What is held while this follows."""
    outputs = session.step(Samples(session.position, block))
    return [output.held for output in outputs if isinstance(output, Prediction)]


def test_an_answer_stands_until_the_stream_changes() -> None:
    session = held_session()
    answer(session, 9)
    assert set(held(session)) == {9}
    after = held(session, OTHER_LEVEL)
    n = after.index(None)
    assert 0 < n < 40 and after == [9] * n + [None] * (len(after) - n)


def test_an_answer_of_a_class_that_the_image_knows_does_not_stand() -> None:
    session = held_session()
    answer(session, 1)
    assert set(held(session)) == {None}


@pytest.mark.parametrize("how", ["answered", "taught"])
def test_an_answer_of_a_class_that_the_image_knows_lets_the_one_before_it_fall(how: str) -> None:
    session = held_session(batch=3)
    answer(session, 9)
    assert set(held(session, LEVEL[:40])) == {9}
    if how == "answered":
        answer(session, 1)
    else:
        for _ in range(2):
            answer(session, None)
        session.step(Teach(session.position, 1))
        assert session.counts["taught"] == 1
    assert held(session, LEVEL[:8]) == [None]


def test_an_answer_falls_when_something_else_is_said() -> None:
    # The stream moves on without counting as changed; the batch's other question is open, nothing is learned.
    session = held_session(change=32768, batch=2)
    before = more_of(fused(session.config, VARIED), LEVEL)[0].path
    answer(session, 9)
    assert set(held(session)) == {9}
    later = more_of(session, samples(8, 400))
    other = [n for n, p in enumerate(later) if p.path[-1] != before[-1]]
    assert other and all(p.held == (9 if n < other[0] else None) for n, p in enumerate(later))


@pytest.mark.parametrize("how", ["off", "seam", "gap", "undo"])
def test_an_answer_does_not_stand(how: str) -> None:
    session = held_session(hold=how != "off")
    answer(session, 9)
    at = session.position
    if how in ("seam", "gap"):
        session.step(Gap(at, 0 if how == "seam" else 9, how))
    if how == "undo":
        session.step(Undo(at))
    assert set(held(session)) == {None}


def test_an_answer_about_a_segment_that_is_over_does_not_stand() -> None:
    session = held_session()
    window = still_open(session)[0]
    session.step(Gap(session.position, 0, "a seam"))
    session.step(Label(session.position, window, 9))
    assert set(held(session)) == {None}


# --- labels that nobody asked for -----------------------------------------------------------


def test_what_is_taught_stands_and_is_learned() -> None:
    session = fused(config("none", allowed=0))
    session.step(Samples(0, LEVEL[:64]))
    session.step(AddClass(64, 9, "wave", 0))
    assert session.step(Teach(64, 9)) == [Learned(64, 24, 9, 0)]
    assert set(held(session)) == {9}
    assert (session.counts["taught"], session.counts["answered"], session.counts["queries"]) == (1, 0, 0)
    entry = session.log[-1]
    assert (entry["window"], entry["cls"], entry["order"]) == (24, 9, 1)


def test_teaching_what_was_asked_is_the_answer() -> None:
    session = held_session()
    window = still_open(session)[0]
    assert session.step(Teach(session.position, 9)) == [Learned(session.position, window, 9, 0)]
    assert (session.counts["taught"], session.counts["answered"]) == (0, 1)
    assert set(held(session)) == {9}


def test_teaching_is_outside_the_budget() -> None:
    spent = asked(batch=1, allowed=4)
    for _ in range(5):
        spent.step(Teach(spent.position, 1))
        more(spent, 8)
    issued = spent._core.state["issued"][0]
    assert issued == spent.counts["queries"] == 4 and spent.counts["taught"] + spent.counts["answered"] == 5


def test_a_segment_that_was_taught_is_not_asked_about() -> None:
    def asks(taught: bool) -> int:
        session = fused(config("novel-segments", allowed=3, horizon=20, batch=1, change=32768))
        session.step(Samples(0, LEVEL[:48]))
        if taught:
            session.step(Teach(48, 1))
        session.step(Samples(48, LEVEL))
        return session.counts["queries"]

    assert (asks(False), asks(True)) == (1, 0)


def test_a_question_tells_since_when_the_stream_has_not_changed() -> None:
    session = fused(config("novel-segments", allowed=9, horizon=90, batch=1, change=1200))
    outputs = list(session.step(Samples(0, np.concatenate([LEVEL, OTHER_LEVEL]))))
    queries = [output for output in outputs if isinstance(output, Query)]
    assert len(queries) == 2 and queries[0].since == 0
    assert queries[0].window == 40  # the sixth window
    assert 368 < queries[1].since == queries[1].window - 40 <= 400
