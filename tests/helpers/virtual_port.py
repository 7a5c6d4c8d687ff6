"""A port in virtual time: no thread, no device; whoever waits for bytes lets the far end have its turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from odl.device.serial_line import SerialChunk, SerialLine, SerialState
from odl.device.serial_port import BAUD, SerialPort, SerialPortError
from tests.helpers.virtual_clock import VirtualClock

PORTS: dict[str, VirtualPort] = {}
_NUMBERS = count()
REOPENED = 0.1  # seconds until a port that was plugged in again has been opened


class VirtualLine(SerialLine):
    """The host's end of a `VirtualPort`."""

    def __init__(self, port: VirtualPort, baud: int = BAUD) -> None:
        self.url, self.baud, self.clock = port.name, baud, port.clock
        self.state = SerialState.OPENING
        self._port, self._chunks, self._woken = port, deque[SerialChunk](), False
        self.change(SerialState.OPEN)

    def put(self, data: bytes) -> None:
        """Bytes have come."""
        self._chunks.append(SerialChunk(self.clock.monotonic(), data))

    def change(self, state: SerialState) -> None:
        """The line is in another state."""
        self.state = state
        self._chunks.append(SerialChunk(self.clock.monotonic(), state=state))

    def get(self, timeout: float) -> SerialChunk | None:
        """As `SerialLine.get`."""
        self._port.clock.wait(self._is_ready, max(0.0, timeout))
        self._woken = False
        return self._chunks.popleft() if self._chunks else None

    def _is_ready(self) -> bool:
        if not self._chunks:
            self._port.serve()
        return bool(self._chunks) or self._woken

    def wake(self) -> None:
        """As `SerialLine.wake`."""
        self._woken = True

    def write(self, data: bytes) -> bool:
        """As `SerialLine.write`."""
        if self.state is SerialState.OPEN:
            self._port.sent += data
        return self.state is SerialState.OPEN

    def close(self) -> None:
        """As `SerialLine.close`."""
        if self.state is not SerialState.CLOSED:
            self.change(SerialState.CLOSED)
            self._port.line = None

    def __enter__(self) -> VirtualLine:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class VirtualPort:
    """A port that a far end reads and writes when `serve` is called; it can be unplugged.

    Attributes
    ----------
    name : its URL, for `open_line`.
    clock : the clock of its line.
    line : the host's end while it is open.
    sent : bytes from the host that the far end has not read.
    """

    def __init__(self, clock: VirtualClock | None = None) -> None:
        self.name, self.clock = f"virtual://{next(_NUMBERS)}", clock or VirtualClock()
        self.line: VirtualLine | None = None
        self.sent, self._plugged = bytearray(), True
        self.serve: Callable[[], None] = lambda: None
        PORTS[self.name] = self

    def open(self, baud: int = BAUD) -> VirtualLine:
        """The host opens it."""
        if not self._plugged:
            raise SerialPortError(f"there is no port {self.name}")
        self.line = VirtualLine(self, baud)
        return self.line

    def read(self, wait: float) -> bytes:
        """What the host sent."""
        data = bytes(self.sent)
        self.sent.clear()
        return data

    def write(self, data: bytes) -> None:
        """To the host, if it has opened the port."""
        if data and self._plugged and self.line is not None and self.line.state is SerialState.OPEN:
            self.line.put(data)

    def unplug(self) -> None:
        """Vanish."""
        self._plugged = False
        self.sent.clear()
        if self.line is not None:
            self.line.change(SerialState.LOST)

    def plug(self) -> None:
        """Appear again; the host notices after a while."""
        self._plugged = True
        self.clock.after(REOPENED, self._reopen)

    def _reopen(self) -> None:
        if self._plugged and self.line is not None and self.line.state is SerialState.LOST:
            self.line.change(SerialState.OPEN)

    def close(self) -> None:
        """For good."""
        self._plugged = False
        PORTS.pop(self.name, None)


def open_line(url: str, baud: int = BAUD, **options: Any) -> SerialLine:
    """The line to a virtual port, or to a real one: what tests put in the place of `SerialPort`."""
    return PORTS[url].open(baud) if url in PORTS else SerialPort(url, baud, **options)


@contextmanager
def printing(line: Callable[[int], str], pause: float = 0.002) -> Iterator[str]:
    """A port on which ``line(k)`` is printed for k = 0, 1, ... every ``pause`` seconds while it is open."""
    port, numbers, ended = VirtualPort(), count(), False

    def print_line() -> None:
        if port.line is not None:
            port.write(line(next(numbers)).encode() + b"\r\n")
        if not ended:
            port.clock.after(pause, print_line)

    print_line()
    yield port.name
    ended = True
    port.close()
