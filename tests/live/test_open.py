"""How a live session begins: what is refused before anything is touched, and where a stream begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from odl.core.config import ConfigError
from odl.core.events import Gap, Samples
from odl.live.open_recorder import open_recorder
from odl.recording import read
from odl.wire import Configure
from odl.wire.messages import Message
from tests.helpers.fake_board import BoardHarness, FakeBoard, virtual_bench
from tests.helpers.live_stage import BLOCK, LIMIT, answer, clock_of, play, same_trace, start_live


class Quick(FakeBoard):
    """A board of which samples come with the answer to Configure, in one piece."""

    def _take(self, seq: int, message: Message, number: int) -> None:
        super()._take(seq, message, number)
        if isinstance(message, Configure):
            assert self.session is not None
            samples = Samples(self.session.position, BLOCK[:10])
            self.say(samples)
            self._outputs(samples)


@pytest.mark.parametrize("learn", ["host", "device", "both"])
def test_samples_that_come_with_the_first_answer(tmp_path: Path, learn: str) -> None:
    path, bench = tmp_path / "walk.odl", virtual_bench(Quick())
    with start_live(bench, path, learn=learn) as live:
        first = play(live, bench, 10, 400)
    assert live.status().position == 410 and isinstance(first[0], Samples)
    bench.board.restart()
    with start_live(bench, None, resume=path, learn=learn) as live:
        play(live, bench, 10, 400)
    bench.close()
    assert same_trace(path)


def test_a_recorder_takes_the_samples_that_come_with_the_first_answer(tmp_path: Path) -> None:
    path, bench = tmp_path / "only.odl", virtual_bench(Quick())
    with open_recorder(bench.port.name, out=path) as recorder:
        recorder.run(0.1, print)
    bench.close()
    assert [(e.start, len(e.block)) for e in read(path).events if isinstance(e, Samples)] == [(0, 10)]


def test_a_file_in_the_way_is_found_before_the_board_forgets(bench: BoardHarness, tmp_path: Path) -> None:
    with start_live(bench, tmp_path / "first.odl") as live:
        play(live, bench, 0, 1000, answer("wave"))
    session = bench.board.session
    assert session is not None and "wave" in session.names.values()
    (tmp_path / "there.odl").touch()
    with pytest.raises(ConfigError, match="there.odl is there already: give another name"):
        start_live(bench, tmp_path / "there.odl")
    assert bench.board.session is session


def test_a_sensor_of_another_scale_does_not_go_on(bench: BoardHarness, tmp_path: Path) -> None:
    path = tmp_path / "walk.odl"
    with start_live(bench, path, learn="host") as live:
        play(live, bench, 0, 300)
    whole = path.read_bytes()
    other = FakeBoard()
    other.board["channels"] = [[name, unit, 2 * scale] for name, unit, scale in other.board["channels"]]
    other.out.clear()  # of how it described itself when it was made
    elsewhere = virtual_bench(other)
    with pytest.raises(ConfigError, match="its samples have another scale"):
        start_live(elsewhere, None, resume=path)
    elsewhere.close()
    assert path.read_bytes() == whole


@pytest.mark.parametrize(("before", "now"), [("host", "both"), ("both", "host")])
def test_who_learns_can_change_where_nothing_was_learned(
    bench: BoardHarness, tmp_path: Path, before: str, now: str
) -> None:
    path = tmp_path / "walk.odl"
    with start_live(bench, path, learn=before) as live:
        play(live, bench, 0, 700)
    with start_live(bench, None, resume=path, learn=now) as live:
        play(live, bench, 700, 1500, answer("wave"))
        counts, differences = live.session.counts, live.status().differences
    on_board = bench.board.session
    assert on_board is not None and on_board.config.policy == ("none" if now == "host" else "periodic")
    assert counts["answered"] >= 2 and not differences
    assert same_trace(path)


# --- record -------------------------------------------------------------------------------


def test_what_a_recorder_missed_while_the_board_restarted_is_a_gap(
    bench: BoardHarness, tmp_path: Path
) -> None:
    path = tmp_path / "only.odl"
    with open_recorder(bench.port.name, out=path) as recorder:
        source = recorder._source
        source.wait = 0.005
        bench.board.sense(BLOCK[:100])
        clock, again = clock_of(bench), False
        for event in source:
            if recorder._take(event) and isinstance(event, Gap):
                break
            if recorder._writer.position == 100 and not again:
                again = True
                clock.sleep(2.0)  # nothing is heard of it meanwhile
                bench.board.restart()
            assert clock.now < LIMIT
    [gap] = [e for e in read(path).events if isinstance(e, Gap)]
    assert gap.start == 100 and 100 <= gap.lost < 105 and gap.why == "the board restarted"


def test_a_board_that_tells_no_rate_is_recorded_at_the_model_s(tmp_path: Path) -> None:
    board = FakeBoard()
    board.board["rate_hz"] = None
    board.out.clear()  # of how it described itself when it was made
    bench = virtual_bench(board)
    with open_recorder(bench.port.name, out=tmp_path / "only.odl") as recorder:
        recorder.run(0.1, print)
        assert recorder.figures()["declared_hz"] == board.image.rate_hz
    bench.close()


@pytest.mark.parametrize("who", ["", "a:b", "\x1b[2J", "x" * 33])
def test_a_recorder_s_wearer_is_a_pseudonym_too(bench: BoardHarness, tmp_path: Path, who: str) -> None:
    with pytest.raises(ConfigError, match="`who` is a pseudonym"):
        open_recorder(bench.port.name, out=tmp_path / "only.odl", who=who)


def test_an_error_before_a_session_starts_leaves_no_file_in_the_way(
    bench: BoardHarness, tmp_path: Path
) -> None:
    path = tmp_path / "walk.odl"
    with pytest.raises(ValueError, match="cannot name who answers"):
        start_live(bench, path, who="\u6b69" * 32)
    assert not path.exists()
