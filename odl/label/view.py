"""What a view of a live session reads: the port's state and figures, beside its prompt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from odl.events import Event
from odl.label.prompt import Prompt


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


class Live(Protocol):
    """A live session: iterating over it runs it and yields all that passes, each event already
    taken by the prompt; its end is the session's. ``notices`` gives each sentence since last
    asked (a wrong rate, a board that restarted, a difference between learners), once.
    """  # fmt: skip

    @property
    def prompt(self) -> Prompt: ...

    def __iter__(self) -> Iterator[Event]: ...

    def status(self) -> Status: ...

    def notices(self) -> list[str]: ...
