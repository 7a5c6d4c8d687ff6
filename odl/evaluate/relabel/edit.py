"""Check edits of answers, and store them beside the recording."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from odl._text import clean
from odl.core.events import Dropped, Output, Why
from odl.core.loop import commands
from odl.core.session import Session
from odl.evaluate.recorded import RecordedSession
from odl.evaluate.relabel.schedule import ScheduledAnswer, ScheduledAnswers, ScheduledChange, schedule_answers
from odl.evaluate.relabel.start import known_before
from odl.labels.edits import (
    Edit,
    EditOfClass,
    RelabelError,
    append_edits,
    check_edit,
    current_edits,
    edits_path,
    parents_of,
    read_class_edits,
    read_edits,
)
from odl.labels.question_history import QuestionHistory


def check_edits(
    opened: RecordedSession, history: QuestionHistory, edits: Sequence[Edit], new: Sequence[Edit] = (),
    classes: Sequence[EditOfClass] = (), new_classes: Sequence[EditOfClass] = (),
) -> None:  # fmt: skip
    """Raise `RelabelError` for edits with which the session cannot run again.

    Parameters
    ----------
    opened, history
        The recording and its label log.
    edits : sequence of Edit
        Stored edits, oldest first.
    new : sequence of Edit
        Edits to add.
    classes : sequence of EditOfClass
        Stored changes of the classes.
    new_classes : sequence of EditOfClass
        Changes of the classes to add.

    Raises
    ------
    RelabelError
        If an edit is not possible; the message says what is and, for one of ``edits``, how to drop it.

    Examples
    --------
    >>> import tempfile
    >>> import odl
    >>> from odl.evaluate.relabel.load import load_question_history
    >>> from odl.evaluate.recorded import open_recording
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = odl.replay("shoulder", subjects=[7], budget=1, out=folder)
    ...     opened = open_recording(f"{folder}/shoulder-7.odl")
    >>> history = load_question_history(opened)
    >>> check_edits(opened, history, [], [Edit(history.questions[0].question.window, "wave", "sea")])
    Traceback (most recent call last):
        ...
    odl.labels.edits.RelabelError: there is no class 'sea' for 'wave' to hang under
    """
    all_edits, room = [*edits, *new], opened.image.max_rows
    current = current_edits(all_edits)
    known = [edit.name for edit in current_edits(edits).values() if edit.name is not None]
    for edit in new:  # also those that a later one replaces: the file must stay valid
        if not edit.keep or edit.window not in [one.window for one in edits]:
            check_edit(history, edit, known, room)
        known += [edit.name] if edit.name is not None else []
    if new and all(edit.keep for edit in new):
        return  # edits can always be dropped
    known = []
    for edit in current.values():
        try:
            check_edit(history, edit, known, room)
        except RelabelError as error:
            raise RelabelError(f"{error}{_how_to_drop(edit, edits)}") from None
        known += [edit.name] if edit.name is not None else []
    rehearsal = Session(opened.image, opened.config)
    if (first := known_before(opened)) is not None:
        rehearsal.step(first)
    for one in schedule_answers(history, current, parents_of(all_edits), [*classes, *new_classes]):
        try:
            for reaction in ScheduledAnswers(rehearsal, [one]).poll(one.at):
                for command in commands(rehearsal, reaction):
                    outputs = rehearsal.step(command)
                    if isinstance(one, ScheduledChange) and one.edited and _full(outputs):
                        what = f"{one.edit.what} '{clean(one.edit.name)}'"
                        raise RelabelError(
                            f"{what}: the label log is full, its {opened.image.max_log} entries are "
                            "labels, classes and changes of classes"
                        )
        except RelabelError as error:
            if not isinstance(one, ScheduledAnswer):
                how = "; `keep_classes` gives earlier changes of classes up" if classes else ""
                raise RelabelError(f"{error}{how}") from None
            cause = [edit for edit in all_edits if edit.name == one.name]
            how = _how_to_drop(cause[-1], edits) if cause else ""
            raise RelabelError(f"window {one.window}: {error}{how}") from None


def store_edit(
    opened: RecordedSession, history: QuestionHistory, path: str | Path, by: str,
    window: int, name: str | None, under: str | None, took: int,
) -> None:  # fmt: skip
    """Store an edit of the recording at ``path``: a window counts as ``name``.

    Parameters
    ----------
    opened, history
        The recording and its label log.
    path : path
        The recording.
    by : str
        The editor.
    window, name, under, took
        As for `odl.labels.review.Review`'s ``edited``.

    Raises
    ------
    RelabelError, OSError
        If the session cannot run again with the edit, or it cannot be written; nothing is stored then.

    Examples
    --------
    >>> import tempfile
    >>> import odl
    >>> from odl.evaluate.relabel.load import load_question_history
    >>> from odl.evaluate.recorded import open_recording
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = odl.replay("shoulder", subjects=[7], budget=1, out=folder)
    ...     path = f"{folder}/shoulder-7.odl"
    ...     opened = open_recording(path)
    ...     history = load_question_history(opened)
    ...     window = history.questions[0].question.window
    ...     store_edit(opened, history, path, "relabel:P3", window, "wave", None, 900)
    ...     [edit.name for edit in read_edits(edits_path(path), opened.recording.trace_sha256)]
    ['wave']
    """
    log, trace = edits_path(path), opened.recording.trace_sha256
    as_recorded = name in [one.name for one in history.questions if one.question.window == window]
    edited = None if as_recorded else name
    edit = Edit(window, edited, under, as_recorded, by, took, round(1000 * time.time()))
    check_edits(opened, history, read_edits(log, trace), [edit], read_class_edits(log, trace))
    append_edits(log, trace, [edit])


def _full(outputs: Iterable[Output]) -> bool:
    return any(isinstance(output, Dropped) and output.why is Why.FULL for output in outputs)


def _how_to_drop(edit: Edit, edits: Sequence[Edit]) -> str:
    return f"; `keep={edit.window}` gives that edit up" if edit in edits else ""
