"""LiveSession sessions with a board, whoever learns: what is recorded is what happened."""

from __future__ import annotations

import math
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from firmware_sim.faults import Faults
from odl._kinds import find_folder
from odl.core.config import ConfigError
from odl.core.events import (
    AddClass,
    Adopt,
    Event,
    Gap,
    Label,
    Learned,
    Origin,
    Prediction,
    Query,
    Samples,
    Teach,
    Undo,
)
from odl.data import list_datasets, load_card
from odl.data.streams import load_model
from odl.evaluate.recorded import open_recording
from odl.live import LiveSession, open_live
from odl.wire.client import BoardError
from odl.wire.messages import Held, Message
from tests.helpers.fake_board import BoardHarness, FakeBoard, virtual_bench
from tests.helpers.live_stage import BLOCK, OPTIONS, answer, clock_of, play, same_trace, start_live


@pytest.mark.parametrize("learn", ["host", "device", "both"])
def test_three_ways_to_learn(bench: BoardHarness, tmp_path: Path, learn: str) -> None:
    path = tmp_path / "walk.odl"
    with start_live(bench, path, learn=learn, who="P3") as live:
        states, answering = set[str](), answer("wave")

        def do(live: LiveSession, event: Event) -> None:
            states.add(live.status().state)
            answering(live, event)

        passed = play(live, bench, 0, 2000, do)
        status = live.status()
    assert ("the host runs the session" in states) == (learn == "host")
    assert ("the board runs the session" in states) == (learn != "host")
    assert same_trace(path)
    opened = open_recording(path)
    assert opened.recording.events == passed
    assert opened.stream.subject == "P3"
    learned = [e for e in passed if isinstance(e, Learned)]
    assert len(learned) >= 3 and [e.name for e in passed if isinstance(e, AddClass)] == ["wave"]
    assert {e.by for e in passed if isinstance(e, Origin)} == {"terminal:P3"}
    assert all(isinstance(before, Origin) for before, e in zip(passed, passed[1:], strict=False)
               if isinstance(e, Label))  # fmt: skip
    assert (status.position, status.lost) == (2000, 0)
    both = (status.compared, status.skipped, status.differences)
    assert both == ((status.windows, 0, 0) if learn == "both" else (None, None, None))
    on_board = bench.board.session
    assert on_board is not None
    assert on_board.counts["answered"] == (0 if learn == "host" else len(learned))


@pytest.mark.parametrize("learn", ["host", "device", "both"])
def test_what_nobody_asked_for_is_taught_on_both_sides(
    bench: BoardHarness, tmp_path: Path, learn: str
) -> None:
    path, told = tmp_path / "walk.odl", list[str]()

    def do(live: LiveSession, event: Event) -> None:
        for at, name in ((500, "wave"), (900, "pendulum")):
            if live.session.position >= at and name not in told:
                told.append(name)
                assert live.teach(name).taken

    options = {"policy": "none"}
    with open_live(bench.port.name, out=path, learn=learn, options=options) as live:
        live.wait = 0.005
        passed = play(live, bench, 0, 2000, do)
        history, status = live.history, live.status()
    assert same_trace(path) and (status.differences or 0) == 0
    assert (history.taught, history.standing, history.asked) == (2, 2, 0)
    taught = [e for e in passed if isinstance(e, AddClass | Teach | Learned)]
    assert [type(e).__name__ for e in taught] == ["AddClass", "Teach", "Learned", "Teach", "Learned"]
    on_board = bench.board.session
    assert on_board is not None and on_board.counts["taught"] == (0 if learn == "host" else 2)
    assert [one.name for one in live.prompt.answers] == ["pendulum", "wave"]


def test_recordings_are_for_their_owner_only_and_name_no_port(bench: BoardHarness, tmp_path: Path) -> None:
    path = tmp_path / "walk.odl"
    with start_live(bench, path) as live:
        play(live, bench, 0, 200)
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    about = str(open_recording(path).recording.start.config)
    assert bench.port.name not in about and str(tmp_path) not in about
    with pytest.raises(ConfigError, match="is there already"):
        start_live(bench, path)


