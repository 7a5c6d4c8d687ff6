"""Serve an emulated board on a port: a pseudo-terminal, or a socket."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys
from collections.abc import Callable
from typing import Final, Protocol

from firmware_sim.emulator import Emulator
from odl.core.clock import SYSTEM_CLOCK, Clock

TICK: Final = 0.005  # seconds between two reads of the port
AT_ONCE: Final = 10.0  # most seconds of the board's time between two reads, at any speed
BEHIND: Final = 1.0  # most seconds of delay that the board catches up with
PATIENCE: Final = 0.5  # seconds to wait once for a slow reader


class BytePort(Protocol):
    """A port to a connected host."""

    name: str

    def read(self, wait: float) -> bytes:
        """Return the bytes that arrive within ``wait`` seconds."""
        ...

    def write(self, data: bytes) -> None:
        """Send as much as the other end accepts; the rest is lost, as on a line without a reader."""
        ...

    def close(self) -> None:
        """Close the port."""
        ...


class Pty:
    """A pseudo-terminal; ``name`` is the path that a serial library opens.

    A reader that does not read is waited for ``patience`` seconds, once.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        import tty

        self._patience = patience
        self._master, self._slave = os.openpty()  # the slave stays open between hosts
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._deaf = False  # True after a timeout without a reader
        self.name = os.ttyname(self._slave)

    def read(self, wait: float) -> bytes:
        """Return the bytes that arrive within ``wait`` seconds."""
        if not select.select([self._master], [], [], wait)[0]:
            return b""
        try:
            return os.read(self._master, 65536)
        except OSError:
            return b""

    def write(self, data: bytes) -> None:
        """Send all of ``data`` to a reader, also a slow one; without a reader the terminal fills up."""
        while data:
            try:
                data = data[os.write(self._master, data) :]
                self._deaf = False
            except OSError:
                if self._deaf or not select.select([], [self._master], [], self._patience)[1]:
                    self._deaf = True
                    return

    def close(self) -> None:
        """Close both ends."""
        os.close(self._master)
        os.close(self._slave)


class Socket:
    """A listening TCP socket of this computer alone, for one host; ``name`` is pyserial's ``socket://``.

    While a host is connected, another one is hung up on at once: a board that served both would send
    each the replies to the other's requests.
    """

    def __init__(self, number: int = 0) -> None:
        self._listener = socket.create_server(("127.0.0.1", number))
        self._listener.setblocking(False)
        self._host: socket.socket | None = None
        self.name = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"

    def read(self, wait: float) -> bytes:
        """Return the bytes that arrive within ``wait`` seconds; accept a host if there is none."""
        waiting = [self._listener] + ([self._host] if self._host else [])
        ready = select.select(waiting, [], [], wait)[0]
        data = b""
        if self._host is not None and self._host in ready:  # first: it may have left
            with contextlib.suppress(OSError):
                data = self._host.recv(65536)
            if not data:
                self._hang_up()
        if self._listener in ready:
            with contextlib.suppress(OSError):
                self._accept(self._listener.accept()[0])
        return data

    def _accept(self, caller: socket.socket) -> None:
        if self._host is not None:
            caller.close()
            return
        caller.setblocking(False)
        caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._host = caller

    def write(self, data: bytes) -> None:
        """Send to the host, if there is one."""
        if self._host is None:
            return
        try:
            self._host.settimeout(1.0)
            self._host.sendall(data)
            self._host.setblocking(False)
        except OSError:
            self._hang_up()

    def _hang_up(self) -> None:
        if self._host is not None:
            self._host.close()
            self._host = None

    def close(self) -> None:
        """Disconnect the host and stop listening."""
        self._hang_up()
        self._listener.close()


def open_port(number: int | None = None) -> BytePort:
    """Open a pseudo-terminal; with ``number`` (0: any free port), or on Windows, a socket."""
    if number is None and sys.platform != "win32":
        return Pty()
    return Socket(number=number or 0)


def serve(
    board: Emulator,
    port: BytePort,
    *,
    speed: float = 1.0,
    until: Callable[[], bool] = lambda: False,
    progress: Callable[[str], None] | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> None:
    """Run ``board`` at ``speed`` times real time, with its serial line on ``port``.

    Parameters
    ----------
    speed : float
        Above 0. If this computer is too slow, the board runs late, and ``progress`` is called once.
    until : callable
        Called every few milliseconds; True ends the loop.
    progress : callable, optional
        Called with a sentence about a slow computer.
    clock : Clock
        Gives real time.
    """
    if not speed > 0:
        raise ValueError(f"a board cannot run at {speed:g} times real time; give a speed above 0")
    began, started, noticed = clock.monotonic(), board.seconds, False
    while not until():
        data = port.read(TICK)
        if data:
            board.write(data)
        due = (clock.monotonic() - began) * speed - (board.seconds - started)
        if due > BEHIND * max(1.0, speed):
            began, started = clock.monotonic(), board.seconds
            if progress and not noticed:
                progress(f"this machine is too slow for {speed:g} times real time; the board runs late")
                noticed = True
            due = TICK
        sent = board.run(min(max(due, 1e-4), AT_ONCE)) if board.powered else b""
        if sent:
            port.write(sent)
