"""A trace's columns say what its events say, and a replay in long blocks passes what the loop passes."""

from __future__ import annotations

import copy
import hashlib
import pickle
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odl.core.config import Config, ConfigError
from odl.core.events import (
    NO_WINDOW,
    AddClass,
    Adopt,
    Dropped,
    Event,
    Gap,
    Input,
    Label,
    Learned,
    Output,
    Prediction,
    Query,
    Samples,
    Split,
    Truth,
    Undo,
    Why,
)
from odl.core.ground_truth import TruthTrack
from odl.core.history import SessionHistory
from odl.core.loop import drive, joined, steps
from odl.core.protocols import Answer
from odl.core.records import Outputs, outputs_of
from odl.core.session import Session
from odl.core.trace import Step, Trace
from odl.data.streams import unlearned
from odl.evaluate import WindowRow, evaluate, read_timeline
from odl.labels.oracle import Oracle
from odl.recording import Writer
from odl.wire import Start, TraceHash, encode
from tests.helpers.streams import IMAGE, Script, config, configs, inputs, samples, scripts

N = 700
RAW = samples(11, N)
TRUTHS = [Truth(0, 250, "sit"), Truth(250, 430, "wave"), Truth(440, 600, "down"), Truth(600, N, "clap")]
IDS = st.integers(0, 254)
INDEX = st.integers(0, 2**63 - 1)


ACTS = ["gap", "class", "undo", "split", "label", "none"]


class Impatient:
    """A labeller that cannot tell when it will answer."""

    def __init__(self, delay: int) -> None:
        self.delay, self.waiting = delay, list[tuple[int, Answer]]()

    def ask(self, query: Query, now: int) -> None:
        self.waiting.append((now + self.delay, Answer(query.window, ["sit", "wave", None][now % 3])))

    def poll(self, now: int) -> Iterator[Answer]:
        while self.waiting and self.waiting[0][0] <= now:
            yield self.waiting.pop(0)[1]

    def next_due(self) -> None:
        return None


def labellers(kind: str, delay: int) -> object:
    """A new labeller of each kind."""
    if kind == "oracle":
        names = list(IMAGE.names.values())
        return Oracle(TruthTrack(TRUTHS), IMAGE.window, names, delay=delay, refuse=0.2, error=0.2, seed=delay)
    if kind == "function":
        return lambda query: ["sit", "wave", None, "clap"][query.window % 4]
    return Impatient(delay) if kind == "impatient" else None


@st.composite
def sources(draw: st.DrawFn) -> list[Input]:
    """Samples in blocks of any length, none included, with truth, gaps and commands between them."""
    edges = sorted({0, N, *draw(st.lists(st.integers(1, N - 1), max_size=6))})
    events: list[Input] = list(TRUTHS)
    lost = 0
    for first, last in zip(edges, edges[1:], strict=False):
        for kind in draw(
            st.lists(st.sampled_from(["gap", "class", "undo", "split", "label", "none"]), max_size=2)
        ):
            at = first + lost
            if kind == "gap":
                events.append(Gap(at, draw(st.integers(0, 90)), "a test"))
                lost += events[-1].lost
            elif kind == "class":
                events.append(AddClass(at, draw(st.integers(10, 14)), f"class {at}", draw(st.integers(0, 2))))
            elif kind == "undo":
                events.append(Undo(at))
            elif kind == "split":
                events.append(Split(at, draw(st.integers(0, 4)), draw(st.integers(1, 3))))
            elif kind == "label":
                events.append(Label(at, draw(st.integers(0, at)), draw(st.none() | st.integers(0, 4))))
            else:
                events.append(Samples(at, RAW[:0]))
        events.append(Samples(first + lost, RAW[first:last]))
    return events


KINDS = st.sampled_from(["oracle", "function", "impatient", "nobody"])


@given(configs(), sources(), KINDS, st.integers(0, 150))
def test_long_blocks_pass_what_the_loop_passes(
    chosen: Config, source: list[Input], kind: str, delay: int
) -> None:
    one, other = Session(IMAGE, chosen), Session(IMAGE, chosen)
    events = list(drive(one, source, labellers(kind, delay)))
    trace = Trace(steps(other, source, labellers(kind, delay)))
    assert list(trace) == events and len(trace) == len(events)
    assert other.snapshot() == one.snapshot()
    assert trace.samples == N
    assert trace.predictions["window"].tolist() == [e.window for e in events if isinstance(e, Prediction)]
    assert digest(trace.parts) == by_hand(events)


