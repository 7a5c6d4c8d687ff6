"""The prompt: what a person does reaches the session, and what becomes of it is told."""

from __future__ import annotations

import threading
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odl.core.events import (
    AddClass,
    Adopt,
    Event,
    Gap,
    Label,
    Learned,
    Origin,
    Prediction,
    Query,
    Samples,
    Split,
    Undo,
)
from odl.core.session import Session
from odl.labels.in_flight import AnswerInFlight, AnswerState
from odl.labels.prompt import Prompt
from tests.helpers.images import random_image
from tests.helpers.memory import traced
from tests.helpers.prompts import RAW, PromptHarness
from tests.helpers.streams import IMAGE, config
from tests.helpers.waiting import let_others_run, wait_until

RATE = IMAGE.rate_hz


def sent_by(stage: PromptHarness) -> AnswerInFlight:
    """The newest answer, handed to the session."""
    list(stage.prompt.poll(stage.session.position))
    newest = stage.prompt.in_flight.newest
    assert newest is not None and newest.state is AnswerState.SENT
    return newest


def give_up(stage: PromptHarness, one: AnswerInFlight) -> None:
    """A board does not take ``one``, however often it is sent."""
    while one.state is AnswerState.SENT:
        stage.prompt.failed(one)


def kinds(events: list[Event], *of: type) -> list[Event]:
    return [event for event in events if isinstance(event, of)]


# --- the question -------------------------------------------------------------------------


def test_what_is_like_nothing_known_is_shown_as_unknown() -> None:
    every = {IMAGE.names[cls]: [32768] * 6 for cls in IMAGE.row_class.tolist()}
    stage = PromptHarness(replace(IMAGE, card=IMAGE.card | {"unknown": every}))
    stage.until_asked()
    (question,) = stage.prompt.questions
    newest = next(e for e in reversed(stage.events) if isinstance(e, Prediction))
    said = IMAGE.names[newest.path[-1]]
    assert question.path == (f"unknown, perhaps something new; most like {said}",) == stage.prompt.path
    assert question.unknown and question.offer.startswith("perhaps something new: n ")
    assert stage.prompt.answer(question.window, "hop").taken  # as a new class, as ever


def test_a_question_has_the_models_order_the_path_and_the_signal() -> None:
    stage = PromptHarness()
    window = stage.until_asked()
    (question,) = stage.prompt.questions
    said = next(e for e in stage.events if isinstance(e, Prediction) and e.window == window)
    assert question.path == tuple(IMAGE.names[cls] for cls in said.path) and not question.offer
    scores = {IMAGE.names[cls]: said.scores[i] / 32768 for i, cls in enumerate(IMAGE.row_class.tolist())}
    ends = [one for one in question.likely if not one.whole]
    assert [one.name for one in ends] == sorted(
        (name for name in scores if name != "walk"), key=lambda name: -scores[name]
    )
    assert question.likely[-1].name == "walk" and question.likely[-1].whole  # others hang under it
    assert all(one.score == scores[one.name] for one in question.likely)
    assert next(one.path for one in ends if one.name == "up") == ("walk", "up")
    assert question.start == max(0, window - 200)
    assert np.array_equal(question.signal, RAW[question.start : window + IMAGE.window])


def test_the_signal_is_in_units_and_empty_where_samples_were_lost() -> None:
    session = Session(IMAGE, config("none", allowed=0))
    channels = [(name, "g", 0.5) for name in "xyz"]
    prompt = Prompt(session, IMAGE, by="notebook", channels=channels, before=0.2)
    prompt.take(Samples(0, np.full((5, 3), 4, np.int16)))
    prompt.take(Gap(5, 10, "unplugged"))
    prompt.take(Samples(15, np.full((40, 3), 8, np.int16)))
    prompt.ask(Query(12, 1, 400, 12), now=55)
    (question,) = prompt.questions
    assert question.start == 2
    column = question.signal[:, 0]
    assert column[:3].tolist() == [2.0] * 3 and np.isnan(column[3:13]).all()
    assert column[13:].tolist() == [4.0] * 37 + [] and len(column) == 50
    start, live = prompt.signal(0.5)
    assert (start, len(live)) == (30, 25)


