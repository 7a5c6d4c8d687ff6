"""The reducer of a session's events: each answer, question and class with what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from odl.core.adopted_state import read_adopted_state
from odl.core.answer_records import (
    REFUSALS,
    AdoptedState,
    AnswerOutcome,
    AnswerRecord,
    QuestionOutcome,
    outcome_of,
)
from odl.core.class_tree import ClassTree, tree_of_image
from odl.core.config import Config
from odl.core.events import (
    NO_WINDOW,
    AddClass,
    Adopt,
    ChangeClass,
    Dropped,
    Event,
    Gap,
    Input,
    Label,
    Learned,
    Origin,
    Prediction,
    Query,
    Samples,
    Split,
    Teach,
    Undo,
    Why,
)
from odl.core.history import SessionHistory
from odl.core.mirrored_log import MirroredLog
from odl.core.session import Session
from odl.labels.class_history import RecordedChanges
from tests.helpers.streams import IMAGE, Script, config, configs, inputs, samples, scripts
from tests.helpers.work import lines

TREE = ClassTree({0: "sit", 1: "walk"}, (None,), ((0, 0), (1, 0)))


def reduced(*events: Event, history: SessionHistory | None = None) -> SessionHistory:
    history = SessionHistory(TREE, 8) if history is None else history
    for event in events:
        history.take(event)
    history.settle()
    return history


def states(history: SessionHistory) -> list[str]:
    return [str(one.state) for one in history.answers]


@given(configs(), scripts(), st.sampled_from([IMAGE.max_rows + IMAGE.max_heads + 1, 40]))
def test_it_agrees_with_the_session(config: Config, script: Script, room: int) -> None:
    image = replace(IMAGE, max_log=room)
    session = Session(image, config)
    history = SessionHistory(tree_of_image(image), image.window, max_log=room)
    for event, outputs in inputs(script, session):
        reduced(event, *outputs, history=history)
        counts = session.counts
        assert (history.position, history.windows, history.asked) == (
            session.position, counts["windows"], counts["queries"],
        )  # fmt: skip
        changes = sum(one.undone_at is not None for one in history.changes)
        assert (history.labelled, history.skipped, history.undone + changes) == (
            counts["answered"] + counts["taught"], counts["skipped"], counts["undone"],
        )  # fmt: skip
        assert history.tree == session.tree
        assert history.names == [session.names[cls] for _, cls in session.answers]
        assert all(history.dropped[why] == counts[why.name.lower()] for why in Why)


# A digit teaches that class behind another window, u takes back, + adds a class, m and r change one,
# a has a state taken over, as where the line to a board was lost.
DAYS = st.text("00011234uuu+mra", min_size=60, max_size=160)


@given(DAYS)
@example("0101" * 9 + "uu+2m" * 8 + "u" * 20)
@example("00012" * 8 + "a" + "1130" * 8 + "u" * 20)
@settings(max_examples=30, deadline=None)
def test_it_knows_which_label_left_a_full_log(day: str) -> None:
    image = replace(IMAGE, max_log=IMAGE.max_rows + IMAGE.max_heads + 1)
    session = Session(image, config("none", allowed=0))
    history = SessionHistory(
        tree_of_image(image), image.window, max_log=image.max_log,
        read_state=partial(read_adopted_state, image, session.config),
    )  # fmt: skip

    def step(event: Input) -> None:
        for one in (event, *session.step(event)):
            history.take(one)

    for i, act in enumerate(day):
        at = session.position
        step(Samples(at, samples(i, image.window + image.hop)))
        at = session.position
        match act:
            case "u":
                step(Undo(at))
            case "+":
                step(AddClass(at, 10 + i, f"class {i}", 0))
            case "m":
                step(ChangeClass(at, 0, 1, "sit"))
            case "r":
                step(ChangeClass(at, 0, 0, f"sit {i}"))
            case "a":
                history.take(Adopt(at, 0, session.snapshot()))
            case _:
                step(Teach(at, int(act)))
        history.settle()
        assert history.names == [session.names[cls] for _, cls in session.answers], (i, act)
        assert history.tree == session.tree
    if day.startswith("0101"):
        assert session.counts["gave_way"] > 9


# --- answers ------------------------------------------------------------------------------


def test_answers_count_that_stand() -> None:
    history = SessionHistory(TREE)
    for event in (
        Query(0, 0, 99), Query(64, 0, 99), Label(90, 0, 1), Label(91, 64, None), Dropped(91, 64, Why.SKIPPED),
        AddClass(92, 9, "wave", 0), Label(92, 64, 9), Dropped(92, 64, Why.REPEATED), Dropped(92, 0, Why.LATE),
    ):  # fmt: skip
        history.take(event)
    assert (history.asked, history.standing) == (2, 1)
    for event in (Undo(93), Undo(94), Dropped(94, 0, Why.NOTHING_TO_UNDO)):
        history.take(event)
    assert history.standing == 0


def test_a_refusal_belongs_to_the_answer_of_its_own_sample() -> None:
    history = reduced(Label(9, 0, 1), Learned(9, 0, 1, 0), Dropped(20, 0, Why.LATE))
    assert states(history) == ["learned"] and history.labelled == 1
    history = reduced(Label(9, 0, 1), Dropped(20, 0, Why.LATE))
    assert states(history) == ["waits"] and history.names == ["walk"]
    history = reduced(Label(9, 0, 1), Label(9, 0, 0), Dropped(9, 0, Why.REPEATED), Undo(9))
    assert states(history) == ["undone", "refused"] and history.standing == 0


@pytest.mark.parametrize("why", REFUSALS)
def test_a_refused_answer_and_a_refused_skip_count_nowhere(why: Why) -> None:
    for cls in (1, None):
        history = reduced(Label(9, 0, cls), Dropped(9, 0, why))
        assert states(history) == ["refused"] and history.answers[0].why is why
        assert (history.labelled, history.skipped, history.names) == (0, 0, [])


def test_an_answer_about_the_number_that_stands_for_no_window_is_refused_like_any_other() -> None:
    history = reduced(Label(9, NO_WINDOW, 1), Dropped(9, NO_WINDOW, Why.UNKNOWN))
    assert states(history) == ["refused"] and history.labelled == 0


def test_an_answer_without_room_was_known_but_cannot_be_taken_back() -> None:
    asked = [Label(9, 0, 1), Learned(9, 0, 1, 0), Label(17, 8, 1)]
    full = Dropped(17, 8, Why.FULL)
    for events in ((full, Undo(18)), (Undo(17), full)):  # it settles before the undo of the same step
        history = reduced(*asked, *events)
        assert states(history) == ["undone", "refused"]
        assert history.answers[1].effective and (history.labelled, history.undone) == (2, 1)
        assert history.last_undone is history.answers[0]
    assert states(reduced(*asked, Undo(18), Dropped(24, 8, Why.FULL))) == ["learned", "undone"]


def test_an_origin_is_that_of_the_commands_at_its_sample_up_to_an_answer() -> None:
    history = SessionHistory(TREE)
    history.take(Origin(9, "terminal:P3", 800, 5))
    for event in (Split(9, 0, 1), AddClass(9, 7, "hop", 1), Label(9, 0, 7)):
        history.take(event)
        assert history.origin == Origin(9, "terminal:P3", 800, 5)
    assert (history.answers[0].by, history.answers[0].took, history.answers[0].clock) == (
        "terminal:P3",
        800,
        5,
    )
    reduced(Label(9, 8, 1), Origin(9, "button", 0, 0), Undo(9), history=history)
    assert history.origin == Origin(9, "button", 0, 0) and history.answers[1].by == ""
    # The command of this origin was lost: a later one is somebody else's.
    reduced(Origin(9, "notebook", 800, 5), Label(50, 16, 1), history=history)
    assert history.origin is None and history.answers[-1].by == ""


def test_a_question_ends_with_its_newest_answer() -> None:
    def outcome(*answers: tuple[str | None, AnswerOutcome]) -> tuple[QuestionOutcome, str | None]:
        found, answer = outcome_of([AnswerRecord(0, None, name, state) for name, state in answers])
        return found, None if answer is None else answer.name

    pending, undone, expired = AnswerOutcome.PENDING, AnswerOutcome.UNDONE, AnswerOutcome.EXPIRED
    assert outcome() == (QuestionOutcome.OPEN, None)
    assert outcome(("sit", undone)) == (QuestionOutcome.UNDONE, None)
    assert outcome(("sit", undone), (None, expired)) == (QuestionOutcome.EXPIRED, None)
    assert outcome(("sit", undone), ("walk", pending)) == (QuestionOutcome.ANSWERED, "walk")
    assert outcome((None, AnswerOutcome.SKIPPED)) == (QuestionOutcome.SKIPPED, None)


def test_a_question_put_late_is_asked_at_the_end_of_the_newest_window() -> None:
    history = reduced(Query(0, 9, 99), Prediction(16, (0,), ()), Query(8, 9, 99), Query(16, 9, 99))
    assert [question.asked for question in history.questions] == [8, 24, 24]


# --- labels that nobody asked for ------------------------------------------------------------


def taught(history: SessionHistory) -> list[tuple[int, str, bool]]:
    return [(one.window, str(one.state), one.taught) for one in history.answers]


def test_a_taught_label_is_about_the_window_that_was_learned_and_counts_apart_from_questions() -> None:
    history = reduced(
        Query(0, 9, 99, 0), Label(9, 0, 1), Learned(9, 0, 1, 0), Origin(20, "terminal", 0, 0), Teach(20, 0),
        Learned(20, 12, 0, 0),
    )  # fmt: skip
    assert taught(history) == [(0, "learned", False), (12, "learned", True)]
    assert (history.standing, history.taught, history.answers[1].by) == (2, 1, "terminal")
    reduced(Undo(21), history=history)
    assert (history.standing, history.taught, history.last_undone) == (1, 0, history.answers[1])


def test_a_taught_label_may_answer_the_open_question_about_the_stretch() -> None:
    history = reduced(Query(0, 9, 99, 0), Query(16, 9, 99, 12), Teach(30, 1), Learned(30, 16, 1, 0))
    assert taught(history) == [(16, "learned", False)] and (history.standing, history.taught) == (1, 0)
    # In a batch it waits, and no output of its step says which question it was.
    batch = [Query(0, 9, 99, 0), Query(16, 9, 99, 12), Query(24, 9, 99, 12), Teach(30, 1)]
    assert taught(reduced(*batch)) == [(16, "waits", False)]
    assert taught(reduced(*batch, Dropped(30, 0, Why.EXPIRED), Learned(40, 16, 1, 0))) == [
        (16, "learned", False), (0, "expired", False),
    ]  # fmt: skip
    full = [Query(0, 9, 99, 0), Label(9, 0, 1), Query(16, 9, 99, 12), Teach(30, 0)]
    assert taught(reduced(*full, Learned(30, 0, 1, 0), Learned(30, 16, 0, 0))) == [
        (0, "learned", False), (16, "learned", False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("window", "why"), [(NO_WINDOW, Why.UNKNOWN), (12, Why.NO_SUCH_CLASS), (12, Why.REPEATED)]
)
def test_a_refused_taught_label_counts_nowhere(window: int, why: Why) -> None:
    history = reduced(
        Query(12, 9, 99, 0), Dropped(20, 12, Why.SKIPPED), Teach(30, 1), Dropped(30, window, why)
    )
    assert taught(history)[-1] == (window, "refused", True) and history.answers[-1].why is why
    assert (history.labelled, history.standing, history.names) == (0, 0, [])


# --- classes ------------------------------------------------------------------------------


@pytest.mark.parametrize("why", [Why.FULL, Why.NO_SUCH_CLASS])
def test_a_refused_class_leaves_nothing_behind(why: Why) -> None:
    history = reduced(Split(0, 0, 1), AddClass(0, 7, "hop", 1), Dropped(0, NO_WINDOW, why))
    assert history.tree == TREE.with_task(0)
    assert not history.classes.parents and not history.classes.added
    history = reduced(AddClass(0, 7, "hop", 0), Split(0, 7, 2), Dropped(0, NO_WINDOW, why))
    assert history.tree == TREE.with_class(7, "hop", 0)
    assert history.classes.parents == {"hop": None} and history.classes.added == [(0, "hop")]


def test_a_known_class_is_not_added_again() -> None:
    history = reduced(AddClass(3, 0, "thief", 0))
    assert history.tree == TREE and not history.classes.added
    assert reduced(Dropped(3, NO_WINDOW, Why.NO_SUCH_CLASS), history=history).tree == TREE


# --- what happened while the line was lost --------------------------------------------------


def adopted(**changes: object) -> AdoptedState:
    state = AdoptedState(TREE.with_class(2, "hop", 0), ((32, 300),), ((0, 1), (8, 2), (16, 0)),
                         frozenset({0, 8}), 4)  # fmt: skip
    return state._replace(**changes)


def test_a_board_s_state_tells_answers_questions_and_classes() -> None:
    history = SessionHistory(TREE, 8, read_state=lambda state: adopted())
    reduced(Query(0, 9, 99), Label(9, 0, 1), Learned(9, 0, 1, 0), Adopt(20, 80, b""), history=history)
    assert [(one.window, one.name, str(one.state), one.at, one.missed) for one in history.answers] == [
        (0, "walk", "learned", 9, False), (8, "hop", "learned", 20, True), (16, "sit", "waits", 20, True),
    ]  # fmt: skip
    assert [(one.window, one.expires, one.missed) for one in history.questions] == [
        (0, 99, False), (32, 300, True), (8, 100, True), (16, 100, True),
    ]  # fmt: skip
    assert history.classes.parents == {"hop": None} and history.tree.name(2) == "hop"
    assert (history.position, history.lost, list(history.gaps)) == (100, 80, [(20, 80)])
    assert history.unseen == [(20, 104)]


def test_an_undo_after_a_board_s_state_takes_the_answer_that_was_given_meanwhile() -> None:
    history = SessionHistory(TREE, 8, read_state=lambda state: adopted())
    reduced(Label(9, 0, 1), Learned(9, 0, 1, 0), Adopt(20, 80, b""), Undo(100), history=history)
    assert states(history) == ["learned", "learned", "undone"]
    assert (history.labelled, history.undone, history.standing) == (1, 0, 1)  # that of an event counts


def test_answers_older_than_the_recording_can_be_taken_back_but_are_not_in_it() -> None:
    history = SessionHistory(TREE, 8, read_state=lambda state: adopted(questions=()))
    reduced(Adopt(0, 0, b""), history=history)
    assert not history.answers and not history.questions and history.names == ["walk", "hop", "sit"]


def test_without_a_reader_of_states_an_adopted_state_is_a_gap() -> None:
    history = reduced(Samples(0, np.zeros((20, 1), np.int16)), Gap(20, 5, "late"), Adopt(25, 75, b""))
    assert (history.position, history.lost) == (100, 80) and not history.unseen


def test_a_second_taught_label_is_the_one_that_is_refused() -> None:
    history = SessionHistory(ClassTree({1: "walk", 2: "sit"}), window=8)
    repeated = Dropped(9, 0, Why.REPEATED)
    for event in (Prediction(0, (1,), ()), Query(0, 9, 99, 0), Teach(9, 1), Teach(9, 2), repeated):
        history.take(event)
    history.settle()
    assert [(one.cls, one.state) for one in history.answers] == [
        (1, AnswerOutcome.PENDING), (2, AnswerOutcome.REFUSED),
    ]  # fmt: skip


def test_a_taught_label_may_answer_a_question_whose_answer_was_taken_back_before_it_was_learned() -> None:
    history = SessionHistory(ClassTree({1: "walk", 2: "sit"}), window=8)
    asked = [Prediction(0, (1,), ()), Query(0, 9, 99, 0), Prediction(8, (1,), ()), Query(8, 9, 99, 0)]
    for event in (*asked, Teach(17, 1), Undo(17), Teach(18, 2), Samples(18, np.zeros((1, 3), np.int16))):
        history.take(event)
    assert [(one.window, one.cls, one.taught) for one in history.answers] == [(0, 1, False), (0, 2, False)]


@pytest.mark.parametrize(
    "steps",
    [
        lambda at: [Teach(at, 1)],
        lambda at: [Teach(at, 1), Undo(at)],
        lambda at: [Label(at, 0, 1), Dropped(at, 0, Why.UNKNOWN)],
        lambda at: [Label(at, at, 1), Learned(at, at, 1, 0), Undo(at)],
        lambda at: [Query(at, 9, at + 9, at), Teach(at, 1)],
        lambda at: [Query(at, 9, at + 9, at), Teach(at, 1), Learned(at, at, 1, 0)],
        lambda at: [Query(at, 9, at + 9, 0), Dropped(at, at, Why.EXPIRED), Teach(at, 1)],
        lambda at: [ChangeClass(at, 1, 1, f"walk {at}")],
    ],
)
def test_an_event_costs_the_same_after_few_and_after_many(steps: Callable[[int], list[Event]]) -> None:
    """1 MB of answers that came to nothing took `odl label` half a minute: each was sought among all."""

    def reduce_all(n: int) -> None:
        history, changes = SessionHistory(ClassTree({1: "walk"}), 40), RecordedChanges()
        for at in range(n):
            for event in steps(at):
                history.take(event)
                changes.take(event, history)
        history.settle()

    few, many = lines(lambda: reduce_all(300)), lines(lambda: reduce_all(900))
    assert many < 3.3 * few


def test_a_full_log_without_labels_costs_the_same_for_each_change() -> None:
    """A recording whose refusals are missing had `odl label` count the labels in a log of 30,000 classes."""

    def fill(n: int) -> None:
        log = MirroredLog(20)
        for at in range(n):
            assert log.add(AddClass(at, 1, "hop", 0), (0, 1)) is None

    assert lines(lambda: fill(900)) < 3.3 * lines(lambda: fill(300))
