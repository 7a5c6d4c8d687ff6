"""How a live session ends: what was said and answered before stands in the recording, and adds up."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from odl.core.config import Config
from odl.core.events import Event, Gap, Input, Label, Learned, Prediction, Query, Samples, Undo
from odl.core.protocols import Answer
from odl.device.board import BoardState
from odl.live import LiveSession
from odl.live.hardware_in_the_loop import FedSession
from odl.live.modes import HostLearns
from odl.live.session import FLOOD
from odl.recording import read
from odl.wire.client import BoardError
from odl.wire.messages import Message, Refusal
from tests.helpers.fake_board import BoardHarness, FakeBoard, virtual_bench
from tests.helpers.live_stage import BLOCK, answer, blocks, clock_of, play, same_trace, start_live

LEARN = ("host", "device", "both")


class Dying(FakeBoard):
    """A board that dies when it has taken in a block of 128 samples: nothing comes of them."""

    def _outputs(self, event: Message) -> None:
        if isinstance(event, Samples) and len(event.block) == 128:
            self.say = lambda message: None  # type: ignore[method-assign]
        else:
            super()._outputs(event)


@pytest.mark.parametrize("learn", ["device", "both"])
def test_what_a_board_did_not_live_to_say_counts_as_skipped(tmp_path: Path, learn: str) -> None:
    path, bench, stopped = tmp_path / "walk.odl", virtual_bench(Dying()), False
    with start_live(bench, path, learn=learn) as live:
        for event in live:
            if isinstance(event, Samples) and not len(event.block) and live.session.position == 0:
                bench.board.sense(BLOCK[:128])
            elif live.session.position == 128 and not stopped:
                live.stop()  # once: it wakes the line, so that nothing waits
                stopped = True
    bench.close()
    status = live.status()
    if learn == "both":
        assert (status.windows, status.compared, status.skipped, status.differences) == (1, 0, 1, 0)
    assert sum(isinstance(e, Prediction) for e in read(path).events) == 1
    assert same_trace(path)


def test_a_window_that_a_fed_board_died_of_counts_as_skipped(bench: BoardHarness, tmp_path: Path) -> None:
    class Dead:
        def step(self, event: Input) -> list[Event]:
            raise BoardError("no answer")

    with start_live(bench, tmp_path / "walk.odl") as live:
        image = live.image
    config = Config(mult=(1,) * 6, shift=(0,) * 6, offset=(0,) * 6)
    fed = FedSession(image, config, Dead(), compare=True)  # type: ignore[arg-type]
    with pytest.raises(BoardError):
        fed.step(Samples(0, BLOCK[:200]))
    assert (fed.compared, fed.skipped) == (0, fed.counts["windows"]) and fed.skipped > 1


@pytest.mark.parametrize("how", ["stopped", "left"])
@pytest.mark.parametrize("learn", LEARN)
def test_an_answer_given_before_the_end_is_taken(
    bench: BoardHarness, tmp_path: Path, learn: str, how: str
) -> None:
    path, rest = tmp_path / "walk.odl", blocks(0, 2000)
    with start_live(bench, path, learn=learn) as live:
        for event in live:
            if isinstance(event, Query):
                assert live.prompt.answer(event.window, "wave").taken
                if how == "left":  # as a view that is quitted does
                    break
                live.stop()
            elif isinstance(event, Samples) and not len(event.block):
                bench.board.sense(next(rest))
    events = read(path).events
    assert [type(e) for e in events if isinstance(e, Label | Learned)] == [Label, Learned]
    assert same_trace(path)


@pytest.mark.parametrize("learn", ["device", "both"])
def test_an_answer_that_is_lost_at_the_end_is_told(bench: BoardHarness, tmp_path: Path, learn: str) -> None:
    path, rest, away = tmp_path / "walk.odl", blocks(0, 2000), list[str]()
    with start_live(bench, path, learn=learn) as live:
        for event in live:
            idle = isinstance(event, Samples) and not len(event.block)
            if not away and live.prompt.questions:
                bench.unplug()
                away.append("now")
            elif idle and not away:
                bench.board.sense(next(rest))
            elif idle and live._mode.board.state is not BoardState.STREAMING:  # type: ignore[attr-defined]
                for question in live.prompt.questions:
                    assert live.prompt.answer(question.window, "wave").taken
                live.stop()
    assert not any(isinstance(e, Label) for e in read(path).events)
    assert live.notices()[-1] == "1 answer was still on the way to the board when the session ended"


def test_a_board_that_is_silent_is_not_waited_for(bench: BoardHarness, tmp_path: Path) -> None:
    with start_live(bench, tmp_path / "walk.odl") as live:
        play(live, bench, 0, 300)
        mode = live._mode
        live.prompt.in_flight.add(Answer(0, "walk"))
        assert mode.pending
        mode.board._receiver.state = BoardState.SILENT  # type: ignore[attr-defined]
        assert not mode.pending


# --- seconds ------------------------------------------------------------------------------


def feeding(live: LiveSession, bench: BoardHarness) -> list[Event]:
    """Run ``live`` to its own end while the board's sensor plays without one."""
    passed, rest = list[Event](), blocks(0, 20_000)
    for event in live:
        passed.append(event)
        if isinstance(event, Samples) and not len(event.block):
            bench.board.sense(next(rest))
    return passed


