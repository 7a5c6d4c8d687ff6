"""``odl live`` and ``odl record`` with sketches that print what was not expected."""

from __future__ import annotations

import json
from collections import deque
from pathlib import Path

import numpy as np
import pytest

from odl.cli.main import main
from odl.core.events import Gap, Samples
from odl.data import load_card
from odl.device.board import Board
from odl.device.csv_stream import BAD_LINES, CsvStream
from odl.device.device_clock import DeviceClock
from odl.device.serial_line import SerialChunk, SerialState
from odl.live.source_status import SourceNotices
from odl.recording import read
from odl.wire import frame
from tests.helpers.live_stage import BLOCK, same_trace
from tests.helpers.virtual_port import VirtualPort, printing

CHANNELS = load_card("shoulder").channels
PRINTED = BLOCK * np.array([channel.scale for channel in CHANNELS])
NAMES = ",".join(channel.name for channel in CHANNELS)
WAYS = (["live", "--model", "shoulder"], ["record", "--model", "shoulder"])


def row(k: int, times: float = 1.0) -> str:
    """A line of what is recorded, in the model's units times something."""
    return ",".join(f"{value:.5f}" for value in times * PRINTED[k % len(PRINTED)])


def run(way: list[str], port: str, path: Path, *more: str) -> int:
    words = [*way, "--port", port, "--format", "csv", "--columns", NAMES, "--out", str(path)]
    return main([*words, *more])