def test_the_end_waits_for_what_the_board_still_has_to_say(tmp_path: Path) -> None:
    late = bytearray()
    holding = False

    def hold(data: bytes) -> bytes:
        if not holding:
            return data
        end = data.index(b"\0", data.index(b"\0") + 1) + 1
        late.extend(data[end:])
        return data[:end]

    bench = virtual_bench(FakeBoard(), hold)
    with start_live(bench, tmp_path / "walk.odl", learn="both") as live:
        for event in live:
            if isinstance(event, Prediction):  # the host's own
                live.stop()
                clock_of(bench).after(0.3, lambda: bench.port.write(bytes(late)))
            elif isinstance(event, Samples) and not holding:
                holding = True
                bench.board.sense(BLOCK[:128])
        status = live.status()
    bench.close()
    assert (status.windows, status.compared, status.skipped, status.differences) == (1, 1, 0, 0)


@pytest.mark.parametrize("learn", ["host", "device", "both"])
def test_lost_frames_are_no_differences(tmp_path: Path, learn: str) -> None:
    path = tmp_path / "walk.odl"
    faults = Faults(5, drop=0.03, duplicate=0.02)
    bench = virtual_bench(FakeBoard(), faults.feed)
    with start_live(bench, path, learn=learn) as live:
        passed = play(live, bench, 0, 4000, answer("wave"))
        status = live.status()
    bench.close()
    assert faults.counts["drop"] > 10
    assert same_trace(path)
    assert open_recording(path).recording.events == passed
    assert sum(isinstance(e, Learned) for e in passed) >= 3
    if learn == "both":
        assert status.differences == 0
        assert any(isinstance(e, Adopt) for e in passed)
        assert (status.compared or 0) + (status.skipped or 0) == status.windows
        assert (status.compared or 0) > 10
    if learn == "host":
        assert sum(e.lost for e in passed if isinstance(e, Gap)) == status.lost > 0


@pytest.mark.parametrize("learn", ["host", "device", "both"])
def test_a_board_that_starts_anew_goes_on_with_what_it_learned(
    bench: BoardHarness, tmp_path: Path, learn: str
) -> None:
    path = tmp_path / "walk.odl"
    again = False

    def do(live: LiveSession, event: Event) -> None:
        nonlocal again
        answer("wave")(live, event)
        if isinstance(event, Learned) and not again and live.session.counts["answered"] == 2:
            again = True
            bench.board.restart()

    with start_live(bench, path, learn=learn) as live:
        passed = play(live, bench, 0, 2500, do)
        labels = live.session.counts["answered"]
        names = live.names
    assert again and "wave" in names.values()
    assert same_trace(path)
    assert any(isinstance(e, Gap if learn == "host" else Adopt) for e in passed)
    assert sum(isinstance(e, Learned) for e in passed) >= 4
    assert labels >= 2
    windows = [e.window for e in passed if isinstance(e, Query)]
    assert len(set(windows)) == len(windows)


@pytest.mark.parametrize("learn", ["host", "both"])
def test_unplugged_and_plugged_in_again(bench: BoardHarness, tmp_path: Path, learn: str) -> None:
    states = set()
    path = tmp_path / "unplugged.odl"
    pulled = False

    def do(live: LiveSession, event: Event) -> None:
        nonlocal pulled
        states.add(live.status().state)
        if isinstance(event, Prediction) and live.session.counts["windows"] == 5 and not pulled:
            pulled = True
            bench.unplug()
            bench.board.sense(BLOCK[:200])  # nobody hears of these
            bench.plug()

    with start_live(bench, path, learn=learn) as live:
        passed = play(live, bench, 0, 2000, do)
        notices = live.notices()
    assert pulled and "the port is gone; it is tried again until it is back" in {*states, *notices}
    assert same_trace(path)
    missed = [i for i, e in enumerate(passed) if isinstance(e, Gap | Adopt)]
    assert sum(passed[i].lost for i in missed) >= 200
    assert any(isinstance(e, Prediction) for e in passed[missed[-1] :])


class Liar(FakeBoard):
    """A board that is wrong about one window."""

    wrong = 512

    def say(self, message: Message) -> None:
        if isinstance(message, Prediction) and message.window == self.wrong:
            message = replace(message, scores=(1, *message.scores[1:]))
        super().say(message)


def test_a_difference_is_told_at_once_with_its_cause(tmp_path: Path) -> None:
    path = tmp_path / "walk.odl"
    bench = virtual_bench(Liar())
    told: list[str] = []

    def do(live: LiveSession, event: Event) -> None:
        told.extend(sentence for sentence in live.notices() if "differ" in sentence)

    with start_live(bench, path) as live:
        passed = play(live, bench, 0, 2000, do)
        status = live.status()
    bench.close()
    [sentence] = told
    assert sentence.startswith("board and host differ at sample 6") and "after Samples(" in sentence
    assert "window=512" in sentence
    assert status.differences == 1
    assert [e.start for e in passed if isinstance(e, Adopt)] and same_trace(path)


