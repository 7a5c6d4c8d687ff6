"""CPU time of the host per second of stream while it follows a board.

An emulated board in another process samples 50 times a second in real time. This process follows
it in the ways below, each for some seconds, and counts the CPU time of all its threads. The time
until the kernels are compiled and the board is greeted does not count.

    line      bytes are read and split into frames, nothing more
    board     the board learns; its messages are checked, counted and ordered
    session   the host's session steps with each sample, and all is written to a recording
    sketch    a sketch prints six columns of CSV instead; session and recording as above

    python benchmarks/host_load.py [--seconds 30] [--ways board,session] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from odl import data
from odl.core.config import Config
from odl.core.events import Gap, Samples
from odl.core.fixed_point import input_scaling
from odl.core.image import Image
from odl.core.loop import drive
from odl.core.session import Session
from odl.device.board import Board
from odl.device.csv_stream import CsvStream
from odl.device.serial_port import SerialPort
from odl.recording import Writer
from odl.wire import Deframer, Start

RATE = 50.0


@contextmanager
def emulated() -> Iterator[str]:
    """The port of an emulated board that senses."""
    words = [sys.executable, "-m", "odl", "board", "--play", "shoulder", "--subject", "8"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as board:
        assert board.stdout is not None
        try:
            yield board.stdout.readline().removeprefix("port: ").strip()
        finally:
            board.terminate()


@contextmanager
def printing() -> Iterator[str]:
    """The port of a sketch that prints CSV."""
    words = [sys.executable, __file__, "--print"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as sketch:
        assert sketch.stdout is not None
        try:
            yield sketch.stdout.readline().strip()
        finally:
            sketch.terminate()


def print_lines() -> None:
    """Act as the sketch: print six numbers, fifty times a second, to the caller."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"socket://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    caller = listener.accept()[0]
    chance, due = np.random.default_rng(1), time.monotonic()
    while True:
        due += 1 / RATE
        time.sleep(max(0.0, due - time.monotonic()))
        line = ",".join(f"{v:.3f}" for v in chance.normal(size=6))
        try:
            caller.sendall(line.encode() + b"\r\n")
        except OSError:  # the caller has gone
            return


def load(events: Iterable[object], seconds: float) -> tuple[float, int]:
    """Percent of a core while iterating, and samples that came."""
    taken, end, began = 0, time.monotonic() + seconds, time.process_time()
    for event in events:
        if isinstance(event, Samples):
            taken += len(event.block)
        if time.monotonic() > end:
            break
    return 100 * (time.process_time() - began) / seconds, taken


def prepared(source: list[tuple[str, str, float]]) -> tuple[Session, Config]:
    """A session whose kernels are compiled, for a source of these channels."""
    image = Image.from_bytes(data.model_bytes("shoulder"))
    scaling = input_scaling(source, [(c.name, c.unit, c.scale) for c in image.channels])
    config = Config(
        policy="tactile-inforv", allowed=12, period=180_000, in_samples=True,
        mult=scaling.mult, shift=scaling.shift, offset=scaling.offset,
    )  # fmt: skip
    Session(image, config).step(Samples(0, np.zeros((500, len(image.channels)), np.int16)))
    return Session(image, config), config


def recorded(events: Iterable[object], session: Session, folder: Path) -> Iterator[object]:
    """``events``, each written to a recording as it passes."""
    with Writer(folder / "load.odl", Start({"settings": session.config.to_dict()}, b"")) as writer:
        for event in events:
            if not (isinstance(event, Samples) and not len(event.block)):
                writer.write(event)  # type: ignore[arg-type]
                writer.flush()
            yield event


def measure(way: str, seconds: float, folder: Path) -> tuple[float, int]:
    """Percent of a core, and samples."""
    image = Image.from_bytes(data.model_bytes("shoulder"))
    channels = [(c.name, c.unit, c.scale) for c in image.channels]
    if way == "sketch":
        session, _ = prepared([(name, unit, 0.001) for name, unit, _ in channels])
        with printing() as port, SerialPort(port) as line:
            sketch = CsvStream(line, scale=(0.001,) * 6, rate_hz=RATE, columns=[c[0] for c in channels])
            return load(recorded(drive(session, sketch), session, folder), seconds)
    with emulated() as port, SerialPort(port) as line:
        board = Board(line, image.checksum, seq=int(time.time()) & 0xFFFF)
        described = board.greet(20.0)
        session, config = prepared(list(described.channels or ()))
        board.configure(config, session=1 + int(time.time()) % 2**31)
        if way == "line":
            deframer = Deframer()
            pieces = iter(lambda: line.get(0.2), 0)
            return load((deframer.feed(piece.data) for piece in pieces if piece), seconds)
        if way == "board":
            return load(board, seconds)
        inputs = (event for event in board if isinstance(event, Samples | Gap))
        return load(recorded(drive(session, inputs), session, folder), seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--ways", default="line,board,session,sketch")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--print", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.print:
        print_lines()
        return
    figures = {}
    for way in given.ways.split(","):
        with tempfile.TemporaryDirectory() as folder:
            percent, taken = measure(way, given.seconds, Path(folder))
        figures[way] = {"percent_of_a_core": round(percent, 2), "samples": taken}
        print(f"{way:8} {percent:5.2f} % of a core, {taken} samples in {given.seconds:g} s", flush=True)
    if given.json:
        Path(given.json).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
