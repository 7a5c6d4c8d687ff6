"""odl.replay: real people, figures, recordings that replay to the same trace."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from river.naive_bayes import MultinomialNB

import odl
from odl.core.config import Config
from odl.core.events import AddClass, Adopt, Label, Learned, Origin, Prediction, Query, Samples, Truth
from odl.core.image import Image
from odl.core.kernels.rules import POLICIES
from odl.core.trace import Trace
from odl.data import load_session, model_bytes
from odl.data.streams import dataset_streams
from odl.evaluate.options import Options
from odl.evaluate.result import Result
from odl.policies.on_host import DualRVOnHost
from odl.recording import Writer, read
from odl.wire import Start


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return odl.replay("shoulder", subjects=[7, 9], out=tmp_path_factory.mktemp("out"), seed=3)


def test_learning_helps_people_never_seen() -> None:
    """Well below the figure in the README, so that only a broken learner fails."""
    gains = []
    for seed in (0, 1):
        for one in odl.replay("shoulder", seed=seed).evaluations:
            before = one.baselines["no_learning"].accuracy_last_third
            after = one.score.accuracy_last_third
            assert before is not None and after is not None
            gains.append(after - before)
    assert np.mean(gains) > 0.05


def test_the_shipped_model_never_saw_the_test_people_or_two_exercises() -> None:
    image = Image.from_bytes(model_bytes("shoulder"))
    assert set(image.card["trained_on"]) == set("123456")
    assert set(image.card["held_out_classes"]) == {"trapezius extension", "upright row"}
    assert not set(image.card["held_out_classes"]) & set(image.names.values())


def test_budget_is_exact_and_new_classes_arrive_as_events(result: Result) -> None:
    for one in result.outcomes:
        assert 10 <= sum(isinstance(e, Query) for e in one.events) <= 20
        added = {e.name for e in one.events if isinstance(e, AddClass)}
        assert added <= {"trapezius extension", "upright row"}
        assert any(isinstance(e, Learned) for e in one.events)


def test_answers_come_ten_seconds_late(result: Result) -> None:
    window = result.image.window
    for one in result.outcomes:
        asked = {e.window for e in one.events if isinstance(e, Query)}
        for label in (e for e in one.events if isinstance(e, Label)):
            assert label.window in asked
            assert label.at == label.window + window + 500


def test_same_seed_same_trace_another_seed_another(result: Result) -> None:
    again = odl.replay("shoulder", subjects=[7, 9], seed=3)
    other = odl.replay("shoulder", subjects=[7], seed=4)
    assert [o.trace_sha256 for o in again.outcomes] == [o.trace_sha256 for o in result.outcomes]
    assert other.outcomes[0].trace_sha256 != result.outcomes[0].trace_sha256


def test_a_recording_replays_to_the_same_trace_and_the_same_bytes(result: Result, tmp_path: Path) -> None:
    for one in result.outcomes:
        assert one.file is not None
        again = odl.replay(one.file, out=tmp_path)
        assert again.outcomes[0].same_trace is True
        assert again.outcomes[0].trace_sha256 == one.trace_sha256
        first, second = read(one.file), read(tmp_path / one.file.name)
        assert second.events == first.events
        assert again.evaluations[0].score == result.evaluations[result.outcomes.index(one)].score


def test_a_recording_can_be_asked_anew(result: Result) -> None:
    file = result.outcomes[0].file
    assert file is not None
    other = odl.replay(file, policy="random", budget=5)
    assert other.outcomes[0].same_trace is None
    assert sum(isinstance(e, Query) for e in other.outcomes[0].events) == 5


def test_a_recording_is_whole_and_for_its_owner_only(result: Result) -> None:
    file = result.outcomes[0].file
    assert file is not None
    assert file.stat().st_mode & 0o077 == 0
    recording = read(file)
    assert recording.complete and not recording.problems
    assert sum(len(e.block) for e in recording.events if isinstance(e, Samples)) == result.outcomes[0].samples
    assert sum(isinstance(e, Truth) for e in recording.events) == 14
    assert recording.start.image == model_bytes("shoulder")


def test_tables(result: Result) -> None:
    windows = sum(isinstance(e, Prediction) for o in result.outcomes for e in o.events)
    assert len(result.predictions) == windows
    assert len(result.queries) == sum(e.queries for e in result.evaluations)
    assert list(result.metrics["subject"]) == ["7", "9"]
    for table in (result.metrics, result.predictions, result.queries):
        assert list(table.columns[:3]) == ["policy", "seed", "subject"]
        assert set(table["policy"]) == {"novel-segments"} and set(table["seed"]) == {3}


def test_times_stand_in_seconds_beside_samples(result: Result) -> None:
    queries = result.queries
    for column in ("window", "asked_at", "answered_at"):
        assert np.allclose(queries[f"{column}_seconds"], queries[column] / 50, equal_nan=True)
    assert np.allclose(result.predictions["seconds"], result.predictions["window"] / 50)
    assert np.allclose(result.metrics["seconds"], result.metrics["samples"] / 50)


def test_subjects_are_strings_and_numbers_are_taken() -> None:
    ways: list[list[str | int]] = [["8"], [8]]
    one, other = (odl.replay("shoulder", subjects=way, policy="none") for way in ways)
    assert one.outcomes[0].subject == other.outcomes[0].subject == "8"
    assert one.outcomes[0].trace_sha256 == other.outcomes[0].trace_sha256


def test_a_subject_can_be_a_number_of_numpy_but_no_fraction() -> None:
    assert odl.replay("shoulder", subjects=np.array([8]), policy="none").outcomes[0].subject == "8"
    for value in (7.5, float("nan"), None):
        with pytest.raises(odl.OdlError, match="is no subject; give a name or a number"):
            odl.replay("shoulder", subjects=[value])  # type: ignore[list-item]


def test_no_policy_asks_and_learns_nothing() -> None:
    one = odl.replay("shoulder", policy="none", subjects=[8])
    kinds = {type(e).__name__ for e in one.outcomes[0].events}
    assert kinds == {"Samples", "Truth", "Gap", "Prediction"}
    score = one.evaluations[0]
    assert score.score == score.baselines["no_learning"]
    assert len(one.queries) == 0 and {"subject", "window", "outcome", "answer"} <= set(one.queries.columns)


@pytest.mark.parametrize("policy", POLICIES[1:])
def test_policies_keep_the_budget_in_each_period(policy: str) -> None:
    for budget, allowed, period in ((7, 7, 0), ("2%", 1, 50), ("30/h", 30, 180_000), ("5/day", 5, 4_320_000)):
        one = odl.replay("shoulder", policy=policy, budget=budget, subjects=[8])
        config, queries = one.outcomes[0].config, one.queries
        assert (config.allowed, config.period) == (allowed, period)
        number = np.searchsorted(one.predictions["window"], queries["window"])
        at = queries["asked_at"].to_numpy(np.int64) - 1 if config.in_samples else number
        asked = np.bincount(at // period if period else 0 * at, minlength=1)
        assert max(asked) <= allowed
        if budget == 7 and policy in ("random", "periodic"):
            assert list(asked) == [7]


def test_questions_keep_their_distance() -> None:
    for policy in ("novel-segments", "random", lambda window, scores: True):
        one = odl.replay("shoulder", policy=policy, every=12.5, budget=30, subjects=[8])
        times = one.queries["asked_at"].to_numpy()
        assert one.outcomes[0].config.every == 625 and len(times) > 1 and np.diff(times).min() >= 625


def test_nothing_below_the_floor_is_asked_and_what_is_left_is_said() -> None:
    one = odl.replay("shoulder", floor=65535, subjects=[8], budget=20)
    assert len(one.queries) == 0
    assert [note for note in one.notes() if note.startswith("person")] == [
        "person 8: 20 of 20 questions were not needed: nothing seen was new enough"
    ]


def test_a_refusing_person_teaches_nothing() -> None:
    one = odl.replay("shoulder", refuse=1.0, subjects=[8], budget=5)
    kinds = [type(e) for e in one.outcomes[0].events]
    assert Learned not in kinds and AddClass not in kinds
    assert one.outcomes[0].counts["skipped"] == 5


def test_late_answers_find_their_question_expired() -> None:
    one = odl.replay("shoulder", delay=30, patience=20, subjects=[8], budget=5)
    counts = one.outcomes[0].counts
    assert counts["expired"] == 5 and counts["answered"] == 0
    assert counts["late"] + counts["unknown"] > 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"source": "shoulders"}, "and no such folder; known datasets: "),
        ({"policy": "tactile"}, "tactile-inforv"),
        ({"subjects": [11]}, "there are 1, 2, 3"),
        ({"subjects": [7, 7]}, "twice"),
        ({"subjects": []}, "no subjects"),
        ({"budget": 0}, "above zero"),
        ({"budget": -4}, "above zero"),
        ({"budget": "often"}, "12/h"),
        ({"budget": "200%"}, "100%"),
        ({"batch": 0}, "`batch` is 0"),
        ({"delay": -1}, "`delay` is -1"),
        ({"patience": float("inf")}, "`patience` is inf"),
        ({"patience": 0}, "`patience` is 0; it can be above 0"),
        ({"error": 2}, "`error` is 2"),
        ({"seed": -1}, "`seed` is -1"),
        ({"subjects": 7}, "give a list"),
        ({"subjects": ["7", 7]}, "twice"),
        ({"subjects": ["P7"]}, "no subject P7"),
        ({"hold": "yes"}, "`hold` is"),
        ({"model": "missing.odlm"}, "missing.odlm"),
        (
            {"policy": "random", "floor": 9},
            "`floor` is a setting of novel-segments; the policy random has the",
        ),
        ({"policy": "none", "batch": 2}, "the policy none has no settings"),
        ({"policy": "margin", "step": 2}, "tactile-dualrv; the policy margin has the setting `batch`"),
        ({"policy": lambda window, scores: True, "floor": 9}, "has the setting `batch`"),
        ({"step": 2}, "the policy novel-segments has the settings `batch` and `floor`"),
        ({"labeller": lambda query: None, "error": 0.5}, "`error` is of the oracle, and `labeller` is"),
    ],
)
def test_bad_input_is_one_sentence(arguments: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=".") as caught:
        odl.replay(**({"source": "shoulder"} | arguments))  # type: ignore[arg-type]
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_older_recordings_without_patience_open() -> None:
    assert Options.from_dict({"patience": 0}).changed({"delay": 5.0}).patience == 0


def damaged_images() -> Iterable[tuple[str, bytes, str]]:
    good = model_bytes("shoulder")
    yield "version", good[:8] + b"\x07" + good[9:], "version 7"
    yield "checksum", good[:5000] + bytes([good[5000] ^ 1]) + good[5001:], "checksum"
    yield "short", good[:9000], "9000 bytes"
    yield "empty", b"", "this is an empty file, and a model image"
    yield "foreign", b"\x89PNG" + good[4:], "this is a picture, and a model image"


@pytest.mark.parametrize(("name", "content", "says"), list(damaged_images()))
def test_a_bad_model_image_is_refused(name: str, content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.odlm"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=says):
        odl.replay("shoulder", model=path)


def changed_image(tmp_path: Path, **changes: object) -> Path:
    """The shipped image with other fields."""
    image = replace(Image.from_bytes(model_bytes("shoulder")), **changes)  # type: ignore[arg-type]
    path = tmp_path / "changed.odlm"
    path.write_bytes(image.to_bytes())
    return path


def test_another_model_on_a_recording_is_scaled_anew_or_refused(result: Result, tmp_path: Path) -> None:
    file = result.outcomes[0].file
    assert file is not None
    channels = result.image.channels
    wide = changed_image(tmp_path, channels=tuple(replace(c, scale=4 * c.scale) for c in channels))
    other = odl.replay(file, model=wide).outcomes[0].config
    assert other.shift == tuple(s + 2 for s in result.outcomes[0].config.shift)
    fast = changed_image(tmp_path, rate_hz=104.0)
    with pytest.raises(ValueError, match="50 Hz, but the model wants 104 Hz"):
        odl.replay(file, model=fast)
    lux = changed_image(tmp_path, channels=tuple(replace(c, unit="lux") for c in channels))
    with pytest.raises(ValueError, match="is in g, but the model wants lux"):
        odl.replay(file, model=lux)


def test_a_recording_keeps_the_options_that_it_was_made_with(tmp_path: Path) -> None:
    made = odl.replay(
        "shoulder", subjects=[8], policy="random", budget="30/h", batch=3, patience=20, seed=4, out=tmp_path
    )
    file = made.outcomes[0].file
    assert file is not None
    again = odl.replay(file)
    assert again.about == made.about and again.seed == 4
    held = odl.replay(file, hold=True)
    assert held.outcomes[0].config == replace(made.outcomes[0].config, hold=True)
    other = odl.replay(file, seed=5)
    assert other.outcomes[0].config.seed != made.outcomes[0].config.seed
    same = odl.replay(file, seed=4)
    assert same.outcomes[0].trace_sha256 == made.outcomes[0].trace_sha256


@pytest.mark.parametrize("by", ["terminal:P3", "button", "truth"])
def test_settings_of_a_recording_are_those_that_applied(by: str, result: Result, tmp_path: Path) -> None:
    """Where somebody answered, nobody chose how late and how often wrongly truth does."""
    file = result.outcomes[0].file
    assert file is not None
    with Writer(tmp_path / "by.odl", read(file).start) as writer:
        for event in read(file).events:
            if isinstance(event, Label):
                writer.write(Origin(event.at, by, 900, 0))
            writer.write(event)
    again = odl.replay(tmp_path / "by.odl")
    assert again.outcomes[0].same_trace
    of_truth = {"answers after", "refused, wrong answers"}
    assert set(result.about) - set(again.about) == (set() if by == "truth" else of_truth)


def test_a_hostile_start_is_one_sentence(result: Result, tmp_path: Path) -> None:
    file = result.outcomes[0].file
    assert file is not None
    recording = read(file)
    config, image = recording.start.config, recording.start.image
    bad: list[dict[str, object]] = [
        {"session": [1]},
        {"session": {"options": [2]}},
        {"session": {"options": {"policy": 7}}},
        {"session": {"options": {"unknown": 1}}},
        {"config": "none"},
        {"config": {}},
        {"config": config["config"] | {"batch": "4"}},
        {"config": config["config"] | {"mult": [1]}},
    ]
    for change in bad:
        path = tmp_path / "hostile.odl"
        Writer(path, Start(config | change, image)).close()
        with pytest.raises(ValueError, match=r"hostile\.odl|input scaling"):
            odl.replay(path)
    odd: list[dict[str, object]] = [{"session": {"channels": 5, "rate_hz": "fast", "subject": ["x"]}}]
    for change in odd:
        Writer(path, Start(config | change, image)).close()
        assert len(odl.replay(path).outcomes) == 1


def test_no_room_for_a_class_or_a_label_is_told(tmp_path: Path) -> None:
    narrow = odl.replay("shoulder", subjects=[8], model=changed_image(tmp_path, max_rows=5))
    assert any("no room for another class" in note for note in narrow.notes())
    assert narrow.outcomes[0].counts["no_such_class"] == 0
    model = changed_image(tmp_path, max_log=29)
    short = odl.replay("shoulder", subjects=[8], model=model, policy="random", budget=40)
    assert any("labels left the full log for newer ones" in note for note in short.notes())
    assert short.evaluations[0].score.accuracy is not None


def test_random_spends_exactly_the_same_budget() -> None:
    for budget in (20, 40):
        for policy in ("random", "periodic"):
            run = odl.replay("shoulder", policy=policy, budget=budget)
            assert [e.queries for e in run.evaluations] == [budget] * 4


def test_a_result_is_short_to_look_at(result: Result) -> None:
    lines = repr(result).splitlines()
    assert len(lines) == 5 and max(map(len, lines)) <= 80
    assert lines[0] == "odl.Result: shoulder, policy novel-segments, seed 3"


def test_a_notebook_gets_a_table_without_markup_of_others(result: Result) -> None:
    named = replace(result, source="<b>shoulder</b>")
    assert named._repr_html_().count("<tr>") == 3
    assert "<b>" not in named._repr_html_()


def test_a_picture_and_a_report_of_a_result(result: Result, tmp_path: Path) -> None:
    assert len(result.plot(9).axes) == 3
    with pytest.raises(odl.OdlError, match="subject is 8, who is not in this result; there are 7, 9"):
        result.plot("8")
    page = result.report(tmp_path / "new" / "page.html", command="odl replay shoulder")
    text = page.read_text(encoding="utf-8")
    assert "odl: shoulder" in text and "odl replay shoulder" in text


# --- parts and samples of one's own -------------------------------------------------------

UNITS = ["g"] * 3 + ["rad/s"] * 3


def eager(window: odl.Window, scores: odl.Scores) -> bool:
    return True


@pytest.fixture(scope="module")
def walk() -> pandas.DataFrame:
    """A person's recordings in physical units, with their labels."""
    stream = dataset_streams("shoulder", ["7"], 0)[0]
    blocks = [event.block for event in stream.inputs() if isinstance(event, Samples)]
    names, _, scales = zip(*(stream.channels or ()), strict=True)
    frame = pandas.DataFrame(np.concatenate(blocks) * scales, columns=names)
    labels = np.repeat([truth.name for truth in stream.truths], [t.end - t.start for t in stream.truths])
    return frame.assign(activity=labels)[:8000]


