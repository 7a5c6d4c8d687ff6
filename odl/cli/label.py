"""The command of ``odl`` that edits the answers and classes of a recording: label."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odl.cli.arguments import add_option
from odl.cli.label_ranges import listed, mark_ranges, seconds_of, without_model
from odl.cli.output import Progress, check_not_source, printable, write_json
from odl.cli.still_working import quiet

if TYPE_CHECKING:
    from odl.evaluate.recorded import RecordedSession
    from odl.evaluate.relabel import Relabelled
    from odl.labels.edits import Edit, EditOfClass
    from odl.labels.question_history import QuestionHistory


def add_commands(commands: Any) -> None:
    """Add the commands to ``odl``'s parser."""
    label = commands.add_parser("label", help="who answered what in a recording; edit it and relearn")
    add = label.add_argument
    add("recording", help="a recording (.odl); only --range changes it")
    add(
        "--range",
        action="append",
        default=[],
        metavar="A:B=NAME",
        help="NAME was done from second A to B: the recording's truth, for training; without a NAME, none",
    )
    add("--set", action="append", default=[], metavar="W=NAME", help="window W counts as NAME, new or known")
    add("--under", metavar="CLASS", help="a new NAME hangs under this class; default: the root task")
    add("--undo", action="append", default=[], type=int, metavar="W", help="no answer counts for window W")
    add("--keep", action="append", default=[], type=int, metavar="W", help="W's edits no longer count")
    add("--rename", action="append", default=[], metavar="NAME=NEW", help="class NAME is called NEW")
    add("--merge", action="append", default=[], metavar="NAME=OTHER", help="class NAME counts as OTHER")
    add("--remove", action="append", default=[], metavar="NAME", help="class NAME is no class; its labels "
        "do not count")  # fmt: skip
    add("--at", type=float, metavar="S", help="second from which these hold; default: the recording's end")
    add("--keep-classes", action="store_true", help="earlier changes of classes by this command no longer "
        "count")  # fmt: skip
    add("--edit", action="store_true", help="walk through the questions in a terminal, with odl live's keys")
    add("--learn", action="store_true", help="rerun the session, also without a new edit")
    add("--by", metavar="P", help="a pseudonym for who edits")
    add_option(
        label, "out", help="the new recording; default: beside it, NAME-relabelled.odl, with --range the same"
    )
    add_option(label, "json", help="write log and figures as JSON; - is standard output")
    label.set_defaults(run=_label)


def _label(args: argparse.Namespace, progress: Progress) -> str:
    from odl.cli.label_log import log_facts, log_text
    from odl.evaluate.recorded import open_recording

    if args.range or without_model(args.recording):
        return mark_ranges(args, progress)
    opened = open_recording(args.recording)
    if args.rename or args.merge or args.remove:
        _check_names(args, opened)

    from odl.evaluate.relabel import check_edits, load_question_history, output_path, relabel
    from odl.labels.edits import append_edits, edits_path, read_class_edits, read_edits

    if args.edit:
        from odl.cli.terminal.app import drawable  # late: it loads what a live session needs

        if not drawable():
            raise ValueError("--edit needs a terminal to draw in; --set and --undo do without")
    if args.under is not None and not args.set:
        raise ValueError("--under says where a new class hangs; name it with --set, as in 3712=rowing")
    check_not_source(args.recording, args.out)
    history, path = load_question_history(opened), edits_path(args.recording)
    trace, rate_hz = opened.recording.trace_sha256, opened.image.rate_hz
    edits, classes = read_edits(path, trace), read_class_edits(path, trace)
    new, changes = _edits(args), _class_edits(args, rate_hz)
    learn = args.learn or bool(changes)
    if changes and [one.edit_at for one in changes] == [one.edit_at for one in classes[-len(changes) :]]:
        changes = []  # they are stored: the command was killed before the recording was there
    counting = [] if args.keep_classes else classes
    if new or args.edit or learn:
        output_path(opened, Path(args.recording), args.out)  # fails before a person starts to edit
        check_edits(opened, history, edits, new, counting, [one for one in changes if one.what != "keep"])
    for sentence in new_classes(history, edits, new):
        progress(sentence)
    if new or changes:
        append_edits(path, trace, [*new, *changes])
    before = edits
    if args.edit:
        with quiet(progress):
            _review(args, opened, history, [*edits, *new])
    edits, classes = read_edits(path, trace), read_class_edits(path, trace)
    learn = learn or edits != before
    facts = log_facts(Path(args.recording).name, history, edits, rate_hz, classes)
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    text = log_text(history, edits, rate_hz, columns, classes)
    if not history.questions and (marked := seconds_of(opened.stream.truths, rate_hz)):
        text += f"\nmarked as done, which --range changes: {listed(marked)}"
    if args.json != "-" and not learn:
        print(printable(text, keep="\n"))
    if learn:
        done = relabel(args.recording, args.out, progress)
        facts |= _figures(done)
        if args.json != "-":
            print(printable(_compared(done), keep="\n"))
    write_json(args.json, lambda: facts)
    return opened.damage


