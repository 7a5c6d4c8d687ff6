"""The label log of a recording, edits to it, and the session run again with them."""

from __future__ import annotations

from pathlib import Path

import pytest

import odl
from odl.cli.main import main
from odl.cli.terminal.screen import KeyMode, frame
from odl.core.class_tree import tree_of_image
from odl.core.events import (
    NO_WINDOW,
    AddClass,
    Adopt,
    Dropped,
    Gap,
    Label,
    Learned,
    Origin,
    Prediction,
    Query,
    Samples,
    Split,
    Teach,
    Undo,
    Why,
)
from odl.core.image import Image
from odl.evaluate.relabel import relabel, schedule_answers
from odl.labels.edits import (
    Edit,
    RelabelError,
    check_edit,
    edits_path,
)
from odl.labels.question_history import read_question_history
from odl.recording import read
from tests.helpers.prompts import RAW, PromptHarness
from tests.helpers.relabelling import edit, history_of, played, record, review, windows
from tests.helpers.streams import IMAGE

# --- what became of answers ---------------------------------------------------------------


def test_the_log_says_who_when_how_long_and_what_became_of_it(tmp_path: Path) -> None:
    path = played(tmp_path / "a.odl", "run", None, "-", "wave", undo=3)
    asked = history_of(path).questions
    found = [
        (one.newest.name, one.newest.state, one.newest.by, one.newest.took) for one in asked if one.newest
    ]
    assert found[:4] == [
        ("run", "learned", "terminal", 1500), (None, "skipped", "terminal", 1500),
        (None, "expired", "", 0), ("wave", "undone", "terminal", 1500),
    ]  # fmt: skip
    clocks = [one.newest.clock for one in asked if one.newest and one.newest.by]
    assert clocks == sorted(set(clocks)) and clocks[0] == 1_700_000_001_500
    first = read(path)
    said = {e.window: e.path for e in first.events if isinstance(e, Prediction)}
    for one in asked:
        assert one.question.path == tuple(IMAGE.names.get(cls, "wave") for cls in said[one.question.window])


def test_a_refused_class_is_not_in_the_tree() -> None:
    events = [AddClass(0, 7, "no", 9), Dropped(0, NO_WINDOW, Why.NO_SUCH_CLASS), Split(0, 0, 2),
              AddClass(0, 8, "yes", 2), Query(0, 1, 99)]  # fmt: skip
    history = read_question_history(events, tree_of_image(IMAGE), IMAGE.window, 50.0)
    assert history.tree.path(8) == ("sit", "yes") and "no" not in history.tree.names.values()
    assert history.questions[0].newest is None


# --- edits --------------------------------------------------------------------------------


def test_an_edit_that_cannot_be_made_is_refused_with_what_can(tmp_path: Path) -> None:
    path = played(tmp_path / "a.odl", "run", "sit")
    history = history_of(path)
    near = windows(path)
    for wrong, words in (
        (Edit(near[0] + 1, "run"), f"nothing was asked about window {near[0] + 1}; the nearest are"),
        (Edit(near[0], "a\x1bb"), "cannot be a class"),
        (Edit(near[0], "new", "nowhere"), "there is no class 'nowhere'"),
    ):
        with pytest.raises(RelabelError, match=words):
            check_edit(history, wrong)
    with pytest.raises(RelabelError, match="no room for 'new'; it has 5 rows"):
        check_edit(history, Edit(near[0], "new"), room=5)


def test_a_refused_edit_is_not_written_and_one_in_the_log_says_how_it_goes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = played(tmp_path / "a.odl", "run", "wave", "sit")
    first, second, third = windows(path)[:3]
    for wished, words in (
        ((f"{third}=wave", "nowhere"), "there is no class 'nowhere' for 'wave'"),
        ((f"{third}=run", "nowhere"), "there is no class 'nowhere' for 'run'"),
        ((f"{first}=new", "wave"), "was added later; give it another place\n"),
    ):
        assert main(["label", str(path), "--set", wished[0], "--under", wished[1]]) == 2
        assert words in capsys.readouterr().err and not edits_path(path).exists()
    edit(path, Edit(third, "wave", "nowhere"), Edit(first, "new", "wave"))
    for window in (third, first):  # as an earlier version wrote them
        for arguments in (["--learn"], ["--undo", str(second)]):
            assert main(["label", str(path), *arguments]) == 2
            assert f"--keep {window} gives that edit up" in capsys.readouterr().err
        assert main(["label", str(path), "--keep", str(window)]) == (2 if window == third else 0)
    assert main(["label", str(path), "--learn"]) == 0
    assert "0 questions edited" in capsys.readouterr().out