def test_the_time_left_is_counted_in_samples() -> None:
    stage = PromptHarness(patience=100)
    stage.until_asked()
    (question,) = stage.prompt.questions
    first = stage.prompt.left(question)
    assert first == (question.expires - stage.session.position) / RATE
    stage.clock.now += 60  # the person's clock goes on, the stream does not
    assert stage.prompt.left(question) == first
    stage.run(8)
    assert stage.prompt.left(question) == first - 8 / RATE


# --- answers ------------------------------------------------------------------------------


def test_an_answer_is_learned_with_its_origin() -> None:
    stage = PromptHarness(by="terminal:P3")
    window = stage.until_asked()
    stage.prompt.shown(window)
    stage.clock.now += 2.5
    stage.prompt.shown(window)  # drawn again: the first time counts
    said = stage.prompt.answer(window, "run")
    assert said.taken and stage.prompt.questions == ()
    assert stage.prompt.answers[0].state == "given"
    at = stage.session.position
    passed = stage.run(8)
    assert passed[:2] == [Origin(at, "terminal:P3", 2500, 1_700_000_002_500), Label(at, window, 2)]
    assert Learned(at, window, 2, 0) in passed
    told = stage.prompt.answers[0]
    assert (told.name, told.state, told.by, told.took, told.at) == ("run", "learned", "terminal:P3", 2500, at)
    assert "'run' has been learned" in told.sentence


def test_a_new_class_hangs_where_it_is_told_to() -> None:
    stage = PromptHarness()
    places = {place.under: place for place in stage.prompt.places}
    assert list(places) == [None, "sit", "walk", "up", "down", "run"]
    assert places["walk"].head == 1 and places["sit"].leaf == 0
    one = stage.until_asked()
    assert stage.prompt.answer(one, "  hop   twice ", *places["walk"][1:3]).taken
    passed = stage.run(8)
    assert kinds(passed, AddClass) == [AddClass(passed[0].at, 5, "hop twice", 1)]
    assert [e.cls for e in kinds(passed, Learned)] == [5]
    two = stage.until_asked()
    assert {one.name: one.path for one in stage.prompt.likely}["hop twice"] == ("walk", "hop twice")
    assert stage.prompt.answer(two, "slouch", *places["sit"][1:3]).taken
    passed = stage.run(8)
    assert [type(e) for e in kinds(passed, Split, AddClass, Label)] == [Split, AddClass, Label]
    assert stage.session.tasks == (None, 1, 0)
    assert {one.name: one.path for one in stage.prompt.likely}["slouch"] == ("sit", "slouch")


def test_the_same_as_before() -> None:
    stage = PromptHarness()
    window = stage.until_asked()
    assert stage.prompt.same(window) == (False, "there is no earlier answer to repeat")
    stage.prompt.answer(window, "run")
    stage.run(8)
    window = stage.until_asked()
    assert stage.prompt.previous == "run" and stage.prompt.same(window).taken
    assert [e.cls for e in kinds(stage.run(8), Label)] == [2]


def test_an_answer_twice_late_or_to_nothing_is_told_and_not_raised() -> None:
    stage = PromptHarness(patience=20)
    window = stage.until_asked()
    assert stage.prompt.answer(window, "run").taken
    assert stage.prompt.answer(window, "sit") == (False, "this question is answered already")
    stage.run(8)
    assert stage.prompt.answer(window, "sit") == (False, "this question is answered already")
    assert stage.prompt.answer(7, "sit") == (False, "there is no such question")
    window = stage.until_asked()
    (question,) = [q for q in stage.prompt.questions if q.window == window]
    stage.put(Gap(stage.session.position, 100, "unplugged"))
    assert stage.prompt.left(question) == 0
    assert stage.prompt.answer(window, "sit") == (False, "this question has expired")
    stage.run(48)
    assert window not in [q.window for q in stage.prompt.questions]
    told = next(one for one in stage.prompt.answers if one.window == window)
    assert (told.state, told.sentence) == ("expired", "nobody answered in time")
    assert stage.prompt.answer(window, "sit") == (False, "this question has expired")
    assert sum(isinstance(e, Label) for e in stage.events) == 1