@pytest.mark.parametrize("learn", LEARN)
def test_seconds_are_the_stream_s(bench: BoardHarness, tmp_path: Path, learn: str) -> None:
    with start_live(bench, tmp_path / "walk.odl", learn=learn, seconds=10) as live:
        feeding(live, bench)
    assert 500 <= live.status().position < 520
    assert same_trace(tmp_path / "walk.odl")


def test_seconds_are_the_clock_s_where_nothing_comes(bench: BoardHarness, tmp_path: Path) -> None:
    with start_live(bench, tmp_path / "walk.odl", seconds=20) as live:
        began = clock_of(bench).now
        assert all(isinstance(e, Samples) and not len(e.block) for e in live)
    assert 20 <= clock_of(bench).now - began < 21
    assert read(tmp_path / "walk.odl").complete


@pytest.mark.parametrize("learn", ["host", "both"])
def test_seconds_do_not_count_what_was_missed_before(bench: BoardHarness, tmp_path: Path, learn: str) -> None:
    path = tmp_path / "walk.odl"
    with start_live(bench, path, learn=learn) as live:
        play(live, bench, 0, 300)
    bench.board.restart()
    os.utime(path, (clock_of(bench).wall() - 1000,) * 2)
    with start_live(bench, None, resume=path, seconds=5) as live:
        feeding(live, bench)
    samples = [e for e in read(path).events if isinstance(e, Samples)]
    assert live.status().position > 50_000 and 550 <= sum(len(e.block) for e in samples) < 700
    assert same_trace(path)


# --- answers that do not arrive -----------------------------------------------------------


def test_who_answers_is_told_of_what_was_given_up(tmp_path: Path) -> None:
    class Refusing(FakeBoard):
        refused = [Label, Label, Label, Undo]

        def _do(self, message: Message) -> Refusal | None:
            if self.refused and type(message) is self.refused[0]:
                del self.refused[0]
                return Refusal.STORE
            return super()._do(message)

    notices: list[str] = []
    undone: list[int] = []

    def do(live: LiveSession, event: Event) -> None:
        notices.extend(live.notices())
        # Once, whatever the board has refused by then, and with no other answer on its way.
        if isinstance(event, Learned) and not undone and not len(live.prompt.in_flight):
            undone.append(event.window)
            assert live.prompt.undo().taken
        for question in live.prompt.questions:
            live.prompt.answer(question.window, "pendulum")

    path, board = tmp_path / "walk.odl", Refusing()
    bench = virtual_bench(board)
    with start_live(bench, path) as live:
        play(live, bench, 0, 600, do)
        answered = [e.window for e in board.done if isinstance(e, Label)]
        assert live.prompt.answers[-1].sentence.startswith("'pendulum' did not reach the board")
        assert live.prompt.previous == "pendulum"
    bench.close()
    assert not board.refused and not any(isinstance(e, Undo) for e in read(path).events)
    assert sorted(answered) == [e.window for e in read(path).events if isinstance(e, Query)]
    assert sum(line.startswith("an undo is given up: ") for line in notices) == 1
    assert sum(line.startswith("an answer is given up: ") for line in notices) == 1
    assert same_trace(path)


