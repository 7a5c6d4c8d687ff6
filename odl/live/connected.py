"""Connect to a board for requests outside of a session: push, pull, self-test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from odl.device import serial_port
from odl.device.serial_port import SerialPort
from odl.evaluate.load_kernels import Progress
from odl.wire.client import BoardClient, BoardError
from odl.wire.messages import Refusal

GREETING: Final = 6.0  # seconds within which a board answers, whatever other bytes arrive meanwhile
LIMIT: Final = 30.0  # seconds for an answer: erasing a sector, or 48 KB at 115200 baud


@contextmanager
def connected(port: str, progress: Progress) -> Iterator[tuple[str, BoardClient]]:
    """Yield the port's name and a client that has greeted the board on it."""
    with open_and_greet(port, progress) as (line, greet):
        yield line.url, greet()


@contextmanager
def open_and_greet(port: str, progress: Progress) -> Iterator[tuple[SerialPort, Callable[[], BoardClient]]]:
    """Yield the line to the board on ``port``, and what makes a client that has greeted it."""
    url = _where(port)
    with serial_port.SerialPort(url) as line:

        def write(data: bytes) -> None:
            line.write(data)

        progress(f"{url}: looking for a board")
        reader = _LineReader(line, GREETING)
        try:
            BoardClient(write, reader, GREETING, clock=line.clock).hello()
        except BoardError as error:
            if error.why is Refusal.VERSION:
                raise BoardError(
                    f"{url}: the board speaks another version of the protocol; flash it anew"
                ) from None
            raise BoardError(f"{url}: no board answers there{reader.advice()}") from None

        def greet() -> BoardClient:
            seq = int.from_bytes(os.urandom(2), "little")
            board = BoardClient(write, _LineReader(line), LIMIT, seq, line.clock)
            board.hello()
            progress(f"{url}: {board.info.version if board.info else ''}")
            return board

        yield line, greet


class _LineReader:
    """Reads a line for a client, which waits while bytes arrive; after ``limit`` seconds reading fails."""

    def __init__(self, line: SerialPort, limit: float | None = None) -> None:
        self._line, self._text = line, b""
        self._until = None if limit is None else line.clock.monotonic() + limit

    def __call__(self) -> bytes:
        if self._until is not None and self._line.clock.monotonic() > self._until:
            raise BoardError("no bytes that arrived were an answer")
        chunk = self._line.get(0.1)
        data = b"" if chunk is None else chunk.data
        if self._until is not None:
            self._text = (self._text + data)[-200:]
        return data

    def advice(self) -> str:
        """Return a clause on the bytes that arrived in place of an answer, and what to do."""
        plain = sum(byte in b"\t\r\n" or 32 <= byte < 127 for byte in self._text)
        if b"\n" in self._text and plain >= 0.95 * len(self._text):
            return "; it prints lines, as a sketch does, and only a board of this protocol takes a model"
        return "; 'odl ports' lists what is plugged in"


def _where(port: str) -> str:
    if port != "auto":
        return port
    from odl.device.discovery import auto

    return auto()
