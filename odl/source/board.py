"""A board as a source of inputs."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from odl.config import Config
from odl.events import Command, Gap, Input, Samples
from odl.source.clock import Clock
from odl.source.dialogue import Dialogue
from odl.source.greeting import BoardError, Described, described, not_ours, settings
from odl.source.line import Line, LineState, Piece
from odl.source.passing import (
    COMMANDS,
    OUTPUTS,
    BoardState,
    Continuity,
    LostFrames,
    Passing,
    Restarted,
    StateRead,
)
from odl.source.reading import StateReading
from odl.wire import (
    STATE,
    Configure,
    Data,
    Description,
    Failure,
    Hello,
    Info,
    Link,
    Message,
    Ready,
    Received,
    Request,
    Status,
    encode,
)

__all__ = ["NOW", "Board", "BoardState", "LostFrames", "Passing", "Restarted", "StateRead"]

NOW: Final = 2**64 - 1  # `at` of a command that is done wherever the board's stream stands
QUIET: Final = 3.0  # seconds without a message, after which a board is called silent
PATIENCE: Final = 30.0  # seconds for an answer, the port gone meanwhile or not
_HELD: Final = 512  # messages that wait until it is known whose they are
_ENVELOPE: Final = 10  # sequence, time, checksum
_MOST: Final = 65535  # bytes that one Read asks for


class Board:
    """A board on a line: `greet` it, `configure` it or `attach` to it, then iterate.

    Iterating gives what passes in the board's own order: `Samples`, `Gap`, the commands that it
    took with their real ``at``, outputs; and what the host should know: `LostFrames`,
    `Restarted`, `StateRead`. When nothing comes, `Samples` of no rows does. One thread uses a
    board; only ``line.wake`` may be called from others.

    A port that was gone is opened again, and where the board still runs the session it goes on.
    Where it has started anew it is configured again, keeping what its label log has taught.

    Parameters
    ----------
    line : Line
        Where it is. Whoever opened it closes it.
    image : int, optional
        Checksum of the model image that the board has to run. Without one any will do, but not
        another one later.
    seq : int
        Number of the first frame for the board; best a random one.

    Attributes
    ----------
    state : BoardState
    problem : str
        Why it cannot be used (`FAULTY`, `OTHER_BOARD`), in one sentence; otherwise empty.
    info : Info or None
        What it said last that it is.
    description : Described or None
        What it said of itself, checked.
    session : int
        The number that its session has, 0 before one.
    wait : float
        Seconds that the next event may take while nothing comes.
    clock : Clock
        Drift, jitter, and the rate of its samples.
    status : Status or None
        Its own counters.
    again : callable
        Asked when the board has started anew, with the seconds that nothing had been heard of it:
        the position at which its stream is to go on, and the questions spent of the period there.

    Examples
    --------
    ::

        with Line("/dev/ttyACM0") as line:
            board = Board(line)
            board.greet()
            board.configure(config, session=4711)
            for event in board:
                ...
    """

    def __init__(self, line: Line, image: int | None = None, seq: int = 0) -> None:
        self.line = line
        self.state, self.problem = BoardState.GREETING, ""
        self.info: Info | None = None
        self.description: Described | None = None
        self.status: Status | None = None
        self.session = 0
        self.wait = 0.2
        self.clock = Clock(50.0)
        self.again: Callable[[float], tuple[int, int]] = lambda away: (self.position, 0)
        self._talk = Dialogue(line, seq)
        self._image = image
        self._channels: int | None = None
        self._config: Config | None = None
        self._ahead: deque[Passing] = deque()  # passed while an answer was waited for
        self._sure = False  # whether what comes is known to be of our session
        self._held: deque[tuple[Received, float]] = deque(maxlen=_HELD)
        self._setup: Request | None = None  # the Configure under way
        self._reading: StateReading | None = None
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

    # --- setting up ----------------------------------------------------------------------

    def greet(self, limit: float = 10.0) -> Described:
        """Ask the board what it is, for ``limit`` seconds at most.

        Raises
        ------
        BoardError
            If nothing answers, it speaks another version, runs another model image than the one
            wanted, or describes itself as nothing that can be.
        """
        until = time.monotonic() + limit
        request = self._talk.send(Hello())
        while self.info is None or self.description is None:
            self._pump(max(0.0, min(0.1, until - time.monotonic())))
            late = time.monotonic() > until
            if self.state is BoardState.OTHER_BOARD:
                raise self._fault(self.problem)
            # A board of another version says which one before it refuses, so that both are named.
            if request.failure in (Failure.REFUSED, Failure.VERSION):
                raise self._fault(request.problem)
            if late:
                raise self._fault(self._no_answer(limit))
            if request.done and time.monotonic() > self._said_hello + 1.0:
                request, self._said_hello = self._talk.send(Hello()), time.monotonic()
        self._image, self._channels = self.info.image, self.info.channels
        rate = self.description.rate_hz or self.info.rate_mhz / 1000 or 50.0
        self.clock, self._stream = Clock(rate), Continuity(self.info.channels, rate)
        self.state = BoardState.READY
        return self.description

    def _no_answer(self, limit: float) -> str:
        if self.info is not None:
            return f"the board on {self.line.url} does not say what it measures"
        if self.link.counters.bytes == 0:
            return f"nothing answers on {self.line.url} within {limit:g} s"
        return (
            f"what comes from {self.line.url} is no board of this protocol, or of another speed; "
            "a sketch that prints numbers needs --format csv"
        )

    def configure(
        self, config: Config, session: int, *, keep: bool = False, position: int = 0, issued: int = 0
    ) -> int:
        """Begin a session; where its stream stands, which is ``position`` or later.

        Parameters
        ----------
        session : int
            The number that names it, 1 to 2**32 - 1; best a random one.
        keep : bool
            Go on from what the board's label log has taught; otherwise the log is emptied.
        issued : int
            Questions already spent of the budget's period at ``position``.

        Raises
        ------
        BoardError
            If the board refuses, or does not answer.
        """
        self.session, self._sure, self._config = 0, False, config
        self._held.clear()
        return self._ask(settings(config, session, keep=keep, position=position, issued=issued)).position

    def attach(self, config: Config, session: int, position: int) -> None:
        """Go on with the session that the board runs, from ``position`` on.

        Raises
        ------
        BoardError
            If it runs another one, or none.
        """
        if self.info is None or self.info.session != session:
            there = 0 if self.info is None else self.info.session
            raise BoardError(f"the board runs session {there:08x}, not {session:08x}: begin a new one")
        self._config, self.session = config, session
        self._stream.position, self._stream.cause = position, "nobody listened"
        self._is_ours()

    def _is_ours(self) -> None:
        """What comes is of our session, from now on."""
        self._sure, self._talk.wary = True, False
        self.state, self._ours = BoardState.STREAMING, time.monotonic()

    def _is_unknown(self, state: BoardState, cause: str) -> None:
        """It is not known whose it is what comes."""
        self._sure, self.state = False, state
        self._held.clear()
        if cause:
            self._stream.cause = cause

    # --- iterating -----------------------------------------------------------------------

    def __iter__(self) -> Iterator[Passing]:
        gave = time.monotonic()
        while self._ahead or self.state is not BoardState.CLOSED:
            if self._ahead:  # kept here: whoever stops iterating can go on later
                yield self._ahead.popleft()
                gave = time.monotonic()
                continue
            piece, passed = self._pump(self.wait)
            self._ahead.extend(passed)
            # What a board says of itself comes all the time; nothing of it is given out.
            if not passed and (piece is None or time.monotonic() >= gave + self.wait):
                yield Samples(self.position, np.zeros((0, self._channels or 1), np.int16))
                gave = time.monotonic()

    def inputs(self) -> Iterator[Samples | Gap]:
        """Samples and gaps only, for a session that runs on the host."""
        return (event for event in self if isinstance(event, Samples | Gap))

    # --- asking --------------------------------------------------------------------------

    def send(self, command: Command) -> Request:
        """Have a command done wherever the board's stream stands; it is echoed when it is.

        The request tells how it fared: ``done``, ``failure``, ``problem``.
        """
        return self._talk.send(replace(command, at=NOW))

    def ask_state(self, *parts: tuple[int, int], area: int = STATE) -> None:
        """Ask for the session's state; a `StateRead` comes among what passes.

        Parameters
        ----------
        parts : (offset, size), optional
            What of it, all of one moment; without any, the whole. Should the answer to one be
            lost for good, or the board start anew, nothing comes.
        area : int
            Of `odl.wire.Read`; the parts are of this area.

        Raises
        ------
        BoardError
            If a part is more than one answer can hold, or lies outside the state.
        """
        whole = 0 if self.info is None else self.info.state + self.info.log
        parts = parts or ((0, whole),)
        if not all(0 < size <= _MOST and 0 <= offset <= whole - size for offset, size in parts):
            raise BoardError(f"of the board's state of {whole} bytes, {parts} cannot be read at one moment")
        self._reading = StateReading(parts, area)
        self._reading.request = self._talk.send(self._reading.next())

    def read_state(self, limit: float = PATIENCE) -> tuple[bytes, list[Passing]]:
        """The session's whole state, and what passed before it and so is in it.

        Raises
        ------
        BoardError
            If it does not come within ``limit`` seconds.
        """
        self.ask_state()
        passed = list(self._ahead)
        self._ahead.clear()
        until = time.monotonic() + limit
        while time.monotonic() < until:
            more = self._pump(0.1)[1]
            for number, event in enumerate(more):
                if isinstance(event, StateRead):
                    self._ahead.extend(more[number + 1 :])
                    return event.state, passed
                passed.append(event)
            if self._reading is None or (self._reading.request and self._reading.request.failure):
                self.ask_state()
        raise BoardError(f"the board's state did not come within {limit:g} s: {self.state.value}")

    def step(self, event: Input) -> list[Passing]:
        """Hardware in the loop: hand the board one input; what came of it, in order.

        For a board that has no sensor of its own. Long blocks travel in pieces.

        Raises
        ------
        BoardError
            If the board refuses, or is away for too long.
        """
        if not isinstance(event, Samples):
            return self._step(event)
        room = (768 if self.info is None else self.info.frame) - len(encode(Samples(0, event.block[:0])))
        rows = max(1, (room - _ENVELOPE) // (2 * event.block.shape[1]))
        passed: list[Passing] = []
        for at in range(0, len(event.block), rows):
            passed += self._step(Samples(event.start + at, event.block[at : at + rows]))
        return passed

    def _step(self, message: Input) -> list[Passing]:
        ready = self._ask(message)
        passed: list[Passing] = [event for event in self._ahead if not isinstance(event, COMMANDS)]
        self._ahead.clear()
        self._stream.position = ready.position
        return passed

    def _ask(self, message: Message, limit: float = PATIENCE) -> Ready:
        """Have something done; what passes meanwhile is kept."""
        until = time.monotonic() + limit
        request = self._send(message)
        while not isinstance(request.answer, Ready):
            if request.failure is Failure.RESTART:
                if self._sure or isinstance(message, Configure):  # it stands where it stood again
                    request = self._send(message)
            elif request.failure is Failure.SILENT or time.monotonic() > until:
                raise BoardError(request.problem or f"no answer within {limit:g} s: {self.state.value}")
            elif request.failure is not None:
                raise self._fault(request.problem)
            self._ahead.extend(self._pump(0.1)[1])
        return request.answer

    def _send(self, message: Message) -> Request:
        request = self._talk.send(message)
        if isinstance(message, Configure):
            self._setup = request
        return request

    # --- what comes ----------------------------------------------------------------------

    def _pump(self, wait: float) -> tuple[Piece | None, list[Passing]]:
        piece, received = self._talk.pump(wait)
        now, passed = time.monotonic(), list[Passing]()
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
        if self.session and self.line.state is LineState.OPEN:
            self._look_for_silence(now)
        return piece, passed

    def _line_turned(self, state: LineState) -> None:
        if state is LineState.CLOSED:
            self.state = BoardState.CLOSED
        elif state is LineState.LOST:
            self._is_unknown(BoardState.UNPLUGGED, "unplugged")
            self._talk.wary = self.session != 0  # it may be another board that is plugged in
        elif state is LineState.OPEN and self.session:
            self.state, self._said_hello = BoardState.GREETING, 0.0

    def _look_for_silence(self, now: float) -> None:
        silent = now - self._heard > QUIET
        if silent and self.state is BoardState.STREAMING:
            self.state = BoardState.SILENT
        asks = silent or self.state is BoardState.GREETING
        if asks and now - self._said_hello > QUIET and self._talk.hello():
            self._said_hello = now

    def _take(self, one: Received, arrived: float) -> list[Passing]:
        """What a message means for whoever iterates."""
        message = one.message
        lost = self._stream.frames(one.lost) if self.session else []
        if isinstance(message, Info):
            return [*lost, *self._meet(message)]
        if isinstance(message, Status):
            self.status = message
            return [*lost, *self._same_session(message.session), *self._catch_up(message.position)]
        if isinstance(message, Description):
            if self.info is not None and self.state is not BoardState.OTHER_BOARD:
                self.description = described(self.info, message)
        elif one.request is not None and one.request is self._setup:
            return [*lost, *self._set_up(one.request)]
        elif self.session and self._sure:
            return [*lost, *self._pass_on(one, arrived)]
        elif self.session:
            self._held.append((one, arrived))
        return lost

    def _pass_on(self, one: Received, arrived: float) -> list[Passing]:
        """A message of our session."""
        message = one.message
        self._ours = arrived
        if isinstance(message, Data):
            return self._part_of_state(message, one)
        passed: list[Passing] = []
        if isinstance(message, Samples):
            passed = self._stream.take(message)
            self.clock.add(one.time, arrived, self.position)
        elif isinstance(message, (Gap, *COMMANDS)):
            passed = self._stream.take(message)
        elif isinstance(message, OUTPUTS):
            passed = [message]
        if self._reading is not None and (passed or one.lost):
            self._reading.passed()
        return passed

    def _part_of_state(self, message: Data, one: Received) -> list[Passing]:
        reading = self._reading
        if reading is None or one.request is None or one.request is not reading.request:
            return []
        state = reading.answered(message.data)
        if state is None:
            reading.request = self._talk.send(reading.next())
            return []
        self._reading = None
        missed = [] if reading.position is None else self._catch_up(reading.position)
        return [*missed, StateRead(state)]

    def _catch_up(self, position: int) -> list[Passing]:
        """The gap of samples that the board has taken, that were sent before this, and never came."""
        senses = self.description is not None and self.description.channels is not None
        return self._stream.reach(position) if self._sure and senses and position > self.position else []

    # --- whose session it is -------------------------------------------------------------

    def _meet(self, info: Info) -> list[Passing]:
        wrong = not_ours(info, self._image, self._channels)
        if wrong:
            self._is_unknown(BoardState.OTHER_BOARD, "")
            self.problem = wrong
            return []
        self.info, self.problem = info, ""
        if self.state is BoardState.OTHER_BOARD:
            self.state = BoardState.GREETING
        return [*self._same_session(info.session), *self._catch_up(info.position)]

    def _same_session(self, session: int) -> list[Passing]:
        """Go on if it is ours, set the board up again if it has none."""
        if not self.session or self.state is BoardState.OTHER_BOARD:
            return []
        if self._setup is not None and not self._setup.done:
            return []  # said before it was done
        if session == self.session:
            self._is_ours()
            held, passed = list(self._held), list[Passing]()
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

    def _set_up(self, request: Request) -> list[Passing]:
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
