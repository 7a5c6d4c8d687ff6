"""Find the port and the board's model image; make random numbers and file names for new sessions."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from odl.core.config import ConfigError
from odl.core.image import Image
from odl.data.streams import bundled_model
from odl.device.board import Board
from odl.device.serial_line import SerialLine
from odl.device.serial_port import SerialPort
from odl.evaluate.load_kernels import Progress

if TYPE_CHECKING:
    from odl.wire.client import BoardClient

GREETING: Final = 6.0  # seconds within which a board answers


def line_to(port: str, baud: int, progress: Progress) -> SerialLine:
    """Open a port; ``"auto"`` is the one port with a board.

    Raises
    ------
    PortError, SerialPortError
        If no port or more than one has a board, or the port cannot be opened.
    """
    if port == "auto":
        from odl.device.discovery import auto

        progress("looking for a board")
        port = auto()
    return SerialPort(port, baud)


def image_of(board: Board, line: SerialLine, progress: Progress) -> Image:
    """Return the model image that a board runs: a bundled one with its checksum, else the board's copy.

    Raises
    ------
    BoardError, ImageError
        If the image has to be read from the board and cannot be.
    """
    bundled = bundled_model(None if board.info is None else board.info.image)
    if bundled is not None:
        return bundled
    progress("reading the board's model image, which takes some seconds")
    return image_on(client_on(line))


def image_on(client: BoardClient, report: Callable[[int, int], None] | None = None) -> Image:
    """Read the model image that a greeted board runs; ``report`` gets bytes read and bytes in all.

    Raises
    ------
    BoardError, ImageError
        If the board does not answer, its image is damaged, or another one than it says that it runs.
    """
    from odl.wire.client import BoardError

    image = Image.from_bytes(client.read_image(report), "the board's model image")
    if client.info is not None and client.info.image != image.checksum:
        said, sent = client.info.image, image.checksum
        raise BoardError(f"the board says that it runs the model image {said:08x}, but it sent {sent:08x}")
    return image


def client_on(line: SerialLine) -> BoardClient:
    """Return a greeted client on the same port, for requests before a session."""
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
    """Return a number of 1 to 2**bits - 1 from the system; it names sessions and decides nothing."""
    largest: int = 2**bits - 1
    return 1 + int.from_bytes(os.urandom(8), "little") % largest


def new_file(out: str | Path | None, alternative: str = "") -> Path:
    """Return the file for a new recording: ``out``, or a name with the date.

    ``alternative`` ends the error message where the file exists; it names another way out.

    Raises
    ------
    ConfigError
        If the file exists already.
    """
    if out is None:
        return dated()
    path = Path(out)
    if path.exists():
        raise ConfigError(f"{path} is there already: give another name{alternative}")
    return path


def dated() -> Path:
    """Return a new file in the current folder, named after the minute."""
    stem = time.strftime("odl-%Y-%m-%d-%H%M")
    names = (f"{stem}{f'-{n}' if n else ''}.odl" for n in range(10_000))
    return next(path for path in map(Path, names) if not path.exists())
