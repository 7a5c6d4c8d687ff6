"""Recordings of odl 0.1: read, reported, converted; run anew they say that the learner was another."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import odl
from odl.cli.main import main
from odl.core.adopted_state import read_adopted_state
from odl.core.config import Config
from odl.core.events import AddClass, Adopt, Event, Gap, Label, Query, Samples, Undo
from odl.core.image import Image
from odl.data.conversion.convert import to_recording, to_table
from odl.evaluate.as_recorded import recorded_result
from odl.evaluate.recorded import open_recording
from odl.evaluate.relabel import relabel
from odl.labels.edits import Edit, append_edits, edits_path
from odl.live.verify import verify
from odl.recording import Reader, RecordingError, Writer, read
from odl.recording.format_1 import LEARNER, converted, message_of
from odl.recording.redact import Source
from odl.recording.resume import resume
from odl.wire import FORMAT, CodecError, Problem, Start, encode, frame
from tests.golden.sessions import V0_1_0 as FOLDER

WALK, ADOPTED = FOLDER / "replay.odl", FOLDER / "adopted.odl"
HASHES = json.loads((FOLDER / "hashes.json").read_text("utf-8"))["recording"]


def test_it_is_read_as_a_recording_of_this_version() -> None:
    old = read(WALK)
    assert old.complete and old.problems == []
    assert old.start.config["format"] == list(FORMAT) and old.start.config["converted"] == [1, 0]
    settings = old.start.config["config"]
    assert (settings["every"], settings["floor"]) == (0, 0)
    assert (settings["hold"], settings["change"], settings["policy"]) == (True, 800, "tactile-inforv")
    config, image = Config.from_dict(settings), Image.from_bytes(old.start.image)
    assert config.policy == "tactile-inforv" and image.version == (2, 0) and image.epochs == 16
    assert len(old.outputs) == sum(HASHES["outputs"].values())
    queries = [event for event in old.events if isinstance(event, Query)]
    assert queries and all(query.since == query.window for query in queries)
    with Reader(WALK) as reader:
        assert reader.version == (1, 0)


def test_its_trace_is_that_of_the_bytes_as_they_were_written() -> None:
    assert read(WALK).trace_sha256 == HASHES["trace"]


def test_only_a_query_is_shorter() -> None:
    start = Start({}, b"")
    assert message_of(encode(Undo(3)), start) == Undo(3)
    old = encode(Query(64, 9, 500, 0))[:-8]
    assert message_of(old, start) == Query(64, 9, 500, 64)
    for data in (old[:-1], encode(Query(64, 9, 500, 0))):
        with pytest.raises(CodecError) as error:
            message_of(data, start)
        assert error.value.problem is Problem.LENGTH


# --- a board's state ------------------------------------------------------------------------


def test_a_board_s_state_is_read_as_one_of_this_version() -> None:
    """What the code of 0.1.0 read of it."""
    old = read(ADOPTED)
    image, config = Image.from_bytes(old.start.image), Config.from_dict(old.start.config["config"])
    (adopted,) = [event for event in old.events if isinstance(event, Adopt)]
    found = read_adopted_state(image, config, adopted.state)
    assert found.tree.names[9] == "hop" and found.tree.rows[-1] == (9, 0) and found.tree.tasks == (None, 1)
    assert found.undoable == ((8, 1), (24, 9)) and found.learned == {8, 24}  # one was taken back
    assert found.skip == 3
    assert found.questions == ((72, 312), (88, 328), (104, 344), (168, 408), (240, 480), (248, 488))
    assert (adopted.start, adopted.lost) == (160, 149)


@pytest.mark.parametrize("state", [b"", b"\x05\x00", bytes(100), bytes(20016)])
def test_a_state_that_is_none_is_skipped_and_told(tmp_path: Path, state: bytes) -> None:
    block = np.zeros((8, 3), np.int16)
    events: list[Event] = [Samples(0, block), Adopt(8, 4, state), Samples(12, block)]
    with Reader(ADOPTED) as reader:
        start = reader.start
    old = {**start.config, "format": [1, 0]}
    del old["converted"]
    path = tmp_path / "odd.odl"
    path.write_bytes(b"".join(frame(encode(m), n) for n, m in enumerate((Start(old, start.image), *events))))
    found = read(path)
    assert found.events == [events[0], events[2]]
    assert found.lost_frames == 1 and "is not understood" in found.problems[0]
    assert list(open_recording(path).stream.inputs())[1] == Gap(8, 4, "damaged recording")
    without = frame(encode(Start(old, b"")), 0) + frame(encode(events[1]), 1)
    path.write_bytes(without)
    assert read(path).lost_frames == 1


def test_a_broken_image_is_named_by_whoever_needs_it(tmp_path: Path) -> None:
    path = tmp_path / "odd.odl"
    path.write_bytes(frame(encode(Start({"format": [1, 0], "config": {}, "session": {}}, b"ODLM")), 0))
    assert read(path).start.image == b"ODLM"
    with pytest.raises(odl.OdlError, match=r"odd.odl: its model image: cut short"):
        open_recording(path)


# --- what runs anew says so -------------------------------------------------------------


@pytest.mark.parametrize("path", [WALK, ADOPTED], ids=["replay", "live"])
def test_a_replay_has_the_same_questions_and_answers_and_claims_nothing(path: Path) -> None:
    result = odl.replay(path)
    outcome, old = result.outcomes[0], read(path)
    assert outcome.same_trace is None and outcome.trace_sha256 != old.trace_sha256
    (note,) = [note for note in result.notes() if LEARNER in note]
    assert note.endswith("run anew with the learner of this version, so its trace is not compared with the "
                         "recorded one")  # fmt: skip
    assert not any("the recorded one" in other for other in result.notes() if other != note)
    given = [event for event in outcome.events if isinstance(event, Label | Undo | AddClass)]
    assert given == [event for event in old.events if isinstance(event, Label | Undo | AddClass)]
    asked = {event.window for event in outcome.events if isinstance(event, Query)}
    assert asked >= {event.window for event in old.events if isinstance(event, Query)} - set(range(300))


def test_a_new_session_on_its_samples_says_so_too(tmp_path: Path) -> None:
    result = odl.replay(WALK, policy="periodic", out=tmp_path)
    assert sum(LEARNER in note for note in result.notes()) == 1
    again = odl.replay(tmp_path / WALK.name)
    assert again.outcomes[0].same_trace and not any(LEARNER in note for note in again.notes())


def test_the_twins_are_equal_and_nothing_is_said_of_the_recorded_trace() -> None:
    verdict = verify(WALK, ["python"])
    assert verdict.equal and verdict.recorded is None and verdict.untraced.startswith(LEARNER)
    with pytest.raises(RecordingError, match="repeats the questions of an earlier session"):
        verify(WALK, ["python", "board"])


def test_a_report_shows_what_was_recorded() -> None:
    result, old = recorded_result(WALK), read(WALK)
    outcome = result.outcomes[0]
    assert outcome.events == tuple(old.events) and outcome.trace_sha256 == HASHES["trace"]
    counts = HASHES["counts"]
    known = [name for name in counts if name not in ("saturated", "refits", "gaps", "blocked")]
    assert {name: outcome.counts[name] for name in known} == {name: counts[name] for name in known}
    assert result.evaluations[0].baselines["no_learning"].accuracy is not None
    assert "this is what was recorded, not a replay" in " ".join(result.notes())
    assert "same_trace" not in json.dumps(result.to_json())


def test_it_cannot_be_resumed(tmp_path: Path) -> None:
    path = tmp_path / "walk.odl"
    data = WALK.read_bytes()
    path.write_bytes(data[:-40])
    for attempt in (resume, Writer.append):
        with pytest.raises(RecordingError, match=f"walk.odl: {LEARNER}, so it can be replayed"):
            attempt(path)
    assert path.read_bytes() == data[:-40]


def test_answers_are_edited_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "walk.odl"
    path.write_bytes(WALK.read_bytes())
    asked = next(event for event in read(path).events if isinstance(event, Query))
    append_edits(edits_path(path), HASHES["trace"], [Edit(asked.window, "pendulum")])
    done = relabel(path)
    assert done.edits == 1 and any(LEARNER in note for note in done.notes)


# --- conversion -----------------------------------------------------------------------------


@pytest.mark.parametrize("path", [WALK, ADOPTED], ids=["replay", "live"])
def test_converted_it_holds_the_same(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = tmp_path / "new.odl"
    assert main(["convert", str(path), str(new)]) == 0
    assert "converted from odl 0.1" in capsys.readouterr().out
    before, after = read(path), read(new)
    assert after.events == before.events and after.start == before.start and after.complete
    assert after.trace_sha256 != before.trace_sha256
    with Reader(new) as reader:
        assert reader.version == FORMAT
    first, second = odl.replay(path), odl.replay(new)
    assert first.outcomes[0].trace_sha256 == second.outcomes[0].trace_sha256
    assert second.outcomes[0].same_trace is None and any(LEARNER in note for note in second.notes())
    with pytest.raises(RecordingError, match=LEARNER):
        resume(new)
    assert main(["convert", str(new), str(tmp_path / "again.odl")]) == 2
    assert "new.odl is a recording already" in capsys.readouterr().err


def test_redacted_it_is_converted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = tmp_path / "new.odl"
    assert main(["convert", str(WALK), str(new), "--redact", "subject"]) == 0
    assert "converted from odl 0.1" in capsys.readouterr().out
    start = read(new).start
    assert start.config["converted"] == [1, 0] and start.config["session"]["redacted"]["same_trace"] is False
    assert any(LEARNER in note for note in odl.replay(new).notes())


def test_a_table_of_odl_0_1_becomes_a_recording(tmp_path: Path) -> None:
    table, card = tmp_path / "walk.csv", tmp_path / "walk.csv.json"
    to_table(Source(WALK), table, counts=True)
    facts = json.loads(card.read_text("utf-8"))
    facts["start"]["format"] = facts["start"].pop("converted")
    for name in ("every", "floor"):
        del facts["start"]["config"][name]
    card.write_text(json.dumps(facts))
    to_recording(table, tmp_path / "back.odl")
    assert read(tmp_path / "back.odl").start.config["config"] == read(WALK).start.config["config"]


def test_a_model_image_is_converted_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = FOLDER / "shoulder.odlm", tmp_path / "new.odlm"
    assert main(["show", str(old)]) == 0
    assert "1.0, by odl 0.1, converted to 2.0 when it was read" in capsys.readouterr().out
    assert main(["convert", str(old), str(new)]) == 0
    assert "converted from version 1.0, with the same weights" in capsys.readouterr().out
    assert new.read_bytes() == Image.from_bytes(old.read_bytes()).to_bytes()
    for source, target, sentence in (
        (new, tmp_path / "again.odlm", "a model image of this version already"),
        (old, tmp_path / "walk.odl", "converts to a model image"),
        (old, new, "the file exists"),
    ):
        assert main(["convert", str(source), str(target)]) == 2
        assert sentence in capsys.readouterr().err


def test_a_start_of_format_1_is_refused_by_the_writer(tmp_path: Path) -> None:
    start = replace(read(WALK).start, config={"format": [1, 0]})
    with pytest.raises(RecordingError, match=r"recording format 1.0; this odl reads 2.x"):
        Writer(tmp_path / "walk.odl", start)
    Writer(tmp_path / "walk.odl", converted(start)).close()