@pytest.mark.parametrize("way", WAYS, ids=["live", "record"])
def test_too_many_columns_are_refused(
    way: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "walk.odl"
    with printing(lambda k: f"{k}," + row(k)) as port:
        assert run(way, port, path) == 2  # it ends by itself
    assert "the sketch prints 7 columns, but 6 are wanted" in capsys.readouterr().err
    assert not path.exists()


@pytest.mark.parametrize("way", WAYS, ids=["live", "record"])
@pytest.mark.parametrize(
    ("line", "why"), [("#?!%", "no lines of numbers"), ("", "no line has come")], ids=["noise", "blank"]
)
def test_seconds_are_of_the_clock_too(
    way: list[str],
    line: str,
    why: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "walk.odl"
    with printing(lambda k: line) as port:
        assert run(way, port, path, "--seconds", "0.5") == 2
    said = capsys.readouterr().err
    assert "nothing could be recorded: " in said and why in said
    assert not path.exists()  # so that the same name can be given again


@pytest.mark.parametrize("way", WAYS, ids=["live", "record"])
def test_a_board_of_our_own_is_no_sketch(
    way: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = (b"\0" + frame(k.to_bytes(7, "big")) for k in range(1000))
    said = next(one for one in frames if one.isascii()).decode()
    path = tmp_path / "walk.odl"
    with printing(lambda k: said) as port:
        assert run(way, port, path) == 2
    assert "a board of odl's own says; leave out --format csv" in capsys.readouterr().err
    assert not path.exists()


def test_a_port_that_has_gone_is_said_each_time() -> None:
    sketch = CsvStream(None, scale=[0.001] * 6, rate_hz=50.0, columns=NAMES.split(","))  # type: ignore[arg-type]
    notices = deque[str]()
    note, gone = SourceNotices(notices, 50.0), SerialState.LOST.value
    for moment in (0.0, 5.0):
        sketch._take(SerialChunk(moment, b"\n" + 20 * (row(0) + "\n").encode()))
        note.update(sketch)
        assert gone not in notices
        sketch._take(SerialChunk(moment + 1, state=SerialState.LOST))
        note.update(sketch)
        note.update(sketch)
        assert notices.count(gone) == 1
        notices.clear()
        sketch._take(SerialChunk(moment + 2, state=SerialState.OPEN))


def test_a_rate_at_the_edge_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sketch = CsvStream(None, scale=[0.001] * 6, rate_hz=50.0, columns=NAMES.split(","))  # type: ignore[arg-type]
    notices = deque[str]()
    note, said = SourceNotices(notices, 50.0), []
    for rate in (50.0, 51.1, 50.9, 51.1, None, 51.2, 45.0, 45.1, 50.2, 51.1):
        monkeypatch.setattr(DeviceClock, "rate_hz", rate)
        note.update(sketch)
        said.append(len(notices))
    assert said == [0, 1, 1, 1, 1, 1, 2, 2, 2, 3]


def test_a_rate_far_off_that_wavers_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an emulated board at five times real time it was said three times in a second."""
    notices, board = deque[str](), Board(VirtualPort().open())
    note = SourceNotices(notices, 50.0)
    for rate in (250.0, 251.4, 249.8, 252.1, 250.0):
        monkeypatch.setattr(DeviceClock, "rate_hz", rate)
        note.update(board)
    assert sum("are wanted" in notice for notice in notices) == 1


@pytest.mark.parametrize(("speed", "hinted"), [(1.0, True), (20.0, False)])
def test_an_emulated_board_is_named_as_a_cause_only_where_the_speed_is_not_known(
    speed: float, hinted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DeviceClock, "rate_hz", 3 * speed * 50.0)
    monkeypatch.setattr(DeviceClock, "device_rate_hz", 3 * 50.0)
    notices, board = deque[str](), Board(VirtualPort().open())
    SourceNotices(notices, 50.0, speed).update(board)
    assert ("`speed=3`" in notices[-1]) is hinted and "are wanted" in notices[-1]


def test_a_host_that_catches_up_with_an_emulated_board_is_no_fault_of_a_sensor() -> None:
    """At 20 times real time a busy machine said that samples come at 1084 Hz, but 1000 Hz are wanted."""
    notices, board = deque[str](), Board(VirtualPort().open())
    note, host = SourceNotices(notices, 50.0, speed=20.0), 0.0
    for second in range(1, 400):
        host += 1 / 15 if second < 100 else 1 / 25  # it falls behind, then it catches up
        board.clock.add(round(second * 1e6), host, index=50 * second)
        note.update(board)
    assert abs((board.clock.rate_hz or 0) - 1000) > 60 and [*notices] == [board.problem or board.state.value]


@pytest.mark.parametrize("way", WAYS, ids=["live", "record"])
def test_a_sketch_that_prints_twice_as_fast_is_not_excused(
    way: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DeviceClock, "rate_hz", 100.0)
    with printing(row) as port:
        assert run(way, port, tmp_path / "walk.odl", "--seconds", "1") == 0
    shown = capsys.readouterr()
    said = shown.out + shown.err
    assert "samples come at 100 Hz, but 50 Hz are wanted" in said and "emulated" not in said


def test_a_rate_that_is_near_the_model_s_is_said_once_and_not_complained_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DeviceClock, "rate_hz", 52.0)
    with printing(row) as port:
        assert run(WAYS[0], port, tmp_path / "walk.odl", "--rate", "52", "--seconds", "1") == 0
    shown = capsys.readouterr()
    said = shown.out + shown.err
    assert said.count("samples come at 52 Hz; the model was made for 50 Hz") == 1
    assert "are wanted" not in said


@pytest.mark.parametrize("columns", ["ax,ax,az,wx,wy,wz", "0,1,2,3,4,5"])
def test_columns_that_cannot_be_meant(
    columns: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with printing(row) as port:
        assert run(WAYS[0], port, tmp_path / "walk.odl", "--columns", columns) == 2
    assert "is wanted" in capsys.readouterr().err


@pytest.mark.parametrize("way", WAYS, ids=["live", "record"])
def test_bad_lines_are_said_and_lost(
    way: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "walk.odl"
    with printing(lambda k: "1e99,0,0,0,0,0" if k % 4 == 3 else row(k)) as port:
        assert run(way, port, path, "--seconds", "8") == 0
    shown = capsys.readouterr()
    assert "lines could not be used" in shown.out
    events = read(path).events
    gaps = [e for e in events if isinstance(e, Gap)]
    bad = [e.lost for e in gaps if e.why == BAD_LINES]
    rows = sum(len(e.block) for e in events if isinstance(e, Samples))
    others = len(gaps) - len(bad)  # where this machine had no time to print
    assert set(bad) == {1} and len(bad) > 20 and abs(rows - 3 * len(bad)) <= 4 * (1 + others)


@pytest.mark.parametrize("text", ["battery 3.71 V", "battery: 3.71", "Button pressed"])
@pytest.mark.parametrize("form", ["csv", "plotter"])
def test_text_beside_the_stream_costs_nothing(
    form: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "walk.odl"

    def line(k: int) -> str:
        pairs = zip(NAMES.split(","), row(k).split(","), strict=True)
        said = row(k) if form == "csv" else " ".join(f"{name}:{value}" for name, value in pairs)
        return said + (f"\r\n{text}" if k % 100 == 99 else "")

    with printing(line) as port:
        assert run(WAYS[0], port, path, "--seconds", "6") == 0
    shown = capsys.readouterr().out
    assert "left out: " + text in shown and "could not be used" not in shown
    assert not any(e.why == BAD_LINES for e in read(path).events if isinstance(e, Gap))


def test_where_no_window_can_be_completed_it_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "walk.odl"
    with printing(lambda k: "1,2,3" if k % 100 == 99 else row(k)) as port:
        assert run(WAYS[0], port, path, "--seconds", "9") == 0
    said = capsys.readouterr().out
    last = said.splitlines()[-1]
    why = "no window can be completed, because samples are lost in each 2.56 s: lines that cannot be used"
    assert f"{why}, the last was: 1,2,3" in last and " 0 windows" in last
    assert said.count(why) == 2  # when it is seen, and at the end


@pytest.mark.parametrize("way", WAYS, ids=["live", "record"])
def test_a_wrong_rate_is_said_when_it_is_seen_and_at_the_end(
    way: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with printing(row) as port:
        assert run(way, port, tmp_path / "walk.odl", "--seconds", "12") == 0
    shown = capsys.readouterr()
    (last,) = (line for line in shown.out.splitlines()[-2:] if not line.startswith("next: "))
    assert "samples come at " in last and "Hz are wanted" in last
    assert (shown.out + shown.err).count("samples come at ") > 1


def test_a_wrong_unit_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "walk.odl"
    with printing(lambda k: row(k, 9.81)) as port:
        assert run(WAYS[0], port, path, "--seconds", "4") == 0
    said = capsys.readouterr().out
    assert said.count("many samples are at the limit of column ") == 2  # when it is seen, and at the end
    assert "values at the limit; many samples" in said
    assert same_trace(path)


def test_a_sketch_is_gone_on_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "walk.odl"
    with printing(row) as port:
        assert run(WAYS[0], port, path, "--seconds", "4") == 0
        before = read(path).events
        words = ["--port", port, "--format", "csv", "--columns", NAMES, "--seconds", "4", "--json", "-"]
        capsys.readouterr()
        assert main(["live", "--resume", str(path), *words]) == 0
    found = json.loads(capsys.readouterr().out)
    events = read(path).events
    assert events[: len(before)] == before and len(events) > len(before) + 2
    assert any(isinstance(e, Gap) and e.why == "nobody listened" for e in events)
    assert found["position"] >= 400 and same_trace(path)