def test_an_answer_that_arrives_too_late_says_so_and_leaves_nothing_to_undo() -> None:
    stage = PromptHarness(patience=30)
    first = stage.until_asked()
    stage.prompt.answer(first, "run")
    stage.run(8)
    window = stage.until_asked()
    # Between the press and the loop's next turn the stream lost a second.
    stage.prompt.answer(window, "sit")
    assert [answer[:2] for answer in stage.prompt.poll(0)] == [(window, "sit")]
    stage.session.step(Gap(stage.session.position, 60, "unplugged"))
    at = stage.session.position
    for event in (Label(at, window, 0), *stage.session.step(Label(at, window, 0))):
        stage.prompt.take(event)
    assert stage.prompt.answers[0].state == "expired"
    assert stage.prompt.answers[1].sentence.startswith("it came after the question had expired")
    assert stage.prompt.undo() == (False, "the last answer had no effect; once more takes back 'run'")
    assert stage.prompt.undo() == (True, "'run' is being taken back")


@pytest.mark.parametrize("name", ["", "   ", "a\x1b[2Jb", "x" * 33, "漢" * 11, "bad\u202ename", "\udcff"])
def test_a_name_that_cannot_be_a_class_is_refused_with_a_sentence(name: str) -> None:
    stage = PromptHarness()
    window = stage.until_asked()
    said = stage.prompt.answer(window, name)
    assert said == (False, "a class needs a name of 1 to 32 bytes of printable text")
    assert [q.window for q in stage.prompt.questions] == [window]


def test_a_place_that_is_not_there_and_a_full_model_are_told_before_it_counts() -> None:
    stage = PromptHarness()
    window = stage.until_asked()
    assert stage.prompt.answer(window, "new", head=9).sentence == "there is no task 9 to hang it under"
    assert stage.prompt.answer(window, "new", leaf=77).sentence == "there is no class 77 to hang it under"
    full = PromptHarness(random_image(3, tree=True, max_rows=5, max_heads=2))
    window = full.until_asked()
    assert full.prompt.places == ()
    assert full.prompt.answer(window, "new").sentence == "the model has no room for another class; it has 5"
    tall = PromptHarness(random_image(3, tree=True, max_heads=2))
    window = tall.until_asked()
    assert [place.under for place in tall.prompt.places] == [None, "walk"]
    assert "no room for another task" in tall.prompt.answer(window, "new", leaf=0).sentence


def test_a_class_that_is_new_comes_last_on_the_cards_that_are_open() -> None:
    stage = PromptHarness()
    one, two = stage.until_asked(), stage.until_asked()
    before = stage.prompt.questions[1].likely
    stage.prompt.answer(one, "hop")
    stage.put()
    (question,) = stage.prompt.questions
    assert question.window == two
    assert [(like.name, like.path) for like in question.likely[len(before) :]] == [("hop", ("hop",))]
    assert question.likely[: len(before)] == before


def test_a_card_that_is_open_again_has_the_classes_that_came_meanwhile() -> None:
    stage = PromptHarness(batch=3)
    one = stage.until_asked()
    stage.prompt.answer(one, "run")
    stage.put()
    stage.prompt.answer(stage.until_asked(), "hop")
    stage.put()
    for _ in range(2):
        stage.prompt.undo()
        stage.put()
    card = next(q for q in stage.prompt.questions if q.window == one)
    assert card.likely[-1].name == "hop"


# --- undo ---------------------------------------------------------------------------------


def test_undo_of_what_was_learned_takes_the_learner_back() -> None:
    stage = PromptHarness()
    heads = stage.session._core.state["weights"].copy()
    window = stage.until_asked()
    stage.prompt.answer(window, "run")
    stage.run(8)
    assert not np.array_equal(heads, stage.session._core.state["weights"])
    assert stage.prompt.undo() == (True, "'run' is being taken back")
    passed = stage.put()
    assert [type(e) for e in passed] == [Origin, Undo]
    assert np.array_equal(heads, stage.session._core.state["weights"])
    assert (stage.prompt.answers[0].state, stage.prompt.sentence) == ("undone", "'run' was taken back")
    assert stage.prompt.previous is None
    assert stage.prompt.undo() == (True, "the answer given last is being taken back")
    stage.put()
    assert stage.prompt.sentence == "there was no answer to take back"