def test_a_function_is_a_policy_within_the_exact_budget(tmp_path: Path) -> None:
    one = odl.replay("shoulder", policy=eager, budget=7, subjects=["8"], out=tmp_path)
    assert len(one.queries) == 7 and one.host_only == ("policy eager",)
    assert set(one.metrics["policy"]) == {"eager"} and "host only: policy eager" in repr(one)
    assert any("ran in Python only" in note for note in one.notes())
    file = one.outcomes[0].file
    assert file is not None
    assert read(file).start.config["session"]["host_only"] == ["policy eager"]
    with pytest.raises(odl.OdlError, match="recorded with policy eager, which a recording cannot contain"):
        odl.replay(file)
    again = odl.replay(file, policy=eager, budget=7)
    assert again.outcomes[0].trace_sha256 == one.outcomes[0].trace_sha256
    assert odl.replay(file, policy="random", budget=3).host_only == ()


def test_a_recorded_part_of_one_s_own_is_passed_again_or_replaced_by_name(tmp_path: Path) -> None:
    one = odl.replay("shoulder", learner=MultinomialNB(), budget=3, subjects=["8"], out=tmp_path)
    file = one.outcomes[0].file
    with pytest.raises(odl.OdlError, match="recorded with learner MultinomialNB, which a recording cannot"):
        odl.replay(file, labeller=lambda query: "wave")
    with pytest.raises(odl.OdlError, match="recorded with learner MultinomialNB, which a recording cannot"):
        odl.replay(file, policy=eager)
    again = odl.replay(file, learner=MultinomialNB())
    assert again.outcomes[0].trace_sha256 == one.outcomes[0].trace_sha256
    heads = odl.replay(file, learner="dendron")
    assert heads.host_only == () and heads.outcomes[0].same_trace is None
    assert odl.replay(file, policy="random").host_only == ()


