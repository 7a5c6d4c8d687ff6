"""The fuzz targets in Python: each reader of bytes that a stranger may have written.

A target gets bytes and may raise nothing but what its reader documents, an `OdlError`. Checksums are made
true and containers are put together here, so that the bytes reach what lies behind them.
"""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from odl.cli.main import main
from odl.core.config import Config
from odl.core.errors import OdlError
from odl.core.events import Samples
from odl.core.image import Image
from odl.core.session import Session
from odl.data.archive import Files
from odl.data.card import parse_card
from odl.data.dataset import open_dataset
from odl.data.readers import read_tables
from odl.data.readers.source import SourceFile, sources
from odl.data.table_card import layout_of
from odl.labels.edits import append_edits, read_edits
from odl.model.tflite.convert import convert
from odl.recording import Reader, inputs, read
from odl.recording.redact import Source
from odl.wire import (
    CodecError,
    Deframer,
    Hello,
    Link,
    Read,
    cobs_decode,
    cobs_encode,
    decode,
    encode,
    frame,
)
from odl.wire.framing import FrameError
from tests.fuzz.draw import Draw
from tests.fuzz.inputs import CARD, ROWS, block, changed, config, model, recording_of

ENDINGS: Final = (".csv", ".txt", ".json", ".jsonl", ".parquet", ".npy", ".npz", ".mat", ".xlsx", ".h5",
                  ".hea", ".csv.gz", ".cbor", ".feather")  # fmt: skip
COMMANDS: Final = (
    ("info", "a.odl"), ("report", "a.odl", "--out", "a.html"), ("replay", "a.odl"), ("label", "a.odl"),
    ("convert", "a.odl", "a.parquet", "--force"), ("convert", "a.odl", "a.csv", "--force"),
    ("convert", "a.odl", "b.odl", "--redact", "--force"),
    ("convert", "a.odl", "a.csv", "--events", "b.csv", "--force"),
    ("replay", "a.odl", "--budget", "3"), ("label", "a.odl", "--json", "-"),
)  # fmt: skip


@cache
def folder() -> Path:
    """A folder for the files of this process; in memory where that is possible."""
    memory = Path("/dev/shm")
    holder = tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)
    _HOLDERS.append(holder)
    return Path(holder.name)


_HOLDERS: Final[list[tempfile.TemporaryDirectory[str]]] = []


def written(name: str, data: bytes) -> Path:
    """A file with ``data``."""
    path = folder() / name
    path.write_bytes(data)
    return path


def framing(data: bytes) -> None:
    """Bytes in pieces of any size give the same frames, and what is framed comes back."""
    draw = Draw(data)
    size, body = 1 + draw.number(1), draw.rest()
    whole, cut = Deframer(1000), Deframer(1000)
    found = whole.scan(body)
    pieces = [part for at in range(0, len(body), size) for part in cut.scan(body[at : at + size])]
    assert found == pieces and whole.lost_bytes == cut.lost_bytes and whole.pending == cut.pending
    assert cobs_decode(cobs_encode(body)) == body
    with contextlib.suppress(FrameError):
        assert cobs_decode(body) is not None


def message(data: bytes) -> None:
    """What can be read as a message is written the same, or as what is read the same."""
    try:
        found = decode(data)
    except CodecError:
        return
    again = encode(found)
    assert encode(decode(again)) == again


def line_of_host(data: bytes) -> None:
    """A board that sends any message: no two cuts of its bytes differ."""
    draw, stream = Draw(data), bytearray()
    links, size = (Link(), Link()), 1 + draw.number(1)
    for link in links:
        for request in (Hello(), Read(0, 0, 9)):
            link.send(request)
        link.due(0.0)
    seq = 0
    while draw:
        kind, body = draw.number(1), draw.piece()
        seq = seq + 1 if kind < 200 else draw.number(2)
        part = frame(body or b"\0", seq & 0xFFFF, draw.number(1)) if kind % 8 else b"\0" + body
        stream += part * (2 if kind % 16 == 1 else 1)
    whole = links[0].receive(bytes(stream))
    pieces = [
        got for at in range(0, len(stream), size) for got in links[1].receive(bytes(stream[at : at + size]))
    ]
    assert len(whole) == len(pieces) and links[0].counters == links[1].counters
    for link in links:
        link.due(99.0)


def recording(data: bytes) -> None:
    """A recording through the readers of the library."""
    draw = Draw(data)
    consumer = draw.number(1)
    path = written("r.odl", recording_of(draw))
    if consumer % 4 == 0:
        with Reader(path) as reader:
            for _ in reader:
                pass
    elif consumer % 4 == 1:
        session = Session(model(), config())
        for event in inputs(read(path)):
            session.step(event)
    elif consumer % 4 == 2:
        list(Source(path, ("names", "origin")).events())
    else:
        read(path).outputs.sort(key=str)


