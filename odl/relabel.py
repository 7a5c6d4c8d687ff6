"""Answers after the fact: a recording's label log, edits to it, and the session once more with them.

The recording is never written to. Edits lie in a log of their own beside it, one line of JSON each,
that only grows. From the two a new recording comes: the same stream and the same questions, each
answered as the edits say, at the moment at which it was answered then; and the model that has
learned from those answers.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from odl.api import replay, run_stream
from odl.config import Config
from odl.evaluate import Evaluation
from odl.events import Adopt, Gap, Input, Samples, Truth
from odl.label.cards import Tree, tree_of
from odl.label.edits import (
    Edit,
    RelabelError,
    append_edits,
    check_edit,
    counting,
    edits_path,
    homes_of,
    read_edits,
)
from odl.label.history import STANDING, Asked, Found, History, read_history
from odl.label.ledger import Told
from odl.label.protocol import Answer
from odl.nn.checkpoint import checkpoint
from odl.nn.image import ROOT, Image
from odl.private import write_private
from odl.session import Session
from odl.state import Entry
from odl.streams import Opened, open_recording


@dataclass(frozen=True)
class Relabelled:
    """A session before and after its answers were edited.

    ``as_answered`` is the share of the answered windows that had been predicted as the edited answer
    says, before it came; ``changed`` counts windows predicted otherwise. ``missed`` answers belong to
    windows of which samples were lost, and could not be learned from again.
    """

    before: Evaluation
    after: Evaluation
    as_answered: tuple[float | None, float | None]
    changed: int
    answers: int
    edits: int
    recording: Path
    model: Path
    notes: tuple[str, ...]
    missed: int = 0


def history_of(opened: Opened) -> History:
    """The label log of a recording.

    Examples
    --------
    >>> import tempfile
    >>> import odl
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = odl.replay("shoulder", subjects=[7], budget=3, out=folder)
    ...     history = history_of(open_recording(f"{folder}/shoulder-7.odl"))
    >>> [asked.told.state for asked in history.questions]
    ['learned', 'learned', 'learned']
    """
    image = opened.image
    return read_history(
        opened.recording.events, tree_of_image(image), image.window, image.rate_hz,
        opened.stream.channels or (), found=lambda state: found_in(image, opened.config, state),
    )  # fmt: skip


def found_in(image: Image, config: Config, state: bytes) -> Found:
    """What ``state``, a session's snapshot, says of its classes, questions and labels.

    Raises
    ------
    odl.nn.trust.StateError
        If no session of ``image`` can have left it.

    Examples
    --------
    >>> from odl.data import model_bytes
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> config = Config(mult=(1,) * 6, shift=(0,) * 6, offset=(0,) * 6)
    >>> found_in(image, config, Session(image, config).snapshot())[1:]
    ((), (), 0)
    """
    session = Session(image, config)
    session.restore(state)
    labels = [entry for entry in session.log if entry["kind"] == Entry.LABEL]
    return Found(
        tree_of(session), session.open_questions,
        tuple((int(entry["window"]), int(entry["cls"])) for entry in labels),
        (session.samples_to_window() - image.window) % image.hop,
    )  # fmt: skip


def _from_window(inputs: Iterable[Input], image: Image, config: Config) -> Iterator[Input]:
    """The same stream, where each board's state is a gap that ends as one of its windows begins.

    So the windows are those that the board asked about from there on.
    """
    until = 0
    for event in inputs:
        if isinstance(event, Adopt):
            skip = found_in(image, config, event.state).skip
            until = max(until, event.start + event.lost + skip)
            yield Gap(event.start, event.lost, "missed while the board learned")
        elif isinstance(event, Samples) and event.start < until:
            cut = min(until - event.start, len(event.block))
            yield Gap(event.start, cut, "of a window that was missed in part")
            if cut < len(event.block):
                yield Samples(event.start + cut, event.block[cut:])
        else:
            yield event


def tree_of_image(image: Image) -> Tree:
    """Classes and tasks that ``image`` begins with."""
    tasks = tuple(None if parent == ROOT else parent for parent in image.parents.tolist())
    rows = tuple(zip(image.row_class.tolist(), image.row_head.tolist(), strict=True))
    return Tree(dict(image.names), tasks, rows)


# --- the session once more ----------------------------------------------------------------


@dataclass(frozen=True)
class Due:
    """An answer to be given at sample ``at``; ``under`` names where a new class hangs."""

    at: int
    window: int
    name: str | None
    under: str | None
    by: str
    took: int
    clock: int


def answers_due(
    history: History, edits: Mapping[int, Edit], homes: Mapping[str, str | None] | None = None
) -> list[Due]:
    """Every answer of a session, as ``edits`` have it, in the order of time.

    ``homes`` tells under which class the new ones hang that an edit does not place. An answer keeps
    its moment. Where none had come in time, an edit's is the last one before the question expired. An answer
    that had been taken back is a skip. Questions whose samples were missed are not asked, so not answered.
    """
    due, homes = [], {**history.homes, **(homes or {})}
    for asked in history.questions:
        window = asked.question.window
        edit = edits.get(window)
        if asked.missed:
            continue
        if edit is not None:
            at = _moment(asked, history)
            under = edit.under or homes.get(edit.name or "")
            due.append(Due(at, window, edit.name, under, edit.by, edit.took, edit.clock))
            continue
        last = next((one for one in reversed(asked.answers) if one.state in STANDING), None)
        for told in asked.answers:
            if told.at is None or (told.state == "undone" and last is not None):
                continue
            due.append(_again(told, history, None if told.state == "undone" else told.name))
    windows = {asked.question.window for asked in history.questions}
    due += [_again(told, history, told.name) for told in history.answers
            if told.window not in windows and told.at is not None]  # fmt: skip
    order = {id(told): i for i, told in enumerate(history.answers)}
    first = {told.window: order[id(told)] for told in history.answers}
    return sorted(due, key=lambda one: (one.at, first.get(one.window, -1)))


def _again(told: Told, history: History, name: str | None) -> Due:
    under = None if name is None else history.homes.get(name)
    return Due(told.at or 0, told.window, name, under, told.by, told.took, told.clock)


def _moment(asked: Asked, history: History) -> int:
    """The sample at which an edited answer takes effect."""
    told = asked.told
    if told is not None and told.at is not None and told.at < asked.question.expires:
        return told.at
    at = min(asked.question.expires - 1, history.end)
    for start, lost in history.gaps:
        if start < at <= start + lost:
            return start
    return at


def check_edits(opened: Opened, history: History, edits: Sequence[Edit], new: Sequence[Edit] = ()) -> None:
    """Refuse edits with which the session could not be run again.

    Parameters
    ----------
    opened, history
        The recording and its label log.
    edits : sequence of Edit
        Those of its log of edits, the oldest first.
    new : sequence of Edit
        Those to come behind them.

    Raises
    ------
    RelabelError
        With what is wrong, and what can be given; of ``edits``, how to give one up.

    Examples
    --------
    >>> import tempfile
    >>> import odl
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = odl.replay("shoulder", subjects=[7], budget=1, out=folder)
    ...     opened = open_recording(f"{folder}/shoulder-7.odl")
    >>> history = history_of(opened)
    >>> check_edits(opened, history, [], [Edit(history.questions[0].question.window, "wave", "sea")])
    Traceback (most recent call last):
        ...
    odl.label.edits.RelabelError: there is no class 'sea' for 'wave' to hang under
    """
    made, room = [*edits, *new], opened.image.max_rows
    counts = counting(made)
    known = [edit.name for edit in counting(edits).values() if edit.name is not None]
    for edit in new:  # also those that another one makes void: an edit that is none could not be read
        if not edit.keep or edit.window not in [one.window for one in edits]:
            check_edit(history, edit, known, room)
        known += [edit.name] if edit.name is not None else []
    if new and all(edit.keep for edit in new):
        return  # whatever is wrong in the log, that is the way out
    known = []
    for edit in counts.values():
        try:
            check_edit(history, edit, known, room)
        except RelabelError as error:
            raise RelabelError(f"{error}{_given_up(edit, edits)}") from None
        known += [edit.name] if edit.name is not None else []
    there = set(opened.image.names.values())
    for one in answers_due(history, counts, homes_of(made)):
        if one.name is None or one.name in there:
            continue
        if one.under is not None and one.under not in there:
            cause = [edit for edit in made if (edit.name, edit.under) == (one.name, one.under)]
            raise RelabelError(
                f"window {one.window}: '{one.name}' cannot hang under '{one.under}', which the session came "
                f"to know only later; give it another place{_given_up(cause[-1], edits) if cause else ''}"
            )
        there.add(one.name)


def keep_edit(
    opened: Opened, history: History, path: str | Path, by: str,
    window: int, name: str | None, under: str | None, took: int,
) -> None:  # fmt: skip
    """Keep beside the recording at ``path`` that a window counts as ``name`` from now on.

    Parameters
    ----------
    opened, history
        The recording and its label log.
    path : path
        Where the recording lies.
    by : str
        Who edits.
    window, name, under, took
        As for `odl.label.review.Review`'s ``edited``.

    Raises
    ------
    RelabelError, OSError
        If the session could not be run again with it, or it cannot be written: nothing is kept then.

    Examples
    --------
    >>> import tempfile
    >>> import odl
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = odl.replay("shoulder", subjects=[7], budget=1, out=folder)
    ...     path = f"{folder}/shoulder-7.odl"
    ...     opened = open_recording(path)
    ...     history = history_of(opened)
    ...     window = history.questions[0].question.window
    ...     keep_edit(opened, history, path, "relabel:P3", window, "wave", None, 900)
    ...     [edit.name for edit in read_edits(edits_path(path), opened.recording.trace_sha256)]
    ['wave']
    """
    log, trace = edits_path(path), opened.recording.trace_sha256
    back = name in [one.counts for one in history.questions if one.question.window == window]
    kept = None if back else name  # it counts as it was recorded
    edit = Edit(window, kept, under, back, by, took, round(1000 * time.time()))
    check_edits(opened, history, read_edits(log, trace), [edit])
    append_edits(log, trace, [edit])


def _given_up(edit: Edit, edits: Sequence[Edit]) -> str:
    return f"; --keep {edit.window} gives that edit up" if edit in edits else ""


class Given:
    """A labeller that gives known answers at known samples; new classes where they belong."""

    def __init__(self, session: Session, due: Iterable[Due]) -> None:
        self._session, self._due = session, list(reversed(list(due)))

    def ask(self, query: object, now: int) -> None:
        """What is answered is settled already."""

    def next_due(self) -> int | None:
        """The sample of the next answer."""
        return self._due[-1].at if self._due else None

    def poll(self, now: int) -> Iterable[Answer]:
        """Answers due by ``now``."""
        while self._due and self._due[-1].at <= now:
            one = self._due.pop()
            yield Answer(one.window, one.name, 0, self._leaf(one), one.by, one.took, one.clock)

    def _leaf(self, one: Due) -> int | None:
        ids = {name: cls for cls, name in self._session.names.items()}
        if one.under is None or one.name in ids:
            return None
        if one.under not in ids:
            raise RelabelError(
                f"'{one.name}' cannot hang under '{one.under}', which the session came to know only later; "
                "give it another place"
            )
        return ids[one.under]


def place_for(opened: Opened, path: Path, out: str | Path | None = None) -> Path:
    """Where the relabelled recording goes: ``out``, or beside the one at ``path``.

    Raises
    ------
    RelabelError
        If something is there that did not come of this recording.
    """
    out = path.with_name(f"{path.stem}-relabelled.odl") if out is None else Path(out)
    if out.suffix != ".odl":
        raise RelabelError(f"{out.name}: a recording ends in .odl")
    if out.resolve() == path.resolve():
        raise RelabelError(f"{out}: this would overwrite the recording; give another name")
    if out.exists():
        made = open_recording(out).stream.about.get("relabelled", {})
        if made.get("trace") != opened.recording.trace_sha256:
            raise RelabelError(f"{out}: is there and did not come of {path.name}; give another name")
    elif out.with_suffix(".odlm").exists():
        raise RelabelError(f"{out.with_suffix('.odlm')}: is there already; give another name with --out")
    return out


def relabel(
    path: str | Path, out: str | Path | None = None, tell: Any = lambda sentence: None
) -> Relabelled:  # fmt: skip
    """Run the session of the recording at ``path`` again with its edited answers.

    Parameters
    ----------
    path : path
        The recording. It is read only.
    out : path, optional
        The new recording; default: beside it, ``-relabelled`` behind its name. The model that has
        learned from the answers lies beside the new one, as ``.odlm``.
    tell : callable
        Told in a short sentence what is being done.

    Raises
    ------
    RelabelError
        If the edits cannot be read or made, or ``out`` is a file that did not come of this recording.
    JournalError, ImageError, ConfigError
        As `odl.streams.open_recording`.

    Examples
    --------
    >>> import tempfile
    >>> import odl
    >>> from odl.label.edits import append_edits
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = odl.replay("shoulder", subjects=[7], budget=3, out=folder)
    ...     path = Path(folder) / "shoulder-7.odl"
    ...     opened = open_recording(path)
    ...     window = history_of(opened).questions[0].question.window
    ...     append_edits(edits_path(path), opened.recording.trace_sha256, [Edit(window, "rowing")])
    ...     done = relabel(path)
    ...     again = odl.replay(done.recording)
    >>> done.recording.name, done.edits, again.outcomes[0].same_trace
    ('shoulder-7-relabelled.odl', 1, True)
    """
    path = Path(path)
    opened = open_recording(path)
    history = history_of(opened)
    made = read_edits(edits_path(path), opened.recording.trace_sha256)
    edits, homes = counting(made), homes_of(made)
    out = place_for(opened, path, out)
    check_edits(opened, history, made)
    before = replay(path, progress=tell)
    asked = [one.question.window for one in history.questions if not one.missed]
    about = opened.stream.about | {
        "asked": asked,
        "relabelled": {"from": path.name, "trace": opened.recording.trace_sha256, "edits": len(edits)},
    }
    inputs = opened.stream.inputs
    stream = replace(
        opened.stream.unanswered(), name=out.name, about=about,
        inputs=lambda: (e for e in _from_window(inputs(), opened.image, opened.config)
                        if isinstance(e, Samples | Gap | Truth)),
    )  # fmt: skip
    session = Session(opened.image, opened.config, asked=asked)
    given = Given(session, answers_due(history, edits, homes))
    outcome = run_stream(
        stream, opened.image, opened.config, opened.options, given, out.parent, tell, session
    )  # fmt: skip
    model = out.with_suffix(".odlm")
    write_private(model, checkpoint(opened.image, session.log).to_bytes())
    after = replace(before, outcomes=(outcome,), damage="")
    one, other = before.evaluations[0], after.evaluations[0]
    names = {q.window: q.answer for q in other.timeline.questions if q.answer is not None}
    said = [{row.window: row.predicted for row in each.timeline.rows} for each in (one, other)]
    return Relabelled(
        before=one, after=other, as_answered=(_share(names, said[0]), _share(names, said[1])),
        changed=sum(said[0].get(window) != name for window, name in said[1].items()),
        answers=len(names), edits=len(edits), recording=out, model=model, notes=tuple(after.notes()),
        missed=sum(one.missed and one.counts is not None for one in history.questions),
    )  # fmt: skip


def _share(names: Mapping[int, str], said: Mapping[int, str]) -> float | None:
    right = [said.get(window) == name for window, name in names.items()]
    return sum(right) / len(right) if right else None
