"""The commands of ``odl`` for live data: live, record."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from odl._text import shell_word
from odl.cli.arguments import add_option, add_options, chosen_options
from odl.cli.output import Progress, printable, write_json
from odl.cli.still_working import quiet
from odl.evaluate.option_table import SESSION_OPTIONS, described

if TYPE_CHECKING:
    from odl.live import LiveSession

_SOURCE = ("port", "baud", "format", "rate", "columns", "units", "scale", "model")
_LIVE = (
    *_SOURCE, "emulated", "board", "play", "feed", "subject", "data", "speed", "learn", "keep", "answers",
    "out", "resume", "profile", "seconds", "who",
)  # fmt: skip
_RECORD = (
    "emulated", "play", "subject", "data", "speed", "label", "repeat", "countdown", "seconds", "out", "who",
)  # fmt: skip


def add_commands(commands: Any) -> None:
    """Add the commands to ``odl``'s parser."""
    live = commands.add_parser("live", help="run a session with a board: predict, ask, learn, record")
    _add_source_options(live)
    add_options(live, "emulated board")
    add_option(live, "play", help="play a person's recordings, of a dataset or of your own folder, here or, "
               "with --emulated, as a board's sensor")  # fmt: skip
    add_options(live, "feed subject data")
    add_option(live, "speed", help="times real time, for --play and --feed; default: 1, "
               "and with --feed --answers truth as fast as the board can")  # fmt: skip
    add_options(live, "learn keep answers")
    add_option(live, "budget", help="12/h, 5/day, 2% or, where the length is known, a number; default: 20 "
               "with --play or --feed, else 12/h")  # fmt: skip
    add_options(live, (name for name in SESSION_OPTIONS if name != "budget"))
    add_options(live, "resume profile out seconds who json")
    live.set_defaults(run=_live)

    record = commands.add_parser("record", help="record a board's or a sketch's samples, nothing else")
    _add_source_options(record)
    add_options(record, "emulated")
    add_option(record, "play", help="the sensor of the emulated board plays a person's recordings")
    add_options(record, "subject data speed")
    add_option(
        record, "label", help="what is done, as the recording's truth; of several, keys switch between them"
    )
    add_options(record, "repeat countdown")
    add_option(record, "seconds", help="end after this much of the stream; with --label length of a take; "
               "default: Ctrl-C")  # fmt: skip
    add_options(record, "out who json")
    record.set_defaults(run=_record)


def _add_source_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the source of samples."""
    add_options(parser, "port baud format")
    add_option(parser, "rate", help="for csv: lines per second; default: the model's rate, so record needs "
               "it without --model")  # fmt: skip
    add_options(parser, "columns")
    add_option(parser, "units", help="for csv: of all columns or of each: g, m/s2, deg/s, ...; default: the "
               "model's")  # fmt: skip
    add_option(parser, "scale", help="for csv: what one count is in that unit; default: one that fits the "
               "model, without a model 0.001 or by the unit")  # fmt: skip
    add_option(parser, "model", help="an .odlm file or a dataset's name; default: the board's own")


def _live(args: argparse.Namespace, progress: Progress) -> str:
    from odl._text import counted
    from odl.cli.terminal import app, lines
    from odl.live import open_live

    options = chosen_options(args, SESSION_OPTIONS)
    with open_live(**chosen_options(args, _LIVE), options=options, progress=progress) as live:
        progress(f"recording to {live.recording}; Ctrl-C ends it")
        with stopped_by_signals(live.stop), quiet(progress):
            if args.json == "-":
                lines.LineView(live, sys.stderr).run()
            else:
                app.run(live)
    for sentence in live.notices():
        progress(sentence)
    _report(live, args, progress)
    differences = live.status().differences
    return (
        f"board and host differed {counted(differences, 'time')}; see the notices above"
        if differences
        else ""
    )


def _report(live: LiveSession, args: argparse.Namespace, progress: Progress) -> None:
    from odl._text import counted, percent

    status, counts, history, recent = live.status(), live.session.counts, live.history, live.recent
    answers, taught = history.standing - history.taught, history.taught
    recorded = {"windows": history.windows, "questions": history.asked, "answers": answers, "taught": taught,
                "lost": history.lost}  # fmt: skip
    accuracy = recent.right / recent.scored_in_all if recent.scored_in_all else None
    figures = asdict(status) | {"recording": str(status.recording), "counts": counts, "recorded": recorded}
    figures |= {"accuracy": accuracy, "scored": recent.scored_in_all}  # of the whole stream
    write_json(args.json, lambda: figures)
    if args.json == "-":
        return
    seconds = status.position / live.image.rate_hz
    parts = [f"{seconds:.0f} s", counted(history.windows, "window"), counted(history.asked, "question"),
             counted(answers, "answer"), *([f"{taught} taught"] if taught else []),
             f"{counted(history.lost, 'sample')} lost"]  # fmt: skip
    parts += [_damaged(status.damaged, args.format)] if status.damaged else []
    parts += [f"{counted(counts['saturated'], 'value')} at the limit"] if counts["saturated"] else []
    now = " since it was resumed" if live.resumed else ""
    if accuracy is not None:
        parts.append(f"accuracy {percent(accuracy, 1)} of {counted(recent.scored_in_all, 'window')}{now}")
    if status.compared is not None:
        parts.append(f"{counted(status.compared, 'window')} compared{now}, {status.skipped} not")
        parts.append(counted(status.differences or 0, "difference"))
    problem = f"; {status.problem}" if status.problem else ""
    print(printable(f"{live.recording}: {', '.join(parts)}{problem}"))
    if history.windows:
        print(printable(f"next: odl report {shell_word(live.recording)}"))


def _damaged(n: int, form: str | None) -> str:
    from odl._text import counted

    return f"{counted(n, 'line')} could not be used" if form == "csv" else f"{counted(n, 'frame')} damaged"


@contextmanager
def stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` on Ctrl-C, SIGTERM or a closed terminal; a second signal interrupts at once."""

    def handler(number: int, frame: object) -> None:
        signal.signal(number, signal.default_int_handler)
        stop()

    before = {}
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # Windows has the first two
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _record(args: argparse.Namespace, progress: Progress) -> str:
    from odl.cli.terminal.app import drawable
    from odl.cli.terminal.record_view import RecordView
    from odl.live.open_recorder import open_recorder

    options = chosen_options(args, (*_SOURCE, *_RECORD))
    described("seconds").check(args.seconds)  # before anything opens
    length = None if args.label is not None else options.pop("seconds", None)
    with open_recorder(**options, progress=progress) as recorder:
        progress(f"recording to {recorder.recording}; Ctrl-C ends it")
        with stopped_by_signals(recorder.stop), quiet(progress):
            if recorder.takes is not None and drawable():
                RecordView(recorder, recorder.takes).run()
            else:
                recorder.run(length, progress)
    figures = recorder.figures()
    write_json(args.json, lambda: figures)
    if args.json != "-":
        what = f"{figures['seconds']:.0f} s, {figures['samples']} samples, {figures['lost']} lost"
        what += f", {_damaged(figures['damaged'], args.format or 'board')}" if figures["damaged"] else ""
        what += f"; {figures['problem']}" if figures["problem"] else ""
        what += "".join(f"; {name} {seconds:.0f} s" for name, seconds in figures.get("labels", {}).items())
        print(printable(f"{recorder.recording}: {what}"))
        if args.label is not None:
            folder = shell_word(recorder.recording.parent)
            print(printable(f"next: odl init {folder}, then odl train {folder} --out mine.odlm"))
    return ""