def test_a_command_whose_echo_was_lost_is_not_waited_for(tmp_path: Path) -> None:
    """The last frames before a pause: the board's answer says that it was done."""

    class Muffled(FakeBoard):
        def say(self, message: object) -> None:
            super().say(message)  # type: ignore[arg-type]
            if isinstance(message, Label):
                del self.out[:]  # its echo, and nothing else: each turn is sent at once

    path, bench = tmp_path / "walk.odl", virtual_bench(Muffled())
    with start_live(bench, path) as live:
        play(live, bench, 0, 600, answer("swing"))
        assert not live._mode.pending
    bench.close()
    status = live.status()
    assert (status.compared or 0) + (status.skipped or 0) == status.windows and status.differences == 0
    assert same_trace(path)


FLOODS = {
    "gaps": lambda position: Gap(position, 0, "x"),
    "labels": lambda position: Label(position, 0, 1),
    "outputs": lambda position: Prediction(0, (1,), (32768,)),
}


@pytest.mark.parametrize("learn", ["host", "device", "both"])
@pytest.mark.parametrize("kind", FLOODS)
def test_ctrl_c_ends_a_session_under_a_flood(
    bench: BoardHarness, tmp_path: Path, learn: str, kind: str
) -> None:
    """It took nine seconds and more where a board sent gaps of nothing, and no end where it sent outputs."""
    live = start_live(bench, tmp_path / "walk.odl", learn=learn)
    mode: Any = live._mode
    board: Any = mode.source if isinstance(mode, HostLearns) else mode.board
    sent = [0, 0]  # before and after Ctrl-C

    def pump(wait: float) -> tuple[None, list[Event]]:
        sent[live._ending] += 50
        if sent[False] == 200:
            live.stop()
        assert sent[True] <= 2 * FLOOD
        return None, [FLOODS[kind](board.position)] * 50

    board._receiver.pump = pump
    passed = list(live)
    live.close()
    assert sent[False] == 200 and len(passed) <= 4 * FLOOD
    assert read(tmp_path / "walk.odl").lost_bytes == 0
    assert len(live.notices()) <= 100  # not one for each


def test_ctrl_c_ends_a_session_whose_board_never_answers(tmp_path: Path) -> None:
    """With hardware in the loop, where it floods the host with other messages."""
    bench = virtual_bench(FakeBoard(sensor=False))
    live = start_live(bench, tmp_path / "walk.odl", feed="shoulder", subject=8)
    mode: Any = live._mode
    board: Any = mode._fed.board
    sent = [0, 0]

    def pump(wait: float) -> tuple[None, list[Event]]:
        sent[live._ending] += 1
        if sent[False] == 20:
            live.stop()
        assert sent[True] <= 2 * FLOOD
        return None, [Gap(board.position, 0, "x")] * 5

    board._receiver.pump = pump
    with pytest.raises(BoardError, match="no answer to Samples before the session ended"):
        list(live)
    live.close()
    bench.close()
    assert read(tmp_path / "walk.odl").lost_bytes == 0


def test_a_board_that_sends_anything_but_an_answer_is_given_up(tmp_path: Path) -> None:
    bench = virtual_bench(FakeBoard(sensor=False))
    live = start_live(bench, tmp_path / "walk.odl", feed="shoulder", subject=8)
    mode: Any = live._mode
    board: Any = mode._fed.board
    board._receiver.pump = lambda wait: (None, [Gap(board.position, 0, "x")] * 20_000)
    with pytest.raises(BoardError, match="the board sent 100000 messages in place of an answer"):
        list(live)
    live.close()
    bench.close()
