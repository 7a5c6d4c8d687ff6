"""The very firmware on a port: streaming, reset, power cuts, unplugging, a bad line both ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.fake_board import SHOULDER
from tests.helpers.virtual_port import VirtualPort

pytest.importorskip("unicorn", reason="the emulated board needs unicorn")

from firmware_sim.build import Firmware, build
from firmware_sim.emulator import Emulator
from firmware_sim.faults import Faults
from firmware_sim.sensor import Lsm6dso
from odl import data
from odl.core.config import Config
from odl.core.events import AddClass, Command, Gap, Label, Learned, Output, Prediction, Query, Samples
from odl.core.fixed_point import input_scaling
from odl.core.session import Session
from odl.data import load_session
from odl.device.board import Board, BoardEvent, BoardState, LostFrames, Restarted, StateRead
from tests.helpers.waiting import LIMIT

TURN = 0.02  # seconds that the board runs at a time
BLOCK: NDArray[np.int16] = np.concatenate([part.block for part in load_session("shoulder", 8)])
CHANNELS = [(c.name, c.unit, c.scale) for c in SHOULDER.channels]


@pytest.fixture(scope="module")
def sensing() -> Firmware:
    """Firmware with its own sensor."""
    return build(SHOULDER, sensor="lsm6dso")


@pytest.fixture(scope="module")
def fed() -> Firmware:
    """Firmware that the host feeds."""
    return build(SHOULDER, sensor="link")


class Served:
    """An emulated board on a port, in virtual time."""

    def __init__(
        self, emulator: Emulator, port: VirtualPort, sent: Faults | None = None, heard: Faults | None = None
    ):
        self.emulator, self.port = emulator, port
        self._sent, self._heard = sent, heard
        self._ended = False
        self._turn()

    def _turn(self) -> None:
        """Let the board run for a while, again and again."""
        heard = self.port.read(0)
        self.emulator.write(self._sent.feed(heard) if self._sent else heard)
        said = self.emulator.run(TURN) if self.emulator.powered else b""
        self.port.write(self._heard.feed(said) if self._heard else said)
        if not self._ended:
            self.port.clock.after(TURN, self._turn)

    def close(self) -> None:
        self._ended = True
        self.port.close()


def settings(board: Board) -> Config:
    """Questions every three windows, scaled from what the board describes, or from the recording."""
    described = board.description
    assert described is not None
    channels = described.channels or [(c.name, c.unit, c.scale) for c in data.load_card("shoulder").channels]
    scaling = input_scaling(list(channels), CHANNELS)
    return Config(
        policy="periodic", allowed=100, horizon=300,
        mult=scaling.mult, shift=scaling.shift, offset=scaling.offset,
    )  # fmt: skip


@contextmanager
def served(
    firmware: Firmware, port: VirtualPort, sent: Faults | None = None, heard: Faults | None = None
) -> Iterator[tuple[Served, Board]]:
    """A board that has been greeted, on a line."""
    one = Served(Emulator(firmware.elf, Lsm6dso(BLOCK, rate_hz=50.0)), port, sent, heard)
    with port.open() as line:
        board = Board(line, SHOULDER.checksum, seq=1000)
        board.wait = 0.02
        board.greet(60.0)
        yield one, board
    one.close()


def until(board: Board, wanted: Callable[[list[BoardEvent]], bool], limit: float = LIMIT) -> list[BoardEvent]:
    clock, passed, events = board.line.clock, list[BoardEvent](), iter(board)
    end = clock.monotonic() + limit
    while not wanted(passed):
        event = next(events)
        if not (isinstance(event, Samples) and len(event.block) == 0):
            passed.append(event)
        assert clock.monotonic() < end, (board.state, board.problem, passed[-5:])
    return passed


def taken(passed: list[BoardEvent]) -> int:
    """Samples that came, each the one that the sensor gave at that place, none twice."""
    first = next(e.block[0] for e in passed if isinstance(e, Samples))
    begin = next(k for k in range(200) if np.array_equal(BLOCK[k], first))  # some passed before a session ran
    at = n = 0
    for event in passed:
        if isinstance(event, Samples):
            size = len(event.block)
            assert event.start == at
            assert np.array_equal(event.block, BLOCK[begin + at : begin + at + size])
            at, n = at + size, n + size
        elif isinstance(event, Gap):
            assert event.start == at
            at += event.lost
    return n


def windows(passed: list[BoardEvent]) -> int:
    return sum(isinstance(event, Prediction) for event in passed)


def follow(twin: Session, passed: list[BoardEvent]) -> tuple[list[Output], list[Output]]:
    """What the board said, and what a session says to the same inputs."""
    heard, expected = list[Output](), list[Output]()
    for event in passed:
        if isinstance(event, Samples | Gap | Command):
            expected += twin.step(event)
        elif isinstance(event, Output):
            heard.append(event)
    return heard, expected


def test_a_board_that_learns_is_followed(sensing: Firmware, port: VirtualPort) -> None:
    with served(sensing, port) as (_, board):
        assert board.description is not None and board.description.sensor == "lsm6dso"
        config = settings(board)
        board.configure(config, 77)
        passed = until(board, lambda p: any(isinstance(e, Query) for e in p))
        window = next(e.window for e in passed if isinstance(e, Query))
        board.send(AddClass(0, 9, "wave", 0))
        board.send(Label(0, window, 9))
        passed += until(board, lambda p: any(isinstance(e, Learned) for e in p) and windows(p) >= 3)
    heard, expected = follow(Session(SHOULDER, config), passed)
    assert heard == expected[: len(heard)] and len(expected) - len(heard) <= 2
    assert (board.lost_frames, board.lost_samples) == (0, 0)
    assert taken(passed) > 200


@pytest.mark.parametrize("how", ["reset", "power"])
def test_a_board_that_starts_anew_goes_on_with_what_it_learned(sensing: Firmware, how: str) -> None:
    with served(sensing, VirtualPort()) as (one, board):
        config = settings(board)
        board.configure(config, 77)
        board.on_restart = lambda away: (board.position + 1000, 0)
        passed = until(board, lambda p: any(isinstance(e, Query) for e in p))
        board.send(Label(0, next(e.window for e in passed if isinstance(e, Query)), 3))
        passed += until(board, lambda p: any(isinstance(e, Learned) for e in p))
        if how == "reset":
            one.emulator.reset()
        else:
            one.emulator.power_cut()
            one.emulator.run(0.01)
            one.emulator.power_on()
        passed += until(board, lambda p: any(isinstance(e, Restarted) for e in p))
        board.ask_state()
        after = until(board, lambda p: any(isinstance(e, StateRead) for e in p))
        place = next(i for i, e in enumerate(after) if isinstance(e, StateRead))
        read = after[place]
        assert isinstance(read, StateRead)
        rest = after[place + 1 :] + until(board, lambda p: windows(p) >= 4)
    twin = Session(SHOULDER, config)
    twin.restore(read.state)
    assert twin._core.state["n_log"][0] == 1
    assert twin.position == 1000 + sum(
        len(e.block) for e in [*passed, *after[:place]] if isinstance(e, Samples)
    )
    heard, expected = follow(twin, rest)
    assert heard == expected[: len(heard)] and len(heard) >= 4


def test_unplugging_a_board_that_runs_on(sensing: Firmware, port: VirtualPort) -> None:
    with served(sensing, port) as (one, board):
        board.configure(settings(board), 77)
        passed = until(board, lambda p: windows(p) >= 2)
        port.unplug()
        unplugged = one.emulator.seconds
        passed += until(board, lambda p: board.state is BoardState.UNPLUGGED)
        passed += until(board, lambda p: one.emulator.seconds > unplugged + 1)
        port.plug()
        passed += until(board, lambda p: windows(p) >= 2)
    gaps = [e for e in passed if isinstance(e, Gap)]
    assert len(gaps) == 1 and gaps[0].why == "unplugged" and gaps[0].lost > 0
    assert any(isinstance(e, LostFrames) and e.cause == "unplugged" for e in passed)
    assert taken(passed) > 200


@pytest.mark.parametrize("seed", [1, 2])
def test_hardware_in_the_loop_over_a_bad_line(fed: Firmware, seed: int) -> None:
    rates = {"drop": 0.02, "flip": 0.03, "duplicate": 0.02, "cut": 0.005, "longest": 5}
    sent, heard_ = Faults(seed, **rates), Faults(seed + 10, **rates)  # type: ignore[arg-type]
    with served(fed, VirtualPort(), sent, heard_) as (_, board):
        config = settings(board)
        board.configure(config, 77)
        twin, passed, expected = Session(SHOULDER, config), list[BoardEvent](), list[Output]()
        for at in range(0, 3000, 50):
            event = Samples(at, BLOCK[at : at + 50])
            passed += board.step(event)
            expected += twin.step(event)
            if at == 1000:
                add = AddClass(1050, 9, "wave", 0)
                passed += board.step(add)
                expected += twin.step(add)
        state = board.read_state()[0]
    assert state == twin.snapshot()
    missing = sum(e.frames for e in passed if isinstance(e, LostFrames))
    heard = [e for e in passed if isinstance(e, Output)]
    assert len(expected) - missing <= len(heard) <= len(expected)
    rest = iter(expected)
    assert all(output in rest for output in heard)  # in order, none twice, none wrong
    assert sent.counts["flip"] and heard_.counts["drop"] and board.link.counters.retries


def test_a_bad_line_gives_no_wrong_sample(sensing: Firmware) -> None:
    rates = {"drop": 0.02, "flip": 0.03, "duplicate": 0.02, "stall": 0.002, "cut": 0.005, "longest": 5}
    port = VirtualPort()
    faults = Faults(3, clock=port.clock, **rates)  # type: ignore[arg-type]
    with served(sensing, port, heard=faults) as (_, board):
        board.configure(settings(board), 77)
        passed = until(board, lambda p: sum(len(e.block) for e in p if isinstance(e, Samples)) >= 1500)
    assert taken(passed) >= 1500
    assert board.lost_samples == sum(e.lost for e in passed if isinstance(e, Gap)) > 0
    assert board.status is not None and board.status.dropped == 0
