"""Recordings come back as they were written, and damaged ones as far as they can be read."""

from __future__ import annotations

import errno
import io
import os
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from full_disk import full_disk
from hypothesis import given
from hypothesis import strategies as st
from messages import GOLDENS, commands, events, samples, starts, truths

from odl.events import Event, Gap, Input, Label, Prediction, Query, Samples, Truth, Undo
from odl.journal import DAMAGED, JournalError, Reader, Recording, Writer, inputs, read
from odl.wire import FORMAT, CodecError, Control, End, Hello, Start, TraceHash, encode, frame, is_output

START = Start({"format": list(FORMAT), "seed": 7}, b"ODLM and so on")
BLOCK = np.arange(30, dtype=np.int16).reshape(10, 3)
SESSION: list[Event] = [
    Truth(0, 20, "rest"),
    Samples(0, BLOCK),
    Prediction(0, (1,), (16384, 16384)),
    Query(0, 900, 30),
    Label(10, 0, 1),
    Samples(10, BLOCK + 100),
    Gap(20, 5, "unplugged"),
]


def write(path: Path, events: list[Event], start: Start = START) -> bytes:
    with Writer(path, start) as writer:
        for event in events:
            writer.write(event)
    return path.read_bytes()


def frames_of(data: bytes) -> list[bytes]:
    return [b"\0" + chunk + b"\0" for chunk in data.split(b"\0") if chunk]


def recorded(path: Path, data: bytes) -> Recording:
    path.write_bytes(data)
    return read(path)


def test_a_session_comes_back(tmp_path: Path) -> None:
    write(tmp_path / "walk.odl", SESSION)
    recording = read(tmp_path / "walk.odl")
    assert recording.start == START
    assert recording.events == SESSION
    assert recording.complete
    assert recording.position == 25
    assert (recording.lost_bytes, recording.lost_frames, recording.problems) == (0, 0, [])
    assert recording.good_bytes == (tmp_path / "walk.odl").stat().st_size
    assert recording.outputs == [event for event in SESSION if is_output(event)]
    assert list(inputs(recording)) == [event for event in SESSION if not is_output(event)]


def test_the_trace_is_hashed_on_both_ways(tmp_path: Path) -> None:
    trace = TraceHash()
    with Writer(tmp_path / "walk.odl", START) as writer:
        for event in SESSION:
            writer.write(event)
            if isinstance(event, Prediction | Query):
                trace.add(event)
        assert writer.trace.hexdigest() == trace.hexdigest()
    assert read(tmp_path / "walk.odl").trace_sha256 == trace.hexdigest()


@given(starts, st.lists(events, max_size=8))
def test_any_events_come_back(
    tmp_path_factory: pytest.TempPathFactory, start: Start, sent: list[Event]
) -> None:
    path = tmp_path_factory.mktemp("journal") / "any.odl"
    start = replace(start, config={**start.config, "format": list(FORMAT)})
    first = write(path, sent, start)
    recording = read(path)
    assert (recording.start, recording.events, recording.complete) == (start, sent, True)
    assert write(path, recording.events, recording.start) == first


def test_the_same_events_give_the_same_bytes(tmp_path: Path) -> None:
    one = write(tmp_path / "one.odl", SESSION)
    assert write(tmp_path / "two.odl", SESSION) == one
    messages = [START, *SESSION, End(25)]
    assert one == b"".join(frame(encode(message), seq) for seq, message in enumerate(messages))


