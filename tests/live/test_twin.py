"""A host that steps along with a board: in step whatever is lost, and no difference overlooked."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odl.core.config import Config
from odl.core.events import (
    AddClass,
    Adopt,
    Command,
    Event,
    Label,
    Origin,
    Output,
    Prediction,
    Query,
    Samples,
    Undo,
)
from odl.core.protocols import Answer, TakeBack
from odl.core.session import Session
from odl.core.snapshot import StateError, without_weights
from odl.live.twin import BUTTON, Asking, Follower, Step
from odl.wire import is_output
from tests.helpers.streams import IMAGE, Script, config, configs, inputs, samples, scripts


@dataclass
class Turn:
    """One step of a board: its frames (None: one that says nothing of the session), its state then."""

    frames: list[Event | None]
    state: bytes
    windows: int


def turns(script: Script, chosen: Config, chance: random.Random) -> list[Turn]:
    """What a board sends while it plays ``script``, now and then a Status among it."""
    board, found = Session(IMAGE, chosen), []
    for event, outputs in inputs(script, board, cuts=script.seed):
        frames: list[Event | None] = [event, *outputs]
        if chance.random() < 0.2:
            frames.append(None)
        found.append(Turn(frames, board.snapshot(), board.counts["windows"]))
    return found


@dataclass
class Heard:
    """What a host made of it."""

    follower: Follower
    passed: list[Event] = field(default_factory=list)


def listen(
    board: list[Turn],
    chosen: Config,
    chance: random.Random,
    loss: float,
    *,
    compare: bool = True,
    slow: int = 2,
) -> Heard:
    """Follow ``board`` over a line that loses frames; its state comes some turns after it was wanted."""
    heard = Heard(Follower(Session(IMAGE, chosen), compare=compare))
    follower, missing, wanted = heard.follower, 0, None
    for number, turn in enumerate(board):
        for frame in turn.frames:
            if chance.random() < loss:
                missing += 1
                continue
            if missing:
                follower.lost(missing)
                missing = 0
            if frame is not None:
                heard.passed += follower.take(frame)
        if follower.wants and wanted is None:
            wanted = number + chance.randrange(slow), follower.wants
        if wanted is not None and number >= wanted[0]:
            whole, wanted = wanted[1] == "whole", None
            follower.lost(missing)
            missing = 0
            heard.passed += follower.state(turn.state if whole else without_weights(IMAGE, turn.state))
    if missing:
        follower.lost(missing)
    follower.settle()
    while follower.wants:
        state = board[-1].state
        heard.passed += follower.state(state if follower.wants == "whole" else without_weights(IMAGE, state))
    return heard


def replayed(passed: list[Event], chosen: Config) -> list[Output]:
    session = Session(IMAGE, chosen)
    return [output for event in passed if not is_output(event) for output in session.step(event)]  # type: ignore[arg-type]


def outputs_of(passed: list[Event]) -> list[Event]:
    return [event for event in passed if is_output(event)]


@given(scripts(60), configs(), st.integers(0, 2**32), st.sampled_from([0.0, 0.02, 0.2]), st.booleans())
def test_lost_frames_are_no_differences(
    script: Script, chosen: Config, seed: int, loss: float, compare: bool
) -> None:
    chance = random.Random(seed)
    board = turns(script, chosen, chance)
    heard = listen(board, chosen, chance, loss, compare=compare)
    follower = heard.follower
    assert follower.differences == []
    assert follower.step is Step.TOGETHER
    assert follower.session.snapshot() == board[-1].state
    assert follower.compared + follower.skipped == board[-1].windows
    assert outputs_of(heard.passed) == replayed(heard.passed, chosen)
    if not loss:
        assert follower.skipped == follower.adopted == 0
        said = [e for turn in board for e in turn.frames if e is not None]
        assert [e for e in heard.passed if not isinstance(e, Origin)] == said


LONG = Script(5, [("samples", 3000)])


def test_a_lost_prediction_costs_one_window_and_no_state() -> None:
    chosen = config("none", allowed=0)
    board = turns(LONG, chosen, random.Random(1))
    follower = Follower(Session(IMAGE, chosen))
    gone = next(t for t in board[20:] if any(isinstance(f, Prediction) for f in t.frames))
    for turn in board:
        for frame in turn.frames:
            if turn is gone and isinstance(frame, Prediction):
                follower.lost(1)
            elif frame is not None:
                list(follower.take(frame))
    windows = board[-1].windows
    lost = sum(isinstance(f, Prediction) for f in gone.frames)
    assert (follower.wants, follower.adopted, follower.skipped) == ("", 0, lost)
    assert follower.compared == windows - lost


def test_lost_samples_cost_the_windows_until_the_state_has_come() -> None:
    chosen = config("none", allowed=0)
    board = turns(LONG, chosen, random.Random(1))
    follower, passed = Follower(Session(IMAGE, chosen)), []
    for number, turn in enumerate(board):
        for frame in turn.frames:
            if number == 40 and isinstance(frame, Samples):
                follower.lost(1)
            elif frame is not None:
                passed += follower.take(frame)
        if number == 42:
            assert (follower.step, follower.wants) == (Step.APART, "brief")
            assert follower.state(without_weights(IMAGE, turn.state)) == [
                Adopt(
                    board_position(board, 39),
                    board_position(board, 42) - board_position(board, 39),
                    turn.state,
                )
            ]
    missed = board[42].windows - board[39].windows
    assert (follower.adopted, follower.skipped) == (1, missed)
    assert follower.compared == board[-1].windows - missed
    assert follower.session.snapshot() == board[-1].state


def board_position(board: list[Turn], number: int) -> int:
    session = Session(IMAGE, config("none", allowed=0))
    session.restore(board[number].state)
    return session.position


def test_a_difference_is_told_with_its_cause_and_the_board_is_right_from_then_on() -> None:
    chosen = config("periodic", allowed=10, horizon=400)
    board = turns(LONG, chosen, random.Random(1))
    heard = Heard(Follower(Session(IMAGE, chosen)))
    wrong = next(
        n for n, t in enumerate(board) if n > 30 and any(isinstance(f, Prediction) for f in t.frames)
    )
    for number, turn in enumerate(board):
        for frame in turn.frames:
            if number == wrong and isinstance(frame, Prediction):
                frame = replace(frame, scores=(1, *frame.scores[1:]))
            if frame is not None:
                heard.passed += heard.follower.take(frame)
        if heard.follower.wants:
            heard.passed += heard.follower.state(turn.state)
    [difference] = heard.follower.differences
    assert difference.cause.startswith("Samples(") and difference.position in range(3000)
    assert "Prediction" in difference.host and "Prediction" in difference.board
    assert heard.follower.adopted == 1
    assert outputs_of(heard.passed) == replayed(heard.passed, chosen)


def test_a_board_that_says_less_differs() -> None:
    follower = Follower(Session(IMAGE, config("none", allowed=0)))
    block = samples(3, 100)
    list(follower.take(Samples(0, block)))
    list(follower.take(Samples(100, block)))
    [difference] = follower.differences
    assert difference.board == "nothing"
    assert str(difference).startswith("board and host differ at sample 100 after Samples(0 to 100): ")


def test_a_state_that_cannot_be_is_refused() -> None:
    follower = Follower(Session(IMAGE, config("none", allowed=0)))
    follower.apart(anew=True)
    state = bytearray(follower.session.snapshot())
    state[0:8] = (2**63 - 1).to_bytes(8, "little")
    with pytest.raises(StateError, match="position is"):
        follower.state(bytes(state))


def test_commands_that_nobody_asked_for_come_from_the_button() -> None:
    chosen = config("periodic", allowed=30, horizon=60, batch=1)
    follower, board = Follower(Session(IMAGE, chosen)), Session(IMAGE, chosen)
    first = Samples(0, samples(3, 60))
    said = board.step(first)
    window = next(e.window for e in said if isinstance(e, Query))
    for event in [first, *said]:
        list(follower.take(event))
    label = Label(60, window, 1)
    assert list(follower.take(label))[:2] == [Origin(60, BUTTON, 0, 0), label]
    undo = Undo(60)
    follower.asked(replace(undo, at=2**64 - 1), Origin(0, "terminal:P3", 900, 7))
    for event in board.step(label):
        list(follower.take(event))
    assert list(follower.take(undo))[:2] == [Origin(60, "terminal:P3", 900, 7), undo]


def done(asking: Asking, session: Session) -> list[Command]:
    """Each command that ``asking`` wants, taken at once."""
    commands = []
    while (following := asking.next()) is not None:
        commands.append(following[0])
        session.step(following[0])
    return commands


def test_answers_become_commands_one_after_the_other() -> None:
    chosen = config("periodic", allowed=30, horizon=60, batch=1)
    session = Session(IMAGE, chosen)
    windows = [e.window for e in session.step(Samples(0, samples(3, 80))) if isinstance(e, Query)]
    asking = Asking(session)
    asking.add(Answer(windows[0], "wave", by="terminal", took=5))
    asking.add(TakeBack(by="terminal"))
    first = asking.next()
    assert first is not None
    added, origin = first
    assert isinstance(added, AddClass) and origin == Origin(80, "terminal", 5, 0)
    session.step(added)
    label, undo = done(asking, session)
    assert (label, undo) == (Label(80, windows[0], added.cls), Undo(80))
    assert asking.next() is None


def test_an_answer_that_did_not_arrive_is_sent_again_but_nothing_is_taken_back_twice() -> None:
    session = Session(IMAGE, config("periodic", allowed=30, horizon=60, batch=1))
    windows = [e.window for e in session.step(Samples(0, samples(3, 80))) if isinstance(e, Query)]
    asking = Asking(session)
    asking.add(Answer(windows[0], "walk"))
    asking.add(TakeBack())
    first = asking.next()
    asking.again()
    assert first is not None and asking.next() == first
    assert isinstance(asking.next(), tuple)  # the TakeBack
    asking.again()
    assert asking.next() is None


def test_whoever_stops_between_two_inputs_has_all_that_the_session_has() -> None:
    chosen = config("none", allowed=0)
    follower, board = Follower(Session(IMAGE, chosen)), Session(IMAGE, chosen)
    first = Samples(0, samples(3, IMAGE.window))
    passing = follower.take(first)
    assert next(passing) == first and follower.session.position == 0
    assert [type(e) for e in passing] == [Prediction]
    assert not follower.whole
    assert [list(follower.take(said)) for said in board.step(first)] == [[]]
    assert follower.whole and follower.compared == follower.session.counts["windows"] == 1