def test_a_function_asks_in_a_recording_that_asked_nothing(tmp_path: Path) -> None:
    silent = odl.replay("shoulder", policy="none", subjects=["8"], out=tmp_path).outcomes[0].file
    assert len(odl.replay(silent, policy=eager, budget=3).queries) == 3


def test_a_policy_that_asks_too_little_is_told() -> None:
    one = odl.replay("shoulder", policy=lambda window, scores: False, budget=3, subjects=["8"])
    assert "0 of 3 questions asked, because the policy chose too few windows" in " ".join(one.notes())


def test_a_policy_by_name_or_object_is_the_same() -> None:
    named = odl.replay("shoulder", policy="tactile-dualrv", step=5, subjects=["8"])
    made = odl.replay("shoulder", policy=odl.policies.DualRV(step=5), subjects=["8"])
    assert made.outcomes[0].trace_sha256 == named.outcomes[0].trace_sha256
    assert made.host_only == () and made.outcomes[0].config.step == 5


def test_a_rule_that_the_host_alone_has_learns_in_batches_as_the_core_does() -> None:
    core, host = (
        odl.replay("shoulder", policy=policy, budget=10, step=5, subjects=["8"])
        for policy in ("tactile-dualrv", DualRVOnHost("margin"))
    )
    assert host.outcomes[0].config.batch == core.outcomes[0].config.batch == 4
    assert list(host.queries["window"]) == list(core.queries["window"])