def test_the_board_s_own_button_is_an_origin(bench: BoardHarness, tmp_path: Path) -> None:
    path = tmp_path / "walk.odl"

    def do(live: LiveSession, event: Event) -> None:
        if isinstance(event, Query) and live.session.counts["queries"] == 1:
            board = bench.board
            with board._lock:
                for command in (Label(board.session.position, event.window, 2), Undo(board.session.position)):
                    board.say(command)
                    board._outputs(command)

    with start_live(bench, path) as live:
        passed = play(live, bench, 0, 1200, do)
    at = next(i for i, e in enumerate(passed) if isinstance(e, Label))
    assert [type(e) for e in passed[at - 1 : at + 1]] == [Origin, Label]
    assert [e.by for e in passed if isinstance(e, Origin)] == ["button", "button"]
    assert same_trace(path)


@pytest.mark.parametrize("learn", ["both", "host"])
def test_a_held_button_of_the_board_is_told_to_the_views(
    bench: BoardHarness, tmp_path: Path, learn: str
) -> None:
    path = tmp_path / "walk.odl"

    def do(live: LiveSession, event: Event) -> None:
        if isinstance(event, Samples) and event.start == 100:
            with bench.board._lock:
                bench.board.say(Held())

    with start_live(bench, path, learn=learn) as live:
        passed = play(live, bench, 0, 600, do)
        assert live.prompt.held == 1
        assert live.prompt.sentence == "the board's button was held: what are you doing now?"
    assert not any(isinstance(event, Undo | Adopt) for event in passed)
    assert same_trace(path)


def test_what_the_board_has_learned_before_is_kept_if_wished(bench: BoardHarness, tmp_path: Path) -> None:
    with start_live(bench, tmp_path / "first.odl") as live:
        play(live, bench, 0, 1000, answer("wave"))
    bench.board.restart()
    with start_live(bench, tmp_path / "second.odl", keep=True) as live:
        passed = play(live, bench, 1000, 500)
        assert "wave" in live.names.values()
    assert isinstance(passed[0], Adopt)
    assert same_trace(tmp_path / "second.odl")
    bench.board.restart()
    with start_live(bench, tmp_path / "third.odl") as live:
        assert "wave" not in live.names.values()


def test_a_host_that_learns_leaves_the_board_s_labels_alone(bench: BoardHarness, tmp_path: Path) -> None:
    with start_live(bench, tmp_path / "first.odl") as live:
        play(live, bench, 0, 1000, answer("wave"))
    bench.board.restart()
    with start_live(bench, tmp_path / "second.odl", learn="host") as live:
        passed = play(live, bench, 1000, 500)
    assert passed[0] == Samples(0, BLOCK[1000:1010])
    assert same_trace(tmp_path / "second.odl")
    assert bench.board.session is not None and "wave" in bench.board.session.names.values()


def test_a_session_can_be_iterated_over_in_parts_and_ends_between_two_steps(
    bench: BoardHarness, tmp_path: Path
) -> None:
    path = tmp_path / "walk.odl"
    with start_live(bench, path) as live:
        for number, event in enumerate(live):
            if isinstance(event, Samples) and not len(event.block):
                bench.board.sense(BLOCK[:140])
            elif isinstance(event, Samples) and number > 10 and len(event.block) == 140:
                break  # its outputs have not been given out
    assert same_trace(path)


def test_without_a_length_a_budget_for_the_whole_session_cannot_be_kept(
    bench: BoardHarness, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="needs its length, `seconds`; or give a budget such as 12/h"):
        open_live("loop://", out=tmp_path / "walk.odl", options={"budget": 20})
    with open_live(bench.port.name, out=tmp_path / "walk.odl", options={"budget": 20}, seconds=64) as live:
        assert live.session.config.horizon == 50
        assert live.status().budget_left == 20


