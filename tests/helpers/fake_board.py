"""The board's side of the protocol around a `Session`, and ports for it that can be unplugged."""

from __future__ import annotations

import itertools
import os
import select
import socket
import threading
import tty
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from odl import data
from odl.core.config import Config
from odl.core.events import AddClass, ChangeClass, Gap, Label, Samples, Split, Teach, Undo
from odl.core.image import Image
from odl.core.kernels.rules import POLICIES
from odl.core.session import OrderError, Session
from odl.core.snapshot import without_weights
from odl.device.board import NOW
from odl.wire import (
    BRIEF,
    IMAGE,
    PROTOCOL,
    STATE,
    Configure,
    Data,
    Deframer,
    Description,
    Hello,
    Info,
    Message,
    Read,
    Ready,
    Refusal,
    Refused,
    Status,
    decode,
    encode,
    frame,
    open_envelope,
)
from tests.helpers.fake_peripheral import PeripheralPort
from tests.helpers.virtual_port import VirtualPort

SHOULDER = Image.from_bytes(data.model_bytes("shoulder"))
CONFIG = Config(
    policy="periodic", allowed=50, horizon=300, mult=(30000,) * 6, shift=(20,) * 6, offset=(0,) * 6
)


_STARTED = itertools.count()


class FakeBoard:
    """A board of this protocol in Python, one thread at a time.

    ``out`` is what it sends; the host's bytes go to `receive`, its sensor's samples to `sense`.
    """

    def __init__(self, image: Image = SHOULDER, *, sensor: bool = True, major: int = PROTOCOL[0]) -> None:
        self.image, self.major = image, major
        names = [[c.name, c.unit, c.scale] for c in image.channels]
        self.board = {"name": "fake", "sensor": "imu" if sensor else "link",
                      "rate_hz": 50 if sensor else None, "channels": names if sensor else None}  # fmt: skip
        self.micros = next(_STARTED) * 10**6  # no two boards at the same time
        self.dropped = 0
        self.done: list[Message] = []  # what it was asked, each once
        self.out = bytearray()
        self._lock = threading.Lock()
        self.session: Session | None = None
        self._last: tuple[int, int] | None = None
        self._log = b""
        self.restart()

    def restart(self) -> None:
        """Power comes back: what was learned is in its flash."""
        with self._lock:
            if self.session is not None:
                self._log = self.session.snapshot()
            self.number = self.frames = 0
            self.session, self._last = None, None
            self._greeted = False
            self._deframer = Deframer(4096)
            self.say_hello()

    def say(self, message: Message) -> None:
        """Send a message of any kind."""
        self.out += frame(encode(message), self.frames & 0xFFFF, self.micros & 0xFFFFFFFF)
        self.frames += 1
        self.micros += 100

    def info(self) -> Info:
        """What it is."""
        session = self.session or Session(self.image, CONFIG)
        size = len(session.snapshot())
        state = 20016
        return Info(
            self.major, 0, len(self.image.channels), self.image.window, self.image.hop, 768,
            round(self.image.rate_hz * 1000), self.image.checksum, len(self.image.to_bytes()), 0, state,
            size - state, self.number,
            self.frames, session.position, "0.0",
        )  # fmt: skip

    def say_hello(self) -> None:
        """Info and description, as after Hello and every five seconds."""
        self.say(self.info())
        self.say(Description(self.board, {"classes": ["a"]}))

    def sense(self, block: NDArray[np.int16]) -> None:
        """Its sensor has taken samples."""
        with self._lock:
            self.micros += round(len(block) * 1e6 / 50)
            if self.session is None:
                return
            samples = Samples(self.session.position, block)
            self.say(samples)
            self._outputs(samples)

    def miss(self, lost: int) -> None:
        """Its sensor has dropped samples."""
        with self._lock:
            assert self.session is not None
            gap = Gap(self.session.position, lost, "sensor\x1b[2J")
            self.dropped += lost
            self.say(gap)
            self._outputs(gap)

    def tick(self) -> None:
        """A second has passed: status."""
        with self._lock:
            if self.session is not None:
                self.say(Status(self.number, self.frames, self.dropped, 0, 0, self.session.position))

    def _outputs(self, event: Message) -> None:
        assert self.session is not None
        for output in self.session.step(event):  # type: ignore[arg-type]
            self.say(output)

    def receive(self, bytes_: bytes) -> None:
        """Bytes from the host."""
        with self._lock:
            for payload in self._deframer.feed(bytes_):
                seq, _, body = open_envelope(payload)
                self._take(seq, decode(body), body[0])

    def _take(self, seq: int, message: Message, number: int) -> None:
        if isinstance(message, Hello):
            if message.major != self.major:
                self.say(self.info())
                self.say(Refused(number, Refusal.VERSION, seq))
                return
            self._greeted, self._last = True, None
            self.say_hello()
        elif not self._greeted:
            self.say(Refused(number, Refusal.HELLO, seq))
        elif isinstance(message, Read):
            whole = (self.session or Session(self.image, CONFIG)).snapshot()
            read = {STATE: whole, BRIEF: without_weights(self.image, whole), IMAGE: self.image.to_bytes()}[
                message.area
            ]
            part = read[message.offset : message.offset + message.size]
            self.say(Data(message.area, message.offset, part, seq))
        elif self._last is not None and self._last[0] == seq:
            self.say(Ready(self._last[1], 768, seq))
        else:
            why = self._do(message)
            if why is not None:
                self.say(Refused(number, why, seq))
                return
            self.done.append(message)
            assert self.session is not None
            self._last = seq, self.session.position
            self.say(Ready(self.session.position, 768, seq))

    def _do(self, message: Message) -> Refusal | None:
        if isinstance(message, Configure):
            self.session = Session(self.image, config_of(message))
            if message.keep and self._log:
                self.session.restore(self._log)
            self.session.resume(message.position, message.issued, bool(message.keep))
            self.number = message.session
            return None
        if self.session is None:
            return Refusal.CONFIGURE
        if isinstance(message, Label | Teach | Undo | AddClass | Split | ChangeClass):
            if message.at == NOW:
                message = replace(message, at=self.session.position)
            if message.at != self.session.position:
                return Refusal.ORDER
            self.say(message)
        try:
            self._outputs(message)
        except OrderError:
            return Refusal.ORDER
        return None