def test_a_river_classifier_is_a_learner_for_each_person_anew() -> None:
    classifier = MultinomialNB()
    both = odl.replay("shoulder", learner=classifier, budget=5, subjects=["7", "8"])
    alone = odl.replay("shoulder", learner=classifier, budget=5, subjects=["8"])
    assert both.host_only == ("learner MultinomialNB",)
    assert both.outcomes[1].trace_sha256 == alone.outcomes[0].trace_sha256
    assert alone.evaluations[0].score.accuracy is not None


def test_a_function_is_a_labeller_after_the_delay() -> None:
    one = odl.replay("shoulder", labeller=lambda query: "wave", delay=2, budget=3, subjects=["7"])
    labels = [e for e in one.outcomes[0].events if isinstance(e, Label)]
    assert [label.at - label.window for label in labels] == [128 + 100] * 3
    assert one.host_only == () and set(one.queries["answer"]) == {"wave"}


def test_samples_of_one_s_own_in_every_form(walk: pandas.DataFrame) -> None:
    values, labels = walk.iloc[:, :6].to_numpy(), walk["activity"].tolist()
    form = {"model": "shoulder", "rate_hz": 50, "units": UNITS, "budget": "60/h"}
    framed = odl.replay(walk, labels="activity", subjects=["P3"], **form)
    arrayed = odl.replay(values, labels=labels, subjects=["P3"], **form)
    streamed = odl.replay(iter(values), labels=labels, subjects=["P3"], **form)
    traces = {one.outcomes[0].trace_sha256 for one in (framed, arrayed, streamed)}
    assert len(traces) == 1 and framed.outcomes[0].subject == "P3"
    assert (framed.queries["outcome"] == "answered").any()
    assert framed.evaluations[0].score.accuracy is not None