def command(data: bytes) -> None:
    """A recording through the commands of a user: a sentence and a status, never a traceback."""
    draw = Draw(data)
    words = [str(folder() / word) if word[1:2] == "." else word for word in draw.choice(COMMANDS)]
    for old in folder().iterdir():
        old.unlink()
    written("a.odl", recording_of(draw))
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        assert main(words) in (0, 1, 2)
    assert "\x1b" not in said.getvalue() and "Traceback" not in said.getvalue()


def image_file(data: bytes) -> None:
    """A model image with a true checksum: refused, or it is written the same and a session runs on it."""
    whole = bytearray(data)
    whole[0:4] = b"ODLM"
    if len(whole) > 16:
        whole[4:8] = zlib.crc32(bytes(whole[8:])).to_bytes(4, "little")
    found = Image.from_bytes(bytes(whole))
    assert Image.from_bytes(found.to_bytes()).checksum == found.checksum
    n = len(found.channels)
    if n <= 8 and found.window <= 200:
        scaling = Config("none", mult=(16384,) * n, shift=(21,) * n, offset=(0,) * n)
        Session(found, scaling).step(Samples(0, np.full((found.window + 3 * found.hop, n), 900, np.int16)))


def state(data: bytes) -> None:
    """A state block of this model: refused, or the session goes on from it."""
    session, changes = Session(model(), config()), bytearray(block())
    draw = Draw(data)
    while draw:
        at, part = draw.number(2) % len(changes), draw.piece()[: len(changes)]
        changes[at : at + len(part)] = part[: len(changes) - at]
    session.restore(bytes(changes))
    if session.position < 2**62 - 100:
        session.step(Samples(session.position, np.full((40, 2), -900, np.int16)))


def tflite(data: bytes) -> None:
    """A network of a stranger."""
    convert(data, rate_hz=50.0)


def table(data: bytes) -> None:
    """A table in any of the formats that `odl init` reads."""
    draw = Draw(data)
    path = written(f"t{draw.choice(ENDINGS)}", draw.rest())
    try:
        for found in read_tables(SourceFile(path, path.name)):
            assert len(found.columns) < 100_000
    finally:
        path.unlink()


def card(data: bytes) -> None:
    """A card.json: any text, or one that is right but for some entries."""
    draw = Draw(data)
    if draw.number(1) < 32:
        text = draw.rest().decode("utf-8", "replace")
    else:
        text = json.dumps(changed(draw, CARD))
    layout_of(parse_card(text, "card.json"), Path("card.json"))


def dataset(data: bytes) -> None:
    """A folder with a card that is right but for some entries, and two tables, of which one is any text."""
    draw = Draw(data)
    home = folder() / "data"
    home.mkdir(exist_ok=True)
    (home / "card.json").write_text(json.dumps(changed(draw, CARD)))
    (home / "1_sit.csv").write_text(ROWS)
    (home / "2_walk.csv").write_bytes(draw.rest() if draw.number(1) & 1 else ROWS.encode())
    for person in (found := open_dataset(home)).subjects:
        with contextlib.suppress(OdlError):
            found.session(person)


def edits(data: bytes) -> None:
    """The edits beside a recording."""
    draw = Draw(data)
    head = json.dumps({"format": "odl label edits 1", "trace": "t"}).encode() + b"\n"
    path = written("e.edits.jsonl", (head if draw.number(1) < 200 else b"") + draw.rest())
    for _ in range(2):
        read_edits(path, "t")
        append_edits(path, "t", [])


def archive(data: bytes) -> None:
    """A zip: of any members, one of its bytes changed."""
    draw, made = Draw(data), io.BytesIO()
    changes = [(draw.number(2), draw.number(1)) for _ in range(draw.number(1) % 4)]
    with zipfile.ZipFile(
        made, "w", zipfile.ZIP_DEFLATED if draw.number(1) & 1 else zipfile.ZIP_STORED
    ) as packed:
        while draw:
            name = draw.piece().decode("latin-1").replace("\0", "_") or "a.csv"
            packed.writestr(zipfile.ZipInfo(name), draw.piece() * (1 + draw.number(1) % 9))
    whole = bytearray(made.getvalue())
    for at, value in changes:
        whole[at % len(whole)] = value
    path = written("z.zip", bytes(whole))
    for source in sources(path):
        with contextlib.suppress(OdlError):
            read_tables(source)
    files = Files(path, r".*\.zip")
    for name in files.names[:20]:
        files.text(name)


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    found.__name__: found
    for found in (
        framing, message, line_of_host, recording, command, image_file, state, tflite, table, card,
        dataset, edits, archive,
    )
}  # fmt: skip


def run(name: str, data: bytes) -> None:
    """One execution; what is documented is no finding."""
    with contextlib.suppress(OdlError):
        TARGETS[name](data)
