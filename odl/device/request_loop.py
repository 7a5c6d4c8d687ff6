"""A line and a link put together: requests go out in time, what comes is taken in."""

from __future__ import annotations

import time
from typing import Final

from odl.device.serial_port import SerialChunk, SerialPort, SerialState
from odl.wire import Hello, Link, Message, Read, Received, Request, encode, frame

_RETRY: Final = 0.4  # seconds before a request goes out again; it is done once all the same
_TRIES: Final = 8
_SLOWER: Final = 1.5  # by which a line may be slower than its speed says


class RequestLoop:
    """The talk with a board over ``line``.

    Requests are given no time, and do not go out, while the port is gone or `wary` is set. A
    Read is given the time that its answer takes on the line, unless something came damaged or
    was lost meanwhile: asked for twice, it would be sent twice.

    Parameters
    ----------
    line : SerialPort
    seq : int
        Number of the first frame for the board; best a random one.

    Attributes
    ----------
    wary : bool
        Whether it is not known who listens: then nothing but `hello` goes out.
    """

    def __init__(self, line: SerialPort, seq: int = 0) -> None:
        self.line = line
        self.link = Link(seq, timeout=_RETRY, tries=_TRIES)
        self.wary = False
        self._given = 0.0  # seconds that do not count for requests
        self._looked = time.monotonic()
        self._reading: Request | None = None
        self._arrives = 0.0  # when its answer should have come
        self._amiss = 0  # what was lost or damaged when it was asked for

    def send(self, message: Message) -> Request:
        """Ask for something; it goes out at once, or after what was asked before."""
        request = self.link.send(message)
        if isinstance(message, Read):
            self._reading, self._amiss = request, self._losses()
            self._arrives = time.monotonic() + _SLOWER * message.size * 10 / self.line.baud
        self._write()
        return request

    def hello(self) -> bool:
        """Say Hello beside all requests; not if the board owes an answer, which it would forget."""
        due = self.link.next_due
        if self.line.state is not SerialState.OPEN or (due is not None and due != float("-inf")):
            return False
        return self.line.write(frame(encode(Hello())))

    @property
    def _may_write(self) -> bool:
        return self.line.state is SerialState.OPEN and not self.wary

    def _losses(self) -> int:
        counters = self.link.counters
        return counters.lost + counters.damaged

    def pump(self, wait: float) -> tuple[SerialChunk | None, list[Received]]:
        """Take in what comes next, within ``wait`` seconds; sends what is due."""
        self._write()
        piece = self.line.get(max(0.0, min(wait, self._until_due())))
        received = self.link.receive(piece.data) if piece is not None and piece.data else []
        now = time.monotonic()
        if not self._may_write or self._is_arriving(now):
            self._given += now - self._looked
        self._looked = now
        self._write()
        return piece, received

    def _is_arriving(self, now: float) -> bool:
        if self._reading is None or self._reading.done or self._losses() != self._amiss:
            self._reading = None
            return False
        return now < self._arrives

    def _until_due(self) -> float:
        due = self.link.next_due
        if due is None or not self._may_write:
            return float("inf")
        return due - (time.monotonic() - self._given)

    def _write(self) -> None:
        if self._may_write:
            data = self.link.due(time.monotonic() - self._given)
            if data:
                self.line.write(data)
