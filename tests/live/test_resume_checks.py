"""Who goes on with a recording, from where, and what the last line then says of all of it."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from odl.cli.live import _report
from odl.cli.main import main
from odl.cli.terminal.screen import figures
from odl.core.config import Config, ConfigError
from odl.core.events import Adopt, Gap, Label, Prediction, Query
from odl.data import model_bytes
from odl.device.board import BoardState
from odl.device.csv_state import CsvStreamState
from odl.device.discovery import PortError
from odl.live import LiveSession, LiveStatus, open_live
from odl.recording import Writer, read
from odl.wire import Start
from tests.helpers.fake_board import BoardHarness
from tests.helpers.live_stage import answer, play, same_trace, start_live

CONFIG = Config(mult=(1,) * 6, shift=(0,) * 6, offset=(0,) * 6).to_dict()
PLAYED = {"dataset": "shoulder", "subject": "8", "live": {"emulated": True, "play": "shoulder"}}
SKETCH = {"live": {"learn": "host", "form": "csv"}}
NAMED = {"subject": "P3", "live": {"named": True}}
OTHERS: list[tuple[dict[str, object], dict[str, object], str]] = [
    (PLAYED, {"emulated": True, "play": "shoulder", "subject": 3}, "a recording of shoulder's person 8;"),
    (NAMED, {"emulated": True, "play": "shoulder", "subject": 8}, "a recording of somebody else;"),
    (NAMED, {"port": "loop://", "feed": "shoulder", "subject": 3}, "a recording of somebody else;"),
    (PLAYED, {"who": "P3"}, "is a recording of 8, and resumes with the same wearer; leave out `who`"),
    (NAMED, {"who": "P4"}, "is a recording of P3, and resumes"),
    ({}, {"who": "P4"}, "names nobody, and resumes"),
    (SKETCH, {}, "from a sketch; name its port and columns again: `port=P` `format='csv'` `columns=A,B,C`"),
    (SKETCH, {"port": "loop://"}, "its samples came from a sketch"),
]


def left(tmp_path: Path, about: dict[str, object]) -> Path:
    """What was left of a session of which Start says ``about``."""
    path = tmp_path / "left.odl"
    Writer(path, Start({"config": CONFIG, "session": about}, model_bytes("shoulder"))).leave()
    return path


@pytest.mark.parametrize(("about", "options", "sentence"), OTHERS)
def test_nobody_else_goes_on(
    about: dict[str, object], options: dict[str, object], sentence: str, tmp_path: Path
) -> None:
    path = left(tmp_path, about)
    whole = path.read_bytes()
    with pytest.raises(ConfigError, match=f"left.odl.* {sentence}"):
        open_live(resume=path, **options)  # type: ignore[arg-type]
    assert path.read_bytes() == whole


def test_a_port_that_is_named_is_no_emulated_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("odl.device.discovery.list_ports", list)
    with pytest.raises(PortError, match="no serial port is there"):
        open_live("auto", resume=left(tmp_path, PLAYED))


def test_a_folder_that_is_not_there_is_made_with_the_recording(bench: BoardHarness, tmp_path: Path) -> None:
    out = tmp_path / "walks" / "monday" / "1.odl"
    with start_live(bench, out):
        assert out.is_file()


def test_settings_of_answers_that_nobody_gives_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("delay", "refuse", "error"):
        out = str(tmp_path / "walk.odl")
        assert main(["live", "--port", "loop://", f"--{name}", "1", "--out", out]) == 2
        assert f"--{name} is about answers from truth; add --answers truth" in capsys.readouterr().err


@pytest.mark.parametrize("state", [*BoardState, *CsvStreamState])
def test_no_state_of_a_source_is_cut(state: BoardState | CsvStreamState) -> None:
    status = LiveStatus(state.value, "loop://", None, 50.0, None, None, 0, 0, 0, 0, 0, None, None, None, None,
                        Path("walk.odl"))  # fmt: skip
    assert state.value in figures(status)


# --- what the recording holds -------------------------------------------------------------


def last_line(live: LiveSession, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    _report(live, argparse.Namespace(json=None, format="board"), print)
    return capsys.readouterr().out


@pytest.mark.parametrize("learn", ["host", "both"])
def test_the_last_line_is_of_the_whole_recording(
    bench: BoardHarness, tmp_path: Path, capsys: pytest.CaptureFixture[str], learn: str
) -> None:
    path = tmp_path / "walk.odl"
    with start_live(bench, path, learn=learn) as live:
        play(live, bench, 0, 1500, answer("wave"))
    assert "compared since" not in last_line(live, capsys)
    bench.board.restart()  # its counters begin anew
    with start_live(bench, None, resume=path) as live:
        play(live, bench, 1700, 1000, answer("wave"))
    events = read(path).events
    lost = sum(e.lost for e in events if isinstance(e, Gap | Adopt))
    windows, asked, answers = (
        sum(isinstance(e, kind) for e in events) for kind in (Prediction, Query, Label)
    )
    assert min(windows, asked, answers) > 1
    assert live.history.lost == lost and live.status().windows == windows and same_trace(path)
    said = last_line(live, capsys)
    assert f" s, {windows} windows, {asked} questions, {answers} answers, {lost} sample" in said
    assert ("windows compared since it was resumed, " in said) == (learn == "both")
