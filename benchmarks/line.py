"""The serial line: a million damaged frames, the load of 115200 baud, the speed of decoding.

    python benchmarks/line.py [--frames 1000000] [--seconds 20] [--json FILE]

The line's load is measured in real time, over a pseudo-terminal that takes 11,520 bytes a
second each way, as a UART at 115200 baud does (8 data bits, start and stop bit).
"""

from __future__ import annotations

import argparse
import json
import os
import select
import statistics
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from firmware_sim.faults import Faults
from odl import data
from odl.core.events import Label, Learned, Prediction, Query, Samples
from odl.core.image_layout import HEADER
from odl.wire import (
    Deframer,
    Description,
    Info,
    Link,
    Message,
    Ready,
    Status,
    decode,
    encode,
    frame,
    open_envelope,
)

BYTES_PER_SECOND = 11_520
ROWS, CHANNELS, HOP = 10, 6, 64
BATCH = 10_000  # frames that are made, damaged and read at a time
FRAME_RATES: dict[str, Any] = {"drop": 0.01, "flip": 0.01, "duplicate": 0.01, "cut": 0.0002}
BYTE_RATES: dict[str, Any] = {"drop": 2e-5, "flip": 2e-5, "duplicate": 2e-5, "cut": 2e-6}


def motion(n: int, seed: int) -> np.ndarray:
    """``n`` six-axis samples in raw counts: a moving acceleration, a slower turning rate."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0.0, [800, 800, 800, 300, 300, 300], (n, CHANNELS))
    return (noise + [0, 0, 4096, 0, 0, 0]).astype(np.int16)


# --- a million frames ------------------------------------------------------------------

MOTION = motion(ROWS * 1000, seed=1)


def message(number: int) -> Message:
    """Frame ``number`` of a board: mostly samples, also outputs, and sometimes its totals.

    Samples state their position, so no two of the first 2**32 frames are equal.
    """
    if number % 50 == 0:
        return Status(session=7, frames=number, dropped=0, damaged=0, missed=0, position=ROWS * number)
    if number % 7 == 3:
        return Prediction(HOP * number, (0, number % 20), (number % 32768,) * 20)
    if number % 97 == 5:
        return Query(HOP * number, number % 65536, HOP * number + 3000)
    if number % 97 == 6:
        return Learned(ROWS * number, HOP * number, number % 20, 0)
    at = number % 1000 * ROWS
    return Samples(ROWS * number, MOTION[at : at + ROWS])


class Outcome(NamedTuple):
    """Counts of the frames that were sent, by outcome."""

    sent: int
    received: int  # handed on
    wrong: int  # handed on, but altered, or not where the link's count of losses puts them
    counted: int  # lost by the link's count: received and this add up to the frames sent
    intact: int  # whole between two delimiters, copies included
    taken: int  # whole frames that the link found, copies included
    faults: dict[str, int]

    @property
    def exact(self) -> bool:
        """True if no frame is wrong, every loss is counted once, and every intact frame is found."""
        return self.wrong == 0 and self.received + self.counted == self.sent and self.intact == self.taken


def damaged_frames(n: int, seed: int) -> Outcome:
    """Send ``n`` frames over a line with faults of every kind that loses or changes bytes.

    The first frame and an extra last one arrive whole, so that the count starts and ends with them.
    A few times the cable is unplugged, for up to a tenth of all frames.
    """
    faults = [
        Faults(seed, cut=4 / n, longest=n // 10),
        Faults(seed + 1, longest=100, **FRAME_RATES),
        Faults(seed + 2, frames=False, longest=2000, **BYTE_RATES),
    ]
    link = Link()
    after, received, wrong, told = -1, 0, 0, 0
    intact, sent_before, part = 0, set[bytes](), b""
    last = -(-n // 50) * 50  # a Status
    for first in range(0, last + 1, BATCH):
        batch = range(first, min(last + 1, first + BATCH))
        frames = [frame(encode(message(i)), i, 1000 * i) for i in batch]
        whole = {each[1:-1] for each in frames}
        opening, middle, closing = b"", frames, b""
        if first == 0:
            opening, middle = middle[0], middle[1:]
        if batch[-1] == last:
            closing, middle = middle[-1], middle[:-1]
        line = b"".join(middle)
        for each in faults:
            line = each.feed(line)
        if closing:
            line += b"".join(each.flush() for each in faults) + closing
        line = opening + line
        *chunks, part = (part + line).split(b"\0")
        intact += sum(chunk in whole or chunk in sent_before for chunk in chunks)
        sent_before = whole
        for at in range(0, len(line), 65536):
            for got in link.receive(line[at : at + 65536]):
                number = after + 1 + got.lost
                wrong += number & 0xFFFF != got.seq or encode(got.message) != encode(message(number))
                received, told, after = received + 1, told + got.lost, number
    counts = {k: sum(each.counts[k] for each in faults) for k in ("drop", "flip", "duplicate", "cut")}
    counters = link.counters
    wrong += told != counters.lost
    return Outcome(last + 1, received, wrong, counters.lost, intact, counters.frames, counts)


# --- the load of the line --------------------------------------------------------------


def bytes_per_sample() -> tuple[float, float]:
    """On the line, delimiters included, at ten per frame: at most, and on average in motion."""
    sizes = []
    for fill in (0, 1, 256, 257, -1):
        samples = Samples(2**63 + 0x0101010101010101, np.full((ROWS, CHANNELS), fill, np.int16))
        sizes.append(len(frame(encode(samples), 0x0101, 0x01010101)))
    said = [(i, message(i)) for i in range(5000)]
    usual = [len(frame(encode(each), i, 25_000 * i)) for i, each in said if isinstance(each, Samples)]
    return max(sizes) / ROWS, statistics.fmean(usual) / ROWS


def card(name: str) -> dict[str, object]:
    """The JSON at the end of the model image of dataset ``name``."""
    image = data.model_bytes(name)
    header = np.frombuffer(image, HEADER, 1)[0]
    begin, size = int(header["off_card"]), int(header["card_size"])
    found: dict[str, object] = json.loads(image[begin : begin + size])
    return found


class Throttled:
    """One direction of a UART: takes any bytes at once, passes on 11,520 a second."""

    def __init__(self, descriptor: int) -> None:
        self.most = 0  # bytes that waited
        self.passed = 0
        self._descriptor = descriptor
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._open = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def write(self, line: bytes) -> None:
        """Send."""
        self._waiting.append(line)
        self._size += len(line)
        self.most = max(self.most, self._size - self.passed)

    def close(self) -> None:
        """Pass on the waiting bytes, then stop."""
        self._open = False
        self._thread.join()

    def _run(self) -> None:
        rest, credit, then = b"", 0.0, time.monotonic()
        while self._open or rest or self._waiting:
            time.sleep(0.004)
            now = time.monotonic()
            credit, then = min(credit + (now - then) * BYTES_PER_SECOND, 1000.0), now
            while len(rest) < credit and self._waiting:
                rest += self._waiting.popleft()
            part, rest = rest[: int(credit)], rest[int(credit) :]
            credit -= len(part)
            if not rest:
                credit = min(credit, 50.0)  # a line saves up no time that it was silent
            at = 0
            while at < len(part):
                at += os.write(self._descriptor, part[at:])
            self.passed += len(part)


def schedule(rate: int, seconds: float, everything: bool) -> Iterator[tuple[float, Message]]:
    """(time, message) of a board with a six-axis sensor; its totals are filled in later."""
    block = motion(int(rate * seconds), seed=2)
    about = Info(2, 0, 6, 128, HOP, 768, 1000 * rate, 1, 2, 3, 4, 5, 7, 0, 0, "odl 0.2.0 nucleo_f401re")
    axes = ("ax", "g"), ("ay", "g"), ("az", "g"), ("gx", "deg/s"), ("gy", "deg/s"), ("gz", "deg/s")
    channels = [[name, unit, 0.000244] for name, unit in axes]
    board = {"name": "nucleo_f401re", "sensor": "lsm6dso", "rate_hz": rate, "channels": channels}
    described = Description(board, card("hapt"))
    said: list[tuple[float, Message]] = []
    for at in range(0, len(block) - ROWS + 1, ROWS):
        said.append(((at + ROWS) / rate, Samples(at, block[at : at + ROWS])))
    if everything:
        for at in range(2 * HOP, len(block), HOP):
            said.append((at / rate, Prediction(at - 2 * HOP, (0, 3), (1638,) * 20, None)))
        for at in range(int(seconds)):
            said.append((at + 0.5, Status(7, 0, 0, 0, 0, 0)))
        for at in range(0, int(seconds), 5):
            said += [(at + 1.0, about), (at + 1.0, described)]
        for at in range(2, int(seconds), 5):
            said.append((float(at), Query(at * rate, 20_000, at * rate + 3000)))
    return iter(sorted(said, key=lambda each: each[0]))


class Board:
    """The board's end: sends the planned messages and the replies to labels."""

    def __init__(self, line: Throttled, plan: Iterator[tuple[float, Message]]) -> None:
        self.sent = 0
        self._line, self._plan = line, plan
        self._deframer = Deframer()
        self._began = time.monotonic()
        self._due = next(plan, None)
        self._say(Status(7, 0, 0, 0, 0, 0))

    def _say(self, said: Message) -> None:
        if isinstance(said, Info | Status):
            said = replace(said, frames=self.sent)
        self._line.write(frame(encode(said), self.sent, int((time.monotonic() - self._began) * 1e6)))
        self.sent += 1

    def keep_to_plan(self) -> None:
        """Send the messages that are due."""
        while self._due is not None and time.monotonic() >= self._began + self._due[0]:
            self._say(self._due[1])
            self._due = next(self._plan, None)

    def take(self, line: bytes) -> None:
        """Answer labels: the echo, what was learned, Ready."""
        for payload in self._deframer.feed(line):
            seq, _, body = open_envelope(payload)
            label = decode(body)
            if isinstance(label, Label):
                for each in (replace(label, at=5), Learned(5, label.window, 3, 0), Ready(5, 768, seq)):
                    self._say(each)


