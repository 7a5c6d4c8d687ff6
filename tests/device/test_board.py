"""A board as a source: greeting, streaming, loss, unplugging, restarts, other boards."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from odl.core.events import AddClass, Gap, Label, Learned, Prediction, Query, Samples, Undo
from odl.core.session import Session
from odl.data import load_session
from odl.device.board import Board, BoardEvent, BoardState, LostFrames, Restarted, StateRead
from odl.wire import Failure, Refusal, Refused, frame, is_output, open_envelope
from odl.wire.client import BoardError
from tests.helpers.fake_board import CONFIG, SHOULDER, BoardHarness, FakeBoard
from tests.helpers.virtual_port import VirtualPort, open_line
from tests.helpers.waiting import LIMIT

BLOCK: NDArray[np.int16] = np.concatenate([part.block for part in load_session("shoulder", 8)])[:4000]
TEN = BLOCK[:10]


@contextmanager
def opened(bench: BoardHarness, image: int | None = SHOULDER.checksum) -> Iterator[Board]:
    """A board that has been greeted and runs session 77."""
    with open_line(bench.port.name) as line:
        board = Board(line, image, seq=65530)
        board.wait = 0.02
        board.greet(60.0)
        assert board.configure(CONFIG, 77) == 0
        yield board


def until(board: Board, wanted: Callable[[list[BoardEvent]], bool], limit: float = LIMIT) -> list[BoardEvent]:
    """All that passes until ``wanted`` is content, idle blocks left out."""
    clock = board.line.clock
    end, passed = clock.monotonic() + limit, list[BoardEvent]()
    events = iter(board)
    while not wanted(passed):
        event = next(events)
        if not (isinstance(event, Samples) and len(event.block) == 0):
            passed.append(event)
        assert clock.monotonic() < end, (board.state, board.problem, passed[-5:])
    return passed


def turns(board: Board, state: BoardState) -> list[BoardEvent]:
    """All that passes until the board is in ``state``."""
    return until(board, lambda passed: board.state is state)


def samples(passed: list[BoardEvent]) -> int:
    return sum(len(event.block) for event in passed if isinstance(event, Samples))


def stands(passed: list[BoardEvent], start: int = 0) -> int:
    """Where the stream stands after ``passed``, each input beginning where the last one ended."""
    at = start
    for event in passed:
        if isinstance(event, Samples):
            assert event.start == at
            at += len(event.block)
        elif isinstance(event, Gap):
            assert event.start == at
            at += event.lost
    return at


def feed(bench: BoardHarness, first: int, last: int) -> None:
    for at in range(first, last, 10):
        bench.board.sense(BLOCK[at : at + 10])


def test_what_a_board_sends_replays_to_the_same_outputs(any_bench: BoardHarness) -> None:
    with opened(any_bench) as board:
        assert board.description is not None and board.description.name == "fake"
        feed(any_bench, 0, 700)
        expected = Session(SHOULDER, CONFIG).step(Samples(0, BLOCK[:700]))
        passed = until(board, lambda p: samples(p) == 700 and sum(map(is_output, p)) >= len(expected))
        assert board.state is BoardState.STREAMING
    twin, heard = Session(SHOULDER, CONFIG), []
    for event in passed:
        if isinstance(event, Samples):
            heard += twin.step(event)
    assert [event for event in passed if is_output(event)] == heard == expected
    assert board.lost_samples == board.lost_frames == 0


def test_commands_come_back_with_their_place(any_bench: BoardHarness) -> None:
    with opened(any_bench) as board:
        feed(any_bench, 0, 700)
        passed = until(board, lambda p: any(isinstance(event, Query) for event in p))
        window = next(event.window for event in passed if isinstance(event, Query))
        asked = [AddClass(0, 9, "wave", 0), Label(0, window, 9), Undo(0)]
        requests = [board.send(command) for command in asked]
        passed = until(board, lambda p: all(r.done for r in requests))
        assert all(r.failure is None for r in requests)
        at = {event.at for event in passed if isinstance(event, AddClass | Label | Undo | Learned)}
        names = [
            type(event).__name__ for event in passed if not isinstance(event, Samples | Prediction | Query)
        ]
    assert names == ["AddClass", "Label", "Learned", "Undo"]
    assert at == {700}


def test_an_idle_board_yields_empty_blocks_at_its_position(bench: BoardHarness) -> None:
    with opened(bench) as board:
        feed(bench, 0, 20)
        until(board, lambda p: samples(p) == 20)
        board.wait = 0
        event = next(iter(board))
        assert isinstance(event, Samples) and event.start == 20 and event.block.shape == (0, 6)


def test_lost_frames_become_a_gap_with_its_cause(bench: BoardHarness) -> None:
    with opened(bench) as board:
        feed(bench, 0, 50)
        until(board, lambda p: samples(p) == 50)
        bench.mangle = lambda data: b""
        feed(bench, 50, 90)
        bench.flush()
        bench.mangle = lambda data: data
        feed(bench, 90, 100)
        passed = until(board, lambda p: samples(p) == 10)
    assert passed[:3] == [
        LostFrames(4, "lost on the line"), Gap(50, 40, "lost on the line"), Samples(90, BLOCK[90:100])
    ]  # fmt: skip
    assert (board.lost_frames, board.lost_samples) == (4, 40)


def test_a_lost_tail_is_told_by_the_status(bench: BoardHarness) -> None:
    with opened(bench) as board:
        bench.mangle = lambda data: b""
        feed(bench, 0, 30)
        bench.flush()
        bench.mangle = lambda data: data
        bench.board.tick()
        passed = until(board, lambda p: len(p) == 2)
        assert passed == [LostFrames(3, "lost on the line"), Gap(0, 30, "lost on the line")]


def test_a_gap_of_the_board_itself_passes_with_its_reason_cleaned(bench: BoardHarness) -> None:
    with opened(bench) as board:
        bench.board.sense(TEN)
        bench.board.miss(7)
        bench.board.tick()
        passed = until(board, lambda p: len(p) == 2)
        assert passed[1] == Gap(10, 7, "sensor[2J")
        turns(board, BoardState.STREAMING)
        assert board.status is not None and board.status.dropped == 7
        assert board.lost_samples == 0


def test_what_came_before_the_board_was_known_again_is_not_forgotten(bench: BoardHarness) -> None:
    with opened(bench) as board:
        feed(bench, 0, 100)
        until(board, lambda p: samples(p) == 100)
        hello, board._receiver.requests.hello = board._receiver.requests.hello, lambda: False  # type: ignore[method-assign]
        bench.unplug()
        turns(board, BoardState.UNPLUGGED)
        bench.plug()
        turns(board, BoardState.GREETING)
        feed(bench, 100, 120)
        until(board, lambda p: len(board._receiver._held) == 2)
        bench.unplug()
        passed = turns(board, BoardState.UNPLUGGED)
        board._receiver.requests.hello = hello  # type: ignore[method-assign]
        bench.plug()
        passed += turns(board, BoardState.STREAMING)
        feed(bench, 120, 130)
        passed += until(board, lambda p: samples(p) == 10)
    assert [e for e in passed if isinstance(e, Gap)] == [Gap(100, 20, "unplugged")]
    assert board.link.counters.lost == 0
    assert [e for e in passed if isinstance(e, LostFrames)] == [LostFrames(2, "unplugged")]


def test_more_than_is_held_until_the_board_is_known_again_is_lost_and_told(
    bench: BoardHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("odl.device.receiver._HELD", 4)
    with opened(bench) as board:
        feed(bench, 0, 50)
        until(board, lambda p: samples(p) == 50)
        hello, board._receiver.requests.hello = board._receiver.requests.hello, lambda: False  # type: ignore[method-assign]
        bench.unplug()
        turns(board, BoardState.UNPLUGGED)
        bench.plug()
        turns(board, BoardState.GREETING)
        frames = board.link.counters.frames
        feed(bench, 50, 120)
        passed = until(board, lambda p: board.link.counters.frames == frames + 7)
        board._receiver.requests.hello = hello  # type: ignore[method-assign]
        passed += until(board, lambda p: samples(p) == 40)
    assert [event for event in passed if isinstance(event, Gap)] == [Gap(50, 30, "unplugged")]
    assert stands(passed, 50) == 120
    assert (board.lost_frames, board.lost_samples) == (3, 30)


@pytest.mark.parametrize("times", [1, 3])
def test_unplugging_leaves_a_gap_and_the_session_goes_on(bench: BoardHarness, times: int) -> None:
    with opened(bench) as board:
        at = 0
        for _ in range(times):
            feed(bench, at, at + 100)
            until(board, lambda p: samples(p) == 100)
            bench.unplug()
            turns(board, BoardState.UNPLUGGED)
            feed(bench, at + 100, at + 200)
            bench.plug()
            passed = turns(board, BoardState.STREAMING)
            feed(bench, at + 200, at + 300)
            passed += until(board, lambda p: samples(p) == 100)
            gaps = [event for event in passed if isinstance(event, Gap)]
            assert gaps == [Gap(at + 100, 100, "unplugged")]
            assert any(isinstance(event, LostFrames) and event.cause == "unplugged" for event in passed)
            assert stands(passed, at + 100) == at + 300
            at += 300
        assert len([m for m in bench.board.done if type(m).__name__ == "Configure"]) == 1


def test_a_command_sent_while_the_port_is_gone_is_done_once_afterwards(bench: BoardHarness) -> None:
    with opened(bench) as board:
        bench.unplug()
        turns(board, BoardState.UNPLUGGED)
        request = board.send(AddClass(0, 9, "wave", 0))
        bench.plug()
        passed = until(board, lambda p: request.done and board.state is BoardState.STREAMING)
        assert request.failure is None
        assert [event for event in passed if isinstance(event, AddClass)] == [AddClass(0, 9, "wave", 0)]


def test_a_restarted_board_is_set_up_again_and_keeps_what_it_learned(bench: BoardHarness) -> None:
    with opened(bench) as board:
        asked: list[float] = []

        def again(away: float) -> tuple[int, int]:
            asked.append(away)
            return board.position + 500, 2

        board.on_restart = again
        feed(bench, 0, 700)
        passed = until(board, lambda p: any(isinstance(event, Query) for event in p))
        window = next(event.window for event in passed if isinstance(event, Query))
        request = board.send(Label(0, window, 2))
        until(board, lambda p: request.done and any(isinstance(event, Learned) for event in p))
        bench.board.restart()
        passed = until(board, lambda p: any(isinstance(event, Restarted) for event in p))
        assert board.state is BoardState.STREAMING
        feed(bench, 700, 720)
        passed += until(board, lambda p: samples(p) == 20)
        snapshot = board.read_state()[0]
        configure = bench.board.done[-1]
    assert len(asked) == 1 and asked[0] >= 0
    assert Restarted(1200) in passed
    assert [e for e in passed if isinstance(e, Gap)] == [Gap(700, 500, "the board restarted")]
    assert stands(passed, 700) == 1220
    assert (configure.keep, configure.position, configure.issued, configure.session) == (1, 1200, 2, 77)
    twin = Session(SHOULDER, CONFIG)
    twin.restore(snapshot)
    assert twin.position == 1220 and twin._core.state["n_log"][0] == 1


def test_a_restart_while_unplugged_is_noticed(any_bench: BoardHarness) -> None:
    with opened(any_bench) as board:
        feed(any_bench, 0, 100)
        until(board, lambda p: samples(p) == 100)
        any_bench.unplug()
        any_bench.board.restart()
        any_bench.plug()
        passed = until(board, lambda p: any(isinstance(event, Restarted) for event in p))
        feed(any_bench, 100, 120)
        passed += until(board, lambda p: samples(p) == 20)
        assert stands(passed, 100) == 120


def test_the_state_is_of_the_place_where_it_comes(bench: BoardHarness) -> None:
    with opened(bench) as board:
        feed(bench, 0, 300)
        board.ask_state()
        feed(bench, 300, 400)
        passed = until(board, lambda p: samples(p) == 400 and any(isinstance(e, StateRead) for e in p))
        place = next(i for i, event in enumerate(passed) if isinstance(event, StateRead))
        twin = Session(SHOULDER, CONFIG)
        for event in passed[:place]:
            if isinstance(event, Samples):
                twin.step(event)
        read = passed[place]
    assert isinstance(read, StateRead) and read.state == twin.snapshot()


def test_a_part_of_the_state(bench: BoardHarness) -> None:
    with opened(bench) as board:
        feed(bench, 0, 300)
        until(board, lambda p: samples(p) == 300)
        twin = Session(SHOULDER, CONFIG)
        twin.step(Samples(0, BLOCK[:300]))
        for offset, size in ((0, 100), (16000, 200)):
            board.ask_state((offset, size))
            [read] = [e for e in until(board, lambda p: len(p) > 0) if isinstance(e, StateRead)]
            assert read.state == twin.snapshot()[offset : offset + size]
        for wrong in ((0, 10**6), (0, 0), (-1, 5), (0, 65536)):
            with pytest.raises(BoardError, match="cannot be read at one moment"):
                board.ask_state(wrong)


def test_hardware_in_the_loop_gives_what_the_session_gives(port: VirtualPort) -> None:
    bench = BoardHarness(port, FakeBoard(sensor=False))
    with opened(bench) as board:
        assert board.description is not None and board.description.channels is None
        twin = Session(SHOULDER, CONFIG)
        for event in (
            Samples(0, BLOCK[:700]), Gap(700, 50, "x"), AddClass(750, 9, "wave", 0), Samples(750, BLOCK[:300])
        ):  # fmt: skip
            assert board.step(event) == twin.step(event)
            assert board.position == twin.position
        with pytest.raises(BoardError, match="the board refuses Samples: order"):
            board.step(Samples(5, TEN))
    bench.close()


def test_a_board_is_attached_to_only_with_its_session(bench: BoardHarness) -> None:
    with opened(bench) as board:
        feed(bench, 0, 100)
        until(board, lambda p: samples(p) == 100)
    feed(bench, 100, 150)
    with open_line(bench.port.name) as line:
        board = Board(line, SHOULDER.checksum, seq=9)
        board.greet(60.0)
        with pytest.raises(BoardError, match="the board runs session 0000004d, not 0000004e"):
            board.attach(CONFIG, 78, 100)
        board.attach(CONFIG, 77, 100)
        feed(bench, 150, 160)
        passed = until(board, lambda p: samples(p) == 10)
        assert passed[-2:] == [Gap(100, 50, "nobody listened"), Samples(150, BLOCK[150:160])]


# --- what is refused -----------------------------------------------------------------------


def test_another_version_is_refused_with_both(port: VirtualPort) -> None:
    fake = FakeBoard(major=3)
    fake.out.clear()  # what it said at first was not heard
    bench = BoardHarness(port, fake)
    with (
        open_line(port.name) as line,
        pytest.raises(BoardError, match=r"speaks protocol 3\.0 and this odl 2\.0"),
    ):
        Board(line).greet(1e9)  # there is nothing to wait for
    bench.close()


class OfAnotherVersion(FakeBoard):
    """Its Info has nothing of ours but where the version stands; the first one may get lost."""

    def __init__(self, lost: int) -> None:
        super().__init__(major=9)
        self.out.clear()
        self.lost = lost

    def receive(self, bytes_: bytes) -> None:
        """Bytes from the host, all of which are Hello."""
        for payload in self._deframer.feed(bytes_):
            if not self.lost:
                self.out += frame(b"\x04\x09\x02whatever", self.frames)
            self.frames, self.lost = self.frames + 1, max(0, self.lost - 1)
            self.say(Refused(3, Refusal.VERSION, open_envelope(payload)[0]))


@pytest.mark.parametrize("lost, named", [(0, r"9\.2"), (1, r"9\.2"), (10**9, "another version")])
def test_a_version_with_another_info_is_named(port: VirtualPort, lost: int, named: str) -> None:
    bench = BoardHarness(port, OfAnotherVersion(lost))
    with (
        open_line(port.name) as line,
        pytest.raises(BoardError, match=f"protocol {named} and this odl 2\\.0"),
    ):
        Board(line).greet(1e9)  # asked again at once
    bench.close()


def test_another_model_image_is_refused_by_name(bench: BoardHarness) -> None:
    with open_line(bench.port.name) as line:
        board = Board(line, image=0xABCD)
        with pytest.raises(BoardError, match=f"checksum {SHOULDER.checksum:08x}, not 0000abcd"):
            board.greet(60.0)
        assert board.state is BoardState.FAULTY


def test_nobody_answers(port: VirtualPort) -> None:
    with (
        open_line(port.name) as line,
        pytest.raises(BoardError, match=r"nothing answers on .* within 0.3 s"),
    ):
        Board(line).greet(0.3)


def test_a_port_that_echoes_or_babbles_is_no_board() -> None:
    with VirtualPort().open() as line:
        line.put(b"7,7\r\n")
        with pytest.raises(BoardError, match=r"no board of this protocol.*`format='csv'`"):
            Board(line).greet(0.1)


def test_a_second_board_after_replugging_is_not_listened_to(bench: BoardHarness) -> None:
    with opened(bench) as board:
        feed(bench, 0, 100)
        until(board, lambda p: samples(p) == 100)
        ours = bench.board
        bench.unplug()
        turns(board, BoardState.UNPLUGGED)
        other = FakeBoard(SHOULDER)
        other.info = lambda: replace(ours.info(), image=5, session=0, frames=other.frames)  # type: ignore[method-assign]
        request = board.send(AddClass(0, 9, "wave", 0))
        bench.plug(other)
        turns(board, BoardState.OTHER_BOARD)
        assert "checksum 00000005" in board.problem
        assert samples([event for event, _ in zip(board, range(60), strict=False)]) == 0
        assert other.done == []  # not even what waits to be done
        bench.unplug()
        bench.plug(ours)
        turns(board, BoardState.STREAMING)
        assert board.problem == ""
        feed(bench, 100, 110)
        passed = until(board, lambda p: samples(p) == 10)
        assert stands(passed, 100) == 110
        assert request.failure is Failure.RESTART  # nobody knows whether it was done


def test_a_command_that_was_under_way_is_not_done_by_another_board(bench: BoardHarness) -> None:
    with opened(bench) as board:
        ours = bench.board
        bench.mangle = lambda data: b""  # the answer gets lost
        request = board.send(AddClass(0, 9, "wave", 0))
        while len(ours.done) < 2:
            next(iter(board))
        bench.unplug()
        other = FakeBoard(SHOULDER)
        other.info = lambda: replace(ours.info(), image=5, session=0, frames=other.frames)  # type: ignore[method-assign]
        bench.mangle = lambda data: data
        bench.plug(other)
        turns(board, BoardState.GREETING)
        assert samples([event for event, _ in zip(board, range(60), strict=False)]) == 0
        other.say_hello()  # as boards do every few seconds
        turns(board, BoardState.OTHER_BOARD)
        bench.unplug()
        bench.plug(ours)
        turns(board, BoardState.STREAMING)
        assert other.done == [] and request.failure is Failure.RESTART
        assert [type(m).__name__ for m in ours.done] == ["Configure", "AddClass"]  # once


def test_samples_right_behind_the_answer_to_configure_are_not_missed(
    bench: BoardHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take(self: FakeBoard, *given: object) -> None:
        configured = self.session is not None
        plain(self, *given)  # type: ignore[arg-type]
        if self.session is not None and not configured:
            block = Samples(0, TEN)
            self.say(block)
            self._outputs(block)

    plain = FakeBoard._take
    monkeypatch.setattr(FakeBoard, "_take", take)
    with opened(bench) as board:
        assert until(board, lambda p: len(p) > 0) == [Samples(0, TEN)]


def test_a_silent_board_is_called_silent_until_it_speaks(bench: BoardHarness) -> None:
    with opened(bench) as board:
        bench.mangle = lambda data: b""
        turns(board, BoardState.SILENT)
        bench.mangle = lambda data: data
        passed = turns(board, BoardState.STREAMING)  # it is asked, and answers
    assert not [event for event in passed if isinstance(event, Samples | Gap)]


def test_a_board_that_began_another_session_is_refused(bench: BoardHarness) -> None:
    with opened(bench) as board:
        bench.board.number = 78
        bench.board.tick()
        with pytest.raises(BoardError, match="run another session meanwhile"):
            until(board, lambda p: False)
        assert board.state is BoardState.FAULTY


@pytest.mark.parametrize(
    ("message", "what"),
    [
        (Samples(2**60, TEN), r"leapt from sample 10 to 1152921504606846976"),
        (Samples(0, TEN), r"leapt from sample 10 to 0"),
        (Samples(10, TEN[:, :3]), r"sends 3 channels, but says that it has 6"),
        (Gap(10, 2**61, ""), r"leapt from sample 10"),
        (Label(2**61, 0, 1), r"leapt from sample 10"),
    ],
)
def test_nonsense_with_a_good_checksum_ends_in_a_sentence(
    bench: BoardHarness, message: object, what: str
) -> None:
    with opened(bench) as board:
        bench.board.sense(TEN)
        bench.board.say(message)
        with pytest.raises(BoardError, match=what):
            until(board, lambda p: False)
        assert board.state is BoardState.FAULTY and board.problem


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [
        ("channels", [["ax", "g", 1.0]], "other channels than the 6"),
        ("channels", 5, "other channels than the 6"),
        ("channels", [["ax", "g", 0]] * 6, "without name, unit and scale"),
        ("channels", [["ax", "g", True]] * 6, "without name, unit and scale"),
        ("channels", [[None, "g", 1]] * 6, "without name, unit and scale"),
        ("rate_hz", -1, "samples at -1 Hz"),
        ("rate_hz", "50\x1b[2J", r"samples at 50\[2J Hz"),
        ("rate_hz", 1e300, "samples at"),
        ("rate_hz", 10**400, "samples at"),  # no float can hold that
        ("channels", [["ax", "g", 10**400]] * 6, "without name, unit and scale"),
    ],
)
def test_a_description_that_cannot_be_is_refused(
    bench: BoardHarness, key: str, value: object, what: str
) -> None:
    fake = FakeBoard()
    fake.board[key] = value
    fake.out.clear()
    bench.unplug()
    bench.plug(fake)
    with open_line(bench.port.name) as line, pytest.raises(BoardError, match=what):
        Board(line).greet(60.0)


def test_a_name_of_a_board_cannot_command_a_terminal(port: VirtualPort) -> None:
    fake = FakeBoard()
    fake.board["name"] = "\x1b]0;x\x07wrist\n"
    fake.out.clear()
    bench = BoardHarness(port, fake)
    with open_line(port.name) as line:
        assert Board(line).greet(60.0).name == "]0;xwrist"
    bench.close()


# --- a bad line ----------------------------------------------------------------------------


def test_a_line_that_flips_and_drops_bytes_never_gives_a_wrong_sample(bench: BoardHarness) -> None:
    chance = random.Random(5)

    def mangle(data: bytes) -> bytes:
        kept = bytearray(data)
        for _ in range(len(kept) // 300 + (chance.random() < 0.1)):
            place = chance.randrange(len(kept))
            kind = chance.randrange(3)
            if kind == 0:
                kept[place] ^= 1 << chance.randrange(8)
            elif kind == 1:
                del kept[place]
            else:
                kept.insert(place, chance.randrange(256))
            if not kept:
                break
        return bytes(kept)

    with opened(bench) as board:
        bench.mangle = mangle
        passed, at = list[BoardEvent](), 0
        while at < 3000:
            feed(bench, at, at + 100)
            at += 100
            request = board.send(Undo(0))
            passed += until(board, lambda p, r=request: r.done)  # type: ignore[misc]
            assert request.failure in (None, Failure.DAMAGED)
        bench.mangle = lambda data: data
        bench.board.sense(BLOCK[3000:3010])
        passed += until(board, lambda p: any(isinstance(e, Samples) and e.start == 3000 for e in p))
    assert stands(passed) == 3010
    for event in passed:
        if isinstance(event, Samples):
            assert np.array_equal(event.block, BLOCK[event.start : event.start + len(event.block)])
    assert board.lost_samples > 0
    assert sum(e.frames for e in passed if isinstance(e, LostFrames)) == board.lost_frames > 0
