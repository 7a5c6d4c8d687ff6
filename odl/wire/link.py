"""The host's end of the line to a board: bytes to messages, both ways, without any I/O.

A `Link` reads no clock and no port. Bytes go in and messages come out, each with the number
of frames that are known to be missing before it; requests go in and bytes come out, with
the moments handed in by whoever owns a clock.

Frames carry their number modulo 2**16 in ``seq``, `Info` and `Status` modulo 2**32 in
``frames``. Ahead of what is expected, the frames between are lost; behind it, the frame is a
copy or came late, and is dropped. So losses of up to 32767 frames in a row are counted as
they are noticed, all others when the next `Info` or `Status` comes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple, TypeAlias

from odl.wire.codec import CodecError, Problem, decode, encode
from odl.wire.framing import Deframer, frame, open_envelope
from odl.wire.schema import (
    PROTOCOL,
    Data,
    Hello,
    Info,
    Message,
    Read,
    Ready,
    Refusal,
    Refused,
    Status,
)

LIMIT: Final = 2**17  # bytes of a board's longest frame and to spare: Data of 65535 bytes
ROOM: Final = 256  # requests that wait at most
TRIES: Final = 5
TIMEOUT: Final = 1.0  # seconds before the second try; then twice and four times as long
_SLOWER: Final = (1, 2, 4)
_NEAR: Final = 64  # frames by which a second copy may come late
_INFO: Final = 4  # type number of Info, whose first two bytes say the version in every version

Answer: TypeAlias = Info | Ready | Data | Refused


class LinkError(RuntimeError):
    """A request that cannot be taken on."""


class Failure(Enum):
    """Why a request came to nothing."""

    SILENT = "the board did not answer"
    DAMAGED = "it reached the board damaged each time"
    REFUSED = "the board refuses"
    VERSION = "the board speaks another version"
    RESTART = "the board restarted"


@dataclass(slots=True, eq=False)
class Request:
    """A message that wants an answer, and how it fares.

    Attributes
    ----------
    message : what was asked.
    seq : the number of its frame, the same in every try; None while it waits.
    tries : how often it went out.
    answer : Info for Hello, Data for Read, Ready for all else; Refused if refused.
    failure : why there is no answer, or `Failure.REFUSED`.
    problem : the failure as one sentence, else empty.
    """

    message: Message
    seq: int | None = None
    tries: int = 0
    answer: Answer | None = None
    failure: Failure | None = None
    problem: str = ""
    due: float | None = None  # when the next try goes out; None: at once
    damaged: bool = False  # the last try came damaged

    @property
    def done(self) -> bool:
        """Whether it has been answered or has failed."""
        return self.answer is not None or self.failure is not None

    @property
    def name(self) -> str:
        """The message's name."""
        return type(self.message).__name__


class Received(NamedTuple):
    """A message that came, once, in the sender's order.

    Attributes
    ----------
    message : the message.
    seq, time : from its envelope: frame number modulo 2**16, device microseconds modulo 2**32.
    lost : frames known to be missing just before it.
    restart : whether the board has started anew since the message before.
    request : the request that it answers, or None.
    """

    message: Message
    seq: int
    time: int
    lost: int = 0
    restart: bool = False
    request: Request | None = None


