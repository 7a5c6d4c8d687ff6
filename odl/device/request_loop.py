"""Sends requests over a line when they are due, and reads the messages that arrive."""

from __future__ import annotations

from typing import Final

from odl.core.retry import BOARD, RetryPolicy
from odl.device.serial_line import SerialChunk, SerialLine, SerialState
from odl.wire import Hello, Link, Message, Read, Received, Request, encode, frame

_SLOWER: Final = 1.5  # by which a line may be slower than its speed says


class RequestLoop:
    """Sends requests to the board on ``line`` and reads its messages.

    The time of a request stops, and it is not sent, while the port is gone or
    ``only_hello`` is set. A Read has additional time for its answer on the line, unless
    a frame was damaged or lost meanwhile: two requests would give two answers.

    Parameters
    ----------
    line : SerialLine
    seq : int
        Number of the first frame for the board; best a random one.
    retry : RetryPolicy
        When a request is repeated, and how often.

    Attributes
    ----------
    link : Link
    only_hello : bool
        True while another board may be on the line: then only `hello` is sent.
    """

    def __init__(self, line: SerialLine, seq: int = 0, retry: RetryPolicy = BOARD) -> None:
        self.line = line
        self.link = Link(seq, retry=retry)
        self.only_hello = False
        self._clock = line.clock
        self._paused = 0.0  # seconds that do not count for requests
        self._pumped = self._clock.monotonic()  # when `pump` returned last
        self._reading: Request | None = None
        self._arrives = 0.0  # when the answer to it should have come
        self._faults_before = 0  # frames lost or damaged when it was asked for

    def send(self, message: Message) -> Request:
        """Queue a request; it is sent at once, or after the earlier ones."""
        request = self.link.send(message)
        if isinstance(message, Read):
            self._reading, self._faults_before = request, self._faults()
            self._arrives = self._clock.monotonic() + _SLOWER * message.size * 10 / self.line.baud
        self._write()
        return request

    def hello(self) -> bool:
        """Send Hello beside all requests, and return whether it was sent.

        It is not sent while the board owes an answer, which it would forget.
        """
        due = self.link.next_due
        if self.line.state is not SerialState.OPEN or (due is not None and due != float("-inf")):
            return False
        return self.line.write(frame(encode(Hello())))

    def pump(self, wait: float) -> tuple[SerialChunk | None, list[Received]]:
        """Return the next chunk, within ``wait`` seconds, and its messages; send what is due."""
        self._write()
        chunk = self.line.get(max(0.0, min(wait, self._until_due())))
        received = self.link.receive(chunk.data) if chunk is not None and chunk.data else []
        now = self._clock.monotonic()
        if not self._may_write or self._is_arriving(now):
            self._paused += now - self._pumped
        self._pumped = now
        self._write()
        return chunk, received

    @property
    def _may_write(self) -> bool:
        return self.line.state is SerialState.OPEN and not self.only_hello

    def _faults(self) -> int:
        counters = self.link.counters
        return counters.lost + counters.damaged

    def _is_arriving(self, now: float) -> bool:
        if self._reading is None or self._reading.done or self._faults() != self._faults_before:
            self._reading = None
            return False
        return now < self._arrives

    def _until_due(self) -> float:
        due = self.link.next_due
        if due is None or not self._may_write:
            return float("inf")
        return due - (self._clock.monotonic() - self._paused)

    def _write(self) -> None:
        if self._may_write:
            data = self.link.due(self._clock.monotonic() - self._paused)
            if data:
                self.line.write(data)
