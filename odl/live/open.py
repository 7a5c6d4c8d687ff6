"""A live session put together: its plan, what leads it, its prompt, its recording."""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import odl
from odl.core.ground_truth import TruthTrack
from odl.core.image import Image
from odl.core.rng import seed_of
from odl.core.session import Session
from odl.evaluate.replay import homes
from odl.labels.oracle import RecordedLabels, Truths
from odl.labels.played_truth import PlayedTruth, one_block
from odl.labels.prompt import Prompt
from odl.live.find import dated
from odl.live.options import Wishes
from odl.live.plan import Plan, Tell
from odl.live.resume import how
from odl.live.session import LiveSession
from odl.live.with_board import with_board
from odl.live.with_csv import with_sketch
from odl.recording import Writer
from odl.wire import Start


def open_live(port: str | None = None, *, progress: Tell | None = None, **wishes: Any) -> LiveSession:
    """Begin a live session, or go on with one; iterate over what this returns.

    Parameters
    ----------
    port, wishes
        See `Wishes`.
    progress : callable, optional
        Told in a short sentence what is being done.

    Raises
    ------
    ConfigError, ValueError
        If the wishes do not fit together, or the model does not fit the board.
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
    wish = Wishes(port=port, **wishes)
    with ExitStack() as opened:
        return _begun(Plan(wish, opened, progress or (lambda sentence: None)))


def _begun(plan: Plan) -> LiveSession:
    wish, resumed = plan.wish, plan.resumed
    led = with_sketch(plan) if wish.form == "csv" else with_board(plan)
    session = led.mode.session
    writer = _writer(plan, session, led.about)
    recent = () if resumed is None else resumed.recent
    prompt = Prompt(
        session, session.image, by=f"{wish.by}:{wish.who}" if wish.who else wish.by, channels=led.channels,
        recent=recent,
    )  # fmt: skip
    prompt.wake = plan.line.wake
    labels, played = _truth(plan, session.image)
    if played is not None:
        for event in recent:
            deque(played.take(event), 0)
        played.again()
    live = LiveSession(
        led.mode, prompt, writer, labels, played, plan.opened.pop_all(), port=_port(plan),
        seconds=wish.seconds, before=None if resumed is None else resumed.history,
    )  # fmt: skip
    for note in plan.notes:
        live.notify(note)
    return live


def _port(plan: Plan) -> str:
    played = plan.wish.play or plan.wish.feed
    return plan.line.url if not plan.wish.emulated else f"emulated{f', {played}' if played else ''}"


def _truth(plan: Plan, image: Image) -> tuple[RecordedLabels | None, PlayedTruth | None]:
    """Who answers from truth, and what tells the truth of a stream that is played."""
    stream, options = plan.stream, plan.options
    if stream is None:
        return None, None
    played = None
    truth: Truths = TruthTrack(stream.truths)
    if plan.wish.play is not None:
        truth = played = PlayedTruth(*one_block(stream.inputs()))
    if plan.wish.answers is None:
        return None, played
    labels = RecordedLabels(
        truth, image.window, stream.classes, delay=round(options.delay * image.rate_hz),
        refuse=options.refuse, error=options.error,
        seed=seed_of(options.seed, 1, *stream.subject.encode()), heads=homes(image),
    )  # fmt: skip
    return labels, played


def _writer(plan: Plan, session: Session, about: dict[str, Any]) -> Writer:
    if plan.resumed is not None:
        return plan.resumed.writer
    about["live"] |= how(plan.wish)
    about = {
        "odl": odl.__version__, "options": plan.options.to_dict(), **about,
        **({} if plan.subject is None else {"subject": plan.subject}),
        **({} if plan.stream is None else plan.stream.about),
    }  # fmt: skip
    path = Path(plan.wish.out) if plan.wish.out is not None else dated()
    return Writer(path, Start({"config": session.config.to_dict(), "session": about},
                              session.image.to_bytes()))  # fmt: skip
