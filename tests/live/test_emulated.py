"""An emulated board in a process of its own: it starts, or says why not, and ends with who started it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import serial

from odl.evaluate.replay import replay
from odl.live import open_live
from odl.live.emulated import EmulatedBoard
from tests.helpers.waiting import LIMIT, wait_until

SLEEP = "import time; time.sleep(600)"  # a compiler that takes long; the test ends it
pytest.importorskip("unicorn", reason="the emulated board needs unicorn")
pytest.importorskip("ziglang", reason="the emulated board's firmware needs a compiler")


def silent(url: str) -> bool:
    """Whether nobody listens at ``url`` any more."""
    host, number = url.removeprefix("socket://").rsplit(":", 1)
    try:
        socket.create_connection((host, int(number)), LIMIT).close()
    except OSError:
        return True
    return False


def test_it_is_there_until_it_is_closed() -> None:
    told: list[str] = []
    with EmulatedBoard(progress=told.append) as board:
        assert board.running and any("compiling" in sentence for sentence in told)
        with serial.serial_for_url(board.url, timeout=LIMIT) as line:
            assert line.read_until(b"\0").endswith(b"\0")  # a frame ends; a caller may come amid one
    assert not board.running


def test_why_it_did_not_start_is_said() -> None:
    with pytest.raises(RuntimeError, match="did not start: --speed is 0.0; it can be a number above 0"):
        EmulatedBoard("--speed", "0")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows kills otherwise")
def test_who_interrupts_its_start_does_not_wait_for_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []

    class Interrupted(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *words: Any, **more: Any) -> None:
            super().__init__([sys.executable, "-c", SLEEP], **more)
            assert self.stdout is not None
            monkeypatch.setattr(self.stdout, "readline", self.interrupt, raising=False)
            started.append(self)

        def interrupt(self) -> str:
            raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        EmulatedBoard()
    assert started[0].returncode == -signal.SIGKILL


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to ask with")
def test_it_ends_with_who_started_it() -> None:
    program = (
        "import os, signal\n"
        "from odl.live.emulated import EmulatedBoard\n"
        "print(EmulatedBoard().url, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    url = done.stdout.strip()
    wait_until(lambda: silent(url), "the end of the board")
    assert silent(url)


def test_a_board_is_taught_and_learns_as_the_host_does(tmp_path: Path) -> None:
    path = tmp_path / "taught.odl"
    options = {"policy": "none"}
    with open_live(emulated=True, play="shoulder", subject=8, speed=20.0, out=path, options=options,
                   seconds=40.0) as live:  # fmt: skip
        for _ in live:
            given = live.history.labelled + len(live.prompt.in_flight)
            if live.session.position >= 500 and not given:
                live.teach("upright row")
        status, history = live.status(), live.history
    assert (status.differences, history.taught, status.skipped) == (0, 1, 0) and (status.compared or 0) > 20
    assert replay(path).outcomes[0].same_trace
