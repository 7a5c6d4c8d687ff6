"""A small session, its recording, and the frames of that."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from odl.core.events import Event, Gap, Label, Prediction, Query, Samples, Truth
from odl.recording import Recording, Writer, read
from odl.wire import FORMAT, Start

START = Start({"format": list(FORMAT), "seed": 7}, b"ODLM and so on")
BLOCK = np.arange(30, dtype=np.int16).reshape(10, 3)
SESSION: list[Event] = [
    Truth(0, 20, "rest"),
    Samples(0, BLOCK),
    Prediction(0, (1,), (16384, 16384)),
    Query(0, 900, 30),
    Label(10, 0, 1),
    Samples(10, BLOCK + 100),
    Gap(20, 5, "unplugged"),
]


def write(path: Path, events: list[Event], start: Start = START) -> bytes:
    with Writer(path, start) as writer:
        for event in events:
            writer.write(event)
    return path.read_bytes()


def frames_of(data: bytes) -> list[bytes]:
    return [b"\0" + chunk + b"\0" for chunk in data.split(b"\0") if chunk]


def recorded(path: Path, data: bytes) -> Recording:
    path.write_bytes(data)
    return read(path)
