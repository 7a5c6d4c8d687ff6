"""Cards of a session's open questions, updated by the session's events."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from odl._text import clean
from odl.core.events import (
    AddClass,
    Adopt,
    ChangeClass,
    Dropped,
    Event,
    Gap,
    Label,
    Prediction,
    Query,
    Samples,
    Split,
    Teach,
    Undo,
)
from odl.core.protocols import ClassEdit
from odl.core.unknown import Rejection
from odl.labels.class_edit import wrong_edit
from odl.labels.in_flight import AnswersInFlight
from odl.labels.oracle import Truths
from odl.labels.question import AskingSession, ClassChoice, Placement, PromptImage, Question, Recent, tree_of
from odl.labels.stretch import LONGEST, first_shown

_CLOSED = 16  # cards of answered questions to store for an undo
_PREDICTIONS = 8  # newest predictions to store for cards


class OpenQuestions:
    """A card for each open question of ``session``, and the newest prediction.

    Not safe to use from two threads at once; `odl.labels.prompt.Prompt` holds a lock.

    Parameters
    ----------
    session, image, channels, rate_hz, before, seconds, truth
        As for `odl.labels.prompt.Prompt`.
    in_flight : AnswersInFlight
        A question whose answer is in flight has no card.

    Attributes
    ----------
    tree : ChoiceTree
        The current classes and tasks.
    position : int
        Samples so far.
    changed : int
        Grows with each change that a view shows; samples alone do not count.

    Examples
    --------
    >>> from odl.core.config import Config
    >>> from odl.data import model_bytes
    >>> from odl.core.image import Image
    >>> from odl.core.session import Session
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> session = Session(image, Config(mult=(1,) * 6, shift=(0,) * 6, offset=(0,) * 6))
    >>> cards = OpenQuestions(session, image, (), 50.0, before=4.0, seconds=10.0,
    ...                   in_flight=AnswersInFlight())
    >>> cards.take(Query(0, 9000, 500))
    >>> [(card.window, card.expires, card.likely[0].name) for card in cards.questions]
    [(0, 500, 'pendulum')]
    """

    def __init__(
        self, session: AskingSession, image: PromptImage, channels: Sequence[tuple[str, str, float]],
        rate_hz: float, *, before: float, seconds: float, in_flight: AnswersInFlight,
        truth: Truths | None = None,
    ) -> None:  # fmt: skip
        self.changed = 0
        self.tree = tree_of(session)
        self.position = session.position
        self._rejection = Rejection(image)
        self._session, self._image, self._in_flight, self._truth = session, image, in_flight, truth
        self._scales = tuple(scale for _, _, scale in channels)
        self._rate_hz, self._before = rate_hz, round(before * rate_hz)
        longest = max(image.window, round(LONGEST * rate_hz))
        room = max(round(seconds * rate_hz), self._before + longest + round(5 * rate_hz))
        self._recent = Recent(room)
        self._predictions: deque[Prediction] = deque(maxlen=_PREDICTIONS)
        self._open: dict[int, Question] = {}
        self._shown: dict[int, float] = {}  # when a view first showed each
        self._closed: OrderedDict[int, Question] = OrderedDict()
        self._stale = False  # True if the session has to be read again

    def __contains__(self, window: int) -> bool:
        return window in self._open

    @property
    def questions(self) -> tuple[Question, ...]:
        """The cards in window order."""
        return tuple(self._open[window] for window in sorted(self._open))

    @property
    def prediction(self) -> Prediction | None:
        """The newest prediction."""
        return self._predictions[-1] if self._predictions else None

    @property
    def likely(self) -> tuple[ClassChoice, ...]:
        """All classes, in the order of the newest prediction's scores."""
        return self.tree.likely(self.prediction)

    @property
    def path(self) -> tuple[str, ...]:
        """Class names of a held answer, else of the newest prediction, from the root task down.

        A single sentence where the prediction is unknown (`odl.core.unknown`).
        """
        newest = self.prediction
        if newest is not None and newest.held is not None:
            return self.tree.path(newest.held)
        return self._named(newest)

    def truth(self, window: int | None = None) -> str:
        """The true class of ``window``, by default that of the newest prediction; empty if unknown."""
        if window is None and self.prediction is not None:
            window = self.prediction.window
        if window is None or self._truth is None:
            return ""
        return self._truth.of(window, self._image.window) or ""

    @property
    def places(self) -> tuple[Placement, ...]:
        """Places for a new class in the tree; empty if the model has no room for one."""
        return self.tree.places(self._image.max_rows, self._image.max_heads)

    def wrong(self, window: int, name: str | None, head: int, leaf: int | None) -> str:
        """Why ``name``, new under task ``head`` or class ``leaf``, cannot be the answer; else empty."""
        if self.position >= self._open[window].expires:
            return "this question has expired"
        return "" if name is None else self.wrong_name(name, head, leaf)

    def wrong_name(self, name: str, head: int, leaf: int | None) -> str:
        """Why ``name``, new under task ``head`` or class ``leaf``, cannot be a label; else empty."""
        return self.tree.wrong(name, head, leaf, self._image.max_rows, self._image.max_heads)

    def wrong_edit(self, edit: ClassEdit) -> str:
        """Why the classes cannot be changed as ``edit`` says; else empty."""
        wrong = wrong_edit(self.tree, edit, self._image.max_rows, self._image.max_heads)
        if not wrong and edit.what == "rename" and self._in_flight.may_name(edit.into or ""):
            return f"wait until what was given before has arrived: it may call a class '{clean(edit.into)}'"
        return wrong

    def shown(self, window: int, now: float) -> None:
        """Note that a view shows the card of ``window`` at ``now`` seconds."""
        if window in self._open:
            self._shown.setdefault(window, now)

    def seconds_shown(self, window: int, now: float) -> float:
        """Seconds since a view first showed the card of ``window``; 0 if none did."""
        return now - self._shown.get(window, now)

    def signal(self, seconds: float) -> tuple[int, NDArray[np.float32]]:
        """The stream's last ``seconds``: the first sample's index, and (n, channels)."""
        start = max(0, self._recent.end - round(seconds * self._rate_hz))
        return start, self._recent.excerpt(start, self._recent.end, self._scales)

    def take(self, event: Event) -> None:
        """Apply an input before its step, or an output after it."""
        match event:
            case Samples(start, block):
                self._recent.add(start, block)
                self.position = start + len(block)
            case Gap(start, lost, _):
                self.position = start + lost
            case Adopt(start, lost, _):
                self.position, self._stale = start + lost, True
            case Prediction():
                self._predictions.append(event)
                self.changed += 1
            case Query(window, _, expires, since):
                self.show(window, expires, since)
            case AddClass() | Split() | ChangeClass() | Undo() | Label() | Teach() | Dropped():
                self._stale = True

    def settle(self) -> None:
        """Read the session again if an event may have changed its questions or classes."""
        if self._stale:
            self._stale = False
            self.tree = tree_of(self._session)
            self.reconcile()

    def reconcile(self) -> None:
        """Set the cards to the session's open questions without an answer in flight."""
        open_now = {one.window: one.expires for one in self._session.open_questions}
        for window in [window for window in self._open if window not in open_now]:
            self.close(window)
        for window, expires in open_now.items():
            self.show(window, expires)
        for window, question in self._open.items():  # new classes go to the end
            known, now = {one.name for one in question.likely}, self.tree.likely(None)
            new = tuple(one for one in now if one.name not in known)
            left = tuple(one for one in question.likely if one.name in {each.name for each in now})
            if new or len(left) < len(question.likely):
                self._open[window] = replace(question, likely=left + new)

    def show(self, window: int, expires: int, since: int | None = None) -> None:
        """Show a card for the question about ``window``, unless its answer is in flight.

        It is about everything from sample ``since`` on; where that is unknown, about the window.
        """
        if window in self._open or self._in_flight.about(window) is not None:
            return
        if not self.reopen(window):
            prediction = next((p for p in reversed(self._predictions) if p.window == window), None)
            size = self._image.window
            since = first_shown(window if since is None else since, window, size, self._rate_hz)
            start = max(0, since - self._before)
            signal = self._recent.excerpt(start, window + size, self._scales)
            likely, path = self.tree.likely(prediction), self._named(prediction)
            self._open[window] = Question(
                window, self.position, expires, since, likely, path, start, signal, self.truth(window),
                prediction is not None and self._rejection.is_unknown(prediction),
            )  # fmt: skip
            self.changed += 1

    def close(self, window: int) -> None:
        """Remove the card of ``window``: its question has an answer or has ended."""
        self._closed[window] = self._open.pop(window)
        self._shown.pop(window, None)
        while len(self._closed) > _CLOSED:
            self._closed.popitem(last=False)
        self.changed += 1

    def reopen(self, window: int) -> bool:
        """Show the card of ``window`` again; False if it is no longer stored."""
        if window not in self._closed:
            return False
        self._open[window] = self._closed.pop(window)
        self.changed += 1
        return True

    def _named(self, prediction: Prediction | None) -> tuple[str, ...]:
        if prediction is None:
            return ()
        path = tuple(map(self.tree.name, prediction.path))
        if self._rejection.is_unknown(prediction):
            return (f"unknown, perhaps something new; most like {path[-1]}",)
        return path
