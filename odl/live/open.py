"""Opens a live session: its plan, its source, its prompt, its recording."""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from odl.core.image import Image
from odl.evaluate.load_kernels import Progress
from odl.evaluate.open_session import open_oracle
from odl.labels.oracle import Oracle
from odl.labels.played_truth import PlayedTruth, one_block
from odl.labels.prompt import Prompt
from odl.live.find import dated
from odl.live.options import LiveOptions
from odl.live.plan import SessionPlan
from odl.live.resume import stored_options
from odl.live.session import LiveSession
from odl.live.with_board import with_board
from odl.live.with_csv import with_sketch
from odl.recording import Writer


def open_live(port: str | None = None, *, progress: Progress | None = None, **options: Any) -> LiveSession:
    """Start a live session, or resume one; iterating over what this returns runs it.

    Parameters
    ----------
    port, options
        See `LiveOptions`.
    progress : callable, optional
        Called with a short sentence before each step that takes time.

    Raises
    ------
    ConfigError, ValueError
        If options do not fit together, or the model does not fit the board.
    BoardError, PortError, SerialPortError
        If there is no such board, or it does not answer.
    OSError
        If the recording cannot be written.

    Examples
    --------
    ::

        with open_live(emulated=True, play="shoulder", subject=8, answers="truth") as live:
            for event in live:
                ...
    """
    live = LiveOptions(port=port, **options)
    with ExitStack() as closing:
        return _open(SessionPlan(live, closing, progress or (lambda sentence: None)))


def _open(plan: SessionPlan) -> LiveSession:
    options, resumed = plan.live, plan.resumed
    setup = with_sketch(plan) if options.format == "csv" else with_board(plan)
    session = setup.mode.session
    recent = () if resumed is None else resumed.recent
    prompt = Prompt(
        session, session.image, by=f"{options.by}:{options.who}" if options.who else options.by,
        channels=setup.channels, recent=recent, clock=plan.line.clock,
    )  # fmt: skip
    prompt.wake = plan.line.wake
    oracle, played = _truth(plan, session.image)
    if played is not None:
        for event in recent:
            deque(played.take(event), 0)
        played.restart()
    writer = _writer(plan, setup.live)  # last: an error before it leaves no file in the way
    live = LiveSession(
        setup.mode, prompt, writer, oracle, played, plan.closing.pop_all(), port=_port(plan),
        clock=plan.line.clock, seconds=options.seconds, before=None if resumed is None else resumed.history,
    )  # fmt: skip
    for note in plan.notes:
        live.notify(note)
    return live


def _port(plan: SessionPlan) -> str:
    played = plan.live.play or plan.live.feed
    return plan.line.url if not plan.live.emulated else f"emulated{f', {played}' if played else ''}"


def _truth(plan: SessionPlan, image: Image) -> tuple[Oracle | None, PlayedTruth | None]:
    """Return the oracle, if truth answers, and the truth of a stream that is played."""
    stream = plan.stream
    if stream is None:
        return None, None
    played = None if plan.live.play is None else PlayedTruth(*one_block(stream.inputs()))
    if plan.live.answers is None:
        return None, played
    return open_oracle(stream, image, plan.options, played), played


def _writer(plan: SessionPlan, live: dict[str, Any]) -> Writer:
    if plan.resumed is not None:
        return plan.resumed.writer
    assert plan.opened is not None
    stored = stored_options(plan.live, None if plan.stream is None else plan.stream.subject)
    path = Path(plan.live.out) if plan.live.out is not None else dated()
    return Writer(path, plan.opened.start(live=live | stored))
