"""The properties of a label prompt that views read, from any thread."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from odl.labels.answer_log import AnswerEntry
from odl.labels.answer_tracker import AnswerTracker
from odl.labels.in_flight import AnswersInFlight
from odl.labels.open_questions import OpenQuestions
from odl.labels.question import ClassChoice, Placement, PromptImage, Question


class PromptView:
    """Base of `odl.labels.prompt.Prompt`: open questions, answers and signal of a session."""

    rate_hz: float
    _image: PromptImage
    _homes: Mapping[str, int]
    _lock: threading.RLock
    _answers: AnswerTracker
    _cards: OpenQuestions
    _sentence: str
    _sentences: int

    @property
    def changed(self) -> int:
        """Grows with each change that a view shows; samples alone do not count."""
        return self._cards.changed + self._sentences

    @property
    def questions(self) -> tuple[Question, ...]:
        """The open questions, in window order."""
        with self._lock:
            return self._cards.questions

    @property
    def likely(self) -> tuple[ClassChoice, ...]:
        """All classes, in the order of the newest prediction's scores."""
        with self._lock:
            return self._cards.likely

    @property
    def path(self) -> tuple[str, ...]:
        """Class names of a held answer, else of the newest prediction, from the root task down."""
        with self._lock:
            return self._cards.path

    @property
    def truth(self) -> str:
        """The true class of the newest prediction's window; empty if it is not known."""
        with self._lock:
            return self._cards.truth()

    @property
    def hidden(self) -> tuple[ClassChoice, ...]:
        """The classes that were removed or merged and can be brought back."""
        with self._lock:
            return self._cards.tree.hidden

    @property
    def places(self) -> tuple[Placement, ...]:
        """Places for a new class in the tree; empty if the model has no room for one."""
        with self._lock:
            return self._cards.places

    @property
    def answers(self) -> tuple[AnswerEntry, ...]:
        """The last answers with their outcomes, the newest first."""
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
        """Samples so far."""
        return self._cards.position

    def left(self, question: Question) -> float:
        """Seconds until ``question`` expires, measured in samples of the stream."""
        return max(0, question.expires - self.position) / self.rate_hz

    def place_of(self, name: str, under: str | None = None) -> Placement | str:
        """Where a new class called ``name`` goes, or a sentence that asks under which class."""
        with self._lock:
            return self._cards.tree.place_of(name, under, self._homes, self._cards.places)

    def home_of(self, name: str) -> Placement | None:
        """The place of the new class ``name``, under the class that the training had it under, if it did."""
        place = self.place_of(name) if name in self._homes else None
        return place if isinstance(place, Placement) and place.under is not None else None

    def about(self, question: Question) -> str:
        """The text beside a question's title."""
        return f"{self.left(question):.0f} s left"

    def signal(self, seconds: float) -> tuple[int, NDArray[np.float32]]:
        """The stream's last ``seconds``: the first sample's index, and (n, channels) as in `Question`."""
        with self._lock:
            return self._cards.signal(seconds)
