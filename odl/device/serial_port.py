"""A serial port, or a Bluetooth one, that a thread reads, and reopens after it was gone."""

from __future__ import annotations

import contextlib
import select
import threading
import time
from collections import deque
from types import TracebackType
from typing import Any, Final

from odl.core.clock import SYSTEM_CLOCK, Clock
from odl.core.errors import OdlError
from odl.device.ble_port import PREFIX, BlePort
from odl.device.serial_line import SerialChunk, SerialLine, SerialState

BAUD: Final = 115200
ROOM: Final = 2**20  # bytes that wait to be fetched: 90 s of a full line at 115200 baud
CHUNK: Final = 2**16  # bytes read at a time, at most
_WAIT: Final = 0.1  # seconds that the reader waits for bytes before it looks whether to end
_GATHER: Final = 0.002  # seconds that a frame is given to become whole: fewer wakings
_WRITE: Final = 1.0  # seconds after which a write that does not move is given up

# What pyserial raises when a device goes while it is being used.
_BROKEN: tuple[type[Exception], ...] = (OSError, ValueError, TypeError, AttributeError)
with contextlib.suppress(ImportError):  # Windows has none
    import termios

    _BROKEN += (termios.error,)


class SerialPortError(OdlError, OSError):
    """A port that cannot be opened, and what to do about it."""


