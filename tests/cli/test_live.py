"""``odl live`` and ``odl record`` as a person runs them: an emulated board, a sketch, a kill."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest

import odl
from odl.cli.main import main
from odl.core.config import ConfigError
from odl.core.events import Gap, Label, Learned, Origin, Prediction, Query, Samples, Truth
from odl.data import load_card, open_dataset
from odl.evaluate.recorded import open_recording
from odl.live import open_live
from odl.live.open_recorder import open_recorder
from odl.recording import read
from tests.helpers.fake_board import BoardHarness
from tests.helpers.live_stage import BLOCK, clock_of, press, same_trace
from tests.helpers.virtual_port import printing
from tests.helpers.waiting import LIMIT, wait_until

CARD = load_card("shoulder")


def emulated() -> None:
    """Leave a test out where there is no emulator, or no compiler for its firmware."""
    pytest.importorskip("unicorn", reason="the emulated board needs unicorn")
    pytest.importorskip("ziglang", reason="the emulated board's firmware needs a compiler")


# --- an emulated board --------------------------------------------------------------------


def test_all_of_it_without_hardware(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    emulated()
    path, figures = tmp_path / "walk.odl", tmp_path / "figures.json"
    status = main(
        ["live", "--emulated", "--play", "shoulder", "--subject", "8", "--speed", "20", "--answers", "truth",
         "--policy", "periodic", "--budget", "400/h", "--delay", "4", "--seconds", "80",
         "--out", str(path), "--json", str(figures)]
    )  # fmt: skip
    assert status == 0
    assert same_trace(path)
    found = json.loads(figures.read_text())
    assert found["windows"] >= 60 and found["differences"] == 0
    # What the board owes at the end is waited for, but not for long.
    assert found["compared"] + found["skipped"] == found["windows"] and found["skipped"] <= 2
    events = read(path).events
    assert {e.by for e in events if isinstance(e, Origin)} == {"truth"}
    assert sum(isinstance(e, Learned) for e in events) >= 1
    # What is said to be true is true: the samples are found in the recording that is played.
    truths = [e for e in events if isinstance(e, Truth)]
    assert truths and truths[0].start == 0
    # The recording is played from its beginning, however long it took to meet the board.
    first = next(e for e in events if isinstance(e, Samples)).block
    assert np.array_equal(first, next(iter(open_dataset("shoulder").session(8, 0))).block[: len(first)])
    shown = capsys.readouterr()
    assert "walk.odl: " in shown.out and "0 differences" in shown.out
    assert str(path) in shown.err


def test_an_emulated_session_is_gone_on_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    emulated()
    path = tmp_path / "walk.odl"
    words = ["--play", "shoulder", "--subject", "7", "--speed", "20", "--answers", "truth"]
    settings = ["--policy", "periodic", "--budget", "400/h", "--delay", "2", "--seconds", "60"]
    assert main(["live", "--emulated", *words, *settings, "--out", str(path)]) == 0
    assert "compiling the board's firmware" in capsys.readouterr().err
    labels = sum(isinstance(e, Learned) for e in read(path).events)
    assert labels > 0
    assert main(["live", "--resume", str(path), "--seconds", "60"]) == 0
    assert "the host learns from here on" in capsys.readouterr().out
    recording = read(path)
    assert sum(isinstance(e, Learned) for e in recording.events) > labels
    assert {e.by for e in recording.events if isinstance(e, Origin)} == {"truth"}
    assert same_trace(path)


def test_what_is_played_tells_the_length_of_a_session(tmp_path: Path) -> None:
    emulated()
    options: dict[str, object] = {
        "emulated": True,
        "play": "shoulder",
        "subject": 8,
        "options": {"budget": 20},
    }
    with open_live(out=tmp_path / "walk.odl", **options) as live:
        assert (live.session.config.allowed, live.session.config.period) == (20, 0)
        assert live.session.config.horizon in range(350, 400)  # 503 s, in many pieces


def test_hardware_in_the_loop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    emulated()
    path = tmp_path / "fed.odl"
    words = ["live", "--emulated", "--feed", "shoulder", "--subject", "7", "--answers", "truth"]
    assert main([*words, "--budget", "12", "--json", "-", "--out", str(path)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["differences"], found["skipped"]) == (0, 0)
    assert found["compared"] == found["windows"] > 300
    assert found["counts"]["queries"] <= 12
    assert same_trace(path)
    samples = [e.block for e in read(path).events if isinstance(e, Samples)]
    assert len(np.concatenate(samples)) == found["position"] - sum(
        e.lost for e in read(path).events if isinstance(e, Gap)
    )
    assert open_recording(path).stream.about == {"dataset": "shoulder"}


# --- a sketch -----------------------------------------------------------------------------


@pytest.fixture
def sketch() -> Iterator[str]:
    """A port on which a sketch prints the shoulder recording in its units, quickly."""
    head = ["ready.", "ax,ay,az,wx,wy,wz"]  # nobody may listen yet
    rows = BLOCK * np.array([channel.scale for channel in CARD.channels])

    def line(k: int) -> str:
        return head[k] if k < 2 else ",".join(f"{value:.5f}" for value in rows[k % len(rows)])

    with printing(line, pause=0.0005) as port:
        yield port


def test_a_sketch_that_prints_numbers(
    sketch: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sketch.odl"
    words = ["live", "--port", sketch, "--format", "csv", "--columns", "ax,ay,az,wx,wy,wz"]
    assert main([*words, "--model", "shoulder", "--seconds", "8", "--out", str(path)]) == 0
    assert same_trace(path)
    opened = open_recording(path)
    assert [c[:2] for c in opened.stream.channels or ()] == [(c.name, c.unit) for c in CARD.channels]
    block = np.concatenate([e.block for e in opened.recording.events if isinstance(e, Samples)])
    counts = np.array([c[2] for c in opened.stream.channels or ()])
    printed = BLOCK * np.array([channel.scale for channel in CARD.channels])
    off = np.abs(printed - block[0] * counts).max(1)
    first = int(off.argmin())  # nobody listened to the lines before
    n = min(len(block), 100)
    assert len(block) >= 400 and np.abs(block[:n] * counts - printed[first : first + n]).max() < counts.max()
    assert any(isinstance(e, Prediction) for e in opened.recording.events)


def test_a_sketch_in_other_units_than_the_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It prints m/s2 and deg/s; the model wants g and rad/s. The recording says what was printed."""
    factor = np.array([9.80665] * 3 + [180 / math.pi] * 3)
    rows = BLOCK * np.array([channel.scale for channel in CARD.channels]) * factor
    path, columns = tmp_path / "si.odl", ["--format", "csv", "--columns", "ax,ay,az,wx,wy,wz"]
    with printing(lambda k: ",".join(f"{v:.6f}" for v in rows[k % len(rows)]), pause=0.0005) as port:
        words = ["live", "--port", port, *columns, "--model", "shoulder", "--seconds", "6"]
        units = "m/s2,m/s2,m/s2,deg/s,deg/s,deg/s"
        assert main([*words, "--units", units, "--out", str(path)]) == 0
        assert main([*words, "--units", "g", "--out", str(tmp_path / "none.odl")]) == 2
        assert "channel wx is in g, but the model wants rad/s" in capsys.readouterr().err
        scaled = tmp_path / "scaled.odl"
        assert main([*words, "--units", units, "--scale", "0.01", "--out", str(scaled)]) == 0
    assert same_trace(path) and not (tmp_path / "none.odl").exists()
    opened = open_recording(path)
    assert [c[1] for c in opened.stream.channels or ()] == units.split(",")
    assert [c[2] for c in open_recording(scaled).stream.channels or ()] == [0.01] * 6
    inputs = np.array([m / 2**s for m, s in zip(opened.config.mult, opened.config.shift, strict=True)])
    counts = np.concatenate([e.block for e in opened.recording.events if isinstance(e, Samples)])
    step = np.array([channel.scale for channel in opened.image.channels])
    known = BLOCK * np.array([channel.scale for channel in CARD.channels])
    real = counts * inputs * step  # what the model takes the first lines for, in its units
    first = int(np.abs(known - real[0]).max(1).argmin())
    assert np.abs(known[first : first + 50] - real[:50]).max() < step.max() / 100