def test_the_device_time_is_in_the_envelope_only(tmp_path: Path) -> None:
    with Writer(tmp_path / "live.odl", START) as writer:
        for event in SESSION:
            writer.write(event, time=12345)
    assert (tmp_path / "live.odl").read_bytes() != write(tmp_path / "replay.odl", SESSION)
    live, replay = read(tmp_path / "live.odl"), read(tmp_path / "replay.odl")
    assert (live.events, live.trace_sha256) == (replay.events, replay.trace_sha256)


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
from odl.events import Undo
from odl.journal import Writer
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
    being_written = r"walk\.odl: it is being written, here or by another program; end that first$"
    for begin in (lambda: Writer(path, START), lambda: Writer.append(path)):
        with begin() as writer:
            writer.write(Undo(1))
            writer.flush()
            before = path.read_bytes()
            with pytest.raises(JournalError, match=being_written):
                Writer(path, START)
            with pytest.raises(JournalError, match=being_written):
                Writer.append(path)
            with pytest.raises(JournalError, match=being_written):
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
    with Reader(path, locked=True) as first, pytest.raises(JournalError, match="it is being written"):
        Writer.append(path)
    with Reader(path, locked=True) as first:
        assert list(first) == SESSION
        writer = Writer.after(first)
    with pytest.raises(JournalError, match="it is being written"):  # though the reader is closed
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
        cwd=Path(__file__).resolve().parent.parent,
    )  # fmt: skip
    assert other.stdin is not None and other.stdout is not None
    with other:
        assert other.stdout.readline() == b"writing\n"
        with pytest.raises(JournalError, match="it is being written"):
            Writer.append(path)
        with pytest.raises(JournalError, match="it is being written"):
            Writer(path, START)
        assert read(path).events == [Undo(1)]
        other.kill()
    with Writer.append(path) as writer:
        writer.write(Undo(2))
    assert read(path).events == [Undo(1), Undo(2)]