def test_undo_of_what_waits_opens_the_question_again() -> None:
    stage = PromptHarness(batch=3)
    window = stage.until_asked()
    likely = stage.prompt.questions[0].likely
    stage.prompt.answer(window, "run")
    stage.put()
    assert stage.prompt.answers[0].state == "waits" and stage.prompt.questions == ()
    stage.prompt.undo()
    stage.put()
    (question,) = stage.prompt.questions
    assert (question.window, question.likely) == (window, likely)
    assert stage.prompt.answer(window, "sit").taken
    stage.put()
    assert [(one.name, one.state) for one in stage.prompt.answers] == [("sit", "waits"), ("run", "undone")]


def test_undo_before_the_loop_has_seen_the_answer_leaves_no_trace() -> None:
    stage = PromptHarness()
    window = stage.until_asked()
    for name in ("run", None):
        stage.prompt.answer(window, name)
        assert stage.prompt.undo() == (True, "taken back before it was sent")
        assert [q.window for q in stage.prompt.questions] == [window]
    assert stage.put() == [] and stage.prompt.answers == ()


@pytest.mark.parametrize("meanwhile", ["answered", "expired", "answered while the line was lost"])
def test_undo_of_an_unsent_answer_opens_no_card_for_a_question_that_is_over(meanwhile: str) -> None:
    stage = PromptHarness(patience=30)
    window = stage.until_asked()
    stage.prompt.answer(window, "run")
    at = stage.session.position
    over = Gap(at, 60, "unplugged") if meanwhile == "expired" else Label(at, window, 1)
    outputs = [*stage.session.step(over), *stage.session.step(Samples(stage.session.position, RAW[:48]))]
    passed = [over, *outputs]
    if meanwhile.endswith("lost"):
        passed = [Adopt(at, 0, stage.session.snapshot())]
    for event in (*passed, Samples(stage.session.position, RAW[:0])):
        stage.prompt.take(event)
    asked = [q.window for q in stage.session.open_questions]
    assert window not in asked and stage.prompt.undo().taken
    assert [q.window for q in stage.prompt.questions] == asked and list(stage.prompt.poll(at)) == []


def test_a_skip_is_not_what_an_undo_takes_back() -> None:
    stage = PromptHarness()
    stage.prompt.answer(stage.until_asked(), "run")
    stage.run(8)
    window = stage.until_asked()
    assert stage.prompt.skip(window).sentence == "skipped"
    stage.run(8)
    assert stage.prompt.answers[0].state == "skipped"
    assert stage.prompt.undo() == (False, "a skip cannot be taken back; once more takes back 'run'")
    assert stage.put() == []
    assert stage.prompt.undo().taken
    assert kinds(stage.put(), Undo)


def test_undos_in_a_row_are_bounded() -> None:
    stage = PromptHarness()
    assert [stage.prompt.undo().taken for _ in range(20)] == [True] * 8 + [False] * 12
    assert len(list(stage.prompt.poll(0))) == 8


@pytest.mark.parametrize("sent", [False, True])
def test_two_quick_undos_name_the_two_answers_that_they_take_back(sent: bool) -> None:
    stage = PromptHarness()
    for name in ("run", "sit"):
        stage.prompt.answer(stage.until_asked(), name)
        stage.run(8)
    said = []
    for _ in range(2):
        said.append(stage.prompt.undo().sentence)
        if sent:  # they are under way and have not come back yet
            assert len(list(stage.prompt.poll(stage.session.position))) == 1
    assert said == ["'sit' is being taken back", "'run' is being taken back"]
    assert stage.prompt.previous is None


