"""A host that steps along with a board: in step whatever is lost, and no difference overlooked."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odl.core.config import Config
from odl.core.events import (
    Adopt,
    Event,
    Origin,
    Output,
    Prediction,
    Samples,
    Undo,
)
from odl.core.session import Session
from odl.core.snapshot import StateError, state_sizes, without_weights
from odl.live.modes import BoardLearns
from odl.live.twin import Follower, TwinState
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
            heard.passed += follower.adopt_state(turn.state if whole else without_weights(IMAGE, turn.state))
    if missing:
        follower.lost(missing)
    follower.settle()
    while follower.wants:
        state = board[-1].state
        whole = follower.wants == "whole"
        heard.passed += follower.adopt_state(state if whole else without_weights(IMAGE, state))
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
    assert follower.state is TwinState.TOGETHER
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
            assert (follower.state, follower.wants) == (TwinState.APART, "brief")
            assert follower.adopt_state(without_weights(IMAGE, turn.state)) == [
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
            heard.passed += heard.follower.adopt_state(turn.state)
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
        follower.adopt_state(bytes(state))


def test_whoever_stops_between_two_inputs_has_all_that_the_session_has() -> None:
    chosen = config("none", allowed=0)
    follower, board = Follower(Session(IMAGE, chosen)), Session(IMAGE, chosen)
    first = Samples(0, samples(3, IMAGE.window))
    passing = follower.take(first)
    assert next(passing) == first and follower.session.position == 0
    assert [type(e) for e in passing] == [Prediction]
    assert follower.owes
    assert [list(follower.take(said)) for said in board.step(first)] == [[]]
    assert not follower.owes and follower.compared == follower.session.counts["windows"] == 1


def test_labels_that_were_taken_back_at_the_board_are_not_lost() -> None:
    """An undo by the button, while the line was lost, was told as a loss."""
    chosen = config("periodic", allowed=40, batch=1)
    script = Script(3, [("samples", 60), ("label", 0, 1), ("samples", 40), ("teach", 2), ("samples", 40)])
    host = Session(IMAGE, chosen)
    for _ in inputs(script, host):
        pass
    board = Session(IMAGE, chosen)
    board.restore(host.snapshot())
    board.step(Undo(board.position))
    mode = SimpleNamespace(session=host, _size=state_sizes(IMAGE)[0], notices=[])
    assert len(host.log) == 2 and len(board.log) == 1
    BoardLearns._check_lost_labels(mode, board.snapshot())  # type: ignore[arg-type]
    assert mode.notices == []
    BoardLearns._check_lost_labels(mode, Session(IMAGE, chosen).snapshot())  # type: ignore[arg-type]
    assert mode.notices == ["the board has lost 2 labels that it had learned"]
