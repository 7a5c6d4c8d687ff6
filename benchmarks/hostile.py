"""Ctrl-C under hostile boards: how long `odl live` takes to end.

    python -m benchmarks.hostile

A board greets as it should, takes its settings, and then sends without end what the names below say. After
five seconds the session gets SIGINT, and the time until it has ended is taken.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from itertools import count

import numpy as np

from odl.core.events import Gap, Label, Prediction, Samples
from odl.wire import Data, Message, Status, cobs_encode
from tests.helpers.fake_board import FakeBoard

AFTER = 5.0  # seconds of the session
CHANCE = random.Random(1)
BLOCK = np.zeros((1, 6), np.int16)


def framed(make: Callable[[FakeBoard], Message]) -> Callable[[FakeBoard], bytes]:
    """Fifty frames of such messages, with numbers that go on."""

    def bytes_of(board: FakeBoard) -> bytes:
        for _ in range(50):
            board.say(make(board))
        data = bytes(board.out)
        board.out.clear()
        return data

    return bytes_of


def position(board: FakeBoard) -> int:
    """Where its stream stands."""
    return board.session.position if board.session is not None else 0


KINDS: dict[str, Callable[[FakeBoard], bytes]] = {
    "gaps of nothing": framed(lambda board: Gap(position(board), 0, "x\x1b[2J")),
    "labels": framed(lambda board: Label(position(board), 0, 1)),
    "outputs": framed(lambda board: Prediction(0, (1,), (32768,))),
    "samples of the future": framed(lambda board: Samples(2**61, BLOCK)),
    "a lying status": framed(lambda board: Status(1, 2**31, 2**31, 0, 0, 2**61)),
    "answers to nothing": framed(lambda board: Data(0, 0, b"x" * 300, 9)),
    "noise": lambda board: CHANCE.randbytes(4096),
    "false checksums": lambda board: (b"\0" + cobs_encode(b"abcdefghijklmnop") + b"\0") * 50,
    "two-byte stretches": lambda board: b"\x03\0" * 2000,
    "one frame without end": lambda board: b"\xff" * 4096,
    "a restart with each frame": framed(lambda board: board.info()),
    "nothing": lambda board: b"",
}


def serve(listener: socket.socket, kind: str, ended: threading.Event) -> None:
    """Greet, then flood."""
    board, host = FakeBoard(), listener.accept()[0]
    host.settimeout(0.01)
    with contextlib.suppress(OSError):
        for turn in count():
            with contextlib.suppress(TimeoutError):
                board.receive(host.recv(65536))
            if ended.is_set():
                return
            data = bytes(board.out)
            board.out.clear()
            host.settimeout(2.0)
            host.sendall(data + (KINDS[kind](board) if board.session is not None and turn > 5 else b""))
            host.settimeout(0.001)


def main() -> None:
    """Each kind in turn."""
    worst = 0.0
    for kind in KINDS:
        ended = threading.Event()
        with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listener:
            board = threading.Thread(target=serve, args=(listener, kind, ended), daemon=True)
            board.start()
            port = f"socket://127.0.0.1:{listener.getsockname()[1]}"
            words = [sys.executable, "-m", "odl", "live", "--port", port, "--learn", "both"]
            live = subprocess.Popen(
                [*words, "--out", f"{folder}/a.odl"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
            while not os.path.exists(f"{folder}/a.odl") and live.poll() is None:
                time.sleep(0.1)  # another process is waited for
            time.sleep(AFTER)  # it is under way
            if early := live.poll() is not None:
                took = 0.0
            else:
                start = time.monotonic()
                live.send_signal(signal.SIGINT)
                said = live.communicate(timeout=120)[1].decode(errors="replace")
                took = time.monotonic() - start
                assert "Traceback" not in said and "\x1b" not in said, said[-2000:]
            ended.set()
        worst = max(worst, took)
        print(f"{kind:28} {took:5.1f} s{' (ended by itself)' if early else ''}", flush=True)
    print(f"the slowest took {worst:.1f} s")


if __name__ == "__main__":
    main()
