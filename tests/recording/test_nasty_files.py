"""Files that were made to cost much, through each reader: memory linear in the bytes, errors of odl alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from odl.core.config import Config
from odl.core.errors import OdlError
from odl.core.events import ChangeClass, Label, Query, Samples, Teach, Truth, Undo
from odl.core.image import Image
from odl.labels.edits import append_edits, edits_path, read_edits
from odl.recording import inputs, read
from odl.recording.redact import Source
from odl.wire import Deframer, Link, Start, encode, frame
from tests.helpers.images import random_image
from tests.helpers.memory import peak

SIZE = 60_000
MOST = 400 * (SIZE + 10_000)  # bytes of memory
IMAGE = random_image(3, tree=True).to_bytes()
CONFIG = Config(mult=(1,) * 3, shift=(8,) * 3, offset=(0,) * 3).to_dict()
START = frame(encode(Start({"format": [2, 0], "config": CONFIG, "session": {}}, IMAGE)))


def noise(seed: int, largest: int, size: int) -> bytes:
    return np.random.default_rng(seed).integers(0, largest, size, dtype=np.uint8).tobytes()


# What follows the beginning, and is repeated.
PIECES = {
    "stretches": b"\x03\0",
    "one byte each": b"\x01\0",
    "full groups": b"\xff\0",
    "delimiters": b"\0",
    "ones": b"\x01",
    "no end": b"\xff",
    "undos": frame(encode(Undo(0))),
    "taught": frame(encode(Teach(0, 1))) + frame(encode(Undo(0))) + frame(encode(Teach(0, 1))),
    "answers": frame(encode(Query(0, 1, 9, 0))) + frame(encode(Teach(0, 1))) + frame(encode(Label(0, 0, 1))),
    "changes": frame(encode(ChangeClass(0, 0, 0, "x"))) + frame(encode(ChangeClass(0, 1, None, "y"))),
    "labels": frame(encode(Label(2**60, 0, 1))),
    "truths": frame(encode(Truth(0, 2**60, "x"))),
    "empty blocks": frame(encode(Samples(0, np.zeros((0, 3), np.int16)))),
    "starts": START,
}
OTHERS: dict[str, Callable[[int], bytes]] = {
    "noise": lambda size: START + noise(1, 256, size),
    "low noise": lambda size: START + noise(2, 5, size),
    "brackets": lambda size: b"[" * size,
    "lines": lambda size: b"{}\n" * (size // 3),
    "image": lambda size: b"ODLM" + noise(3, 256, size),
}
NASTY = (*PIECES, *OTHERS)


def nasty(kind: str, size: int) -> bytes:
    """A file of such bytes, ``size`` of them behind its beginning."""
    if kind in OTHERS:
        return OTHERS[kind](size)
    return START + PIECES[kind] * (size // len(PIECES[kind]))


def edits(path: Path) -> None:
    log = edits_path(path)
    log.write_bytes(path.read_bytes())
    read_edits(log, "t")
    append_edits(log, "t", [])


def line(path: Path) -> None:
    data, link = path.read_bytes(), Link()
    for at in range(0, len(data), 2**16):
        link.receive(data[at : at + 2**16])


READERS: dict[str, Callable[[Path], object]] = {
    "recording": lambda path: list(inputs(read(path))),
    "redacted": lambda path: list(Source(path, ("names", "origin")).events()),
    "deframer": lambda path: Deframer().scan(path.read_bytes()),
    "line": line,
    "image": lambda path: Image.from_bytes(path.read_bytes()),
    "edits": edits,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", NASTY)
def test_a_file_takes_memory_by_its_bytes(tmp_path: Path, kind: str, reader: str) -> None:
    """976 KB took 3.1 GB."""
    path = tmp_path / "nasty.odl"
    path.write_bytes(nasty(kind, SIZE))

    def read_once() -> None:
        try:
            READERS[reader](path)
        except OdlError as error:
            assert len(str(error)) < 1000

    assert peak(read_once) < MOST
