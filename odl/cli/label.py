"""The commands of ``odl`` for answers after the fact: label."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odl.cli.arguments import add_option
from odl.cli.output import Progress, check_not_source, printable, write_json

if TYPE_CHECKING:
    from odl.evaluate.recorded import Opened
    from odl.evaluate.relabel import Relabelled
    from odl.labels.answer_log import AnswerEntry
    from odl.labels.edits import Edit
    from odl.labels.question_history import AnsweredQuestion, QuestionHistory

_WHEN = 6  # the log's column that a narrow terminal leaves out
_NARROW = 9  # columns of a terminal that a column of the log keeps there


def add_commands(commands: Any) -> None:
    """Add the commands to ``odl``'s parser."""
    label = commands.add_parser("label", help="who answered what in a recording; edit it and relearn")
    add = label.add_argument
    add("recording", help="a recording (.odl); it is never written to")
    add("--set", action="append", default=[], metavar="W=NAME", help="window W counts as NAME, new or known")
    add("--under", metavar="CLASS", help="a new NAME hangs under this class; default: the root task")
    add("--undo", action="append", default=[], type=int, metavar="W", help="no answer counts for window W")
    add("--keep", action="append", default=[], type=int, metavar="W", help="W's edits no longer count")
    add("--edit", action="store_true", help="walk through the questions in a terminal, with odl live's keys")
    add("--learn", action="store_true", help="rerun the session, also without a new edit")
    add("--by", metavar="P", help="a pseudonym for who edits")
    add_option(label, "out", help="the new recording; default: beside it, NAME-relabelled.odl")
    add_option(label, "json", help="write log and figures as JSON; - is standard output")
    label.set_defaults(run=_label)


def _label(args: argparse.Namespace, progress: Progress) -> str:
    from odl.cli.terminal.app import drawable
    from odl.evaluate.recorded import open_recording
    from odl.evaluate.relabel import check_edits, load_question_history, output_path, relabel
    from odl.labels.edits import append_edits, edits_path, read_edits

    if args.edit and not drawable():
        raise ValueError("--edit needs a terminal to draw in; --set and --undo do without")
    if args.under is not None and not args.set:
        raise ValueError("--under says where a new class hangs; name it with --set, as in 3712=rowing")
    for target in (args.json, args.out):
        check_not_source(args.recording, target)
    opened = open_recording(args.recording)
    history, path = load_question_history(opened), edits_path(args.recording)
    trace = opened.recording.trace_sha256
    edits = read_edits(path, trace)
    new = _edits(args)
    if new or args.edit or args.learn:
        output_path(opened, Path(args.recording), args.out)  # before a person has begun
        check_edits(opened, history, edits, new)
    for sentence in new_classes(history, edits, new):
        progress(printable(sentence))
    if new:
        append_edits(path, trace, new)
    before = edits
    if args.edit:
        _sitting(args, opened, history, [*edits, *new])
    edits = read_edits(path, trace)
    learn = args.learn or edits != before
    facts = log_facts(Path(args.recording).name, history, edits, opened.image.rate_hz)
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    text = log_text(history, edits, opened.image.rate_hz, columns)
    if args.json != "-" and not learn:
        print(printable(text, keep="\n"))
    if learn:
        done = relabel(args.recording, args.out, progress)
        facts |= _figures(done)
        if args.json != "-":
            print(printable(_compared(done), keep="\n"))
    write_json(args.json, lambda: facts)
    return opened.damage


def _edits(args: argparse.Namespace) -> list[Edit]:
    """The edits that the command line asks for."""
    from odl.labels.edits import Edit

    by, now = _by(args), round(1000 * time.time())
    edits = []
    for text in args.set:
        window, equals, name = text.partition("=")
        if not equals or not window.strip().isdecimal():
            raise ValueError(f"--set is '{text}'; write a window and a name, as in 3712=walk")
        edits.append(Edit(int(window), " ".join(name.split()), args.under, by=by, clock=now))
    edits += [Edit(window, by=by, clock=now) for window in args.undo]
    return edits + [Edit(window, keep=True, by=by, clock=now) for window in args.keep]


def _by(args: argparse.Namespace) -> str:
    if args.by is None:
        return "relabel"
    if not args.by.isprintable() or not 0 < len(args.by.encode("utf-8", "replace")) <= 32:
        raise ValueError("--by: a pseudonym has 1 to 32 bytes of printable text")
    return f"relabel:{args.by}"


