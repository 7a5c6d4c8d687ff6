"""A live session: what passes is recorded as it comes, and shown."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

from odl.core.events import Command, Event, Gap, Origin, Output, Query, Samples, Truth
from odl.core.image import Image
from odl.core.protocols import Answer, Notified, TakeBack
from odl.core.session import Session
from odl.device.csv_stream import CsvStreamError
from odl.labels.oracle import RecordedLabels
from odl.labels.played_truth import PlayedTruth
from odl.labels.prompt import Prompt
from odl.live.modes import Way, ask_again
from odl.recording import Writer
from odl.recording.resume import Tally

NEAR: Final = 64  # samples before the end of what is played
SILENT: Final = 2.0  # seconds without any, after which it is over there
PATIENCE: Final = 5.0  # seconds that it may still take, at the end, until all has been said


@dataclass(frozen=True, slots=True)
class LiveStatus:
    """How a live session stands; `odl.live.status.Status` says what the fields are."""

    state: str
    port: str
    rate: float | None
    declared: float
    drift: float | None
    jitter: float | None
    lost: int
    dropped: int
    damaged: int
    position: int
    windows: int
    budget_left: int | None
    compared: int | None
    skipped: int | None
    differences: int | None
    recording: Path
    problem: str = ""


class Through:
    """Answers from truth that take a person's way, through the prompt.

    A person at the prompt may be quicker, or skip, or take an answer back.
    """

    def __init__(self, prompt: Prompt, labels: RecordedLabels | None) -> None:
        self._prompt, self._labels = prompt, labels
        self._asked: set[int] = set()

    def ask(self, query: Query, now: int) -> None:
        """As `odl.core.protocols.Labeller.ask`; asked twice it is one question."""
        self._prompt.ask(query, now)
        if self._labels is not None and query.window not in self._asked:
            self._asked.add(query.window)
            self._labels.ask(query, now)

    def poll(self, now: int) -> Iterable[Answer | TakeBack]:
        """As `odl.core.protocols.Labeller.poll`."""
        for answer in () if self._labels is None else self._labels.poll(now):
            self._prompt.answer(answer.window, answer.name, answer.head, by="truth")
        return self._prompt.poll(now)

    def next_due(self) -> int | None:
        """As `odl.core.protocols.Labeller.next_due`."""
        return None if self._labels is None else self._labels.next_due()

    def given_up(self, answer: Answer | TakeBack) -> None:
        """As `odl.core.protocols.Notified.given_up`."""
        self._prompt.given_up(answer)


class Live:
    """A live session; `odl.live.open_live` makes it. Iterating runs it.

    Each event that passes is taken by the prompt and written to the recording before it is
    given out; an input comes before its outputs. A command is on the disk before anything
    comes of it here. Where nothing happens, Samples of no rows come.

    Attributes
    ----------
    prompt : odl.labels.prompt.Prompt
        Its questions, and how to answer them.
    session : odl.core.session.Session
        As the stream has made it so far.
    image : odl.core.image.Image
        What it started from.
    recording : pathlib.Path
        The file that is written.
    resumed : bool
        Whether it goes on with a recording.
    tally : odl.recording.resume.Tally
        What the whole recording holds so far.
    """

    def __init__(
        self,
        way: Way,
        prompt: Prompt,
        writer: Writer,
        labels: RecordedLabels | None,
        played: PlayedTruth | None,
        opened: ExitStack,
        *,
        port: str,
        seconds: float | None = None,
        before: Tally | None = None,
    ) -> None:
        self.prompt, self.recording, self.port = prompt, writer.path, port
        self._way, self._writer, self._played, self._opened = way, writer, played, opened
        self._labeller: Notified = Through(prompt, labels)
        self._said: deque[str] = deque()
        self._seconds = seconds
        self._state = ""
        self._began = self._ending = False
        self._first: int | None = None  # the first sample
        self._heard = time.monotonic()  # when something came last
        self._until: float | None = None  # when its end is waited for no longer
        self._whole = True  # whether all that came of the last input is written
        self.resumed, self.tally = before is not None, before or Tally()
        self._nothing = False  # whether nothing could be recorded
        self._events = self._run()
        try:
            writer.sync()
        except OSError:
            opened.close()
            if not self.resumed:
                writer.path.unlink(missing_ok=True)  # so that the same name can be given again
            raise

    @property
    def session(self) -> Session:
        """The session on this side."""
        return self._way.session

    @property
    def image(self) -> Image:
        """The model image that it started from."""
        return self.session.image

    @property
    def names(self) -> dict[int, str]:
        """Class ids and names as they are now."""
        return self.session.names

    @property
    def wait(self) -> float:
        """Seconds that a ``next`` may block where nothing comes."""
        return self._way.wait

    @wait.setter
    def wait(self, seconds: float) -> None:
        self._way.wait = seconds

    def status(self) -> LiveStatus:
        """How it stands."""
        own, session = self._way.standing(), self.session
        asks = session.config.policy != "none"
        windows = max(session.counts["windows"], self.tally.windows)  # a board's count begins anew
        left = session.config.allowed - session.issued_at(session.position) if asks else None
        return LiveStatus(
            state=self._state or own.state, port=self.port, rate=own.rate, declared=self.image.rate_hz,
            drift=own.drift, jitter=own.jitter, lost=own.lost, dropped=own.dropped, damaged=own.damaged,
            position=session.position, windows=windows, budget_left=left,
            compared=own.compared, skipped=own.skipped, differences=own.differences,
            recording=self.recording, problem=own.problem,
        )  # fmt: skip

    def say(self, sentence: str) -> None:
        """One more notice."""
        self._said.append(sentence)

    def notices(self) -> list[str]:
        """Sentences that a person should see, each once."""
        found = []
        for notices in (self._said, self._way.notices):
            while notices:
                found.append(notices.popleft())
        return found

    def __iter__(self) -> Iterator[Event]:
        return self._events

    def _run(self) -> Generator[Event]:
        self._began, self._heard = True, time.monotonic()
        ask_again(self.session, self._labeller)
        try:
            for event in self._way.events(self._labeller):
                if not isinstance(event, Output):
                    self._whole = True
                # A command belongs to its origin, and an Adopt the session has taken already.
                if isinstance(event, Samples | Gap | Truth) and self._ends():
                    break
                if isinstance(event, Samples) and not len(event.block):
                    yield event
                else:
                    self._heard = time.monotonic()
                    yield from self._pass(event)
        except CsvStreamError:
            self._nothing = self._first is None and not self.resumed
            raise
        finally:
            owed = self._way.end()
        for event in owed:
            yield from self._pass(event)
        self._whole = True
        self._state = "ended"
        if why := self._way.standing().useless:
            self._nothing = self._first is None and not self.resumed
            raise CsvStreamError(f"nothing could be recorded: {why}")

    def _ends(self) -> bool:
        """Whether to end here, between two steps: all that belongs to those before has been said."""
        if not self._ending:
            self._ending = self._is_played() or (
                self._seconds is not None and self._passed() >= self._seconds
            )
        if not self._ending:
            return False
        if self._until is None:
            self._until = time.monotonic() + PATIENCE
        return not self._way.awaits or time.monotonic() >= self._until

    def _is_played(self) -> bool:
        """Whether what is played has come to its end; its very last samples may have been lost."""
        left = NEAR if self._played is None else self._played.left
        over = left == 0 or (left < NEAR and time.monotonic() - self._heard > SILENT)
        if over:
            self.say("the recording has been played to its end")
        return over

    def _passed(self) -> float:
        """Seconds of the stream since its first sample; where nothing comes, the clock's."""
        samples = 0 if self._first is None else self.session.position - self._first
        return samples / self.image.rate_hz + time.monotonic() - self._heard

    def _pass(self, event: Event) -> Iterator[Event]:
        for each in (*(self._played.take(event) if self._played else ()), event):
            self.prompt.take(each)
            self._writer.write(each)
            self.tally.take(each)
            self._whole = False
            if self._first is None and isinstance(each, Samples):
                self._first = each.start
            if isinstance(each, Command):
                self._writer.sync()
            elif not isinstance(each, Origin):  # it goes with its command
                self._writer.flush()
            yield each

    def stop(self) -> None:
        """Let it end soon, after the step that is under way; from any thread, or a signal's handler."""
        self._ending = True
        if self.prompt.wake is not None:
            self.prompt.wake()

    def close(self) -> None:
        """End it: the recording gets its End, the line is closed. Closing again does nothing."""
        self._ending = True
        try:
            if self._began:  # what comes of the last input belongs to it, and answers that were given
                with suppress(CsvStreamError):
                    deque(self._events, 0)
            self._events.close()
            for truth in self._played.end() if self._played else ():
                self._writer.write(truth)
            self._played = None
            self._state = "ended"
        finally:
            with self._opened:
                if self._whole:
                    self._writer.close()
                else:
                    self._writer.leave()  # as if it had been cut: it can be gone on with
            if self._nothing:
                self._nothing = False
                self.recording.unlink(missing_ok=True)

    def __enter__(self) -> Live:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
