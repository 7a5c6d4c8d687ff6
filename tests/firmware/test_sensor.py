"""The LSM6DSO driver against the sensor's registers."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from firmware_sim.emulator import Emulator
from firmware_sim.sensor import Lsm6dso
from tests.helpers.firmware import Make, emulated

EDGES = [[-32768, 32767, -1, 0, 1, 255], [256, -256, -32768, 32767, -129, 127]]


def recording(n: int = 60) -> NDArray[np.int16]:
    rng = np.random.default_rng(5)
    samples = rng.integers(-32768, 32768, (n, 6))
    samples[: len(EDGES)] = EDGES
    return samples.astype(np.int16)


def start(program: Make, sensor: Lsm6dso | None, compiler: str = "zig") -> Emulator:
    board = emulated(program("parts.c", compiler, "lsm6dso"), sensor=sensor)
    board.run()
    return board


def read(board: Emulator, seconds: float, step: float = 0.025) -> list[list[int]]:
    """What odl_sensor_read gives when asked again and again."""
    samples, until = [], board.seconds + seconds
    while board.seconds < until:
        board.skip(round(step * board.mhz * 1e6))
        while board.call("odl_sensor_read", board.program.address("sample")):
            samples.append(np.frombuffer(board.memory("sample"), "<i2").tolist())
    return samples


def test_samples_arrive_whole_in_order_and_once(program: Make, compiler: str) -> None:
    data = recording()
    sensor = Lsm6dso(data, rate_hz=52.0)
    board = start(program, sensor, compiler)
    assert board.call("board_sensor_start") == 1
    assert read(board, 3.0) == data.tolist()
    assert sensor.exhausted
    assert sensor.lost == 0


def test_the_sensor_is_set_up_as_the_driver_says(program: Make) -> None:
    sensor = Lsm6dso(recording())
    board = start(program, sensor)
    board.call("board_sensor_start")
    settings = {register: sensor.read(register, 0) for register in (0x09, 0x0A, 0x10, 0x11, 0x12)}
    assert settings == {0x09: 0x33, 0x0A: 6, 0x10: 0x38, 0x11: 0x3C, 0x12: 0x44}


def test_samples_come_at_their_rate(program: Make) -> None:
    board = start(program, Lsm6dso(recording(1000), rate_hz=50.0))
    board.call("board_sensor_start")
    assert 98 <= len(read(board, 2.0)) <= 100


def test_a_recording_is_played_from_the_moment_that_a_session_begins(program: Make) -> None:
    data = recording()
    sensor = Lsm6dso(data, rate_hz=52.0, waits=True)
    board = start(program, sensor)
    assert board.call("board_sensor_start") == 1
    assert read(board, 3.0) == [] and sensor.played == 0
    board.call("board_sensor_empty")
    assert read(board, 3.0) == data.tolist()


def test_a_long_stall_loses_nothing(program: Make) -> None:
    """Four seconds, longer than any erase or refit: the FIFO keeps them."""
    data = recording(300)
    board = start(program, Lsm6dso(data, rate_hz=52.0))
    board.call("board_sensor_start")
    board.skip(4 * board.mhz * 1_000_000)
    assert read(board, 3.0) == data[: 52 * 7].tolist()


@pytest.mark.parametrize("extra", [1, 2, 3])
def test_a_full_fifo_drops_the_oldest_and_stays_in_step(program: Make, extra: int) -> None:
    data = recording(400)
    sensor = Lsm6dso(data, rate_hz=52.0)
    board = start(program, sensor)
    board.call("board_sensor_start")
    board.skip((256 + extra) * sensor.period)
    got = read(board, 4.0)
    assert sensor.lost > 0
    assert got == data[len(data) - len(got) :].tolist()
    assert len(got) == 400 - sensor.lost


def test_a_word_that_is_missing_costs_one_sample(program: Make) -> None:
    data = recording(40)
    sensor = Lsm6dso(data, rate_hz=52.0)
    board = start(program, sensor)
    board.call("board_sensor_start")
    board.skip(10 * sensor.period)
    sensor.read(0x3A, board.cycles)
    sensor._fifo.popleft()  # the first gyroscope's word
    assert read(board, 2.0) == data[1:].tolist()


@pytest.mark.parametrize("break_", ["none there", "another chip", "stuck"])
def test_without_a_sensor_the_board_goes_on(program: Make, break_: str) -> None:
    sensor = None if break_ == "none there" else Lsm6dso(recording())
    board = start(program, sensor)
    if break_ == "another chip":
        assert sensor is not None
        sensor._registers[0x0F] = 0x69
    board.chip.i2c.stuck = break_ == "stuck"
    assert board.call("board_sensor_start") == 0
    assert board.seconds < 0.1
    assert read(board, 1.0) == []


class Booting(Lsm6dso):
    """Answers from the ``deaf``-th time on that somebody asks for it."""

    deaf = 0

    @property
    def address(self) -> int:  # type: ignore[override]
        self.deaf -= 1
        return 0x6B if self.deaf < 0 else 0


@pytest.mark.parametrize(("deaf", "there"), [(1, 1), (2, 1), (3, 0)])
def test_a_sensor_that_is_not_up_yet_is_waited_for(program: Make, deaf: int, there: int) -> None:
    data = recording()
    sensor = Booting(data)
    board = start(program, sensor)
    sensor.deaf = deaf
    before = board.seconds
    assert board.call("board_sensor_start") == there
    assert board.seconds - before > 0.015 * min(deaf, 2)
    assert (read(board, 3.0) == data.tolist()) == bool(there)


@pytest.mark.parametrize("how", ["comes late", "loses its power"])
def test_a_session_looks_for_a_sensor_that_was_away(program: Make, how: str) -> None:
    data = recording()
    sensor = Booting(data)
    board = start(program, sensor)
    sensor.deaf = 3 if how == "comes late" else 0
    board.call("board_sensor_start")
    sensor.power_on()
    assert read(board, 1.0) == []
    board.call("board_sensor_empty")
    assert read(board, 3.0) == data.tolist()


def test_a_bus_that_breaks_and_heals(program: Make) -> None:
    data = recording(100)
    board = start(program, Lsm6dso(data, rate_hz=52.0))
    board.call("board_sensor_start")
    first = read(board, 0.5)
    board.chip.i2c.stuck = True
    assert read(board, 0.2) == []
    board.chip.i2c.stuck = False
    assert first + read(board, 3.0) == data.tolist()
