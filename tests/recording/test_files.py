"""The file under a recording: who may read and write it, a full disk, a process killed within a write."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from odl.core.events import Undo
from odl.recording import Reader, RecordingError, Writer, files, read
from tests.helpers.full_disk import full_disk
from tests.helpers.recordings import SESSION, START, frames_of, write


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such permissions")
def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "walk.odl"
    write(path, SESSION)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    write(path, SESSION)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


WRITE = """
import sys
from odl.core.events import Undo
from odl.recording import Writer
from odl.wire import Start
writer = Writer(sys.argv[1], Start({}, b""))
writer.write(Undo(1))
writer.flush()
print("writing", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(os.name != "posix", reason="nothing keeps two writers apart on Windows")
def test_nobody_else_writes_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "walk.odl"
    locked = r"walk\.odl: another writer has this file open; close it first$"
    for begin in (lambda: Writer(path, START), lambda: Writer.append(path)):
        with begin() as writer:
            writer.write(Undo(1))
            writer.flush()
            before = path.read_bytes()
            with pytest.raises(RecordingError, match=locked):
                Writer(path, START)
            with pytest.raises(RecordingError, match=locked):
                Writer.append(path)
            with pytest.raises(RecordingError, match=locked):
                Reader(path, locked=True)
            assert read(path).events[-1] == Undo(1)
            writer.write(Undo(2))
            writer.leave()
        data = path.read_bytes()
        assert data.startswith(before) and len(data) > len(before)
    assert read(path).events == [Undo(1), Undo(2), Undo(1), Undo(2)]


@pytest.mark.skipif(os.name != "posix", reason="nothing keeps two writers apart on Windows")
def test_a_reader_that_is_to_go_on_keeps_others_away(tmp_path: Path) -> None:
    path = tmp_path / "walk.odl"
    write(path, SESSION)
    with (
        Reader(path, locked=True) as first,
        pytest.raises(RecordingError, match="another writer"),
    ):
        Writer.append(path)
    with Reader(path, locked=True) as first:
        assert list(first) == SESSION
        writer = Writer.after(first)
    with pytest.raises(RecordingError, match="another writer"):  # though the reader is closed
        Writer.append(path)
    writer.write(Undo(25))
    writer.close()
    Writer.append(path).close()
    assert read(path).events == [*SESSION, Undo(25)]


@pytest.mark.skipif(os.name != "posix", reason="nothing keeps two writers apart on Windows")
def test_a_killed_writer_leaves_the_file_free(tmp_path: Path) -> None:
    path = tmp_path / "walk.odl"
    other = subprocess.Popen(
        [sys.executable, "-c", WRITE, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    assert other.stdin is not None and other.stdout is not None
    with other:
        assert other.stdout.readline() == b"writing\n"
        with pytest.raises(RecordingError, match="another writer"):
            Writer.append(path)
        with pytest.raises(RecordingError, match="another writer"):
            Writer(path, START)
        assert read(path).events == [Undo(1)]
        other.kill()
    with Writer.append(path) as writer:
        writer.write(Undo(2))
    assert read(path).events == [Undo(1), Undo(2)]


def take_away(path: Path, how: str) -> None:
    """What another program does to a file that is being written."""
    if how == "replaced":
        path.with_name("other").write_bytes(b"other")
        path.with_name("other").replace(path)
    elif how == "renamed":
        path.rename(path.with_name("moved"))
    else:
        path.unlink()


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps the name of an open file")
@pytest.mark.parametrize("end", ["flush", "sync", "leave", "close"])
@pytest.mark.parametrize("resumed", [False, True])
@pytest.mark.parametrize("how", ["replaced", "renamed", "deleted"])
def test_a_writer_notices_that_its_file_is_gone_and_saves_it(
    tmp_path: Path, how: str, resumed: bool, end: str
) -> None:
    """A session wrote on into a file without a name, and reported answers that were gone."""
    path = tmp_path / "walk.odl"
    if resumed:
        write(path, SESSION)
    writer = Writer.append(path) if resumed else Writer(path, START)
    writer.write(Undo(25))
    writer.flush()
    take_away(path, how)
    (tmp_path / "walk-saved.odl").write_bytes(b"mine")
    writer.write(Undo(26))
    with pytest.raises(
        OSError, match=r"; the recording up to here is in walk-saved-1\.odl, and can be"
    ) as caught:
        getattr(writer, end)()
    assert caught.value.filename == str(path)
    with pytest.raises(OSError, match="walk-saved-1"):
        writer.write(Undo(27))
    writer.leave()
    saved = tmp_path / "walk-saved-1.odl"
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    assert read(saved).events == [*(SESSION if resumed else []), Undo(25), Undo(26)]
    Writer.append(saved).close()
    assert (path.read_bytes() if how == "replaced" else path.exists()) in (b"other", False)
    assert (tmp_path / "walk-saved.odl").read_bytes() == b"mine"


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps the name of an open file")
def test_no_room_to_save_a_file_that_is_gone(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "walk.odl", START)
    writer.write(Undo(25))
    writer.flush()
    take_away(tmp_path / "walk.odl", "deleted")
    with full_disk(10), pytest.raises(OSError, match="could not be saved under another name: File too la"):
        writer.flush()
    with pytest.raises(OSError, match="could not be saved"):
        writer.sync()


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps the name of an open file")
def test_a_file_that_is_replaced_while_it_is_opened_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between opening and locking: the lock would be that of a file without a name."""
    path, opened, calls = tmp_path / "walk.odl", os.open, list[int]()
    write(path, SESSION)
    write(tmp_path / "other.odl", SESSION[:1])

    def slow(name: Any, flags: int, mode: int = 0o777) -> int:
        number = opened(name, flags, mode)
        calls.append(number)
        if len(calls) == 1:
            (tmp_path / "other.odl").replace(path)
        return number

    monkeypatch.setattr("odl.recording.files.os.open", slow)
    writer = Writer.append(path)
    monkeypatch.undo()
    writer.write(Undo(25))
    writer.close()
    assert len(calls) == 2 and read(path).events == [*SESSION[:1], Undo(25)]


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps the name of an open file")
def test_what_another_put_in_the_place_of_a_discarded_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "walk.odl"
    for how in ("replaced", "none"):
        writer = Writer(path, START)
        if how == "replaced":
            take_away(path, how)
        writer.discard()
        assert path.exists() == (how == "replaced")


def test_a_file_that_cannot_be_gone_on_with_is_free_again(tmp_path: Path) -> None:
    path = tmp_path / "walk.odl"
    data = bytearray(write(path, SESSION))
    data[len(data) // 2] ^= 0x55
    path.write_bytes(data)
    with pytest.raises(RecordingError, match="not resumed"):
        Writer.append(path)
    Writer(path, START).close()
    assert read(path).complete


@pytest.mark.skipif(os.name != "posix", reason="nothing keeps two writers apart on Windows")
def test_a_file_system_without_locks_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("odl._files.fcntl.flock", without)
    write(tmp_path / "walk.odl", SESSION)
    assert read(tmp_path / "walk.odl").events == SESSION


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such permissions")
def test_what_is_gone_on_with_becomes_its_owner_s(tmp_path: Path) -> None:
    path = tmp_path / "copied.odl"
    write(path, SESSION)
    path.chmod(0o644)
    Writer.append(path).leave()
    assert stat.S_IMODE(path.stat().st_mode) == 0o644  # nothing came of it
    Writer.append(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such permissions")
def test_a_file_that_cannot_be_made_private_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "walk.odl"
    before = write(path, SESSION)
    path.chmod(0o644)

    def somebody_elses(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("odl._files.os.fchmod", somebody_elses)
    with pytest.raises(PermissionError, match=r"others can read this file and it is not yours"):
        Writer(path, START)
    assert path.read_bytes() == before


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such files")
def test_what_is_no_file_is_not_written(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.odl")
    with pytest.raises(RecordingError, match=r"pipe\.odl: this is not a regular file"):
        Writer(tmp_path / "pipe.odl", START)
    assert stat.S_IMODE((tmp_path / "pipe.odl").stat().st_mode) != 0o600


@pytest.mark.skipif(os.name != "posix", reason="Windows limits no file's size")
@pytest.mark.parametrize("flushed", [False, True])
def test_a_full_disk_at_any_byte_ends_it_and_leaves_what_was_written(tmp_path: Path, flushed: bool) -> None:
    whole = write(tmp_path / "whole.odl", SESSION)
    ends = np.cumsum([len(part) for part in frames_of(whole)]).tolist()
    path = tmp_path / "walk.odl"
    for size in range(len(whole)):
        with full_disk(size), pytest.raises(OSError, match="File too large") as caught:
            writer = Writer(path, START)
            for event in SESSION:
                writer.write(event)
                if flushed:
                    writer.flush()
            writer.close()
        assert caught.value.filename == str(path)
        if size < ends[0]:
            assert not path.exists()
            continue
        # There is room again; what came meanwhile is lost, so nothing may follow.
        for do in (writer.flush, writer.sync, partial(writer.write, SESSION[0])):
            with pytest.raises(OSError, match="the recording up to here can be read"):
                do()
        writer.leave()
        writer.close()
        assert path.read_bytes() == whole[:size]
        recording = read(path)
        assert recording.events == SESSION[: sum(end <= size for end in ends) - 1]
        assert recording.lost_frames == 0 and not recording.complete
        with Writer.append(path) as writer:
            for event in SESSION[len(recording.events) :]:
                writer.write(event)
        assert path.read_bytes() == whole


TORN = """
import resource, signal, sys
from odl.recording import Writer, read
recording = read(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
with Writer(sys.argv[2], recording.start) as writer:
    for event in recording.events:
        writer.write(event)
        writer.flush()
"""


@pytest.mark.skipif(os.name != "posix", reason="Windows limits no file's size")
def test_a_writer_killed_within_a_write_leaves_all_whole_frames(tmp_path: Path) -> None:
    """The system takes a part of the frame and kills the process."""
    whole = write(tmp_path / "whole.odl", SESSION)
    ends = np.cumsum([len(part) for part in frames_of(whole)]).tolist()
    for size in (ends[1] + 1, ends[2] - 1, (ends[3] + ends[4]) // 2):
        path = tmp_path / f"{size}.odl"
        done = subprocess.run(
            [sys.executable, "-c", TORN, str(tmp_path / "whole.odl"), str(path), str(size)],
            cwd=Path(__file__).resolve().parents[2], check=False,
        )  # fmt: skip
        assert done.returncode == -signal.SIGXFSZ
        assert path.read_bytes() == whole[:size]
        assert read(path).events == SESSION[: sum(end <= size for end in ends) - 1]
        Writer.append(path).close()
        assert read(path).problems == []


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps the name of an open file")
def test_a_saved_recording_has_its_name_when_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill within the copy left an empty file, which looked as if it held the recording."""
    path = tmp_path / "walk.odl"
    seen: list[list[str]] = []

    def copy(source: Any, target: Any) -> None:
        seen.append(sorted(p.name for p in tmp_path.glob("*-saved*")))
        target.write(source.read())

    monkeypatch.setattr(files.shutil, "copyfileobj", copy)
    writer = Writer(path, START)
    writer.write(Undo(25))
    writer.flush()
    path.unlink()
    with pytest.raises(OSError, match=r"walk-saved\.odl, and can be resumed"):
        writer.flush()
    assert seen == [[]] and read(tmp_path / "walk-saved.odl").events == [Undo(25)]