def test_a_file_that_cannot_be_gone_on_with_is_free_again(tmp_path: Path) -> None:
    path = tmp_path / "walk.odl"
    data = bytearray(write(path, SESSION))
    data[len(data) // 2] ^= 0x55
    path.write_bytes(data)
    with pytest.raises(JournalError, match="not gone on with"):
        Writer.append(path)
    Writer(path, START).close()
    assert read(path).complete


@pytest.mark.skipif(os.name != "posix", reason="nothing keeps two writers apart on Windows")
def test_a_file_system_without_locks_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("odl.journal.files.fcntl.flock", without)
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

    monkeypatch.setattr("odl.private.os.fchmod", somebody_elses)
    with pytest.raises(PermissionError, match=r"it is open to others and not yours"):
        Writer(path, START)
    assert path.read_bytes() == before


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such files")
def test_what_is_no_file_is_not_written(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.odl")
    with pytest.raises(JournalError, match=r"pipe\.odl: there is something that is no file"):
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
            with pytest.raises(OSError, match="what was recorded before that can be read"):
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
from odl.journal import Writer, read
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
            cwd=Path(__file__).resolve().parent.parent, check=False,
        )  # fmt: skip
        assert done.returncode == -signal.SIGXFSZ
        assert path.read_bytes() == whole[:size]
        assert read(path).events == SESSION[: sum(end <= size for end in ends) - 1]
        Writer.append(path).close()
        assert read(path).problems == []


def test_the_format_is_added_to_the_configuration(tmp_path: Path) -> None:
    write(tmp_path / "walk.odl", [], Start({"seed": 1}, b""))
    assert read(tmp_path / "walk.odl").start.config == {"seed": 1, "format": list(FORMAT)}


def test_flushed_and_synced_bytes_are_there_before_closing(tmp_path: Path) -> None:
    path = tmp_path / "walk.odl"
    with Writer(path, START) as writer:
        writer.write(Undo(1))
        writer.flush()
        assert read(path).events == [Undo(1)]
        writer.write(Undo(2))
        writer.sync()
        recording = read(path)
        assert recording.events == [Undo(1), Undo(2)]
        assert not recording.complete
    assert read(path).complete


def test_an_exception_leaves_no_end(tmp_path: Path) -> None:
    with pytest.raises(KeyError), Writer(tmp_path / "walk.odl", START) as writer:
        writer.write(Undo(1))
        raise KeyError
    recording = read(tmp_path / "walk.odl")
    assert (recording.events, recording.complete, recording.position) == ([Undo(1)], False, None)


def test_closing_twice_writes_one_end(tmp_path: Path) -> None:
    with Writer(tmp_path / "walk.odl", START) as writer:
        writer.close()
    assert len(frames_of((tmp_path / "walk.odl").read_bytes())) == 2


def test_an_event_without_a_byte_form_leaves_the_recording_whole(tmp_path: Path) -> None:
    with Writer(tmp_path / "walk.odl", START) as writer:
        with pytest.raises(CodecError):
            writer.write(Undo(-1))
        writer.write(Undo(1))
    recording = read(tmp_path / "walk.odl")
    assert (recording.events, recording.problems) == ([Undo(1)], [])


def test_a_block_larger_than_a_frame_is_written_in_pieces(tmp_path: Path) -> None:
    block = np.arange(3_000_000, dtype=np.int32).astype(np.int16).reshape(-1, 6)
    write(tmp_path / "long.odl", [Samples(5, block), Undo(9)])
    recording = read(tmp_path / "long.odl")
    *parts, last = recording.events
    assert recording.problems == [] and len(parts) > 1 and last == Undo(9)
    assert all(isinstance(part, Samples) for part in parts)
    given_blocks = [part for part in parts if isinstance(part, Samples)]
    assert np.array_equal(np.concatenate([part.block for part in given_blocks]), block)
    starts = np.cumsum([5] + [len(part.block) for part in given_blocks])
    assert [part.start for part in given_blocks] == starts[:-1].tolist()
    assert recording.position == 5 + len(block)


def test_a_start_that_no_reader_would_take_is_refused_before_a_file_is_made(tmp_path: Path) -> None:
    for start in (
        Start({}, bytes(5 * 2**20)),
        Start({"a": float("nan")}, b""),
        Start({"format": [FORMAT[0] + 1, 0]}, b""),
        Start({"format": "1.0"}, b""),
    ):
        with pytest.raises(JournalError):
            Writer(tmp_path / "walk.odl", start)
    assert not (tmp_path / "walk.odl").exists()


# --- damage ---------------------------------------------------------------------------


def test_cut_at_any_byte_it_is_read_to_the_last_whole_frame(tmp_path: Path) -> None:
    data = write(tmp_path / "whole.odl", SESSION)
    ends = np.cumsum([len(f) for f in frames_of(data)]).tolist()
    for cut in range(ends[0], len(data)):
        recording = recorded(tmp_path / "cut.odl", data[:cut])
        whole = sum(end <= cut for end in ends)
        assert recording.events == SESSION[: whole - 1]
        assert recording.good_bytes == ends[whole - 1]
        assert not recording.complete and recording.position is None
        rest = data[ends[whole - 1] : cut]
        assert recording.lost_bytes == len(rest.strip(b"\0"))
        assert recording.lost_frames == 0
        assert "not closed properly" in recording.problems[-1]


def test_damage_in_the_middle_is_skipped_counted_and_named(tmp_path: Path) -> None:
    parts = frames_of(write(tmp_path / "whole.odl", SESSION))
    hurt = bytearray(parts[3])
    hurt[5] ^= 0xFF
    data = b"".join([*parts[:3], bytes(hurt), *parts[4:]])
    recording = recorded(tmp_path / "hurt.odl", data)
    assert recording.events == SESSION[:2] + SESSION[3:]
    assert recording.complete
    assert recording.lost_frames == 1
    assert recording.lost_bytes == len(hurt) - 2
    offset = sum(len(part) for part in parts[:3]) + 1
    assert any(f"byte {offset} " in problem and "damaged" in problem for problem in recording.problems)
    assert any("1 frame is missing" in problem for problem in recording.problems)
    assert recording.good_bytes == len(data)


def test_garbage_before_between_and_after(tmp_path: Path) -> None:
    parts = frames_of(write(tmp_path / "whole.odl", SESSION))
    data = b"junk" + (b"line noise").join(parts) + b"tail"
    recording = recorded(tmp_path / "noisy.odl", data)
    assert recording.events == SESSION
    assert recording.start == START
    assert recording.lost_frames == 0
    assert recording.lost_bytes == len(data) - sum(len(part) for part in parts)
    assert recording.good_bytes == len(data) - 4


@given(st.data())
def test_random_damage_never_gives_a_wrong_event(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    line = bytearray(write(folder / "whole.odl", SESSION))
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(line) - 1))
        if data.draw(st.booleans()):
            line[at] ^= data.draw(st.integers(1, 255))
        else:
            del line[at : at + data.draw(st.integers(1, 40))]
    try:
        recording = recorded(folder / "hurt.odl", bytes(line))
    except JournalError:
        return
    assert recording.start == START
    left = iter(SESSION)
    assert all(event in left for event in recording.events)  # a subsequence, in order
    list(inputs(recording))


