"""Hardware in the loop: the host feeds a board recorded samples and steps beside it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from odl.core.clock import SYSTEM_CLOCK, Clock
from odl.core.config import Config
from odl.core.events import Adopt, Event, Gap, Input, Origin, Output, Prediction, Samples, Truth
from odl.core.image import Image
from odl.core.loop import drive
from odl.core.session import Session
from odl.core.snapshot import position_of
from odl.device.board import Board, BoardState, LostFrames, Restarted
from odl.live.labeller import LiveLabeller
from odl.live.modes import LearningMode, is_worth_a_notice
from odl.live.source_status import source_problem, source_status
from odl.live.status import LiveStatus
from odl.live.twin import Difference, described

_BEHIND = 2.0  # seconds of delay after which the pace continues from now instead of catching up
_LEAST = 0.02  # seconds of samples in one block, at least


class Paced:
    """Iterates over recorded inputs in time, ``speed`` times as fast as they were recorded.

    Parameters
    ----------
    events : iterable of Input
    rate_hz : float
    speed : float
        Above 0; with infinity there is no waiting.
    position : int
        The first sample to yield; earlier ones are left out.
    clock : Clock
        The clock by which a sample is due.

    Attributes
    ----------
    wait : float
        Seconds for which a ``next`` may sleep where nothing is due; it then yields empty Samples.

    Examples
    --------
    >>> [len(e.block) for e in Paced([Samples(0, np.zeros((90, 3), np.int16))], 50.0, math.inf, 30)]
    [60]
    """

    def __init__(
        self,
        events: Iterable[Input],
        rate_hz: float,
        speed: float,
        position: int = 0,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.wait, self._clock = 0.2, clock
        self._events, self._rate, self._position = events, rate_hz * speed, position

    def __iter__(self) -> Iterator[Input]:
        self._zero = self._clock.monotonic() - self._position / self._rate
        for event in self._events:
            rest = _after(event, self._position)
            if isinstance(rest, Gap):
                self._zero -= rest.lost / self._rate  # no wait for samples that were lost
            if isinstance(rest, Samples) and math.isfinite(self._rate):
                yield from self._pieces(rest)
            elif rest is not None:
                yield rest

    def _pieces(self, event: Samples) -> Iterator[Samples]:
        """Yield ``event`` in pieces, each when it is due."""
        at, size, least = 0, len(event.block), max(1, round(_LEAST * self._rate))
        while at < size:
            now = self._clock.monotonic()
            due = (now - self._zero) * self._rate - (event.start + at)
            wanted = min(least, size - at)
            if due > _BEHIND * self._rate:
                self._zero, due = now - (event.start + at + wanted) / self._rate, float(wanted)
            if due < wanted:
                if self.wait:
                    self._clock.sleep(min(self.wait, (wanted - due) / self._rate))
                yield Samples(event.start + at, np.empty((0, event.block.shape[1]), np.int16))
                continue
            n = min(size - at, max(wanted, int(due)))
            yield Samples(event.start + at, event.block[at : at + n])
            at += n


def _after(event: Input, position: int) -> Input | None:
    """Return the part of a recorded input from ``position`` on, or None."""
    if isinstance(event, Truth):
        return event if event.end > position else None
    if isinstance(event, Gap):
        past = max(0, position - event.start)
        return (
            Gap(event.start + past, event.lost - past, event.why) if past < event.lost or not past else None
        )
    if isinstance(event, Samples):
        past = max(0, position - event.start)
        return Samples(event.start + past, event.block[past:]) if past < len(event.block) else None
    return None


class FedSession(Session):
    """A session that passes its inputs to a board as well and compares the outputs of both.

    Parameters
    ----------
    board : Board
        Configured alike, with the host as its sensor.
    compare : bool
        If False, the outputs of the board that arrived are returned instead of the session's.
    """

    def __init__(self, image: Image, config: Config, board: Board, *, compare: bool) -> None:
        super().__init__(image, config)
        self.board, self.compare = board, compare
        self.compared = self.skipped = 0
        self.differences: list[Difference] = []
        self.adopted: deque[Adopt] = deque()  # stepped already, still to be recorded

    def step(self, event: Input) -> Sequence[Output]:
        """Step the session and the board through one input."""
        own = super().step(event)
        if isinstance(event, Truth | Origin | Adopt):
            return own
        windows = sum(isinstance(output, Prediction) for output in own)
        self.skipped += windows  # until the board's outputs arrive
        heard: list[Output] = []
        lost = restarted = 0
        for passed in self.board.step(event):
            lost += passed.frames if isinstance(passed, LostFrames) else 0
            restarted += isinstance(passed, Restarted)
            if isinstance(passed, Output):
                heard.append(passed)
        if restarted:
            self.adopt_board_state()
            return own
        common = _subsequence(own, heard)
        if len(common) == len(heard) and (len(own) == len(common) or lost):
            both = sum(isinstance(output, Prediction) for output in common)
            self.compared, self.skipped = self.compared + both, self.skipped - both
            return own
        self.compared, self.skipped = self.compared + windows, self.skipped - windows
        if not self.compare:
            return heard
        first = next(i for i in range(len(own) + 1) if own[i : i + 1] != heard[i : i + 1])
        words = [str(outputs[first]) if first < len(outputs) else "nothing" for outputs in (own, heard)]
        self.differences.append(Difference(self.position, described(event), *words))
        self.adopt_board_state()
        return own

    def adopt_board_state(self) -> None:
        """Take over the board's state, which is right where host and board differ."""
        state, _ = self.board.read_state()
        event = Adopt(self.position, max(0, position_of(self.image, state) - self.position), state)
        super().step(event)
        self.adopted.append(event)