@pytest.mark.parametrize("name", ["sit", None])
@pytest.mark.parametrize("adopted", [False, True])
def test_an_answer_that_is_given_up_leaves_its_question_open(name: str | None, adopted: bool) -> None:
    stage = PromptHarness(patience=100_000)
    stage.prompt.answer(stage.until_asked(), "run")
    stage.run(8)
    window = stage.until_asked()
    stage.prompt.answer(window, name)
    sent = sent_by(stage)
    if adopted:
        stage.prompt.take(Adopt(stage.session.position, 0, stage.session.snapshot()))
        stage.put()
    asked = [q.window for q in stage.prompt.questions]
    give_up(stage, sent)
    assert window not in asked and window in [q.window for q in stage.prompt.questions]
    told = stage.prompt.answers[0]
    assert (told.window, told.name, told.state) == (window, name, "refused")
    assert "did not reach the board" in told.sentence == stage.prompt.sentence
    assert stage.prompt.previous == "run"
    if not adopted:
        assert stage.prompt.undo() == (False, "the last answer had no effect; once more takes back 'run'")
    assert stage.prompt.answer(window, "walk").taken
    stage.put()
    assert stage.prompt.answers[0].state == "learned" and stage.prompt.previous == "walk"


def test_a_card_that_waits_again_has_the_classes_that_came_meanwhile() -> None:
    stage = PromptHarness()
    window = stage.until_asked()
    stage.prompt.answer(window, "run")
    sent = sent_by(stage)
    stage.prompt.answer(stage.until_asked(), "hop")
    stage.put()
    give_up(stage, sent)
    card = next(q for q in stage.prompt.questions if q.window == window)
    assert card.likely[-1].name == "hop" and card.likely[0].score is not None


def test_an_answer_that_is_given_up_after_its_question_was_over_changes_nothing() -> None:
    stage = PromptHarness()
    window = stage.until_asked()
    stage.prompt.answer(window, "run")
    sent = sent_by(stage)
    stage.put(Label(stage.session.position, window, 1))  # the button was quicker
    before = stage.prompt.answers, stage.prompt.sentence
    give_up(stage, sent)
    assert (stage.prompt.answers, stage.prompt.sentence) == before and stage.prompt.questions == ()
    assert stage.prompt.undo() == (True, "'walk' is being taken back")


def test_an_undo_that_is_given_up_took_nothing_back() -> None:
    stage = PromptHarness()
    for name in ("run", "sit"):
        stage.prompt.answer(stage.until_asked(), name)
        stage.run(8)
    assert stage.prompt.undo().sentence == "'sit' is being taken back"
    sent = sent_by(stage)
    assert stage.prompt.previous == "run"
    give_up(stage, sent)
    assert stage.prompt.previous == "sit"
    assert stage.prompt.undo().sentence == "'sit' is being taken back"


# --- others answer too --------------------------------------------------------------------


def test_the_button_answers_and_the_card_goes() -> None:
    stage = PromptHarness()
    window = stage.until_asked()
    at = stage.session.position
    stage.put(Origin(at, "button", 900, 0), Label(at, window, 1))
    assert stage.prompt.questions == ()
    told = stage.prompt.answers[0]
    assert (told.name, told.by, told.state) == ("walk", "button", "learned")
    assert stage.prompt.answer(window, "sit") == (False, "this question is answered already")
    assert stage.prompt.previous == "walk"


def test_what_the_button_answered_while_the_line_was_lost_is_what_an_undo_names() -> None:
    stage = PromptHarness(patience=100_000)
    stage.prompt.answer(stage.until_asked(), "run")
    stage.run(8)
    window, at = stage.until_asked(), stage.session.position
    stage.session.step(Label(at, window, 1))  # the host does not see it
    stage.prompt.take(Adopt(at, 0, stage.session.snapshot()))
    stage.put()
    assert stage.prompt.previous == "walk"
    assert stage.prompt.undo() == (True, "'walk' is being taken back")
    stage.put()
    assert stage.prompt.sentence == "'walk' was taken back" and stage.prompt.previous == "run"


def test_open_questions_of_a_session_that_goes_on_have_cards() -> None:
    stage = PromptHarness()
    window = stage.until_asked()
    prompt = Prompt(stage.session, IMAGE, by="notebook")
    assert [(q.window, q.path) for q in prompt.questions] == [(window, ())]
    assert prompt.questions[0].likely[0].score is None
    assert prompt.answer(window, "run").taken
    assert [answer.name for answer in prompt.poll(0)] == ["run"]


