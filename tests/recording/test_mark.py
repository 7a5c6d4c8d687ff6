"""Ranges of a finished recording are marked: its truth changes, and nothing else in it."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import odl
from odl.cli.main import main
from odl.core.events import Gap, Samples, Truth
from odl.data import open_dataset
from odl.evaluate.recorded import open_recording
from odl.recording import RecordingError, Writer, read
from odl.recording.mark import Range, mark, range_in
from odl.wire import Start

START = Start({"session": {"rate_hz": 10.0, "channels": [["ax", "g", 0.001]], "subject": "P1"}}, b"")


def recorded(path: Path, *truths: Truth, end: bool = True) -> Path:
    writer = Writer(path, START)
    for at in range(0, 300, 20):
        writer.write(Samples(at, np.full((20, 1), at, np.int16)) if at != 100 else Gap(100, 20, "lost"))
        for truth in truths:
            if at < truth.end <= at + 20:
                writer.write(truth)
    writer.close() if end else writer.leave()
    return path


ranges = st.lists(
    st.tuples(st.integers(0, 290), st.integers(1, 200), st.sampled_from(["walk", "run", None])), max_size=8
)


@settings(deadline=None)
@given(ranges)
def test_each_sample_has_the_name_that_was_given_last(tmp_path_factory: pytest.TempPathFactory, chosen: list[
    tuple[int, int, str | None]
]) -> None:  # fmt: skip
    path = recorded(tmp_path_factory.mktemp("mark") / "a.odl", Truth(30, 80, "sit"), Truth(80, 90, "run"))
    known: list[str | None] = [None] * 30 + ["sit"] * 50 + ["run"] * 10 + [None] * 210
    for start, length, name in chosen:
        known[start : start + length] = [name] * len(known[start : start + length])
    before = [e for e in read(path).events if not isinstance(e, Truth)]
    truths = mark(path, [Range(start / 10, (start + length) / 10, name) for start, length, name in chosen])
    got: list[str | None] = [None] * 300
    for truth in truths:
        got[truth.start : truth.end] = [truth.name] * (truth.end - truth.start)
    assert got == known
    after = read(path)
    assert [e for e in after.events if isinstance(e, Truth)] == truths and after.complete
    rest = [e for e in after.events if not isinstance(e, Truth)]
    assert [type(e) for e in rest] == [type(e) for e in before] and after.position == 300
    assert all(np.array_equal(a.block, b.block) for a, b in zip(rest, before, strict=True)
               if isinstance(a, Samples) and isinstance(b, Samples))  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["", "walk", "3=walk", "3:=walk", "5:4=walk", "-1:4=walk", "nan:4=a", "1:inf=a"],
)
def test_a_text_that_is_no_range_says_how_one_is_written(text: str) -> None:
    with pytest.raises(ValueError, match="is no range; write seconds and a name"):
        range_in(text)


@pytest.mark.parametrize(
    ("start", "end"), [(7, 7), (5, 4), (1, 1.001), (-1, 4), (float("nan"), 4), (1, float("inf"))]
)
def test_a_range_without_a_sample_is_refused_as_that(tmp_path: Path, start: float, end: float) -> None:
    path = recorded(tmp_path / "a.odl")
    whole = path.read_bytes()
    with pytest.raises(ValueError, match=f"no sample is from second {start:g} to second {end:g}"):
        mark(path, [Range(start, end, "walk")])
    assert path.read_bytes() == whole


def test_a_range_behind_the_end_and_a_damaged_file_change_nothing(tmp_path: Path) -> None:
    path = recorded(tmp_path / "a.odl")
    whole = path.read_bytes()
    with pytest.raises(ValueError, match="30.0 s long; 30:31 lies behind its end"):
        mark(path, [Range(1, 2, "walk"), Range(30, 31, "walk")])
    assert path.read_bytes() == whole
    with pytest.raises(ValueError, match="is no label: a name has 1 to 32 bytes"):
        mark(path, [range_in("1:2=" + 33 * "x")])
    assert path.read_bytes() == whole
    path.write_bytes(whole[:400] + bytes(60) + whole[460:])
    with pytest.raises(RecordingError, match="damaged before its end"):
        mark(path, [Range(1, 2, "walk")])
    bare = tmp_path / "bare.odl"
    Writer(bare, Start({}, b"")).close()
    with pytest.raises(RecordingError, match="does not say how many samples a second"):
        mark(bare, [Range(1, 2, "walk")])


def test_a_recording_that_is_being_written_is_refused_and_a_cut_one_stays_resumable(tmp_path: Path) -> None:
    path = tmp_path / "a.odl"
    with Writer(path, START) as writer:
        writer.write(Samples(0, np.zeros((50, 1), np.int16)))
        writer.flush()
        with pytest.raises(OSError, match="another writer"):
            mark(path, [Range(1, 2, "walk")])
    cut = recorded(tmp_path / "cut.odl", end=False)
    mark(cut, [Range(1, 2, "walk")])
    assert not read(cut).complete
    assert stat.S_IMODE(os.stat(cut).st_mode) == 0o600


def test_marking_keeps_trace_answers_and_model(tmp_path: Path) -> None:
    odl.replay("shoulder", subjects=[8], budget=4, out=tmp_path)
    path = tmp_path / "shoulder-8.odl"
    before = open_recording(path)
    mark(path, [Range(20, 30, "rowing")])
    after = open_recording(path)
    assert after.recording.trace_sha256 == before.recording.trace_sha256
    assert odl.replay(path).outcomes[0].same_trace
    assert any(t == Truth(1000, 1500, "rowing") for t in after.stream.truths)


def test_from_the_command_line_into_a_training_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "walks"
    folder.mkdir()
    path, figures = recorded(folder / "a.odl"), tmp_path / "figures.json"
    words = ["label", str(path), "--range", "0:5=walk", "--range", "5:9=run", "--json", str(figures)]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "a.odl: walk 5.0 s, run 4.0 s" in out and f"next: odl init {folder}" in out
    assert json.loads(figures.read_text())["ranges"] == [[0.0, 5.0, "walk"], [5.0, 9.0, "run"]]
    assert main(["label", str(path), "--range", "1:2=walk", "--set", "3=walk"]) == 2
    assert main(["label", str(path), "--range", "1:2=walk", "--out", str(path)]) == 2
    assert main(["label", str(path), "--range", "8:9=", "--out", str(tmp_path / "b.odl")]) == 0
    assert [t for t in read(tmp_path / "b.odl").events if isinstance(t, Truth)][-1].end == 80
    assert main(["init", str(folder)]) == 0
    dataset = open_dataset(folder)
    (person,) = dataset.subjects
    parts = dataset.session(person)
    assert [part.truths for part in parts][0] == ((0, 50, "walk"), (50, 90, "run"))
    assert dataset.card.classes == ("run", "walk")


def test_a_range_that_the_recording_cuts_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = recorded(tmp_path / "a.odl")
    assert main(["label", str(path), "--range", "20:1000=walk"]) == 0
    shown = capsys.readouterr()
    assert "30.0 s long, so 20:1000 was taken as 20:30" in shown.err and "walk 10.0 s" in shown.out
    assert main(["label", str(path), "--range", "20:30=walk"]) == 0
    assert "was taken as" not in capsys.readouterr().err


def test_a_recording_without_questions_says_what_was_marked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odl.replay("shoulder", subjects=[8], policy="none", out=tmp_path)
    assert main(["label", str(tmp_path / "shoulder-8.odl")]) == 0
    said = capsys.readouterr().out
    assert (
        "nothing was asked in this recording\nmarked as done, which --range changes: upright row 66.7 s"
        in said
    )


def test_a_recording_without_a_model_says_what_was_marked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = recorded(tmp_path / "a.odl", Truth(30, 80, "sit"))
    whole = path.read_bytes()
    assert main(["label", str(path)]) == 0
    assert "a.odl: sit 5.0 s\nnext: odl init" in capsys.readouterr().out
    assert main(["label", str(path), "--set", "3=walk"]) == 2
    assert "no model ran in it, so it has no answers to edit" in capsys.readouterr().err
    assert path.read_bytes() == whole
    assert main(["label", str(recorded(tmp_path / "b.odl"))]) == 0
    assert f"b.odl: no label\nnext: odl label {tmp_path}/b.odl --range" in capsys.readouterr().out