def test_record_without_a_model(sketch: str, tmp_path: Path) -> None:
    path = tmp_path / "only.odl"
    words = ["record", "--port", sketch, "--format", "csv", "--columns", "2,3,1", "--rate", "50"]
    assert main([*words, "--seconds", "1", "--out", str(path), "--who", "P3"]) == 0
    recording = read(path)
    assert recording.complete and recording.outputs == []
    assert 50 <= sum(len(e.block) for e in recording.events if isinstance(e, Samples)) < 100
    assert recording.start.config["session"]["channels"] == [[name, "", 0.001] for name in "231"]
    with pytest.raises(ConfigError, match="holds no model image; 'odl replay' runs one"):
        open_recording(path)
    with pytest.raises(ValueError, match="the model wants"):
        odl.replay(path, model="shoulder")  # of six channels


@pytest.mark.parametrize(
    ("columns", "units"),
    [("ax,ay,az,wx,wy,wz", ""), ("1,2,3,4,5,6", ""), ("1,2,3,4,5,6", "g,g,g,dps,dps,dps")],
)
def test_what_was_recorded_without_a_model_replays_with_one(
    sketch: str, tmp_path: Path, columns: str, units: str
) -> None:
    path = tmp_path / "only.odl"
    words = ["record", "--port", sketch, "--format", "csv", "--columns", columns, "--rate", "50"]
    words += ["--units", units] if units else []
    assert main([*words, "--seconds", "4", "--out", str(path)]) == 0
    done = odl.replay(path, model="shoulder", budget=3, out=tmp_path / "out")
    stretch = sum(len(e.block) for e in read(path).events if isinstance(e, Samples))
    assert len(done.predictions) == (stretch - done.image.window) // done.image.hop + 1
    notes = " ".join(done.notes())
    assert ("are taken in the model's order: ax, ay, az, wx" in notes) is columns.startswith("1")
    assert ("taken as the model's: ax in g," in notes) == (not units)
    config, step = done.outcomes[0].config, [c.scale for c in done.image.channels]
    count = [0.001] * 3 + [math.radians(1 / 16) if units else 0.001] * 3
    ratios = [m / 2**s for m, s in zip(config.mult, config.shift, strict=True)]
    assert ratios == pytest.approx([c / s for c, s in zip(count, step, strict=True)], rel=1e-4)
    again = odl.replay(tmp_path / "out" / path.name)  # what was taken stands in it
    assert again.outcomes[0].same_trace and not any("taken" in note for note in again.notes())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--units g,g", "2 units for 3 columns"),
        ("--units g,g --model shoulder --columns ax,ay,az,wx,wy,wz", "2 units for 6 columns"),
        ("--units g --model shoulder --columns ax,ay,az,wx,wy,wz", "wx is in g, but the model wants rad/s"),
        ("--scale 0", "--scale is 0.0; it can be a number above 0"),
        ("--rate 0", "--rate is 0.0; it can be a number above 0"),
        ("--model shoulder", "3 columns, but the model wants 6: ax in g, ay in g, "),
    ],
)
def test_units_and_scale_are_looked_at(
    sketch: str, words: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "none.odl"
    known = ["record", "--port", sketch, "--format", "csv", "--columns", "ax,ay,az", "--rate", "50"]
    assert main([*known, *words.split(), "--out", str(path), "--seconds", "1"]) == 2
    assert says in capsys.readouterr().err and not path.exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--seconds nan", "--seconds is nan; it can be a number above 0"),
        ("--seconds -1", "--seconds is -1.0; it can be a number above 0"),
        ("--rate 50", "--rate is for --format csv: a board reports its own"),
        ("--columns ax,ay", "--columns is for --format csv: a board reports its own"),
        ("--scale 0.1", "--scale is for --format csv: a board reports its own"),
        ("--units g", "--units is for --format csv: a board reports its own"),
    ],
)
def test_what_is_not_for_a_board_is_refused_before_it_is_touched(
    words: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "none.odl"
    assert main(["record", "--port", str(tmp_path / "no"), "--out", str(path), *words.split()]) == 2
    assert says in capsys.readouterr().err and not path.exists()


def test_a_length_that_is_none_records_nothing(bench: BoardHarness, tmp_path: Path) -> None:
    with open_recorder(bench.port.name, out=tmp_path / "only.odl") as recorder:
        for seconds in (math.nan, -1.0, 0.0):
            with pytest.raises(ConfigError, match="`seconds` is .*; it can be a number above 0"):
                recorder.run(seconds, print)
        recorder.run(0.1, print)


def test_record_a_board(bench: BoardHarness, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "only.odl"
    places = cycle(range(0, 2000, 10))

    def feed() -> None:
        at = next(places)
        bench.board.sense(BLOCK[at : at + 10])
        clock_of(bench).after(0.2, feed)

    feed()
    words = ["--port", bench.port.name, "--seconds", "4", "--out", str(path), "--json", "-"]
    assert main(["record", *words]) == 0
    found = json.loads(capsys.readouterr().out)
    events = read(path).events
    assert found["samples"] == sum(len(e.block) for e in events if isinstance(e, Samples)) >= 200
    assert isinstance(events[0], Samples) and events[0].start == 0
    assert main(["replay", str(path)]) == 0  # it has the board's model image in it


def test_two_boards_or_none_are_not_guessed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("odl.device.discovery.list_ports", list)
    assert main(["live", "--out", str(tmp_path / "walk.odl")]) == 2
    assert "try without one: --emulated" in capsys.readouterr().err
    assert not (tmp_path / "walk.odl").exists()


# --- the end ------------------------------------------------------------------------------


class Process:
    """``odl live`` in a process of its own, with a board whose sensor plays."""

    def __init__(self, bench: BoardHarness, *words: str) -> None:
        self.bench = bench
        env = {**os.environ, "PYTHONPATH": str(Path(odl.__file__).parent.parent)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "odl", "live", "--port", bench.port.name, *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env,
        )  # fmt: skip
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._play, daemon=True)

    def _play(self) -> None:
        for at in range(0, len(BLOCK), 10):
            self.bench.board.sense(BLOCK[at : at + 10])
            press(self.bench.board, 2)
            if self._ended.wait(0.002):
                return

    def ready(self, path: Path) -> None:
        """Wait until it records, then play."""
        self.wait_until(lambda: path.exists() and path.stat().st_size > 0)
        self._thread.start()

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Wait until ``holds()``; fail if the process ends before that."""
        wait_until(lambda: holds() or self.process.poll() is not None)
        assert self.process.poll() is None

    def end(self, number: int) -> str:
        """Send it a signal; what it printed."""
        self.process.send_signal(number)
        out, _ = self.process.communicate(timeout=LIMIT)
        self._ended.set()
        self._thread.join()
        return out


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_signals_end_a_session_properly(served: BoardHarness, tmp_path: Path, number: signal.Signals) -> None:
    path = tmp_path / "walk.odl"
    process = Process(served, "--out", str(path), "--budget", "600/h", "--policy", "periodic")
    process.ready(path)
    process.wait_until(lambda: any(isinstance(e, Query) for e in read(path).events))
    out = process.end(number)
    assert process.process.returncode == 0
    assert "walk.odl: " in out
    assert read(path).complete and same_trace(path)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_killed_at_any_moment_and_resumed(served: BoardHarness, tmp_path: Path) -> None:
    path, chance = tmp_path / "walk.odl", random.Random(4)
    words = ["--out", str(path), "--budget", "600/h", "--policy", "periodic"]
    labels: list[Label] = []
    asked: list[int] = []
    for _ in range(3):
        process = Process(served, *words)
        process.ready(path)
        size = path.stat().st_size + 20_000 + chance.randrange(20_000)
        process.wait_until(lambda size=size: path.stat().st_size >= size)  # type: ignore[misc]
        process.end(signal.SIGKILL)
        events = read(path).events
        assert [e for e in events if isinstance(e, Label)][: len(labels)] == labels
        labels = [e for e in events if isinstance(e, Label)]
        asked = [e.window for e in events if isinstance(e, Query)]
        assert len(set(asked)) == len(asked)
        words = ["--resume", str(path)]
    assert main(["live", "--port", served.port.name, *words, "--seconds", "0.5"]) == 0
    assert asked and labels and same_trace(path)