def _check_names(args: argparse.Namespace, opened: RecordedSession) -> None:
    """Refuse to change a class that is not there before anything is loaded that runs a session.

    Where classes were changed, or a board's state was taken over, only the session itself knows them.
    """
    from odl.core.events import AddClass, Adopt, ChangeClass
    from odl.labels.class_edit import no_class
    from odl.labels.edits import RelabelError, edits_path

    events = opened.recording.events
    changed = any(isinstance(event, Adopt | ChangeClass) for event in events)
    if changed or args.set or edits_path(args.recording).exists():
        return
    names = [*opened.image.names.values(), *(event.name for event in events if isinstance(event, AddClass))]
    for change in _class_edits(args, opened.image.rate_hz):
        if change.what != "keep" and change.name not in names:
            raise RelabelError(f"{change.what}: {no_class(change.name, names)}")


def _edits(args: argparse.Namespace) -> list[Edit]:
    """Return the edits that the command line asks for."""
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


def _class_edits(args: argparse.Namespace, rate_hz: float) -> list[EditOfClass]:
    """Return the changes of classes that the command line asks for."""
    from odl.labels.edits import EditOfClass

    by, now = _by(args), round(1000 * time.time())
    asked = [("rename", text) for text in args.rename] + [("merge", text) for text in args.merge]
    if args.at is not None:
        if not (asked or args.remove):
            raise ValueError("--at says from when --rename, --merge and --remove hold; give one of them")
        if not 0 <= args.at < 2**32:
            raise ValueError(f"--at is {args.at:g}; it can be 0 or more seconds")
    at = None if args.at is None else round(args.at * rate_hz)
    edits = [EditOfClass("keep", by=by, clock=now)] if args.keep_classes else []
    for what, text in asked:
        name, equals, into = (" ".join(part.split()) for part in text.partition("="))
        if not (name and equals and into):
            raise ValueError(f"--{what} is '{text}'; write two names, as in jog=run")
        edits.append(EditOfClass(what, name, into, at, by, now))
    return edits + [EditOfClass("remove", " ".join(name.split()), None, at, by, now) for name in args.remove]


def _by(args: argparse.Namespace) -> str:
    if args.by is None:
        return "relabel"
    if not args.by.isprintable() or not 0 < len(args.by.encode("utf-8", "replace")) <= 32:
        raise ValueError("--by: a pseudonym has 1 to 32 bytes of printable text")
    return f"relabel:{args.by}"


def _review(
    args: argparse.Namespace, opened: RecordedSession, history: QuestionHistory, edits: Sequence[Edit]
) -> None:
    """Walk through the questions with a person; each edit is stored at once."""
    from odl._text import counted
    from odl.cli.terminal.view import TerminalView
    from odl.evaluate.relabel import store_edit
    from odl.labels.review import Review, ReviewLoop

    review = Review(
        history, edits, partial(store_edit, opened, history, args.recording, _by(args)), by=_by(args),
        rate_hz=opened.image.rate_hz, channels=opened.stream.channels or (), room=opened.image.max_rows,
    )  # fmt: skip
    name = Path(args.recording).name
    words = [name, counted(len(history.questions), "question"), "tab: leave it unchanged"]
    TerminalView(ReviewLoop(review), lambda: words).run()


def new_classes(history: QuestionHistory, edits: Sequence[Edit], new: Sequence[Edit]) -> list[str]:
    """Return a sentence for each class that ``new`` edits add to the known ones: it may be a typing error.

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


def _figures(done: Relabelled) -> dict[str, Any]:
    return {
        "relabelled": {
            "recording": done.recording.name, "model": done.model and done.model.name,
            "answers": done.answers, "edits": done.edits, "class_edits": done.classes, "missed": done.missed,
            "windows_predicted_otherwise": done.changed,
            "predicted_as_answered": {"before": done.as_answered[0], "after": done.as_answered[1]},
            "before": done.before.to_json(), "after": done.after.to_json(),
        }
    }  # fmt: skip


def _compared(done: Relabelled) -> str:
    """Return the figures before and after, side by side."""
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
            f"{counted(done.answers, 'answer')}, {counted(done.edits, 'question')} edited"
            + (f", {counted(done.classes, 'change')} of classes" if done.classes else ""),
            *(
                [f"{counted(done.missed, 'answer')} more left out: not all samples are recorded"]
                if done.missed
                else []
            ),
            aligned(rows),
            f"{done.changed} of {counted(other.windows, 'window')} predicted otherwise",
            f"recording: {done.recording}",
            f"model: {done.model or 'none, since an image needs two classes and one is left'}",
        ]
    )