# --- the session once more ----------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, {"batch": 3}, {"policy": "random"}, {"policy": "tactile-inforv"}])
def test_without_edits_it_is_the_same_session(tmp_path: Path, settings: dict[str, object]) -> None:
    path = played(tmp_path / "a.odl", "run", None, "wave", "-", "wave", "sit", **settings)
    done = relabel(path)
    assert read(done.recording).trace_sha256 == read(path).trace_sha256
    assert (done.changed, done.edits) == (0, 0) and done.answers >= 4
    one, other = (list(read(p).events) for p in (path, done.recording))
    assert [e for e in one if isinstance(e, Origin | Label | AddClass)] == [
        e for e in other if isinstance(e, Origin | Label | AddClass)
    ]


def test_an_edited_answer_takes_the_old_one_s_place(tmp_path: Path) -> None:
    path = played(tmp_path / "a.odl", "run", "wave", "sit", "run")
    before, original = path.read_bytes(), read(path)
    asked = windows(path)
    edit(path, Edit(asked[1], "stairs", "walk", by="relabel:P3", took=700, clock=99))
    done = relabel(path)
    assert path.read_bytes() == before
    events = read(done.recording).events
    label = next(e for e in events if isinstance(e, Label) and e.window == asked[1])
    old = next(e for e in original.events if isinstance(e, Label) and e.window == asked[1])
    assert label.at == old.at
    assert Origin(label.at, "relabel:P3", 700, 99) in events
    assert [(e.name, e.head) for e in events if isinstance(e, AddClass)] == [("stairs", 1)]
    assert [e.window for e in events if isinstance(e, Query)] == asked  # the same questions
    assert len([e for e in events if isinstance(e, Learned)]) == 4
    again = odl.replay(done.recording)
    assert again.outcomes[0].same_trace
    assert done.model is not None
    assert Image.from_bytes(done.model.read_bytes()).names[5] == "stairs"


def test_what_was_not_answered_can_be_and_what_was_can_be_withdrawn(tmp_path: Path) -> None:
    path = played(tmp_path / "a.odl", "run", "-", None, "sit")
    asked = windows(path)
    assert [one.newest.state for one in history_of(path).questions[:4] if one.newest] == [
        "learned", "expired", "skipped", "learned",
    ]  # fmt: skip
    edit(path, Edit(asked[0]), Edit(asked[1], "sit"), Edit(asked[2], "run"))
    done = relabel(path)
    log = history_of(done.recording)
    assert [(one.newest.name, one.newest.state) for one in log.questions[:4] if one.newest] == [
        (None, "skipped"), ("sit", "learned"), ("run", "learned"), ("sit", "learned"),
    ]  # fmt: skip
    question = log.questions[1]
    assert question.newest is not None and question.newest.at == question.question.expires - 1


def test_an_answer_that_was_taken_back_is_left_out(tmp_path: Path) -> None:
    path = played(tmp_path / "a.odl", "run", "wave", "sit", undo=1)
    done = relabel(path)
    events = read(done.recording).events
    assert not [e for e in events if isinstance(e, Undo | AddClass)]
    log = history_of(done.recording).questions
    assert [one.newest.name for one in log if one.newest] == ["run", None, "sit"]
    it, _ = review(path)
    assert [it.about(question) for question in it.questions][1] == "its answer was taken back"


