"""Answers in flight: every legal transition has one outcome, and no other one is possible."""

from __future__ import annotations

import itertools

import pytest

from odl.core.protocols import Answer, TakeBack
from odl.core.retry import LABEL_ATTEMPTS
from odl.labels.in_flight import (
    TRANSITIONS,
    AnswerInFlight,
    AnswersInFlight,
    AnswerState,
    AnswerStateError,
    AnswerStep,
)

ENDS = (AnswerState.TAKEN, AnswerState.TAKEN_BACK)


@pytest.mark.parametrize(("state", "step"), list(itertools.product(AnswerState, AnswerStep)))
def test_only_the_steps_of_the_table_are_possible(state: AnswerState, step: AnswerStep) -> None:
    one = AnswerInFlight(Answer(0, "walk"), state)
    if (state, step) in TRANSITIONS:
        one.move(step)
        assert one.state is TRANSITIONS[state, step]
    else:
        with pytest.raises(AnswerStateError, match=f"{state.name} cannot take the step {step.name}"):
            one.move(step)
        assert one.state is state


def test_every_state_is_reached_and_the_last_ones_are_left_no_more() -> None:
    assert set(TRANSITIONS.values()) | {AnswerState.WAITING} == set(AnswerState)
    assert not [state for state, _ in TRANSITIONS if state in ENDS]


def flight_of(*answers: Answer | TakeBack) -> AnswersInFlight:
    flight = AnswersInFlight()
    for answer in answers:
        flight.add(answer)
    return flight


def test_undo_of_an_unsent_answer_takes_it_back() -> None:
    flight = flight_of(Answer(0, "walk"), Answer(64, "sit"))
    undone = flight.take_back_unsent()
    assert undone is not None and undone.state is AnswerState.TAKEN_BACK
    assert flight.send_all() == [Answer(0, "walk")]


def test_undo_of_a_sent_answer_has_to_be_sent() -> None:
    flight = flight_of(Answer(0, "walk"))
    flight.send_oldest()
    assert flight.take_back_unsent() is None and len(flight) == 1
    flight.add(TakeBack())
    assert flight.names_after(["run"]) == ["run"] and flight.unsent_undos == 1
    assert flight.take_back_unsent() is None  # an undo is not undone


def test_an_answer_is_sent_some_times_before_it_is_given_up() -> None:
    flight = flight_of(Answer(0, "walk"))
    for failures in range(1, LABEL_ATTEMPTS):
        one = flight.send_oldest()
        assert one is not None and flight.fail(one) == []
        assert (one.state, one.failures) == (AnswerState.SENT, failures)
    assert flight.fail(one) == [one] and one.state is AnswerState.GIVEN_UP and len(flight) == 0


def test_an_undo_is_given_up_at_once() -> None:
    flight = flight_of(TakeBack())
    one = flight.send_oldest()
    assert one is not None and flight.fail(one) == [one] and one.state is AnswerState.GIVEN_UP


@pytest.mark.parametrize(("name", "lost"), [("walk", 2), (None, 1)])
def test_with_a_named_answer_goes_the_undo_that_was_to_take_it_back(name: str | None, lost: int) -> None:
    flight = flight_of(Answer(0, name), TakeBack(), TakeBack())
    one = flight.send_oldest()
    assert one is not None
    given_up = next(filter(None, iter(lambda: flight.fail(one), None)))
    assert given_up[-1] is one and len(given_up) == lost and len(flight) == 3 - lost


def test_the_boards_late_word_counts_after_an_answer_was_given_up() -> None:
    flight = flight_of(TakeBack())
    one = flight.send_oldest()
    assert one is not None
    flight.fail(one)
    flight.take(one)
    assert one.state is AnswerState.TAKEN
    flight.take(one)  # its acknowledgement comes too
    assert flight.fail(one) == [] and len(flight) == 0


def test_an_overtaken_answer_is_sent_but_names_nothing() -> None:
    flight = flight_of(Answer(0, "walk"), Answer(64, "sit"))
    flight.overtake(0)
    assert flight.about(0) is None and flight.names_after([]) == ["sit"]
    assert len(flight.send_all()) == 2


def test_a_board_s_state_tells_which_answers_are_still_awaited() -> None:
    flight = flight_of(TakeBack(), Answer(0, "walk"), Answer(64, "sit"), TakeBack())
    flight.send_oldest()
    flight.adopt([64])
    assert [answer.window for answer in flight.awaited()] == [64]
    assert flight.names_after(["run"]) == ["run"]  # the undo that was sent may be in the state