def load(rate: int, seconds: float, everything: bool) -> dict[str, float]:
    """A board and a host on a throttled line, in real time; a label answers each question."""
    import tty

    here, there = os.openpty()
    tty.setraw(there)
    to_host, to_board = Throttled(here), Throttled(there)
    link = Link(seq=1)
    board = Board(to_host, schedule(rate, seconds, everything))
    samples = questions = answers = 0
    began = time.monotonic()
    expected = int(rate * seconds) // ROWS * ROWS
    while samples < expected and time.monotonic() < began + seconds + 10:
        board.keep_to_plan()
        ready = select.select([here, there], [], [], 0.002)[0]
        if here in ready:
            board.take(os.read(here, 65536))
        if there in ready:
            for each in link.receive(os.read(there, 65536)):
                answers += each.request is not None
                if isinstance(each.message, Samples):
                    samples += len(each.message.block)
                elif isinstance(each.message, Query):
                    questions += 1
                    link.send(Label(2**64 - 1, each.message.window, 3))
        if out := link.due(time.monotonic()):
            to_board.write(out)
    took = time.monotonic() - began
    to_host.close()
    to_board.close()
    os.close(here)
    os.close(there)
    counters = link.counters
    return {
        "samples sent": expected,
        "samples received": samples,
        "frames lost or damaged": counters.lost + counters.damaged,
        "questions": questions,
        "labels answered": answers,
        "share of the line": to_host.passed / BYTES_PER_SECOND / seconds,
        "most bytes that waited": to_host.most,
        "seconds until all samples were there": took,
    }


