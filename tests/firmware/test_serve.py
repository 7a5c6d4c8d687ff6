"""``odl board``: an emulated board behind a port that a serial library opens."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from firmware_sim.serve import Pty, Socket, open_port, serve
from odl import data
from odl.cli.main import main
from odl.core.config import Config
from odl.core.events import Prediction, Samples
from odl.core.fixed_point import input_scaling
from odl.core.image import Image
from odl.core.session import Session
from odl.wire import Deframer, decode, is_output, open_envelope
from odl.wire.client import BoardClient
from tests.helpers.virtual_clock import VirtualClock
from tests.helpers.waiting import LIMIT, let_others_run

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["pty", "socket"])
def port(request: pytest.FixtureRequest) -> Iterator[str]:
    """A board on a port, playing subject 3 at ten times real time."""
    command = [sys.executable, "-m", "odl", "board", "--play", "shoulder", "--subject", "3",
               "--speed", "10", "--seconds", "600"]  # fmt: skip
    command += ["--socket"] if request.param == "socket" else []
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    assert first.startswith("port: " + ("socket://127.0.0.1:" if request.param == "socket" else "/"))
    yield first.removeprefix("port: ").strip()
    process.terminate()
    process.wait(LIMIT)
    process.stdout.close()


def shoulder_config() -> tuple[Image, Config]:
    image = Image.from_bytes(data.model_bytes("shoulder"))
    sides = [
        [(c.name, c.unit, c.scale) for c in x] for x in (data.load_card("shoulder").channels, image.channels)
    ]
    scaling = input_scaling(*sides)
    return image, Config(
        policy="periodic", allowed=5, horizon=300,
        mult=scaling.mult, shift=scaling.shift, offset=scaling.offset,
    )  # fmt: skip


def test_a_host_follows_a_board_that_senses_by_itself(port: str) -> None:
    """Its samples come before what came of them, and replay to the very same outputs."""
    image, config = shoulder_config()
    said = bytearray()  # what comes with the client's answers too: the first samples may
    with serial.serial_for_url(port, timeout=0.05) as line:

        def read() -> bytes:
            data: bytes = line.read(max(1, line.in_waiting))
            said.extend(data)
            return data

        client = BoardClient(lambda b: line.write(b), read, limit=60)
        info = client.hello()
        assert info.image == image.checksum
        card, description = data.load_card("shoulder"), client.description
        assert description is not None and description.board["rate_hz"] == card.rate_hz
        assert description.board["channels"] == [[c.name, c.unit, c.scale] for c in card.channels]
        client.configure(config)
        session, deframer = Session(image, config), Deframer()
        expected, heard = [], []
        until = time.monotonic() + LIMIT
        while len(heard) < 6 and time.monotonic() < until:
            read()
            payloads = deframer.feed(bytes(said))
            said.clear()
            for payload in payloads:
                message = decode(open_envelope(payload)[2])
                if isinstance(message, Samples):
                    expected += session.step(message)
                elif is_output(message):
                    heard.append(message)
    assert sum(isinstance(e, Prediction) for e in heard) >= 3
    assert heard == expected[: len(heard)]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_a_slow_reader_of_a_terminal_loses_nothing() -> None:
    said = bytes(range(256)) * 100  # many times what the terminal keeps
    port = Pty(patience=LIMIT)
    with serial.Serial(port.name, timeout=LIMIT) as line:
        writer = threading.Thread(target=port.write, args=(said,))
        writer.start()
        heard = b""
        while len(heard) < len(said) and (some := line.read(min(1000, len(said) - len(heard)))):
            heard += some
            let_others_run()
        writer.join()
    port.close()
    assert heard == said


class TalkingBoard:
    """Sends the same number of bytes whenever it runs."""

    powered, seconds = True, 0.0

    def __init__(self, size: int) -> None:
        self.size, self.runs = size, list[float]()

    def write(self, data: bytes) -> None:
        raise AssertionError("nothing was sent")

    def run(self, seconds: float) -> bytes:
        self.runs.append(seconds)
        self.seconds += seconds
        return bytes(self.size)


@pytest.mark.parametrize("number", [None, 0])
def test_nobody_listening_does_not_stop_a_board(number: int | None) -> None:
    port, board = open_port(number), TalkingBoard(4096)
    serve(board, port, speed=50, until=lambda: board.seconds > 5, clock=VirtualClock(tick=0.005))  # type: ignore[arg-type]
    port.close()
    assert len(board.runs) * board.size > 65536  # more than any port keeps for a reader who may come


def test_a_board_in_a_hurry_still_looks_at_its_port() -> None:
    port, board = open_port(0), TalkingBoard(0)
    serve(board, port, speed=1e9, until=lambda: len(board.runs) > 5, clock=VirtualClock())  # type: ignore[arg-type]
    port.close()
    assert max(board.runs) <= 10


@pytest.mark.parametrize(
    "words",
    ["--speed 0", "--speed inf", "--speed nan", "--seconds nan", "--seconds -1", "--socket 70000",
     "--socket -1", "--subject 3", "--data here", "--play nothing", "--play shoulder --subject 99",
     "--model x.odlm"],
)  # fmt: skip
def test_bad_options_are_one_sentence(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["board", *([] if "--seconds" in words else ["--seconds", "1"]), *words.split()]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("odl: ")


def test_how_to_go_on_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["board", "--seconds", "0.01", "--socket"]) == 0
    out, err = capsys.readouterr()
    port = out.strip().removeprefix("port: ")
    assert port.startswith("socket://") and f"odl live --port {port}" in err


def test_firmware_build_writes_three_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["firmware", "build", "--model", "shoulder", "--out", str(tmp_path)]) == 0
    assert {p.suffix for p in tmp_path.iterdir()} == {".elf", ".bin", ".map"}
    assert "RAM" in capsys.readouterr().out
    assert main(["firmware", "build", "--model", "shoulder", "--board", "esp32", "--out", str(tmp_path)]) == 2
    assert "nucleo_f401re" in capsys.readouterr().err


def test_doctor_names_every_tool(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in ("ziglang", "unicorn", "arm-none-eabi-gcc", "qemu-system-arm"))


def test_a_second_caller_does_not_throw_the_first_off() -> None:
    port = Socket()
    number = int(port.name.rpartition(":")[2])

    def heard(want: bytes) -> bytes:
        data = b""
        for _ in range(100):
            data += port.read(0.1)
            if data == want:
                break
        return data

    with socket.create_connection(("127.0.0.1", number), 5) as first:
        first.sendall(b"one")
        assert heard(b"one") == b"one"
        with socket.create_connection(("127.0.0.1", number), 5) as second:
            assert port.read(5) == b""
            assert second.recv(10) == b""  # hung up on
        first.sendall(b"two")
        assert heard(b"two") == b"two"
        port.write(b"answer")
        assert first.recv(10) == b"answer"
    with socket.create_connection(("127.0.0.1", number), 5) as third:  # the first has left, perhaps unnoticed
        third.sendall(b"three")
        assert heard(b"three") == b"three"
    port.close()
