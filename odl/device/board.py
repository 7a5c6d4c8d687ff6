"""A board as a source of events: greeted, configured, iterated over, asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from odl.core.config import Config
from odl.core.events import Command, Input, Samples
from odl.core.retry import BOARD, RetryPolicy
from odl.device.continuity import COMMANDS, BoardEvent, BoardState, LostFrames, Restarted, StateRead
from odl.device.description import BoardDescription
from odl.device.device_clock import DeviceClock
from odl.device.greeting import greet
from odl.device.receiver import Receiver
from odl.device.request_loop import RequestLoop
from odl.device.serial_line import SerialLine
from odl.wire import STATE, Failure, Info, Link, Message, Read, Ready, Request, Status
from odl.wire.client import BoardError
from odl.wire.session_messages import LONGEST_READ, configure_message, split_samples

__all__ = ["NOW", "Board", "BoardEvent", "BoardState", "LostFrames", "Restarted", "StateRead"]

NOW: Final = 2**64 - 1  # `at` of a command that is done wherever the board's stream stands
_MOST_AHEAD: Final = 100_000  # messages that are stored while an answer is waited for
_FRAME: Final = 768  # bytes of the longest frame that any board takes


class Board:
    """A board on a line: `greet` it, `configure` it or `attach` to it, then iterate.

    Iterating gives events in the board's own order: `Samples`, `Gap`, the commands that it took
    with their real ``at``, outputs; and reports for the host: `LostFrames`, `Restarted`,
    `StateRead`. While nothing arrives, it yields `Samples` of no rows. One thread uses a board; only
    ``line.wake`` may be called from others.

    A port that was gone is opened again, and the session continues if the board still runs it.
    A board that has restarted is configured again and keeps what it learned from its label log.

    Parameters
    ----------
    line : SerialLine
        The line to the board, which the caller closes.
    image : int, optional
        Checksum of the model image that the board has to run. By default any image will do, but not
        another one later.
    seq : int
        Number of the first frame for the board; best a random one.
    retry : RetryPolicy
        When a request is repeated, and when it is given up.

    Attributes
    ----------
    state : BoardState
    problem : str
        Why the board cannot be used (`FAULTY`, `OTHER_BOARD`), in one sentence; otherwise empty.
    info : Info or None
        The board's last Info.
    description : BoardDescription or None
        The board's description of itself, checked.
    session : int
        The number of the board's session, 0 before one.
    wait : float
        Seconds that a ``next`` may block while nothing arrives.
    clock : DeviceClock
        Drift and jitter of the board's clock, and the rate of its samples.
    status : Status or None
        The board's own counters.
    on_restart : callable
        Called when the board has restarted, with the seconds since its last message. It
        returns the position at which the stream continues, and the questions spent of the period there.
    on_held : callable
        Called when a person held the board's button.
    is_overdue : callable
        Returns True if whoever waits for an answer should wait no longer.

    Examples
    --------
    ::

        with SerialPort("/dev/ttyACM0") as line:
            board = Board(line)
            board.greet()
            board.configure(config, session=4711)
            for event in board:
                ...
    """

    def __init__(
        self, line: SerialLine, image: int | None = None, seq: int = 0, retry: RetryPolicy = BOARD
    ) -> None:
        self.line, self.wait = line, 0.2
        self._retry = retry
        self.on_restart: Callable[[float], tuple[int, int]] = lambda away: (self.position, 0)
        self.on_held: Callable[[], None] = lambda: None
        self.is_overdue: Callable[[], bool] = lambda: False
        self._receiver = Receiver(RequestLoop(line, seq, retry), image, lambda away: self.on_restart(away))
        self._receiver.on_held = lambda: self.on_held()
        self._ahead: deque[BoardEvent] = deque()  # came while an answer was waited for

    @property
    def state(self) -> BoardState:
        return self._receiver.state

    @property
    def problem(self) -> str:
        return self._receiver.problem

    @property
    def info(self) -> Info | None:
        return self._receiver.info

    @property
    def description(self) -> BoardDescription | None:
        return self._receiver.description

    @property
    def status(self) -> Status | None:
        return self._receiver.status

    @property
    def session(self) -> int:
        return self._receiver.session

    @property
    def clock(self) -> DeviceClock:
        return self._receiver.clock

    @property
    def link(self) -> Link:
        """The link, for its counters."""
        return self._receiver.requests.link

    @property
    def position(self) -> int:
        """Position of the stream after the last event."""
        return self._receiver.stream.position

    @property
    def lost_samples(self) -> int:
        """Samples lost while a session ran."""
        return self._receiver.stream.lost_samples

    @property
    def lost_frames(self) -> int:
        """Frames lost while a session ran."""
        return self._receiver.stream.lost_frames

    def greet(self, limit: float = 10.0) -> BoardDescription:
        """Ask the board for its Info and description, for ``limit`` seconds at most.

        Raises
        ------
        BoardError
            If nothing answers, or the board speaks another version, runs another model image than the one
            wanted, or describes itself in an impossible way.
        """
        return greet(self._receiver, limit)

    def configure(
        self, config: Config, session: int, *, keep: bool = False, position: int = 0, issued: int = 0
    ) -> int:
        """Start a session; return the position of its stream, which is ``position`` or later.

        The parameters are those of `odl.wire.session_messages.configure_message`; the session's
        number is best a random one.

        Raises
        ------
        BoardError
            If the board refuses, or does not answer.
        """
        if not 1 <= session < 2**32:
            raise ValueError(f"session is {session}; it can be 1 to 2**32 - 1")
        self._receiver.configure(config)
        message = configure_message(config, session, keep=keep, position=position, issued=issued)
        return self._ask(message).position

    def attach(self, config: Config, session: int, position: int) -> None:
        """Continue the session that the board runs, from ``position`` on.

        Raises
        ------
        BoardError
            If the board runs another session, or none.
        """
        if self.info is None or self.info.session != session:
            there = 0 if self.info is None else self.info.session
            raise BoardError(f"the board runs session {there:08x}, not {session:08x}: start a new one")
        self._receiver.attach(config, session, position)

    def __iter__(self) -> Iterator[BoardEvent]:
        receiver = self._receiver
        gave = receiver.now
        while self._ahead or self.state is not BoardState.CLOSED:
            if self._ahead:  # an attribute, so that iteration can stop and continue later
                yield self._ahead.popleft()
                gave = receiver.now
                continue
            chunk, events = receiver.pump(self.wait)
            self._ahead.extend(events)
            # A board sends Info and Status all the time; they give no event.
            if not events and (chunk is None or receiver.now >= gave + self.wait):
                channels = 1 if self.info is None else self.info.channels
                yield Samples(self.position, np.zeros((0, channels), np.int16))
                gave = receiver.now

    def send(self, command: Command) -> Request:
        """Send a command that takes effect at the board's own position; the board echoes it then.

        The request holds the outcome: ``done``, ``failure``, ``problem``.
        """
        return self._receiver.send(replace(command, at=NOW))

    def ask_state(self, part: tuple[int, int] | None = None, area: int = STATE) -> None:
        """Ask for the session's state; a `StateRead` event holds it.

        Parameters
        ----------
        part : (offset, size), optional
            The part to read, by default the whole. If the answer is lost for good, or the board
            restarts, there is no such event.
        area : int
            The area of `odl.wire.Read` that holds the part.

        Raises
        ------
        BoardError
            If the part is larger than one answer, or lies outside the state.
        """
        whole = 0 if self.info is None else self.info.state + self.info.log
        offset, size = part or (0, whole)
        if not (0 < size <= LONGEST_READ and 0 <= offset <= whole - size):
            raise BoardError(
                f"of the board's state of {whole} bytes, {size} from {offset} on cannot be read at one moment"
            )
        self._receiver.reading = self._receiver.send(Read(area, offset, size))

    def read_state(self) -> tuple[bytes, list[BoardEvent]]:
        """Read the session's whole state; return it and the events before it, which are in it.

        Raises
        ------
        BoardError
            If the state does not arrive within the retry policy's limit.
        """
        self.ask_state()
        before = list(self._ahead)
        self._ahead.clear()
        receiver, until = self._receiver, self._receiver.now + self._retry.limit
        while receiver.now < until and not self.is_overdue():
            events = receiver.pump(0.1)[1]
            for number, event in enumerate(events):
                if isinstance(event, StateRead):
                    self._ahead.extend(events[number + 1 :])
                    return event.state, before
                before.append(event)
            if receiver.reading is None or receiver.reading.failure:
                self.ask_state()
        raise BoardError(
            f"the board's state did not arrive within {self._retry.limit:g} s: {self.state.value}"
        )

    def step(self, event: Input) -> list[BoardEvent]:
        """Send the board one input (hardware in the loop); return the events that follow, in order.

        For a board that has no sensor of its own. Long blocks travel in parts.

        Raises
        ------
        BoardError
            If the board refuses, or is gone for too long.
        """
        if not isinstance(event, Samples):
            return self._step(event)
        parts = split_samples(event, _FRAME if self.info is None else self.info.frame)
        return [each for part in parts for each in self._step(part)]

    def _step(self, message: Input) -> list[BoardEvent]:
        ready = self._ask(message)
        events: list[BoardEvent] = [event for event in self._ahead if not isinstance(event, COMMANDS)]
        self._ahead.clear()
        self._receiver.stream.position = ready.position
        return events

    def _ask(self, message: Message) -> Ready:
        """Send ``message`` until it is done; events that arrive meanwhile are stored."""
        receiver, limit = self._receiver, self._retry.limit
        until = receiver.now + limit
        request = receiver.send(message)
        while not isinstance(request.answer, Ready):
            if request.failure is Failure.RESTART:
                if receiver.can_repeat(message):
                    request = receiver.send(message)
            elif len(self._ahead) > _MOST_AHEAD:
                raise receiver.fail(f"the board sent {_MOST_AHEAD} messages in place of an answer")
            elif request.failure is Failure.SILENT or receiver.now > until:
                raise BoardError(request.problem or f"no answer within {limit:g} s: {self.state.value}")
            elif self.is_overdue():
                raise BoardError(f"no answer to {request.name} before the session ended")
            elif request.failure is not None:
                raise receiver.fail(request.problem)
            self._ahead.extend(receiver.pump(0.1)[1])
        return request.answer
