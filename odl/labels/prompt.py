"""Questions that wait for a person, whoever shows them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from odl._text import clean
from odl.core.answer_records import REFUSALS
from odl.core.events import (
    AddClass,
    Adopt,
    Dropped,
    Event,
    Label,
    Origin,
    Prediction,
    Query,
    Split,
    Undo,
    Why,
)
from odl.core.history import SessionHistory
from odl.core.protocols import Answer, TakeBack
from odl.labels.answer_log import AnswerEntry, AnswerLog
from odl.labels.in_flight import AnswerInFlight, AnswersInFlight, AnswerState
from odl.labels.open_questions import OpenQuestions
from odl.labels.question import Asking, Likely, Model, Place, Question, Said

_UNDOS = 8  # that may wait at a time
_TOLD = 50  # answers whose outcome is remembered


class Prompt:
    """A labeller for people: keeps the open questions, hands their answers to the loop.

    The loop calls ``take`` with all that passes, ``ask``, ``poll`` and ``next_due``. Any view in
    any thread reads the properties and calls ``shown``, ``answer``, ``skip``, ``same`` and
    ``undo``; these never raise over what a person did, they say it. Memory is bounded.

    Parameters
    ----------
    session : Asking
        Whose questions these are; read from the loop's thread only.
    image : Model
        Its window, rate and capacities.
    by : str
        Way and, after a colon, pseudonym (see `odl.core.events.Origin`); 1 to 64 bytes.
    channels : sequence of (name, unit, scale)
        What a count is; without it signals are in counts.
    rate_hz : float, optional
        Samples a second; default: the image's.
    before, seconds : float
        Seconds shown before a question's window, and kept of the stream.
    recent : iterable of events
        The last that passed before, for plots and questions of a session that goes on.
    clock, utc : callable
        Seconds, steady and since 1970.

    Attributes
    ----------
    wake : callable or None
        Called, in the view's thread, when an answer waits for the loop.

    Examples
    --------
    >>> from odl.core.config import Config
    >>> from odl.data import model_bytes
    >>> from odl.core.image import Image
    >>> from odl.core.session import Session
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> session = Session(image, Config(mult=(1,) * 6, shift=(0,) * 6, offset=(0,) * 6))
    >>> prompt = Prompt(session, image, by="terminal", clock=lambda: 7.0, utc=lambda: 1.5)
    >>> prompt.ask(Query(0, 9000, 500), now=128)
    >>> [one.name for one in prompt.questions[0].likely][:2]
    ['pendulum', 'abduction']
    >>> prompt.answer(0, "wave").sentence
    "'wave' goes to the learner"
    >>> list(prompt.poll(130))
    [Answer(window=0, name='wave', head=0, leaf=None, by='terminal', took=0, clock=1500)]
    >>> prompt.answer(0, "wave")
    Said(taken=False, sentence='this question is answered already')
    """

    live = True
    nothing = "no question is open; one appears here when the model is unsure of a window"

    def __init__(
        self,
        session: Asking,
        image: Model,
        *,
        by: str,
        channels: Sequence[tuple[str, str, float]] = (),
        rate_hz: float | None = None,
        before: float = 4.0,
        seconds: float = 10.0,
        recent: Iterable[Event] = (),
        clock: Callable[[], float] = time.monotonic,
        utc: Callable[[], float] = time.time,
    ) -> None:
        if not 0 < len(by.encode("utf-8", "replace")) <= 64 or not by.isprintable():
            raise ValueError(f"{by!r} cannot stand for who answers: give 1 to 64 bytes of printable text")
        self.wake: Callable[[], None] | None = None
        self.channels, self.by = tuple(channels), by
        self.rate_hz = rate_hz or image.rate_hz
        self._image, self._clock, self._utc = image, clock, utc
        self._lock = threading.RLock()
        self.in_flight = AnswersInFlight()
        self._cards = OpenQuestions(
            session, image, self.channels, self.rate_hz, before=before, seconds=seconds,
            in_flight=self.in_flight,
        )  # fmt: skip
        self._shown: dict[int, float] = {}  # when each was first on a screen
        self._session, self._adopted = session, False
        self._log = AnswerLog(SessionHistory(self._cards.tree, keep=_TOLD))
        self._no_undo = ""  # why the last thing done cannot be taken back
        self._sentence = ""
        self._sentences = 0
        for event in recent:
            self._passed(event)
        self._log.settle()
        self._cards.position = session.position
        self._cards.reconcile()
        self._adopt()

    # --- what views read --------------------------------------------------------------------

    @property
    def changed(self) -> int:
        """Grows with each change that a view shows; samples alone do not count."""
        return self._cards.changed + self._sentences

    @property
    def questions(self) -> tuple[Question, ...]:
        """Those that wait for an answer, the earliest window first."""
        with self._lock:
            return self._cards.questions

    @property
    def prediction(self) -> Prediction | None:
        """The newest."""
        with self._lock:
            return self._cards.prediction

    @property
    def likely(self) -> tuple[Likely, ...]:
        """All classes, as the newest prediction has them."""
        with self._lock:
            return self._cards.likely

    @property
    def path(self) -> tuple[str, ...]:
        """What the newest prediction says, from the root task down."""
        with self._lock:
            return self._cards.path

    @property
    def places(self) -> tuple[Place, ...]:
        """Where a new class can hang; empty if the model has no room for one."""
        with self._lock:
            return self._cards.places

    @property
    def told(self) -> tuple[AnswerEntry, ...]:
        """The last answers and what became of them, the newest first."""
        with self._lock:
            return (*map(_on_its_way, self.in_flight.awaited()), *reversed(self._log.entries))

    @property
    def sentence(self) -> str:
        """The last thing there was to say."""
        return self._sentence

    @property
    def previous(self) -> str | None:
        """The name that "same as before" gives, or None."""
        with self._lock:
            names = self.in_flight.names_after(self._log.names)
            return names[-1] if names else None

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
        """What stands beside a question's title."""
        return f"{self.left(question):.0f} s left"

    def signal(self, seconds: float) -> tuple[int, NDArray[np.float32]]:
        """The stream's last ``seconds``: the first sample's index, and (n, channels) as in `Question`."""
        with self._lock:
            return self._cards.signal(seconds)

    # --- what a person does -----------------------------------------------------------------

    def shown(self, window: int) -> None:
        """The question about ``window`` is on a screen now; only the first time counts."""
        with self._lock:
            if window in self._cards:
                self._shown.setdefault(window, self._clock())

    def answer(
        self, window: int, name: str | None, head: int = 0, leaf: int | None = None, by: str | None = None
    ) -> Said:
        """The window is of class ``name``, new or known (see `Answer`); None is a skip."""
        with self._lock:
            said = self._answer(window, name, head, leaf, by)
            self._say(said.sentence)
        self._wake(said)
        return said

    def skip(self, window: int, by: str | None = None) -> Said:
        """The person does not want to answer."""
        return self.answer(window, None, by=by)

    def same(self, window: int, by: str | None = None) -> Said:
        """The same answer as the last one."""
        previous = self.previous
        if previous is None:
            self._say("there is no answer yet to give again")
            return Said(False, self._sentence)
        return self.answer(window, previous, by=by)

    def undo(self, by: str | None = None) -> Said:
        """Take back the answer given last, also if it has been learned from."""
        with self._lock:
            said = self._take_back(by)
            self._say(said.sentence)
        self._wake(said)
        return said

    def note(self, sentence: str) -> None:
        """Something else that a person should read: a view shows it as it does ``sentence``."""
        with self._lock:
            self._say(sentence)

    def _answer(self, window: int, name: str | None, head: int, leaf: int | None, by: str | None) -> Said:
        question = next((one for one in self._cards.questions if one.window == window), None)
        if question is None:
            return Said(False, self._why_closed(window))
        if self.position >= question.expires:
            return Said(False, "this question has expired")
        if name is not None:
            name = " ".join(name.split())
            if wrong := self._cards.wrong(name, head, leaf):
                return Said(False, wrong)
        began = self._shown.get(window, self._clock())
        took = min(max(0, round(1000 * (self._clock() - began))), 2**32 - 1)
        clock, by = round(1000 * self._utc()), by or self.by
        answer = Answer(window, name, head, leaf, by, took, clock)
        self.in_flight.add(answer)
        self._close(window)
        self._no_undo = "a skip cannot be taken back" if name is None else ""
        return Said(True, _on_its_way(answer).sentence)

    def _why_closed(self, window: int) -> str:
        told = next((one for one in self.told if one.window == window), None)
        if told is None:
            return "there is no such question"
        return {"expired": "this question has expired", "skipped": "this question was skipped"}.get(
            told.state, "this question is answered already"
        )

    def _take_back(self, by: str | None) -> Said:
        unsent = self.in_flight.take_back_unsent()
        if unsent is not None:
            self._no_undo = ""
            if isinstance(unsent.answer, Answer) and not unsent.overtaken:
                self._cards.reopen(unsent.answer.window)
            return Said(True, "taken back before it was sent")
        if self._no_undo:
            why, self._no_undo, last_name = self._no_undo, "", self.previous
            return Said(False, f"{why}; once more takes back '{clean(last_name)}'" if last_name else why)
        if self.in_flight.unsent_undos >= _UNDOS:
            return Said(False, "wait until the answers taken back before are")
        name = self.previous
        self.in_flight.add(TakeBack(by or self.by, 0, round(1000 * self._utc())))
        what = f"'{clean(name)}'" if name else "the answer given last"
        return Said(True, f"{what} is being taken back")

    def _wake(self, said: Said) -> None:
        if said.taken and self.wake is not None:
            self.wake()

    # --- what the loop does -----------------------------------------------------------------

    def ask(self, query: Query, now: int) -> None:
        """Show ``query``, issued at sample ``now``; asked twice it is one question."""
        with self._lock:
            self._settle()
            self._cards.position = max(self.position, now)
            self._cards.show(query.window, query.expires)

    def poll(self, now: int) -> Iterable[Answer | TakeBack]:
        """The answers that people gave since, each once."""
        with self._lock:
            self._settle()
            return self.in_flight.send_all()

    def next_due(self) -> None:
        """Nobody knows when people answer."""

    def send_oldest(self) -> AnswerInFlight | None:
        """The oldest answer that the session does not have: for a board, which takes one at a time."""
        with self._lock:
            self._settle()
            return self.in_flight.send_oldest()

    def taken(self, one: AnswerInFlight) -> None:
        """The board has ``one``, whether its echo was heard or not."""
        with self._lock:
            if one.state is AnswerState.GIVEN_UP and isinstance(one.answer, Answer):  # that was not true
                self._log.remove(_given_up(one.answer))
            self.in_flight.take(one)

    def failed(self, one: AnswerInFlight) -> list[Answer | TakeBack]:
        """The board did not take ``one``: it is sent again or given up; those given up, the newest first.

        The question of an answer that is given up waits again.
        """
        with self._lock:
            self._settle()
            newest = self.in_flight.newest
            lost = self.in_flight.fail(one)
            if one in lost and not one.overtaken:
                self._give_up(one.answer, newest is lost[0])
            return [each.answer for each in lost]

    def _give_up(self, answer: Answer | TakeBack, was_newest: bool) -> None:
        if isinstance(answer, TakeBack):
            self._say("the undo did not reach the board, so nothing was taken back")
            return
        told = _given_up(answer)
        self._log.add(told)
        self._cards.reconcile()
        if was_newest:
            self._no_undo = "the last answer had no effect"
        self._say(told.sentence)

    def take(self, event: Event) -> None:
        """``event`` has passed; an input is taken before its step, an output after it."""
        with self._lock:
            self._settle()
            said = self._log.sentence
            self._passed(event)
            if self._log.sentence is not said:
                self._say(self._log.sentence)

    def _settle(self) -> None:
        """Look at the session again where something has happened that only it can tell."""
        self._cards.settle()
        if self._adopted:
            self._adopted = False
            self._adopt()

    def _adopt(self) -> None:
        """The session's answers are those that an undo takes, whoever gave them meanwhile."""
        self.in_flight.adopt(one.window for one in self._session.open_questions)
        self._log.adopt(self._cards.tree, self._session.answers)

    def _passed(self, event: Event) -> None:
        self._log.take(event)
        self._cards.take(event)
        match event:
            case Label() | Undo() | AddClass() | Split():
                ours = self.in_flight.take_command(
                    event, self._log.history.origin or Origin(event.at, "", 0, 0)
                )
                if isinstance(event, Label):
                    self._question_ended(event.window)
                    self._no_undo = self._no_undo if ours else ""
            case Dropped(_, window, why):
                if why is Why.REPEATED:
                    self.in_flight.overtake(window)
                else:
                    self._question_ended(window)
                if why in REFUSALS:
                    self._no_undo = "the last answer had no effect"
            case Adopt():
                self._adopted = True

    def _question_ended(self, window: int) -> None:
        self.in_flight.overtake(window)
        if window in self._cards:  # somebody else was quicker, the button perhaps; or it expired
            self._close(window)

    def _close(self, window: int) -> None:
        self._cards.close(window)
        self._shown.pop(window, None)

    def _say(self, sentence: str) -> None:
        self._sentence = sentence
        self._sentences += 1


def _on_its_way(answer: Answer) -> AnswerEntry:
    window, name = answer.window, answer.name
    sentence = "skipped" if name is None else f"'{clean(name)}' goes to the learner"
    return AnswerEntry(window, name, "given", sentence, None, answer.by, answer.took, answer.clock)


def _given_up(answer: Answer) -> AnswerEntry:
    what = "the skip" if answer.name is None else f"'{clean(answer.name)}'"
    sentence = f"{what} did not reach the board, so nothing was learned"
    return replace(_on_its_way(answer), state="refused", sentence=sentence)
