"""Who learns in a live session: the host, or the board with a twin session on the host."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final, Protocol

from odl.core.events import Adopt, Command, Event, Gap, Input, Output, Query, Samples
from odl.core.loop import drive
from odl.core.session import Session
from odl.core.snapshot import labels_of, removals_of, state_sizes, with_unused_log
from odl.device.board import Board, BoardState, LostFrames, Restarted, StateRead
from odl.device.csv_state import CsvStreamState
from odl.device.csv_stream import BAD_LINES, CsvStream
from odl.live.delivery import Delivery
from odl.live.labeller import LiveLabeller
from odl.live.source_status import SourceNotices, source_status
from odl.live.status import LiveStatus
from odl.live.twin import Follower, TwinState
from odl.wire import BRIEF

_BRIEF_LIMIT: Final = 5.0  # seconds after which the host asks for the board's state again: without weights
_WHOLE_LIMIT: Final = 15.0  # and with them
_MORE_ENTRIES: Final = 4  # entries of the label log that the board may have added meanwhile
_MOST: Final = 65535  # bytes of state in one answer of the board
MANY: Final = 20  # notices of a kind, from which only the 100th, the 1000th, ... are shown
HOST_RUNS: Final = "the host runs the session"
NO_WINDOW: Final = "no window can be completed"


def is_worth_a_notice(n: int) -> bool:
    """True for the ``n``-th of its kind if a person should see it: the first ones, the 100th, the 1000th, ...

    >>> [n for n in range(1, 2001) if is_worth_a_notice(n)][-4:]
    [19, 20, 100, 1000]
    """
    return n <= MANY or n == 10 ** (len(str(n)) - 1)


class LearningMode(Protocol):
    """Runs the session of an `odl.live.LiveSession`, on the host or on a board.

    Attributes
    ----------
    session : Session
        The host's session.
    wait : float
        Seconds that a ``next`` may block while no event arrives.
    notices : deque of str
        Sentences for the person, each once.
    is_overdue : callable
        Returns True if the session was to end long ago; then `events` ends within a step.
    """

    session: Session
    wait: float
    notices: deque[str]
    is_overdue: Callable[[], bool] = staticmethod(lambda: False)

    @property
    def pending(self) -> bool:
        """True while the board owes outputs for past inputs, or an answer is on its way."""
        return False

    @property
    def unusable(self) -> str:
        """Why no line of the source could be used; empty if some could."""
        return ""

    def end(self) -> Iterable[Event]:
        """Close the stream; return events for outputs that will never arrive."""
        return ()

    def events(self, labeller: LiveLabeller) -> Iterator[Event]:
        """Yield all events, each input before its outputs; empty Samples while nothing arrives."""
        ...

    def status(self) -> LiveStatus:
        """Return what the mode knows of the source and of the twins."""
        ...


class HostLearns(LearningMode):
    """Runs the session on the host; a board or a sketch only sends samples.

    Parameters
    ----------
    first : Gap or Adopt, optional
        The first input: of a resumed session, or of one that goes on from a wearer's profile.
    shift : int
        Samples by which the source's count is ahead of the session's.
    speed : float
        The samples' rate as a multiple of the model's.
    rate_hz : float, optional
        Samples per second that the source should send; default: the model's rate.
    """

    def __init__(
        self,
        session: Session,
        source: Board | CsvStream,
        first: Gap | Adopt | None = None,
        *,
        shift: int = 0,
        speed: float = 1.0,
        rate_hz: float | None = None,
    ) -> None:
        self.session, self.source, self._first, self._shift = session, source, first, shift
        self._speed = speed
        self.notices: deque[str] = deque()
        self._source_notices = SourceNotices(self.notices, rate_hz or session.image.rate_hz, speed)
        # The count of windows, and the position where it last grew or a long gap ended.
        self._windows, self._since = session.counts["windows"], session.position
        self._broken, self._noticed = "", False  # why no window is complete
        self._gaps = 0  # that were noticed, of those that a board or the line caused

    @property
    def wait(self) -> float:
        return self.source.wait

    @wait.setter
    def wait(self, seconds: float) -> None:
        self.source.wait = seconds

    @property
    def unusable(self) -> str:
        """As `LearningMode.unusable`."""
        return self.source.useless if isinstance(self.source, CsvStream) else ""

    def events(self, labeller: LiveLabeller) -> Iterator[Event]:
        """As `LearningMode.events`."""
        if isinstance(self.source, Board):
            self.source.on_held = labeller.prompt.hold
        return drive(self.session, self._inputs(), labeller)

    def _inputs(self) -> Iterator[Input]:
        if self._first is not None:
            yield self._first
            self._first = None
        for event in self.source:
            if self.is_overdue():
                return
            self._source_notices.update(self.source)
            if isinstance(event, Samples | Gap):
                self._check_windows(event)
                if isinstance(event, Gap) and event.why != BAD_LINES:  # of bad lines there may be many
                    self._note_gap(event)
                yield replace(event, start=event.start - self._shift)
            elif isinstance(event, Restarted) and event.position - self._shift == self.session.position:
                yield Gap(self.session.position, 0, "the board restarted")

    def _note_gap(self, gap: Gap) -> None:
        self._gaps += 1
        if is_worth_a_notice(self._gaps):
            also = f" (gap {self._gaps})" if self._gaps > MANY else ""
            self.notices.append(f"{gap.lost} samples are missing: {gap.why}{also}")

    def _check_windows(self, event: Samples | Gap) -> None:
        """Notice short gaps that are so frequent that no window is complete."""
        session, image, source = self.session, self.session.image, self.source
        lost = event.lost if isinstance(event, Gap) else 0
        if lost >= image.window or session.counts["windows"] != self._windows:
            self._windows, self._broken = session.counts["windows"], ""
            self._since = session.position + lost
        elif isinstance(event, Gap) and session.position - self._since >= 2 * image.window:
            bad = source.columns.last_bad if event.why == BAD_LINES and isinstance(source, CsvStream) else ""
            last = f", the last was: {bad}" if bad else ""
            length = image.window / image.rate_hz
            self._broken = f"{NO_WINDOW}, because samples are lost in each {length:.3g} s: {event.why}{last}"
            if not self._noticed:
                self._noticed = True
                self.notices.append(self._broken)

    def status(self) -> LiveStatus:
        """As `LearningMode.status`."""
        own, state = source_status(self.source, self._speed), self.source.state
        own = replace(own, problem="; ".join(filter(None, (self._broken, own.problem))))
        if state is CsvStreamState.STREAMING and self._broken:
            return replace(own, state=NO_WINDOW)
        return replace(own, state=HOST_RUNS) if state is BoardState.STREAMING else own


class BoardLearns(LearningMode):
    """The board learns and decides the order of events; the host's session follows (`odl.live.twin`).

    Parameters
    ----------
    follower : Follower
        The twin on the host; with ``compare`` it compares its outputs with the board's.
    """

    def __init__(self, follower: Follower, board: Board, speed: float = 1.0) -> None:
        self.follower, self.board, self._speed = follower, board, speed
        self.session = follower.session
        self.notices: deque[str] = deque()
        self.delivery: Delivery | None = None  # made by `events`, for its labeller's prompt
        self._reading_until: float | None = None
        self._source_notices = SourceNotices(self.notices, self.session.image.rate_hz, speed)
        self._differences = 0  # number of differences noticed so far
        self._size, self._brief, self._entry = state_sizes(self.session.image)
        board.on_restart = self._restart_point

    @property
    def wait(self) -> float:
        return self.board.wait

    @wait.setter
    def wait(self, seconds: float) -> None:
        self.board.wait = seconds

    @property
    def pending(self) -> bool:
        """As `LearningMode.pending`; a board that is silent owes nothing."""
        unfinished = self.delivery is not None and self.delivery.unfinished
        return self.board.state is BoardState.STREAMING and bool(unfinished or self.follower.owes)

    def end(self) -> Iterable[Event]:
        """As `LearningMode.end`; a notice counts the answers that were still on their way."""
        if self.delivery is not None and (left := self.delivery.unfinished):
            what = "1 answer was" if left == 1 else f"{left} answers were"
            self.notices.append(f"{what} still on the way to the board when the session ended")
        return self.follower.end()

    def _restart_point(self, away: float) -> tuple[int, int]:
        """Return where a board continues after ``away`` seconds: position, and questions spent."""
        position = self.session.position + max(0, round(away * self.session.image.rate_hz))
        return position, self.session.issued_at(position)

    def events(self, labeller: LiveLabeller) -> Iterator[Event]:
        """As `LearningMode.events`."""
        self.delivery = delivery = Delivery(self.board, self.session, labeller.prompt, self.notices)
        self.board.on_held = labeller.prompt.hold
        self._check_twins()
        for heard in self.board:
            if self.is_overdue():
                return
            labeller.answer_from_truth(self.session.position)
            for event in self._heard(heard):
                if isinstance(event, Command) and (origin := delivery.origin_of(event)) is not None:
                    yield origin
                yield event
                if isinstance(event, Query):
                    labeller.ask(event, self.session.position)
                elif isinstance(event, Adopt):
                    delivery.forget_late()
                    labeller.ask_open(self.session)
            self._check_twins()
            in_step = self.follower.state is not TwinState.APART
            delivery.advance(
                idle=isinstance(heard, Samples) and not len(heard.block),
                may_send=in_step and self.board.state is BoardState.STREAMING,
            )
            self._source_notices.update(self.board)

    def _heard(self, heard: object) -> Iterable[Event]:
        follower = self.follower
        if isinstance(heard, LostFrames):
            follower.lost(heard.frames)
        elif isinstance(heard, Restarted):
            self._reading_until = None
            follower.apart(anew=True)
        elif isinstance(heard, StateRead):
            self._reading_until = None
            self._check_lost_labels(heard.state)
            return follower.adopt_state(heard.state)
        elif isinstance(heard, Samples) and not len(heard.block):
            follower.settle()
            return [heard]
        elif isinstance(heard, Input | Output):
            return follower.take(heard)
        return []

    def _check_twins(self) -> None:
        """Notice new differences, and ask for the board's state where the twin needs it."""
        follower = self.follower
        for difference in follower.differences[self._differences :]:
            self._differences += 1
            if is_worth_a_notice(self._differences):
                also = f" (difference {self._differences})" if self._differences > MANY else ""
                self.notices.append(f"{difference}{also}")
        now = self.board.line.clock.monotonic()
        late = self._reading_until is not None and now > self._reading_until
        if (
            follower.wants
            and self.board.state is BoardState.STREAMING
            and (self._reading_until is None or late)
        ):
            whole = follower.wants == "whole"
            if whole:  # with as many entries of the label log as the board may use by then
                entries = max(follower.entries, self.session.lessons) + _MORE_ENTRIES
                size = self._size + min(entries, self.session.image.max_log) * self._entry
                self.board.ask_state((0, min(size, _MOST)))
            else:
                self.board.ask_state((0, self._brief), area=BRIEF)
            self._reading_until = now + (_WHOLE_LIMIT if whole else _BRIEF_LIMIT)

    def _check_lost_labels(self, state: bytes) -> None:
        image = self.session.image
        whole = with_unused_log(image, state) if len(state) >= self._size else None
        if whole is not None:
            own = self.session.snapshot()
            removed = max(0, removals_of(image, whole) - removals_of(image, own))
            lost = len(labels_of(image, own) - labels_of(image, whole)) - removed
            if lost > 0:
                self.notices.append(f"the board has lost {lost} labels that it had learned")

    def status(self) -> LiveStatus:
        """As `LearningMode.status`."""
        own, follower = source_status(self.board, self._speed), self.follower
        if follower.state is not TwinState.TOGETHER and self.board.state is BoardState.STREAMING:
            own = replace(own, state=follower.state.value)
        if not follower.compare:
            return own
        return replace(
            own, compared=follower.compared, skipped=follower.skipped, differences=len(follower.differences)
        )
