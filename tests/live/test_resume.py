"""A recording that was cut short is resumed: nothing asked twice, nothing lost, one trace."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from odl.core.config import ConfigError
from odl.core.events import Adopt, Event, Gap, Label, Learned, Origin, Query, Samples
from odl.core.session import Session
from odl.device.serial_port import SerialPortError
from odl.evaluate.recorded import open_recording
from odl.live import LiveOptions, LiveSession, open_live
from odl.live.resume import options_to_resume, stored_options
from odl.recording import RecordingError, Writer, read
from odl.recording.resume import Resumed, resume
from odl.wire import End, Start, encode, frame, is_output
from odl.wire.client import BoardError
from tests.helpers.fake_board import BoardHarness, FakeBoard, virtual_bench
from tests.helpers.live_stage import BLOCK, answer, play, same_trace, start_live
from tests.helpers.streams import IMAGE, Script, config, inputs

CONFIG = config("periodic", allowed=20, horizon=80, batch=2, patience=100)
START = Start({"config": CONFIG.to_dict(), "session": {"subject": "P3"}}, IMAGE.to_bytes())
ACTS = [("samples", 120), ("label", 0, 1), ("label", 1, 2), ("class", 7, 0), ("samples", 40), ("label", 0, 7),
        ("gap", 30), ("samples", 90), ("undo",), ("label", 1, None), ("samples", 30)]  # fmt: skip
SCRIPT = Script(3, ACTS)


def session_events() -> list[Event]:
    """Each input with its outputs behind it."""
    steps = inputs(SCRIPT, Session(IMAGE, CONFIG), cuts=4)
    return [event for given, outputs in steps for event in (given, *outputs)]


def written(path: Path, events: list[Event]) -> bytes:
    with Writer(path, START) as writer:
        for event in events:
            writer.write(event)
    return path.read_bytes()


def test_appending_gives_the_bytes_of_one_go(tmp_path: Path) -> None:
    events = session_events()
    whole = written(tmp_path / "whole.odl", events)
    for half in (0, 1, len(events) // 2, len(events)):
        for closed in (True, False):
            path = tmp_path / "half.odl"
            with Writer(path, START) as writer:
                for event in events[:half]:
                    writer.write(event)
                if not closed:
                    writer.leave()
                    writer = Writer.append(path)
                    writer.leave()
            with Writer.append(path) as writer:
                for event in events[half:]:
                    writer.write(event)
                assert writer.position == read(tmp_path / "whole.odl").position
            assert path.read_bytes() == whole
            assert writer.trace.hexdigest() == read(path).trace_sha256


def test_a_file_cut_anywhere_is_gone_on_with(tmp_path: Path) -> None:
    events = session_events()
    whole = written(tmp_path / "whole.odl", events)
    first = len(frame(encode(Start({"format": [2, 0], **START.config}, START.image)), 0))
    chance = random.Random(6)
    path = tmp_path / "cut.odl"
    for cut in [first, len(whole), *(chance.randrange(first, len(whole)) for _ in range(60))]:
        path.write_bytes(whole[:cut])
        before = [e for e in read(path).events if isinstance(e, Query)]
        resumed = resume(path)
        session, rest = resumed.session, Script(9, [("samples", 100)])
        with resumed.writer as writer:
            gap = Gap(session.position, 5, "cut")
            writer.write(gap)
            session.step(gap)
            for event, outputs in inputs(rest, session):
                for each in (event, *outputs):
                    writer.write(each)
        recording = read(path)
        assert recording.complete and not recording.problems
        inputs_there = [e for e in recording.events if not is_output(e)]
        twin = Session(IMAGE, CONFIG)
        said = [output for event in inputs_there for output in twin.step(event)]  # type: ignore[arg-type]
        assert said == recording.outputs
        assert [e for e in recording.events if isinstance(e, Query)][: len(before)] == before
        windows = [e.window for e in recording.outputs if isinstance(e, Query)]
        assert len(set(windows)) == len(windows)
        assert resumed.about == {"subject": "P3"}


def test_what_a_power_cut_leaves_behind_the_last_frame_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "cut.odl"
    data = written(path, session_events())
    path.write_bytes(data[:-40] + bytes(4096))
    writer = resume(path).writer
    assert writer.path == path
    writer.close()
    assert read(path).lost_bytes == 0


@pytest.mark.parametrize("closed", [True, False])
def test_who_does_not_go_on_leaves_the_file_as_it_was(tmp_path: Path, closed: bool) -> None:
    path = tmp_path / "walk.odl"
    whole = written(path, session_events())
    path.write_bytes(whole if closed else whole[:-40] + bytes(100))
    before, since = path.read_bytes(), path.stat().st_mtime_ns
    resume(path).writer.leave()
    assert path.read_bytes() == before
    assert path.stat().st_mtime_ns == since  # the time tells for how long nobody listened
    with resume(path).writer as writer:
        assert writer.path == path
    assert read(path).complete


def test_a_file_that_is_damaged_before_its_end_is_not(tmp_path: Path) -> None:
    path = tmp_path / "hurt.odl"
    data = bytearray(written(path, session_events()))
    data[-400] ^= 0x55
    path.write_bytes(data)
    with pytest.raises(RecordingError, match="damaged before its end .* not resumed"):
        resume(path)
    assert path.read_bytes() == bytes(data)


def test_outputs_that_are_not_the_session_s_are_left_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "device.odl"
    events = [e for e in session_events() if not isinstance(e, Learned)]
    written(path, events)
    resume(path).writer.close()
    assert read(path).events == events


def test_a_recording_without_settings_cannot_be_gone_on_with(tmp_path: Path) -> None:
    with Writer(tmp_path / "bare.odl", Start({}, b"")):
        pass
    with pytest.raises(RecordingError, match="its Start holds no settings"):
        resume(tmp_path / "bare.odl")


def test_end_is_only_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "twice.odl"
    written(path, session_events())
    for _ in range(3):
        resume(path).writer.close()
    data = path.read_bytes()
    assert data.count(frame(encode(End(read(path).position or 0)), len(read(path).events) + 1)) == 1
    assert read(path).complete


# --- live ---------------------------------------------------------------------------------


def killed(live: LiveSession) -> None:
    """As if the process had been killed: what was written stands, nothing is closed properly."""
    live._writer.leave()
    live._opened.close()


@pytest.fixture
def other() -> Iterator[BoardHarness]:
    """A second board, which has learned nothing."""
    made = virtual_bench(FakeBoard())
    yield made
    made.close()


@pytest.mark.parametrize("learn", ["host", "device", "both"])
def test_the_board_s_session_still_runs(bench: BoardHarness, tmp_path: Path, learn: str) -> None:
    path = tmp_path / "walk.odl"
    live = start_live(bench, path, learn=learn)
    first = play(live, bench, 0, 1500, answer("wave"))
    killed(live)
    bench.board.sense(BLOCK[1500:1700])  # nobody hears of these
    with start_live(bench, None, resume=path) as live:
        assert live.names == {**live.image.names, 5: "wave"}
        rest = play(live, bench, 1700, 1500, answer("wave"))
        labels = live.session.counts["answered"]
    recording = read(path)
    given = [e for e in first if isinstance(e, Label)]
    assert given == [e for e in recording.events if isinstance(e, Label)][: len(given)]
    [missed] = [e for e in rest if isinstance(e, Gap | Adopt)]
    assert isinstance(missed, Gap if learn == "host" else Adopt)
    assert missed.lost >= 200
    assert labels == sum(isinstance(e, Label) for e in recording.events)
    windows = [e.window for e in recording.outputs if isinstance(e, Query)]
    assert len(set(windows)) == len(windows)
    assert same_trace(path)


@pytest.mark.parametrize("learn", ["host", "both"])
def test_the_board_has_started_anew_meanwhile(bench: BoardHarness, tmp_path: Path, learn: str) -> None:
    path = tmp_path / "walk.odl"
    live = start_live(bench, path, learn=learn)
    play(live, bench, 0, 1500, answer("wave"))
    labels = live.session.counts["answered"]
    killed(live)
    bench.board.restart()
    with start_live(bench, None, resume=path) as live:
        play(live, bench, 1700, 1000, answer("wave"))
        kept = len(live.session.names) == 6
    assert kept and labels >= 3
    assert same_trace(path)
    events = read(path).events
    assert sum(isinstance(e, Gap if learn == "host" else Adopt) for e in events) == 1


def test_a_board_that_has_not_learned_it_is_refused_and_the_host_goes_on(
    bench: BoardHarness, other: BoardHarness, tmp_path: Path
) -> None:
    path = tmp_path / "walk.odl"
    live = start_live(bench, path)
    play(live, bench, 0, 1500, answer("wave"))
    labels = live.session.counts["answered"]
    killed(live)
    before = len(read(path).events)
    with pytest.raises(BoardError, match=f"the board lacks {labels} of the {labels} labels"):
        start_live(other, None, resume=path)
    with start_live(other, None, resume=path, learn="host") as live:
        play(live, other, 1700, 1000, answer("wave"))
        assert live.session.counts["answered"] > labels
    assert same_trace(path)
    assert len(read(path).events) > before


def test_an_open_question_can_still_be_answered(bench: BoardHarness, tmp_path: Path) -> None:
    path = tmp_path / "walk.odl"
    live = start_live(bench, path)
    play(live, bench, 0, 500)
    asked = [one.window for one in live.session.open_questions]
    killed(live)
    with start_live(bench, None, resume=path) as live:
        assert [question.window for question in live.prompt.questions] == asked != []
        assert live.prompt.questions[0].signal.shape[1] == 6
        play(live, bench, 500, 300, answer("wave"))
    labels = [e.window for e in read(path).events if isinstance(e, Label)]
    assert labels[: len(asked)] == asked
    assert same_trace(path)


def test_a_refused_resume_changes_nothing(bench: BoardHarness, other: BoardHarness, tmp_path: Path) -> None:
    path = tmp_path / "walk.odl"
    with start_live(bench, path, learn="both") as live:
        play(live, bench, 0, 1500, answer("wave"))
    whole = path.read_bytes()
    with pytest.raises(SerialPortError):
        open_live(str(tmp_path / "no"), resume=path)
    assert path.read_bytes() == whole
    with pytest.raises(BoardError, match="the board lacks"):
        start_live(other, None, resume=path)
    assert path.read_bytes() == whole
    with start_live(bench, None, resume=path) as live:
        play(live, bench, 1500, 100)
    assert same_trace(path)


def test_the_wearer_stays_the_same(bench: BoardHarness, tmp_path: Path) -> None:
    path = tmp_path / "walk.odl"
    with start_live(bench, path, learn="host", who="P3") as live:
        play(live, bench, 0, 800, answer("wave"))
    with start_live(bench, None, resume=path) as live:
        rest = play(live, bench, 800, 800, answer("wave"))
    assert {e.by for e in rest if isinstance(e, Origin)} == {"terminal:P3"}
    assert len({e.by for e in read(path).events if isinstance(e, Origin)}) == 1


def left(tmp_path: Path, **about: object) -> Resumed:
    """What was left of a session of which Start says ``about``."""
    path = tmp_path / "left.odl"
    Writer(path, Start({**START.config, "session": about}, IMAGE.to_bytes())).leave()
    resumed = resume(path)
    resumed.writer.leave()
    return resumed


def test_an_emulated_board_is_started_again_as_it_was(tmp_path: Path) -> None:
    options = LiveOptions(resume="left.odl")
    live = stored_options(LiveOptions(emulated=True, play="shoulder", speed=4, answers="truth"))
    found = options_to_resume(options, left(tmp_path, subject="7", live=live))
    assert found == LiveOptions(
        resume="left.odl", emulated=True, play="shoulder", subject="7", speed=4.0, answers="truth"
    )
    other = replace(options, emulated=True, play="shoulder", subject=8, speed=1.0)
    assert options_to_resume(other, left(tmp_path, subject="7", live=live)) == replace(other, answers="truth")
    port = replace(options, port="/dev/ttyACM0")
    assert options_to_resume(port, left(tmp_path, subject="7", live=live)) == port
    assert options_to_resume(options, left(tmp_path, subject="P3", live={"learn": "host"})) == options


def test_a_wearer_s_pseudonym_does_not_hide_whom_the_board_played(tmp_path: Path) -> None:
    """It asked for the person again."""
    began = LiveOptions(emulated=True, play="shoulder", who="P3")
    found = options_to_resume(
        LiveOptions(resume="left.odl"), left(tmp_path, subject="P3", live=stored_options(began, "7"))
    )
    assert found == LiveOptions(resume="left.odl", emulated=True, play="shoulder", subject="7", who="P3")
    own = stored_options(replace(began, play="/home/anna/walks"), "anna")
    assert own == {"emulated": True, "named": True}


def test_truth_can_answer_a_resumed_session(tmp_path: Path) -> None:
    """As the page of options promises: where somebody is played."""
    live = stored_options(LiveOptions(emulated=True, play="shoulder"))
    options = LiveOptions(resume="left.odl", answers="truth")
    found = options_to_resume(options, left(tmp_path, subject="7", live=live))
    assert (found.play, found.subject, found.answers) == ("shoulder", "7", "truth")
    with pytest.raises(ConfigError, match="left.odl: `answers='truth'` needs `play` or `feed`"):
        options_to_resume(options, left(tmp_path, subject="P3", live={"learn": "host"}))


NOT_AGAIN: list[tuple[dict[str, object], str]] = [
    ({"live": {"emulated": True}}, "name what its emulated board played: `emulated=True` `play='shoulder'`"),
    ({"live": {"emulated": True, "play": 7}}, "name what its emulated board played"),
    ({"live": {"emulated": True, "play": "shoulder"}, "subject": "x"}, "`play=shoulder` `subject=N`"),
    ({"live": {"emulated": True, "feed": "hapt", "named": True}, "subject": "P3"}, "`feed=hapt` `subject=N`"),
    ({"live": {"named": True}, "subject": "a:b"}, "`who` is a pseudonym"),
    ({"live": {"emulated": True, "play": "a", "feed": "b"}, "subject": "3"}, "exclude each other"),
]


@pytest.mark.parametrize(("about", "sentence"), NOT_AGAIN, ids=[s for _, s in NOT_AGAIN])
def test_what_start_does_not_tell_is_asked_for(
    tmp_path: Path, about: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=f"left.odl: .*{sentence}"):
        options_to_resume(LiveOptions(resume="left.odl"), left(tmp_path, **about))


def test_a_dataset_of_one_s_own_is_not_named() -> None:
    assert stored_options(LiveOptions(emulated=True, play="/home/anna/walks")) == {"emulated": True}


def test_settings_are_the_recording_s(bench: BoardHarness, tmp_path: Path) -> None:
    path = tmp_path / "walk.odl"
    with start_live(bench, path) as live:
        play(live, bench, 0, 200)
    with pytest.raises(ConfigError, match="continues with the recording's settings"):
        open_live(bench.port.name, resume=path, options={"budget": "5/h"})
    with start_live(bench, None, resume=path) as live:
        play(live, bench, 200, 200)
    assert same_trace(path)
    assert open_recording(path).recording.complete
    samples = [e for e in read(path).events if isinstance(e, Samples)]
    assert np.array_equal(np.concatenate([e.block for e in samples]), BLOCK[:400])
