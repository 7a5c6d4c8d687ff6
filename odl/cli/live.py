"""The commands of ``odl`` for a live session: live, record."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from odl.core.kernels.rules import BATCH_HELP, POLICY_HELP

if TYPE_CHECKING:
    from odl.live import LiveSession

Tell = Callable[[str], None]
_OPTIONS = ("policy", "budget", "seed", "batch", "delay", "patience", "refuse", "error", "hold")


def add_commands(commands: Any) -> None:
    """Add the commands to ``odl``'s parser."""
    live = commands.add_parser("live", help="follow a board: predict, ask, learn, record")
    add = live.add_argument
    _where(live)
    add("--emulated", action="store_true", help="start an emulated board and use that")
    add("--play", metavar="DATASET", help="with --emulated: its sensor plays a person's recordings")
    add("--feed", metavar="DATASET", help="feed a person's recordings to a board without a sensor")
    add("--subject", type=int, metavar="N", help="whose; default: the first test person")
    add("--data", metavar="DIR", help="where the dataset's files lie, if not bundled")
    add("--speed", type=float, metavar="X", help="times real time, for --play and --feed; default: 1, "
        "and with --feed --answers truth as fast as the board can")  # fmt: skip
    add("--learn", metavar="WAY", help="host, device or both, compared; default: both, host for a sketch")
    add("--keep", action="store_true", help="go on from what the board has learned before")
    add("--answers", metavar="truth", help="what is played or fed answers by itself, after --delay")
    add("--policy", metavar="NAME", help=POLICY_HELP)
    add("--budget", metavar="B", help="12/h, 2%% or, with --seconds, a number; default: 12/h")
    add("--seed", type=int, metavar="N", help="decides everything random; default: 0")
    add("--batch", type=int, metavar="N", help=BATCH_HELP)
    add("--delay", type=float, metavar="S", help="seconds until an answer from truth; default: 10")
    add("--patience", type=float, metavar="S", help="seconds until a question expires; 60")
    add("--refuse", type=float, metavar="P", help="share of questions that truth does not answer; 0")
    add("--error", type=float, metavar="P", help="share of answers from truth that are wrong; 0")
    add("--hold", action="store_true", default=None, help="let an answer stand until the stream changes")
    add("--resume", metavar="FILE", help="go on with a recording, in the same file")
    _outcome(live)
    live.set_defaults(run=_live)

    record = commands.add_parser("record", help="record a board's or a sketch's samples, no more")
    _where(record)
    record.add_argument("--scale", type=float, metavar="S", help="for a sketch without --model: what "
                        "one count is; default: 0.001, with --units by these")  # fmt: skip
    record.add_argument("--units", metavar="U,V,W", help="for a sketch without --model: of all columns or of "
                        "each: g, m/s2, deg/s, rad/s, ...")  # fmt: skip
    _outcome(record)
    record.set_defaults(run=_record)


def _where(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--port",
        metavar="P",
        help="a device, a pyserial URL, or auto, the default: the board that is there",
    )
    add("--baud", type=int, default=115200, metavar="N", help="bits per second; default: 115200")
    add("--format", default="board", metavar="F", help="csv: a sketch that prints numbers; default: board")
    add("--rate", type=float, metavar="HZ", help="for csv: lines per second; default: the model's rate, "
        "so record needs it without --model")  # fmt: skip
    add("--columns", metavar="A,B,C", help="for csv: names of the columns, or their numbers from 1, "
        "in the model's order")  # fmt: skip
    add("--model", metavar="M", help="an .odlm file or a dataset's name; default: what the board runs")


