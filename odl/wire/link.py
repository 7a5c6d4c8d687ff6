"""The host's end of the line to a board: bytes to messages, both ways, without any I/O.

A `Link` reads no clock and no port. Bytes go in and messages come out, each with the number
of frames that are known to be missing before it; requests go in and bytes come out, with
the time passed in by the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from odl.core.events import Samples
from odl.core.retry import LINK, RetryPolicy
from odl.wire.codec import CodecError, open_messages
from odl.wire.deframer import Deframer
from odl.wire.field_types import Problem
from odl.wire.messages import (
    PROTOCOL,
    Compact,
    Data,
    Info,
    Message,
    Ready,
    Refused,
    Status,
)
from odl.wire.requests import Request, Requests
from odl.wire.sequence import FrameSequence

LIMIT: Final = 2**17  # above a board's longest frame, in bytes: Data of 65535 bytes
_INFO: Final = b"\x04"  # type number of Info; its next two bytes are the version, in every version


class Received(NamedTuple):
    """A received message; each is delivered once, in the sender's order.

    Attributes
    ----------
    message : the message.
    seq, time : from its envelope: frame number modulo 2**16, device microseconds modulo 2**32.
    lost : frames known to be missing just before it.
    restart : True if the board has restarted since the previous message.
    request : the request that the message answers, or None.
    """

    message: Message
    seq: int
    time: int
    lost: int = 0
    restart: bool = False
    request: Request | None = None


@dataclass(frozen=True, slots=True)
class Counters:
    """Counters of a link.

    Attributes
    ----------
    bytes : bytes received.
    frames : whole frames, copies included.
    lost : frames of the board that are known to be lost.
    duplicates : whole frames dropped as copies, or because they arrived late.
    unknown, malformed : whole frames with a type, or a body, that this version does not know.
    cobs, crc, oversize : damaged chunks between delimiters, by `Fault`.
    lost_bytes : bytes within those chunks.
    restarts : restarts of the board.
    retries, strays : requests sent again, and answers to no current request.
    """

    bytes: int
    frames: int
    lost: int
    duplicates: int
    unknown: int
    malformed: int
    cobs: int
    crc: int
    oversize: int
    lost_bytes: int
    restarts: int
    retries: int
    strays: int

    @property
    def damaged(self) -> int:
        """Damaged chunks of all kinds."""
        return self.cobs + self.crc + self.oversize


class Link:
    """One line to one board.

    Parameters
    ----------
    seq : int
        Number of the first frame for the board; a random number avoids that of an earlier host.
    retry : RetryPolicy
        When a request is sent again, and how often.

    Attributes
    ----------
    info : the board's last `Info`, or None.

    Examples
    --------
    >>> from odl.wire import Hello, encode, frame
    >>> link = Link()
    >>> request = link.send(Hello())
    >>> link.due(now=0.0).hex(" "), link.due(now=0.9), link.next_due
    ('00 01 01 01 01 01 01 03 03 02 05 75 c8 79 d6 00', b'', 1.0)
    >>> info = Info(2, 0, 6, 128, 64, 768, 50_000, 0, 0, 0, 0, 0, 0, frames=2, position=0, version="")
    >>> [received] = link.receive(frame(encode(info), seq=2))
    >>> received.request is request, request.answer == info
    (True, True)
    >>> [received] = link.receive(frame(encode(Ready(0, 768, 7)), seq=5))
    >>> received.lost, received.request, link.counters.lost, link.counters.strays
    (2, None, 2, 1)
    """

    def __init__(self, seq: int = 0, *, retry: RetryPolicy = LINK) -> None:
        self.info: Info | None = None
        self._deframer = Deframer(LIMIT)
        self._sequence = FrameSequence()
        self._requests = Requests(seq, retry)
        self._bytes = self._unknown = self._malformed = 0
        self._owed = 0  # lost frames that no received message has reported yet

    @property
    def version(self) -> tuple[int, int] | None:
        """(major, minor) of the protocol that the board speaks, None while unknown."""
        return self._requests.version

    @property
    def session(self) -> int:
        """The board's newest session number, 0 if none."""
        return self._sequence.session

    def send(self, message: Message) -> Request:
        """Queue ``message`` as a request, behind earlier ones.

        Raises
        ------
        LinkError
            If too many requests wait already.
        CodecError
            If the message has no byte form.
        """
        return self._requests.add(message)

    def due(self, now: float) -> bytes:
        """The bytes to write at ``now`` (seconds on any clock that never goes back).

        A request that has used all its attempts fails here, and the next one is sent.
        """
        return self._requests.due(now)

    @property
    def next_due(self) -> float | None:
        """When to call `due` again: -inf for at once, None without a request."""
        return self._requests.next_due

    def receive(self, data: bytes) -> list[Received]:
        """Process bytes from the board.

        Returns
        -------
        list of Received
            The messages that are complete now, in order, none twice. The sizes of the pieces do
            not affect the result.
        """
        self._bytes += len(data)
        received = []
        sequence = self._sequence
        for seq, time, message in open_messages(self._deframer.feed(data)):
            if type(message) is Samples:  # the usual case, kept fast
                lost = sequence.place(seq)
                if lost is not None:
                    received.append(Received(message, seq, time, self._owed + lost))
                    self._owed = 0
                continue
            if isinstance(message, CodecError):
                self._not_understood(message, seq)
                continue
            if self._requests.asks(Compact):  # which ends a session without a restart
                sequence.session = 0
            restarts = sequence.restarts
            if isinstance(message, Info | Status):
                lost = sequence.settle(seq, time, message)
            else:
                lost = sequence.place(seq)
            if lost is None:
                continue
            restart = sequence.restarts > restarts
            if restart:
                self._requests.restarted()
            request = None
            if isinstance(message, Info | Ready | Data | Refused):
                request = self._requests.answered(message)
                if isinstance(message, Info):
                    self.info = message
            received.append(Received(message, seq, time, self._owed + lost, restart, request))
            self._owed = 0
        return received

    def _not_understood(self, error: CodecError, seq: int) -> None:
        lost = self._sequence.place(seq)
        if lost is None:
            return
        self._owed += lost
        if error.problem is Problem.TYPE:
            self._unknown += 1
            return
        self._malformed += 1
        if error.data[:1] == _INFO and len(error.data) >= 3 and error.data[1] != PROTOCOL[0]:
            self._requests.speaks((error.data[1], error.data[2]))

    @property
    def counters(self) -> Counters:
        """All counters as they are now."""
        return Counters(
            bytes=self._bytes, frames=self._deframer.frames, lost=self._sequence.lost,
            duplicates=self._sequence.copies, unknown=self._unknown, malformed=self._malformed,
            cobs=self._deframer.bad_cobs, crc=self._deframer.bad_crc,
            oversize=self._deframer.oversize, lost_bytes=self._deframer.lost_bytes,
            restarts=self._sequence.restarts, retries=self._requests.retries,
            strays=self._requests.strays,
        )  # fmt: skip