def _sitting(
    args: argparse.Namespace, opened: Opened, history: QuestionHistory, edits: Sequence[Edit]
) -> None:
    """Walk through the questions with a person; each edit is kept as it is made."""
    from odl._text import counted
    from odl.cli.terminal.app import TerminalView
    from odl.evaluate.relabel import store_edit
    from odl.labels.review import Review, ReviewLoop

    review = Review(
        history, edits, partial(store_edit, opened, history, args.recording, _by(args)), by=_by(args),
        rate_hz=opened.image.rate_hz, channels=opened.stream.channels or (), room=opened.image.max_rows,
    )  # fmt: skip
    name = Path(args.recording).name
    words = [name, counted(len(history.questions), "question"), "tab: leave it as it is"]
    TerminalView(ReviewLoop(review), lambda: words).run()


def new_classes(history: QuestionHistory, edits: Sequence[Edit], new: Sequence[Edit]) -> list[str]:
    """A sentence for each class that ``new`` edits add to those that are known: it may be a slip.

    Examples
    --------
    >>> from odl.core.class_tree import ClassTree
    >>> from odl.labels.edits import Edit
    >>> from odl.labels.question_history import read_question_history
    >>> tree = ClassTree({0: "sit", 1: "walk up"}, (None,), ((0, 0), (1, 0)))
    >>> history = read_question_history([], tree, 40, 50.0)
    >>> new_classes(history, [], [Edit(0, "Sit"), Edit(64, "hop", "sit"), Edit(64, "walk up")])
    ["'Sit' is a new class, at the top; did you mean 'sit'? known: sit, walk up", "'hop' is a new class, \
under sit; known: sit, walk up, Sit"]
    """
    from difflib import get_close_matches

    from odl._text import clean
    from odl.labels.edits import current_edits

    known = list(
        dict.fromkeys([*history.tree.names.values(), *(e.name for e in current_edits(edits).values())])
    )
    names = [name for name in known if name is not None]
    sentences = []
    for edit in new:
        if edit.name is None or edit.name in names:
            continue
        folded = {name.casefold(): name for name in names}
        near = get_close_matches(edit.name.casefold(), folded, n=1)
        where = f"under {clean(edit.under)}" if edit.under else "at the top"
        meant = f"did you mean '{clean(folded[near[0]])}'? " if near else ""
        sentences.append(
            f"'{clean(edit.name)}' is a new class, {where}; {meant}known: {', '.join(map(clean, names))}"
        )
        names.append(edit.name)
    return sentences


# --- the log ------------------------------------------------------------------------------


def log_facts(name: str, history: QuestionHistory, edits: Sequence[Edit], rate_hz: float) -> dict[str, Any]:
    """The label log as plain values; times in seconds of the stream, ``took`` and ``clock`` in ms."""
    from odl.labels.edits import current_edits

    counts = current_edits(edits)
    windows = {asked.question.window for asked in history.questions}
    return {
        "recording": name,
        "questions": [
            {
                "window": asked.question.window,
                "seconds": asked.question.window / rate_hz,
                "predicted": list(asked.question.path),
                "answers": [_told(told, rate_hz) for told in asked.answers],
                "edits": [
                    {"name": e.name, "under": e.under, "keep": e.keep, "by": e.by,
                     "took_ms": e.took, "clock_ms": e.clock}
                    for e in edits if e.window == asked.question.window
                ],
                "counts": _counts(asked, counts),
                "missed": asked.missed,
            }
            for asked in history.questions
        ],
        "other_answers": [_told(told, rate_hz) for told in history.answers if told.window not in windows],
    }  # fmt: skip


def _told(told: AnswerEntry, rate_hz: float) -> dict[str, Any]:
    return {
        "window": told.window, "name": told.name, "state": told.state, "sentence": told.sentence,
        "seconds": None if told.at is None else told.at / rate_hz,
        "by": told.by, "took_ms": told.took, "clock_ms": told.clock,
    }  # fmt: skip


def _counts(asked: AnsweredQuestion, counts: dict[int, Edit]) -> str | None:
    """The name that counts for a question, edits included."""
    edit = counts.get(asked.question.window)
    return asked.name if edit is None else edit.name


