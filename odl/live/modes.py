"""The ways in which a live session is led: on the host, or on the board with the host beside."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from odl.core.events import Adopt, Event, Gap, Input, Output, Query, Samples
from odl.core.loop import drive
from odl.core.protocols import Labeller, Notified, TakeBack
from odl.core.session import Session
from odl.core.snapshot import labels_of, state_sizes, with_unused_log
from odl.device.board import Board, BoardState, LostFrames, Restarted, StateRead
from odl.device.csv_stream import BAD_LINES, CsvStream, CsvStreamState
from odl.live.twin import Asking, Follower, Step
from odl.wire import BRIEF, Ready, Request

_SOON, _LATE = 5.0, 15.0  # seconds after which the board is asked for its state once more
_MORE = 4  # entries of the log that the board may have written meanwhile
_NEARLY = 0.02  # of a whole multiple
SAMPLES = "the host runs the session"
NO_WINDOW = "no window can be completed"
_MOST = 65535  # bytes of its state that it gives at one moment


@dataclass(frozen=True, slots=True)
class Standing:
    """How a way stands; None where something does not apply or is not known yet."""

    state: str
    rate: float | None = None
    drift: float | None = None
    jitter: float | None = None
    lost: int = 0
    dropped: int = 0
    damaged: int = 0
    compared: int | None = None
    skipped: int | None = None
    differences: int | None = None
    problem: str = ""  # what is wrong with what comes
    useless: str = ""  # why nothing of it could be used


class Way(Protocol):
    """How a session is led, for `odl.live.Live`."""

    session: Session
    wait: float  # seconds that a ``next`` may block where nothing comes
    notices: deque[str]  # sentences that a person should see, each once

    @property
    def awaits(self) -> bool:
        """Whether something is to come yet of the inputs that have passed, or of an answer given."""
        return False

    def end(self) -> Iterable[Event]:
        """Nothing more is heard; what stands for outputs that were to come."""
        return ()

    def events(self, labeller: Notified) -> Iterator[Event]:
        """All that passes, each input before its outputs; empty Samples where nothing does."""
        ...

    def standing(self) -> Standing:
        """How it stands."""
        ...


def ask_again(session: Session, labeller: Labeller) -> None:
    """Put the questions that are open to ``labeller``, who may know of none of them."""
    for one in session.open_questions:
        labeller.ask(Query(one.window, 0, one.expires), session.position)


class OnHost(Way):
    """The session runs here; a board or a sketch gives it samples and nothing else.

    Parameters
    ----------
    gap : Gap, optional
        What the stream begins with, where a session goes on.
    shift : int
        How much farther the source counts than the session.
    speed : float
        How many times as fast as for the model its samples are to come.
    rate_hz : float, optional
        Samples per second that the source was said to give, where they are not the model's.
    """

    def __init__(
        self,
        session: Session,
        source: Board | CsvStream,
        gap: Gap | None = None,
        *,
        shift: int = 0,
        speed: float = 1.0,
        rate_hz: float | None = None,
    ) -> None:
        self.session, self.source, self._gap, self._shift = session, source, gap, shift
        self._speed = speed
        self.notices: deque[str] = deque()
        self._note = Note(self.notices, speed * (rate_hz or session.image.rate_hz))
        # Windows, and where the stream stood when the last of them came.
        self._windows, self._since = session.counts["windows"], session.position
        self._broken, self._told = "", False  # why no window comes

    @property
    def wait(self) -> float:
        return self.source.wait

    @wait.setter
    def wait(self, seconds: float) -> None:
        self.source.wait = seconds

    def events(self, labeller: Labeller) -> Iterator[Event]:
        """As `Way.events`."""
        return drive(self.session, self._inputs(), labeller)

    def _inputs(self) -> Iterator[Input]:
        if self._gap is not None:
            yield self._gap
            self._gap = None
        for event in self.source:
            self._note.look(self.source)
            if isinstance(event, Samples | Gap):
                self._look_for_windows(event)
                if isinstance(event, Gap) and event.why != BAD_LINES:  # there may be many of these
                    self.notices.append(f"{event.lost} samples are missing: {event.why}")
                yield replace(event, start=event.start - self._shift)
            elif isinstance(event, Restarted) and event.position - self._shift == self.session.position:
                yield Gap(self.session.position, 0, "the board restarted")

    def _look_for_windows(self, event: Samples | Gap) -> None:
        """Notice where short gaps come so often that no window is whole."""
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
            if not self._told:
                self._told = True
                self.notices.append(self._broken)

    def standing(self) -> Standing:
        """As `Way.standing`."""
        own, state = standing_of(self.source, self._speed), self.source.state
        own = replace(own, problem="; ".join(filter(None, (self._broken, own.problem))))
        if state is CsvStreamState.STREAMING and self._broken:
            return replace(own, state=NO_WINDOW)
        return replace(own, state=SAMPLES) if state is BoardState.STREAMING else own


class Note:
    """How things stand with a source, told when it changes; its rate when it turns wrong."""

    def __init__(self, notices: deque[str], rate_hz: float) -> None:
        self._notices, self._rate = notices, rate_hz
        self._last, self._wrong = "", 0.0

    def look(self, source: Board | CsvStream) -> None:
        """Tell what is new."""
        while isinstance(source, CsvStream) and source.news:
            self._notices.append(source.news.popleft())
        sentence = note_of(source)
        if sentence != self._last:
            self._last = sentence
            if sentence:
                self._notices.append(sentence)
        complaint = source.clock.complaint(self._rate)
        rate = source.clock.rate_hz or 0.0
        if complaint and abs(rate - self._wrong) > _NEARLY * self._rate:
            self._wrong = rate
            self._notices.append(complaint + (faster(rate, self._rate) if isinstance(source, Board) else ""))
        elif not complaint:
            self._wrong *= abs(rate - self._rate) > _NEARLY * self._rate / 2  # not told again at the edge


def faster(rate_hz: float | None, wanted_hz: float) -> str:
    """What may be behind a rate that is a whole multiple of the one that is wanted, or nothing.

    >>> faster(199.6, 50.0), faster(66.0, 50.0)
    ('; an emulated board with --speed 4 does that, and it is no fault', '')
    """
    times = round((rate_hz or 0.0) / wanted_hz)
    if times < 2 or abs((rate_hz or 0.0) / wanted_hz - times) > _NEARLY * times:
        return ""
    return f"; an emulated board with --speed {times} does that, and it is no fault"


def note_of(source: Board | CsvStream) -> str:
    """What a person should know of a source now, or nothing."""
    if isinstance(source, CsvStream):
        absent = source.state in (CsvStreamState.UNPLUGGED, CsvStreamState.SILENT)
        return source.state.value if absent else source.problem
    return "" if source.state is BoardState.STREAMING else source.problem or source.state.value


def standing_of(source: Board | CsvStream, speed: float = 1.0) -> Standing:
    """What a source says of itself; one that plays ``speed`` times as fast has no true clock."""
    clock = source.clock
    if isinstance(source, CsvStream):
        return Standing(
            source.state.value, clock.rate_hz, lost=source.lost, damaged=source.damaged,
            problem=source.note, useless=source.useless,
        )  # fmt: skip
    dropped = source.status.dropped if source.status else 0
    rate = None if clock.rate_hz is None else clock.rate_hz / speed
    return Standing(
        source.state.value, rate, clock.drift_ppm if speed == 1.0 else None, clock.jitter_ms,
        source.lost_samples, dropped, source.link.counters.damaged,
    )  # fmt: skip


class OnBoard(Way):
    """The board learns and owns the order; the host steps along (`odl.live.twin`).

    Parameters
    ----------
    follower : Follower
        With ``compare``, what board and host say is held against each other.
    """

    def __init__(self, follower: Follower, board: Board, speed: float = 1.0) -> None:
        self.follower, self.board, self._speed = follower, board, speed
        self.session = follower.session
        self.notices: deque[str] = deque()
        self._asking = Asking(self.session)
        self._request: Request | None = None
        self._reading_until: float | None = None
        self._note, self._differences = Note(self.notices, speed * self.session.image.rate_hz), 0
        self._size, self._brief, self._entry = state_sizes(self.session.image)
        board.again = self._again

    @property
    def wait(self) -> float:
        return self.board.wait

    @wait.setter
    def wait(self, seconds: float) -> None:
        self.board.wait = seconds

    @property
    def awaits(self) -> bool:
        """As `Way.awaits`; of a board that does not talk nothing is."""
        awaits = self._asking.waits or not self.follower.whole
        return self.board.state is BoardState.STREAMING and awaits

    def end(self) -> Iterable[Event]:
        """As `Way.end`; answers that nobody waits for any longer are told of."""
        if left := self._asking.left:
            what = "1 answer was" if left == 1 else f"{left} answers were"
            self.notices.append(f"{what} still on the way to the board when the session ended")
        return self.follower.end()

    def _again(self, away: float) -> tuple[int, int]:
        position = self.session.position + max(0, round(away * self.session.image.rate_hz))
        return position, self.session.issued_at(position)

    def events(self, labeller: Notified) -> Iterator[Event]:
        """As `Way.events`."""
        self._look()
        for heard in self.board:
            for answer in labeller.poll(self.session.position):
                self._asking.add(answer)
            for event in self._heard(heard):
                yield event
                if isinstance(event, Query):
                    labeller.ask(event, self.session.position)
                elif isinstance(event, Adopt):
                    ask_again(self.session, labeller)
            self._look()
            self._send(labeller, idle=isinstance(heard, Samples) and not len(heard.block))
            self._note.look(self.board)

    def _heard(self, heard: object) -> Iterable[Event]:
        follower = self.follower
        if isinstance(heard, LostFrames):
            follower.lost(heard.frames)
        elif isinstance(heard, Restarted):
            self._reading_until = None
            follower.apart(anew=True)
        elif isinstance(heard, StateRead):
            self._reading_until = None
            self._look_for_lost_labels(heard.state)
            return follower.state(heard.state)
        elif isinstance(heard, Samples) and not len(heard.block):
            follower.settle()
            return [heard]
        elif isinstance(heard, Input | Output):
            return follower.take(heard)
        return []

    def _look(self) -> None:
        """See to it that the board's state comes where it is wanted, and tell of differences."""
        follower = self.follower
        for difference in follower.differences[self._differences :]:
            self.notices.append(str(difference))
        self._differences = len(follower.differences)
        now = time.monotonic()
        late = self._reading_until is not None and now > self._reading_until
        if (
            follower.wants
            and self.board.state is BoardState.STREAMING
            and (self._reading_until is None or late)
        ):
            whole = follower.wants == "whole"
            if whole:  # of the log as much as may be used by then
                entries = max(follower.entries, self.session.lessons) + _MORE
                size = self._size + min(entries, self.session.image.max_log) * self._entry
                self.board.ask_state((0, min(size, _MOST)))
            else:
                self.board.ask_state((0, self._brief), area=BRIEF)
            self._reading_until = now + (_LATE if whole else _SOON)

    def _look_for_lost_labels(self, state: bytes) -> None:
        image = self.session.image
        whole = with_unused_log(image, state) if len(state) >= self._size else None
        if whole is not None:
            lost = labels_of(image, self.session.snapshot()) - labels_of(image, whole)
            if lost:
                self.notices.append(f"the board has lost {len(lost)} labels that it had learned from")

    # --- answers to the board -------------------------------------------------------------

    def _send(self, labeller: Notified, *, idle: bool) -> None:
        if self._request is not None and not self._settled(self._request, labeller, idle):
            return
        self._request = None
        if self.follower.step is Step.APART or self.board.state is not BoardState.STREAMING:
            return
        following = self._asking.next()
        if following is not None:
            command, origin = following
            self._request = self.board.send(command)
            self.follower.asked(command, origin)

    def _settled(self, request: Request, labeller: Notified, idle: bool) -> bool:
        """Whether what was asked has been done and has been heard of, or came to nothing."""
        if isinstance(request.answer, Ready):
            # What it led to came before the answer, if it was not lost: it has passed where nothing is
            # left to pass, and where the stream is farther.
            heard = idle or not self.follower.waits or self.session.position > request.answer.position
            if heard:
                self.follower.answered()
            return heard
        if request.failure is None:
            return False
        self.follower.answered()
        lost = self._asking.again()
        for one in lost:
            labeller.given_up(one)
        what = "an undo" if lost and isinstance(lost[-1], TakeBack) else "an answer"
        became = "is given up" if lost else "did not reach the board"
        self.notices.append(f"{what} {became}: {request.problem}")
        return True

    def standing(self) -> Standing:
        """As `Way.standing`."""
        own, follower = standing_of(self.board, self._speed), self.follower
        together = follower.step is Step.TOGETHER
        state = own.state if together or self.board.state is not BoardState.STREAMING else follower.step.value
        if not follower.compare:
            return Standing(state, own.rate, own.drift, own.jitter, own.lost, own.dropped, own.damaged)
        return Standing(
            state, own.rate, own.drift, own.jitter, own.lost, own.dropped, own.damaged,
            follower.compared, follower.skipped, len(follower.differences),
        )  # fmt: skip
