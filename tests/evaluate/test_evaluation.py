"""Evaluation against a slow, obvious reference, and at the edges."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odl.core.class_tree import ClassTree
from odl.core.config import Config
from odl.core.events import (
    NO_WINDOW,
    AddClass,
    Dropped,
    Event,
    Gap,
    Label,
    Learned,
    Prediction,
    Query,
    Split,
    Teach,
    Truth,
    Undo,
    Why,
)
from odl.core.ground_truth import TruthTrack
from odl.core.history import SessionHistory
from odl.core.session import Session
from odl.core.state import Asked, Entry
from odl.evaluate import (
    Evaluation,
    QuestionOutcome,
    evaluate,
    last_third,
    mean_of,
    read_timeline,
    worst_of,
)
from tests.helpers.streams import IMAGE, Script, configs, inputs, scripts
from tests.helpers.synthetic import KNOWN, RATE_HZ, WINDOW, session

NAMES = {0: "a", 1: "b", 2: "c"}


def scored(events: list[Event], without: list[Event] | None = None, window: int = 8) -> Evaluation:
    return evaluate(events, without or [], NAMES, subject="7", window=window, rate_hz=50)


# --- the reference: sample by sample, class by class ------------------------------------------


def reference_truth(truths: list[Truth], first: int, window: int) -> str | None:
    of_sample = {}
    for t in truths:
        for i in range(t.start, t.end):
            of_sample[i] = t.name
    seen = [of_sample[i] for i in range(first, first + window) if i in of_sample]
    best = None
    for name in seen:  # in order of arrival, so that a later class must be strictly ahead
        if best is None or seen.count(name) > seen.count(best):
            best = name
    return best if best is not None and seen.count(best) >= window / 2 else None


def reference_accuracy(pairs: list[tuple[str, str | None]]) -> float | None:
    return sum(t == p for t, p in pairs) / len(pairs) if pairs else None


def reference_macro_f1(pairs: list[tuple[str, str | None]]) -> float | None:
    if not pairs:
        return None
    classes = {t for t, _ in pairs} | {p for _, p in pairs if p is not None}
    f1 = []
    for c in classes:
        hit = sum(t == c and p == c for t, p in pairs)
        f1.append(2 * hit / (sum(t == c for t, _ in pairs) + sum(p == c for _, p in pairs)))
    return sum(f1) / len(f1)


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[Event], list[Event], int]:
    window = draw(st.sampled_from([1, 2, 7, 8]))
    hop = draw(st.integers(1, window))
    events: list[Event] = []
    at = 0
    for _ in range(draw(st.integers(0, 6))):
        at += draw(st.integers(0, 5))
        end = at + draw(st.integers(1, 12))
        events.append(Truth(at, end, draw(st.sampled_from("abcd"))))
        at = end
    length = at + draw(st.integers(0, 10))
    without: list[Event] = []
    classes = st.integers(0, 3)
    for first in range(0, length, hop):
        held = draw(st.none() | classes)
        events.append(Prediction(first, (3, draw(classes)), (), held))
        without.append(Prediction(first, (draw(classes),), ()))
        for _ in range(draw(st.integers(0, 2))):
            # answers apply where they stand: before the next window ends
            events.append(Label(first + window, first, draw(st.none() | classes)))
    return events, without, window


@settings(max_examples=150, deadline=None)
@given(streams())
def test_against_the_reference(stream: tuple[list[Event], list[Event], int]) -> None:
    events, without, window = stream
    names = {0: "a", 1: "b", 2: "c", 3: "d"}
    truths = [e for e in events if isinstance(e, Truth)]
    plain = {e.window: e for e in without if isinstance(e, Prediction)}
    said: dict[str, list[tuple[str, str | None]]] = {k: [] for k in ("shown", "model", "without", "last")}
    last = None
    for e in events:
        if isinstance(e, Label) and e.cls is not None:
            last = names[e.cls]
        if not isinstance(e, Prediction):
            continue
        truth = reference_truth(truths, e.window, window)
        if truth is None:
            continue
        said["model"].append((truth, names[e.path[1]]))
        said["shown"].append((truth, names[e.path[1] if e.held is None else e.held]))
        said["without"].append((truth, names[plain[e.window].path[0]]))
        said["last"].append((truth, last))
    every = [t for t, _ in said["shown"]]
    most = next((t for t in every if every.count(t) == max(map(every.count, every))), None)
    said["majority"] = [(t, most) for t in every]

    comp = evaluate(events, without, names, subject="7", window=window, rate_hz=50)
    assert comp.scored == len(every)
    for key, score in (
        ("shown", comp.score),
        ("model", comp.model),
        ("without", comp.baselines["no_learning"]),
        ("last", comp.baselines["persistence"]),
        ("majority", comp.baselines["majority"]),
    ):
        pairs = said[key]
        assert score.accuracy == reference_accuracy(pairs)
        assert score.accuracy_last_third == reference_accuracy(pairs[last_third(len(pairs)) :])
        ref = reference_macro_f1(pairs)
        assert score.macro_f1 == (None if ref is None else pytest.approx(ref, abs=1e-12))
    assert list(comp.curve) == [reference_accuracy(said["shown"][: n + 1]) for n in range(len(every))]
    for i, true in enumerate(comp.classes):
        for j, other in enumerate(comp.classes):
            assert comp.confusion[i][j] == said["shown"].count((true, other))
        mine = [(t, p) for t, p in said["shown"] if t == true]
        assert comp.recall[true] == reference_accuracy(mine)
    assert sum(map(sum, comp.confusion)) == comp.scored


# --- what a window's truth is -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("truths", "expected"),
    [
        ([], None),
        ([(0, 3, "a")], None),  # less than half
        ([(0, 4, "a")], "a"),
        ([(4, 8, "a")], "a"),
        ([(4, 8, "b"), (0, 4, "a")], "a"),  # a tie: the earlier, whatever the order they came in
        ([(0, 3, "a"), (3, 8, "b")], "b"),
        ([(0, 2, "a"), (2, 5, "b"), (6, 8, "a")], "a"),  # two pieces add up
        ([(-5, 0, "b"), (8, 20, "b"), (1, 5, "a")], "a"),  # touching is not covering
        ([(0, 2**64, "a")], "a"),
    ],
)
def test_window_truth(truths: list[tuple[int, int, str]], expected: str | None) -> None:
    assert TruthTrack(Truth(*t) for t in truths).of(0, 8) == expected


def test_a_sample_counts_once_for_a_class_however_often_it_is_told() -> None:
    twice = TruthTrack([Truth(0, 3, "a"), Truth(0, 3, "a"), Truth(1, 3, "a")])
    assert twice.of(0, 8) is None
    assert TruthTrack([Truth(0, 40, "walk"), Truth(0, 40, "walk")]).of(0, 128) is None
    assert TruthTrack([Truth(0, 3, "a"), Truth(2, 4, "a")]).of(0, 8) == "a"  # four samples, not three or five


@given(
    st.lists(st.tuples(st.integers(-3, 8), st.integers(0, 5), st.sampled_from("ab")), min_size=1, max_size=5),
    st.integers(-2, 4),
    st.integers(1, 12),
)
def test_window_truth_where_intervals_overlap(
    drawn: list[tuple[int, int, str]], first: int, window: int
) -> None:
    truths = [Truth(start, start + length, name) for start, length, name in drawn]
    count = {
        name: sum(any(t.start <= i < t.end and t.name == name for t in truths) for i in span)
        for span in [range(first, first + window)]
        for name in "ab"
    }
    most = max(count.values())
    ahead = [name for name in count if count[name] == most]
    comp = TruthTrack(truths).of(first, window)
    assert (comp in ahead) if 2 * most >= window else (comp is None)


def test_a_long_interval_before_short_ones_is_found() -> None:
    events: list[Event] = [Truth(0, 100, "a"), Truth(2, 4, "b"), Prediction(60, (0,), ())]
    assert scored(events).score.accuracy == 1


# --- labels, questions, counters --------------------------------------------------------------


def persistence(events: list[Event]) -> list[str | None]:
    return [row.persistence for row in read_timeline(events, [], NAMES, window=8).rows]


def test_an_answer_counts_from_the_first_window_that_ends_after_it() -> None:
    windows: list[Event] = [Prediction(w, (0,), ()) for w in (0, 4, 8)]  # ending at 8, 12, 16
    assert persistence([*windows, Label(11, 0, 1)]) == [None, "b", "b"]
    assert persistence([*windows, Label(12, 0, 1)]) == [None, None, "b"]
    assert persistence([*windows, Label(12, 0, None)]) == [None, None, None]


def test_refused_and_undone_answers_are_not_the_last_known() -> None:
    windows: list[Event] = [Prediction(w, (0,), ()) for w in (0, 8, 16, 24, 32)]
    same = Label(9, 0, 1)
    refused: list[Event] = [Label(3, 0, 0), same, Dropped(9, 0, Why.REPEATED), Label(20, 8, 2)]
    assert persistence([*windows, *refused]) == ["a", "a", "c", "c", "c"]
    assert persistence([*windows, *refused, Undo(25)]) == ["a", "a", "c", "a", "a"]
    assert persistence([*windows, same, same, Dropped(9, 0, Why.REPEATED), Undo(20)]) == [
        None, "b", None, None, None,
    ]  # fmt: skip
    line = read_timeline([Undo(1), Dropped(1, NO_WINDOW, Why.NOTHING_TO_UNDO)], [], NAMES, window=8)
    assert line.undone == 0 and line.dropped == {Why.NOTHING_TO_UNDO: 1}


def test_each_question_has_its_outcome_and_each_case_its_counter() -> None:
    events: list[Event] = [
        Prediction(0, (0,), ()), Query(0, 9, 99), Prediction(8, (0,), ()), Query(8, 9, 20),
        Query(0, 9, 99), Label(10, 0, 1), Dropped(20, 8, Why.EXPIRED), Label(21, 8, 1),
        Dropped(21, 8, Why.LATE), Label(22, 77, 1), Dropped(22, 77, Why.UNKNOWN),
        Prediction(16, (0,), ()), Query(16, 9, 99), Label(25, 16, None), Dropped(25, 16, Why.SKIPPED),
        Learned(25, 0, 1, 0), Prediction(24, (0,), ()), Query(24, 9, 99), Undo(40),
    ]  # fmt: skip
    result = scored(events)
    assert [(q.window, q.asked, q.outcome, q.at, q.answer) for q in result.timeline.questions] == [
        (0, 8, QuestionOutcome.UNDONE, None, None),
        (8, 16, QuestionOutcome.EXPIRED, None, None),
        (0, 16, QuestionOutcome.UNDONE, None, None),
        (16, 24, QuestionOutcome.SKIPPED, 25, None),
        (24, 32, QuestionOutcome.OPEN, None, None),
    ]
    counts = result.to_json()
    expected = {"queries": 5, "labels": 1, "skipped": 1, "expired": 1, "late": 1, "repeated": 0,
                "unknown": 1, "learned": 1, "undone": 1, "windows": 4, "scored": 0}  # fmt: skip
    assert {key: counts[key] for key in expected} == expected


def test_an_answer_taken_back_leaves_its_question_unanswered() -> None:
    ask: list[Event] = [Prediction(0, (0,), ()), Query(0, 9, 99), Label(10, 0, 1), Undo(12)]

    def outcome(*more: Event) -> tuple[QuestionOutcome, str | None, int]:
        line = read_timeline([*ask, *more], [], NAMES, window=8)
        return line.questions[0].outcome, line.questions[0].answer, line.undone

    assert outcome() == (QuestionOutcome.UNDONE, None, 1)
    assert outcome(Dropped(99, 0, Why.EXPIRED)) == (QuestionOutcome.EXPIRED, None, 1)
    assert outcome(Label(14, 0, 2)) == (QuestionOutcome.ANSWERED, "c", 1)
    assert outcome(Undo(13), Dropped(13, NO_WINDOW, Why.NOTHING_TO_UNDO)) == (QuestionOutcome.UNDONE, None, 1)


def test_an_answer_for_which_there_was_no_room_cannot_be_taken_back() -> None:
    answers: list[Event] = [
        Prediction(0, (0,), ()), Query(0, 9, 99), Label(9, 0, 1), Learned(9, 0, 1, 0),
        Prediction(8, (0,), ()), Query(8, 9, 99), Label(17, 8, 2),
    ]  # fmt: skip
    full = Dropped(17, 8, Why.FULL)

    def outcomes(*more: Event) -> tuple[list[QuestionOutcome], list[str | None]]:
        events = [*answers, *more, Prediction(16, (0,), ())]
        line = read_timeline(events, [], NAMES, window=8)
        assert line.labels == 2 and line.undone == 1
        return [q.outcome for q in line.questions], [row.persistence for row in line.rows]

    # The first answer is the newest that has an effect; the second is still the newest known.
    assert outcomes(full, Undo(18)) == ([QuestionOutcome.UNDONE, QuestionOutcome.ANSWERED], [None, "b", "c"])
    # What settles in the step of the undo itself settles before it.
    assert outcomes(Undo(17), full) == ([QuestionOutcome.UNDONE, QuestionOutcome.ANSWERED], [None, "b", "c"])
    # What settles later does not.
    later = Dropped(24, 8, Why.FULL)
    assert outcomes(Undo(18), later) == ([QuestionOutcome.ANSWERED, QuestionOutcome.UNDONE], [None, "b", "b"])


@given(configs(), scripts(), st.sampled_from([IMAGE.max_rows + IMAGE.max_heads + 1, 40]))
def test_answers_and_classes_stand_as_they_do_in_the_session(
    chosen: Config, script: Script, room: int
) -> None:
    image = replace(IMAGE, max_log=room)
    one = Session(image, chosen)
    events = [e for event, outputs in inputs(script, one) for e in (event, *outputs)]
    line = read_timeline(events, [], image.names, window=image.window)
    counts, state = one.counts, one._core.state[0]
    history = SessionHistory(ClassTree(image.names), image.window)
    for event in events:
        history.take(event)
    history.settle()
    changes = sum(change.undone_at is not None for change in history.changes)  # the core counts them together
    assert (line.labels, line.skipped, line.undone + changes) == (
        counts["answered"] + counts["taught"], counts["skipped"], counts["undone"],
    )  # fmt: skip
    assert line.names == one.names
    if counts["gave_way"]:  # no event says which label left a full log, so an undo may be followed wrongly
        return
    outcome = {q.window: (q.outcome, q.answer) for q in line.questions}
    # An answer keeps the name that its class had when it was given.
    named = {a.window: a.name for a in history.answers if a.counts}
    labels = Counter((int(e["window"]), int(e["cls"])) for e in one.log if e["kind"] == Entry.LABEL)
    assert labels <= Counter((a.window, a.cls) for a in history.answers if a.counts)
    for window in {window for window, _ in labels} & outcome.keys():
        assert outcome[window] == (QuestionOutcome.ANSWERED, named[window])
    waiting = sum(state["ask_status"][i] == Asked.ANSWERED for i in range(state["n_ask"]))
    assert line.standing + line.taught == labels.total() + waiting
    assert line.taught == sum(n for (window, _), n in labels.items() if window not in outcome)
    settled = {
        Asked.OPEN: {QuestionOutcome.OPEN, QuestionOutcome.UNDONE},
        Asked.ANSWERED: {QuestionOutcome.ANSWERED}, Asked.SKIPPED: {QuestionOutcome.SKIPPED},
        Asked.EXPIRED: {QuestionOutcome.EXPIRED},
    }  # fmt: skip
    for i in range(state["n_ask"]):
        assert outcome[int(state["ask_window"][i])][0] in settled[Asked(int(state["ask_status"][i]))]


def test_an_answer_for_which_the_log_was_full_is_known_all_the_same() -> None:
    events: list[Event] = [Label(3, 0, 1), Prediction(0, (0,), ()), Dropped(9, 0, Why.FULL)]
    assert persistence([*events, Prediction(8, (0,), ())]) == ["b", "b"]
    assert scored(events).to_json()["full"] == 1


def test_what_nobody_asked_for_is_counted_apart_from_questions() -> None:
    events: list[Event] = [
        Truth(0, 12, "a"), Prediction(0, (0,), ()), Query(0, 9, 99, 0), Label(9, 0, 1), Learned(9, 0, 1, 0),
        Prediction(16, (0,), ()), Query(16, 9, 99, 16), Teach(30, 2), Learned(30, 24, 2, 0), Teach(31, 2),
        Dropped(31, 24, Why.REPEATED),
    ]  # fmt: skip
    figures = scored(events).to_json()
    names = ("queries", "without_truth", "answers", "taught", "labels", "learned", "repeated")
    assert [figures[name] for name in names] == [2, 1, 1, 1, 2, 2, 1]
    assert [(q.since, q.truth) for q in scored(events).timeline.questions] == [(0, "a"), (16, None)]
    assert scored([*events, Undo(40)]).to_json()["taught"] == 0
    assert persistence([*events, Prediction(24, (0,), ())])[-1] == "c"


def test_what_is_measured_is_what_is_shown() -> None:
    events: list[Event] = [Truth(0, 24, "a"), Prediction(0, (1,), (), 0), Prediction(8, (0,), (), 1)]
    one = scored([*events, Prediction(16, (0,), ())])
    assert (one.score.accuracy, one.model.accuracy) == (2 / 3, 2 / 3)
    assert (one.score.accuracy_last_third, one.curve) == (1.0, (1.0, 0.5, 2 / 3))
    assert one.timeline.rows.named("predicted") == ["a", "b", "a"]
    assert one.timeline.rows.named("model") == ["b", "a", "a"] and one.recall == {"a": 2 / 3, "b": None}
    figures = one.to_json()
    assert (figures["model_accuracy"], figures["model_accuracy_last_third"]) == (2 / 3, 1.0)


def test_announced_classes_get_their_names_and_refused_ones_do_not() -> None:
    events: list[Event] = [
        AddClass(1, 5, "wave", 0), AddClass(2, 6, "jump", 0), Dropped(2, NO_WINDOW, Why.FULL),
        AddClass(3, 0, "thief", 0), Truth(0, 24, "wave"),
        Prediction(0, (5,), ()), Prediction(8, (6,), ()), Prediction(16, (0,), ()),
    ]  # fmt: skip
    result = scored(events)
    assert [row.predicted for row in result.timeline.rows] == ["wave", "class 6", "a"]
    assert result.classes == ("a", "wave", "class 6")  # by id, then names without one


@pytest.mark.parametrize("why", [Why.NO_SUCH_CLASS, Why.FULL])
def test_a_refused_split_leaves_a_class_announced_at_the_same_sample(why: Why) -> None:
    events: list[Event] = [AddClass(0, 9, "x", 0), Split(0, 77, 1), Dropped(0, NO_WINDOW, why)]
    line = read_timeline(events, [], NAMES, window=8)
    assert line.names == {**NAMES, 9: "x"} and line.added == ((0, "x"),)
    undo: list[Event] = [AddClass(0, 9, "x", 0), Undo(0), Dropped(0, NO_WINDOW, Why.NOTHING_TO_UNDO)]
    assert read_timeline(undo, [], NAMES, window=8).names[9] == "x"


# --- the edges --------------------------------------------------------------------------------


def test_no_windows_no_truth_one_class() -> None:
    nothing = scored([]).to_json()
    assert (nothing["windows"], nothing["accuracy"], nothing["baselines"]["majority"]["accuracy"]) == (
        0,
        None,
        None,
    )
    unlabelled = scored([Prediction(0, (0,), ())]).to_json()
    assert (unlabelled["windows"], unlabelled["scored"], unlabelled["accuracy"]) == (1, 0, None)
    one = scored([Truth(0, 8, "a"), Prediction(0, (0,), ())], [Prediction(0, (1,), ())])
    assert one.score.accuracy == one.score.macro_f1 == one.score.accuracy_last_third == 1
    assert one.baselines["no_learning"].accuracy == 0
    assert one.baselines["persistence"].macro_f1 == 0
    alone = scored([Truth(0, 8, "a"), Prediction(0, (0,), ())])
    assert alone.baselines["no_learning"].accuracy is None


def test_refusals_say_what_to_do() -> None:
    with pytest.raises(ValueError, match="no prediction for window 8"):
        scored([Prediction(0, (0,), ()), Prediction(8, (0,), ())], [Prediction(0, (0,), ())])
    with pytest.raises(ValueError, match="at least 1"):
        scored([], window=0)
    with pytest.raises(ValueError, match="samples per second"):
        evaluate([], [], NAMES, subject="7", window=8, rate_hz=float("nan"))
    with pytest.raises(ValueError, match="at least one"):
        mean_of([])


# --- several people ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def people() -> list[Evaluation]:
    return [
        evaluate(*session(seed), KNOWN, subject=str(seed), window=WINDOW, rate_hz=RATE_HZ, budget=20)
        for seed in (1, 2, 3)
    ]


def test_mean_worst_and_interval(people: list[Evaluation]) -> None:
    each = [one.to_json() for one in people]
    mean, worst = mean_of(people), worst_of(people)
    late = [one["accuracy_last_third"] for one in each]
    assert worst is not None and worst["accuracy_last_third"] == min(late)
    assert math.isclose(mean["accuracy_last_third"], sum(late) / 3)
    plain = [one["baselines"]["no_learning"]["macro_f1"] for one in each]
    assert math.isclose(mean["baselines"]["no_learning"]["macro_f1"], sum(plain) / 3)
    low, high = mean["interval"]
    assert min(late) <= low <= mean["accuracy_last_third"] <= high <= max(late)
    assert mean_of(people)["interval"] == [low, high]
    assert mean_of(people[:2])["interval"] is None
    empty = evaluate([], [], NAMES, subject="0", window=8, rate_hz=50)
    assert mean_of([empty, *people])["accuracy"] == mean["accuracy"]
    assert worst_of([empty]) is None


def test_figures_do_not_depend_on_the_order_of_sets() -> None:
    program = (
        "import json; from odl.evaluate import evaluate; from tests.helpers import synthetic\n"
        "for seed in range(4):\n"
        "    one = evaluate(*synthetic.session(seed), synthetic.KNOWN, subject='7', window=128, rate_hz=50)\n"
        "    print(json.dumps(one.to_json()), one.curve)\n"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])},
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert said[0].count("macro_f1") == 16 and said[0] == said[1]


def test_json_is_plain_and_names_what_is_promised(people: list[Evaluation]) -> None:
    figures = json.loads(json.dumps(people[0].to_json(), allow_nan=False))
    assert figures["windows"] == figures["scored"] == 14 * 27
    for score in (figures, *(figures["baselines"][b] for b in ("no_learning", "persistence", "majority"))):
        assert all(0 <= score[name] <= 1 for name in ("accuracy", "macro_f1", "accuracy_last_third"))
    assert figures["queries"] <= figures["budget"]
    assert figures["queries"] >= figures["labels"] + figures["skipped"] + figures["expired"] > 0


def test_seams_are_kept_for_the_picture(people: list[Evaluation]) -> None:
    seams = [e.start for e in session(1)[0] if isinstance(e, Gap)]
    assert people[0].timeline.gaps == tuple((start, 0) for start in seams)
    assert len(seams) == 14
