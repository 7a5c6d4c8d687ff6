"""The label prompt: open questions of a session for views, and a person's answers for the session."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from odl.core.clock import SYSTEM_CLOCK, Clock
from odl.core.events import Adopt, Event, Query
from odl.core.protocols import Answer, ClassEdit, Reaction, TakeBack, Taught
from odl.labels.answer_tracker import AnswerTracker
from odl.labels.in_flight import AnswerInFlight
from odl.labels.open_questions import OpenQuestions
from odl.labels.oracle import Truths
from odl.labels.prompt_view import PromptView
from odl.labels.question import AskingSession, PromptImage, Reply, tree_of

BUTTON: Final = "button"  # the origin of commands that a board's button gave
_ENTRIES = 50  # newest answers in the log


class Prompt(PromptView):
    """A labeller that asks people: it holds the open questions and passes answers to the session.

    The session's loop calls ``take`` with each event, ``ask``, ``poll`` and ``next_due``. Any view, in any
    thread, reads the properties and calls ``shown``, ``answer``, ``skip``, ``same``, ``teach`` and ``undo``.
    These return a sentence instead of raising an error for a person's mistake. Memory is bounded.

    Parameters
    ----------
    session : AskingSession
        The session that asks; read in the loop's thread only.
    image : PromptImage
        Window, rate and capacities of its model image.
    by : str
        Interface of the person and, after a colon, a pseudonym (`odl.core.events.Origin`); 1 to 64 bytes.
    channels : sequence of (name, unit, scale)
        ``scale`` is the value of a count in ``unit``; without channels signals are in counts.
    rate_hz : float, optional
        Samples per second; default: the image's.
    before, seconds : float
        Seconds of signal shown before what a question is about, and seconds of the stream to store at least.
    recent : iterable of events
        Newest events of a resumed session, for its plots and questions.
    homes : mapping of str to int, optional
        The class that each class of the training was under; a new one of that name goes there.
    clock : Clock
        Times how long a question was shown, and dates each answer.
    truth : Truths, optional
        The truth of a recorded person who is played; views show it, so that somebody else can answer.

    Attributes
    ----------
    wake : callable or None
        Called in the view's thread when an answer waits for the loop.
    held : int
        How often the board's button was held: views then ask what is done now.

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
    nothing = "no question is open; the next one appears here"

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
        truth: Truths | None = None,
        homes: Mapping[str, int] | None = None,
    ) -> None:
        if not 0 < len(by.encode("utf-8", "replace")) <= 64 or not by.isprintable():
            raise ValueError(f"{by!r} cannot name who answers: give 1 to 64 bytes of printable text")
        self.wake: Callable[[], None] | None = None
        self.held = 0
        self.channels, self.by = tuple(channels), by
        self.rate_hz = rate_hz or image.rate_hz
        self._image, self._clock, self._homes = image, clock, homes or {}
        self._lock = threading.RLock()
        self._answers = AnswerTracker(tree_of(session), keep=_ENTRIES, max_log=image.max_log)
        self._cards = OpenQuestions(
            session, image, self.channels, self.rate_hz, before=before, seconds=seconds,
            in_flight=self._answers.in_flight, truth=truth,
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

    # --- a person ---------------------------------------------------------------------------

    def shown(self, window: int) -> None:
        """Note that a view shows the question about ``window``; its answer time starts at the first call."""
        with self._lock:
            self._cards.shown(window, self._clock.monotonic())

    def answer(
        self, window: int, name: str | None, head: int | None = 0, leaf: int | None = None,
        by: str | None = None, under: str | None = None,
    ) -> Reply:  # fmt: skip
        """Answer with class ``name``, new or known (see `odl.core.protocols.Answer`); None is a skip.

        A new class goes where ``head`` and ``leaf`` say; with ``head`` None under the class called ``under``.
        Where that is not said either, the training's tree or the only task decides, or the reply asks.
        """
        with self._lock:
            said = self._answer(window, name, head, leaf, by, under)
            self._say(said.sentence)
        self._wake(said)
        return said

    def skip(self, window: int, by: str | None = None) -> Reply:
        """Leave the question unanswered."""
        return self.answer(window, None, by=by)

    def same(self, window: int, by: str | None = None) -> Reply:
        """Answer with the name of the last answer."""
        previous = self.previous
        if previous is None:
            self._say("there is no earlier answer to repeat")
            return Reply(False, self._sentence)
        return self.answer(window, previous, by=by)

    def teach(
        self, name: str, head: int | None = 0, leaf: int | None = None, by: str | None = None,
        under: str | None = None,
    ) -> Reply:  # fmt: skip
        """Say unasked that the stream is of class ``name``, new or known, since it last changed.

        This costs nothing of the budget. If the question about this stretch is open, it is answered. Where a
        new class goes is said as for `answer`.
        """
        with self._lock:
            name = " ".join(name.split())
            place = self._place(name, head, leaf, under)
            wrong = place if isinstance(place, str) else self._cards.wrong_name(name, *place)
            if wrong or isinstance(place, str):
                said = Reply(False, wrong)
            else:
                taught = Taught(name, *place, by or self.by, 0, round(1000 * self._clock.wall()))
                said = Reply(True, self._answers.add(taught))
            self._say(said.sentence)
        self._wake(said)
        return said

    def edit_classes(self, edit: ClassEdit, under: str | None = None) -> Reply:
        """Add, rename, merge or remove a class; one that is added goes under the class called ``under``."""
        with self._lock:
            name, into = (None if n is None else " ".join(n.split()) for n in (edit.name, edit.into))
            now = round(1000 * self._clock.wall())
            edit = edit._replace(name=name or "", into=into, by=edit.by or self.by, clock=now)
            place = self._place(edit.name, None, None, under) if edit.what == "add" else (0, None)
            if isinstance(place, str):
                said = Reply(False, place)
            else:
                edit = edit._replace(head=place[0], leaf=place[1])
                wrong = self._cards.wrong_edit(edit)
                back = edit.what == "add" and self._cards.tree.id_of(edit.name) is not None
                said = Reply(not wrong, wrong or self._answers.edit(edit, back))
            self._say(said.sentence)
        self._wake(said)
        return said

    def _place(
        self, name: str | None, head: int | None, leaf: int | None, under: str | None
    ) -> tuple[int, int | None] | str:
        """Task and leaf that a class goes under, or a sentence that asks for them."""
        known = name is None or self._cards.tree.id_of(name) is not None
        if known or head is not None or leaf is not None:
            return head or 0, leaf
        place = self.place_of(name or "", under)
        return place if isinstance(place, str) else (place.head, place.leaf)

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

    def _answer(
        self, window: int, name: str | None, head: int | None, leaf: int | None, by: str | None,
        under: str | None,
    ) -> Reply:  # fmt: skip
        if window not in self._cards:
            return Reply(False, self._answers.why_closed(window))
        name = None if name is None else " ".join(name.split())
        place = self._place(name, head, leaf, under)
        if isinstance(place, str):
            return Reply(False, place)
        if wrong := self._cards.wrong(window, name, *place):
            return Reply(False, wrong)
        took = min(
            max(0, round(1000 * self._cards.seconds_shown(window, self._clock.monotonic()))), 2**32 - 1
        )
        answer = Answer(window, name, *place, by or self.by, took, round(1000 * self._clock.wall()))
        sentence = self._answers.add(answer)
        self._cards.close(window)
        return Reply(True, sentence)

    def _wake(self, said: Reply) -> None:
        if said.taken and self.wake is not None:
            self.wake()

    # --- the loop ---------------------------------------------------------------------------

    def ask(self, query: Query, now: int) -> None:
        """Show ``query``, issued at sample ``now``; a repeated query is one question."""
        with self._lock:
            self._settle()
            self._cards.position = max(self.position, now)
            self._cards.show(query.window, query.expires, query.since)

    def poll(self, now: int) -> Iterable[Reaction]:
        """Return what waits for the session, each once."""
        with self._lock:
            self._settle()
            return self._answers.in_flight.send_all()

    def next_due(self) -> None:
        """Return None: nobody knows when people answer."""

    def send_oldest(self) -> AnswerInFlight | None:
        """Send the oldest answer in flight; for a board, which takes one at a time."""
        with self._lock:
            self._settle()
            return self._answers.in_flight.send_oldest()

    def taken(self, one: AnswerInFlight) -> None:
        """The board has received ``one``, with or without an echo."""
        with self._lock:
            self._answers.taken(one)

    def failed(self, one: AnswerInFlight) -> list[Reaction]:
        """Send ``one`` again after a failed attempt, or give it up; return those given up, newest first.

        The question of an answer that is given up is open again.
        """
        with self._lock:
            self._settle()
            given_up, sentence = self._answers.failed(one)
            self._cards.reconcile()
            if sentence:
                self._say(sentence)
            return given_up

    def take(self, event: Event) -> None:
        """Apply an input before its step, or an output after it."""
        with self._lock:
            self._settle()
            before = self._answers.log.sentence
            self._passed(event)
            if self._answers.log.sentence is not before:
                self._say(self._answers.log.sentence)

    def hold(self) -> None:
        """Note that a person held the board's button to say what is done now."""
        with self._lock:
            self.held += 1
            self._say("the board's button was held: what are you doing now?")

    def _settle(self) -> None:
        """Read the session again if an event may have changed its questions or answers."""
        self._cards.settle()
        if self._adopted:
            self._adopted = False
            self._adopt()

    def _adopt(self) -> None:
        open_windows = [one.window for one in self._session.open_questions]
        session = self._session
        self._answers.adopt(session.tree, open_windows, session.undoable, session.entries)

    def _passed(self, event: Event) -> None:
        ended = self._answers.take(event)
        self._cards.take(event)
        self._adopted |= isinstance(event, Adopt)
        if ended is not None and ended in self._cards:
            self._cards.close(ended)  # it expired, or someone else answered, perhaps with the button

    def _say(self, sentence: str) -> None:
        self._sentence = sentence
        self._sentences += 1
