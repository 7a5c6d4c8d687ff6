"""A recording's changes of classes when it is relabelled: those it holds stay, and the command makes more."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

import odl
from odl.cli.main import main
from odl.core.events import AddClass, Adopt, ChangeClass, Event, Samples, Split, Teach
from odl.core.image import Image
from odl.core.session import Session
from odl.evaluate.recorded import open_recording
from odl.evaluate.relabel import relabel
from odl.evaluate.relabel.start import known_before
from odl.labels.edits import EditOfClass, append_edits, edits_path, read_class_edits
from odl.model.profile import WearerProfile, log_in
from odl.recording import read
from tests.helpers.prompts import RAW, PromptHarness
from tests.helpers.relabelling import edit, history_of, record, windows
from tests.helpers.streams import IMAGE, config
from tests.labels.test_class_edit import Stage


def changed(path: Path) -> list[Event]:
    return [e for e in read(path).events if isinstance(e, AddClass | Split | ChangeClass)]


def whole_day(path: Path) -> tuple[Path, Stage]:
    """A recorded session in which a person did all that can be done to classes."""
    stage = Stage(allowed=60, patience=60)
    stage.prompt.answer(stage.until_asked(), "run")
    stage.run(16)
    for act in (
        lambda: stage.add_class("slouch", under="sit"), lambda: stage.rename("run", "jog"),
        lambda: stage.prompt.answer(stage.until_asked(), "jog"), lambda: stage.merge("jog", into="walk"),
        lambda: stage.remove("sit"), lambda: stage.prompt.answer(stage.until_asked(), "sit"),
        lambda: stage.remove("walk"), lambda: stage.add_class("walk"), lambda: stage.teach("slouch"),
    ):  # fmt: skip
        act()
        stage.run(40)
    return record(path, stage), stage


def test_what_a_recording_holds_stays_and_without_edits_it_is_the_same(tmp_path: Path) -> None:
    path, stage = whole_day(tmp_path / "a.odl")
    kinds = [(type(e).__name__, getattr(e, "name", "")) for e in changed(path)]
    assert kinds == [
        ("Split", ""), ("AddClass", "slouch"), ("ChangeClass", "jog"), ("ChangeClass", "jog"),
        ("ChangeClass", "sit"), ("ChangeClass", "sit"), ("ChangeClass", "walk"), ("ChangeClass", "walk"),
    ]  # fmt: skip
    done = relabel(path)
    assert changed(done.recording) == changed(path)
    assert read(done.recording).trace_sha256 == read(path).trace_sha256
    assert odl.replay(done.recording).outcomes[0].same_trace
    assert [one.sentence for one in history_of(path).changes] == [
        "'slouch' becomes a class; it is shown once it has a label", "'run' is called 'jog' from now on",
        "'jog' counts as 'walk'", "'sit' is no longer shown; its labels do not count",
        "'walk' is no longer shown; its labels do not count", "'walk' is a class again, with its labels",
    ]  # fmt: skip
    assert done.model is not None and "jog" not in done.model.name and stage.session.tree.names[2] == "jog"


def test_a_change_that_was_taken_back_is_left_out_and_a_refused_one_is_refused_again(tmp_path: Path) -> None:
    stage = Stage()
    stage.run(40)
    stage.put(ChangeClass(40, 0, 9, "sit"))  # as somebody's own program might
    for act in (lambda: stage.remove("sit"), stage.undo, lambda: stage.rename("run", "jog")):
        act()
        stage.run(16)
    path = record(tmp_path / "a.odl", stage)
    assert [one.sentence for one in history_of(path).changes] == [
        "it could not be done, so nothing was changed", "the change of 'sit' was taken back",
        "'run' is called 'jog' from now on",
    ]  # fmt: skip
    assert [e.name for e in changed(relabel(path).recording) if isinstance(e, ChangeClass)] == ["jog"]


def test_an_edit_names_a_class_as_it_is_called_in_the_end(tmp_path: Path) -> None:
    stage = Stage(allowed=60)
    stage.prompt.answer(stage.until_asked(), "sit")
    stage.run(40)
    stage.rename("run", "jog")
    stage.run(80)
    path = record(tmp_path / "a.odl", stage)
    assert main(["label", str(path), "--set", f"{windows(path)[0]}=jog"]) == 0
    made = tmp_path / "a-relabelled.odl"
    assert [e.name for e in changed(made) if isinstance(e, AddClass)] == []
    assert history_of(made).questions[0].name == "run"  # as it was called then


def test_a_profile_s_start_survives(tmp_path: Path) -> None:
    monday = Session(IMAGE, config("none", allowed=0))
    for event in (Samples(0, RAW[:100]), AddClass(100, 9, "hop", 0), Teach(100, 9),
                  ChangeClass(100, 0, 1, "sit")):  # fmt: skip
        monday.step(event)
    profile = WearerProfile.of(IMAGE, monday.log)
    stage = PromptHarness(allowed=60)
    stage.put(Adopt(0, 0, profile.state(IMAGE, stage.session.config)))
    stage.prompt.answer(stage.until_asked(), "hop")
    stage.run(80)
    path = record(tmp_path / "a.odl", stage)
    done = relabel(path)
    assert read(done.recording).trace_sha256 == read(path).trace_sha256
    assert changed(done.recording) == [] and "hop" in done.after.classes
    edit_of_hop = ["label", str(path), "--rename", "hop=skip", "--remove", "run"]
    assert main(edit_of_hop) == 0
    assert [e.name for e in changed(done.recording) if isinstance(e, ChangeClass)] == ["skip", "run"]
    for ending in (".odl", ".odlm"):
        done.recording.with_suffix(ending).unlink()
    assert main(edit_of_hop) == 0  # as after a kill between the stored changes and the recording
    assert [e.name for e in changed(done.recording) if isinstance(e, ChangeClass)] == ["skip", "run"]
    assert len(read_class_edits(edits_path(path), read(path).trace_sha256)) == 2


def test_what_a_board_knew_survives_where_the_first_samples_were_lost(tmp_path: Path) -> None:
    stage = PromptHarness(policy="none")
    board = Session(IMAGE, stage.session.config)
    for event in (Samples(0, RAW[:100]), AddClass(100, 9, "hop", 0), Teach(100, 9)):
        board.step(event)
    stage.put(Adopt(0, 100, board.snapshot()))
    stage.run(80)
    path = record(tmp_path / "a.odl", stage)
    first = known_before(open_recording(path))
    assert first is not None and (first.start, first.lost) == (0, 0)
    assert log_in(IMAGE, first.state)["cls"].tolist() == [9, 9]
    assert relabel(path).recording.exists()


def test_classes_are_renamed_merged_and_removed_as_in_a_session_that_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def day() -> Stage:
        stage = Stage(allowed=60)
        stage.prompt.answer(stage.until_asked(), "hop")
        stage.run(80)
        return stage

    plain, live = day(), day()
    for what, *names in (("rename", "hop", "skip"), ("merge", "run", "skip"), ("remove", "sit")):
        assert getattr(live, what)(*names).taken
        live.put()
    path, other = record(tmp_path / "a.odl", plain), record(tmp_path / "b.odl", live)
    words = ["--rename", "hop=skip", "--merge", "run = skip", "--remove", "sit"]
    assert main(["label", str(path), *words, "--json", str(tmp_path / "a.json")]) == 0
    assert "3 changes of classes" in capsys.readouterr().out
    made = tmp_path / "a-relabelled.odl"
    assert changed(made) == changed(other) and read(made).trace_sha256 == read(other).trace_sha256
    assert (tmp_path / "a-relabelled.odlm").read_bytes() == relabel(other).model.read_bytes()
    facts = json.loads((tmp_path / "a.json").read_text())
    assert [(one["what"], one["name"], one["into"], one["edited"]) for one in facts["classes"]] == [
        ("rename", "hop", "skip", True), ("merge", "run", "skip", True), ("remove", "sit", None, True),
    ]  # fmt: skip
    assert main(["label", str(path)]) == 0
    assert "'run' counts as 'skip'; edited" in capsys.readouterr().out
    assert [one.sentence for one in history_of(other).changes][1] == "'run' counts as 'skip'"
    assert sorted(Image.from_bytes((tmp_path / "a-relabelled.odlm").read_bytes()).names.values()) == [
        "down",
        "skip",
        "up",
        "walk",
    ]


def test_a_moment_can_be_chosen_and_all_of_it_given_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = Stage()
    stage.run(400)
    path = record(tmp_path / "a.odl", stage)
    second = 100 / IMAGE.rate_hz
    assert main(["label", str(path), "--rename", "rum=jog"]) == 2  # nothing earlier could be given up
    assert capsys.readouterr().err.rstrip().endswith("down")
    assert main(["label", str(path), "--remove", "run", "--at", f"{second}"]) == 0
    made = tmp_path / "a-relabelled.odl"
    assert changed(made) == [ChangeClass(100, 2, None, "run")]
    assert main(["label", str(path), "--remove", "run"]) == 2
    error = capsys.readouterr().err
    assert "there is no class 'run'; there are" in error and "--keep-classes gives earlier" in error
    assert main(["label", str(path), "--keep-classes"]) == 0
    assert read(made).trace_sha256 == read(path).trace_sha256 and changed(made) == []
    assert read_class_edits(edits_path(path), read(path).trace_sha256) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--merge", "run"], "write two names"), (["--rename", "run="], "write two names"),
        (["--at", "5"], "give one of them"), (["--remove", "run", "--at", "-1"], "0 or more seconds"),
        (["--merge", "run=up"], "do not lie beside each other"),
        (["--remove", "sea"], "there is no class 'sea'"),
        (["--remove", "run", "--range", "1:2=run"], "do one after the other"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_and_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    stage = PromptHarness()
    stage.run(80)
    path = record(tmp_path / "a.odl", stage)
    assert main(["label", str(path), *words]) == 2
    assert said in capsys.readouterr().err and not edits_path(path).exists()


def test_answers_and_classes_share_a_file(tmp_path: Path) -> None:
    stage = Stage(allowed=60)
    stage.prompt.answer(stage.until_asked(), "hop")
    stage.run(80)
    path = record(tmp_path / "a.odl", stage)
    asked, trace = windows(path), read(path).trace_sha256
    assert main(["label", str(path), "--set", f"{asked[0]}=skip", "--rename", "skip=jump"]) == 0
    assert history_of(tmp_path / "a-relabelled.odl").tree.id_of("jump") == 5
    append_edits(edits_path(path), trace, [EditOfClass("keep")])
    edit(path)
    assert relabel(path).classes == 0 and relabel(path).edits == 1


def test_one_class_that_is_left_gives_figures_and_a_recording_but_no_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = Stage(allowed=60, patience=60)
    stage.prompt.answer(stage.until_asked(), "sit")
    stage.run(40)
    path = record(tmp_path / "a.odl", stage)
    assert main(["label", str(path), "--remove", "run"]) == 0
    model = tmp_path / "a-relabelled.odlm"
    assert model.exists() and str(model) in capsys.readouterr().out
    assert main(["label", str(path), "--remove", "walk"]) == 0
    assert "model: none, since an image needs two classes and one is left" in capsys.readouterr().out
    assert not model.exists()
    assert odl.replay(tmp_path / "a-relabelled.odl").outcomes[0].same_trace


@pytest.mark.parametrize("room", [0, 1])
def test_changes_that_overflow_the_log_are_refused(
    tmp_path: Path, room: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rename after the last that had room said that there is no such class, and the last was nothing."""
    stage = Stage(policy="none")
    stage.run(80)
    path = record(tmp_path / "a.odl", stage)
    names = ["run", *(f"run {i}" for i in range(IMAGE.max_log - room))]
    renames = [EditOfClass("rename", *pair, None, "P3", 0) for pair in pairwise(names)]
    append_edits(edits_path(path), read(path).trace_sha256, renames)
    done = main(["label", str(path), "--rename", f"{names[-1]}=jog", "--out", str(tmp_path / "b.odl")])
    said = capsys.readouterr().err
    assert done == 2 * (not room)
    assert room or f"rename '{names[-1]}': the label log is full, its {IMAGE.max_log} entries" in said
