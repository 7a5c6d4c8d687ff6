"""Turns what a board sends into events, in order, and only those of the session that is followed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from odl.core.config import Config
from odl.core.events import Gap, Samples
from odl.device.continuity import COMMANDS, OUTPUTS, BoardEvent, BoardState, Continuity, Restarted, StateRead
from odl.device.description import BoardDescription, check_description, mismatch
from odl.device.device_clock import DeviceClock
from odl.device.request_loop import RequestLoop
from odl.device.serial_line import SerialChunk, SerialState
from odl.wire import (
    Configure,
    Data,
    Description,
    Held,
    Hello,
    Info,
    Message,
    Ready,
    Received,
    Request,
    Status,
)
from odl.wire.client import BoardError
from odl.wire.session_messages import configure_message

QUIET: Final = 3.0  # seconds without a message, after which a board is called silent
_HELD: Final = 512  # messages that wait until it is known which session they are of
_POSITION: Final = 8  # bytes: with it the state block begins (odl.core.state)


class Receiver:
    """Turns the messages of a board into the events of one session.

    Messages wait until the board has confirmed that it runs this session. If it runs none any more,
    because it restarted, the receiver configures it again. Apart from this it only sends Hello.

    Parameters
    ----------
    requests : RequestLoop
    image : int or None
        Checksum of the model image that the board has to run; None for that of its first Info.
    on_restart : callable
        As in `odl.device.board.Board`.

    Attributes
    ----------
    state, problem, info, description, status, session, clock
        As in `odl.device.board.Board`.
    stream : Continuity
        Position of the stream, and its losses.
    on_held : callable
        As in `odl.device.board.Board`.
    reading : Request or None
        The Read of the session's state that is under way.
    """

    def __init__(
        self, requests: RequestLoop, image: int | None, on_restart: Callable[[float], tuple[int, int]]
    ) -> None:
        self.requests, self.line = requests, requests.line
        self.state, self.problem = BoardState.GREETING, ""
        self.info: Info | None = None
        self.description: BoardDescription | None = None
        self.status: Status | None = None
        self.session = 0
        self.clock = DeviceClock(50.0)
        self.stream = Continuity(0, 0.0)
        self.on_held: Callable[[], None] = lambda: None
        self.reading: Request | None = None
        self._image, self._on_restart = image, on_restart
        self._channels: int | None = None
        self._config: Config | None = None
        self._configuring: Request | None = None
        self._is_ours = False  # whether what comes is known to be of this session
        self._held: deque[tuple[Received, float]] = deque(maxlen=_HELD)  # while it is not known
        self._discarded = 0  # of those, because nobody could know
        self._heard = self._heard_ours = self.now  # when a message, and one of this session, came last
        self.said_hello = self._heard

    # --- setting up ----------------------------------------------------------------------

    @property
    def now(self) -> float:
        """The line's clock, in seconds."""
        return self.line.clock.monotonic()

    def greeted(self, info: Info, rate_hz: float) -> None:
        """Follow the board that answered, from now on."""
        self._image, self._channels = info.image, info.channels
        self.clock, self.stream = DeviceClock(rate_hz), Continuity(info.channels, rate_hz)
        self.state = BoardState.READY

    def configure(self, config: Config) -> None:
        """Expect a new session with ``config``; its number comes with the answer to a Configure."""
        self.session, self._is_ours, self._config = 0, False, config
        self._held.clear()

    def attach(self, config: Config, session: int, position: int) -> None:
        """Follow the session that the board runs, from ``position`` on."""
        self._config, self.session = config, session
        self.stream.position, self.stream.cause = position, "nobody listened"
        self._known()

    def send(self, message: Message) -> Request:
        """Queue a request, and handle the answer if it is a Configure."""
        request = self.requests.send(message)
        if isinstance(message, Configure):
            self._configuring = request
        return request

    def can_repeat(self, message: Message) -> bool:
        """Return whether ``message`` may be repeated after a restart: the stream's position is unchanged."""
        return self._is_ours or isinstance(message, Configure)

    def fail(self, problem: str) -> BoardError:
        """Note that the board cannot be used because of ``problem``; return the error to raise."""
        self.state, self.problem = BoardState.FAULTY, problem
        return BoardError(problem)

    # --- what comes ----------------------------------------------------------------------

    def pump(self, wait: float) -> tuple[SerialChunk | None, list[BoardEvent]]:
        """Read the next chunk, within ``wait`` seconds; return it and its events."""
        chunk, received = self.requests.pump(wait)
        now, events = self.now, list[BoardEvent]()
        if chunk is not None:
            if chunk.lost:
                self.stream.cause = "nobody fetched it in time"
            if chunk.state is not None:
                self._line_changed(chunk.state)
            if received or self.reading is not None:  # a long answer is one message
                self._heard = now
            try:
                for one in received:
                    events += self._take(one, chunk.time)
            except BoardError as error:
                raise self.fail(str(error)) from None
        if self.session and self.line.state is SerialState.OPEN:
            self._check_silence(now)
        return chunk, events

    def _line_changed(self, state: SerialState) -> None:
        if state is SerialState.CLOSED:
            self.state = BoardState.CLOSED
        elif state is SerialState.LOST:
            self._unknown(BoardState.UNPLUGGED, "unplugged")
            self.requests.only_hello = self.session != 0  # it may be another board that is plugged in
        elif state is SerialState.OPEN and self.session:
            self.state, self.said_hello = BoardState.GREETING, float("-inf")

    def _check_silence(self, now: float) -> None:
        silent = now - self._heard > QUIET
        if silent and self.state is BoardState.STREAMING:
            self.state = BoardState.SILENT
        asks = silent or self.state is BoardState.GREETING
        if asks and now - self.said_hello > QUIET and self.requests.hello():
            self.said_hello = now

    def _take(self, one: Received, arrived: float) -> list[BoardEvent]:
        """Return the events of a message, lost frames before it included."""
        message = one.message
        lost: list[BoardEvent] = []
        if self.session:
            lost, self._discarded = self.stream.frames(one.lost + self._discarded), 0
        if isinstance(message, Info):
            return [*lost, *self._take_info(message)]
        if isinstance(message, Status):
            self.status = message
            return [*lost, *self._check_session(message.session), *self._catch_up(message.position)]
        if isinstance(message, Description):
            if self.info is not None and self.state is not BoardState.OTHER_BOARD:
                self.description = check_description(self.info, message)
        elif one.request is not None and one.request is self._configuring:
            return [*lost, *self._configured(one.request)]
        elif self.session and self._is_ours:
            return [*lost, *self._take_ours(one, arrived)]
        elif self.session:
            self._discarded += len(self._held) == _HELD
            self._held.append((one, arrived))
        return lost

    def _take_ours(self, one: Received, arrived: float) -> list[BoardEvent]:
        """Return the events of a message of this session."""
        message = one.message
        self._heard_ours = arrived
        if isinstance(message, Samples):
            events = self.stream.take(message)
            self.clock.add(one.time, arrived, self.stream.position)
            return events
        if isinstance(message, (Gap, *COMMANDS)):
            return self.stream.take(message)
        if isinstance(message, OUTPUTS):
            return [message]
        if isinstance(message, Held):
            self.on_held()
        if isinstance(message, Data) and one.request is not None and one.request is self.reading:
            self.reading = None
            return [*self._position_of_state(message), StateRead(message.data)]
        return []

    def _position_of_state(self, message: Data) -> list[BoardEvent]:
        """Return the gap up to the position in the state that was read, if it is in there."""
        if message.offset or len(message.data) < _POSITION:
            return []
        return self._catch_up(int.from_bytes(message.data[:_POSITION], "little"))

    def _catch_up(self, position: int) -> list[BoardEvent]:
        """Return the gap of samples that the board took and sent before this, and that never came."""
        senses = self.description is not None and self.description.channels is not None
        behind = self._is_ours and senses and position > self.stream.position
        return self.stream.reach(position) if behind else []

    # --- which session the messages are of ------------------------------------------------

    def _known(self) -> None:
        """From now on, attribute messages to this session."""
        self._is_ours, self.requests.only_hello = True, False
        self.state, self._heard_ours = BoardState.STREAMING, self.now

    def _unknown(self, state: BoardState, cause: str) -> None:
        """From now on, messages cannot be attributed to a session."""
        self._is_ours, self.state = False, state
        self._discarded += len(self._held)
        self._held.clear()
        if cause:
            self.stream.cause = cause

    def _take_info(self, info: Info) -> list[BoardEvent]:
        wrong = mismatch(info, self._image, self._channels)
        if wrong:
            self._unknown(BoardState.OTHER_BOARD, "")
            self.problem = wrong
            return []
        self.info, self.problem = info, ""
        if self.state is BoardState.OTHER_BOARD:
            self.state = BoardState.GREETING
        return [*self._check_session(info.session), *self._catch_up(info.position)]

    def _check_session(self, session: int) -> list[BoardEvent]:
        """Continue if the board runs this session; configure it again if it runs none."""
        if not self.session or self.state is BoardState.OTHER_BOARD:
            return []
        if self._configuring is not None and not self._configuring.done:
            return []  # the board sent this before it was configured
        if session == self.session:
            self._known()
            held, events = list(self._held), list[BoardEvent]()
            self._held.clear()
            for one, arrived in held:
                events += self._take_ours(one, arrived)
            return events
        if session:
            raise BoardError(
                "the board has run another session meanwhile: start a new one, or configure the old one there"
            )
        self._configure_again()
        return []

    def _configure_again(self) -> None:
        assert self._config is not None
        self._unknown(BoardState.RESTARTED, "the board restarted")
        self.clock.restart()
        position, issued = self._on_restart(self.now - self._heard_ours)
        self.requests.only_hello = False
        self.requests.send(Hello())
        self.send(configure_message(self._config, self.session, keep=True, position=position, issued=issued))

    def _configured(self, request: Request) -> list[BoardEvent]:
        """Handle the answer to a Configure: the first one, or one after a restart."""
        self._configuring = None
        if not isinstance(request.answer, Ready) or not isinstance(request.message, Configure):
            raise BoardError(request.problem)
        position = request.answer.position
        if not self.session:
            self.session, self.stream.position = request.message.session, position
            self._known()
            return []
        self._known()
        return [*self.stream.reach(position), Restarted(position)]
