"""A session driven in any order, from any place of a stream: budgets are exact, everything has one fate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from odl.core.config import Config
from odl.core.events import (
    NO_WINDOW,
    AddClass,
    ChangeClass,
    Dropped,
    Gap,
    Input,
    Label,
    Learned,
    Output,
    Prediction,
    Query,
    Samples,
    Split,
    Teach,
    Undo,
    Why,
)
from odl.core.session import Session
from odl.core.state import Asked, Entry
from tests.helpers.streams import ASKING, BUSY, VARIED, configs, samples

EDGES = (0, 2**31, 2**32, 2**53, 2**62)
MOST = 2**62 - 1  # the last sample at which a stream can go on
CLASSES = st.sampled_from([0, 1, 2, 3, 4, 9, 10, 200])


class Driven(RuleBasedStateMachine):
    """Labels come early, late, twice, never, for windows unknown or forgotten; the stream jumps."""

    session: Session

    @initialize(
        chosen=configs(ASKING),
        image=st.sampled_from([VARIED, BUSY]),
        edge=st.sampled_from(EDGES),
        before=st.sampled_from([1, 39, 40, 500, 100_000]),
    )
    def begin(self, chosen: Config, image: Any, edge: int, before: int) -> None:
        """A session that begins shortly before such an edge."""
        self.session = Session(image, chosen)
        self.session.resume(max(0, edge - before), 0, False)
        self.first, self.drawn = self.session.position, 0
        self.windows, self.asked, self.settled = list[int](), dict[int, int](), Counter[int]()
        self.dropped = Counter[Why]()
        self.unchanged = 0  # changes that were taken back

    def _step(self, event: Input) -> Sequence[Output]:
        before, last = self.session.counts, int(self.session._core.state["last"][0])
        outputs = self.session.step(event)
        unasked = isinstance(event, Teach) and self.session.counts["taught"] > before["taught"]
        for output in outputs:
            if isinstance(output, Prediction):
                self.windows.append(output.window)
            elif isinstance(output, Query):
                assert output.window == self.windows[-1] and output.window not in self.asked
                self.asked[output.window] = output.window + self.session.image.window
            elif isinstance(output, Learned) and not (unasked and output.window == last):
                self.settled[output.window] += 1
            elif isinstance(output, Dropped):
                self.dropped[output.why] += 1
                if output.why in (Why.EXPIRED, Why.SKIPPED, Why.FULL) and output.window != NO_WINDOW:
                    self.settled[output.window] += 1
        return outputs

    @rule(n=st.sampled_from([0, 1, 7, 8, 40, 130]), seed=st.integers(0, 9))
    def stream(self, n: int, seed: int) -> None:
        """Samples, in blocks of any length."""
        if self.session.position + n <= MOST:
            self._step(Samples(self.session.position, samples(seed, 200)[:n]))

    @rule(far=st.sampled_from([0, 1, 39, 4000, 2**31, 2**32, 2**53]))
    def gap(self, far: int) -> None:
        """A seam, a loss, a board that slept for years."""
        if self.session.position + far <= MOST:
            self._step(Gap(self.session.position, far, "a test"))

    @rule(
        runs=st.lists(st.tuples(st.sampled_from([1, 2, 8, 40]), st.sampled_from([0, 1, 3, 50])), max_size=6),
        seed=st.integers(0, 9),
    )
    def other_rates(self, runs: list[tuple[int, int]], seed: int) -> None:
        """A sensor whose rate changes: of so many samples of the stream some come, and so many are lost."""
        for come, lost in runs:
            self.stream(come, seed)
            if lost:
                self.gap(lost)

    @precondition(lambda self: self.asked)
    @rule(which=st.integers(0, 60), cls=CLASSES | st.none(), times=st.integers(1, 2))
    def answer(self, which: int, cls: int | None, times: int) -> None:
        """An answer to any question there ever was: in time, late, repeated, of an unknown class."""
        window = list(self.asked)[-1 - which % len(self.asked)]
        for _ in range(times):
            self._step(Label(self.session.position, window, cls))

    @rule(window=st.sampled_from([0, 1, 48, 2**31, 2**53, 2**62, 2**63, 2**64 - 1]), cls=CLASSES)
    def answer_to_nothing(self, window: int, cls: int) -> None:
        """An answer about a window that nobody asked about, or that is yet to come."""
        if window not in self.asked:
            before = self.dropped[Why.UNKNOWN] + self.dropped[Why.NO_SUCH_CLASS]
            self._step(Label(self.session.position, window, cls))
            assert self.dropped[Why.UNKNOWN] + self.dropped[Why.NO_SUCH_CLASS] == before + 1

    @rule(cls=CLASSES)
    def teach(self, cls: int) -> None:
        """A label of what runs now."""
        self._step(Teach(self.session.position, cls))

    @rule()
    def undo(self) -> None:
        """The newest answer or change of a class is taken back."""
        before = self._changes()
        self._step(Undo(self.session.position))
        self.unchanged += before - self._changes()

    def _changes(self) -> int:
        return self.session.log["kind"].tolist().count(Entry.CHANGE)

    @rule(cls=CLASSES, head=st.sampled_from([0, 0, 1, 2, 7]))
    def add(self, cls: int, head: int) -> None:
        """A new class, or one that cannot be."""
        self._step(AddClass(self.session.position, cls, f"class {cls}", head))

    @rule(leaf=CLASSES, head=st.sampled_from([1, 2, 3]))
    def split(self, leaf: int, head: int) -> None:
        """A new task, or one that cannot be."""
        self._step(Split(self.session.position, leaf, head))

    @rule(cls=CLASSES, into=CLASSES | st.none())
    def change(self, cls: int, into: int | None) -> None:
        """A class renamed, merged, removed or put back, or one that cannot be."""
        self._step(ChangeClass(self.session.position, cls, into, f"was {cls}"))

    @rule()
    def copy(self) -> None:
        """A snapshot is the whole session: the copy goes on in its place."""
        twin = Session(self.session.image, self.session.config)
        twin.restore(self.session.snapshot())
        self.session = twin

    @precondition(lambda self: self.asked)
    @rule()
    def reset(self) -> None:
        """The session starts again at its place, with nothing learned: open questions are forgotten."""
        self.session.resume(self.session.position, 0, False)
        self.first = self.session.position
        self.unchanged = 0
        self.windows.clear()
        self.asked.clear()
        self.settled.clear()
        self.dropped.clear()

    @invariant()
    def every_window_is_said_once(self) -> None:
        assert len(self.windows) == self.session.counts["windows"]
        assert all(np.diff(np.array(self.windows, np.int64)) > 0)

    @invariant()
    def every_question_has_one_fate(self) -> None:
        state = self.session._core.state[0]
        n = int(state["n_ask"])
        kept = zip(state["ask_window"][:n].tolist(), state["ask_status"][:n].tolist(), strict=True)
        still = {window for window, status in kept if status in (Asked.OPEN, Asked.ANSWERED)}
        assert len(self.asked) == self.session.counts["queries"]
        assert self.settled == Counter(window for window in self.asked if window not in still)

    @invariant()
    def every_answer_is_somewhere(self) -> None:
        counts, state = self.session.counts, self.session._core.state[0]
        log = self.session.log["kind"].tolist()
        waiting = state["ask_status"][: int(state["n_ask"])].tolist().count(Asked.ANSWERED)
        come = counts["answered"] + counts["taught"] - (counts["undone"] - self.unchanged)
        assert come == waiting + log.count(Entry.LABEL) + counts["gave_way"]

    @invariant()
    def every_refusal_is_counted(self) -> None:
        counts = self.session.counts
        assert {why: counts[why.name.lower()] for why in Why if counts[why.name.lower()]} == dict(
            +self.dropped
        )

    @invariant()
    def the_budget_is_exact(self) -> None:
        config, ends = self.session.config, list(self.asked.values())
        if config.period == 0:
            assert len(ends) <= config.allowed
        elif config.in_samples:
            # A window belongs to the period of its last sample.
            per = Counter((end - 1) // config.period for end in ends)
            assert max(per.values(), default=0) <= config.allowed
        else:
            places = {window: i for i, window in enumerate(self.windows)}
            per = Counter(places[window] // config.period for window in self.asked)
            assert max(per.values(), default=0) <= config.allowed


TestDriven = Driven.TestCase
TestDriven.settings = settings(
    max_examples=max(4, settings.default.max_examples // 4), stateful_step_count=40, deadline=None
)
