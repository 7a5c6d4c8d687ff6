"""The disk is full in the midst of a live session, or the process is killed within a write."""

from __future__ import annotations

import os
import random
import threading
from pathlib import Path

import pytest
from full_disk import full_disk
from pretend import Bench
from stage import BLOCK, answer, begin, play, same_trace

from odl.bridge.recorder import open_recorder
from odl.cli import main
from odl.events import Label, Query
from odl.journal import read

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows limits no file's size")


def readers() -> list[str]:
    """Names of the threads that read from a port."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("line ")]


@pytest.mark.parametrize("learn", ["host", "device", "both"])
def test_a_full_disk_ends_a_session_that_can_be_gone_on_with(
    bench: Bench, tmp_path: Path, learn: str
) -> None:
    path, chance = tmp_path / "walk.odl", random.Random(4)
    live = begin(bench, path, learn=learn)
    asked, at = list[int](), 0
    for _ in range(4):
        with full_disk(path.stat().st_size + chance.randrange(1, 9000)):
            with pytest.raises(OSError, match=r"File too large; what was recorded before that") as caught:
                play(live, bench, at, 800, answer("wave"))
            live.close()
        assert caught.value.filename == str(path)
        assert readers() == []
        cut = read(path)
        assert cut.lost_frames == 0 and not cut.complete
        asked = [e.window for e in cut.events if isinstance(e, Query)]
        live, at = begin(bench, None, resume=path), at + 800
    play(live, bench, at, 800, answer("wave"))
    live.close()
    windows = [e.window for e in read(path).events if isinstance(e, Query)]
    assert windows[: len(asked)] == asked and len(set(windows)) == len(windows)
    assert any(isinstance(e, Label) for e in read(path).events)
    assert same_trace(path)


def test_no_room_for_a_recording_ends_it_before_it_begins(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(bench, tmp_path / "before.odl").close()  # kernels are compiled now, and kept on the disk
    path = tmp_path / "walk.odl"
    for command in ("live", "record"):
        with full_disk(2000):
            assert main([command, "--port", bench.port.name, "--out", str(path)]) == 2
        assert capsys.readouterr().err.endswith(f"odl: {path}: File too large\n")
        assert not path.exists() and readers() == []


def test_a_full_disk_ends_what_is_only_recorded(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "walk.odl"
    recorder = open_recorder(bench.port.name, out=path)
    for i in range(40):
        bench.board.sense(BLOCK[10 * i : 10 * i + 10])
    with (
        full_disk(path.stat().st_size + 1000),
        pytest.raises(OSError, match="File too large") as caught,
        recorder,
    ):
        recorder.run(60.0, lambda sentence: None)
    assert caught.value.filename == str(path) and readers() == []
    assert 0 < sum(1 for _ in read(path).events) < 40