@pytest.mark.parametrize("kind", ["oracle", "impatient", "nobody"])
def test_a_session_with_own_parts_passes_what_the_loop_passes(kind: str) -> None:
    chosen = config("none", allowed=9, horizon=60)
    both = [Session(IMAGE, chosen, policy=lambda window, scores: True) for _ in range(2)]
    source = [*TRUTHS, Samples(0, RAW[:333]), Samples(333, RAW[333:])]
    events = list(drive(both[0], source, labellers(kind, 60)))
    trace = Trace(steps(both[1], source, labellers(kind, 60)))
    assert list(trace) == events
    assert digest(trace.parts) == digest([trace.outputs]) == by_hand(events)


def test_samples_go_to_the_session_in_blocks_as_long_as_they_can_be() -> None:
    chosen = config("periodic", allowed=2, horizon=4)
    source = [Samples(0, RAW)]
    labeller = Oracle(TruthTrack(TRUTHS), IMAGE.window, ["sit"], delay=50)
    trace = Trace(steps(Session(IMAGE, chosen), source, labeller))
    asked = [e.window + IMAGE.window for e in trace if isinstance(e, Query)]
    edges = sorted({0, N, *asked, *(at + 50 for at in asked)})
    blocks = [(e.start, len(e.block)) for e in trace.inputs if isinstance(e, Samples)]
    assert len(asked) == 2
    assert blocks == [(a, b - a) for a, b in zip(edges, edges[1:], strict=False)]


def test_a_session_asked_about_given_windows_is_cut_at_windows() -> None:
    chosen, windows = config("periodic", allowed=3, horizon=9), [IMAGE.hop * 2, IMAGE.hop * 5]
    events, trace = (
        list(run(Session(IMAGE, chosen, asked=windows), [Samples(0, RAW)], labellers("oracle", 30)))
        for run in (drive, lambda *how: Trace(steps(*how)))
    )
    assert trace == events
    assert [e.window for e in events if isinstance(e, Query)] == windows


@pytest.mark.parametrize(("session", "source"), [(5, []), (None, "text"), (None, [5])])
def test_arguments_are_checked_as_by_the_loop(session: Any, source: Any) -> None:
    session = session or Session(IMAGE, config("none", allowed=0))
    said = []
    for run in (drive, steps):
        with pytest.raises(ConfigError) as caught:
            list(run(session, source))
        said.append(str(caught.value))
    assert said[0] == said[1]


# --- events and records ------------------------------------------------------------------

OUTPUTS: st.SearchStrategy[Output] = st.one_of(
    st.builds(
        Prediction, INDEX, st.lists(IDS, max_size=9).map(tuple),
        st.lists(st.integers(0, 32768), max_size=30).map(tuple), st.none() | IDS,
    ),
    st.builds(Query, INDEX, st.integers(0, 65535), INDEX),
    st.builds(Learned, INDEX, INDEX, IDS, st.integers(0, 255)),
    st.builds(Dropped, INDEX, INDEX | st.just(NO_WINDOW), st.sampled_from(Why)),
)  # fmt: skip


def digest(parts: Iterable[Any]) -> tuple[str, int]:
    trace = TraceHash()
    for part in parts:
        trace.add_all(part)
    return trace.hexdigest(), trace.count


def by_hand(events: Iterable[Event]) -> tuple[str, int]:
    """The hash as docs/recording.md says: each output's length and bytes."""
    data = [encode(e) for e in events if isinstance(e, Prediction | Query | Learned | Dropped)]
    whole = hashlib.sha256(b"".join(len(one).to_bytes(4, "little") + one for one in data))
    return whole.hexdigest(), len(data)


@given(st.lists(OUTPUTS, max_size=8))
def test_events_survive_as_records_and_hash_alike(events: list[Output]) -> None:
    outputs = outputs_of(events)
    assert outputs == events and events == outputs and list(outputs) == events
    assert len(outputs) == len(events) and repr(outputs) == repr(events)
    assert outputs[1:] == events[1:] and outputs + events == events + events == events + outputs
    assert digest([outputs]) == digest([events]) == by_hand(events)
    assert Outputs.joined([outputs, outputs]) == events * 2 == Outputs.joined([events, outputs])
    if events:
        assert outputs[-1] == events[-1] and outputs != events[1:]
        assert outputs.at(np.array([len(events) - 1])) == events[-1:]


