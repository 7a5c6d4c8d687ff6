"""Many links into one host process: what arrives, what is reported lost, and where the limit is.

    python -m benchmarks.links [--links 64] [--rate 100] [--seconds 20]

Boards of this protocol (tests/helpers/fake_board.py, in Python) sample in a process of their own. This
process follows each in a live session with a thread, host session and recording of its own, as `odl live`
does. Of every link the samples that the recording holds and those that it says are missing are compared with
those that the board took. "Behind" is how long the slowest link needed, after its last sample was taken, to
have all of it.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from select import select

import numpy as np

from odl.core.errors import OdlError
from odl.core.events import Gap, Samples
from odl.data.streams import load_model
from odl.evaluate.load_kernels import load_kernels
from odl.live import open_live
from odl.recording import read
from tests.helpers.fake_board import FakeBoard

TURN = 0.1  # seconds between two blocks of a board
PATIENCE = 60.0  # seconds for a session to take in what has come


def serve(links: int, rate: float, seconds: float) -> None:
    """The boards: say their ports, wait until all are configured, sample, say how much each took."""
    boards = [FakeBoard() for _ in range(links)]
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in boards]
    print(*(one.getsockname()[1] for one in listeners), flush=True)
    hosts = [one.accept()[0] for one in listeners]
    taken, draw, begun, turns = [0] * links, np.random.default_rng(1), 0.0, round(seconds / TURN)
    at = 0
    while at <= turns + round(PATIENCE / TURN):
        ready = select(hosts, [], [], 0.002)[0]
        for board, host in zip(boards, hosts, strict=True):
            if host in ready:
                data = host.recv(65536)
                if not data:
                    print(*taken, flush=True)
                    return
                board.receive(data)
        if not begun and all(board.session is not None for board in boards):
            begun = time.monotonic()
            print("go", flush=True)
        if begun and time.monotonic() >= begun + at * TURN:
            at += 1
            for i, board in enumerate(boards):
                board.tick()
                if at <= turns:
                    block = draw.integers(-9000, 9000, (round(rate * TURN), 6)).astype(np.int16)
                    board.sense(block)
                    taken[i] += len(block)
        for board, host in zip(boards, hosts, strict=True):
            if board.out:
                host.sendall(bytes(board.out))
                board.out.clear()


class Link(threading.Thread):
    """One live session."""

    def __init__(self, number: int, path: Path, seconds: float, rate: float) -> None:
        super().__init__(daemon=True)
        self.number, self.path, self.wanted = number, path, round(seconds / TURN) * round(rate * TURN)
        self.done, self.refused = float("inf"), ""

    def run(self) -> None:
        """Follow the board until all that it took has come, or for too long."""
        try:
            self._follow()
        except OdlError as error:
            self.refused = str(error)

    def _follow(self) -> None:
        with open_live(f"socket://127.0.0.1:{self.number}", out=self.path, learn="host") as live:
            end = time.monotonic() + PATIENCE * 4
            for _ in live:
                if live.session.position >= self.wanted and self.done == float("inf"):
                    self.done = time.monotonic()
                    live.stop()
                elif time.monotonic() > end:
                    live.stop()


def main() -> None:
    """Start the boards and the sessions, then count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--links", type=int, default=64)
    parser.add_argument("--rate", type=float, default=100.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--boards", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.boards:
        serve(args.links, args.rate, args.seconds)
        return
    load_kernels(load_model("shoulder"), print)
    words = [sys.executable, "-m", "benchmarks.links", "--boards", "--links", str(args.links),
             "--rate", str(args.rate), "--seconds", str(args.seconds)]  # fmt: skip
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            words, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).resolve().parents[1]
        ) as boards,
    ):
        assert boards.stdout is not None
        ports = [int(word) for word in boards.stdout.readline().split()]
        links = [Link(n, Path(folder) / f"{i}.odl", args.seconds, args.rate) for i, n in enumerate(ports)]
        for link in links:
            link.start()
        while not any(link.refused for link in links) and not select([boards.stdout], [], [], 0.5)[0]:
            pass
        if not any(link.refused for link in links):
            boards.stdout.readline()
        began, cpu = time.monotonic(), time.process_time()
        for link in links:
            link.join()
        cpu = time.process_time() - cpu
        if refused := [link.refused for link in links if link.refused]:
            boards.kill()
            sys.exit(f"{len(refused)} of {args.links} sessions did not begin: {refused[0]}")
        taken = boards.stdout.readline().split()
        boards.kill()
        silent = reported = here = 0
        for link, sent in zip(links, taken or [str(links[0].wanted)] * len(links), strict=True):
            events = read(link.path).events
            came = sum(len(e.block) for e in events if isinstance(e, Samples))
            missing = sum(e.lost for e in events if isinstance(e, Gap))
            here, reported = here + came, reported + missing
            silent += max(0, int(sent) - came - missing)
    behind = max(link.done for link in links) - began - args.seconds
    print(f"{args.links} links at {args.rate:g} Hz for {args.seconds:g} s: {here:,} samples came, "
          f"{reported:,} reported lost, {silent:,} lost silently; "
          f"{100 * cpu / args.seconds:.0f} % of a core, the slowest {behind:.1f} s behind")  # fmt: skip
    sys.exit(1 if silent else 0)


if __name__ == "__main__":
    main()