WRONG: list[tuple[dict[str, object], str]] = [
    ({"format": "xml"}, "`format` is 'xml'; it can be board or csv"),
    ({"learn": "cloud"}, "`learn` is 'cloud'; it can be host, device or both"),
    ({"answers": "guess"}, "`answers` is 'guess'; it can be truth"),
    ({"answers": "truth"}, "otherwise no truth is known"),
    ({"play": "shoulder", "port": "COM3"}, "leave out `port`"),
    ({"play": "shoulder", "learn": "device"}, "add `emulated=True`"),
    ({"units": ["g"]}, "`units` and `scale` are for `format='csv'`"),
    ({"emulated": True}, "no data of its own; add `play='shoulder'`"),
    ({"emulated": True, "play": "shoulder", "port": "COM3"}, "leave out `port`"),
    ({"emulated": True, "play": "shoulder", "port": "auto"}, "a board of its own: leave out `port`"),
    ({"subject": 8}, "`subject` is for `play` and `feed`"),
    ({"data": "shoulder"}, "`data` is for `play` and `feed`"),
    ({"emulated": True, "play": "shoulder", "rate": 50.0}, "`rate` is for `format='csv'`"),
    ({"columns": ["ax"]}, "`columns` is for `format='csv'`"),
    ({"keep": True, "learn": "host"}, "`keep` is for a board that learns"),
    ({"format": "csv", "columns": ["ax"], "model": "shoulder"}, "`format='csv'` needs `port`"),
    ({"options": {"patience": 0.0}}, "`patience` is 0.0; it can be above 0"),
    ({"speed": 2.0}, "`speed` is for"),
    ({"feed": "shoulder", "learn": "host"}, "odl replay"),
    ({"format": "csv", "learn": "both"}, "a sketch does not learn"),
    ({"format": "csv"}, "`format='csv'` needs `columns`"),
    ({"format": "csv", "columns": ["ax"]}, "`format='csv'` needs `model`"),
    ({"who": "a:b"}, "`who` is a pseudonym"),
    ({"seconds": 0.0}, "`seconds` is ([0.]+|inf); it can be a number above 0"),
    (
        {"format": "csv", "columns": ["ax"], "model": "shoulder", "port": "COM3", "rate": 0.0},
        "`rate` is 0.0; it can be",
    ),
    ({"seconds": math.inf}, "`seconds` is ([0.]+|inf); it can be a number above 0"),
    ({"emulated": True, "play": "shoulder", "speed": math.inf}, "`speed` is inf; it can be a number above 0"),
]


@pytest.mark.parametrize(("options", "sentence"), WRONG, ids=[s for _, s in WRONG])
def test_options_that_do_not_fit_together(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        open_live(**options)  # type: ignore[arg-type]


def test_a_board_without_a_sensor_has_to_be_fed(tmp_path: Path) -> None:
    bench = virtual_bench(FakeBoard(sensor=False))
    with pytest.raises(ConfigError, match="this board has no sensor: feed it"):
        open_live(bench.port.name, out=tmp_path / "walk.odl")
    bench.close()


def test_a_board_that_runs_a_model_of_one_s_own(tmp_path: Path) -> None:
    image = replace(load_model("shoulder"), seed=99)  # as pushed: none of those shipped
    assert any(not (find_folder() / name / load_card(name).model).is_file() for name in list_datasets())
    bench = virtual_bench(FakeBoard(image))
    with open_live(bench.port.name, out=tmp_path / "walk.odl", options=OPTIONS) as live:
        assert live.image.to_bytes() == image.to_bytes()
        live.wait = 0.005
        play(live, bench, 0, 600, answer("wave"))
        status = live.status()
    bench.close()
    assert (status.compared, status.differences) == (status.windows, 0) and status.windows > 0
    assert same_trace(tmp_path / "walk.odl")


def test_a_board_that_runs_another_model(bench: BoardHarness, tmp_path: Path) -> None:
    model = tmp_path / "other.odlm"
    image = replace(bench.board.image, seed=99)
    model.write_bytes(image.to_bytes())
    with pytest.raises(BoardError, match="push this image with 'odl push'"):
        open_live(bench.port.name, out=tmp_path / "a.odl", model=model, learn="both")
    with open_live(bench.port.name, out=tmp_path / "b.odl", model=model, options=OPTIONS) as live:
        assert live.notices() == ["the board runs another model than this one, so the host learns"]
        live.wait = 0.005
        play(live, bench, 0, 600, answer("wave"))
    assert same_trace(tmp_path / "b.odl")
    assert open_recording(tmp_path / "b.odl").image.checksum == image.checksum
