"""The view of a recording with labels: keys switch the label, q twice ends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from odl._text import width
from odl.cli.terminal.keys import Line
from odl.cli.terminal.record_view import RecordView, record_lines
from odl.core.events import Truth
from odl.core.ground_truth import joined
from odl.live.open_recorder import open_recorder
from odl.live.recorder import Recorder
from odl.recording import read
from tests.helpers.virtual_port import printing
from tests.helpers.waiting import let_others_run


@contextmanager
def recorder(path: Path, **how: object) -> Iterator[Recorder]:
    with printing(lambda k: f"{k % 9},1,2", pause=0.0005) as port, open_recorder(
        port, format="csv", columns=["1", "2", "3"], rate=50.0, out=path, **how  # type: ignore[arg-type]
    ) as found:  # fmt: skip
        yield found


def labels_of(path: Path) -> list[str]:
    return [t.name for t in joined(e for e in read(path).events if isinstance(e, Truth))]


def text(lines: list[Line]) -> str:
    return "\n".join("".join(part for _, part in line) for line in lines)


def press(found: Recorder, steps: list[tuple[Callable[[RecordView], object], str]]) -> RecordView:
    """When a condition holds, keys are pressed; then the next."""
    assert found.takes is not None
    with create_pipe_input() as pipe:
        view = RecordView(found, found.takes, pipe, DummyOutput())
        say = view._lines

        def lines(columns: int, rows: int) -> list[Line]:
            if steps and steps[0][0](view):
                pipe.send_text(steps.pop(0)[1])
            let_others_run()
            view._app.invalidate()
            return say(columns, rows)

        view._lines = lines  # type: ignore[method-assign]
        view.run()
    assert not steps
    return view


def seconds(name: str) -> Callable[[RecordView], object]:
    return lambda view: view._takes.seconds_of.get(name, 0) > 0.5


def test_keys_switch_the_label_and_a_new_one_is_typed(tmp_path: Path) -> None:
    path = tmp_path / "a.odl"
    with recorder(path, label=["walk", "run"]) as found:
        view = press(found, [
            (seconds("walk"), "2"), (seconds("run"), " "), (lambda view: view._takes.label is None, "n"),
            (lambda view: view._typed is not None, "hq\x7fop\r"), (seconds("hop"), "x"),
            (lambda view: "'x' means nothing here" in view._said, "q"),
            (lambda view: "once more" in view._said, "q"),
        ])  # fmt: skip
        picture = text(record_lines(found, view._takes, None, "", 80, 20))
    assert labels_of(path) == ["walk", "run", "hop"] and read(path).complete
    assert "now  hop" in picture and " 2   run" in picture and "space  no label" in picture
    assert "recording" in picture and "lost 0" in picture


def test_takes_of_a_fixed_length_end_by_themselves(tmp_path: Path) -> None:
    path = tmp_path / "b.odl"
    with recorder(path, label=["walk", "run"], seconds=1.0, repeat=3, countdown=0.5) as found:
        view = press(found, [])
        assert view._takes.done
        view.press("2")
        assert "go by themselves" in view._said
        picture = text(record_lines(found, view._takes, None, "", 80, 20))
    truths = [e for e in read(path).events if isinstance(e, Truth)]
    assert [(t.start, t.end, t.name) for t in joined(truths)] == [
        (25, 75, "walk"), (100, 150, "run"), (175, 225, "walk"),
    ]  # fmt: skip
    assert "take 3 of 3" in picture and "space" not in picture and " q  quit" in picture


def test_hostile_names_and_small_screens(tmp_path: Path) -> None:
    with recorder(tmp_path / "c.odl", label=["漢字" * 5, "e\u0301" * 10]) as found:
        assert found.takes is not None
        for columns, rows in ((20, 3), (40, 6), (120, 30)):
            lines = record_lines(found, found.takes, "\x1b[2J\u202e", "\x1b]0;owned\x07", columns, rows)
            assert len(lines) <= rows
            for line in text(lines).split("\n"):
                assert line.isprintable() and width(line) <= columns
