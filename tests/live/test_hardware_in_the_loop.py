"""Hardware in the loop: a board is fed, and the host's session beside it says the same."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from firmware_sim.faults import Faults
from odl.core.events import Adopt, Event, Gap, Input, Learned, Prediction, Query, Samples, Truth
from odl.live import LiveSession, open_live
from odl.live.hardware_in_the_loop import Paced
from odl.recording import read
from tests.helpers.fake_board import BoardHarness, FakeBoard, virtual_bench
from tests.helpers.live_stage import same_trace
from tests.helpers.virtual_clock import VirtualClock
from tests.live.test_session import Liar


def feed(bench: BoardHarness, path: Path, **keywords: object) -> LiveSession:
    options = {"policy": "periodic", "budget": 25, "delay": 5.0}
    return open_live(
        bench.port.name,
        feed="shoulder",
        subject=8,
        out=path,
        options=options,
        **{"answers": "truth", **keywords},
    )


def fed(board: FakeBoard | None = None, faults: Faults | None = None) -> BoardHarness:
    board = board or FakeBoard(sensor=False)
    return virtual_bench(board, *([faults.feed] if faults else []))


@pytest.mark.parametrize("learn", ["both", "device"])
@pytest.mark.parametrize("drop", [0.0, 0.03])
def test_a_person_through_a_board(tmp_path: Path, learn: str, drop: float) -> None:
    path, faults = tmp_path / "fed.odl", Faults(3, drop=drop, duplicate=drop)
    bench = fed(faults=faults)
    with feed(bench, path, learn=learn) as live:
        passed = []
        for event in live:
            passed.append(event)
            if live.session.position > 9000:
                live.stop()
        status, labels = live.status(), live.session.counts["answered"]
    bench.close()
    assert same_trace(path)
    assert read(path).events == passed
    assert labels == sum(isinstance(e, Learned) for e in passed) >= 5
    assert len({e.window for e in passed if isinstance(e, Query)}) == sum(
        isinstance(e, Query) for e in passed
    )
    windows = sum(isinstance(e, Prediction) for e in passed)
    if learn == "both":
        assert status.differences == 0 and (status.compared or 0) + (status.skipped or 0) == windows
        assert (status.skipped == 0) == (drop == 0.0)
    assert {e.name for e in passed if isinstance(e, Truth)} > {"abduction"}
    samples = np.concatenate([e.block for e in passed if isinstance(e, Samples)])
    assert len(samples) > 8000


def test_a_board_that_is_wrong_while_it_is_fed(tmp_path: Path) -> None:
    path, board = tmp_path / "fed.odl", Liar(sensor=False)
    bench = fed(board)
    told: list[str] = []
    with feed(bench, path) as live:
        passed = []
        for event in live:
            passed.append(event)
            told += live.notices()
            if live.session.position > 2000:
                live.stop()
    bench.close()
    [sentence] = told
    assert sentence.startswith("board and host differ at sample ") and "window=512" in sentence
    assert sum(isinstance(e, Adopt) for e in passed) == 1
    assert same_trace(path)


def test_a_board_that_starts_anew_while_it_is_fed(tmp_path: Path) -> None:
    path, bench, again = tmp_path / "fed.odl", fed(), False
    with feed(bench, path) as live:
        passed: list[Event] = []
        for event in live:
            passed.append(event)
            if live.session.counts["answered"] == 2 and not again:
                again = True
                bench.board.restart()
            if live.session.position > 6000:
                live.stop()
        status = live.status()
    bench.close()
    assert again and any(isinstance(e, Adopt) for e in passed)
    assert status.differences == 0
    assert sum(isinstance(e, Learned) for e in passed) > 3
    assert same_trace(path)


def test_feeding_is_gone_on_with_where_it_was(tmp_path: Path) -> None:
    path, bench = tmp_path / "fed.odl", fed()
    live = feed(bench, path)
    for _ in live:
        if live.session.position > 3000:
            break
    live._writer.leave()
    live._opened.close()
    with open_live(bench.port.name, resume=path, feed="shoulder", subject=8, answers="truth") as live:
        for _ in live:
            if live.session.position > 5000:
                live.stop()
        assert live.status().differences == 0
    bench.close()
    assert same_trace(path)
    blocks = [e for e in read(path).events if isinstance(e, Samples)]
    missed = sum(e.lost for e in read(path).events if isinstance(e, Adopt))
    assert sum(len(e.block) for e in blocks) + missed == read(path).position
    assert missed <= 100


def test_recorded_time_passes_as_it_did() -> None:
    clock = VirtualClock()
    block = np.zeros((10, 3), np.int16)
    events: list[Input] = [Truth(0, 20, "a"), Samples(0, block), Gap(10, 5, "x"), Samples(15, block)]
    passed = list(Paced(events, 50.0, 2.0, clock=clock))
    assert clock.now == pytest.approx(0.2, abs=0.02)  # nobody waits for what never came
    assert any(isinstance(e, Samples) and not len(e.block) for e in passed)
    kept = [e for e in passed if not (isinstance(e, Samples) and not len(e.block))]
    assert [e.start for e in kept if isinstance(e, Samples | Gap)][-1] < 25
    assert sum(len(e.block) for e in kept if isinstance(e, Samples)) == 20
    assert [e for e in kept if isinstance(e, Gap)] == [Gap(10, 5, "x")]


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        (0, [Truth(0, 20, "a"), (0, 10), Gap(10, 5, "x"), (15, 10)]),
        (4, [Truth(0, 20, "a"), (4, 6), Gap(10, 5, "x"), (15, 10)]),
        (10, [Truth(0, 20, "a"), Gap(10, 5, "x"), (15, 10)]),
        (12, [Truth(0, 20, "a"), Gap(12, 3, "x"), (15, 10)]),
        (15, [Truth(0, 20, "a"), (15, 10)]),
        (20, [(20, 5)]),
        (25, []),
    ],
)
def test_what_is_over_is_left_out(position: int, expected: list[object]) -> None:
    block = np.zeros((10, 3), np.int16)
    events: list[Input] = [Truth(0, 20, "a"), Samples(0, block), Gap(10, 5, "x"), Samples(15, block)]
    passed = list(Paced(events, 50.0, math.inf, position))
    assert [(e.start, len(e.block)) if isinstance(e, Samples) else e for e in passed] == expected
