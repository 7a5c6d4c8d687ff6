"""The composed core: the same step as the fused one, with any learner or policy.

The extractor and the list of questions use the kernels; predictions or the choice of windows
come from Python objects. Host-only, and slower.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from odl.core.config import Config, ConfigError
from odl.core.events import NO_CLASS, NO_WINDOW, Dropped, Output, Prediction, Why
from odl.core.fused import KernelCore
from odl.core.image import Image
from odl.core.kernels.ask import answer, ask, collect, expire, open_here, settled_batch, speak, taught
from odl.core.kernels.command import command
from odl.core.kernels.decide import windows_left
from odl.core.kernels.extract import extract, present_features, window_complete
from odl.core.kernels.grow import undo
from odl.core.kernels.jit import Int
from odl.core.kernels.net import Act
from odl.core.kernels.plain import plain
from odl.core.kernels.segment import notice
from odl.core.protocols import Decision, Learner, Policy, Scores, Window
from odl.core.running_policy import RunningPolicy
from odl.core.state import Asked, Count, Entry


class Composed(KernelCore):
    """Process each input with a learner and a policy.

    The state block holds the stream, the questions and the log. If a learner is given, the
    block's heads do not learn: commands add classes to them, and nothing else changes. Otherwise
    the block's heads learn.
    """

    def __init__(self, image: Image, config: Config, learner: Learner | None, policy: Policy) -> None:
        super().__init__(image, config)
        self.learner: Learner = learner or _Heads(self)
        self._see = getattr(self.learner, "see", None)
        self.policy = policy
        self._recent = np.zeros((0, len(image.channels)), np.int16)
        self._step = np.array([c.scale for c in image.channels])
        self._ratio = np.array(config.mult) / 2.0 ** np.array(config.shift)
        self._offset = np.array(config.offset) - np.array(image.zeros)

    def gap(self, lost: int) -> None:
        """Skip ``lost`` missing samples."""
        super().gap(lost)
        if isinstance(self.policy, RunningPolicy):
            self.policy.gap()

    def samples(self, block: NDArray[np.int16]) -> Sequence[Output]:
        """Consume a block (n, channels)."""
        outputs: list[Output] = []
        numbers = np.ascontiguousarray(block).reshape(-1)  # kernels take no strides
        at: Int = 0
        while at < len(block):
            first, at = at, extract(self.block, numbers, at)
            self._recent = np.concatenate([self._recent, block[first:at]])[-self.net.window :]
            if plain(window_complete)(self.block):
                outputs += self._window()
        return outputs

    def _window(self) -> list[Output]:
        state = self.state
        end = int(state["position"][0])
        start = end - self.net.window
        outputs = self._settle(end)
        if isinstance(self.learner, _Heads):
            command(self.block, Act.ADVANCE, 0, 0, 0)
        features = plain(present_features)(self.block).copy()
        notice(self.block, features, start)
        samples = (self._recent * self._ratio + self._offset) * self._step
        window = Window(start, end, features, samples)
        if self._see is not None:
            self._see(window)
        scores = self.learner.scores_one(features)
        plain(speak)(self.block, scores.path[-1] if scores.path else NO_CLASS)
        held = int(state["held"][0])
        held_class = held if self.config.hold and held != NO_CLASS else None
        outputs.append(Prediction(start, scores.path, scores.scores, held_class))
        plain(windows_left)(self.block, end, self.net.hop)  # may start a new period
        decision = self.policy.decide(window, scores)
        if not isinstance(decision, Decision):
            raise ConfigError(
                f"policy: decide returned {decision!r} for window {start}; it has to return a "
                "Decision(ask, utility)"
            )
        if isinstance(self.policy, RunningPolicy):  # it counts by itself how often there was no room
            state["counts"][0, Count.BLOCKED] = self.policy.state["counts"][0, Count.BLOCKED]
        if decision.ask:
            outputs += self._ask(start, end, decision.utility)
        state["counts"][0, Count.WINDOWS] += 1
        return outputs

    def _ask(self, window: int, end: int, utility: int) -> Sequence[Output]:
        """Issue the question, unless the budget is spent, too many are open, or the last came just now."""
        state = self.state
        spent = int(state["issued"][0]) >= int(self.memory.settings["allowed"][0])
        before = int(state["asked_at"][0])
        early = before != 0 and end - before < self.config.every
        if spent or early or int(state["n_ask"][0]) >= state["ask_window"].shape[1]:
            state["counts"][0, Count.BLOCKED] += not early
            self.policy.settle(window, Asked.EXPIRED)
            return []
        return self._events(ask(self.block, window, end, utility, 0))

    def _expire(self, now: int) -> list[Output]:
        outputs = list(self._events(expire(self.block, now, 0)))
        for event in outputs:
            if isinstance(event, Dropped):
                self.policy.settle(event.window, Asked.EXPIRED)
        return outputs

    def _settle(self, now: int) -> list[Output]:
        return self._expire(now) + self._learn(now)

    def _learn(self, now: int) -> list[Output]:
        outputs: list[Output] = []
        before = self._labelled()
        while (batch := settled_batch(self.block)) >= 0:
            outputs += self._events(collect(self.block, batch, now, 0))
        self._learn_new(before)
        return outputs

    def _labelled(self) -> set[int]:
        """The windows whose labels are in the log."""
        log = self.log[: int(self.state["n_log"][0])]
        return set(log["window"][log["kind"] == Entry.LABEL].tolist())

    def _learn_new(self, before: set[int]) -> None:
        """Have the learner follow the log, which had labels of the windows ``before``."""
        now = self._labelled()
        for window in sorted(before - now):
            self.learner.forget(window)
        log = self.log[: int(self.state["n_log"][0])]
        new = log[(log["kind"] == Entry.LABEL) & np.isin(log["window"], sorted(now - before))]
        if len(new):
            features = new["features"][:, : self.image.features]
            self.learner.learn_many(features, new["cls"].tolist(), new["window"].tolist())
            self.state["counts"][0, Count.REFITS] += 1

    def label(self, at: int, window: int, cls: int) -> Sequence[Output]:
        """An answer; 255 is a skip."""
        outputs, before = self._expire(at), self._outcomes()
        outputs += self._events(answer(self.block, at, window, cls, 0))
        self._tell_policy(before)
        return outputs + self._learn(at)

    def teach(self, at: int, cls: int) -> Sequence[Output]:
        """The present segment is of class ``cls``."""
        outputs = self._expire(at)
        if (window := int(plain(open_here)(self.block))) >= 0:
            return outputs + list(self.label(at, window, cls))
        before = self._labelled()
        outputs += self._events(taught(self.block, at, cls, 0))
        for window in self._labelled() - before:
            self.policy.settle(window, Asked.ANSWERED)
        self._learn_new(before)
        return outputs + self._learn(at)

    def undo(self, at: int) -> Sequence[Output]:
        """Take back what was given last."""
        outputs = self._settle(at)
        before, logged, entries = self._outcomes(), self._labelled(), int(self.state["n_log"][0])
        outputs += self._events(plain(undo)(self.block, at, 0))
        self._tell_policy(before)
        if int(self.state["n_log"][0]) < entries and logged == self._labelled():  # a change of a class
            command(self.block, Act.START_REFIT, 0, 0, 0)
            self.state["counts"][0, Count.REFITS] += 1
        for window in logged - self._labelled():
            self.learner.forget(window)
            self.policy.settle(window, Asked.SKIPPED)  # what was said of it is not known any longer
            self.state["counts"][0, Count.REFITS] += 1
        return outputs

    def _outcomes(self) -> dict[int, Asked]:
        n = int(self.state["n_ask"][0])
        windows = self.state["ask_window"][0, :n].tolist()
        return dict(zip(windows, map(Asked, self.state["ask_status"][0, :n].tolist()), strict=True))

    def _tell_policy(self, before: dict[int, Asked]) -> None:
        for window, outcome in self._outcomes().items():
            if outcome is not before[window]:
                self.policy.settle(window, outcome)

    def add_class(self, at: int, cls: int, head: int, name: str) -> Sequence[Output]:
        """A new class."""
        before = self._labelled()
        outputs = super().add_class(at, cls, head, name)
        self._learn_new(before)
        if not outputs and not self.learner.add_class(at, cls, head, name):
            return self._take_back(at, "n_rows")
        return outputs

    def split(self, at: int, leaf: int, head: int) -> Sequence[Output]:
        """A task under a leaf."""
        before = self._labelled()
        outputs = super().split(at, leaf, head)
        self._learn_new(before)
        if not outputs and not self.learner.split(at, leaf, head):
            return self._take_back(at, "n_heads")
        return outputs

    def change_class(self, at: int, cls: int, into: int | None, name: str) -> Sequence[Output]:
        """A class is renamed, merged or removed; a learner of one's own knows nothing of the last two."""
        if into != cls and not isinstance(self.learner, _Heads):
            self.state["counts"][0, Count.NO_SUCH_CLASS] += 1
            return [Dropped(at, NO_WINDOW, Why.NO_SUCH_CLASS)]
        before = self._labelled()
        outputs = super().change_class(at, cls, into, name)
        self._learn_new(before)
        return outputs

    def _take_back(self, at: int, what: str) -> Sequence[Output]:
        """Remove the row or task added last: the learner has no room for it."""
        self.state[what] -= 1
        self.state["n_log"] -= 1
        self.state["counts"][0, Count.FULL] += 1
        return [Dropped(at, NO_WINDOW, Why.FULL)]


class _Heads:
    """The integer core's heads as a learner: they are a function of the state's log."""

    def __init__(self, core: Composed) -> None:
        self._core = core

    def scores_one(self, x: NDArray[np.uint8]) -> Scores:
        return self._core.scores_one(x)

    def learn_many(self, x: NDArray[np.uint8], y: Sequence[int], windows: Sequence[int]) -> None:
        command(self._core.block, Act.START_REFIT, 0, 0, 0)

    def add_class(self, at: int, cls: int, head: int, name: str) -> bool:
        return True

    def split(self, at: int, leaf: int, head: int) -> bool:
        return True

    def forget(self, window: int) -> None:
        command(self._core.block, Act.START_REFIT, 0, 0, 0)
