"""The state machine: what each input does, and what makes no difference."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from odl.core.config import Config
from odl.core.events import (
    NO_WINDOW,
    AddClass,
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
    Truth,
    Undo,
    Why,
)
from odl.core.kernels.run import run
from odl.core.running_policy import RunningPolicy
from odl.core.session import OrderError, Session
from odl.core.state import Asked, Entry
from odl.model.dendron import Dendron
from tests.helpers.images import random_image
from tests.helpers.streams import (
    ASKING,
    CHANNELS,
    IMAGE,
    SCALING,
    Script,
    config,
    configs,
    inputs,
    play,
    samples,
    scripts,
)

FEWER = settings(max_examples=max(1, settings.default.max_examples // 2))


def fused(chosen: Config, image: Any = IMAGE) -> Session:
    return Session(image, chosen)


def composed(chosen: Config, image: Any = IMAGE) -> tuple[Session, Dendron]:
    learner = Dendron(image)
    return Session(image, chosen, learner, RunningPolicy(image, chosen)), learner


def weights(session: Session) -> NDArray[np.int32]:
    return session._core.state["weights"][0].copy()


def heads(session: Session) -> bytes:
    """The learned part of the state, as `Dendron.to_bytes` has it."""
    names = (
        "weights",
        "n_rows",
        "row_class",
        "row_head",
        "row_active",
        "n_heads",
        "head_parent",
        "head_format",
    )
    return b"".join(session._core.state[name].tobytes() for name in names)


# --- what makes no difference -------------------------------------------------------------


@given(configs(), scripts(), st.integers(0, 2**32))
def test_any_way_of_cutting_gives_the_same_trace(chosen: Config, script: Script, cuts: int) -> None:
    whole, cut = fused(chosen), fused(chosen)
    assert play(script, whole) == play(script, cut, cuts)
    assert whole.snapshot() == cut.snapshot()


@given(configs(), scripts())
def test_fused_equals_composed(chosen: Config, script: Script) -> None:
    # A refit is done within a hop: a Dendron outside a session knows of no hops.
    image = replace(IMAGE, rate_hz=0.1)
    one, (other, learner) = fused(chosen, image), composed(chosen, image)
    assert play(script, one) == play(script, other)
    assert heads(one) == learner.to_bytes()
    assert one.names == other.names
    assert one.counts == other.counts


@FEWER
@given(configs(), scripts(), st.sampled_from([Dendron(IMAGE), None]))
def test_a_learner_or_a_policy_alone_leaves_the_other_to_the_core(
    chosen: Config, script: Script, learner: Dendron | None
) -> None:
    own = copy.deepcopy(learner)
    policy = RunningPolicy(IMAGE, chosen) if own is None else None
    one, other = fused(chosen), Session(IMAGE, chosen, own, policy)
    assert play(script, one) == play(script, other)
    assert heads(one) == (heads(other) if own is None else own.to_bytes())
    assert one.counts == other.counts


@FEWER
@given(configs(), scripts(), st.integers(0, 2**32))
def test_composed_is_cut_as_freely(chosen: Config, script: Script, cuts: int) -> None:
    assert play(script, composed(chosen)[0]) == play(script, composed(chosen)[0], cuts)


@given(configs(), scripts(), st.data())
def test_a_snapshot_has_the_same_future(chosen: Config, script: Script, data: st.DataObject) -> None:
    session = fused(chosen)
    played = list(inputs(script, session, cuts=1))
    at = data.draw(st.integers(0, len(played)), "inputs before the snapshot")
    first, second = fused(chosen), fused(chosen)
    for event, outputs in played[:at]:
        assert first.step(event) == outputs
    image = first.snapshot()
    second.restore(image)
    assert second.snapshot() == image
    assert (second.position, second.names) == (first.position, first.names)
    for event, outputs in played[at:]:
        assert second.step(event) == outputs
    assert second.snapshot() == session.snapshot()


@FEWER
@given(configs(), scripts())
def test_a_truth_is_ignored(chosen: Config, script: Script) -> None:
    session, other = fused(chosen), fused(chosen)
    for event, outputs in inputs(script, session):
        assert other.step(Truth(0, 9, "walk")) == []
        assert other.step(event) == outputs
    assert other.snapshot() == session.snapshot()


@given(configs(), scripts())
def test_no_window_spans_a_gap(chosen: Config, script: Script) -> None:
    session, starts, ends, windows = fused(chosen), [0], [], []
    for event, outputs in inputs(script, session):
        if isinstance(event, Gap):
            ends.append(event.start)
            starts.append(event.start + event.lost)
        windows += [output.window for output in outputs if isinstance(output, Prediction)]
    ends.append(session.position)
    expected = [
        window
        for start, end in zip(starts, ends, strict=True)
        for window in range(start, end - IMAGE.window + 1, IMAGE.hop)
    ]
    assert windows == expected


@given(configs(), scripts())
def test_samples_until_the_next_window_are_known(chosen: Config, script: Script) -> None:
    session = fused(chosen)
    raw = samples(script.seed, 500)
    at = 0
    for event, _ in inputs(script, session):
        if isinstance(event, Samples):
            continue
        n = session.samples_to_window()
        twin = fused(chosen)
        twin.restore(session.snapshot())
        before = twin.step(Samples(twin.position, raw[at : at + n - 1])) if n > 1 else []
        assert not any(isinstance(output, Prediction) for output in before)
        outputs = twin.step(Samples(twin.position, raw[at : at + 1]))
        assert any(isinstance(output, Prediction) for output in outputs)


# --- learned state is a function of the log ---------------------------------------------


def paths(session: Session) -> set[int]:
    """Tasks on the path of a label in the log."""
    state, log = session._core.state[0], session._core.log
    row_of = {int(c): r for r, c in enumerate(state["row_class"][: state["n_rows"]])}
    found = set()
    for entry in log[: state["n_log"]]:
        cls = int(entry["cls"])
        while entry["kind"] == Entry.LABEL and cls != 255:
            head = int(state["row_head"][row_of[cls]])
            found.add(head)
            cls = int(state["head_parent"][head])
    return found


@given(configs(ASKING), scripts())
def test_heads_on_no_labels_path_keep_every_bit(chosen: Config, script: Script) -> None:
    session = fused(chosen)
    play(script, session)
    state, rows = session._core.state[0], len(IMAGE.row_class)
    touched = paths(session)
    for row in range(state["n_rows"]):
        if int(state["row_head"][row]) not in touched:
            base = IMAGE.base[row] if row < rows else np.zeros(IMAGE.features + 1, np.int32)
            assert state["weights"][row].tobytes() == base.tobytes()
            assert bool(state["row_active"][row]) == (row < rows)


def test_a_label_trains_the_tasks_on_its_path_and_no_other() -> None:
    session = asked(batch=1)
    answer(session, 0)  # a class of the root task
    learned = weights(session)
    assert np.array_equal(learned[3:5], IMAGE.base[3:5]) and not np.array_equal(learned[:3], IMAGE.base[:3])
    answer(session, 3)  # a class of the task under "walk"
    assert not np.array_equal(weights(session)[3:5], IMAGE.base[3:5])


@given(st.permutations(range(4)), st.lists(st.sampled_from([0, 1, 2, 3, 4, None]), min_size=4, max_size=4))
def test_the_order_of_answers_in_a_batch_makes_no_difference(order: list[int], answers: list[Any]) -> None:
    states, traces = [], []
    for sequence in (range(4), order):
        session = asked(batch=4)
        windows = asked_windows(session)[:4]
        trace = [o for n in sequence for o in session.step(Label(session.position, windows[n], answers[n]))]
        states.append(heads(session))
        traces.append(sorted(map(repr, trace)))
        assert [o.window for o in trace if isinstance(o, Learned)] == [
            w for w, a in zip(windows, answers, strict=True) if a is not None
        ]
    assert states[0] == states[1] and traces[0] == traces[1]


def test_undoing_the_only_label_brings_back_the_base() -> None:
    session = asked(batch=1)
    before = heads(session)
    answer(session, 3)
    assert heads(session) != before
    assert session.step(Undo(session.position)) == []
    assert heads(session) == before
    assert np.array_equal(weights(session)[: len(IMAGE.base)], IMAGE.base)


@given(configs(ASKING), scripts(), scripts(most=12), st.sampled_from([0, 1, 2, 3, 4]))
def test_a_label_taken_back_might_as_well_have_been_a_skip(
    chosen: Config, before: Script, after: Script, cls: int
) -> None:
    image = replace(IMAGE, max_log=200)  # what is taken back keeps its place in the log
    chosen = replace(chosen, hold=False)
    one, other = fused(chosen, image), fused(chosen, image)
    play(before, one)
    play(before, other)
    window = next(iter(still_open(one)), None)
    assume(window is not None)
    at = one.position
    one.step(Label(at, window, cls))
    learned = window not in pending(one)
    one.step(Undo(at))
    # Any answer, of use or not, also settles what has expired by now.
    other.step(Label(at, window if learned else 1, None))
    assert heads(one) == heads(other)
    assert still_open(one) == still_open(other)
    assert play(after, one) == play(after, other)
    assert heads(one) == heads(other)


def pending(session: Session) -> list[int]:
    """Windows whose questions are still kept."""
    state = session._core.state[0]
    return [int(w) for w in state["ask_window"][: state["n_ask"]]]


def still_open(session: Session) -> list[int]:
    """Windows whose questions wait for an answer at this very sample."""
    state = session._core.state[0]
    n = state["n_ask"]
    waiting = zip(state["ask_window"][:n], state["ask_status"][:n], state["ask_expires"][:n], strict=True)
    return [int(w) for w, status, end in waiting if status == Asked.OPEN and end > session.position]


# --- classes and splits -------------------------------------------------------------------


def asked(image: Any = IMAGE, **changes: Any) -> Session:
    """A session that asks about every window until its questions are as many as allowed."""
    values = {"allowed": 4, "horizon": 1, "batch": 1, "patience": 1000} | changes
    session = fused(config("periodic", **values), image)
    session.step(Samples(0, samples(5, 40 + 8 * 5)))
    return session


def asked_windows(session: Session) -> list[int]:
    return pending(session)


def answer(session: Session, cls: int | None, which: int = 0) -> list[Output]:
    """Answer the earliest open question (or a later one)."""
    return session.step(Label(session.position, still_open(session)[which], cls))


def more(session: Session, n: int = 200) -> list[Prediction]:
    """Predictions of what follows."""
    outputs = session.step(Samples(session.position, samples(8, n)))
    return [output for output in outputs if isinstance(output, Prediction)]


def test_a_class_that_was_never_labelled_is_never_predicted() -> None:
    session = fused(config("none", allowed=0))
    assert session.step(AddClass(0, 9, "wave", 0)) == []
    assert session.names == IMAGE.names | {9: "wave"}
    predictions = more(session, 400)
    assert len(predictions) > 40
    assert all(9 not in p.path and p.scores[5] == 0 and len(p.scores) == 6 for p in predictions)


def test_a_class_takes_part_from_its_first_label_on() -> None:
    session = asked(batch=1)
    session.step(AddClass(session.position, 9, "wave", 0))
    answer(session, 9)
    predictions = more(session)
    assert any(p.scores[5] > 0 for p in predictions)
    session.step(Undo(session.position))
    assert all(p.scores[5] == 0 and 9 not in p.path for p in more(session))


def test_a_new_task_waits_for_its_second_class() -> None:
    session = asked(batch=1, allowed=6)
    at = session.position
    assert session.step(Split(at, 0, 2)) == []
    for cls, name in ((5, "sit up"), (6, "sit down")):
        assert session.step(AddClass(at, cls, name, 2)) == []
    assert answer(session, 5) == [Learned(at, 0, 5, 2)]
    assert all(p.path[-1] == 0 for p in more(session) if p.path[0] == 0)
    at = session.position
    twin = fused(config("periodic", allowed=6, horizon=1, batch=1, patience=1000))
    twin.restore(session.snapshot())
    assert [o for o in answer(session, 6) if isinstance(o, Learned)] == [Learned(at, 8, 6, 2)]
    after = more(session)
    assert {p.path[0] for p in after} >= {0}
    assert all(p.path[1] in (5, 6) for p in after if p.path[0] == 0)
    for p in after:  # what the root says of "sit" is shared out below it
        assert abs(p.scores[5] + p.scores[6] - p.scores[0]) <= 2


def test_names_outlive_being_cut_by_a_label() -> None:
    session = fused(config("none", allowed=0))
    name = "ä" * 16  # 32 bytes
    session.step(AddClass(0, 200, name, 1))
    assert session.names[200] == name


# --- each outcome has its event and its counter -------------------------------------------


def expired(session: Session) -> list[Output]:
    return session.step(Gap(session.position, 5000, "asleep")) + session.step(Undo(session.position))


def repeated_in_the_log(session: Session) -> list[Output]:
    window = still_open(session)[0]
    answer(session, 1)
    return session.step(Label(session.position, window, 1))


def fill_rows(session: Session) -> list[Output]:
    at = session.position
    for cls in range(10, 10 + IMAGE.max_rows - len(IMAGE.row_class)):
        assert session.step(AddClass(at, cls, f"c{cls}", 0)) == []
    return session.step(AddClass(at, 90, "one too many", 0))


def fill_heads(session: Session) -> list[Output]:
    at = session.position
    assert session.step(Split(at, 0, 2)) == session.step(Split(at, 2, 3)) == []
    return session.step(Split(at, 3, 4))


def label(window: Callable[[Session], int], cls: int | None) -> Callable[[Session], list[Output]]:
    return lambda session: session.step(Label(session.position, window(session), cls))


def command(make: Callable[[int], Input]) -> Callable[[Session], list[Output]]:
    return lambda session: session.step(make(session.position))


FIRST = 0  # the first window is asked about
OUTCOMES: list[tuple[str, Why, int, int, Callable[[Session], list[Output]]]] = [
    # what, why, window, batch, how
    ("skipped", Why.SKIPPED, FIRST, 4, label(lambda s: FIRST, None)),
    ("never asked", Why.UNKNOWN, 48, 4, label(lambda s: 48, 1)),
    ("not even a window", Why.UNKNOWN, NO_WINDOW, 4, label(lambda s: NO_WINDOW, 1)),
    ("beyond int64", Why.UNKNOWN, 2**63, 4, label(lambda s: 2**63, 1)),
    ("unknown class", Why.NO_SUCH_CLASS, FIRST, 4, label(lambda s: FIRST, 77)),
    ("answered twice", Why.REPEATED, FIRST, 4, lambda s: answer(s, 1) + label(lambda s: FIRST, 2)(s)),
    ("learned already", Why.REPEATED, FIRST, 1, lambda s: repeated_in_the_log(s)[-1:]),
    (
        "skip, then answer",
        Why.REPEATED,
        FIRST,
        4,
        lambda s: (answer(s, None), label(lambda s: FIRST, 2)(s))[1],
    ),
    ("nothing to undo", Why.NOTHING_TO_UNDO, NO_WINDOW, 4, command(Undo)),
    ("no room for a row", Why.FULL, NO_WINDOW, 4, fill_rows),
    ("no room for a task", Why.FULL, NO_WINDOW, 4, fill_heads),
    ("class exists", Why.NO_SUCH_CLASS, NO_WINDOW, 4, command(lambda at: AddClass(at, 3, "again", 0))),
    ("no such task", Why.NO_SUCH_CLASS, NO_WINDOW, 4, command(lambda at: AddClass(at, 9, "wave", 2))),
    ("255 is no class", Why.NO_SUCH_CLASS, NO_WINDOW, 4, command(lambda at: AddClass(at, 255, "wave", 0))),
    ("no such leaf", Why.NO_SUCH_CLASS, NO_WINDOW, 4, command(lambda at: Split(at, 9, 2))),
    ("not a leaf", Why.NO_SUCH_CLASS, NO_WINDOW, 4, command(lambda at: Split(at, 1, 2))),
    ("task exists", Why.NO_SUCH_CLASS, NO_WINDOW, 4, command(lambda at: Split(at, 0, 1))),
    ("task left out", Why.NO_SUCH_CLASS, NO_WINDOW, 4, command(lambda at: Split(at, 0, 3))),
]


@pytest.mark.parametrize(
    ("why", "window", "batch", "how"), [o[1:] for o in OUTCOMES], ids=[o[0] for o in OUTCOMES]
)
def test_each_refusal_has_its_event_and_its_counter(
    why: Why, window: int, batch: int, how: Callable[[Session], list[Output]]
) -> None:
    session = asked(batch=batch)
    before = session.counts[why.name.lower()]
    learned = heads(session) if why is not Why.REPEATED else None
    assert how(session) == [Dropped(session.position, window, why)]
    assert session.counts[why.name.lower()] == before + 1
    if learned and why is not Why.FULL:
        assert heads(session) == learned


def test_a_question_nobody_answers_expires_at_the_next_window_s_end() -> None:
    session = asked(patience=50, batch=4)
    raw = samples(1, 200)
    outputs = session.step(Samples(session.position, raw[:40]))
    drops = [output for output in outputs if isinstance(output, Dropped)]
    # Asked at 40, 48, 56, 64; the first window's end at or after 50 more is 8 n.
    assert drops == [Dropped(end, w, Why.EXPIRED) for end, w in ((96, 0), (104, 8), (112, 16), (120, 24))]
    assert session.counts["expired"] == 4


def test_late_then_forgotten() -> None:
    session = asked(patience=50, batch=4, allowed=4)
    session.step(Samples(session.position, samples(1, 17)))  # to 97: the first has expired
    at = session.position
    assert session.step(Label(at, FIRST, 1)) == [Dropped(at, FIRST, Why.LATE)]
    session.step(Samples(at, samples(2, 60)))  # all four have: the batch is over
    at = session.position
    assert session.step(Label(at, FIRST, 1)) == [Dropped(at, FIRST, Why.UNKNOWN)]
    assert (session.counts["late"], session.counts["unknown"]) == (1, 1)


def test_an_answer_at_the_very_sample_of_its_expiry_is_late() -> None:
    for lost, why in ((10 - 1, None), (10, Why.LATE)):  # the first was asked at 40, now is 80
        session = asked(patience=50, batch=4)
        session.step(Gap(session.position, lost, "exactly"))
        outputs = session.step(Label(session.position, FIRST, 1))
        assert [o.why for o in outputs if isinstance(o, Dropped)] == ([Why.EXPIRED, why] if why else [])


def test_a_wrong_class_leaves_the_question_open() -> None:
    session = asked(batch=4)
    answer(session, 77)
    assert answer(session, 1) == []
    assert session.counts["answered"] == 1


def test_a_batch_is_learned_when_its_last_question_is_settled() -> None:
    session = asked(batch=2)
    at = session.position
    assert answer(session, 1, which=1) == []
    assert answer(session, None) == [Dropped(at, 0, Why.SKIPPED), Learned(at, 8, 1, 0)]
    assert session.counts["refits"] == 1
    # The next batch is of two more.
    assert answer(session, 2) == []
    assert answer(session, 3) == [Learned(at, 16, 2, 0), Learned(at, 24, 3, 1)]


def test_a_later_batch_does_not_wait_for_an_earlier_one() -> None:
    session = asked(batch=2)
    at = session.position
    assert answer(session, 1, which=2) == []
    assert answer(session, 1, which=2) == [Learned(at, 16, 1, 0), Learned(at, 24, 1, 0)]
    assert len(still_open(session)) == 2


def test_a_batch_of_skips_teaches_nothing() -> None:
    session = asked(batch=2)
    before = heads(session)
    answer(session, None)
    answer(session, None)
    assert heads(session) == before and session.counts["refits"] == 0


def test_the_budget_s_end_closes_the_batch() -> None:
    session = asked(batch=3, allowed=4)
    at = session.position
    assert answer(session, 0, which=3) == [Learned(at, 24, 0, 0)]


def test_undo_reopens_a_question_that_was_not_learned_from() -> None:
    session = asked(batch=2)
    window = still_open(session)[0]
    answer(session, 1)
    assert window not in still_open(session)
    assert session.step(Undo(session.position)) == []
    assert window in still_open(session)
    assert session.counts["undone"] == 1
    assert answer(session, 2) == []


def test_undo_goes_back_answer_by_answer() -> None:
    session = asked(batch=1)
    states = [heads(session)]
    for cls in (3, 0, 4):
        answer(session, cls)
        states.append(heads(session))
        session.step(Samples(session.position, samples(2, 8)))  # room for the next question
    assert len(set(states)) == 4
    for expected in states[-2::-1]:
        session.step(Undo(session.position))
        assert heads(session) == expected
    at = session.position
    assert session.step(Undo(at)) == [Dropped(at, NO_WINDOW, Why.NOTHING_TO_UNDO)]
    # An answer taken back after it was learned is forgotten with its question.
    assert session.step(Label(at, 0, 3)) == [Dropped(at, 0, Why.UNKNOWN)]


def test_a_full_log_refuses_labels_classes_and_splits() -> None:
    session = asked(replace(IMAGE, max_log=2), batch=1, allowed=4)
    at = session.position
    answer(session, 0)
    session.step(AddClass(at, 9, "wave", 0))
    before = heads(session)
    assert answer(session, 1) == [Dropped(at, 8, Why.FULL)]
    assert session.step(AddClass(at, 10, "clap", 0)) == [Dropped(at, NO_WINDOW, Why.FULL)]
    assert session.step(Split(at, 0, 2)) == [Dropped(at, NO_WINDOW, Why.FULL)]
    assert heads(session) == before and session.counts["full"] == 3


def test_with_no_room_for_questions_nothing_is_asked() -> None:
    session = asked(batch=3, allowed=50, horizon=1)
    outputs = session.step(Samples(session.position, samples(3, 200)))
    assert not any(isinstance(output, Query) for output in outputs)
    assert len(pending(session)) == IMAGE.max_pending and session.counts["queries"] == 6
    assert session.counts["blocked"] == session.counts["windows"] - session.counts["queries"]


def test_saturated_values_are_counted() -> None:
    session = fused(config("none", allowed=0))
    block = np.zeros((3, CHANNELS), np.int16)
    block[1] = 127 * 128 + 63, 127 * 128 + 64, -129 * 128
    session.step(Samples(0, block))
    assert session.counts["saturated"] == 2


class Narrow(Dendron):
    """A learner with room for nothing new."""

    def add_class(self, at: int, cls: int, head: int, name: str) -> bool:
        return False

    def split(self, at: int, leaf: int, head: int) -> bool:
        return False


def test_what_the_learner_refuses_has_never_been_added() -> None:
    chosen = config("periodic", allowed=2, horizon=1, batch=1)
    session = Session(IMAGE, chosen, Narrow(IMAGE))
    session.step(Samples(0, samples(5, 80)))
    for event in (AddClass(80, 9, "wave", 0), Split(80, 0, 2), AddClass(80, 9, "wave", 0)):
        assert session.step(event) == [Dropped(80, NO_WINDOW, Why.FULL)]
    assert session.names == IMAGE.names and session.counts["full"] == 3
    assert session.step(Label(80, 0, 9)) == [Dropped(80, 0, Why.NO_SUCH_CLASS)]
    assert session.step(AddClass(80, 9, "wave", 2)) == [Dropped(80, NO_WINDOW, Why.NO_SUCH_CLASS)]


# --- an answer that stands ----------------------------------------------------------------


def held_after(
    change: int, hold: bool = True, lost: int | None = None, undo: bool = False
) -> list[int | None]:
    session = asked(batch=1, change=change, hold=hold, allowed=6, horizon=1)
    session.step(Label(session.position, still_open(session)[-1], 2))
    if lost is not None:
        session.step(Gap(session.position, lost, "a seam"))
    if undo:
        session.step(Undo(session.position))
    return [p.held for p in more(session)]


def test_an_answer_stands_until_the_stream_changes() -> None:
    assert set(held_after(change=32768)) == {2}
    held = held_after(change=300)
    n = held.index(None)
    assert held == [2] * n + [None] * (len(held) - n)


@pytest.mark.parametrize(
    "how", [{"hold": False}, {"lost": 0}, {"lost": 9}, {"undo": True}], ids=["off", "seam", "gap", "undo"]
)
def test_an_answer_does_not_stand(how: dict[str, Any]) -> None:
    assert set(held_after(change=32768, **how)) == {None}


def test_an_answer_about_a_stretch_that_is_over_does_not_stand() -> None:
    session = asked(batch=1, change=32768, hold=True)
    window = still_open(session)[0]
    session.step(Gap(session.position, 0, "a seam"))
    session.step(Label(session.position, window, 2))
    assert {p.held for p in more(session)} == {None}


# --- inputs that cannot be taken ----------------------------------------------------------

GOOD = samples(1, 10)


@pytest.mark.parametrize(
    ("event", "error", "what"),
    [
        (Samples(1, GOOD), OrderError, "samples begin at sample 1, but the stream stands at 0"),
        (Gap(1, 3, "?"), OrderError, "a gap begins at sample 1"),
        (Gap(0, -1, "?"), OrderError, "a gap of -1 samples"),
        (Gap(0, 2**62, "?"), OrderError, "leads out of the stream"),
        (Label(5, 0, 1), OrderError, "a label lies at sample 5"),
        (Undo(5), OrderError, "an undo lies at sample 5"),
        (AddClass(5, 9, "wave", 0), OrderError, "a new class lies at sample 5"),
        (Split(5, 0, 2), OrderError, "a split lies at sample 5"),
        (Samples(0, GOOD[:, :2]), ValueError, r"shape \(10, 2\); the model wants \(n, 3\)"),
        (Samples(0, GOOD[:, 0]), ValueError, r"shape \(10,\)"),
        (Samples(0, GOOD.astype(np.int32)), ValueError, "type int32; the model wants int16"),
        (Samples(0, GOOD.astype(">i2")), ValueError, "the model wants int16"),
        (AddClass(0, 9, "", 0), ValueError, "cannot be a class"),
        (AddClass(0, 9, "\x1b[2J", 0), ValueError, "cannot be a class"),
        (AddClass(0, 256, "wave", 0), ValueError, "a class is numbered 256; it can be 0 to 255"),
        (AddClass(0, 9, "wave", -1), ValueError, "a task is numbered -1"),
        (Split(0, -1, 2), ValueError, "a class is numbered -1"),
        (Split(0, 1, 300), ValueError, "a task is numbered 300"),
        (Label(0, 0, 256), ValueError, "a class is numbered 256"),
        (Label(0, -1, 1), ValueError, "a window's number is -1"),
        (Label(0, 2**64, 1), ValueError, "a window's number is 18446744073709551616"),
    ],
)
def test_what_cannot_be_taken_is_refused_and_changes_nothing(
    event: Input, error: type[Exception], what: str
) -> None:
    session = fused(config())
    before = session.snapshot()
    with pytest.raises(error, match=what):
        session.step(event)
    assert session.snapshot() == before


def test_samples_need_not_be_contiguous_or_writable_and_are_left_alone() -> None:
    raw = samples(4, 100)
    whole = fused(config("periodic", batch=1))
    expected = whole.step(Samples(0, raw))
    fortran = np.asfortranarray(raw)
    strided = np.repeat(raw, 2, axis=0)[::2]
    fortran.flags.writeable = False
    for block in (fortran, strided):
        kept = block.copy()
        assert fused(config("periodic", batch=1)).step(Samples(0, block)) == expected
        assert np.array_equal(block, kept)


def test_no_samples_are_fine() -> None:
    session = fused(config())
    assert session.step(Samples(0, GOOD[:0])) == [] and session.position == 0


def test_a_session_that_cannot_be_is_refused() -> None:
    scaling = {"mult": (1,) * 2, "shift": (0,) * 2, "offset": (0,) * 2}
    with pytest.raises(ValueError, match="for 2 channels, but the model has 3"):
        Session(IMAGE, Config(**scaling))
    with pytest.raises(ValueError, match="image is the str 'shoulder'; it can be an odl.Image"):
        Session("shoulder", config())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="learner is the class Dendron, not an object of it"):
        Session(IMAGE, config(), learner=Dendron)
    with pytest.raises(ValueError, match="policy is a list; it can be a name"):
        Session(IMAGE, config(), policy=[])
    with pytest.raises(ValueError, match="batch of 7 questions, but the model has room for 6"):
        fused(config(batch=7))
    with pytest.raises(ValueError, match="batch of 7 questions, but the model has room for 6"):
        Session(IMAGE, Config(batch=7, **SCALING), policy=lambda window, scores: True)
    fused(Config(batch=7, **SCALING))  # who asks nothing needs no room


def test_snapshots_are_of_the_integer_core_and_of_one_size() -> None:
    session = fused(config())
    with pytest.raises(ValueError, match="a snapshot of 3 bytes; this model's has"):
        session.restore(b"abc")
    other = composed(config())[0]
    for use in (other.snapshot, lambda: other.restore(session.snapshot())):
        with pytest.raises(ValueError, match="needs the integer core"):
            use()


def test_a_snapshot_is_a_copy() -> None:
    session = fused(config())
    before = session.snapshot()
    session.step(Samples(0, samples(1, 300)))
    after = session.snapshot()
    session.restore(before)
    assert session.snapshot() == before != after
    assert session.position == 0


def test_another_seed_draws_other_windows() -> None:
    raw = samples(6, 600)
    asked_about = set()
    for seed in range(1, 9):
        outputs = fused(config("random", seed=seed, allowed=4)).step(Samples(0, raw))
        asked_about.add(tuple(output.window for output in outputs if isinstance(output, Query)))
    assert len(asked_about) > 4


def test_predictions_do_not_depend_on_asking() -> None:
    raw = samples(6, 600)
    said = set()
    for policy in ("none", *ASKING):
        outputs = fused(config(policy)).step(Samples(0, raw))
        said.add(tuple(output for output in outputs if isinstance(output, Prediction)))
    assert len(said) == 1


def test_one_image_many_sessions() -> None:
    image = random_image(9, tree=True)
    before = image.to_bytes()
    session = asked(image, batch=1)
    answer(session, 3)
    assert image.to_bytes() == before


def test_an_array_of_another_type_is_refused_before_compiled_code_sees_it() -> None:
    session = Session(IMAGE, config("none", allowed=0))
    session.step(Samples(0, np.zeros((1, CHANNELS), np.int16)))
    wrong: Any = np.zeros(CHANNELS, np.int32)
    with pytest.raises(TypeError, match="argument 1 is of int32, not of int16"):
        run(session._core.block, wrong, 0, False, False)


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_policy_of_ones_own_takes_samples_however_they_lie_in_memory(order: Any) -> None:
    """A single row of a table that is stored by columns has strides."""
    samples = np.random.default_rng(0).integers(-100, 100, (300, CHANNELS)).astype(np.int16)
    base = Config(policy="random", allowed=50, horizon=50, **SCALING)
    whole = Session(IMAGE, base, policy=lambda window, scores: True)
    rows = Session(IMAGE, base, policy=lambda window, scores: True)
    stored = np.asarray(samples, order=order)
    found = [event for i in range(len(stored)) for event in rows.step(Samples(i, stored[i : i + 1]))]
    assert found == list(whole.step(Samples(0, samples)))
    assert any(isinstance(event, Query) for event in found)