def test_a_length_that_is_not_known_needs_a_budget_per_time(walk: pandas.DataFrame) -> None:
    values = walk.iloc[:, :6].to_numpy()
    form = {"model": "shoulder", "rate_hz": 50, "units": UNITS}
    assert odl.replay(iter(values), **form).outcomes[0].config.allowed == 12
    with pytest.raises(odl.OdlError, match="budget is 20 for the whole session, but the source's length"):
        odl.replay(iter(values), budget=20, **form)


def test_what_was_lost_is_told(walk: pandas.DataFrame) -> None:
    values = walk.iloc[:1000, :6].to_numpy(copy=True)
    values[10, 0] = 1000.0
    one = odl.replay(values, model="shoulder", rate_hz=50, units=UNITS, budget=2)
    notes = " ".join(one.notes())
    assert "beyond the model's range" in notes and "each question was skipped" in notes
    assert one.metrics["saturated"][0] >= 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"source": np.zeros((9, 6))}, "source is a ndarray, which implies no model"),
        ({"source": 7, "model": "shoulder", "rate_hz": 50, "units": "g"}, "source is the int 7"),
        (
            {"source": np.zeros((9, 6)), "model": "shoulder", "subjects": ["../P3"]},
            "subjects names '../P3', which cannot name the recording's file",
        ),
        (
            {"source": np.zeros((9, 6)), "model": "shoulder", "subjects": "P3"},
            r"subjects is 'P3'; give a list, as in \['P3'\]",
        ),
        (
            {"source": np.zeros((200, 6)), "model": "shoulder", "rate_hz": 50, "units": "foo"},
            "channel ax is in foo, but the model wants g",
        ),
        ({"labeller": lambda query: "", "subjects": ["8"]}, "'' cannot be a class: empty, over 32 bytes"),
        ({"rate_hz": 50}, "`rate_hz` is for your own samples"),
        ({"policy": 5}, r"policy is the int 5; it can be a name \(none, tactile-inforv, .*\), a function"),
        (
            {"learner": "trees"},
            "there is no learner 'trees'; choose from dendron, last-layer, .*, or write package.module:Class",
        ),
        ({"learner": 5}, "learner is the int 5; it can be a river classifier"),
        ({"labeller": 5}, "labeller is the int 5; it can be a function"),
    ],
)
def test_a_part_that_does_not_fit_is_one_sentence(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(odl.OdlError, match=says) as caught:
        odl.replay(**({"source": "shoulder"} | arguments))
    assert "\n" not in str(caught.value)


def test_a_class_that_a_board_added_while_the_line_was_lost_has_its_name() -> None:
    result = odl.replay("shoulder", budget=1, subjects=["7"])
    (one,) = result.outcomes
    board, wave = odl.Session(result.image, one.config), max(result.image.names) + 1
    board.step(AddClass(0, wave, "wave", 0))
    events = (Adopt(0, 0, board.snapshot()), Prediction(0, (wave,), ()))
    result = replace(result, outcomes=(replace(one, trace=Trace.of(events), without=Trace()),))
    assert result.evaluations[0].timeline.rows[0].predicted == "wave"


def test_a_source_that_fails_leaves_a_recording_of_what_came_before(tmp_path: Path) -> None:
    block = load_session("shoulder", 7)[0].block[:900]
    image = Image.from_bytes(model_bytes("shoulder"))

    def failing() -> Iterable[Samples]:
        yield from (Samples(0, block[:640]), Samples(640, block[640:]))
        raise ConnectionError

    with pytest.raises(ConnectionError):
        odl.replay(
            failing(), model=image, rate_hz=50.0, labeller=lambda query: "pendulum", out=tmp_path,
            units=[c.unit for c in image.channels], scale=[c.scale for c in image.channels],
        )  # fmt: skip
    (file,) = tmp_path.iterdir()
    recording = read(file)
    samples = [event for event in recording.events if isinstance(event, Samples)]
    assert np.array_equal(np.concatenate([event.block for event in samples]), block)
    assert not recording.complete and len(recording.outputs) > 10


def test_truths_of_more_names_than_there_can_be_classes_are_refused(tmp_path: Path) -> None:
    """A report of 6,653 names took 22 s."""
    config = Config(mult=(1,) * 6, shift=(8,) * 6, offset=(0,) * 6).to_dict()
    start = Start({"format": [2, 0], "config": config}, model_bytes("shoulder"))
    for names in (255, 256):
        with Writer(tmp_path / f"{names}.odl", start) as writer:
            for i in range(names):
                writer.write(Truth(i, i + 1, f"class {i}"))
    assert odl.replay(tmp_path / "255.odl").evaluations[0].windows == 0
    with pytest.raises(odl.OdlError, match="256 different names, but a session tells at most 255 classes"):
        odl.replay(tmp_path / "256.odl")