class SerialPort(SerialLine):
    """A serial port that a thread reads all the time and reopens when it returns.

    Parameters
    ----------
    url : str
        A device (``/dev/ttyACM0``, ``COM3``), or any URL of pyserial: ``socket://host:number``,
        ``loop://``. Devices are opened for this process alone where the system can do so. ``ble:NAME``
        is the Bluetooth peripheral of that name (`odl.device.ble_port`).
    baud : int
        Bits per second; sockets and pseudo-terminals ignore it.
    room : int
        Bytes that may wait to be fetched. Further bytes are dropped, counted and reported
        with the next chunk.
    pause : float
        Seconds until a lost port is tried again; doubled each time, up to 2 s.
    clock : Clock
        The clock of the chunks' times.

    Raises
    ------
    SerialPortError
        If the port cannot be opened: it does not exist, is in use, or is not permitted.

    Attributes
    ----------
    state : SerialState
        The state now; `get` returns its changes in their order among the bytes.
    lost : int
        Bytes dropped for want of room.
    reopened : int
        Number of times that the port was reopened.

    Examples
    --------
    >>> with SerialPort("loop://") as line:
    ...     sent = line.write(b"ping")
    ...     while not (chunk := line.get(1.0)) or not chunk.data:
    ...         pass
    ...     chunk.data
    b'ping'
    """

    def __init__(
        self, url: str, baud: int = BAUD, *, room: int = ROOM, pause: float = 0.1, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self.url, self.baud, self.clock = url, baud, clock
        self.state = SerialState.OPENING
        self.lost = self.reopened = 0
        self._room, self._pause = room, pause
        self._chunks: deque[SerialChunk] = deque()
        self._held = 0  # bytes in them
        self._missing = 0  # bytes dropped since the last chunk
        self._woken = False
        self._ready = threading.Condition()
        self._writing = threading.Lock()  # the port is not closed during a write
        self._ending = threading.Event()
        self._device = _identity(url)
        try:
            self._port: Any = _open(url, baud)
        except _BROKEN as error:
            self.state = SerialState.CLOSED
            raise SerialPortError(_why_not(url, error)) from None
        self._change(SerialState.OPEN)
        self._reader = threading.Thread(target=self._read_all, name=f"line {url}", daemon=True)
        self._reader.start()

    # --- for users of the line -----------------------------------------------------------

    def get(self, timeout: float) -> SerialChunk | None:
        """Return the next chunk, or None after ``timeout`` seconds without one, or after `wake`."""
        with self._ready:
            if not self._chunks and not self._woken and timeout > 0:
                self._ready.wait(timeout)
            self._woken = False
            if self._chunks:
                chunk = self._chunks.popleft()
                self._held -= len(chunk.data)
                return chunk
            if self._missing:
                return self._with_loss(SerialChunk(self.clock.monotonic()))
            return None

    def wake(self) -> None:
        """Make a waiting `get` return at once; any thread may call this."""
        with self._ready:
            self._woken = True
            self._ready.notify_all()

    def write(self, data: bytes) -> bool:
        """Send ``data``; return False if there is no port, or it takes nothing."""
        with self._writing:
            if self._port is None:
                return False
            try:
                self._port.write(data)
            except _BROKEN:
                return False  # if the port is gone, the reader says so
            return True

    def close(self) -> None:
        """Close the port and end the reader. Bytes that it had read can still be fetched."""
        self._ending.set()
        if self._reader is not threading.current_thread():
            self._reader.join(5.0)
        self.wake()

    def __enter__(self) -> SerialPort:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- the reader ----------------------------------------------------------------------

    def _read_all(self) -> None:
        while not self._ending.is_set():
            if self._port is None and not self._open_again():
                break
            try:
                data = _read(self._port)
            except _BROKEN:
                self._let_go()
                self._change(SerialState.LOST)
                continue
            if data:
                self._put(SerialChunk(self.clock.monotonic(), data))
        self._let_go()
        self._change(SerialState.CLOSED)

    def _open_again(self) -> bool:
        """Try until the port is back; return False if the line is closed meanwhile."""
        pause = self._pause
        while not self._ending.wait(pause):
            pause = min(2.0, 2 * pause)
            try:
                port = _open(_where(self.url, self._device), self.baud)
            except _BROKEN:
                continue
            self._port = port
            self.reopened += 1
            self._change(SerialState.OPEN)
            return True
        return False

    def _let_go(self) -> None:
        with self._writing:
            port, self._port = self._port, None
        if port is not None:
            with contextlib.suppress(*_BROKEN):
                port.close()

    def _change(self, state: SerialState) -> None:
        self.state = state
        self._put(SerialChunk(self.clock.monotonic(), state=state))

    def _put(self, chunk: SerialChunk) -> None:
        with self._ready:
            if self._held + len(chunk.data) > self._room:
                self.lost += len(chunk.data)
                self._missing += len(chunk.data)
                return
            self._chunks.append(self._with_loss(chunk))
            self._held += len(chunk.data)
            self._ready.notify_all()

    def _with_loss(self, chunk: SerialChunk) -> SerialChunk:
        missing, self._missing = self._missing, 0
        return chunk._replace(lost=missing)


def _open(url: str, baud: int) -> Any:
    if url.startswith(PREFIX):
        return BlePort(url.removeprefix(PREFIX))
    import serial

    port = serial.serial_for_url(url, baudrate=baud, exclusive=True, write_timeout=_WRITE, do_not_open=True)
    port.timeout = 0 if _can_be_waited_for(port) else _WAIT
    port.open()
    return port


def _can_be_waited_for(port: Any) -> bool:
    """True if ``select`` takes the port: devices of POSIX and sockets, not Windows, not loop://."""
    from serial.serialutil import SerialBase

    return type(port).fileno is not SerialBase.fileno


def _read(port: Any) -> bytes:
    """Return the bytes that arrive within a short time, as one chunk."""
    if isinstance(port, BlePort):
        return port.read(_WAIT)
    if port.timeout == 0:
        if not select.select([port], [], [], _WAIT)[0]:
            return b""
        time.sleep(_GATHER)
        return bytes(port.read(CHUNK))
    first = port.read(1)
    if not first:
        return b""
    time.sleep(_GATHER)
    return bytes(first + port.read(min(CHUNK, port.in_waiting)))


def _identity(url: str) -> tuple[int, int, str | None] | None:
    """Return what identifies a USB device under another name; it is never shown."""
    if "://" in url or url.startswith(PREFIX):
        return None
    from serial.tools.list_ports import comports

    return next(((p.vid, p.pid, p.serial_number) for p in comports() if p.device == url and p.vid), None)


def _where(url: str, device: tuple[int, int, str | None] | None) -> str:
    """Return the device's port now: the old one, else the only port with the same device."""
    if device is None:
        return url
    from serial.tools.list_ports import comports

    same = [p.device for p in comports() if (p.vid, p.pid, p.serial_number) == device]
    return same[0] if len(same) == 1 and url not in same else url


def _why_not(url: str, error: Exception) -> str:
    """Return one sentence about a port that could not be opened."""
    import errno

    number = getattr(error, "errno", None)
    if number == errno.ENOENT:
        return f"there is no port {url}; 'odl ports' lists all ports"
    if number in (errno.EACCES, errno.EPERM):
        return f"{url} may not be opened by this user; on Linux, join the group that owns it (dialout)"
    if number in (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK):
        return f"{url} is in use by another program; close that first"
    return f"{url} cannot be opened ({error})"
