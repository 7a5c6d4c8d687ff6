"""Sentences about what became of answers."""

from __future__ import annotations

import numpy as np
import pytest

from odl.core.class_tree import ClassTree
from odl.core.events import NO_WINDOW, Dropped, Label, Learned, Samples, Undo, Why
from odl.core.history import SessionHistory
from odl.labels.answer_log import AnswerEntry, AnswerLog

NOTHING = np.zeros((1, 1), np.int16)


def new_log(keep: int | None = None) -> AnswerLog:
    return AnswerLog(SessionHistory(ClassTree({1: "walk"}), keep=keep))


@pytest.mark.parametrize(
    ("why", "word"),
    [(Why.LATE, "expired"), (Why.REPEATED, "already"), (Why.UNKNOWN, "no such question"),
     (Why.NO_SUCH_CLASS, "no such class"), (Why.FULL, "no room")],
)  # fmt: skip
def test_an_answer_without_effect_says_why(why: Why, word: str) -> None:
    log = new_log()
    for event in (Label(5, 0, 1), Learned(5, 0, 1, 0), Label(9, 8, 1), Dropped(9, 8, why)):
        log.take(event)
    assert [one.state for one in log.entries] == ["learned", "refused"]
    assert word in log.entries[-1].sentence and log.names[-1] == "walk"
    for event in (Undo(9), Samples(9, NOTHING)):
        log.take(event)
    assert [one.state for one in log.entries] == ["undone", "refused"]  # the one that counted


def test_an_undo_without_effect_takes_nothing_back_and_one_settles_its_batch_first() -> None:
    log = new_log()
    events = [
        Undo(3),
        Dropped(3, NO_WINDOW, Why.NOTHING_TO_UNDO),
        Label(5, 0, 1),
        Undo(9),
        Learned(9, 0, 1, 0),
    ]
    for event in events:
        log.take(event)
    log.settle()
    assert [one.state for one in log.entries] == ["undone"]


def test_an_answer_that_never_reached_the_session_stands_where_it_was_given() -> None:
    log = new_log()
    lost, other = AnswerEntry(8, "walk", "refused", "it did not arrive"), AnswerEntry(9, None, "refused", "")
    log.add(lost)
    for event in (Label(5, 0, 1), Learned(5, 0, 1, 0)):
        log.take(event)
    log.add(other)
    log.take(Label(9, 16, None))
    assert [(one.window, one.sentence) for one in log.entries] == [
        (8, "it did not arrive"), (0, "'walk' has been learned"), (9, ""), (16, "skipped"),
    ]  # fmt: skip
    log.remove(lost)
    assert [one.window for one in log.entries] == [0, 9, 16] and log.sentence == "skipped"


def test_a_log_keeps_the_newest_answers_and_counts_all() -> None:
    log = new_log(keep=2)
    for window in (0, 8, 16):
        log.take(Label(window, window, 1))
    log.take(Undo(20))
    log.settle()
    assert [(one.window, one.state) for one in log.entries] == [(8, "waits"), (16, "undone")]
    assert log.sentence == "'walk' was taken back" and log.history.standing == 2 and log.names == ["walk"]
