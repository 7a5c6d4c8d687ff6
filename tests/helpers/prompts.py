"""A live session for tests: a real session, its prompt and a source that is fed by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from odl.core.events import Event, Input, Samples
from odl.core.loop import drive
from odl.core.session import Session
from odl.labels.oracle import Truths
from odl.labels.prompt import Prompt
from odl.live.status import LiveStatus
from tests.helpers.streams import CHANNELS, IMAGE, config, samples
from tests.helpers.virtual_clock import VirtualClock

RAW = samples(3, 4096)
NOTHING = np.zeros((0, CHANNELS), np.int16)


class PromptHarness:
    """A session that is driven piece by piece, as a live one is, with a prompt."""

    def __init__(
        self, image: Any = IMAGE, by: str = "terminal", truth: Truths | None = None,
        homes: dict[str, int] | None = None, **settings: Any,
    ) -> None:  # fmt: skip
        chosen: dict[str, Any] = {"policy": "periodic", "allowed": 30, "horizon": 60, "batch": 1} | settings
        self.session = Session(image, config(**chosen))
        self.clock = VirtualClock(tick=0.0)
        self.prompt = Prompt(self.session, image, by=by, clock=self.clock, truth=truth, homes=homes)
        self.events: list[Event] = []
        self._given: list[Input] = []
        self._loop = drive(self.session, self._source(), self.prompt)

    def _source(self) -> Iterator[Input]:
        while True:
            yield self._given.pop(0)

    def put(self, *inputs: Input) -> list[Event]:
        """Pass ``inputs`` and then an empty block; what passed, that block left out."""
        self._given += [*inputs, Samples(-1, NOTHING)]
        passed: list[Event] = []
        for event in self._loop:
            if isinstance(event, Samples) and not len(event.block):
                break
            self.prompt.take(event)
            passed.append(event)
        self.prompt.take(Samples(self.session.position, NOTHING))
        self.events += passed
        return passed

    def run(self, n: int) -> list[Event]:
        """``n`` further samples."""
        at = self.session.position
        return self.put(Samples(at, RAW.take(np.arange(at, at + n), axis=0, mode="wrap")))

    def until_asked(self) -> int:
        """Run until a question is open; the newest one's window."""
        before = {q.window for q in self.prompt.questions}
        for _ in range(400):
            self.run(8)
            if new := [q.window for q in self.prompt.questions if q.window not in before]:
                return new[-1]
        raise AssertionError("nothing was asked")


STATUS = LiveStatus(
    "connected", port="ttyACM0", rate=49.98, declared=50.0, drift=12.3, jitter=0.8, budget_left=20,
    recording=Path("walk.odl"),
)  # fmt: skip


class Played:
    """A live session that a test plays: each turn of its loop calls ``turn`` with its number."""

    def __init__(self, stage: PromptHarness, turn: Callable[[int], object], turns: int = 2000) -> None:
        self.stage, self.prompt = stage, stage.prompt
        self.figures = STATUS
        self.said: list[str] = []
        self.closed = False
        self._turn, self._turns = turn, turns

    def __iter__(self) -> Iterator[Event]:
        try:
            for i in range(self._turns):
                if self._turn(i) is StopIteration:
                    break
                self.stage.put()
                yield Samples(self.stage.session.position, NOTHING)
        finally:
            self.closed = True

    def status(self) -> LiveStatus:
        return self.figures

    def notices(self) -> list[str]:
        said, self.said = self.said, []
        return said
