"""A live session: it records its events as they arrive and passes them to a view."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from types import TracebackType
from typing import Final

from odl.core.adopted_state import new_history
from odl.core.clock import SYSTEM_CLOCK, Clock
from odl.core.events import Command, Event, Gap, Origin, Output, Prediction, Samples, Truth
from odl.core.history import SessionHistory
from odl.core.image import Image
from odl.core.session import Session
from odl.device.csv_stream import CsvStreamError
from odl.evaluate.unspent import unspent_note
from odl.labels.oracle import Oracle, Truths
from odl.labels.played_truth import PlayedTruth
from odl.labels.prompt import Prompt
from odl.labels.taught_session import TaughtSession
from odl.live.labeller import LiveLabeller
from odl.live.modes import LearningMode
from odl.live.recent_windows import RecentWindows
from odl.live.status import LiveStatus
from odl.model.profile_file import ProfileFile
from odl.policies.budget import Budget
from odl.recording import Writer

NEAR: Final = 64  # samples before the end of a played recording
SILENT: Final = 2.0  # seconds without a sample after which a recording this near its end is over
PATIENCE: Final = 5.0  # seconds for which a session that ends waits for pending outputs and answers
FLOOD: Final = 1000  # events in that time after which it does not wait: no board has so much to settle


class LiveSession(TaughtSession):
    """A live session; `odl.live.open_live` returns one, and iterating over it runs it.

    The prompt and the recording take each event before it is yielded; an input comes
    before its outputs. A command is on the disk before the host's session acts on it. While nothing
    happens, the session yields Samples of no rows.

    Attributes
    ----------
    prompt : odl.labels.prompt.Prompt
        The open questions, and the person's answers.
    session : odl.core.session.Session
        The session on the host.
    image : odl.core.image.Image
        The model image that it started from.
    recording : pathlib.Path
        The file that is written.
    resumed : bool
        True if it resumes a recording.
    history : odl.core.history.SessionHistory
        Questions and answers of the whole recording.
    recent : odl.live.recent_windows.RecentWindows
        The newest windows and, where the truth is known, the accuracy since the start or the resumption.
    """

    def __init__(
        self,
        mode: LearningMode,
        prompt: Prompt,
        writer: Writer,
        labels: Oracle | None,
        played: PlayedTruth | None,
        opened: ExitStack,
        *,
        port: str,
        clock: Clock = SYSTEM_CLOCK,
        seconds: float | None = None,
        before: SessionHistory | None = None,
        profile: ProfileFile | None = None,
        truth: Truths | None = None,
    ) -> None:
        self.prompt, self.recording, self.port, self._profile = prompt, writer.path, port, profile
        self._mode, self._writer, self._played, self._opened = mode, writer, played, opened
        self._known = self._log_figures()  # of the label log, when the profile was written
        self._labeller = LiveLabeller(prompt, labels)
        self._notices: deque[str] = deque()
        self._seconds, self._clock = seconds, clock
        self._state = ""
        self._began = self._ending = False
        self._first: int | None = None  # the first sample
        self._heard = self._clock.monotonic()  # time of the last event
        self._until: float | None = None  # time at which the end stops waiting for pending events
        self._rest = FLOOD  # events that the end still waits for
        self._whole = True  # all outputs of the last input are written
        self.resumed = before is not None
        self.history = before or new_history(self.session.image, self.session.config)
        self.recent = RecentWindows(self.image.window, self.image.hop, truth)
        self._useless = False  # nothing could be recorded
        self._events = self._run()
        mode.is_overdue = self._is_overdue
        try:
            writer.sync()
        except OSError:
            opened.close()
            if not self.resumed:
                writer.discard()  # so that the same name can be given again
            raise

    @property
    def session(self) -> Session:
        """The session on the host."""
        return self._mode.session

    @property
    def image(self) -> Image:
        """The model image that it started from."""
        return self.session.image

    @property
    def names(self) -> dict[int, str]:
        """Class ids and names now."""
        return self.session.names

    @property
    def wait(self) -> float:
        """Seconds that a ``next`` may block while no event arrives."""
        return self._mode.wait

    @wait.setter
    def wait(self, seconds: float) -> None:
        self._mode.wait = seconds

    def status(self) -> LiveStatus:
        """Return state and figures now; any thread may call this."""
        own, session = self._mode.status(), self.session
        asks = session.config.policy != "none"
        windows = max(session.counts["windows"], self.history.windows)  # a board's count restarts
        left = session.config.allowed - session.issued_at(session.position) if asks else None
        return replace(
            own, state=self._state or own.state, port=self.port, declared=self.image.rate_hz,
            position=session.position, windows=windows, budget_left=left, recording=self.recording,
            truth=self.prompt.truth, accuracy=self.recent.accuracy, scored=self.recent.scored,
        )  # fmt: skip

    def notify(self, sentence: str) -> None:
        """Add a notice for the person."""
        self._notices.append(sentence)

    def notices(self) -> list[str]:
        """Return the new sentences for the person, each once."""
        found = []
        for notices in (self._notices, self._mode.notices):
            while notices:
                found.append(notices.popleft())
        return found

    def __iter__(self) -> Iterator[Event]:
        return self._events

    def _run(self) -> Generator[Event]:
        self._began, self._heard = True, self._clock.monotonic()
        self._labeller.ask_open(self.session)
        try:
            for event in self._mode.events(self._labeller):
                if not isinstance(event, Output):
                    self._whole = True
                # Not between a command and its origin, nor at an Adopt, which the session has taken already.
                if isinstance(event, Samples | Gap | Truth) and self._ends():
                    break
                if isinstance(event, Samples) and not len(event.block):
                    yield event
                else:
                    self._heard = self._clock.monotonic()
                    yield from self._pass(event)
        except CsvStreamError:
            self._useless = self._first is None and not self.resumed
            raise
        finally:
            owed = self._mode.end()
        for event in owed:
            yield from self._pass(event)
        self._whole = True
        self._state = "ended"
        if left := self._unspent():
            self.notify(left)
        if why := self._mode.unusable:
            self._useless = self._first is None and not self.resumed
            raise CsvStreamError(f"nothing could be recorded: {why}")

    def _unspent(self) -> str:
        """One sentence about what is left of the budget."""
        config, history, position = self.session.config, self.history, self.session.position
        windows = self.status().windows
        had = position // self.image.hop  # as a session's length is counted before it begins
        counts = self.session.counts | {"queries": history.asked, "windows": had}
        budget = Budget(config.allowed, config.period, config.in_samples)
        return unspent_note(config, counts, budget.total(windows, position), position)

    def _ends(self) -> bool:
        """True if the session ends here, between two steps, with nothing pending or no time left."""
        if not self._ending:
            self._ending = self._is_played_out() or (
                self._seconds is not None and self._passed() >= self._seconds
            )
        if not self._ending:
            return False
        return not self._mode.pending or self._clock.monotonic() >= self._deadline()

    def _deadline(self) -> float:
        if self._until is None:
            self._until = self._clock.monotonic() + PATIENCE
        return self._until

    def _is_overdue(self) -> bool:
        """True if the session was to end long ago and its source goes on; called for each event of it."""
        if not self._ending:
            return False
        self._rest -= 1
        return self._rest < 0 or self._clock.monotonic() >= self._deadline()

    def _is_played_out(self) -> bool:
        """True at the end of a played recording; its very last samples may have been lost."""
        left = NEAR if self._played is None else self._played.left
        over = left == 0 or (left < NEAR and self._clock.monotonic() - self._heard > SILENT)
        if over:
            self.notify("the recording has been played to its end")
        return over

    def _passed(self) -> float:
        """Seconds of the stream since its first sample; where nothing comes, seconds of the clock."""
        samples = 0 if self._first is None else self.session.position - self._first
        return samples / self.image.rate_hz + self._clock.monotonic() - self._heard

    def _pass(self, event: Event) -> Iterator[Event]:
        for each in (*(self._played.take(event) if self._played else ()), event):
            self._keep_profile()  # on the disk before anybody is told that it was learned
            self.prompt.take(each)
            self._writer.write(each)
            self.history.take(each)
            self.recent.take(each, self.names if isinstance(each, Prediction) else {})
            self._whole = False
            if self._first is None and isinstance(each, Samples):
                self._first = each.start
            if isinstance(each, Command):
                self._writer.sync()
            elif not isinstance(each, Origin):  # its command flushes it
                self._writer.flush()
            yield each

    def _keep_profile(self) -> None:
        """Write the wearer's profile if the label log has changed, unless a board has lost labels."""
        if self._profile is None:
            return
        before, now = self._known, self._log_figures()
        self._known = now
        if before[0] - now[0] > sum(now[1:]) - sum(before[1:]):
            self.notify(f"{self._profile.path} stays as it is: the board has lost labels that it holds")
            self._profile = None
        elif now != before:
            self._profile.save(self.image, self.session.log)

    def _log_figures(self) -> tuple[int, int, int]:
        counts = self.session.counts
        return self.session.lessons, counts["undone"], counts["gave_way"]

    def stop(self) -> None:
        """End the session after the step that is under way; any thread or signal handler may call this."""
        self._ending = True
        if self.prompt.wake is not None:
            self.prompt.wake()

    def close(self) -> None:
        """Complete the recording and close the line; a second call does nothing."""
        self._ending = True
        try:
            if self._began:  # write the outputs of the last input, and answers on their way
                with suppress(CsvStreamError):
                    deque(self._events, 0)
                self._keep_profile()
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
                    self._writer.leave()  # without its end, so that it can be resumed
            if self._useless:
                self._useless = False
                self._writer.discard()

    def __enter__(self) -> LiveSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