def config_of(message: Configure) -> Config:
    """The settings that a Configure carries."""
    mult, shift, offset = zip(*message.scaling, strict=True)
    return Config(
        policy=POLICIES[message.rule], allowed=message.allowed, period=message.period,
        in_samples=bool(message.in_samples), horizon=message.horizon, batch=message.batch,
        patience=message.patience, step=message.step, hold=bool(message.hold), change=message.change,
        every=message.every, floor=message.floor,
        seed=message.seed, mult=mult, shift=shift, offset=offset,
    )  # fmt: skip


class PtyPort:
    """A pseudo-terminal under a name that stays: a link to it, which goes when it is unplugged."""

    def __init__(self, link: str) -> None:
        self.name = link
        self._master = -1
        self.plug()

    def plug(self) -> None:
        """Appear."""
        self._master, slave = os.openpty()
        tty.setraw(slave)
        os.symlink(os.ttyname(slave), self.name)
        self._slave = slave  # open until a host has opened it, or the master hangs up at once

    def unplug(self) -> None:
        """Vanish."""
        os.unlink(self.name)
        os.close(self._slave)
        os.close(self._master)
        self._master = -1

    def read(self, wait: float) -> bytes:
        """What the host sent."""
        if self._master < 0 or not select.select([self._master], [], [], wait)[0]:
            return b""
        return os.read(self._master, 65536)

    def write(self, data: bytes) -> None:
        """To the host."""
        while data and self._master >= 0:
            data = data[os.write(self._master, data) :]

    def close(self) -> None:
        """For good."""
        if self._master >= 0:
            self.unplug()


class SocketPort:
    """A listening socket that can hang up, refuse, and listen again under the same number."""

    def __init__(self) -> None:
        self._number = 0
        self._listener: socket.socket | None = None
        self._host: socket.socket | None = None
        self.plug()
        self.name = f"socket://127.0.0.1:{self._number}"

    def plug(self) -> None:
        """Listen."""
        self._listener = socket.create_server(("127.0.0.1", self._number))
        self._number = self._listener.getsockname()[1]

    def unplug(self) -> None:
        """Hang up, and do not answer any more."""
        for end in (self._host, self._listener):
            if end is not None:
                end.close()
        self._host = self._listener = None

    def read(self, wait: float) -> bytes:
        """What the host sent; takes a call."""
        ends = [end for end in (self._host, self._listener) if end is not None]
        ready = select.select(ends, [], [], wait)[0] if ends else []
        if self._listener is not None and self._listener in ready:
            self._host = self._listener.accept()[0]
        elif self._host is not None and self._host in ready:
            try:
                data = self._host.recv(65536)
            except OSError:  # it hung up while something was sent to it
                data = b""
            if not data:
                self._hang_up()
            return data
        return b""

    def write(self, data: bytes) -> None:
        """To the host, if one has called."""
        if self._host is not None:
            try:
                self._host.sendall(data)
            except OSError:
                self._hang_up()

    def _hang_up(self) -> None:
        assert self._host is not None
        self._host.close()
        self._host = None

    close = unplug


Port = PtyPort | SocketPort | PeripheralPort | VirtualPort


class BoardHarness:
    """A fake board on a port: on a virtual one it has its turn when the host waits, else in a thread."""

    def __init__(
        self, port: Port, board: FakeBoard, mangle: Callable[[bytes], bytes] = lambda data: data
    ) -> None:
        self.port, self.board, self.mangle = port, board, mangle
        self._end = threading.Event()
        self._plugged = threading.RLock()
        self._thread: threading.Thread | None = None
        if isinstance(port, VirtualPort):
            port.serve = self._turn
        else:
            Session(board.image, CONFIG).step(Samples(0, np.zeros((300, 6), np.int16)))  # compiles it, once
            self._thread = threading.Thread(target=self._serve, daemon=True)
            self._thread.start()

    def _serve(self) -> None:
        while not self._end.is_set():
            self._turn()
            self._end.wait(0.001)

    def _turn(self) -> None:
        with self._plugged:
            self.board.receive(self.port.read(0.002))
            self.flush()

    def flush(self) -> None:
        """Send what the board has said; afterwards none of it is still on its way."""
        with self._plugged:
            with self.board._lock:
                data, self.board.out[:] = bytes(self.board.out), b""
            if data:
                self.port.write(self.mangle(data))

    def unplug(self) -> None:
        """Pull the plug; what the board says meanwhile is lost."""
        with self._plugged:
            self.port.unplug()

    def plug(self, board: FakeBoard | None = None) -> None:
        """Plug the board in again, or another one."""
        with self._plugged:
            if board is not None:
                self.board = board
            self.board.out.clear()
            self.port.plug()

    def close(self) -> None:
        """End the thread and close the port."""
        self._end.set()
        if self._thread is not None:
            self._thread.join()
        self.port.close()


def virtual_bench(board: FakeBoard | None = None, *mangle: Callable[[bytes], bytes]) -> BoardHarness:
    """A fake board, with a sensor if none is given, on a port in virtual time."""
    return BoardHarness(VirtualPort(), board or FakeBoard(), *mangle)