# --- decoding --------------------------------------------------------------------------


def decoding(read: int, frames: int = 5000, runs: int = 15) -> float:
    """Microseconds per sample from bytes to checked `Samples` in order, ``read`` bytes at a time.

    The result is the least CPU time of this thread over all runs, because other load only adds to it.
    """
    block = motion(ROWS * frames, seed=3)
    said = [Samples(10**7 + i, block[i : i + ROWS]) for i in range(0, ROWS * frames, ROWS)]
    line = b"".join(frame(encode(each), i, 25_000 * i) for i, each in enumerate(said))
    parts = [line[i : i + read] for i in range(0, len(line), read)]
    taken = []
    for _ in range(runs):
        link = Link()
        began = time.thread_time()
        n = sum(len(link.receive(part)) for part in parts)
        taken.append(time.thread_time() - began)
        assert n == frames
    return min(taken) / (ROWS * frames) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    figures: dict[str, float] = {}
    for read in (143, 1152, 16384, 65536):
        figures[f"decoding, {read} bytes a read: us per sample"] = decoding(read)
    most, usual = bytes_per_sample()
    figures["bytes per six-axis sample, at most"] = most
    figures["bytes per six-axis sample, in motion"] = usual
    for rate, everything in ((400, True), (800, False)):
        with_all = "with everything else" if everything else "alone"
        for name, value in load(rate, given.seconds, everything).items():
            figures[f"{rate} Hz {with_all}: {name}"] = value
    outcome = damaged_frames(given.frames, given.seed)
    for name, value in outcome._asdict().items():
        if name != "faults":
            figures[f"damaged line: frames {name}"] = value
    for name, value in outcome.faults.items():
        figures[f"damaged line: faults of kind {name}"] = value
    for name, value in figures.items():
        print(f"{name:60} {value:12,.3f}" if isinstance(value, float) else f"{name:60} {value:12,}")
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1))
    if not outcome.exact:
        raise SystemExit("the damaged line was not accounted for exactly")


if __name__ == "__main__":
    main()