@dataclass(frozen=True, slots=True)
class Counters:
    """What a link has seen so far.

    Attributes
    ----------
    bytes : bytes taken in.
    frames : whole frames, copies included.
    lost : frames that the board sent and that never came, as far as is known.
    duplicates : frames dropped as copies, or because they came after later ones.
    unknown, malformed : whole frames of a type, or with a body, that this version has not.
    cobs, crc, oversize : damaged stretches between delimiters, by `Fault`.
    lost_bytes : bytes within those stretches.
    restarts : how often the board started anew.
    retries, strays : requests sent again, answers that nobody waited for any more.
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
        """Damaged stretches of all kinds."""
        return self.cobs + self.crc + self.oversize


def _signed(value: int, bits: int) -> int:
    """``value`` modulo 2**bits, as a number from -2**(bits-1) on."""
    half = 1 << bits - 1
    return (value + half & 2 * half - 1) - half


class Link:
    """One line to one board.

    Parameters
    ----------
    seq : int
        Number of the first frame for the board. One that a former host of the same board is
        unlikely to have stopped at is best: any random one.
    timeout : float
        Seconds before a request goes out again; then twice, then four times as long.
    tries : int
        How often a request goes out at most.

    Attributes
    ----------
    info : the board's last `Info`, or None.
    version : (major, minor) of the protocol that the board speaks, or None while unknown.
    session : the board's session number as it said last, 0 if none.

    Examples
    --------
    >>> link = Link()
    >>> request = link.send(Hello())
    >>> link.due(now=0.0).hex(" "), link.due(now=0.9), link.next_due
    ('00 01 01 01 01 01 01 03 03 01 05 b6 9b 54 fd 00', b'', 1.0)
    >>> info = Info(1, 0, 6, 128, 64, 768, 50_000, 0, 0, 0, 0, 0, 0, frames=2, position=0, version="")
    >>> [received] = link.receive(frame(encode(info), seq=2))
    >>> received.request is request, request.answer == info
    (True, True)
    >>> [received] = link.receive(frame(encode(Ready(0, 768, 7)), seq=5))
    >>> received.lost, received.request, link.counters.lost, link.counters.strays
    (2, None, 2, 1)
    """

    def __init__(self, seq: int = 0, *, timeout: float = TIMEOUT, tries: int = TRIES) -> None:
        self.info: Info | None = None
        self.version: tuple[int, int] | None = None
        self.session = 0
        self._deframer = Deframer(LIMIT)
        self._bytes = self._lost = self._duplicates = self._unknown = self._malformed = 0
        self._restarts = self._retries = self._strays = 0
        # What comes from the board.
        self._next: int | None = None  # number of the next frame
        self._settled = False  # whether that counts from the board's start, not only modulo 2**16
        self._owed = 0  # losses that no message has carried yet
        self._jumps: deque[tuple[int, int]] = deque(maxlen=_NEAR)  # (number, lost before it), unsettled
        self._totals: deque[tuple[int, int]] = deque(maxlen=8)  # (frames, time) of Info and Status
        # What goes to the board.
        self._seq = seq & 0xFFFF
        self._timeout, self._tries = timeout, tries
        self._waiting: deque[Request] = deque()
        self._out: Request | None = None  # the one request that is on its way

    # --- requests ----------------------------------------------------------------------

    def send(self, message: Message) -> Request:
        """Ask for ``message`` to be done, after all that was asked before.

        Raises
        ------
        LinkError
            If too many requests wait already.
        CodecError
            If the message has no byte form.
        """
        if len(self._waiting) >= ROOM:
            raise LinkError(f"{ROOM} requests wait for the board, which does not answer: try again later")
        encode(message)
        request = Request(message)
        self._waiting.append(request)
        return request

    @property
    def idle(self) -> bool:
        """Whether no request is waiting or on its way."""
        return self._out is None and not self._waiting

    @property
    def next_due(self) -> float | None:
        """When `due` will have something: -inf for at once, None for not before more is asked."""
        if self._out is None:
            return float("-inf") if self._waiting else None
        return float("-inf") if self._out.due is None else self._out.due

    def due(self, now: float) -> bytes:
        """The bytes to write at ``now`` (seconds on any clock that never goes back).

        A request whose tries are used up fails here, and the next one goes out.
        """
        while True:
            request = self._out
            if request is None:
                if not self._waiting:
                    return b""
                self._out = request = self._waiting.popleft()
                request.seq = self._seq
                self._seq = self._seq + 1 & 0xFFFF
            if request.due is not None and now < request.due:
                return b""
            if request.tries >= self._tries:
                self._give_up(request)
                continue
            self._retries += request.tries > 0
            request.due = now + self._timeout * _SLOWER[min(request.tries, len(_SLOWER) - 1)]
            request.tries += 1
            request.damaged = False
            return frame(encode(request.message), request.seq or 0)

    def _give_up(self, request: Request) -> None:
        if request.damaged:
            self._fail(request, Failure.DAMAGED, f"{request.name} reached the board damaged each of "
                       f"{request.tries} times: check cable and baud rate")  # fmt: skip
        else:
            self._fail(request, Failure.SILENT, f"the board did not answer {request.name}, sent "
                       f"{request.tries} times: is it connected, and at this baud rate?")  # fmt: skip

    def _fail(self, request: Request, failure: Failure, problem: str) -> None:
        request.failure, request.problem = failure, problem
        if request is self._out:
            self._out = None

    def _fail_all(self, failure: Failure, problem: Callable[[Request], str], but: type | None = None) -> None:
        """Fail what is on its way and what waits, messages of the type ``but`` left alone."""
        for request in [*filter(None, [self._out]), *self._waiting]:
            if but is None or not isinstance(request.message, but):
                self._fail(request, failure, problem(request))
        self._waiting = deque(request for request in self._waiting if not request.done)

    def _answered(self, message: Message) -> Request | None:
        """The request that ``message`` answers, brought to its end."""
        request = self._out
        if isinstance(message, Refused):
            return self._refused(message)
        if isinstance(message, Ready):
            if request is None or request.tries == 0 or message.reply != request.seq:
                self._strays += 1
                return None
        elif isinstance(message, Info):
            self._check_version((message.major, message.minor))
            if request is None or request.done or not isinstance(request.message, Hello):
                return None  # boards say this unasked
        elif isinstance(message, Data):
            wanted = None if request is None else request.message
            if not isinstance(wanted, Read) or wanted != Read(
                message.area, message.offset, len(message.data)
            ):
                self._strays += 1
                return None
        else:
            return None
        assert request is not None
        request.answer = message
        self._out = None
        return request

    def _refused(self, refused: Refused) -> Request | None:
        request = self._out
        if refused.why is Refusal.DAMAGED and refused.message == 0:
            # Noise can bring this too; a second copy of a request does no harm.
            if request is not None and request.tries:
                request.due, request.damaged = None, True
            return None
        if request is None or request.tries == 0 or refused.reply != request.seq:
            self._strays += 1
            return None
        if (
            refused.why is Refusal.HELLO
            and not isinstance(request.message, Hello)
            and request.tries < self._tries
        ):
            # The Info taken for an answer was one that the board sends unasked. Nothing was done.
            request.seq, request.due = None, None
            self._waiting.extendleft((request, Request(Hello())))
            self._out = None
            return None
        request.answer = refused
        if refused.why is Refusal.VERSION:
            self._other_version()
        else:
            why = refused.why.name.lower()
            self._fail(request, Failure.REFUSED, f"the board refuses {request.name}: {why}")
        return request

    def _check_version(self, version: tuple[int, int]) -> None:
        self.version = version
        if version[0] != PROTOCOL[0] and self._out and isinstance(self._out.message, Hello):
            self._other_version()

    def _other_version(self) -> None:
        theirs = "another version" if self.version is None else "{}.{}".format(*self.version)
        ours = "{}.{}".format(*PROTOCOL)
        problem = (
            f"the board speaks protocol {theirs} and this odl {ours}: "
            "flash firmware of this odl's version, or use the odl that the board's firmware is from"
        )
        self._fail_all(Failure.VERSION, lambda request: problem)

    # --- what comes --------------------------------------------------------------------

    def receive(self, data: bytes) -> list[Received]:
        """Take in what came from the board; the messages that are whole now, in order."""
        self._bytes += len(data)
        received = []
        for payload in self._deframer.feed(data):
            seq, time, body = open_envelope(payload)
            message: Message | None = None
            try:
                message = decode(body)
            except CodecError as error:
                self._not_understood(body, error)
            restarts = self._restarts
            lost = self._place(message, seq, time)
            if lost is None:
                self._duplicates += 1
                continue
            self._owed += lost
            if message is None:
                continue
            request = self._answered(message)
            restart = self._restarts > restarts
            received.append(Received(message, seq, time, self._owed, restart, request))
            self._owed = 0
        return received

    def _not_understood(self, body: bytes, error: CodecError) -> None:
        if error.problem is Problem.TYPE:
            self._unknown += 1
            return
        self._malformed += 1
        if body[0] == _INFO and len(body) >= 3 and body[1] != PROTOCOL[0]:
            self._check_version((body[1], body[2]))

    def _place(self, message: Message | None, seq: int, time: int) -> int | None:
        """Frames lost before this one; None for a copy or a late one."""
        if isinstance(message, Info | Status) and message.frames & 0xFFFF == seq:
            return self._settle(message, time)
        if self._next is None:
            self._next = seq  # what came before was not for us
        ahead = _signed(seq - self._next, 16)
        if ahead < 0:
            return None
        if ahead:
            self._lost += ahead
            self._jumps.append((self._next + ahead, ahead))
        self._next += ahead + 1
        return ahead

    def _settle(self, total: Info | Status, time: int) -> int | None:
        """As `_place`, by the board's own count, which also tells a restart."""
        ahead = 0
        if self._next is not None:
            ahead = _signed(total.frames - self._next, 32 if self._settled else 16)
        if ahead < 0:  # a session has a number of its own, so within one it is a copy
            anew = total.session == 0 or total.session != self.session
        else:
            anew = (total.session == 0 and self.session != 0) or ahead > total.frames
        if anew and -_NEAR <= ahead < 0 and (total.frames, time) in self._totals:
            anew = False  # a copy of what was said before the session began
        if anew:
            ahead = self._begin_again(total.frames)
        elif ahead < 0:
            return None
        self._lost += ahead
        self._next, self._settled, self.session = total.frames + 1, True, total.session
        self._jumps.clear()
        self._totals.append((total.frames, time))
        if isinstance(total, Info):
            self.info = total
        return ahead

    def _begin_again(self, frames: int) -> int:
        """The board has restarted and sent ``frames`` frames since; how many of them are lost.

        Some may have come already and looked like later frames of the run before: from the
        last one backwards, whole stretches that fit in before ``frames``. The leaps to them
        were no losses.
        """
        self._restarts += 1
        heard, below, end = 0, frames, self._next or 0
        while self._jumps:
            first, lost = self._jumps[-1]
            if (first & 0xFFFF) + end - first > below:
                break
            self._jumps.pop()
            self._lost -= lost
            heard += end - first
            below, end = first & 0xFFFF, first - lost
        self._totals.clear()
        self._fail_all(
            Failure.RESTART, lambda request: f"the board restarted before it answered {request.name}",
            but=Hello,
        )  # fmt: skip
        return frames - heard

    @property
    def counters(self) -> Counters:
        """All counters as they are now."""
        return Counters(
            bytes=self._bytes, frames=self._deframer.frames, lost=self._lost,
            duplicates=self._duplicates, unknown=self._unknown, malformed=self._malformed,
            cobs=self._deframer.bad_cobs, crc=self._deframer.bad_crc,
            oversize=self._deframer.oversize, lost_bytes=self._deframer.lost_bytes,
            restarts=self._restarts, retries=self._retries, strays=self._strays,
        )  # fmt: skip
