"""The sketch that only samples, on this machine: its lines, its frames, and sessions of a host from both."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from firmware_sim.export import write_sampler
from odl.cli.main import main
from odl.core.config import Config
from odl.core.events import Gap, Samples, Undo
from odl.device.board import Board
from odl.device.csv_columns import CsvColumns
from odl.wire import (
    Configure,
    Deframer,
    Description,
    Hello,
    Info,
    Message,
    Ready,
    Refusal,
    Refused,
    Status,
    decode,
    encode,
    frame,
    open_envelope,
)
from odl.wire.session_messages import configure_message
from tests.helpers.arduino import ARDUINO, SketchMachine, compile_sketch
from tests.helpers.virtual_port import VirtualPort, open_line

NAMES = ["ax", "ay", "az", "wx", "wy", "wz"]
CONFIG = Config(mult=(1 << 14,) * 6, shift=(21,) * 6, offset=(0,) * 6)
AVR = Path("/usr/share/arduino/hardware/arduino/avr")
TURN = 20_000  # microseconds between samples


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """The sketch as lines (0) or frames (1)."""
    made: dict[int, Path] = {}

    def compiled(as_frames: int) -> Path:
        if as_frames not in made:
            folder = tmp_path_factory.mktemp("sampler")
            sketch = next(path for path in write_sampler(folder) if path.suffix == ".ino")
            made[as_frames] = compile_sketch(
                sketch, folder, (), [f"-DAS_FRAMES={as_frames}", "-Wno-unused-function"]
            )
        return made[as_frames]

    return compiled


def readings(n: int) -> np.ndarray:  # type: ignore[type-arg]
    """g and degrees a second, some beyond the range."""
    rng = np.random.default_rng(9)
    return (rng.normal(0, 1, (n, 6)) * [1.5, 1.5, 1.5, 300, 300, 1500]).astype(np.float32)


def play(machine: SketchMachine, values: np.ndarray) -> None:  # type: ignore[type-arg]
    """A reading for each sample."""
    for row in values:
        machine.imu(row.tolist())
        machine.run(TURN)


def messages(data: bytes) -> list[Message]:
    """What came, every byte of it in frames."""
    deframer = Deframer(4096)
    found = [decode(message) for _, _, message in map(open_envelope, deframer.feed(data))]
    assert deframer.lost_bytes == 0
    return found


def counts(values: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """As the description says."""
    scaled = values.astype(np.float32) * np.array([8192] * 3 + [16] * 3, np.float32)
    return np.clip(np.trunc(scaled + np.copysign(0.5, scaled)), -32768, 32767).astype(np.int16)


def test_lines_are_read_as_they_were_measured(build: Callable[[int], Path]) -> None:
    machine, values = SketchMachine(build(0)), readings(600)
    play(machine, values)
    columns = CsvColumns(["wz", *NAMES[:5]])
    rows = [columns.take(line) for line in machine.take().decode().splitlines()]
    found = np.array([row for row in rows if row is not None])
    assert columns.headers == 3 and columns.bad == 0  # names again every five seconds
    assert np.abs(found - values[:, [5, 0, 1, 2, 3, 4]]).max() <= 0.005


def test_a_line_is_missing_where_the_sensor_gave_nothing(build: Callable[[int], Path]) -> None:
    machine = SketchMachine(build(0))
    play(machine, readings(5))
    machine.imu([0.0] * 6, there=False)
    machine.run(4 * TURN)
    play(machine, readings(5))
    assert len(machine.take().splitlines()) == 11


def test_frames_carry_counts_a_session_and_what_was_lost(build: Callable[[int], Path]) -> None:
    machine, values = SketchMachine(build(1)), readings(100)
    machine.send(frame(encode(Undo(0)), 7))
    machine.send(frame(encode(Hello()), 8))
    machine.run(1000)
    first = messages(machine.take())
    assert isinstance(first[0], Refused) and first[0].why is Refusal.HELLO and first[0].reply == 7
    info = next(m for m in first if isinstance(m, Info))
    assert (info.channels, info.rate_mhz, info.image, info.session) == (6, 50_000, 0, 0)
    described = next(m for m in first if isinstance(m, Description))
    assert [c[0] for c in described.board["channels"]] == NAMES
    play(machine, values[:3])
    assert not any(isinstance(m, Samples) for m in messages(machine.take()))  # nobody has configured it
    configure = configure_message(CONFIG, 77, position=1000)
    for _ in range(2):  # sent again, done once
        machine.send(frame(encode(configure), 9))
    machine.run(1000)
    ready = [m for m in messages(machine.take()) if isinstance(m, Ready)]
    assert [(m.position, m.reply) for m in ready] == [(1000, 9), (1000, 9)]
    play(machine, values)
    machine.run(5 * TURN, step=5 * TURN)
    play(machine, values[:60])
    found = messages(machine.take())
    blocks = [m for m in found if isinstance(m, Samples)]
    lost = [m for m in found if isinstance(m, Gap)]
    assert [m.lost for m in lost] == [4]
    at = 1000
    for message in (m for m in found if isinstance(m, Samples | Gap)):
        assert message.start == at
        at += len(message.block) if isinstance(message, Samples) else message.lost
    rows = np.concatenate([m.block for m in blocks])
    assert (rows[:100] == counts(values)).all() and (np.abs(rows) == 32767).any()
    status = [m for m in found if isinstance(m, Status)]
    assert len(status) >= 2 and status[-1].session == 77 and status[-1].dropped == 4


@pytest.mark.parametrize("where", [0, 3, 12, 30])
def test_a_damaged_frame_is_refused_and_counted(build: Callable[[int], Path], where: int) -> None:
    machine = SketchMachine(build(1))
    hurt = bytearray(frame(encode(configure_message(CONFIG, 5)), 9))
    hurt[1 + where] ^= 0x55
    machine.send(frame(encode(Hello()), 8) + bytes(hurt))
    machine.send(bytes(range(1, 256)) * 3 + b"\0")
    machine.send(frame(encode(configure_message(CONFIG, 6)), 10))
    machine.run(2_000_000)
    found = messages(machine.take())
    assert sum(isinstance(m, Refused) and m.why is Refusal.DAMAGED for m in found) >= 2
    assert [m for m in found if isinstance(m, Status)][-1].session == 6


def test_a_board_of_another_version_is_told_ours(build: Callable[[int], Path]) -> None:
    machine = SketchMachine(build(1))
    machine.send(frame(encode(Hello(9, 0)), 1))
    machine.run(1000)
    found = messages(machine.take())
    assert any(isinstance(m, Info) for m in found)
    assert any(isinstance(m, Refused) and m.why is Refusal.VERSION for m in found)


def test_the_hosts_board_takes_it_for_one(build: Callable[[int], Path]) -> None:
    """Greeted, configured and iterated over, as `odl live` does."""
    machine, port, values = SketchMachine(build(1)), VirtualPort(), readings(200)
    turn = 0

    def serve() -> None:
        nonlocal turn
        machine.send(port.read(0))
        machine.imu(values[turn % 200].tolist())
        machine.run(TURN)
        turn += 1
        port.write(machine.take())

    port.serve = serve
    with open_line(port.name) as line:
        board = Board(line)
        described = board.greet()
        assert (described.name, described.rate_hz) == ("odl_sampler", 50.0)
        assert described.channels is not None and described.channels[3] == ("wx", "dps", 0.0625)
        assert board.configure(CONFIG, 99, position=500) == 500
        got = 0
        for event in board:
            if isinstance(event, Samples):
                got += len(event.block)
            if got >= 100:
                break
        assert board.session == 99 and board.lost_samples == 0
    port.close()


@pytest.mark.parametrize("as_frames", [0, 1])
def test_it_compiles_with_arduinos_own_core(as_frames: int, tmp_path: Path) -> None:
    """For AVR, whose core Debian has; the sensor's library is a stand-in."""
    if shutil.which("avr-g++") is None or not AVR.is_dir():
        pytest.skip("apt install --no-install-recommends arduino-core-avr gcc-avr avr-libc")
    sketch = next(path for path in write_sampler(tmp_path) if path.suffix == ".ino")
    shutil.copyfile(ARDUINO / "Arduino_LSM9DS1.h", tmp_path / "Arduino_LSM9DS1.h")
    command = ["avr-g++", "-mmcu=atmega2560", "-DF_CPU=16000000L", "-DARDUINO=10819", "-DARDUINO_ARCH_AVR"]
    command += ["-Os", "-std=gnu++11", "-Wall", "-Wextra", "-Werror", f"-DAS_FRAMES={as_frames}"]
    command += [f"-I{AVR / 'cores/arduino'}", f"-I{AVR / 'variants/mega'}", f"-I{tmp_path}"]
    command += ["-include", "Arduino.h", "-x", "c++", "-c", str(sketch), "-o", str(tmp_path / "sketch.o")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    sizes = subprocess.run(["avr-size", tmp_path / "sketch.o"], capture_output=True, text=True, check=True)
    assert int(sizes.stdout.splitlines()[1].split()[2]) < 1024  # bytes of RAM


def test_the_command_writes_a_sketch_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["firmware", "sketch", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "odl_sampler" / "odl_sampler.ino").is_file()
    assert main(["firmware", "sketch", "--out", str(tmp_path)]) == 2
    assert "this is there already" in capsys.readouterr().err


def test_configure_is_the_message_that_the_sketch_expects() -> None:
    """The frame fits its room."""
    assert isinstance(configure_message(CONFIG, 5), Configure)
    assert len(frame(encode(configure_message(CONFIG, 5)), 1)) < 200
