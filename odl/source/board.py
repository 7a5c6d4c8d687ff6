"""A board as a source of inputs."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

import numpy as np

from odl.config import Config
from odl.events import (
    AddClass,
    Command,
    Dropped,
    Gap,
    Input,
    Label,
    Learned,
    Output,
    Prediction,
    Query,
    Samples,
    Split,
    Undo,
)
from odl.source.clock import Clock
from odl.source.dialogue import Dialogue
from odl.source.greeting import BoardError, Described, described, not_ours, settings, shown
from odl.source.line import Line, LineState, Piece
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
    Read,
    Ready,
    Received,
    Request,
    Status,
    encode,
)

NOW: Final = 2**64 - 1  # `at` of a command that is done wherever the board's stream stands
QUIET: Final = 3.0  # seconds without a byte, after which a board is called silent
LEAP: Final = 7 * 86400  # seconds of samples that can be missing at once; more is nonsense
PATIENCE: Final = 30.0  # seconds for an answer, the port gone meanwhile or not
_HELD: Final = 512  # messages that wait until it is known whose they are
_ENVELOPE: Final = 10  # sequence, time, checksum
_MOST: Final = 65535  # bytes that one Read asks for
_ON_THE_LINE: Final = "lost on the line"


class BoardState(Enum):
    """How a board is doing, with a sentence for people."""

    GREETING = "the board is being asked what it is"
    READY = "the board waits for a session"
    STREAMING = "the board runs the session"
    SILENT = "nothing has come from the board for a while"
    UNPLUGGED = "the port is gone; it is tried again until it is back"
    RESTARTED = "the board has started anew and is being set up again"
    OTHER_BOARD = "another board is on this port"
    FAULTY = "the board cannot be used any further"
    CLOSED = "the port has been closed"


@dataclass(frozen=True, slots=True)
class LostFrames:
    """``frames`` frames of the board never came, because of ``cause``.

    Samples that were in them come as a `Gap`, which follows.
    """

    frames: int
    cause: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """The board had started anew; it runs the session again, its stream from ``position`` on."""

    position: int


@dataclass(frozen=True, slots=True)
class StateRead:
    """What `Board.ask_state` asked for: the session's snapshot after all that passed before."""

    state: bytes


Passing = Samples | Gap | Command | Output | LostFrames | Restarted | StateRead
_OUTPUTS: Final = (Prediction, Query, Learned, Dropped)
_COMMANDS: Final = (Label, Undo, AddClass, Split)
_PASSING: Final = (Samples, Gap, *_COMMANDS, *_OUTPUTS)