@given(scripts(), configs())
def test_the_kernels_records_hash_as_their_events(script: Script, chosen: Config) -> None:
    trace = Trace(Step(*step) for step in inputs(script, Session(IMAGE, chosen)))
    assert [isinstance(part, Outputs) for part in trace.parts] == [True]
    assert digest(trace.parts) == by_hand(trace)
    assert list(Trace.of(list(trace))) == list(trace)


@given(scripts(), configs())
def test_what_is_notable_gives_the_same_history(script: Script, chosen: Config) -> None:
    trace = Trace(Step(*step) for step in inputs(script, Session(IMAGE, chosen)))
    for one in (trace, Trace.of(list(trace))):
        whole, sparse = SessionHistory(window=IMAGE.window), SessionHistory(window=IMAGE.window)
        for history, events in ((whole, one), (sparse, one.notable())):
            for event in events:
                history.take(event)
            history.settle()
        shown = [[tuple(getattr(r, n) for n in r.__slots__) for r in h.answers] for h in (whole, sparse)]
        assert shown[0] == shown[1]
        for name in ("questions", "gaps", "lessons", "dropped", "labelled", "skipped", "undone", "tree"):
            assert getattr(sparse, name) == getattr(whole, name)


@given(configs(), sources(), KINDS, st.integers(0, 150))
def test_columns_evaluate_as_events_do(chosen: Config, source: list[Input], kind: str, delay: int) -> None:
    trace = Trace(steps(Session(IMAGE, chosen), source, labellers(kind, delay)))
    quiet = config("none", allowed=0)
    plain = Trace(steps(Session(IMAGE, quiet), [e for e in trace if isinstance(e, Samples | Gap)]))
    assert evaluated(trace, plain) == evaluated(list(trace), list(plain))


def evaluated(events: Any, without: Any) -> object:
    return evaluate(events, without, IMAGE.names, subject="7", window=IMAGE.window, rate_hz=50.0)


def test_a_copied_session_goes_on_by_itself_and_its_outputs_are_the_same() -> None:
    whole = Session(IMAGE, config("periodic", allowed=9, horizon=20))
    whole.step(Samples(0, RAW[:300]))
    others = copy.deepcopy(whole), pickle.loads(pickle.dumps(whole))  # noqa: S301 - our own bytes
    for block in (RAW[300:340], RAW[340:]):
        outputs = whole.step(Samples(whole.position, block))
        for other in others:
            assert other.step(Samples(other.position, block)) == outputs
        assert copy.deepcopy(outputs) == outputs == pickle.loads(pickle.dumps(outputs))  # noqa: S301


def test_a_trace_grows_and_its_views_with_it() -> None:
    trace = Trace.of([Prediction(0, (1,), ())])
    assert len(trace.predictions) == len(trace) == 1
    trace.append(Step(Adopt(9, 0, b""), outputs_of([Prediction(64, (2,), ())])))
    assert [type(e) for e in trace] == [Prediction, Adopt, Prediction]
    assert trace.predictions["window"].tolist() == [0, 64] and len(trace.outputs) == 2
    assert list(Trace()) == [] and len(Trace().records) == 0


@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(1, 60), st.sampled_from("abc")), max_size=12),
    st.lists(st.integers(0, 260), max_size=20),
    st.integers(1, 50),
)
def test_the_truth_of_many_windows_is_that_of_each(
    spans: list[tuple[int, int, str]], windows: list[int], length: int
) -> None:
    track = TruthTrack(Truth(start, start + size, name) for start, size, name in spans)
    places = track.of_all(np.array(windows, np.int64), length).tolist()
    names = [None if place < 0 else track.names[place] for place in places]
    assert names == [track.of(window, length) for window in windows]


def test_what_came_before_a_source_failed_is_processed() -> None:
    def failing() -> Iterator[Input]:
        yield from (Samples(0, RAW[:100]), Samples(100, RAW[100:200]))
        raise ConnectionError

    session, seen = Session(IMAGE, config("none", allowed=0)), list[Step]()
    with pytest.raises(ConnectionError):
        seen.extend(steps(session, failing()))
    assert session.position == Trace(seen).samples == 200