def _outcome(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--out", metavar="FILE", help="the recording; default: a name with the date, here")
    add("--seconds", type=float, metavar="S", help="end after so much of the stream; default: Ctrl-C")
    add("--who", metavar="NAME", help="a pseudonym for who wears it")
    add("--json", metavar="FILE", help="write the final figures as JSON; - is standard output")


def columns_of(text: str | None) -> list[str] | None:
    """Column names from ``ax,ay,az``.

    >>> columns_of("ax, ay")
    ['ax', 'ay']
    """
    return None if text is None else [name.strip() for name in text.split(",")]


def _live(given: argparse.Namespace, tell: Tell) -> str:
    from odl._text import counted
    from odl.cli.main import printable
    from odl.cli.terminal import app, lines
    from odl.live import open_live

    options = {name: getattr(given, name) for name in _OPTIONS if getattr(given, name) is not None}
    with open_live(
        given.port, emulated=given.emulated, play=given.play, feed=given.feed, subject=given.subject,
        data=given.data, speed=given.speed, form=given.format, rate=given.rate,
        columns=columns_of(given.columns), model=given.model, learn=given.learn, keep=given.keep,
        answers=given.answers, options=options, out=given.out, resume=given.resume, seconds=given.seconds,
        who=given.who, baud=given.baud, progress=tell,
    ) as live:  # fmt: skip
        tell(f"recording to {live.recording}; Ctrl-C ends it")
        with stopped_by_signals(live.stop):
            if given.json == "-":
                lines.LineView(live, sys.stderr).run()
            else:
                app.run(live)
    for sentence in live.notices():
        tell(printable(sentence))
    _report(live, given, tell)
    differences = live.status().differences
    return (
        f"board and host differed {counted(differences, 'time')}; each was told when it happened"
        if differences
        else ""
    )


def _report(live: LiveSession, given: argparse.Namespace, tell: Tell) -> None:
    from odl._text import counted
    from odl.cli.main import printable, write_json

    status, counts, history = live.status(), live.session.counts, live.history
    recorded = {"windows": history.windows, "questions": history.asked, "answers": history.standing,
                "lost": history.lost}  # fmt: skip
    figures = asdict(status) | {"recording": str(status.recording), "counts": counts, "recorded": recorded}
    write_json(given.json, lambda: figures)
    if given.json == "-":
        return
    seconds = status.position / live.image.rate_hz
    parts = [f"{seconds:.0f} s", counted(history.windows, "window"), counted(history.asked, "question"),
             counted(history.standing, "answer"), f"{counted(history.lost, 'sample')} lost"]  # fmt: skip
    parts += [_damaged(status.damaged, given.format)] if status.damaged else []
    parts += [f"{counted(counts['saturated'], 'value')} at the limit"] if counts["saturated"] else []
    if status.compared is not None:
        now = " since it was gone on with" if live.resumed else ""
        parts.append(f"{counted(status.compared, 'window')} compared{now}, {status.skipped} not")
        parts.append(counted(status.differences or 0, "difference"))
    problem = f"; {status.problem}" if status.problem else ""
    print(printable(f"{live.recording}: {', '.join(parts)}{problem}"))


def _damaged(n: int, form: str) -> str:
    from odl._text import counted

    return f"{counted(n, 'line')} could not be used" if form == "csv" else f"{counted(n, 'frame')} damaged"


@contextmanager
def stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and a terminal that is cut end things properly; a second one ends them at once."""

    def handler(number: int, frame: object) -> None:
        signal.signal(number, signal.default_int_handler)
        stop()

    before = {}
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # of these Windows has two
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _record(given: argparse.Namespace, tell: Tell) -> str:
    from odl.cli.main import printable, write_json
    from odl.live.options import check_above_0
    from odl.live.recorder import open_recorder

    check_above_0("--seconds", given.seconds)  # before anything is opened
    with open_recorder(
        given.port or "auto", form=given.format, rate=given.rate, columns=columns_of(given.columns),
        model=given.model, scale=given.scale, units=columns_of(given.units), out=given.out, who=given.who,
        baud=given.baud, progress=tell,
    ) as recorder:  # fmt: skip
        tell(f"recording to {recorder.recording}; Ctrl-C ends it")
        with stopped_by_signals(recorder.stop):
            recorder.run(given.seconds, tell)
    figures = recorder.figures()
    write_json(given.json, lambda: figures)
    if given.json != "-":
        what = f"{figures['seconds']:.0f} s, {figures['samples']} samples, {figures['lost']} lost"
        what += f", {_damaged(figures['damaged'], given.format)}" if figures["damaged"] else ""
        what += f"; {figures['problem']}" if figures["problem"] else ""
        print(printable(f"{recorder.recording}: {what}"))
    return ""
