"""Find the port and the board's model image; random numbers and file names for new sessions."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from odl.core.config import ConfigError
from odl.core.image import Image
from odl.data import DataError, list_datasets, model_path
from odl.data.streams import load_model
from odl.device.board import Board
from odl.device.serial_line import SerialLine
from odl.device.serial_port import SerialPort

if TYPE_CHECKING:
    from odl.wire.client import BoardClient

Progress = Callable[[str], None]
GREETING: Final = 6.0  # seconds within which a board answers


def line_to(port: str, baud: int, progress: Progress) -> SerialLine:
    """Open a port; ``"auto"`` is the one with a board.

    Raises
    ------
    PortError, SerialPortError
        If there is none, more than one, or it cannot be opened.
    """
    if port == "auto":
        from odl.device.discovery import auto

        progress("looking for a board")
        port = auto()
    return SerialPort(port, baud)


def image_of(board: Board, line: SerialLine, progress: Progress) -> Image:
    """The model image that a board runs: one of those that are here, else the board's own copy.

    Raises
    ------
    BoardError, ImageError
        If it has to be read and cannot be.
    """
    there = None if board.info is None else board.info.image
    for name in list_datasets():
        try:
            path = model_path(name)
        except DataError:  # a dataset without one
            continue
        with path.open("rb") as file:
            if int.from_bytes(file.read(8)[4:], "little") == there:
                return load_model(path)
    progress("reading the board's model image, which takes some seconds")
    return Image.from_bytes(_client(line).read_image(), "the board's model image")


def _client(line: SerialLine) -> BoardClient:
    """A greeted client on the same port, for requests before a session."""
    from odl.wire.client import BoardClient

    def read() -> bytes:
        piece = line.get(0.1)
        return b"" if piece is None else piece.data

    def write(data: bytes) -> None:
        line.write(data)

    client = BoardClient(write, read, 30.0, clock=line.clock)
    client.hello()
    return client


def random_number(bits: int) -> int:
    """A number of 1 to 2**bits - 1 from the system; it names sessions and decides nothing."""
    largest: int = 2**bits - 1
    return 1 + int.from_bytes(os.urandom(8), "little") % largest


def new_file(out: str | Path | None, instead: str = "") -> Path:
    """Where a recording is to be written: ``out``, or a name with the date.

    ``instead`` is what else could be done, for the sentence, where there is such a file.

    Raises
    ------
    ConfigError
        If a file is there already, or no folder to put it in.
    """
    if out is None:
        return dated()
    path = Path(out)
    if path.exists():
        raise ConfigError(f"{path} is there already: give another name{instead}")
    if not path.parent.is_dir():
        raise ConfigError(f"there is no folder {path.parent} for the recording; make it first")
    return path


def dated() -> Path:
    """A new file in the current folder, named after the minute."""
    stem = time.strftime("odl-%Y-%m-%d-%H%M")
    names = (f"{stem}{f'-{n}' if n else ''}.odl" for n in range(10_000))
    return next(path for path in map(Path, names) if not path.exists())