@dataclass(slots=True)
class _Reading:
    """A read of state under way: the answers so far, and the request for the next part."""

    parts: tuple[tuple[int, int], ...]
    data: list[bytes] = field(default_factory=list)
    request: Request | None = None
    torn: bool = False  # something passed since the first answer


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
    position : int
        Where the stream stands, as far as it was given out.
    wait : float
        Seconds that the next event may take while nothing comes.
    clock : Clock
        Drift, jitter, and the rate of its samples.
    status : Status or None
        Its own counters.
    lost_samples, lost_frames : int
        What never came while a session ran.
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
        self.session = self.position = 0
        self.lost_samples = self.lost_frames = 0
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
        self._setup: Request | None = None  # the Configure after a restart
        self._reading: _Reading | None = None
        self._cause = _ON_THE_LINE
        self._heard = time.monotonic()  # when a byte came last
        self._ours = self._heard  # when something of our session came last
        self._said_hello = self._heard

    @property
    def link(self) -> Link:
        """The link, for its counters."""
        return self._talk.link

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
            # Which version another one is, an Info tells; boards send it every few seconds.
            if request.failure is Failure.REFUSED or (late and request.failure is Failure.VERSION):
                raise self._fault(request.problem)
            if late:
                raise self._fault(self._no_answer(limit))
            if request.done and time.monotonic() > self._said_hello + 1.0:
                request, self._said_hello = self._talk.send(Hello()), time.monotonic()
        self._image, self._channels = self.info.image, self.info.channels
        self.clock = Clock(self.description.rate_hz or self.info.rate_mhz / 1000 or 50.0)
        self.state = BoardState.READY
        return self.description

    def _no_answer(self, limit: float) -> str:
        if self.info is not None:
            return f"the board on {self.line.url} does not say what it measures"
        if self.link.counters.bytes == 0:
            return f"nothing answers on {self.line.url} within {limit:g} s"
        return f"what comes from {self.line.url} is no board of this protocol, or of another speed"

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
        self.session, self._sure = 0, False
        self._held.clear()
        ready = self._ask(settings(config, session, keep=keep, position=position, issued=issued))
        self._config, self.session = config, session
        self._begin(ready)
        return self.position

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
        self._config, self.session, self.position = config, session, position
        self._sure, self._cause = True, "nobody listened"
        self.state = BoardState.STREAMING

    def _begin(self, ready: Ready) -> None:
        self.position = ready.position
        self._sure, self.state, self._ours = True, BoardState.STREAMING, time.monotonic()

    # --- iterating -----------------------------------------------------------------------

    def __iter__(self) -> Iterator[Passing]:
        while self._ahead or self.state is not BoardState.CLOSED:
            if self._ahead:  # kept here: whoever stops iterating can go on later
                yield self._ahead.popleft()
                continue
            piece, passed = self._pump(self.wait)
            self._ahead.extend(passed)
            if not passed and (piece is None or self.wait == 0):
                yield Samples(self.position, np.zeros((0, self._channels or 1), np.int16))

    def inputs(self) -> Iterator[Samples | Gap]:
        """Samples and gaps only, for a session that runs on the host."""
        return (event for event in self if isinstance(event, Samples | Gap))

    # --- asking --------------------------------------------------------------------------

    def send(self, command: Command) -> Request:
        """Have a command done wherever the board's stream stands; it is echoed when it is.

        The request tells how it fared: ``done``, ``failure``, ``problem``.
        """
        return self._talk.send(replace(command, at=NOW))

    def ask_state(self, *parts: tuple[int, int]) -> None:
        """Ask for the session's state; a `StateRead` comes among what passes.

        Parameters
        ----------
        parts : (offset, size), optional
            What of it, all of one moment; without any, the whole. Should the answer to one be
            lost for good, or the board start anew, nothing comes.

        Raises
        ------
        BoardError
            If a part is more than one answer can hold, or lies outside the state.
        """
        whole = 0 if self.info is None else self.info.state + self.info.log
        parts = parts or ((0, whole),)
        if not all(0 < size <= _MOST and 0 <= offset <= whole - size for offset, size in parts):
            raise BoardError(f"of the board's state of {whole} bytes, {parts} cannot be read at one moment")
        self._reading = _Reading(parts)
        self._read_on()

    def _read_on(self) -> None:
        if self._reading is not None:
            offset, size = self._reading.parts[len(self._reading.data)]
            self._reading.request = self._talk.send(Read(STATE, offset, size))

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
        passed: list[Passing] = [event for event in self._ahead if not isinstance(event, _COMMANDS)]
        self._ahead.clear()
        self.position = ready.position
        return passed

    def _ask(self, message: Message, limit: float = PATIENCE) -> Ready:
        """Have something done; what passes meanwhile is kept."""
        until = time.monotonic() + limit
        request = self._talk.send(message)
        while not isinstance(request.answer, Ready):
            if request.failure is Failure.RESTART and not isinstance(message, Configure) and self._sure:
                request = self._talk.send(message)  # it is set up again, and stands where it stood
            elif request.failure not in (None, Failure.RESTART, Failure.SILENT):
                raise self._fault(request.problem)
            elif request.failure is Failure.SILENT or time.monotonic() > until:
                raise BoardError(request.problem or f"no answer within {limit:g} s: {self.state.value}")
            self._ahead.extend(self._pump(0.1)[1])
        return request.answer

    # --- what comes ----------------------------------------------------------------------

    def _pump(self, wait: float) -> tuple[Piece | None, list[Passing]]:
        piece, received = self._talk.pump(wait)
        now = time.monotonic()
        passed: list[Passing] = []
        if piece is None:
            self._look_for_silence(now)
            return None, passed
        if piece.lost:
            self._cause = "nobody fetched it in time"
        if piece.state is not None:
            self._line_turned(piece.state)
        if piece.data:
            self._heard = now
        for one in received:
            passed += self._take(one, piece.time)
        if self.state is BoardState.GREETING and self.session:
            self._hello(now)
        return piece, passed

    def _line_turned(self, state: LineState) -> None:
        if state is LineState.CLOSED:
            self.state = BoardState.CLOSED
        elif state is LineState.LOST:
            self.state, self._sure, self._cause = BoardState.UNPLUGGED, False, "unplugged"
            self._held.clear()
        elif state is LineState.OPEN and self.session:
            self.state, self._said_hello = BoardState.GREETING, 0.0

    def _hello(self, now: float) -> None:
        """Have the board say what it is, unless it owes an answer: Hello makes it forget that."""
        if self.link.next_due is None and now - self._said_hello > QUIET:
            self._said_hello = now
            self._talk.send(Hello())

    def _look_for_silence(self, now: float) -> None:
        if now - self._heard < QUIET or self.line.state is not LineState.OPEN or not self.session:
            return
        if self.state is BoardState.STREAMING:
            self.state = BoardState.SILENT
        self._hello(now)

    def _take(self, one: Received, arrived: float) -> list[Passing]:
        """What a message means for whoever iterates."""
        message = one.message
        if isinstance(message, Info):
            passed = self._meet(message)
        elif isinstance(message, Description):
            if self.info is not None and self.state is not BoardState.OTHER_BOARD:
                self.description = described(self.info, message)
            passed = []
        elif isinstance(message, Status):
            self.status = message
            passed = self._same_session(message.session) + self._catch_up(message.position)
        elif one.request is not None and one.request is self._setup:
            return self._set_up(one.request)
        elif not self.session:
            return []
        elif not self._sure:
            self._held.append((one, arrived))
            return []
        else:
            passed = self._pass_on(one, arrived)
        return self._lost(one.lost) + passed

    def _pass_on(self, one: Received, arrived: float) -> list[Passing]:
        message = one.message
        self._ours = arrived
        if self._reading is not None and (one.lost or isinstance(message, _PASSING)):
            self._reading.torn = True
        if self.state is BoardState.SILENT:
            self.state = BoardState.STREAMING
        if isinstance(message, Samples):
            if message.block.shape[1] != self._channels:
                raise self._fault(f"the board sends {message.block.shape[1]} channels, not {self._channels}")
            passed = self._stand_at(message.start)
            self.position += len(message.block)
            self._cause = _ON_THE_LINE
            self.clock.add(one.time, arrived, self.position)
            return [*passed, message]
        if isinstance(message, Gap):
            passed = self._stand_at(message.start)
            self._check(message.start + message.lost)
            self.position = message.start + message.lost
            return [*passed, Gap(message.start, message.lost, shown(message.why))]
        if isinstance(message, _COMMANDS):
            return [*self._stand_at(message.at), message]
        if isinstance(message, _OUTPUTS):
            return [message]
        if isinstance(message, Data):
            return self._part_of_state(message, one)
        return []

    def _part_of_state(self, message: Data, one: Received) -> list[Passing]:
        reading = self._reading
        if reading is None or one.request is None or one.request is not reading.request:
            return []
        if reading.torn:  # the parts before are of another moment
            again = bool(reading.data)
            reading.data.clear()
            reading.torn = False
            if again:
                self._read_on()
                return []
        reading.data.append(message.data)
        if len(reading.data) < len(reading.parts):
            self._read_on()
            return []
        self._reading = None
        state = b"".join(reading.data)
        # The state block begins with its position (odl.state).
        known = reading.parts[0][0] == 0 and reading.parts[0][1] >= 8
        missed = self._catch_up(int.from_bytes(state[:8], "little")) if known else []
        return [*missed, StateRead(state)]

    def _stand_at(self, start: int) -> list[Passing]:
        """The gap up to ``start``, if there is one."""
        if start == self.position:
            return []
        self._check(start)
        gap = Gap(self.position, start - self.position, self._cause)
        self.lost_samples += gap.lost
        self.position = start
        return [gap]

    def _catch_up(self, position: int) -> list[Passing]:
        """The gap of samples that the board has taken, that were sent before this, and never came."""
        senses = self.description is not None and self.description.channels is not None
        return self._stand_at(position) if self._sure and senses and position > self.position else []

    def _check(self, start: int) -> None:
        """Refuse a stream that goes back, or leaps farther than anybody was away."""
        rate = 0 if self.info is None else self.info.rate_mhz / 1000
        if not 0 <= start - self.position <= LEAP * max(1.0, rate):
            raise self._fault(
                f"the board's stream leapt from sample {self.position} to {start}: restart the board"
            )

    def _lost(self, frames: int) -> list[Passing]:
        if not frames or not self.session:
            return []
        self.lost_frames += frames
        return [LostFrames(frames, self._cause)]

    # --- whose session it is -------------------------------------------------------------

    def _meet(self, info: Info) -> list[Passing]:
        wrong = not_ours(info, self._image, self._channels)
        if wrong:
            self.state, self.problem, self._sure = BoardState.OTHER_BOARD, wrong, False
            self._held.clear()
            return []
        self.info, self.problem = info, ""
        if self.state is BoardState.OTHER_BOARD:
            self.state = BoardState.GREETING
        return self._same_session(info.session) + self._catch_up(info.position)

    def _same_session(self, session: int) -> list[Passing]:
        """Go on if it is ours, set the board up again if it has none."""
        if not self.session or self.state is BoardState.OTHER_BOARD:
            return []
        if self._setup is not None and not self._setup.done:
            return []  # said before it was done
        if session == self.session:
            if not self._sure:
                self._sure, self.state = True, BoardState.STREAMING
            held, passed = list(self._held), list[Passing]()
            self._held.clear()
            for one, arrived in held:
                passed += self._lost(one.lost) + self._pass_on(one, arrived)
            return passed
        if session:
            raise self._fault(
                "the board has been used for another session meanwhile: begin a new one, or give it its own"
            )
        self._set_up_again()
        return []

    def _set_up_again(self) -> None:
        assert self._config is not None
        self.state, self._sure, self._cause = BoardState.RESTARTED, False, "the board restarted"
        self._held.clear()
        self.clock.restart()
        position, issued = self.again(time.monotonic() - self._ours)
        self._talk.send(Hello())
        self._setup = self._talk.send(
            settings(self._config, self.session, keep=True, position=position, issued=issued)
        )

    def _set_up(self, request: Request) -> list[Passing]:
        """The answer to the Configure after a restart."""
        self._setup = None
        if not isinstance(request.answer, Ready):
            raise self._fault(request.problem)
        self._sure, self.state, self._ours = True, BoardState.STREAMING, time.monotonic()
        return [*self._stand_at(request.answer.position), Restarted(self.position)]

    def _fault(self, problem: str) -> BoardError:
        self.state, self.problem = BoardState.FAULTY, problem
        return BoardError(problem)