def test_samples_that_do_not_follow_each_other_are_not_joined() -> None:
    wide = np.zeros((5, 2), np.int16)
    source: list[Input] = [
        Samples(0, RAW[:5]), Samples(5, RAW[5:9]), Truth(0, 9, "sit"), Samples(9, RAW[9:12]),
        Samples(20, RAW[:5]), Samples(25, wide), Samples(30, RAW[:0]), Samples(30, RAW[:4].astype(np.int32)),
    ]  # fmt: skip
    passed = list(joined(source))
    lengths = [len(event.block) for event, _ in passed if isinstance(event, Samples)]
    assert lengths == [9, 3, 5, 5, 0, 4] and [list(ends) for _, ends in passed if ends] == [[5]]


def test_rows_of_windows_are_a_view_of_columns() -> None:
    events = [Truth(0, 64, "sit"), Prediction(0, (1,), ()), Label(64, 0, 0), Prediction(64, (), (), 0)]
    rows = read_timeline(events, [Prediction(0, (0,), ()), Prediction(64, (1,), ())],
                         {0: "sit", 1: "walk"}, window=64).rows  # fmt: skip
    first = WindowRow(0, "sit", "walk", "walk", None, "sit", None)
    second = WindowRow(64, None, "sit", "no class", "sit", "walk", "sit")
    assert list(rows) == [first, second] and rows[0] == first and rows[-1] == second
    assert list(rows[1:]) == [second] and rows[::-1][0] == second and len(rows) == 2
    assert rows == rows[:] and rows != rows[:1]
    assert rows.named("held") == [None, "sit"] and rows.classes("predicted") == ["walk", "sit"]
    with pytest.raises(IndexError):
        rows[2]


# --- recordings ----------------------------------------------------------------------------


@given(configs(), sources(), KINDS, st.integers(0, 150))
def test_a_step_is_written_as_its_events(
    tmp_path_factory: pytest.TempPathFactory, chosen: Config, source: list[Input], kind: str, delay: int
) -> None:
    folder = tmp_path_factory.mktemp("steps")
    trace = Trace(steps(Session(IMAGE, chosen), source, labellers(kind, delay)))
    whole, single = folder / "whole.odl", folder / "single.odl"
    with Writer(whole, Start({}, b"")) as writer:
        for some in (trace.steps[:3], trace.steps[3:]):
            writer.write_steps(some)
    with Writer(single, Start({}, b"")) as other:
        for event in trace:
            other.write(event)
    assert whole.read_bytes() == single.read_bytes()
    assert (writer.trace.hexdigest(), writer.trace.count) == (other.trace.hexdigest(), other.trace.count)
    assert writer.position == other.position


def test_samples_too_long_for_a_frame_are_written_in_parts(tmp_path: Path) -> None:
    block = np.random.default_rng(5).integers(-300, 300, (60_000, 40)).astype(np.int16)
    samples, cut = (
        Samples(0, block),
        Step(Samples(0, block), outputs_of([Prediction(0, (1,), ())]), 58_000, each=True),
    )
    pieces = [event for event, _, _ in cut.pieces()]
    assert [len(event.block) for event in pieces if isinstance(event, Samples)] == [58_000, 60_000 - 58_000]
    for step in (Step(samples, ()), cut):
        for path in (tmp_path / "a", tmp_path / "b"):
            with Writer(path, Start({}, b"")) as writer:
                if path.name == "a":
                    writer.write_steps([step])
                else:
                    for event in Trace([step]):
                        writer.write(event)
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_trace_tells_what_the_image_alone_would_have_said() -> None:
    session = Session(IMAGE, config("periodic", allowed=9, horizon=60))
    taught = (
        ("class", 9, 0),
        ("label", 0, 9),
        ("label", 1, 1),
        ("split", 2, 4),
        ("class", 8, 4),
        ("label", 0, 8),
    )
    script = Script(4, [act for more in taught for act in (("samples", 90), more)] + [("samples", 300)])
    learned = Trace(Step(event, outputs) for event, outputs in inputs(script, session))
    quiet = Session(IMAGE, config("none"))
    plain = Trace(Step(event, quiet.step(event)) for event in unlearned(IMAGE, learned.inputs))
    said = [e.path[-1] for e in plain.events if isinstance(e, Prediction)]
    assert [e.path[-1] for e in learned.unlearned.events if isinstance(e, Prediction)] == said
    assert [e.path[-1] for e in learned.events if isinstance(e, Prediction) and e.path] != said
