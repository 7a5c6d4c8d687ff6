"""A board as a source of inputs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from odl.core.config import Config
from odl.core.events import Command, Gap, Input, Samples
from odl.device.continuity import (
    COMMANDS,
    BoardEvent,
    BoardState,
    Continuity,
    LostFrames,
    Restarted,
    StateRead,
)
from odl.device.description import BoardDescription, settings
from odl.device.device_clock import DeviceClock
from odl.device.receiver import Receiver
from odl.wire import STATE, Configure, Failure, Hello, Message, Read, Ready, Request, encode
from odl.wire.client import BoardError

__all__ = ["NOW", "Board", "BoardState", "LostFrames", "BoardEvent", "Restarted", "StateRead"]

NOW: Final = 2**64 - 1  # `at` of a command that is done wherever the board's stream stands
PATIENCE: Final = 30.0  # seconds for an answer, the port gone meanwhile or not
_ENVELOPE: Final = 10  # sequence, time, checksum
_MOST: Final = 65535  # bytes that one Read asks for


class Board(Receiver):
    """A board on a line: `greet` it, `configure` it or `attach` to it, then iterate.

    Iterating gives what passes in the board's own order: `Samples`, `Gap`, the commands that it
    took with their real ``at``, outputs; and what the host should know: `LostFrames`,
    `Restarted`, `StateRead`. When nothing comes, `Samples` of no rows does. One thread uses a
    board; only ``line.wake`` may be called from others.

    A port that was gone is opened again, and where the board still runs the session it goes on.
    Where it has started anew it is configured again, keeping what its label log has taught.

    Parameters
    ----------
    line : SerialPort
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
    description : BoardDescription or None
        What it said of itself, checked.
    session : int
        The number that its session has, 0 before one.
    wait : float
        Seconds that the next event may take while nothing comes.
    clock : DeviceClock
        Drift, jitter, and the rate of its samples.
    status : Status or None
        Its own counters.
    again : callable
        Asked when the board has started anew, with the seconds that nothing had been heard of it:
        the position at which its stream is to go on, and the questions spent of the period there.

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

    # --- setting up ----------------------------------------------------------------------

    def greet(self, limit: float = 10.0) -> BoardDescription:
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
        self.clock, self._stream = DeviceClock(rate), Continuity(self.info.channels, rate)
        self.state = BoardState.READY
        return self.description

    def _no_answer(self, limit: float) -> str:
        if self.info is not None:
            return f"the board on {self.line.url} does not say what it measures"
        if self.link.counters.bytes == 0:
            return f"nothing answers on {self.line.url} within {limit:g} s"
        return (
            f"what comes from {self.line.url} is no board of this protocol, or of another speed; "
            "a sketch that prints numbers needs `format='csv'`"
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

    # --- iterating -----------------------------------------------------------------------

    def __iter__(self) -> Iterator[BoardEvent]:
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

    def ask_state(self, part: tuple[int, int] | None = None, area: int = STATE) -> None:
        """Ask for the session's state; a `StateRead` comes among what passes.

        Parameters
        ----------
        part : (offset, size), optional
            What of it, else the whole. Should the answer be lost for good, or the board start anew,
            nothing comes.
        area : int
            Of `odl.wire.Read`; the part is of this area.

        Raises
        ------
        BoardError
            If that is more than one answer can hold, or lies outside the state.
        """
        whole = 0 if self.info is None else self.info.state + self.info.log
        offset, size = part or (0, whole)
        if not (0 < size <= _MOST and 0 <= offset <= whole - size):
            raise BoardError(
                f"of the board's state of {whole} bytes, {size} from {offset} on cannot be read at one moment"
            )
        self._reading = self._talk.send(Read(area, offset, size))

    def read_state(self, limit: float = PATIENCE) -> tuple[bytes, list[BoardEvent]]:
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
            if self._reading is None or self._reading.failure:
                self.ask_state()
        raise BoardError(f"the board's state did not come within {limit:g} s: {self.state.value}")

    def step(self, event: Input) -> list[BoardEvent]:
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
        passed: list[BoardEvent] = []
        for at in range(0, len(event.block), rows):
            passed += self._step(Samples(event.start + at, event.block[at : at + rows]))
        return passed

    def _step(self, message: Input) -> list[BoardEvent]:
        ready = self._ask(message)
        passed: list[BoardEvent] = [event for event in self._ahead if not isinstance(event, COMMANDS)]
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