def test_what_was_taken_back_and_answered_again_counts_once(tmp_path: Path) -> None:
    stage = PromptHarness(batch=2, allowed=60)
    window = stage.until_asked()
    for name in ("run", "sit"):
        stage.prompt.answer(window, name)
        stage.run(2)
        if name == "run":
            stage.prompt.undo()
            stage.run(2)
    stage.prompt.answer(stage.until_asked(), "walk")
    stage.run(40)
    path = record(tmp_path / "a.odl", stage)
    history = history_of(path)
    assert [one.state for one in history.questions[0].answers] == ["undone", "learned"]
    due = [one for one in schedule_answers(history, {}) if one.window == window]
    assert [(one.name, one.at) for one in due] == [("sit", history.questions[0].answers[1].at)]


def test_an_edit_s_moment_lies_before_a_gap_that_outlasts_the_question(tmp_path: Path) -> None:
    stage = PromptHarness(patience=60)
    window = stage.until_asked()
    stage.run(4)
    stage.put(Gap(stage.session.position, 200, "unplugged"))
    stage.run(80)
    path = record(tmp_path / "a.odl", stage)
    edit(path, Edit(window, "run"))
    done = relabel(path)
    told = history_of(done.recording).questions[0].newest
    assert told is not None and told.state == "learned"


def test_an_edit_of_an_answer_that_had_come_too_late_comes_in_time(tmp_path: Path) -> None:
    stage = PromptHarness(patience=60)
    window = stage.until_asked()
    stage.run(80)
    at = stage.session.position
    stage.put(Label(at, window, 0))
    stage.run(80)
    path = record(tmp_path / "a.odl", stage)
    assert [one.state for one in history_of(path).questions[0].answers] == [
        "expired",
        "refused",
    ]
    edit(path, Edit(window, "run"))
    told = history_of(relabel(path).recording).questions[0].newest
    assert told is not None and (told.name, told.state) == ("run", "learned")


def test_an_edit_of_a_question_that_was_open_at_the_end_counts_though_the_end_was_a_gap(
    tmp_path: Path,
) -> None:
    stage = PromptHarness(patience=1000)
    window = stage.until_asked()
    stage.put(Gap(stage.session.position, 200, "unplugged"))
    path = record(tmp_path / "a.odl", stage)
    edit(path, Edit(window, "run"))
    told = history_of(relabel(path).recording).questions[0].newest
    assert told is not None and told.state == "learned"


def test_a_relabelled_recording_can_be_relabelled_and_asked_anew(tmp_path: Path) -> None:
    path = played(tmp_path / "a.odl", "run", "wave", "sit")
    asked = windows(path)
    edit(path, Edit(asked[0], "sit"))
    first = relabel(path)
    edit(first.recording, Edit(asked[1], "run"))
    second = relabel(first.recording)
    names = [one.newest.name for one in history_of(second.recording).questions if one.newest]
    assert names[:3] == ["sit", "run", "sit"]
    assert odl.replay(second.recording).outcomes[0].same_trace
    anew = odl.replay(second.recording, policy="periodic", budget=5, out=tmp_path / "anew")
    assert anew.evaluations[0].queries <= 5
    assert "asked" not in read(anew.outcomes[0].file).start.config["session"]


def test_edits_of_one_question_add_up_and_can_be_given_up(tmp_path: Path) -> None:
    path = played(tmp_path / "a.odl", "run", "wave")
    (window, *_) = windows(path)
    edit(path, Edit(window, "sit"), Edit(window, "walk"))
    assert relabel(path).edits == 1
    assert history_of(tmp_path / "a-relabelled.odl").questions[0].newest.name == "walk"  # type: ignore[union-attr]
    edit(path, Edit(window, keep=True))
    done = relabel(path)  # what came of this recording may be written over
    assert done.edits == 0 and read(done.recording).trace_sha256 == read(path).trace_sha256


def test_nothing_else_is_written_over(tmp_path: Path) -> None:
    path, other = played(tmp_path / "a.odl", "run"), played(tmp_path / "b.odl", "sit")
    with pytest.raises(RelabelError, match="would overwrite the recording"):
        relabel(path, path)
    with pytest.raises(RelabelError, match="was not created from a.odl"):
        relabel(path, other)
    (tmp_path / "c.odlm").write_bytes(b"mine")
    with pytest.raises(RelabelError, match=r"c\.odlm: the file exists"):
        relabel(path, tmp_path / "c.odl")
    with pytest.raises(RelabelError, match="ends in .odl"):
        relabel(path, tmp_path / "c.txt")
    assert main(["label", str(path), "--undo", str(windows(path)[0]), "--out", str(other)]) == 2
    assert not edits_path(path).exists()  # said before anything is done