def _subsequence(whole: Sequence[Output], part: Sequence[Output]) -> list[Output]:
    """Return the members of ``whole`` that ``part`` has too, in order."""
    rest = iter(whole)
    return [output for output in part if any(other == output for other in rest)]


class HardwareInTheLoop(LearningMode):
    """Feeds recorded inputs to a board that learns, and to a session of the host."""

    def __init__(self, session: FedSession, inputs: Paced) -> None:
        self.session: Session = session
        self.notices: deque[str] = deque()
        self._fed, self._inputs = session, inputs
        self._problem, self._differences = "", 0
        board = session.board
        board.on_restart = lambda away: (board.position, session.issued_at(board.position))
        board.is_overdue = lambda: self.is_overdue()

    @property
    def wait(self) -> float:
        return self._inputs.wait

    @wait.setter
    def wait(self, seconds: float) -> None:
        self._inputs.wait = seconds

    def events(self, labeller: LiveLabeller) -> Iterator[Event]:
        """As `odl.live.modes.LearningMode.events`."""
        fed = self._fed
        fed.board.on_held = labeller.prompt.hold
        for event in drive(fed, self._inputs, labeller):
            if self.is_overdue():
                return
            if not isinstance(event, Output):
                yield from self._adopted()
            yield event
            for difference in fed.differences[self._differences :]:
                self._differences += 1
                if is_worth_a_notice(self._differences):
                    self.notices.append(str(difference))
            if (problem := source_problem(fed.board)) != self._problem:
                self._problem = problem
                self.notices.extend([problem] if problem else [])
        yield from self._adopted()

    def _adopted(self) -> Iterator[Event]:
        while self._fed.adopted:
            yield self._fed.adopted.popleft()

    def status(self) -> LiveStatus:
        """As `odl.live.modes.LearningMode.status`."""
        fed, own = self._fed, source_status(self._fed.board)
        state = "the board is fed" if fed.board.state is BoardState.STREAMING else own.state
        own = replace(own, state=state, rate=None, drift=None, jitter=None)
        if not fed.compare:
            return own
        return replace(own, compared=fed.compared, skipped=fed.skipped, differences=len(fed.differences))
