"""Recordings come back as they were written, and damaged ones as far as they can be read."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odl.core.events import Event, Prediction, Query, Samples, Undo
from odl.recording import Reader, RecordingError, Writer, inputs, read
from odl.wire import FORMAT, CodecError, Control, End, Hello, Start, TraceHash, encode, frame, is_output
from tests.helpers.messages import GOLDENS, events, starts
from tests.helpers.recordings import SESSION, START, frames_of, recorded, write


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
        with pytest.raises(RecordingError):
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
    except RecordingError:
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
    ("image", b"ODLM" + bytes(range(256)) * 20, "this is a model image"),
    ("start cut short", frame(encode(START))[:40], "Start frame is damaged or cut short"),
    ("start missing", frame(encode(Undo(1)), 1), "Start frame is missing or damaged"),
    ("start not json", frame(b"\x01\x02\0\0\0[]\0\0\0\0"), "Start cannot be used"),
    (
        "newer",
        frame(encode(NEWER)),
        f"recording format {FORMAT[0] + 1}.2; this odl reads 1.x and {FORMAT[0]}.x",
    ),
    ("no version", frame(encode(Start({}, b""))), "no format version"),
    ("odd version", frame(encode(Start({"format": [True, None]}, b""))), "no format version"),
]


@pytest.mark.parametrize(
    ("data", "sentence"), [row[1:] for row in UNUSABLE], ids=[row[0] for row in UNUSABLE]
)
def test_what_is_no_recording_is_refused_in_one_sentence(tmp_path: Path, data: bytes, sentence: str) -> None:
    path = tmp_path / "what.odl"
    path.write_bytes(data)
    with pytest.raises(RecordingError) as error:
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

    (tmp_path / "huge.bin").touch()
    monkeypatch.setattr(Path, "open", lambda *_: Endless())
    with pytest.raises(RecordingError, match="not an odl recording"):
        read(tmp_path / "huge.bin")


def test_a_reader_streams(tmp_path: Path) -> None:
    write(tmp_path / "walk.odl", SESSION)
    with Reader(tmp_path / "walk.odl") as reader:
        assert reader.start == START
        assert [next(iter(reader)) for _ in range(3)] == SESSION[:3]


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
    with pytest.raises(RecordingError, match="a second recording begins"):
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
