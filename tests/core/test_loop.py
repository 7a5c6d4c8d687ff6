"""The loop: answers land on their sample, names become classes, everything passes in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odl.core.events import (
    AddClass,
    Dropped,
    Event,
    Gap,
    Input,
    Label,
    Learned,
    Origin,
    Output,
    Prediction,
    Query,
    Samples,
    Teach,
    Truth,
    Undo,
    Why,
)
from odl.core.ground_truth import TruthTrack
from odl.core.loop import drive, steps
from odl.core.protocols import Answer, Reaction, Taught
from odl.core.session import Session
from odl.core.trace import Trace
from odl.data import Part
from odl.data.streams import replay_parts, windows_in
from odl.labels.oracle import Oracle
from tests.helpers.streams import ASKING, CHANNELS, IMAGE, config, samples

N = 900
RAW = samples(11, N)
TRUTHS = [Truth(0, 250, "sit"), Truth(250, 500, "wave"), Truth(520, 700, "down"), Truth(700, N, "clap")]
INPUTS = (Samples, Gap, Label, Undo, AddClass, Truth)


class ScriptedLabeller:
    """Answers each question with the next of these names, ``delay`` samples later."""

    def __init__(self, answers: Iterable[str | None], delay: int = 0, head: int = 0) -> None:
        self.answers, self.delay, self.head = iter(answers), delay, head
        self.waiting: list[tuple[int, Answer]] = []
        self.asked: list[tuple[Query, int]] = []

    def ask(self, query: Query, now: int) -> None:
        self.asked.append((query, now))
        name = next(self.answers, None)
        self.waiting.append((now + self.delay, Answer(query.window, name, self.head)))

    def poll(self, now: int) -> Iterator[Answer]:
        while self.waiting and self.waiting[0][0] <= now:
            yield self.waiting.pop(0)[1]

    def next_due(self) -> int | None:
        return self.waiting[0][0] if self.waiting else None


def source(cuts: list[int], gaps: dict[int, int] | None = None) -> Iterator[Input]:
    """The stream in blocks that end at ``cuts``; some samples lost where ``gaps`` says."""
    yield from TRUTHS
    lost = 0
    edges = sorted({0, N, *cuts, *(gaps or {})})
    for first, last in zip(edges, edges[1:], strict=False):
        if gaps and first in gaps:
            yield Gap(first + lost, gaps[first], "a test")
            lost += gaps[first]
        yield Samples(first + lost, RAW[first:last])


def recorded(delay: int = 30, **how: float) -> Oracle:
    return Oracle(TruthTrack(TRUTHS), IMAGE.window, list(IMAGE.names.values()), delay=delay, **how)


def events(
    cuts: list[int], policy: str = "periodic", gaps: dict[int, int] | None = None, **how: int
) -> list[Event]:
    chosen = config(policy, allowed=12, horizon=100, batch=2, patience=200)
    return list(drive(Session(IMAGE, chosen), source(cuts, gaps), recorded(**how)))


def but_samples(passed: list[Event]) -> list[Event]:
    return [event for event in passed if not isinstance(event, Samples)]


CUTS = st.lists(st.integers(1, N - 1), max_size=8)


@given(CUTS, st.sampled_from(ASKING), st.integers(0, 250))
def test_the_source_s_blocks_make_no_difference(cuts: list[int], policy: str, delay: int) -> None:
    expected = events([], policy, delay=delay)
    assert but_samples(events(cuts, policy, delay=delay)) == but_samples(expected)


@given(CUTS, st.integers(0, 190))
def test_an_answer_lands_exactly_when_it_is_due(cuts: list[int], delay: int) -> None:
    passed = events(cuts, delay=delay)
    due = {e.window: e.window + IMAGE.window + delay for e in passed if isinstance(e, Query)}
    labels = {e.window: e.at for e in passed if isinstance(e, Label)}
    assert len(due) == 12
    assert labels == {window: at for window, at in due.items() if at <= N}


@given(CUTS, st.dictionaries(st.integers(1, N - 1), st.integers(0, 120), max_size=3), st.integers(0, 190))
def test_an_answer_due_in_a_gap_comes_right_after_it(
    cuts: list[int], gaps: dict[int, int], delay: int
) -> None:
    passed = events(cuts, gaps=gaps, delay=delay)
    assert but_samples(passed) == but_samples(events([], gaps=gaps, delay=delay))
    missing = [(e.start, e.start + e.lost) for e in passed if isinstance(e, Gap)]
    labels = {e.window: e.at for e in passed if isinstance(e, Label)}
    for query in (e for e in passed if isinstance(e, Query)):
        at = query.window + IMAGE.window + delay
        after = next((end for start, end in missing if start < at < end), at)
        assert labels.get(query.window, after) == after
        assert query.window in labels or after >= N + sum(gaps.values())


def test_inputs_come_before_what_comes_of_them() -> None:
    passed = events([100, 300])
    session, rest = (
        Session(IMAGE, config("periodic", allowed=12, horizon=100, batch=2, patience=200)),
        iter(passed),
    )
    expected = next(rest, None)
    while expected is not None:  # an input, then exactly its outputs
        assert isinstance(expected, INPUTS)
        outputs = session.step(expected)
        assert [next(rest) for _ in outputs] == outputs
        expected = next(rest, None)
    assert any(isinstance(event, Learned) for event in passed)


def test_blocks_end_where_a_window_does() -> None:
    passed = events([])
    assert len([e for e in passed if isinstance(e, Samples)]) > 100
    whole = np.concatenate([e.block for e in passed if isinstance(e, Samples)])
    assert np.array_equal(whole, RAW)


def test_without_a_labeller_all_passes_as_it_is() -> None:
    chosen, given_inputs = config("periodic", allowed=3, horizon=100), list(source([17, 400], {400: 5}))
    passed = list(drive(Session(IMAGE, chosen), [*given_inputs, Undo(N + 5)]))
    assert [e for e in passed if isinstance(e, INPUTS)] == [*given_inputs, Undo(N + 5)]
    assert sum(isinstance(e, Query) for e in passed) == 3
    assert passed[-1].why is Why.NOTHING_TO_UNDO


def test_the_loop_is_lazy() -> None:
    def one_then_fail() -> Iterator[Input]:
        yield Samples(0, RAW[:40])
        raise AssertionError("read too far")

    steps = drive(Session(IMAGE, config("none", allowed=0)), one_then_fail(), ScriptedLabeller([]))
    assert isinstance(next(steps), Samples)
    assert isinstance(next(steps), Prediction)


# --- names and class ids ------------------------------------------------------------------


def answered(answers: list[str | None], image: object = IMAGE, delay: int = 0, head: int = 0) -> list[Event]:
    chosen = config("periodic", allowed=len(answers), horizon=60, batch=1, patience=500)
    session = Session(image, chosen)  # type: ignore[arg-type]
    return list(drive(session, source([]), ScriptedLabeller(answers, delay, head)))


def test_a_new_name_becomes_a_class_once() -> None:
    passed = answered(["sit", "wave", "clap", "wave", None, "down"])
    assert [(e.cls, e.name, e.head) for e in passed if isinstance(e, AddClass)] == [
        (5, "wave", 0),
        (6, "clap", 0),
    ]
    assert [e.cls for e in passed if isinstance(e, Label)] == [0, 5, 6, 5, None, 4]
    assert [e.cls for e in passed if isinstance(e, Learned)] == [0, 5, 6, 5, 4]
    added = next(n for n, e in enumerate(passed) if isinstance(e, AddClass))
    assert isinstance(passed[added + 1], Label) and passed[added + 1].at == passed[added].at


def test_a_new_class_goes_under_the_task_that_the_answer_names() -> None:
    passed = answered(["hop"], head=1)
    assert [e.head for e in passed if isinstance(e, AddClass | Learned)] == [1, 1]


class Teacher(ScriptedLabeller):
    """Teaches two classes unasked, each at its sample."""

    def __init__(self) -> None:
        super().__init__([])
        self.given: list[tuple[int, Reaction]] = [(100, Taught("wave", by="terminal")), (300, Taught("sit"))]

    def poll(self, now: int) -> Iterator[Reaction]:
        while self.given and self.given[0][0] <= now:
            yield self.given.pop(0)[1]

    def next_due(self) -> int | None:
        return self.given[0][0] if self.given else None


def test_a_labeller_teaches_unasked_and_new_names_become_classes() -> None:
    quiet = config("none", allowed=0)
    passed = list(drive(Session(IMAGE, quiet), source([]), Teacher()))
    kinds = Origin | AddClass | Teach | Learned | Dropped
    wave = (100 - IMAGE.window) // IMAGE.hop * IMAGE.hop  # the last window before
    assert [e for e in passed if isinstance(e, kinds)][:5] == [
        Origin(100, "terminal", 0, 0), AddClass(100, 5, "wave", 0), Origin(100, "terminal", 0, 0),
        Teach(100, 5), Learned(100, wave, 5, 0),
    ]  # fmt: skip
    assert [e.cls for e in passed if isinstance(e, Teach)] == [5, 0]
    in_blocks = Trace(steps(Session(IMAGE, quiet), source([]), Teacher()))
    assert list(in_blocks.outputs) == [e for e in passed if isinstance(e, Output)]


def test_when_rows_run_out_the_answer_counts_as_a_skip_and_the_stream_goes_on() -> None:
    names = [f"class {n}" for n in range(5)]
    passed = answered(names)  # there is room for three
    whys = [e.why for e in passed if isinstance(e, Dropped) and e.why is not Why.EXPIRED]
    assert whys == [Why.FULL, Why.SKIPPED] * 2
    assert len([e for e in passed if isinstance(e, Learned)]) == 3
    assert sum(e.block.shape[0] for e in passed if isinstance(e, Samples)) == N


def test_the_highest_id_in_use_leaves_the_others() -> None:
    image = replace(
        IMAGE,
        row_class=np.array([0, 1, 2, 3, 254], np.uint8),
        owners=np.where(IMAGE.owners == 4, 254, IMAGE.owners).astype(np.uint8),
        names={0: "sit", 1: "walk", 2: "run", 3: "up", 254: "down"},
    )
    image.check()
    passed = answered(["wave", "up"], image)
    assert [(e.cls, e.name) for e in passed if isinstance(e, AddClass)] == [(4, "wave")]
    assert [e.cls for e in passed if isinstance(e, Label)] == [4, 3]


def test_the_labeller_is_told_the_sample_at_which_it_is_asked() -> None:
    labeller = ScriptedLabeller(["sit"] * 4, delay=10)
    chosen = config("periodic", allowed=4, horizon=60, batch=1)
    list(drive(Session(IMAGE, chosen), source([123]), labeller))
    assert len(labeller.asked) == 4
    assert all(now == query.window + IMAGE.window for query, now in labeller.asked)


# --- replay as a source -------------------------------------------------------------------


def part(n: int, *truths: tuple[int, int, str]) -> Part:
    return Part(np.arange(n * CHANNELS, dtype=np.int16).reshape(n, CHANNELS), truths)


def test_parts_become_truth_samples_and_seams() -> None:
    parts = [part(5, (0, 3, "walk"), (4, 5, "sit")), part(2), part(3, (1, 2, "run"))]
    found = list(replay_parts(parts, block=2))
    assert [e for e in found if isinstance(e, Truth)] == [
        Truth(0, 3, "walk"), Truth(4, 5, "sit"), Truth(8, 9, "run"),
    ]  # fmt: skip
    assert [(e.start, e.lost) for e in found if isinstance(e, Gap)] == [(5, 0), (7, 0)]
    blocks = [e for e in found if isinstance(e, Samples)]
    assert [(e.start, len(e.block)) for e in blocks] == [(0, 2), (2, 2), (4, 1), (5, 2), (7, 2), (9, 1)]
    assert np.array_equal(np.concatenate([e.block for e in blocks]), np.concatenate([p.block for p in parts]))


@given(st.lists(st.integers(0, 120), max_size=5), st.integers(1, 64))
def test_a_replay_has_the_windows_it_declares(lengths: list[int], block: int) -> None:
    session = Session(IMAGE, config("none", allowed=0))
    passed = drive(session, replay_parts(map(part, lengths), block))
    windows = sum(isinstance(event, Prediction) for event in passed)
    assert windows == windows_in(lengths, IMAGE.window, IMAGE.hop)


@pytest.mark.parametrize("policy", [name for name in ASKING if name != "novel-segments"])
def test_a_replay_s_budget_is_spent_to_the_question(policy: str) -> None:
    lengths = [300, 70, 500, 39, 260]
    horizon = windows_in(lengths, IMAGE.window, IMAGE.hop)
    chosen = config(policy, allowed=15, horizon=horizon, batch=2, patience=60)
    rng = np.random.default_rng(1)
    parts = [Part(rng.integers(-9000, 9000, (n, CHANNELS)).astype(np.int16), ()) for n in lengths]
    passed = list(
        drive(Session(IMAGE, chosen), replay_parts(parts), ScriptedLabeller(["sit"] * 15, delay=20))
    )
    assert sum(isinstance(event, Query) for event in passed) == 15
