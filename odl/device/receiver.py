"""What comes from a board: in order, and only what is of the session that it is followed for."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from odl.core.config import Config
from odl.core.events import Gap, Samples
from odl.device.continuity import COMMANDS, OUTPUTS, BoardEvent, BoardState, Continuity, Restarted, StateRead
from odl.device.description import BoardDescription, check_description, mismatch, settings
from odl.device.device_clock import DeviceClock
from odl.device.request_loop import RequestLoop
from odl.device.serial_port import SerialChunk, SerialPort, SerialState
from odl.wire import (
    Configure,
    Data,
    Description,
    Hello,
    Info,
    Link,
    Message,
    Ready,
    Received,
    Request,
    Status,
)
from odl.wire.client import BoardError

QUIET: Final = 3.0  # seconds without a message, after which a board is called silent
_HELD: Final = 512  # messages that wait until it is known whose they are
_POSITION: Final = 8  # bytes: with it the state block begins (odl.core.state)


class Receiver:
    """The listening half of a `Board`, where its attributes are described.

    Each message is given its meaning once it is known that the board runs our session. Where it
    has none any more, because it started anew, it is set up again. By itself this half says
    nothing but that and Hello.
    """

    def __init__(self, line: SerialPort, image: int | None = None, seq: int = 0) -> None:
        self.line = line
        self.state, self.problem = BoardState.GREETING, ""
        self.info: Info | None = None
        self.description: BoardDescription | None = None
        self.status: Status | None = None
        self.session = 0
        self.wait = 0.2
        self.clock = DeviceClock(50.0)
        self.again: Callable[[float], tuple[int, int]] = lambda away: (self.position, 0)
        self._talk = RequestLoop(line, seq)
        self._image = image
        self._channels: int | None = None
        self._config: Config | None = None
        self._ahead: deque[BoardEvent] = deque()  # passed while an answer was waited for
        self._sure = False  # whether what comes is known to be of our session
        self._held: deque[tuple[Received, float]] = deque(maxlen=_HELD)
        self._let_go = 0  # of those, since nobody could know
        self._setup: Request | None = None  # the Configure under way
        self._reading: Request | None = None  # the Read of the state under way
        self._stream = Continuity(0, 0.0)
        self._heard = time.monotonic()  # when a message came last
        self._ours = self._heard  # when something of our session came last
        self._said_hello = self._heard

    @property
    def link(self) -> Link:
        """The link, for its counters."""
        return self._talk.link

    @property
    def position(self) -> int:
        """Where the stream stands, as far as it was given out."""
        return self._stream.position

    @property
    def lost_samples(self) -> int:
        """Samples that never came while a session ran."""
        return self._stream.lost_samples

    @property
    def lost_frames(self) -> int:
        """Frames that never came while a session ran."""
        return self._stream.lost_frames

    def _is_ours(self) -> None:
        """What comes is of our session, from now on."""
        self._sure, self._talk.wary = True, False
        self.state, self._ours = BoardState.STREAMING, time.monotonic()

    def _is_unknown(self, state: BoardState, cause: str) -> None:
        """It is not known whose it is what comes."""
        self._sure, self.state = False, state
        self._let_go += len(self._held)
        self._held.clear()
        if cause:
            self._stream.cause = cause

    def _send(self, message: Message) -> Request:
        request = self._talk.send(message)
        if isinstance(message, Configure):
            self._setup = request
        return request

    def _pump(self, wait: float) -> tuple[SerialChunk | None, list[BoardEvent]]:
        piece, received = self._talk.pump(wait)
        now, passed = time.monotonic(), list[BoardEvent]()
        if piece is not None:
            if piece.lost:
                self._stream.cause = "nobody fetched it in time"
            if piece.state is not None:
                self._line_turned(piece.state)
            if received or self._reading is not None:  # a long answer is one message
                self._heard = now
            try:
                for one in received:
                    passed += self._take(one, piece.time)
            except BoardError as error:
                raise self._fault(str(error)) from None
        if self.session and self.line.state is SerialState.OPEN:
            self._look_for_silence(now)
        return piece, passed

    def _line_turned(self, state: SerialState) -> None:
        if state is SerialState.CLOSED:
            self.state = BoardState.CLOSED
        elif state is SerialState.LOST:
            self._is_unknown(BoardState.UNPLUGGED, "unplugged")
            self._talk.wary = self.session != 0  # it may be another board that is plugged in
        elif state is SerialState.OPEN and self.session:
            self.state, self._said_hello = BoardState.GREETING, float("-inf")

    def _look_for_silence(self, now: float) -> None:
        silent = now - self._heard > QUIET
        if silent and self.state is BoardState.STREAMING:
            self.state = BoardState.SILENT
        asks = silent or self.state is BoardState.GREETING
        if asks and now - self._said_hello > QUIET and self._talk.hello():
            self._said_hello = now

    def _take(self, one: Received, arrived: float) -> list[BoardEvent]:
        """What a message means for whoever iterates."""
        message = one.message
        lost: list[BoardEvent] = []
        if self.session:
            lost, self._let_go = self._stream.frames(one.lost + self._let_go), 0
        if isinstance(message, Info):
            return [*lost, *self._meet(message)]
        if isinstance(message, Status):
            self.status = message
            return [*lost, *self._same_session(message.session), *self._catch_up(message.position)]
        if isinstance(message, Description):
            if self.info is not None and self.state is not BoardState.OTHER_BOARD:
                self.description = check_description(self.info, message)
        elif one.request is not None and one.request is self._setup:
            return [*lost, *self._set_up(one.request)]
        elif self.session and self._sure:
            return [*lost, *self._pass_on(one, arrived)]
        elif self.session:
            self._let_go += len(self._held) == _HELD
            self._held.append((one, arrived))
        return lost

    def _pass_on(self, one: Received, arrived: float) -> list[BoardEvent]:
        """A message of our session."""
        message = one.message
        self._ours = arrived
        if isinstance(message, Samples):
            passed = self._stream.take(message)
            self.clock.add(one.time, arrived, self.position)
            return passed
        if isinstance(message, (Gap, *COMMANDS)):
            return self._stream.take(message)
        if isinstance(message, OUTPUTS):
            return [message]
        if isinstance(message, Data) and one.request is not None and one.request is self._reading:
            self._reading = None
            return [*self._state_stands(message), StateRead(message.data)]
        return []

    def _state_stands(self, message: Data) -> list[BoardEvent]:
        """The gap up to where the state stands, if it says so."""
        if message.offset or len(message.data) < _POSITION:
            return []
        return self._catch_up(int.from_bytes(message.data[:_POSITION], "little"))

    def _catch_up(self, position: int) -> list[BoardEvent]:
        """The gap of samples that the board has taken, that were sent before this, and never came."""
        senses = self.description is not None and self.description.channels is not None
        return self._stream.reach(position) if self._sure and senses and position > self.position else []

    # --- whose session it is -------------------------------------------------------------

    def _meet(self, info: Info) -> list[BoardEvent]:
        wrong = mismatch(info, self._image, self._channels)
        if wrong:
            self._is_unknown(BoardState.OTHER_BOARD, "")
            self.problem = wrong
            return []
        self.info, self.problem = info, ""
        if self.state is BoardState.OTHER_BOARD:
            self.state = BoardState.GREETING
        return [*self._same_session(info.session), *self._catch_up(info.position)]

    def _same_session(self, session: int) -> list[BoardEvent]:
        """Go on if it is ours, set the board up again if it has none."""
        if not self.session or self.state is BoardState.OTHER_BOARD:
            return []
        if self._setup is not None and not self._setup.done:
            return []  # said before it was done
        if session == self.session:
            self._is_ours()
            held, passed = list(self._held), list[BoardEvent]()
            self._held.clear()
            for one, arrived in held:
                passed += self._pass_on(one, arrived)
            return passed
        if session:
            raise BoardError(
                "the board has been used for another session meanwhile: begin a new one, or give it its own"
            )
        self._set_up_again()
        return []

    def _set_up_again(self) -> None:
        assert self._config is not None
        self._is_unknown(BoardState.RESTARTED, "the board restarted")
        self.clock.restart()
        position, issued = self.again(time.monotonic() - self._ours)
        self._talk.wary = False
        self._talk.send(Hello())
        self._send(settings(self._config, self.session, keep=True, position=position, issued=issued))

    def _set_up(self, request: Request) -> list[BoardEvent]:
        """The answer to a Configure: the first one, or one after a restart."""
        self._setup = None
        if not isinstance(request.answer, Ready) or not isinstance(request.message, Configure):
            raise BoardError(request.problem)
        position = request.answer.position
        if not self.session:
            self.session, self._stream.position = request.message.session, position
            self._is_ours()
            return []
        self._is_ours()
        return [*self._stream.reach(position), Restarted(position)]

    def _fault(self, problem: str) -> BoardError:
        self.state, self.problem = BoardState.FAULTY, problem
        return BoardError(problem)