def test_sequence_numbers_wrap(tmp_path: Path) -> None:
    sent: list[Event] = [Undo(i) for i in range(2**16 + 10)]
    data = write(tmp_path / "long.odl", sent)
    recording = read(tmp_path / "long.odl")
    assert (recording.events, recording.problems) == (sent, [])
    parts = frames_of(data)
    recording = recorded(tmp_path / "less.odl", b"".join(parts[:65530] + parts[65540:]))
    assert recording.lost_frames == 10


def test_repeated_frames_are_named(tmp_path: Path) -> None:
    parts = frames_of(write(tmp_path / "whole.odl", SESSION))
    recording = recorded(tmp_path / "twice.odl", b"".join(parts[:3] + parts[2:]))
    assert recording.lost_frames == 0
    assert len(recording.problems) == 1 and "out of order" in recording.problems[0]


def test_a_whole_frame_that_is_not_understood_is_named(tmp_path: Path) -> None:
    messages = [encode(START), b"\x2fnews", encode(Undo(1)), encode(End(0))]
    data = b"".join(frame(message, seq) for seq, message in enumerate(messages))
    recording = recorded(tmp_path / "newer.odl", data)
    assert (recording.events, recording.complete, recording.lost_frames) == ([Undo(1)], True, 1)
    assert len(recording.problems) == 1 and "type 47" in recording.problems[0]


def test_only_the_first_of_two_recordings_is_read(tmp_path: Path) -> None:
    data = write(tmp_path / "one.odl", SESSION)
    recording = recorded(tmp_path / "both.odl", data + data)
    assert recording.events == SESSION
    assert recording.complete
    assert recording.good_bytes == len(data)
    assert "second recording" in recording.problems[0]


def test_the_list_of_problems_is_bounded(tmp_path: Path) -> None:
    data = frame(encode(START), 0) + b"bad\0" * 1000 + frame(encode(End(0)), 1)
    recording = recorded(tmp_path / "bad.odl", data)
    assert recording.lost_bytes == 3000
    assert len(recording.problems) < 100
    assert "more problems" in recording.problems[-1]


NEWER = replace(START, config={"format": [FORMAT[0] + 1, 2]})
UNUSABLE = [
    ("empty", b"", "empty"),
    ("csv", b"time,ax,ay\n0,1,2\n", "not an odl recording"),
    ("zeros", bytes(5000), "not an odl recording"),
    ("image", b"ODLM" + bytes(range(256)) * 20, "not an odl recording"),
    ("start cut short", frame(encode(START))[:40], "Start frame is damaged or cut short"),
    ("start missing", frame(encode(Undo(1)), 1), "Start frame is missing or damaged"),
    ("start not json", frame(b"\x01\x02\0\0\0[]\0\0\0\0"), "Start cannot be used"),
    ("newer", frame(encode(NEWER)), f"recording format {FORMAT[0] + 1}.2; this odl reads {FORMAT[0]}.x"),
    ("no version", frame(encode(Start({}, b""))), "no format version"),
    ("odd version", frame(encode(Start({"format": [True, None]}, b""))), "no format version"),
]