def test_a_session_that_goes_on_has_its_cards_its_answers_and_something_to_undo() -> None:
    stage = PromptHarness(patience=100_000)
    first = stage.until_asked()
    stage.prompt.answer(first, "run")
    stage.run(8)
    window = stage.until_asked()
    stage.run(200)  # many predictions later
    prompt = Prompt(stage.session, IMAGE, by="terminal", recent=stage.events)
    old, new = ({q.window: q for q in p.questions}[window] for p in (stage.prompt, prompt))
    assert (new.likely, new.path, new.expires, new.asked) == (old.likely, old.path, old.expires, old.asked)
    assert np.array_equal(new.signal, old.signal)
    assert [q.window for q in prompt.questions] == [q.window for q in stage.prompt.questions]
    assert prompt.answers == stage.prompt.answers and prompt.previous == "run"
    assert prompt.undo() == (True, "'run' is being taken back")


def test_asked_twice_is_one_question() -> None:
    stage = PromptHarness()
    window = stage.until_asked()
    query = next(e for e in stage.events if isinstance(e, Query))
    stage.prompt.ask(query, stage.session.position)
    assert [q.window for q in stage.prompt.questions] == [window]


@pytest.mark.parametrize("by", ["", "a\nb", "x" * 65, "\x1b[31m"])
def test_who_answers_has_a_plain_name(by: str) -> None:
    with pytest.raises(ValueError, match="cannot name who answers"):
        PromptHarness(by=by)


# --- at length ----------------------------------------------------------------------------


def test_a_thousand_questions_lose_no_click_and_keep_no_memory() -> None:
    stage = PromptHarness(
        random_image(3, tree=True, max_log=1100), allowed=5, period=5, horizon=0, patience=400
    )  # fmt: skip
    answered, sizes = 0, list[int]()
    with traced() as held:
        while answered < 1000:
            stage.run(40)
            stage.events.clear()
            for question in stage.prompt.questions:
                name = None if answered % 10 else "run"  # few labels: refits are slow
                answered += stage.prompt.answer(question.window, name).taken
            if answered >= 250 * len(sizes):
                sizes.append(held())
    stage.put()
    counts = stage.session.counts
    assert counts["answered"] + counts["skipped"] == answered
    # A few cards, each with up to a minute of signal. What grows once is the interpreter's.
    assert min(after - before for before, after in pairwise(sizes[1:])) < 130_000
    assert len(stage.prompt.answers) == 50


def test_clicks_from_another_thread_all_arrive() -> None:
    stage = PromptHarness(allowed=1, period=1, patience=2**40)
    done, clicked, woken = threading.Event(), set(), []
    stage.prompt.wake = lambda: woken.append(1)

    def person() -> None:
        while not done.is_set():
            for question in stage.prompt.questions:
                stage.prompt.shown(question.window)
                if stage.prompt.skip(question.window).taken:
                    clicked.add(question.window)

    thread = threading.Thread(target=person)
    thread.start()
    asked: set[int] = set()
    while len(asked) < 60:
        assert stage.session.position < 20_000
        asked |= {e.window for e in kinds(stage.run(8), Query)}
        let_others_run()
    wait_until(lambda: len(clicked) == 60, "a click on each question")
    done.set()
    thread.join()
    stage.put()
    assert {e.window for e in kinds(stage.events, Label)} == clicked == asked
    assert not stage.prompt.questions and len(woken) == 60


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(["run", "sit", "skip", "undo", "new", "go", "gap"]), max_size=40),
       st.sampled_from([1, 2, 3]), st.sampled_from([60, 100_000]))  # fmt: skip
def test_whatever_is_pressed_the_cards_are_the_sessions_open_questions(
    presses: list[str], batch: int, patience: int
) -> None:
    stage = PromptHarness(batch=batch, patience=patience, allowed=60)
    for i, press in enumerate(presses):
        window = next((q.window for q in stage.prompt.questions), 0)
        if press == "undo":
            stage.prompt.undo()
        elif press == "gap":
            stage.put(Gap(stage.session.position, 7, "a test"))
        elif press == "skip":
            stage.prompt.skip(window)
        elif press != "go":
            stage.prompt.answer(window, f"new {i}" if press == "new" else press)
        stage.run(24)
        stage.put()
        there = [(one.window, one.expires) for one in stage.session.open_questions]
        assert [(q.window, q.expires) for q in stage.prompt.questions] == there
        assert {one.name for one in stage.prompt.likely} == set(stage.session.names.values())
        last = stage.session.answers[-1:]  # what an undo would take back
        assert stage.prompt.previous == next((stage.session.names[cls] for _, cls in last), None)
    state = {"learned": 0, "undone": 0, "waits": 0}
    for one in stage.prompt.answers:
        state[one.state] = state.get(one.state, 0) + 1
    counts = stage.session.counts
    assert state["undone"] == counts["undone"]
    assert state.get("expired", 0) == counts["expired"]
    assert state["learned"] + state["undone"] + state["waits"] + counts["full"] >= counts["answered"]
    assert list(stage.prompt.poll(0)) == []


