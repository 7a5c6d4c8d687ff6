"""Questions that wait for a person, whoever shows them."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from odl.events import (
    AddClass,
    Adopt,
    Dropped,
    Event,
    Gap,
    Label,
    Prediction,
    Query,
    Samples,
    Split,
    Undo,
    Why,
)
from odl.label.cards import Asking, Likely, Model, Place, Question, Recent, Said, tree_of
from odl.label.ledger import Ledger, Told
from odl.label.protocol import Answer, TakeBack
from odl.report.text import shown

_TAKE_BACKS = 8  # that may wait at a time
_TOLD, _KEPT = 50, 16
_NO_EFFECT = (Why.LATE, Why.REPEATED, Why.UNKNOWN, Why.NO_SUCH_CLASS)


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
        Way and, after a colon, pseudonym (see `odl.events.Origin`); 1 to 64 bytes.
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
    changed : int
        Grows with each change that a view shows; samples alone do not count.
    wake : callable or None
        Called, in the view's thread, when an answer waits for the loop.

    Examples
    --------
    >>> from odl.config import Config
    >>> from odl.data import model_bytes
    >>> from odl.nn.image import Image
    >>> from odl.session import Session
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
    nothing = "no question is open"

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
        self.changed = 0
        self.wake: Callable[[], None] | None = None
        self.channels, self.by = tuple(channels), by
        self.rate_hz = rate_hz or image.rate_hz
        self._session, self._image, self._clock, self._utc = session, image, clock, utc
        self._before = round(before * self.rate_hz)
        room = max(round(seconds * self.rate_hz), self._before + image.window + round(5 * self.rate_hz))
        self._lock = threading.RLock()
        self._recent = Recent(room)
        self._tree = tree_of(session)
        self._position = session.position
        self._stale = False  # whether the session has moved on in a way that only it can tell
        self._predictions: deque[Prediction] = deque(maxlen=8)
        self._open: dict[int, Question] = {}
        self._shown: dict[int, float] = {}  # when each was first on a screen
        self._kept: OrderedDict[int, Question] = OrderedDict()  # answered, may be reopened by an undo
        self._given: dict[int, Told] = {}  # answered here, on the way to the session
        self._out: deque[Answer | TakeBack] = deque()
        self._ledger = Ledger(_TOLD)
        self._no_undo = ""  # why the last thing done cannot be taken back
        self._sentence = ""
        for event in recent:
            self._passed(event)
        self._ledger.settle()
        self._position = session.position
        self._reconcile()

    # --- what views read --------------------------------------------------------------------

    @property
    def questions(self) -> tuple[Question, ...]:
        """Those that wait for an answer, the earliest window first."""
        with self._lock:
            return tuple(self._open[window] for window in sorted(self._open))

    @property
    def prediction(self) -> Prediction | None:
        """The newest."""
        with self._lock:
            return self._predictions[-1] if self._predictions else None

    @property
    def likely(self) -> tuple[Likely, ...]:
        """All classes, as the newest prediction has them."""
        with self._lock:
            return self._tree.likely(self.prediction)

    @property
    def path(self) -> tuple[str, ...]:
        """What the newest prediction says, from the root task down."""
        with self._lock:
            prediction = self.prediction
            return () if prediction is None else tuple(map(self._tree.name, prediction.path))

    @property
    def places(self) -> tuple[Place, ...]:
        """Where a new class can hang; empty if the model has no room for one."""
        with self._lock:
            return self._tree.places(self._image.max_rows, self._image.max_heads)

    @property
    def told(self) -> tuple[Told, ...]:
        """The last answers and what became of them, the newest first."""
        with self._lock:
            return (*reversed(self._given.values()), *reversed(self._ledger.entries))

    @property
    def sentence(self) -> str:
        """The last thing there was to say."""
        return self._sentence

    @property
    def previous(self) -> str | None:
        """The name that "same as before" gives, or None."""
        with self._lock:
            given = [told.name for told in self._given.values() if told.name is not None]
            return given[-1] if given else self._ledger.last

    @property
    def window(self) -> int:
        """Samples of a window."""
        return self._image.window

    @property
    def position(self) -> int:
        """Samples that have passed."""
        return self._position

    def left(self, question: Question) -> float:
        """Seconds until ``question`` expires, by the stream's own clock: the samples."""
        return max(0, question.expires - self._position) / self.rate_hz

    def about(self, question: Question) -> str:
        """What stands beside a question's title."""
        return f"{self.left(question):.0f} s left"

    def signal(self, seconds: float) -> tuple[int, NDArray[np.float32]]:
        """The stream's last ``seconds``: the first sample's index, and (n, channels) as in `Question`."""
        with self._lock:
            start = max(0, self._recent.end - round(seconds * self.rate_hz))
            return start, self._recent.excerpt(start, self._recent.end, self._scales())

    # --- what a person does -----------------------------------------------------------------

    def shown(self, window: int) -> None:
        """The question about ``window`` is on a screen now; only the first time counts."""
        with self._lock:
            if window in self._open:
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
        question = self._open.get(window)
        if question is None:
            return Said(False, self._why_closed(window))
        if self._position >= question.expires:
            return Said(False, "this question has expired")
        if name is not None:
            name = " ".join(name.split())
            if wrong := self._tree.wrong(name, head, leaf, self._image.max_rows, self._image.max_heads):
                return Said(False, wrong)
        began = self._shown.get(window, self._clock())
        took = min(max(0, round(1000 * (self._clock() - began))), 2**32 - 1)
        clock, by = round(1000 * self._utc()), by or self.by
        self._out.append(Answer(window, name, head, leaf, by, took, clock))
        sentence = "skipped" if name is None else f"'{shown(name)}' goes to the learner"
        self._given[window] = Told(window, name, "given", sentence, None, by, took, clock)
        self._close(window)
        self._no_undo = "a skip cannot be taken back" if name is None else ""
        return Said(True, sentence)

    def _why_closed(self, window: int) -> str:
        told = next((one for one in self.told if one.window == window), None)
        if told is None:
            return "there is no such question"
        return {"expired": "this question has expired", "skipped": "this question was skipped"}.get(
            told.state, "this question is answered already"
        )

    def _take_back(self, by: str | None) -> Said:
        last = self._out[-1] if self._out else None
        if isinstance(last, Answer):  # nobody has seen it yet
            self._out.pop()
            self._given.pop(last.window, None)
            self._no_undo = ""
            if last.window in self._kept:
                self._open[last.window] = self._kept.pop(last.window)
            return Said(True, "taken back before it was sent")
        if self._no_undo:
            why, self._no_undo, last_name = self._no_undo, "", self.previous
            return Said(False, f"{why}; once more takes back '{shown(last_name)}'" if last_name else why)
        if sum(isinstance(one, TakeBack) for one in self._out) >= _TAKE_BACKS:
            return Said(False, "wait until the answers taken back before are")
        self._out.append(TakeBack(by or self.by, 0, round(1000 * self._utc())))
        name = self.previous
        what = f"'{shown(name)}'" if name else "the answer given last"
        return Said(True, f"{what} is being taken back")

    def _wake(self, said: Said) -> None:
        if said.taken and self.wake is not None:
            self.wake()

    # --- what the loop does -----------------------------------------------------------------

    def ask(self, query: Query, now: int) -> None:
        """Show ``query``, issued at sample ``now``; asked twice it is one question."""
        with self._lock:
            self._settle()
            self._position = max(self._position, now)
            if query.window not in self._open and query.window not in self._given:
                self._show(query.window, query.expires)

    def poll(self, now: int) -> Iterable[Answer | TakeBack]:
        """The answers that people gave since, each once."""
        with self._lock:
            self._settle()
            out = list(self._out)
            self._out.clear()
        return out

    def next_due(self) -> None:
        """Nobody knows when people answer."""

    def take(self, event: Event) -> None:
        """``event`` has passed; an input is taken before its step, an output after it."""
        with self._lock:
            self._settle()
            said = self._ledger.sentence
            self._passed(event)
            if self._ledger.sentence is not said:
                self._say(self._ledger.sentence)

    def _passed(self, event: Event) -> None:
        self._ledger.take(event, self._tree.name)
        match event:
            case Samples(start, block):
                self._recent.add(start, block)
                self._position = start + len(block)
            case Gap(start, lost, _):
                self._position = start + lost
            case Adopt(start, lost, _):
                self._position, self._stale = start + lost, True
            case Prediction():
                self._predictions.append(event)
                self.changed += 1
            case Query(window, _, expires):
                if window not in self._open and window not in self._given:
                    self._show(window, expires)
            case AddClass() | Split() | Undo():
                self._stale = True
            case Label(_, window, _) | Dropped(_, window, _):
                self._settled(window, event)

    def _settled(self, window: int, event: Label | Dropped) -> None:
        """The session has an answer about ``window``, or wants none any more."""
        self._stale = True
        given = self._given.pop(window, None)
        if window in self._open and not (isinstance(event, Dropped) and event.why is Why.REPEATED):
            self._close(window)  # somebody else was quicker, the button perhaps; or it expired
        if isinstance(event, Label):
            if given is None:
                self._no_undo = ""
        elif event.why in _NO_EFFECT:
            self._no_undo = "the last answer had no effect"

    def _settle(self) -> None:
        """Look at the session again if something has happened that only it can tell."""
        if self._stale:
            self._stale = False
            self._tree = tree_of(self._session)
            for window, question in self._open.items():  # a class may be new: it comes last
                known = {one.name for one in question.likely}
                new = tuple(one for one in self._tree.likely(None) if one.name not in known)
                self._open[window] = replace(question, likely=question.likely + new) if new else question
            self._reconcile()

    def _reconcile(self) -> None:
        """The session's open questions are the open questions, answers on their way aside."""
        there = {one.window: one.expires for one in self._session.open_questions}
        for window in [window for window in self._open if window not in there]:
            self._close(window)
        for window, expires in there.items():
            if window not in self._open and window not in self._given:
                self._show(window, expires)

    def _show(self, window: int, expires: int) -> None:
        kept = self._kept.pop(window, None)
        if kept is None:
            said = next((p for p in reversed(self._predictions) if p.window == window), None)
            start = max(0, window - self._before)
            kept = Question(
                window, self._position, expires, self._tree.likely(said),
                () if said is None else tuple(map(self._tree.name, said.path)),
                start, self._recent.excerpt(start, window + self._image.window, self._scales()),
            )  # fmt: skip
        self._open[window] = kept
        self.changed += 1

    def _close(self, window: int) -> None:
        self._kept[window] = self._open.pop(window)
        self._shown.pop(window, None)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        self.changed += 1

    def _say(self, sentence: str) -> None:
        self._sentence = sentence
        self.changed += 1

    def _scales(self) -> tuple[float, ...]:
        return tuple(scale for _, _, scale in self.channels)
