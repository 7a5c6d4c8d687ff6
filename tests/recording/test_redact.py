"""What is personal can be left out of a recording and of its tables."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import odl
from odl.cli.main import main
from odl.core.events import AddClass, Adopt, Event, Gap, Label, Origin, Samples, Undo
from odl.core.image import Image
from odl.core.rng import seed_of
from odl.core.state import Entry, log_dtype
from odl.data.conversion.convert import Source, redacted
from odl.evaluate.relabel import relabel
from odl.model.checkpoint import checkpoint
from odl.recording import read
from odl.recording.redact import KINDS, NOBODY, USUAL, kinds_of
from odl.wire import Start
from tests.helpers.conversion import IMAGE, block, facts, rows_of, start_of, written


def personal(walk: Path, path: Path) -> Path:
    """A real recording with all that can be personal in it."""
    recording = read(walk)
    config = dict(recording.start.config)
    config["session"] = config["session"] | {"subject": "Mary Roe", "begun": 1_700_000_000, "room": "of Mary"}
    events: list[Event] = []
    for event in recording.events:
        if isinstance(event, Label | AddClass):
            events.append(Origin(event.at, "notebook:Mary", 2500, 1_700_000_000_000))
        events.append(replace(event, why="Mary unplugged it") if isinstance(event, Gap) else event)
    return written(path, events, Start(config | {"by": "Mary"}, recording.start.image))


def test_the_usual_redaction_leaves_the_samples_and_nothing_personal(tmp_path: Path, walk: Path) -> None:
    path = personal(walk, tmp_path / "a.odl")
    source = Source(path, USUAL)
    redacted(source, tmp_path / "b.odl")
    data = (tmp_path / "b.odl").read_bytes()
    for word in (b"Mary", b"upright row", b"trapezius", b"1700000000"):
        start = read(tmp_path / "b.odl").start
        image = Image.from_bytes(start.image)
        # The model's card says which classes it was not trained on, which is about the model.
        card = json.dumps(image.card).encode()
        assert data.count(word) == card.count(word)
    before, after = facts(path), facts(tmp_path / "b.odl")
    assert (before[0], before[3]) == (after[0], after[3])
    assert not len(image.owners) and len(Image.from_bytes(read(path).start.image).owners)
    assert start.config["session"]["subject"] == NOBODY
    assert len(source.removed) == 5 and not source.same_trace
    again = odl.replay(tmp_path / "b.odl")
    assert again.outcomes[0].same_trace is None
    kinds = [type(e) for e in read(tmp_path / "b.odl").events]
    assert kinds == [type(e) for e in read(path).events if not isinstance(e, Origin)]


@pytest.mark.parametrize("what", ["origin", "subject", "names", "notes", "origin,subject,names,notes"])
def test_the_trace_is_equal_where_nothing_of_it_was_left_out(tmp_path: Path, walk: Path, what: str) -> None:
    source = Source(personal(walk, tmp_path / "a.odl"), kinds_of(what))
    redacted(source, tmp_path / "b.odl")
    assert source.same_trace and source.removed
    assert read(tmp_path / "b.odl").trace_sha256 == read(walk).trace_sha256
    assert odl.replay(tmp_path / "b.odl").outcomes[0].same_trace


def test_vectors_matter_only_where_something_was_learned(tmp_path: Path) -> None:
    file = odl.replay("shoulder", subjects=[7], policy="none", out=tmp_path).outcomes[0].file
    assert file is not None
    source = Source(file, ["vectors"])
    redacted(source, tmp_path / "b.odl")
    assert source.same_trace and odl.replay(tmp_path / "b.odl").outcomes[0].same_trace


def test_without_samples_the_rest_still_stands_where_it_stood(tmp_path: Path, walk: Path) -> None:
    source = Source(walk, ["samples"])
    redacted(source, tmp_path / "b.odl")
    recording = read(tmp_path / "b.odl")
    assert not any(isinstance(e, Samples) for e in recording.events)
    assert recording.position == read(walk).position
    assert recording.outputs == read(walk).outputs
    assert recording.start.config["session"]["redacted"] == {"left_out": ["samples"], "same_trace": False}


def test_a_state_taken_over_is_left_out_with_what_is_in_it(tmp_path: Path) -> None:
    state = b"a class called Mary"
    path = written(tmp_path / "a.odl", [Samples(0, block(5)), Adopt(5, 7, state), Samples(12, block(5))])
    for what in ("names", "vectors", "samples", "subject"):
        source = Source(path, [what])
        redacted(source, tmp_path / "b.odl", force=True)
        assert Gap(5, 7, "") in read(tmp_path / "b.odl").events
        assert b"Mary" not in (tmp_path / "b.odl").read_bytes() and not source.same_trace
    redacted(Source(path, ["origin"]), tmp_path / "c.odl")
    assert Adopt(5, 7, state) in read(tmp_path / "c.odl").events


def test_without_the_subject_answers_still_have_a_way(tmp_path: Path) -> None:
    path = written(tmp_path / "a.odl", [Samples(0, block(5)), Origin(5, "notebook:Mary", 1, 2), Undo(5)])
    redacted(Source(path, ["subject"]), tmp_path / "b.odl")
    assert Origin(5, "notebook", 1, 2) in read(tmp_path / "b.odl").events
    redacted(Source(path, ["origin"]), tmp_path / "c.odl")
    assert not any(isinstance(event, Origin) for event in read(tmp_path / "c.odl").events)


@pytest.mark.parametrize("policy", ["tactile-inforv", "random"])
def test_who_it_was_cannot_be_worked_out_from_the_seed(tmp_path: Path, policy: str) -> None:
    about = odl.replay("shoulder", subjects=[7], policy=policy, budget=3, out=tmp_path).outcomes[0]
    recording = read(about.file)
    assert recording.start.config["config"]["seed"] == seed_of(0, *b"7")
    source = Source(about.file, ["subject"])
    redacted(source, tmp_path / "b.odl")
    assert read(tmp_path / "b.odl").start.config["config"] == recording.start.config["config"] | {"seed": 1}
    assert source.same_trace is (policy != "random")
    again = odl.replay(tmp_path / "b.odl").outcomes[0].same_trace
    assert again is (None if policy == "random" else True)


def test_a_relabelled_recording_still_asks_about_the_same_windows(tmp_path: Path, walk: Path) -> None:
    own = tmp_path / "own.odl"
    own.write_bytes(walk.read_bytes())
    done = relabel(own)
    source = Source(done.recording, ["notes"])
    redacted(source, tmp_path / "b.odl")
    session = read(tmp_path / "b.odl").start.config["session"]
    assert session["asked"] and "relabelled" not in session
    assert source.same_trace and odl.replay(tmp_path / "b.odl").outcomes[0].same_trace


def test_a_worn_model_without_its_vectors_can_be_learned_on_from(tmp_path: Path) -> None:
    log = np.zeros(1, log_dtype(IMAGE.features))
    log["kind"], log["features"] = Entry.LABEL, 255 - IMAGE.stored[0]
    worn = checkpoint(IMAGE, log)
    assert worn.card["learned"]["vectors"] == 1
    path = written(tmp_path / "a.odl", [Samples(0, block(9))], start_of(worn))
    redacted(Source(path, ["vectors"]), tmp_path / "b.odl")
    image = Image.from_bytes(read(tmp_path / "b.odl").start.image)
    assert len(image.owners) == 0
    assert checkpoint(image, log).card["learned"] | {"from": ""} == {
        "from": "", "labels": 2, "classes": [], "vectors": 0
    }  # fmt: skip


def test_redacting_twice_remembers_the_first_time(tmp_path: Path, walk: Path) -> None:
    redacted(Source(walk, ["samples"]), tmp_path / "b.odl")
    source = Source(tmp_path / "b.odl", ["names"])
    redacted(source, tmp_path / "c.odl")
    about = read(tmp_path / "c.odl").start.config["session"]["redacted"]
    assert about == {"left_out": ["names", "samples"], "same_trace": False}


def test_tables_can_be_redacted_too(tmp_path: Path, walk: Path) -> None:
    path = personal(walk, tmp_path / "a.odl")
    arguments = [
        "convert",
        str(path),
        str(tmp_path / "a.csv"),
        "--events",
        str(tmp_path / "e.csv"),
        "--redact",
    ]
    assert main([*arguments, "--redact"]) == 0
    for file in ("a.csv", "a.csv.json", "e.csv"):
        text = (tmp_path / file).read_text(encoding="utf-8")
        assert "Mary" not in text and "upright row" not in text and "1700000000" not in text
    assert {row["truth"] for row in rows_of(tmp_path / "a.csv")} >= {"class 1", "class 2", "pendulum"}


@given(st.lists(st.sampled_from([*KINDS, "all"])))
def test_kinds_are_known_or_refused(words: list[str]) -> None:
    if "all" in words:
        with pytest.raises(ValueError, match="'all' cannot be left out"):
            kinds_of(",".join(words))
    else:
        assert set(kinds_of(",".join(words))) == (set(words) or set(USUAL))
