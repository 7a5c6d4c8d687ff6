"""A fake board whose sensor plays when the host is idle, so that nothing waits for a clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.events import Event, Label, Samples
from odl.data import load_session
from odl.device.board import BoardState
from odl.device.serial_line import SerialLine
from odl.evaluate.recorded import open_recording
from odl.evaluate.replay import replay
from odl.live import LiveSession, open_live
from odl.live.modes import HostLearns
from odl.live.twin import TwinState
from tests.helpers.fake_board import BoardHarness, FakeBoard
from tests.helpers.virtual_clock import VirtualClock
from tests.helpers.virtual_port import VirtualPort

BLOCK: NDArray[np.int16] = np.concatenate([part.block for part in load_session("shoulder", 8)])
OPTIONS: dict[str, Any] = {"policy": "periodic", "budget": "600/h"}
LIMIT = 60.0  # seconds for what takes a moment where nothing else runs
Do = Callable[[LiveSession, Event], None]


def start_live(bench: BoardHarness, out: Path | None, **options: Any) -> LiveSession:
    """A live session with ``bench``; a question every six seconds."""
    if "resume" not in options:
        options["options"] = OPTIONS
    if out is not None:
        options["out"] = out
    live = open_live(bench.port.name, **options)
    live.wait = 0.005
    return live


def blocks(start: int, n: int, size: int = 10) -> Iterator[NDArray[np.int16]]:
    """Samples ``start`` to ``start + n`` of a recorded person, as a sensor gives them."""
    for at in range(start, start + n, size):
        yield BLOCK[at : min(at + size, start + n)]


def play(live: LiveSession, bench: BoardHarness, start: int, n: int, do: Do | None = None) -> list[Event]:
    """Run ``live`` while the board's sensor gives ``n`` samples; all that passes.

    ``do`` is called with each event. It ends when the host has heard all that the board has said
    and host and board have nothing more to settle.
    """
    rest, passed, idle, waited = blocks(start, n), list[Event](), 0, 0
    mark, until, clock = 0, 0.0, line_of(live).clock
    for event in live:
        if do is not None:
            do(live, event)
        if not (isinstance(event, Samples) and not len(event.block)):
            passed.append(event)
            continue
        waited = waited + 1 if busy(live) else 0
        if waited % 60 > 0:  # but some things are settled by the next samples only
            continue
        more = list(islice(rest, 8))
        for block in more:
            bench.board.sense(block)
        if more:
            continue
        until = until or clock.monotonic() + LIMIT
        if (mark and caught_up(live, bench, mark)) or clock.monotonic() > until:
            live.stop()
        elif idle % 60 == 0:
            with bench.board._lock:
                mark = bench.board.frames
            bench.board.tick()
        idle += 1
    return passed


def caught_up(live: LiveSession, bench: BoardHarness, mark: int) -> bool:
    """Whether the host has heard the board's last status, of ``mark`` frames, and stands where it does."""
    mode: Any = live._mode
    source: Any
    source, shift = (mode.source, mode._shift) if isinstance(mode, HostLearns) else (mode.board, 0)
    status, there = source.status, bench.board.session
    if status is None or status.frames < mark or there is None:
        return False
    return bool(live.session.position + shift == there.position and not busy(live) and not mode.pending)


def line_of(live: LiveSession) -> SerialLine:
    """The line that a session listens to."""
    mode: Any = live._mode
    line: SerialLine = (mode.source if isinstance(mode, HostLearns) else mode.board).line
    return line


def clock_of(bench: BoardHarness) -> VirtualClock:
    """The clock of a bench in virtual time."""
    assert isinstance(bench.port, VirtualPort)
    return bench.port.clock


def busy(live: LiveSession) -> bool:
    """Whether host and board have something to settle, which at this pace would take long."""
    mode: Any = live._mode
    if isinstance(mode, HostLearns):
        return mode.source.state is not BoardState.STREAMING
    apart = mode.follower.state is not TwinState.TOGETHER or mode.board.state is not BoardState.STREAMING
    return bool(apart or (mode.delivery is not None and mode.delivery.busy))


def answer(name: str) -> Do:
    """Answers every question at once."""

    def do(live: LiveSession, event: Event) -> None:
        for question in live.prompt.questions:
            live.prompt.answer(question.window, name)

    return do


def press(board: FakeBoard, cls: int) -> None:
    """Answer the board's oldest open question on the board itself."""
    with board._lock:
        session = board.session
        if session is not None and session.open_questions:
            label = Label(session.position, session.open_questions[0].window, cls)
            board.say(label)
            board._outputs(label)


def same_trace(path: Path) -> bool:
    """Whether the recording is whole and a replay of it says the same."""
    opened = open_recording(path)
    assert opened.damage == ""
    return replay(path).outcomes[0].same_trace is True