def test_a_place_that_comes_too_late_is_told(tmp_path: Path) -> None:
    path = played(tmp_path / "a.odl", "run", "wave")
    edit(path, Edit(windows(path)[0], "new", "wave"))
    with pytest.raises(RelabelError, match="which was added later"):
        relabel(path)


def interrupted(path: Path, lost_answer: bool = False) -> tuple[Path, int, int]:
    """A line that was lost while the board asked: what it missed came with its state. The windows
    asked about meanwhile and after; both are answered.
    """  # fmt: skip
    stage = PromptHarness(allowed=30, period=90, patience=400)
    stage.prompt.answer(stage.until_asked(), "run")
    stage.run(37)
    before = {q.window for q in stage.session.open_questions}
    at = stage.session.position
    while not (new := [q.window for q in stage.session.open_questions if q.window not in before]):
        stage.session.step(Samples(stage.session.position, RAW[:5] + stage.session.position))
    if lost_answer:
        stage.session.step(Label(stage.session.position, new[0], 1))
    stage.session.step(Samples(stage.session.position, RAW[:3]))
    adopt = Adopt(at, stage.session.position - at, stage.session.snapshot())
    stage.events.append(adopt)
    stage.prompt.take(adopt)
    stage.put()
    if not lost_answer:
        place = [q.window for q in stage.prompt.questions].index(new[0])
        picture = frame([], stage.prompt, KeyMode(), place, 80, 40)
        assert any(
            "no scores: this was asked while the line was lost" in part
            for line in picture
            for _, part in line
        )
        stage.prompt.answer(new[0], "sit")
    stage.run(IMAGE.window + 2 * IMAGE.hop)
    later = stage.until_asked()
    stage.prompt.answer(later, "wave")
    stage.run(40)
    return record(path, stage), new[0], later


def test_a_question_that_came_with_a_board_s_state_is_in_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, missed, later = interrupted(tmp_path / "a.odl")
    assert missed in windows(path) and not [
        e for e in read(path).events if isinstance(e, Query) and e.window == missed
    ]
    by_window = {one.question.window: one for one in history_of(path).questions}
    assert by_window[missed].missed and not by_window[later].missed
    assert [(one.name, one.state) for one in by_window[missed].answers] == [("sit", "learned")]
    assert "the line was lost" in by_window[missed].question.lacks
    assert main(["label", str(path)]) == 0
    assert f"\n{missed} " in capsys.readouterr().out
    assert main(["label", str(path), "--set", f"{missed}=run"]) == 2
    assert "the line was lost" in capsys.readouterr().err
    it, made = review(path)
    assert not it.answer(missed, "new").taken and "the line was lost" in it.sentence
    assert not made and it.answer(missed, "sit").taken


def test_after_a_board_s_state_the_same_windows_are_asked_about_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, missed, later = interrupted(tmp_path / "a.odl")
    assert main(["label", str(path), "--set", f"{later}=sit"]) == 0
    assert "1 answer more left out" in capsys.readouterr().out
    done = relabel(path)
    assert (done.edits, done.missed, done.answers) == (1, 1, 2)
    log = history_of(done.recording)
    told = {one.question.window: one.newest for one in log.questions}
    assert missed not in told and told[later] is not None
    assert (told[later].name, told[later].state) == ("sit", "learned")  # type: ignore[union-attr]
    assert odl.replay(done.recording).outcomes[0].same_trace


def test_an_answer_given_while_the_line_was_lost_is_in_the_log(tmp_path: Path) -> None:
    path, missed, _ = interrupted(tmp_path / "a.odl", lost_answer=True)
    (one,) = [one for one in history_of(path).questions if one.question.window == missed]
    assert one.name == IMAGE.names[1] and one.newest is not None
    assert one.newest.sentence == "it was learned from while the line was lost"


