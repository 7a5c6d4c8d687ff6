"""A live session as lines: what happens is told, one question is on at a time, answers are lines."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from odl.cli.terminal.lines import LineView, typed
from odl.core.events import AddClass, Gap, Label
from tests.helpers.progress_lines import without_progress
from tests.helpers.prompts import Played, PromptHarness
from tests.helpers.relabelling import played
from tests.helpers.streams import IMAGE
from tests.helpers.virtual_clock import VirtualClock
from tests.helpers.waiting import LIMIT, let_others_run, wait_until


def patient() -> Callable[[int], object]:
    """A live session's turn in which nothing happens, for as long as a test may take."""
    end = time.monotonic() + LIMIT

    def turn(i: int) -> object:
        let_others_run()
        return StopIteration if time.monotonic() > end else None

    return turn


def when(window: int) -> str:
    return f"{window / IMAGE.rate_hz:.1f} s"


def asked(window: int) -> str:
    return f"{when(window)}: what were you doing in the "


class Person:
    """Whoever types: each line is given when what it waits for has been printed or has happened."""

    def __init__(self, *steps: tuple[Callable[[], object], str]) -> None:
        self._steps = steps

    def __iter__(self) -> Iterator[str]:
        for holds, line in self._steps:
            wait_until(holds)
            yield line + "\n"


def test_lines_tell_what_happens_and_take_answers() -> None:
    stage = PromptHarness()
    target, said = io.StringIO(), []

    def turn(i: int) -> object:
        stage.run(8)
        if stage.prompt.questions and stage.prompt.questions[0].window in lines._asked:
            window = stage.prompt.questions[0].window
            said.append(typed(stage.prompt, ["2", "s", "=", "n hop under -", "zz"][len(said)], window))
        return StopIteration if len(said) == 5 else None

    lines = LineView(Played(stage, turn), target)
    lines.run()
    assert said[:4] == [""] * 4
    assert said[4].startswith("a key, a class's name, n and a new name, s (skip), = (same), t and a name")
    out = target.getvalue()
    assert out.count("ttyACM0: connected") == 1 and "has been learned" in out and "skipped" in out
    assert "s left" in out and "window " not in out
    assert "? 1 " not in out, "keys are listed where somebody can press them"
    assert "waits for its batch" not in out and out.count("skipped") == 1  # each answer told once
    assert [e.name for e in stage.events if isinstance(e, AddClass)] == ["hop"]


def test_where_the_model_knows_nothing_like_it_a_new_class_is_offered() -> None:
    every = {IMAGE.names[cls]: [32768] * 6 for cls in IMAGE.row_class.tolist()}
    stage = PromptHarness(replace(IMAGE, card=dict(IMAGE.card) | {"unknown": every}))
    stage.until_asked()
    for answers, rest in ((None, "; "), (io.StringIO(), ": n and its name adds it as a class; 1 ")):
        target = io.StringIO()
        LineView(Played(stage, lambda i: StopIteration), target).run(answers)
        assert f"? perhaps something new{rest}" in target.getvalue()


def test_an_answer_is_about_the_question_that_was_put_and_the_next_is_put_then() -> None:
    stage = PromptHarness(patience=2**40)
    one = stage.until_asked()
    target = io.StringIO()
    two = [0]
    idle = patient()

    def turn(i: int) -> object:
        if i == 5:
            two[0] = stage.until_asked()
        return idle(i)

    live = Played(stage, turn, turns=10**9)
    person = Person(
        (lambda: "is a question too" in target.getvalue(), "1"),
        (lambda: asked(two[0]) in target.getvalue(), "2"),
        (lambda: len([e for e in stage.events if isinstance(e, Label)]) == 2, "q"),
    )
    LineView(live, target).run(person)  # type: ignore[arg-type]
    assert live.closed
    assert [e.window for e in stage.events if isinstance(e, Label)] == [one, two[0]]
    out = target.getvalue()
    first, too, second = asked(one), f"{when(two[0])} is a question too", asked(two[0])
    assert out.index(first) < out.index(too) < out.index(second)
    assert out.count("? 1 ") == 2


def test_a_line_that_may_have_been_meant_for_a_question_that_has_just_ended_is_not_taken() -> None:
    stage, clock = PromptHarness(patience=60), VirtualClock()
    first = stage.until_asked()
    lines = LineView(Played(stage, lambda i: None), io.StringIO(), clock)
    lines._answering = True
    lines._show()
    stage.put(Gap(stage.session.position, 200, "unplugged"))
    assert lines._take("1") == "this question has expired"
    stage.until_asked()
    lines._show()
    assert first not in lines._asked
    assert lines._take("1") == "another question has only just appeared; answer again"
    assert not [e for e in stage.put() if isinstance(e, Label)]
    clock.now += 1.5
    assert lines._take("1") == ""
    assert [e for e in stage.put() if isinstance(e, Label)]
    # Who has answered waits for the next question and need not wait any longer.
    stage.until_asked()
    lines._show()
    assert lines._take("2") == ""


def test_a_class_s_name_answers_whatever_its_key() -> None:
    stage = PromptHarness()
    window = stage.until_asked()
    name = stage.prompt.questions[0].likely[-1].name
    assert typed(stage.prompt, name, window) == ""
    assert [told.name for told in stage.prompt.answers] == [name]


def test_lines_are_read_until_one_says_to_leave() -> None:
    stage = PromptHarness()
    window = stage.until_asked()
    target = io.StringIO()
    live = Played(stage, patient(), turns=10**9)
    LineView(live, target).run(io.StringIO("1\nu\nu\nq\n"))
    assert live.closed
    assert asked(window) in target.getvalue()


def test_a_line_to_the_person_that_is_cut_ends_nothing() -> None:
    class Cut(io.StringIO):
        def __next__(self) -> str:
            raise OSError(5, "Input/output error")

    live = Played(PromptHarness(), lambda i: let_others_run(), turns=50)
    LineView(live, io.StringIO()).run(Cut())
    assert live.closed


def test_who_answers_is_told_when_the_first_question_comes() -> None:
    target = io.StringIO()
    LineView(Played(PromptHarness(policy="none"), lambda i: None, turns=2), target).run(io.StringIO())
    assert "no question is open; the next one appears here" in target.getvalue()


def test_a_typed_line_without_a_question() -> None:
    prompt = PromptHarness(policy="none").prompt
    assert [typed(prompt, line, None) for line in ("", "1", "u", "q")] == [
        "", "no question is open; t and a name teaches what you are doing now",
        "the answer given last is being taken back", None,
    ]  # fmt: skip


def test_what_an_output_cannot_encode_does_not_end_a_command(tmp_path: Path) -> None:
    """As where output goes into a pipe on a system that is not UTF-8."""
    path = played(tmp_path / "a.odl", "run", None, "漢字")
    done = subprocess.run(
        [sys.executable, "-m", "odl", "label", str(path)], capture_output=True, text=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert (done.returncode, without_progress(done.stderr)) == (0, "")
    assert "'??' has been learned" in done.stdout
