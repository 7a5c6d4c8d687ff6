"""Opens a live session: its plan, its source, its prompt, its recording."""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from odl.core.ground_truth import TruthTrack
from odl.data import open_dataset
from odl.evaluate.load_kernels import Progress
from odl.evaluate.open_session import homes_of, open_oracle
from odl.labels.oracle import Truths
from odl.labels.played_truth import PlayedTruth, one_block
from odl.labels.prompt import Prompt
from odl.live.find import dated, new_file
from odl.live.options import LiveOptions, session_options
from odl.live.plan import SessionPlan
from odl.live.playback import played
from odl.live.resume import stored_options
from odl.live.session import LiveSession
from odl.live.with_board import with_board
from odl.live.with_csv import with_sketch
from odl.recording import Reader, Writer


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
    progress = progress or (lambda sentence: None)
    if live.play is not None and not live.emulated:
        return _play_here(live, progress)
    with ExitStack() as closing:
        return _open(SessionPlan(live, closing, progress))


def _play_here(live: LiveOptions, progress: Progress) -> LiveSession:
    """Play a recorded person without a board; ``resume`` continues with the recording's settings."""
    about, record = None, live.resume
    if record is None:
        record = new_file(live.out, f", or resume it: `resume={live.out}`")
    else:
        with Reader(record) as reader:
            about = reader.start.config.get("session")
    options = session_options(live, about if isinstance(about, dict) else None)
    person = open_dataset(str(live.play), live.data).someone if live.subject is None else live.subject
    return played(
        str(live.play), person, record=record, speed=live.speed or 1.0, answers=live.answers,
        model=live.model, data=live.data, profile=live.profile, options=options.to_dict(), by=live.by,
        seconds=live.seconds, progress=progress,
    )  # fmt: skip


def _open(plan: SessionPlan) -> LiveSession:
    options, resumed = plan.live, plan.resumed
    setup = with_sketch(plan) if options.format == "csv" else with_board(plan)
    session = setup.mode.session
    recent = () if resumed is None else resumed.recent
    stream, oracle = plan.stream, None
    played, truth = _truth(plan)
    prompt = Prompt(
        session, session.image, by=f"{options.by}:{options.who}" if options.who else options.by,
        channels=setup.channels, recent=recent, clock=plan.line.clock, truth=truth,
        homes=homes_of(session.image),
    )  # fmt: skip
    prompt.wake = plan.line.wake
    if stream is not None and options.answers is not None:
        oracle = open_oracle(stream, session.image, plan.options, truth)
    if played is not None:
        for event in recent:
            deque(played.take(event), 0)
        played.restart()
    writer = _writer(plan, setup.live)  # last: an error before it leaves no file in the way
    live = LiveSession(
        setup.mode, prompt, writer, oracle, played, plan.closing.pop_all(), port=_port(plan),
        clock=plan.line.clock, seconds=options.seconds, before=None if resumed is None else resumed.history,
        truth=truth, profile=plan.profile,
    )  # fmt: skip
    for note in plan.notes:
        live.notify(note)
    return live


def _port(plan: SessionPlan) -> str:
    played = plan.live.play or plan.live.feed
    return plan.line.url if not plan.live.emulated else f"emulated{f', {played}' if played else ''}"


def _truth(plan: SessionPlan) -> tuple[PlayedTruth | None, Truths | None]:
    """Return what aligns a stream that a board plays, and what knows the truth of a played or fed one."""
    if plan.stream is None:
        return None, None
    if plan.live.play is None:
        return None, TruthTrack(plan.stream.truths)
    played = PlayedTruth(*one_block(plan.stream.inputs()))
    return played, played


def _writer(plan: SessionPlan, live: dict[str, Any]) -> Writer:
    if plan.resumed is not None:
        return plan.resumed.writer
    assert plan.opened is not None
    stored = stored_options(plan.live, None if plan.stream is None else plan.stream.subject)
    path = Path(plan.live.out) if plan.live.out is not None else dated()
    return Writer(path, plan.opened.start(live=live | stored))
