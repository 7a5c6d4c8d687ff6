"""A recording's questions looked at again: the review, and `odl label`, which starts it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from odl._text import width
from odl.cli.label_log import log_text
from odl.cli.main import main
from odl.cli.terminal.view import TerminalView
from odl.core.events import Event, Label, Origin
from odl.labels.edits import Edit, edits_path
from odl.labels.review import Review, ReviewLoop
from tests.helpers.prompts import PromptHarness
from tests.helpers.relabelling import edit, history_of, played, record, review, windows
from tests.helpers.streams import IMAGE
from tests.helpers.virtual_clock import VirtualClock


def test_a_review_goes_through_the_questions_and_makes_edits(tmp_path: Path) -> None:
    path = played(tmp_path / "a.odl", "run", "-", None, "wave")
    asked = windows(path)[:4]
    edit(path, Edit(asked[2], "sit"))
    it, made = review(path)
    assert it.questions[0].likely[-1].name == "wave"  # it came later
    assert [it.about(q) for q in it.questions[:4]] == [
        "answered 'run' by terminal", "expired", "answered 'sit'", "answered 'wave' by terminal",
    ]  # fmt: skip
    assert it.answer(asked[0], "run").sentence == "'run' as before" and made == []
    assert it.answer(asked[1], "stairs", 1).sentence == "'stairs' instead of no answer"
    assert it.same(asked[2]).sentence == "'stairs' instead of 'sit'"
    assert it.skip(asked[3]).sentence == "no answer instead of 'wave'"
    assert [one[:3] for one in made] == [
        (asked[1], "stairs", "walk"), (asked[2], "stairs", None), (asked[3], None, None),
    ]  # fmt: skip
    assert it.undo().taken and made[-1][:2] == (asked[3], "wave")
    assert asked[3] in [q.window for q in it.questions] and asked[0] not in [q.window for q in it.questions]
    assert [it.undo().taken for _ in range(5)] == [True, True, True, False, False]
    assert it.answer(asked[0], "").sentence.startswith("a class needs a name")


def test_an_edit_that_is_refused_leaves_its_question_open(tmp_path: Path) -> None:
    path = played(tmp_path / "a.odl", "run", "wave")
    first = windows(path)[0]
    it, _ = review(path)

    def refuse(*edit: object) -> None:
        raise ValueError("give it another place")

    it._edited = refuse
    assert it.answer(first, "new", leaf=0) == (False, "give it another place")
    assert it.questions[0].window == first and "new" not in [one.name for one in it.likely]
    assert it.about(it.questions[0]) == "answered 'run' by terminal" and not it.undo().taken


def test_an_edit_that_cannot_be_written_is_said_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = played(tmp_path / "a.odl", "run", "wave")
    first, second = windows(path)[:2]
    shown: list[Review] = []

    class Seen(ReviewLoop):
        def __init__(self, review: Review) -> None:
            super().__init__(review)
            shown.append(review)

    def refuse(*edits: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("odl.cli.terminal.app.drawable", lambda: True)
    monkeypatch.setattr("odl.labels.review.ReviewLoop", Seen)
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text("ncough\r\rq")
        assert main(["label", str(path), "--edit"]) == 0
        assert "1 question edited" in capsys.readouterr().out
    (it,) = shown
    monkeypatch.setattr("odl.evaluate.relabel.edit.append_edits", refuse)
    assert it.answer(second, "sneeze") == it.undo() == (False, "[Errno 13] Permission denied")
    assert len(it.answers) == 1 and it.questions[0].window == second and it.likely[-1].name == "cough"
    monkeypatch.undo()
    assert it.undo().taken and it.questions[0].window == first and not it.answers


def test_a_review_in_the_view_takes_the_same_keys(tmp_path: Path) -> None:
    path = played(tmp_path / "a.odl", "run", "wave", "sit")
    asked = windows(path)
    it, made = review(path)
    second = it.questions[1].likely[1].name
    with create_pipe_input() as pipe:

        class Watched(ReviewLoop):
            """Presses a key whenever what it waits for has come."""

            def __iter__(self) -> Iterator[Event]:
                for event in super().__iter__():
                    if steps and steps[0][0]():
                        pipe.send_text(steps.pop(0)[1])
                    yield event

        view = TerminalView(Watched(it), lambda: ["a.odl"], pipe, DummyOutput(), clock=VirtualClock(tick=1.0))
        steps = [(lambda: view._drawn == asked[0], "\t"), (lambda: view._drawn == asked[1], "2"),
                 (lambda: bool(made), "q")]  # fmt: skip
        view.run()
    assert [one[:2] for one in made] == [(asked[1], second)] and not steps


def test_in_a_review_cards_follow_at_once_and_the_keys_say_what_they_mean_there(tmp_path: Path) -> None:
    it, made = review(played(tmp_path / "a.odl", "run", "wave", "sit"))
    asked = [question.window for question in it.questions]
    with create_pipe_input() as pipe:
        view = TerminalView(ReviewLoop(it), list, pipe, DummyOutput(), clock=VirtualClock(tick=0.0))
        view._text()
        view._next(1)
        for press in "s=":  # no waiting: no card comes up by itself here
            view._text()
            view.press(press)
        picture = "".join(part for _, part, *_ in view._text())
        assert " s  no answer" in picture and " ago?" not in picture
        view.press("?")
        helped = "".join(part for _, part, *_ in view._text())
        assert "no answer counts for this question" in helped and "take back the last edit" in helped
        assert "the session runs again" in helped
        assert "the session; the recording" not in helped and "do not answer" not in helped
    assert [one[:3] for one in made] == [(asked[1], None, None)]
    assert it.sentence == "there is no earlier answer to repeat"


# --- the command --------------------------------------------------------------------------


def test_the_command_lists_edits_and_learns_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = played(tmp_path / "a.odl", "run", "-", "wave")
    asked = windows(path)
    assert main(["label", str(path)]) == 0
    out = capsys.readouterr().out
    assert "'run' has been learned" in out and "nobody answered in time" in out and "terminal" in out
    assert "2023-11-14 22:13:21" in out and "22:13:24" in out and "1.5 s" in out
    edits = ["--set", f"{asked[1]}=new one", "--under", "walk", "--undo", str(asked[0]), "--by", "P3"]
    assert main(["label", str(path), *edits, "--json", str(tmp_path / "a.json")]) == 0
    out = capsys.readouterr().out
    assert "2 answers, 2 questions edited" in out and "a-relabelled.odl" in out
    facts = json.loads((tmp_path / "a.json").read_text())
    assert [q["counts"] for q in facts["questions"][:3]] == [None, "new one", "wave"]
    assert facts["questions"][1]["edits"][0]["by"] == "relabel:P3"
    assert abs(facts["questions"][1]["edits"][0]["clock_ms"] / 1000 - time.time()) < 3600
    assert facts["relabelled"]["after"]["learned"] == 2
    assert main(["label", str(tmp_path / "a-relabelled.odl")]) == 0
    out = capsys.readouterr().out
    assert "relabel:P3" in out and "'new one' has been learned" in out
    assert main(["label", str(path), "--keep", str(asked[0]), "--keep", str(asked[1])]) == 0
    assert "0 questions edited" in capsys.readouterr().out
    assert main(["label", str(path), "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["recording"] == "a.odl"


def test_a_new_class_is_told_with_those_that_are_like_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = played(tmp_path / "a.odl", "run", "upright row")
    asked = windows(path)
    edits = ["--set", f"{asked[0]}=upright", "--set", f"{asked[1]}=run"]
    assert main(["label", str(path), *edits]) == 0
    out = capsys.readouterr()
    known = ", ".join([*IMAGE.names.values(), "upright row"])
    assert f"'upright' is a new class, at the top; did you mean 'upright row'? known: {known}\n" in out.err
    assert out.err.count("is a new class") == 1
    assert main(["label", str(path), "--set", f"{asked[1]}=upright", "--undo", str(asked[0])]) == 0
    out = capsys.readouterr()
    assert "is a new class" not in out.err and "1 answer, 2 questions edited" in out.out
    assert main(["label", str(path)]) == 0
    lines = [line for line in capsys.readouterr().out.split("\n") if "relabel" in line]
    assert [line.endswith("no answer counts") for line in lines] == [False, True, False, False]


@pytest.mark.parametrize("columns", [70, 80, 100, 200])
def test_the_log_fits_into_a_terminal(tmp_path: Path, columns: int) -> None:
    names = "a class with a long name of many", "漢字漢字漢字漢字漢字", "-"
    history = history_of(played(tmp_path / "a.odl", *names, by="terminal:P3"))
    whole, text = log_text(history, [], 50.0), log_text(history, [], 50.0, columns)
    assert max(map(width, text.split("\n"))) <= columns
    assert (text == whole) == ("when (UTC)" in text) == (columns == 200)
    for word in ("predicted", "terminal:P3", "1.5", "many", "learned", "nobody", "answered", "time"):
        assert word in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "run"], "write a window and a name"), (["--set", "x=run"], "write a window and a name"),
        (["--set", "1=run"], "nothing was asked about window 1"), (["--undo", "1"], "nothing was asked"),
        (["--by", "a\x1b", "--undo", "1"], "pseudonym"), (["--edit"], "--edit needs a terminal"),
        (["--undo", "64", "--edit"], "--edit needs a terminal"), (["--under", "walk"], "name it with --set"),
    ],
)  # fmt: skip
def test_the_command_refuses_in_a_sentence(
    tmp_path: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = played(tmp_path / "a.odl", "run")
    assert main(["label", str(path), *arguments]) == 2
    assert words in capsys.readouterr().err
    assert not edits_path(path).exists()


def test_a_recording_without_questions_and_hostile_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = PromptHarness(policy="none")
    stage.run(200)
    assert main(["label", str(record(tmp_path / "n.odl", stage))]) == 0
    assert "nothing was asked" in capsys.readouterr().out
    stage = PromptHarness()
    window = stage.until_asked()
    at = stage.session.position
    stage.put(Origin(at, "\x1b]0;owned\x07", 10, 2**64 - 1), Label(at, window, 2))
    assert main(["label", str(record(tmp_path / "h.odl", stage))]) == 0
    out = capsys.readouterr().out
    assert "owned" in out and all(c.isprintable() or c == "\n" for c in out)
