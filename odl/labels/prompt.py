"""The open questions of a session, for views that show them, and a person's answers, for the session."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from odl.core.clock import SYSTEM_CLOCK, Clock
from odl.core.events import Adopt, Event, Query
from odl.core.protocols import Answer, TakeBack
from odl.labels.answer_log import AnswerEntry
from odl.labels.answer_tracker import AnswerTracker
from odl.labels.in_flight import AnswerInFlight, AnswersInFlight
from odl.labels.open_questions import OpenQuestions
from odl.labels.question import AskingSession, ClassChoice, Placement, PromptImage, Question, Reply, tree_of

_ENTRIES = 50  # answers whose outcome is remembered


class Prompt:
    """A labeller that asks people: it holds the open questions and passes answers to the session.

    The session's loop calls ``take`` with each event, ``ask``, ``poll`` and ``next_due``. Any view, in any
    thread, reads the properties and calls ``shown``, ``answer``, ``skip``, ``same`` and ``undo``. These never
    raise an error for what a person does, but return a sentence. Memory is bounded.

    Parameters
    ----------
    session : AskingSession
        The session that asks; read in the loop's thread only.
    image : PromptImage
        Window, rate and capacities of its model image.
    by : str
        How the person answers and, after a colon, a pseudonym (`odl.core.events.Origin`); 1 to 64 bytes.
    channels : sequence of (name, unit, scale)
        Name, unit and size of a count; without them signals are in counts.
    rate_hz : float, optional
        Samples per second; default: the image's.
    before, seconds : float
        Seconds of signal shown before a question's window, and stored of the stream.
    recent : iterable of events
        The last events before, for plots and questions of a resumed session.
    clock : Clock
        Times how long a question was shown, and dates each answer.

    Attributes
    ----------
    wake : callable or None
        Called in the view's thread when an answer waits for the loop.

    Examples
    --------
    >>> from odl.core.config import Config
    >>> from odl.data import model_bytes
    >>> from odl.core.image import Image
    >>> from odl.core.session import Session
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> session = Session(image, Config(mult=(1,) * 6, shift=(0,) * 6, offset=(0,) * 6))
    >>> prompt = Prompt(session, image, by="terminal")
    >>> prompt.ask(Query(0, 9000, 500), now=128)
    >>> [one.name for one in prompt.questions[0].likely][:2]
    ['pendulum', 'abduction']
    >>> prompt.answer(0, "wave").sentence
    "'wave' goes to the learner"
    >>> [(answer.name, answer.by) for answer in prompt.poll(130)]
    [('wave', 'terminal')]
    """

    live = True
    nothing = "no question is open; one appears here when the model is unsure of a window"

    def __init__(
        self,
        session: AskingSession,
        image: PromptImage,
        *,
        by: str,
        channels: Sequence[tuple[str, str, float]] = (),
        rate_hz: float | None = None,
        before: float = 4.0,
        seconds: float = 10.0,
        recent: Iterable[Event] = (),
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        if not 0 < len(by.encode("utf-8", "replace")) <= 64 or not by.isprintable():
            raise ValueError(f"{by!r} cannot stand for who answers: give 1 to 64 bytes of printable text")
        self.wake: Callable[[], None] | None = None
        self.channels, self.by = tuple(channels), by
        self.rate_hz = rate_hz or image.rate_hz
        self._image, self._clock = image, clock
        self._lock = threading.RLock()
        self._answers = AnswerTracker(tree_of(session), keep=_ENTRIES)
        self._cards = OpenQuestions(
            session, image, self.channels, self.rate_hz, before=before, seconds=seconds,
            in_flight=self._answers.in_flight,
        )  # fmt: skip
        self._session, self._adopted = session, False
        self._sentence = ""
        self._sentences = 0
        for event in recent:
            self._passed(event)
        self._answers.log.settle()
        self._cards.position = session.position
        self._cards.reconcile()
        self._adopt()

    # --- for views --------------------------------------------------------------------------

    @property
    def changed(self) -> int:
        """Grows with each change that a view shows; samples alone do not count."""
        return self._cards.changed + self._sentences

    @property
    def questions(self) -> tuple[Question, ...]:
        """The questions that wait for an answer, the earliest window first."""
        with self._lock:
            return self._cards.questions

    @property
    def likely(self) -> tuple[ClassChoice, ...]:
        """All classes, in the order of the newest prediction's scores."""
        with self._lock:
            return self._cards.likely

    @property
    def path(self) -> tuple[str, ...]:
        """Class names of the newest prediction, from the root task down."""
        with self._lock:
            return self._cards.path

    @property
    def places(self) -> tuple[Placement, ...]:
        """Places for a new class in the tree; empty if the model has no room for one."""
        with self._lock:
            return self._cards.places

    @property
    def answers(self) -> tuple[AnswerEntry, ...]:
        """The last answers and what became of them, the newest first."""
        with self._lock:
            return self._answers.entries

    @property
    def sentence(self) -> str:
        """The newest sentence for the person."""
        return self._sentence

    @property
    def previous(self) -> str | None:
        """The name that `same` answers with, or None."""
        with self._lock:
            return self._answers.previous

    @property
    def in_flight(self) -> AnswersInFlight:
        """The answers and undos that the session does not have yet."""
        return self._answers.in_flight

    @property
    def window(self) -> int:
        """Samples of a window."""
        return self._image.window

    @property
    def position(self) -> int:
        """Samples that have passed."""
        return self._cards.position

    def left(self, question: Question) -> float:
        """Seconds until ``question`` expires, by the stream's own clock: the samples."""
        return max(0, question.expires - self.position) / self.rate_hz

    def about(self, question: Question) -> str:
        """The text beside a question's title."""
        return f"{self.left(question):.0f} s left"

    def signal(self, seconds: float) -> tuple[int, NDArray[np.float32]]:
        """The stream's last ``seconds``: the first sample's index, and (n, channels) as in `Question`."""
        with self._lock:
            return self._cards.signal(seconds)

    # --- a person ---------------------------------------------------------------------------

    def shown(self, window: int) -> None:
        """A view shows the question about ``window``; the time to answer counts from the first call."""
        with self._lock:
            self._cards.shown(window, self._clock.monotonic())

    def answer(
        self, window: int, name: str | None, head: int = 0, leaf: int | None = None, by: str | None = None
    ) -> Reply:
        """Answer that the window is of class ``name``, new or known (`Answer`); None is a skip."""
        with self._lock:
            said = self._answer(window, name, head, leaf, by)
            self._say(said.sentence)
        self._wake(said)
        return said

    def skip(self, window: int, by: str | None = None) -> Reply:
        """Leave the question unanswered."""
        return self.answer(window, None, by=by)

    def same(self, window: int, by: str | None = None) -> Reply:
        """Give the last answer again."""
        previous = self.previous
        if previous is None:
            self._say("there is no answer yet to give again")
            return Reply(False, self._sentence)
        return self.answer(window, previous, by=by)

    def undo(self, by: str | None = None) -> Reply:
        """Take back the last answer, also if it has been learned."""
        with self._lock:
            undo = TakeBack(by or self.by, 0, round(1000 * self._clock.wall()))
            said, window = self._answers.undo(undo)
            if window is not None:
                self._cards.reopen(window)
            self._say(said.sentence)
        self._wake(said)
        return said

    def note(self, sentence: str) -> None:
        """Show ``sentence`` to the person."""
        with self._lock:
            self._say(sentence)

    def _answer(self, window: int, name: str | None, head: int, leaf: int | None, by: str | None) -> Reply:
        if window not in self._cards:
            return Reply(False, self._answers.why_closed(window))
        name = None if name is None else " ".join(name.split())
        if wrong := self._cards.wrong(window, name, head, leaf):
            return Reply(False, wrong)
        took = min(
            max(0, round(1000 * self._cards.seconds_shown(window, self._clock.monotonic()))), 2**32 - 1
        )
        answer = Answer(window, name, head, leaf, by or self.by, took, round(1000 * self._clock.wall()))
        sentence = self._answers.add(answer)
        self._cards.close(window)
        return Reply(True, sentence)

    def _wake(self, said: Reply) -> None:
        if said.taken and self.wake is not None:
            self.wake()

    # --- the loop ---------------------------------------------------------------------------

    def ask(self, query: Query, now: int) -> None:
        """Show ``query``, issued at sample ``now``; asked twice it is one question."""
        with self._lock:
            self._settle()
            self._cards.position = max(self.position, now)
            self._cards.show(query.window, query.expires)

    def poll(self, now: int) -> Iterable[Answer | TakeBack]:
        """The answers that wait, each once."""
        with self._lock:
            self._settle()
            return self._answers.in_flight.send_all()

    def next_due(self) -> None:
        """Nobody knows when people answer."""

    def send_oldest(self) -> AnswerInFlight | None:
        """The oldest answer that the session does not have: for a board, which takes one at a time."""
        with self._lock:
            self._settle()
            return self._answers.in_flight.send_oldest()

    def taken(self, one: AnswerInFlight) -> None:
        """The board has ``one``, whether its echo was heard or not."""
        with self._lock:
            self._answers.taken(one)

    def failed(self, one: AnswerInFlight) -> list[Answer | TakeBack]:
        """The board did not take ``one``: it is sent again or given up; those given up, the newest first.

        The question of an answer that is given up waits again.
        """
        with self._lock:
            self._settle()
            given_up, sentence = self._answers.failed(one)
            self._cards.reconcile()
            if sentence:
                self._say(sentence)
            return given_up

    def take(self, event: Event) -> None:
        """Follow ``event``: an input before its step, an output after it."""
        with self._lock:
            self._settle()
            before = self._answers.log.sentence
            self._passed(event)
            if self._answers.log.sentence is not before:
                self._say(self._answers.log.sentence)

    def _settle(self) -> None:
        """Read the session again where an event may have changed its questions or answers."""
        self._cards.settle()
        if self._adopted:
            self._adopted = False
            self._adopt()

    def _adopt(self) -> None:
        open_windows = [one.window for one in self._session.open_questions]
        self._answers.adopt(self._cards.tree, open_windows, self._session.answers)

    def _passed(self, event: Event) -> None:
        ended = self._answers.take(event)
        self._cards.take(event)
        self._adopted |= isinstance(event, Adopt)
        if ended is not None and ended in self._cards:
            self._cards.close(ended)  # somebody else was quicker, the button perhaps; or it expired

    def _say(self, sentence: str) -> None:
        self._sentence = sentence
        self._sentences += 1
