"""The disk is full in the midst of a live session, or the process is killed within a write."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from odl.cli.main import main
from odl.core.events import Event, Label, Query, Samples
from odl.live import LiveSession
from odl.live.open_recorder import open_recorder
from odl.recording import read
from tests.helpers.fake_board import BoardHarness
from tests.helpers.full_disk import full_disk
from tests.helpers.live_stage import BLOCK, answer, blocks, play, same_trace, start_live
from tests.helpers.virtual_port import VirtualPort
from tests.helpers.waiting import LIMIT

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows limits no file's size")


def is_open(bench: BoardHarness) -> bool:
    """Whether the host has the port open."""
    assert isinstance(bench.port, VirtualPort)
    return bench.port.line is not None


@pytest.mark.parametrize("learn", ["host", "device", "both"])
def test_a_full_disk_ends_a_session_that_can_be_gone_on_with(
    bench: BoardHarness, tmp_path: Path, learn: str
) -> None:
    path, chance = tmp_path / "walk.odl", random.Random(4)
    live = start_live(bench, path, learn=learn)
    asked, at = list[int](), 0
    for _ in range(4):
        with full_disk(path.stat().st_size + chance.randrange(1, 9000)):
            with pytest.raises(OSError, match=r"File too large; the recording up to here") as caught:
                play(live, bench, at, 800, answer("wave"))
            live.close()
        assert caught.value.filename == str(path)
        assert not is_open(bench)
        cut = read(path)
        assert cut.lost_frames == 0 and not cut.complete
        asked = [e.window for e in cut.events if isinstance(e, Query)]
        live, at = start_live(bench, None, resume=path), at + 800
    play(live, bench, at, 800, answer("wave"))
    live.close()
    windows = [e.window for e in read(path).events if isinstance(e, Query)]
    assert windows[: len(asked)] == asked and len(set(windows)) == len(windows)
    assert any(isinstance(e, Label) for e in read(path).events)
    assert same_trace(path)


@pytest.mark.parametrize("resumed", [False, True])
@pytest.mark.parametrize("learn", ["host", "both"])
def test_a_recording_that_is_taken_away_ends_a_session_that_can_be_gone_on_with(
    bench: BoardHarness, tmp_path: Path, learn: str, resumed: bool
) -> None:
    """The session wrote on into a file without a name, and its answers were gone."""
    path = tmp_path / "walk.odl"
    live, at = start_live(bench, path, learn=learn), 0
    if resumed:
        play(live, bench, 0, 800, answer("wave"))
        live.close()
        live, at = start_live(bench, None, resume=path), 800
    answered = answer("wave")

    def do(live: LiveSession, event: Event) -> None:
        answered(live, event)
        if isinstance(event, Samples) and event.start == at + 500:
            (tmp_path / "other").write_bytes(b"other")
            (tmp_path / "other").replace(path)

    with pytest.raises(
        OSError, match=r"replaced.*; the recording up to here is in walk-saved\.odl, and can be resumed: "
    ):
        play(live, bench, at, 800, do)
    live.close()
    assert path.read_bytes() == b"other" and not is_open(bench)
    saved = tmp_path / "walk-saved.odl"
    there = read(saved)
    assert any(isinstance(e, Label) for e in there.events)
    assert not there.complete and there.lost_frames == there.lost_bytes == 0
    live = start_live(bench, None, resume=saved)
    play(live, bench, at + 800, 800, answer("wave"))
    live.close()
    assert len(read(saved).events) > len(there.events) and same_trace(saved)


def test_no_room_for_a_recording_ends_it_before_it_begins(
    bench: BoardHarness, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start_live(bench, tmp_path / "before.odl").close()  # kernels are compiled now, and kept on the disk
    path = tmp_path / "walk.odl"
    for command in ("live", "record"):
        with full_disk(2000):
            assert main([command, "--port", bench.port.name, "--out", str(path)]) == 2
        assert capsys.readouterr().err.endswith(f"odl: {path}: File too large\n")
        assert not path.exists() and not is_open(bench)


def test_a_disk_that_fails_at_the_first_moment_leaves_no_file_in_the_way(
    bench: BoardHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    live, only = tmp_path / "walk.odl", tmp_path / "only.odl"
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", broken)
        with pytest.raises(OSError, match="Input/output error"):
            start_live(bench, live)
        with pytest.raises(OSError, match="Input/output error"):
            open_recorder(bench.port.name, out=only)
        assert not live.exists() and not only.exists() and not is_open(bench)
    with start_live(bench, live) as session:
        play(session, bench, 0, 100)
    before = read(live).events
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", broken)
        with pytest.raises(OSError, match="Input/output error"):
            start_live(bench, None, resume=live)
    assert read(live).events == before and not is_open(bench)  # what was there before stays


def test_a_full_disk_ends_what_is_only_recorded(bench: BoardHarness, tmp_path: Path) -> None:
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
    assert caught.value.filename == str(path) and not is_open(bench)
    assert 0 < sum(1 for _ in read(path).events) < 40


CHILD = """
import os, resource, signal, sys
from odl.live import open_live
url, path, learn, room = sys.argv[1:]
with open_live(url, out=path, learn=learn, options={"policy": "periodic", "budget": "600/h"}) as live:
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(path) + int(room),) * 2)
    print("ready", flush=True)
    for event in live:
        for question in live.prompt.questions:
            live.prompt.answer(question.window, "wave")
"""


@pytest.mark.parametrize(("learn", "room"), [("host", 5555), ("device", 4800), ("both", 7777)])
def test_a_session_killed_within_a_write_is_gone_on_with(
    served: BoardHarness, tmp_path: Path, learn: str, room: int
) -> None:
    """The system takes a part of a frame and kills the process."""
    path = tmp_path / "walk.odl"
    words = [sys.executable, "-c", CHILD, served.port.name, str(path), learn, str(room)]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=root, text=True) as child:
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
        size = path.stat().st_size
        try:
            for block in blocks(0, 2000):
                served.board.sense(block)
            assert child.wait(LIMIT) == -signal.SIGXFSZ
        finally:
            child.kill()
    assert size < path.stat().st_size and path.stat().st_size - size <= room
    cut = read(path)
    assert cut.lost_frames == 0 and not cut.complete and cut.events
    asked = [e.window for e in cut.events if isinstance(e, Query)]
    with start_live(served, None, resume=path) as live:
        play(live, served, 2000, 500, answer("wave"))
    windows = [e.window for e in read(path).events if isinstance(e, Query)]
    assert windows[: len(asked)] == asked and len(set(windows)) == len(windows)
    assert same_trace(path)
