"""Requests to a board: one at a time, sent again until answered.

Every attempt sends the same frame. The board remembers the number of the last frame that it
accepted and executes no frame twice, so a repeated request is harmless, whether the request or
its answer was lost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from odl.core.errors import OdlError
from odl.core.retry import RetryPolicy
from odl.wire.codec import encode
from odl.wire.framing import frame
from odl.wire.messages import (
    PROTOCOL,
    Data,
    Hello,
    Info,
    Message,
    Read,
    Ready,
    Refusal,
    Refused,
)

ROOM: Final = 256  # most requests that may wait

Answer: TypeAlias = Info | Ready | Data | Refused


class LinkError(OdlError, RuntimeError):
    """A request cannot be queued."""


class Failure(Enum):
    """Why a request failed."""

    SILENT = "the board did not answer"
    DAMAGED = "it reached the board damaged each time"
    REFUSED = "the board refuses"
    VERSION = "the board speaks another version"
    RESTART = "the board restarted"


@dataclass(slots=True, eq=False)
class Request:
    """A message that needs an answer, and its outcome.

    Attributes
    ----------
    message : the message sent.
    seq : the number of its frame, the same in every attempt; None while it waits.
    tries : attempts so far.
    answer : Info for Hello, Data for Read, Ready for all else; Refused if refused.
    failure : why the request failed, or None.
    problem : the failure as one sentence, else empty.
    due : when the next attempt is sent; None for at once.
    damaged : True if the board reported the last attempt as damaged.
    """

    message: Message
    seq: int | None = None
    tries: int = 0
    answer: Answer | None = None
    failure: Failure | None = None
    problem: str = ""
    due: float | None = None
    damaged: bool = False

    @property
    def done(self) -> bool:
        """True once the request is answered or has failed."""
        return self.answer is not None or self.failure is not None

    @property
    def name(self) -> str:
        """The message's name."""
        return type(self.message).__name__


class Requests:
    """The requests to one board, in order.

    Parameters
    ----------
    seq : number of the first frame.
    retry : when a request is sent again, and how often.

    Attributes
    ----------
    retries : repeated attempts, of all requests.
    strays : answers to no current request.
    version : (major, minor) of the protocol that the board speaks, None while unknown.
    """

    def __init__(self, seq: int, retry: RetryPolicy) -> None:
        self.retries = self.strays = 0
        self.version: tuple[int, int] | None = None
        self._seq = seq & 0xFFFF
        self._retry = retry
        self._waiting: deque[Request] = deque()
        self._out: Request | None = None  # sent and not answered

    def add(self, message: Message) -> Request:
        """Queue ``message``; see `Link.send`."""
        if len(self._waiting) >= ROOM:
            raise LinkError(f"{ROOM} requests wait for the board, which does not answer: try again later")
        encode(message)  # raises now if the message cannot be sent
        request = Request(message)
        self._waiting.append(request)
        return request

    @property
    def next_due(self) -> float | None:
        """See `Link.next_due`."""
        if self._out is None:
            return float("-inf") if self._waiting else None
        return float("-inf") if self._out.due is None else self._out.due

    def due(self, now: float) -> bytes:
        """See `Link.due`."""
        while True:
            if self._out is None:
                if not self._waiting:
                    return b""
                self._out = self._waiting.popleft()
                self._out.seq = self._seq
                self._seq = self._seq + 1 & 0xFFFF
            request = self._out
            if request.due is not None and now < request.due:
                return b""
            if request.tries < self._retry.attempts:
                return self._try(request, now)
            self._give_up(request)

    def _try(self, request: Request, now: float) -> bytes:
        self.retries += request.tries > 0
        request.due = now + self._retry.seconds(request.tries)
        request.tries += 1
        request.damaged = False
        return frame(encode(request.message), request.seq or 0)

    def postpone(self, now: float) -> None:
        """An answer is arriving at ``now``: restart the wait of the current attempt."""
        request = self._out
        if request is not None and request.due is not None:
            request.due = max(request.due, now + self._retry.seconds(request.tries - 1))

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
        """Fail the sent request and all that wait, except messages of type ``but``."""
        for request in [*filter(None, [self._out]), *self._waiting]:
            if but is None or not isinstance(request.message, but):
                self._fail(request, failure, problem(request))
        self._waiting = deque(request for request in self._waiting if not request.done)

    def asks(self, kind: type) -> bool:
        """True if the sent request is a message of type ``kind``."""
        return self._out is not None and isinstance(self._out.message, kind)

    def restarted(self) -> None:
        """Fail all requests except Hello: the board has restarted and forgotten them."""
        self._fail_all(
            Failure.RESTART, lambda request: f"the board restarted before it answered {request.name}",
            but=Hello,
        )  # fmt: skip

    def speaks(self, version: tuple[int, int]) -> None:
        """Store the protocol version of the board's `Info`; fail all requests if it differs."""
        self.version = version
        if version[0] != PROTOCOL[0] and self.asks(Hello):
            self._other_version()

    def _other_version(self) -> None:
        theirs = "another version" if self.version is None else "{}.{}".format(*self.version)
        ours = "{}.{}".format(*PROTOCOL)
        problem = (
            f"the board speaks protocol {theirs} and this odl {ours}: "
            "flash firmware of this odl's version, or use the odl that the board's firmware is from"
        )
        self._fail_all(Failure.VERSION, lambda request: problem)

    def answered(self, answer: Answer) -> Request | None:
        """Match ``answer`` to the sent request; return the request if it ends with it."""
        request = self._out
        if isinstance(answer, Info):
            self.speaks((answer.major, answer.minor))
            if not self.asks(Hello):
                return request if request and request.failure else None  # else the board sent it unasked
        elif isinstance(answer, Refused) and answer.why is Refusal.DAMAGED and answer.message == 0:
            if request is not None:  # otherwise noise on the line
                request.due, request.damaged = None, True
            return None
        elif request is None or answer.reply != request.seq:
            self.strays += 1
            return None
        elif isinstance(answer, Refused):
            return self._refused(request, answer)
        elif isinstance(answer, Data) and request.message != Read(
            answer.area, answer.offset, len(answer.data)
        ):
            self.strays += 1
            return None
        assert request is not None
        request.answer, self._out = answer, None
        return request

    def _refused(self, request: Request, refused: Refused) -> Request | None:
        hello = isinstance(request.message, Hello)
        if refused.why is Refusal.HELLO and not hello and request.tries < self._retry.attempts:
            # The Info taken for the answer to Hello was one that the board sent unasked. Send Hello
            # again, then this request in a new frame, since the board did not execute it.
            request.due = None
            self._waiting.extendleft((request, Request(Hello())))
            self._out = None
            return None
        unnamed = refused.why is Refusal.VERSION and self.version is None
        if unnamed and hello and request.tries < self._retry.attempts:
            request.due = None  # the Info was lost: another Hello brings it again
            return None
        request.answer = refused
        if refused.why is Refusal.VERSION:
            self._other_version()
        else:
            why = refused.why.name.lower()
            self._fail(request, Failure.REFUSED, f"the board refuses {request.name}: {why}")
        return request
