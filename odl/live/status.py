"""What a view of a live session reads: the port's state and figures, beside its prompt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from odl.core.events import Event
from odl.labels.answer_log import Told
from odl.labels.question import Likely, Place, Question, Said


class Questions(Protocol):
    """What asks: `odl.labels.prompt.Prompt`, whose members these are, or a recording's questions.

    ``live`` tells the two apart, ``nothing`` is said where no question is open, and ``about``
    what stands beside a question's title: the time left, or what was answered.
    """

    wake: Callable[[], None] | None
    live: bool
    nothing: str
    by: str
    rate_hz: float
    channels: tuple[tuple[str, str, float], ...]

    @property
    def changed(self) -> int: ...
    @property
    def questions(self) -> Sequence[Question]: ...
    @property
    def likely(self) -> Sequence[Likely]: ...
    @property
    def path(self) -> Sequence[str]: ...
    @property
    def places(self) -> tuple[Place, ...]: ...
    @property
    def told(self) -> Sequence[Told]: ...
    @property
    def sentence(self) -> str: ...
    @property
    def previous(self) -> str | None: ...
    @property
    def position(self) -> int: ...

    def about(self, question: Question) -> str: ...

    def shown(self, window: int) -> None: ...

    def answer(
        self, window: int, name: str | None, head: int = 0, leaf: int | None = None, by: str | None = None
    ) -> Said: ...

    def skip(self, window: int, by: str | None = None) -> Said: ...

    def same(self, window: int, by: str | None = None) -> Said: ...

    def undo(self, by: str | None = None) -> Said: ...

    def note(self, sentence: str) -> None: ...


class Status(Protocol):
    """How a live session stands; None where something does not apply or is not known yet.

    ``state`` is a word or two (its ``str`` is shown), ``rate`` the measured rate in Hz beside the
    ``declared`` one, ``drift`` in ppm and ``jitter`` in ms of the device's clock against the
    host's; ``lost`` samples, ``dropped`` by the device itself, ``damaged`` frames or lines;
    ``compared``, ``skipped`` and ``differences`` are windows of two learners side by side.
    """

    @property
    def state(self) -> object: ...
    @property
    def port(self) -> str: ...
    @property
    def rate(self) -> float | None: ...
    @property
    def declared(self) -> float: ...
    @property
    def drift(self) -> float | None: ...
    @property
    def jitter(self) -> float | None: ...
    @property
    def lost(self) -> int: ...
    @property
    def dropped(self) -> int: ...
    @property
    def damaged(self) -> int: ...
    @property
    def position(self) -> int: ...
    @property
    def windows(self) -> int: ...
    @property
    def budget_left(self) -> int | None: ...
    @property
    def compared(self) -> int | None: ...
    @property
    def skipped(self) -> int | None: ...
    @property
    def differences(self) -> int | None: ...
    @property
    def recording(self) -> object: ...


class Driven(Protocol):
    """What a view drives: iterating over it runs it and yields all that passes, each event already
    taken by the prompt; its end is the view's. ``notices`` gives each sentence since last asked (a
    wrong rate, a board that restarted, a difference between learners), once, and is called from
    another thread than the iteration runs in.
    """  # fmt: skip

    @property
    def prompt(self) -> Questions: ...

    def __iter__(self) -> Iterator[Event]: ...

    def notices(self) -> list[str]: ...


class Live(Driven, Protocol):
    """A live session; ``status`` too is called from another thread."""

    def status(self) -> Status: ...
