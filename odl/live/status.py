"""The status of a live session, and the protocols by which views use sessions and prompts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from odl.core.events import Event
from odl.core.protocols import ClassEdit
from odl.labels.answer_log import AnswerEntry
from odl.labels.question import ClassChoice, Placement, Question, Reply


@dataclass(frozen=True, slots=True)
class LiveStatus:
    """State and figures of a live session; None where a value does not apply or is not known yet.

    A learning mode fills in what it knows of the source and of the twins; the session adds the rest.

    Attributes
    ----------
    state : str
        A few words, such as ``"connected"``.
    port : str
        The source of the samples.
    rate, declared : float
        Samples per second, measured and as the model expects.
    drift, jitter : float
        Of the device's clock against the host's, in ppm and in ms.
    lost, dropped, damaged : int
        Samples lost on the way, samples that the device dropped, damaged frames or lines.
    position, windows : int
        Samples and windows of the session so far.
    budget_left : int
        Questions that the policy may still ask in this period.
    compared, skipped, differences : int
        Windows of which host and board were compared, were not, and differed.
    recording : path
        The file that is written.
    truth : str
        The true class of the newest window; empty if it is not known.
    accuracy, scored : float, int
        The share of the newest windows with a truth that were right, and their number.
    problem : str
        What is wrong with the samples; empty if nothing is.
    """

    state: str
    port: str = ""
    rate: float | None = None
    declared: float = 0.0
    drift: float | None = None
    jitter: float | None = None
    lost: int = 0
    dropped: int = 0
    damaged: int = 0
    position: int = 0
    windows: int = 0
    budget_left: int | None = None
    compared: int | None = None
    skipped: int | None = None
    differences: int | None = None
    recording: Path | None = None
    truth: str = ""
    accuracy: float | None = None
    scored: int = 0
    problem: str = ""


class QuestionSource(Protocol):
    """Asks a person: `odl.labels.prompt.Prompt`, or `odl.labels.review.Review` of a recording.

    ``live`` is True for a session that runs. A view shows ``nothing`` where no question is open, and
    ``about(question)`` beside a question's title: the time left, or the answer that counts. ``truth`` is the
    true class of the newest window, or empty. ``held`` grows when the board's button was held: a view then
    asks what is done now. ``hidden`` are the classes that can be brought back, and ``home_of(name)`` is the
    place of a new class that the training knew.
    """

    wake: Callable[[], None] | None
    live: bool
    nothing: str
    by: str
    held: int
    rate_hz: float
    channels: tuple[tuple[str, str, float], ...]

    @property
    def changed(self) -> int: ...
    @property
    def questions(self) -> Sequence[Question]: ...
    @property
    def likely(self) -> Sequence[ClassChoice]: ...
    @property
    def path(self) -> Sequence[str]: ...
    @property
    def hidden(self) -> Sequence[ClassChoice]: ...
    @property
    def places(self) -> tuple[Placement, ...]: ...
    @property
    def answers(self) -> Sequence[AnswerEntry]: ...
    @property
    def sentence(self) -> str: ...
    @property
    def truth(self) -> str: ...
    @property
    def previous(self) -> str | None: ...
    @property
    def position(self) -> int: ...

    def home_of(self, name: str) -> Placement | None: ...

    def about(self, question: Question) -> str: ...

    def shown(self, window: int) -> None: ...

    def answer(
        self, window: int, name: str | None, head: int | None = 0, leaf: int | None = None,
        by: str | None = None, under: str | None = None,
    ) -> Reply: ...  # fmt: skip

    def skip(self, window: int, by: str | None = None) -> Reply: ...

    def same(self, window: int, by: str | None = None) -> Reply: ...

    def teach(
        self, name: str, head: int | None = 0, leaf: int | None = None, by: str | None = None,
        under: str | None = None,
    ) -> Reply: ...  # fmt: skip

    def edit_classes(self, edit: ClassEdit, under: str | None = None) -> Reply: ...

    def undo(self, by: str | None = None) -> Reply: ...

    def note(self, sentence: str) -> None: ...


class InteractiveSession(Protocol):
    """A session that a view runs by iterating over it, until the view ends.

    Each event that it yields has passed the prompt. ``notices`` returns each new sentence for the person once
    (a wrong rate, a board that restarted, a difference between learners); a view calls it from another
    thread than the one that iterates.
    """

    @property
    def prompt(self) -> QuestionSource: ...

    def __iter__(self) -> Iterator[Event]: ...

    def notices(self) -> list[str]: ...


class MonitoredSession(InteractiveSession, Protocol):
    """An interactive session with a status, which a view reads from another thread."""

    def status(self) -> LiveStatus: ...