# --- teaching: a label that nobody asked for ----------------------------------------------------


def test_what_a_person_teaches_is_learned_at_the_next_step_and_costs_no_question() -> None:
    stage = PromptHarness(policy="none", allowed=0)
    stage.run(100)
    assert stage.prompt.teach(" wave  hand ", head=0).sentence == "'wave hand' goes to the learner"
    assert stage.prompt.previous == "wave hand" and stage.prompt.answers == ()
    stage.put()
    (entry,) = stage.prompt.answers
    assert (entry.name, entry.state, entry.by, entry.taught) == ("wave hand", "learned", "terminal", True)
    assert stage.prompt.sentence == "'wave hand' has been learned" and len(stage.prompt.in_flight) == 0
    counts = stage.session.counts
    assert (counts["taught"], counts["answered"], counts["queries"]) == (1, 0, 0)
    stage.prompt.undo()
    stage.put()
    assert stage.prompt.answers[0].state == "undone" and stage.session.answers == ()


def test_a_taught_label_that_waits_can_be_taken_back_and_one_without_effect_says_why() -> None:
    stage = PromptHarness(policy="none", allowed=0)
    stage.prompt.teach("run")
    assert stage.prompt.undo().sentence == "taken back before it was sent"
    stage.prompt.teach("run")
    stage.put()
    assert "there is no window yet" in stage.prompt.sentence and stage.prompt.answers[0].state == "refused"
    stage.run(100)
    for _ in range(2):
        stage.prompt.teach("run")
        stage.put()
    assert stage.prompt.sentence.startswith("this moment has a label or a question already")
    assert not stage.prompt.teach("a" * 40).taken and "1 to 32 bytes" in stage.prompt.sentence


def test_teaching_answers_the_open_question_about_the_stretch_and_its_card_goes() -> None:
    stage = PromptHarness(patience=2**40, batch=1)
    window = stage.until_asked()
    (question,) = stage.prompt.questions
    stage.prompt.teach("walk")
    stage.put()
    assert stage.prompt.questions == () and stage.session.counts["taught"] == 0
    (entry,) = stage.prompt.answers
    assert (entry.window, entry.name, entry.taught) == (window, "walk", False)
    assert question.since <= window < question.end


def test_what_is_held_is_what_is_shown() -> None:
    stage = PromptHarness(patience=2**40, batch=1)
    window = stage.until_asked()
    stage.prompt.answer(window, "wave")
    stage.put()
    shown = []
    for _ in range(10):
        stage.run(8)
        held = [e.held for e in stage.events if isinstance(e, Prediction)][-1]
        shown.append((held is not None, stage.prompt.path == ("wave",)))
    assert (True, True) in shown and all(same or not held for held, same in shown)


# --- what a question is about -------------------------------------------------------------------


def test_a_question_shows_the_stretch_since_the_stream_changed_and_at_most_a_minute_of_it() -> None:
    stage = PromptHarness(policy="none", allowed=0)
    stage.run(6000)
    minute = round(60 * RATE) - IMAGE.window
    for window, since, shown in ((5900, 5500, 5500), (5910, 0, 5910 - minute), (5920, 5950, 5920)):
        stage.prompt.ask(Query(window, 1, 9000, since), now=6000)
        question = next(one for one in stage.prompt.questions if one.window == window)
        assert (question.since, question.end) == (shown, window + IMAGE.window)
        assert question.start == shown - round(4 * RATE) and np.isfinite(question.signal).all()