def test_a_question_that_expired_while_the_line_was_lost_is_not_called_open(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = PromptHarness(patience=60)
    stage.until_asked()
    at = stage.session.position
    stage.session.step(Samples(at, RAW[:100]))
    stage.events.append(Adopt(at, 100, stage.session.snapshot()))
    assert main(["label", str(record(tmp_path / "a.odl", stage))]) == 0
    assert "it ended while the line was lost" in capsys.readouterr().out


def test_a_session_with_undos_and_what_comes_of_its_edits_are_the_same_in_c(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ziglang", reason="the C core is built with ziglang")
    from odl.live.verify import verify

    path = played(tmp_path / "a.odl", "run", "wave", "-", "sit", "walk", undo=1)
    assert any(isinstance(e, Undo) for e in read(path).events)
    edit(path, Edit(windows(path)[3], "slouch", "sit"), Edit(windows(path)[2], "run"))
    done = relabel(path)
    for recording in (path, done.recording):
        verdict = verify(recording, ("host",))
        assert verdict.equal and set(verdict.traces.values()) == {read(recording).trace_sha256}
    assert main(["verify", str(done.recording)]) == 2
    assert "verify it with --twins python,host" in capsys.readouterr().err


def test_a_new_class_hangs_where_any_edit_said(tmp_path: Path) -> None:
    path = played(tmp_path / "a.odl", "run", "sit", "walk")
    asked = windows(path)
    edit(path, Edit(asked[1], "stairs", "walk"), Edit(asked[0], "stairs"))
    events = read(relabel(path).recording).events
    assert [(e.name, e.head) for e in events if isinstance(e, AddClass)] == [("stairs", 1)]


def test_bundled_people_keep_their_figures(tmp_path: Path) -> None:
    odl.replay("shoulder", subjects=[7], budget=6, out=tmp_path, policy="tactile-dualrv")
    path = tmp_path / "shoulder-7.odl"
    done = relabel(path)
    assert read(done.recording).trace_sha256 == read(path).trace_sha256
    assert done.before.score == done.after.score


# --- labels that nobody asked for ------------------------------------------------------------


def taught(path: Path) -> Path:
    """A session in which one question was answered, and a new and a known class were taught."""
    stage = PromptHarness(allowed=1, horizon=40, patience=60)
    stage.prompt.answer(stage.until_asked(), "run")
    for name in ("wave", "sit"):
        stage.run(103)
        stage.prompt.teach(name)
        stage.run(60)
    return record(path, stage)


def test_taught_labels_are_in_the_log_and_are_taught_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = taught(tmp_path / "a.odl")
    asked = history_of(path).questions
    found = [(one.name, one.newest.by) for one in asked if one.taught and one.newest]
    assert found == [("wave", "terminal"), ("sit", "terminal")]
    assert main(["label", str(path)]) == 0
    assert capsys.readouterr().out.count("; nobody had asked") == 2
    done = relabel(path)
    assert (done.changed, done.answers, done.edits) == (0, 1, 0)
    assert read(done.recording).trace_sha256 == read(path).trace_sha256
    again = [event for event in read(done.recording).events if isinstance(event, Teach)]
    assert again == [event for event in read(path).events if isinstance(event, Teach)]


def test_a_taught_label_can_be_edited_or_left_out(tmp_path: Path) -> None:
    path = taught(tmp_path / "a.odl")
    wave, sit = [one.question.window for one in history_of(path).questions if one.taught]
    made, edits = review(path)
    assert made.about(next(q for q in made.questions if q.window == sit)) == "taught 'sit' by terminal"
    edit(path, Edit(wave, "clap"), Edit(sit))
    events = read(relabel(path).recording).events
    assert [e.name for e in events if isinstance(e, AddClass)] == ["clap"]
    assert len([e for e in events if isinstance(e, Teach)]) == 1
    (learned,) = [e for e in events if isinstance(e, Learned) and e.window == wave]
    assert learned.at == next(e.at for e in events if isinstance(e, Teach)) and edits == []
