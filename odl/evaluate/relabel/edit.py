"""Edits of answers, looked at before they are kept beside the recording."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from odl.evaluate.recorded import Opened
from odl.evaluate.relabel.answers import answers_due
from odl.labels.edits import (
    Edit,
    RelabelError,
    append_edits,
    check_edit,
    counting,
    edits_path,
    homes_of,
    read_edits,
)
from odl.labels.history import History


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
    >>> from odl.evaluate.relabel.log import history_of
    >>> from odl.evaluate.recorded import open_recording
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = odl.replay("shoulder", subjects=[7], budget=1, out=folder)
    ...     opened = open_recording(f"{folder}/shoulder-7.odl")
    >>> history = history_of(opened)
    >>> check_edits(opened, history, [], [Edit(history.questions[0].question.window, "wave", "sea")])
    Traceback (most recent call last):
        ...
    odl.labels.edits.RelabelError: there is no class 'sea' for 'wave' to hang under
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
        As for `odl.labels.review.Review`'s ``edited``.

    Raises
    ------
    RelabelError, OSError
        If the session could not be run again with it, or it cannot be written: nothing is kept then.

    Examples
    --------
    >>> import tempfile
    >>> import odl
    >>> from odl.evaluate.relabel.log import history_of
    >>> from odl.evaluate.recorded import open_recording
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