def log_text(
    history: QuestionHistory, edits: Sequence[Edit], rate_hz: float, columns: int | None = None
) -> str:  # fmt: skip
    """The label log as a table: a line for each question and further answer, one for each edit.

    Where it has to fit into ``columns`` of a terminal the dates go, and what is long is wrapped.
    """
    from odl._text import clean
    from odl.cli.terminal.screen import clock

    rows = [["window", "at", "predicted", "answer", "by", "took", "when (UTC)", "what became of it"]]
    for asked in history.questions:
        first = [str(asked.question.window), clock(asked.question.window, rate_hz)]
        first.append(" > ".join(map(clean, asked.question.path)) or "–")
        for told in asked.answers:
            name = clean(told.name) if told.name is not None else "–"
            rows.append([*first, name, *_origin(told.by, told.took, told.clock), told.sentence])
            first = ["", "", ""]
        if not asked.answers:
            ended = asked.question.expires <= history.end
            what = "it ended while the line was lost" if ended else "open when the recording ended"
            rows.append([*first, "–", "–", "–", "–", what])
            first = ["", "", ""]
        for edit in edits:
            if edit.window == asked.question.window:
                what = "–" if edit.name is None else clean(edit.name)
                became = "no answer counts" if edit.name is None else "edited"
                became = "edits before no longer count" if edit.keep else became
                rows.append([*first, what, *_origin(edit.by, edit.took, edit.clock), became])
                first = ["", "", ""]
    if len(rows) == 1:
        return "nothing was asked in this recording"
    if columns is not None and _wide(_widths(rows)) > columns:
        rows = [row[:_WHEN] + row[_WHEN + 1 :] for row in rows]
    return _table(rows, columns)


def _origin(by: str, took: int, clock: int) -> list[str]:
    from odl._text import clean

    seconds = min(clock // 1000, 253_402_300_799)  # the year 9999: who knows what a file says
    when = f"{datetime(1970, 1, 1) + timedelta(seconds=seconds)}" if clock else "–"
    return [clean(by) if by else "–", f"{took / 1000:.1f} s" if took else "–", when]


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    from odl._text import width

    return [max(map(width, column)) for column in zip(*rows, strict=True)]


def _wide(widths: Sequence[int]) -> int:
    return sum(widths) + 2 * (len(widths) - 1)


def _table(rows: Sequence[Sequence[str]], columns: int | None = None) -> str:
    from odl._text import clean, width, wrapped

    widths = _widths(rows)
    while columns is not None and _wide(widths) > columns and max(widths) > _NARROW:
        widths[widths.index(max(widths))] -= 1
    lines = []
    for row in rows:
        cells = [wrapped(text, w).split("\n") for w, text in zip(widths, row, strict=True)]
        for parts in zip_longest(*cells, fillvalue=""):
            whole = [
                clean(part, w) if width(part) > w else part for w, part in zip(widths, parts, strict=True)
            ]
            lines.append(
                "  ".join(
                    part + " " * (w - width(part)) for w, part in zip(widths, whole, strict=True)
                ).rstrip()
            )
    return "\n".join(lines)


# --- before and after ---------------------------------------------------------------------


def _figures(done: Relabelled) -> dict[str, Any]:
    return {
        "relabelled": {
            "recording": done.recording.name, "model": done.model.name, "answers": done.answers,
            "edits": done.edits, "missed": done.missed, "windows_predicted_otherwise": done.changed,
            "predicted_as_answered": {"before": done.as_answered[0], "after": done.as_answered[1]},
            "before": done.before.to_json(), "after": done.after.to_json(),
        }
    }  # fmt: skip


def _compared(done: Relabelled) -> str:
    """Before and after side by side."""
    from odl._text import aligned, counted, percent

    one, other = done.before, done.after
    rows = [["", "before", "after"]]
    if one.scored:
        for name, of in (("accuracy", "accuracy"), ("accuracy, last third", "accuracy_last_third")):
            rows.append([name, *(percent(getattr(e.score, of), 1) for e in (one, other))])
        rows.append(
            [
                "macro-F1",
                *("–" if e.score.macro_f1 is None else f"{e.score.macro_f1:.3f}" for e in (one, other)),
            ]
        )
    rows.append(["asked windows predicted as answered", *(percent(x, 1) for x in done.as_answered)])
    return "\n".join(
        [
            f"{counted(done.answers, 'answer')}, {counted(done.edits, 'question')} edited",
            *(
                [f"{counted(done.missed, 'answer')} more left out: not all samples are recorded"]
                if done.missed
                else []
            ),
            aligned(rows),
            f"{done.changed} of {counted(other.windows, 'window')} predicted otherwise",
            f"recording: {done.recording}",
            f"model: {done.model}",
        ]
    )