@pytest.mark.parametrize(
    ("data", "sentence"), [row[1:] for row in UNUSABLE], ids=[row[0] for row in UNUSABLE]
)
def test_what_is_no_recording_is_refused_in_one_sentence(tmp_path: Path, data: bytes, sentence: str) -> None:
    path = tmp_path / "what.odl"
    path.write_bytes(data)
    with pytest.raises(JournalError) as error:
        read(path)
    assert sentence in str(error.value)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("pattern", [b"x\0", b"\0", b"x"])
def test_a_large_foreign_file_is_given_up_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: bytes
) -> None:
    class Endless(io.BytesIO):
        handed_out = 0

        def read(self, size: int | None = -1) -> bytes:
            assert size is not None and size > 0
            self.handed_out += size
            assert self.handed_out < 20 * 2**20
            return pattern * (size // len(pattern))

        def tell(self) -> int:
            return self.handed_out

    monkeypatch.setattr(Path, "open", lambda *_: Endless())
    with pytest.raises(JournalError, match="not an odl recording"):
        read(tmp_path / "huge.bin")


def test_a_reader_streams(tmp_path: Path) -> None:
    write(tmp_path / "walk.odl", SESSION)
    with Reader(tmp_path / "walk.odl") as reader:
        assert reader.start == START
        assert [next(iter(reader)) for _ in range(3)] == SESSION[:3]


# --- what a replay is given -----------------------------------------------------------


def of(*happened: Event, position: int | None = None) -> Recording:
    return Recording(START, list(happened), position is not None, position, 0, 0, [], 0, "")


def block(start: int, end: int) -> Samples:
    """Samples whose counts are their indices."""
    return Samples(start, np.arange(start, end, dtype=np.int16).reshape(-1, 1))


def gap(start: int, end: int) -> Gap:
    return Gap(start, end - start, DAMAGED)


REPAIRS: list[tuple[str, Recording, list[Input]]] = [
    ("nothing", of(), []),
    ("hole", of(block(0, 5), block(8, 9)), [block(0, 5), gap(5, 8), block(8, 9)]),
    ("hole at the start", of(block(3, 5)), [gap(0, 3), block(3, 5)]),
    ("hole at the end", of(block(0, 5), position=9), [block(0, 5), gap(5, 9)]),
    ("hole before a gap", of(block(0, 5), Gap(7, 2, "x")), [block(0, 5), gap(5, 7), Gap(7, 2, "x")]),
    ("seam", of(block(0, 5), Gap(5, 0, "seam"), block(5, 6)), [block(0, 5), Gap(5, 0, "seam"), block(5, 6)]),
    ("twice", of(block(0, 5), block(0, 5), block(5, 6)), [block(0, 5), block(5, 6)]),
    ("overlap", of(block(0, 5), block(3, 8)), [block(0, 5), block(5, 8)]),
    ("overlapping gap", of(block(0, 5), Gap(3, 4, "x")), [block(0, 5), Gap(5, 2, "x")]),
    ("gap twice", of(Gap(0, 4, "x"), Gap(0, 4, "x")), [Gap(0, 4, "x")]),
    (
        "commands about a hole",
        of(block(0, 5), Undo(5), Undo(6), Undo(8), Undo(11), block(8, 9), Undo(7), Undo(3)),
        [block(0, 5), Undo(5), gap(5, 8), Undo(8), Undo(8), Undo(11), block(8, 9), Undo(8), Undo(3)],
    ),
    ("command in a hole at the end", of(block(0, 5), Undo(7), position=9), [block(0, 5), gap(5, 9), Undo(9)]),
    ("command ahead of time", of(Undo(9), block(0, 5), block(5, 9)), [Undo(9), block(0, 5), block(5, 9)]),
    ("command after all", of(Undo(7), Truth(0, 5, "a")), [Undo(7), Truth(0, 5, "a")]),
    ("outputs are left out", of(Query(0, 1, 2), block(0, 2), Prediction(0, (), ())), [block(0, 2)]),
]


@pytest.mark.parametrize(
    ("recording", "expected"), [row[1:] for row in REPAIRS], ids=[row[0] for row in REPAIRS]
)
def test_inputs_of_a_damaged_recording(recording: Recording, expected: list[Input]) -> None:
    assert list(inputs(recording)) == expected


@given(st.data())
def test_inputs_cover_every_index_once_and_in_order(data: st.DataObject) -> None:
    end, happened = 0, list[Event]()
    for _ in range(data.draw(st.integers(0, 12))):
        kind = data.draw(st.sampled_from(["samples", "samples", "gap", "other"]))
        if kind == "samples":
            drawn = data.draw(samples(start=end))
            happened.append(drawn)
            end += len(drawn.block)
        elif kind == "gap":
            happened.append(Gap(end, data.draw(st.integers(0, 50)), "x"))
            end += happened[-1].lost  # type: ignore[union-attr]
        else:
            happened.append(data.draw(commands | truths))
    assert list(inputs(of(*happened, position=end))) == happened
    kept = [event for event in happened if data.draw(st.integers(0, 3))]
    now = 0
    repaired = list(inputs(of(*kept, position=end)))
    for event in repaired:
        if isinstance(event, Samples):
            assert event.start == now
            now += len(event.block)
        elif isinstance(event, Gap):
            assert event.start == now
            now += event.lost
    assert now == end
    rest = [event for event in repaired if not isinstance(event, Samples | Gap)]
    given_rest = [event for event in kept if not isinstance(event, Samples | Gap)]
    assert [type(event) for event in rest] == [type(event) for event in given_rest]


def test_the_goldens_survive_a_recording(tmp_path: Path) -> None:
    sent = [message for message, _ in GOLDENS if not isinstance(message, Start | End | Control)]
    write(tmp_path / "goldens.odl", sent)
    assert read(tmp_path / "goldens.odl").events == sent


def test_messages_of_a_serial_line_are_no_events(tmp_path: Path) -> None:
    path = tmp_path / "line.odl"
    write(path, [Undo(0)])
    whole = path.read_bytes()
    path.write_bytes(whole + frame(encode(Hello()), seq=9))
    recording = read(path)
    assert recording.events == [Undo(0)]
    assert "serial line" in " ".join(recording.problems)


def test_going_on_does_not_cut_off_a_second_recording(tmp_path: Path) -> None:
    """Two files that somebody joined: what stands behind the first one is not its torn end."""
    both = write(tmp_path / "a.odl", SESSION) + write(tmp_path / "b.odl", SESSION[:3])
    (tmp_path / "both.odl").write_bytes(both)
    with pytest.raises(JournalError, match="a second recording begins"):
        Writer.append(tmp_path / "both.odl")
    assert (tmp_path / "both.odl").read_bytes() == both


@pytest.mark.parametrize("end", [b"", b"\0", b"\0noise", frame(encode(End(25)), 9)[:-3]])
def test_going_on_gives_what_one_writer_would_have_written(tmp_path: Path, end: bytes) -> None:
    """Whatever stands behind the last whole frame, and wherever that was cut."""
    whole = write(tmp_path / "whole.odl", SESSION)
    for cut in range(len(SESSION) + 1):
        path = tmp_path / f"{cut}.odl"
        done = write(path, SESSION[:cut])
        torn = done[: done.rindex(b"\0\0") + 1] if end else done
        path.write_bytes(torn + end)
        with Writer.append(path) as writer:
            for event in SESSION[cut:]:
                writer.write(event)
        assert path.read_bytes() == whole
        assert read(path).trace_sha256 == writer.trace.hexdigest()
