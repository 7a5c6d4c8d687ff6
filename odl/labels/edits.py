"""Edits of a recording's answers and classes: a file beside the recording with a line of JSON per edit."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from odl._files import check_regular, keep_private, lock, read_small
from odl.core.errors import OdlError
from odl.core.events import valid_name
from odl.core.protocols import ClassEdit
from odl.labels.question_history import QuestionHistory

_FORMAT = "odl label edits 1"
_WHAT = ("rename", "merge", "remove", "keep")
_KINDS: dict[str, Any] = {
    "int": int, "str": str, "bool": bool, "str | None": str | None, "int | None": int | None,
}  # fmt: skip


class RelabelError(OdlError, ValueError):
    """An edit is not possible; the message says why and what is."""


@dataclass(frozen=True)
class Edit:
    """An edit: ``window`` counts as class ``name``, or as not answered (None).

    ``under`` is the class that a new one hangs under, None for the root task. ``keep`` cancels earlier
    edits of this window, so that the recorded answer counts. ``by``, ``took`` and ``clock`` are those of
    `odl.core.events.Origin`.
    """

    window: int
    name: str | None = None
    under: str | None = None
    keep: bool = False
    by: str = "relabel"
    took: int = 0
    clock: int = 0


@dataclass(frozen=True)
class EditOfClass:
    """A class that is renamed, merged or removed at sample ``at``, by default at the recording's end.

    ``what``, ``name`` and ``into`` are those of `odl.core.protocols.ClassEdit`; ``"keep"`` cancels all
    earlier ones. ``by`` and ``clock`` are those of `odl.core.events.Origin`.
    """

    what: str
    name: str = ""
    into: str | None = None
    at: int | None = None
    by: str = "relabel"
    clock: int = 0

    @property
    def edit_at(self) -> tuple[str, str, str | None, int | None]:
        """What is changed from when, whoever did it."""
        return self.what, self.name, self.into, self.at

    @property
    def edit(self) -> ClassEdit:
        """The same as a person gives it to a session that runs."""
        return ClassEdit(self.what, self.name, self.into, by=self.by, clock=self.clock)


def edits_path(recording: str | Path) -> Path:
    """Path of the file with the edits of ``recording``.

    >>> str(edits_path("walk.odl"))
    'walk.edits.jsonl'
    """
    return Path(recording).with_suffix(".edits.jsonl")


def read_edits(path: Path, trace: str) -> list[Edit]:
    """Read the edits in ``path``, oldest first; empty if there is no such file.

    An incomplete last line, from a power cut or a full disk, is ignored.

    Raises
    ------
    RelabelError
        If the file belongs to a recording with another trace than ``trace``, or cannot be read.
    """
    return [edit for edit in _all(path, trace) if isinstance(edit, Edit)]


def read_class_edits(path: Path, trace: str) -> list[EditOfClass]:
    """Read the changes of classes in ``path`` that count, oldest first, as `read_edits` does the answers.

    Raises
    ------
    RelabelError
        As `read_edits`.
    """
    found: list[EditOfClass] = []
    for edit in _all(path, trace):
        if isinstance(edit, EditOfClass):
            found = [] if edit.what == "keep" else [*found, edit]
    return found


def _all(path: Path, trace: str) -> list[Edit | EditOfClass]:
    return _read(path, read_small(path), trace)[0] if path.exists() else []


def _read(path: Path, data: bytes, trace: str) -> tuple[list[Edit | EditOfClass], int]:
    """Return the edits in ``data``, the bytes at ``path``, and where the last whole line ends."""
    lines, start = data.split(b"\n"), 0
    if len(lines) == 1 and _head(trace).encode().startswith(data):
        return [], 0
    edits: list[Edit | EditOfClass] = []
    for number, line in enumerate(lines, 1):
        try:
            found = _parsed(line)
            if number == 1:
                _check_head(path, found, trace)
            elif line:
                edits.append(_edit(found))
        except RelabelError:
            raise
        except (ValueError, TypeError):
            if number == 1:
                raise RelabelError(f"{path}: not a log of edits; move it away") from None
            if number < len(lines):
                raise RelabelError(f"{path}: line {number} is no edit; correct or remove it") from None
            break  # what a power cut left of a line
        start += len(line) + 1
    return edits, min(start, len(data))


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line.decode()) if line else None
    except RecursionError:
        raise ValueError("too many levels") from None


def _check_head(path: Path, head: Any, trace: str) -> None:
    if not isinstance(head, dict) or head.get("format") != _FORMAT:
        raise ValueError(head)
    if head.get("trace") != trace:
        raise RelabelError(f"{path}: these edits belong to another recording; move them away")


def _head(trace: str) -> str:
    return json.dumps({"format": _FORMAT, "trace": trace})


def _edit(values: Any) -> Edit | EditOfClass:
    kind = EditOfClass if "what" in values else Edit
    edit = kind(**values)
    for field in fields(kind):
        if not isinstance(values.get(field.name, field.default), _KINDS[str(field.type)]):
            raise ValueError(values)
    if isinstance(edit, Edit):
        names, right = [] if edit.name is None else [edit.name], 0 <= edit.took < 2**32
    else:
        names = [] if edit.what == "keep" else [edit.name]
        names += [] if edit.into is None else [edit.into]
        right = edit.what in _WHAT and (edit.into is not None) == (edit.what in ("rename", "merge"))
        right = right and 0 <= (edit.at or 0) < 2**62
    if not (right and all(map(valid_name, names))):
        raise ValueError(values)
    if not edit.by.isprintable() or len(edit.by) > 64 or not 0 <= edit.clock < 2**63:
        raise ValueError(values)
    return edit


def append_edits(path: Path, trace: str, edits: Iterable[Edit | EditOfClass]) -> None:
    """Append ``edits`` to the file at ``path``, which only its owner can read.

    An incomplete last line (see `read_edits`) is removed first.

    Raises
    ------
    RelabelError
        As `read_edits`; the file is unchanged then.
    OSError
        If the file cannot be written, or another process is writing to it.
    """
    if path.exists():
        check_regular(path)
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags, 0o600), "r+b") as file:
        lock(file.fileno(), path)
        keep_private(file.fileno(), path)
        before = file.read()
        end = _read(path, before, trace)[1]
        if end < len(before):
            file.truncate(end)
        text = "" if end else _head(trace) + "\n"
        text += "" if before[:end].endswith(b"\n") or not end else "\n"
        text += "".join(json.dumps(asdict(edit)) + "\n" for edit in edits)
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())


def current_edits(edits: Iterable[Edit]) -> dict[int, Edit]:
    """Return the edit that counts for each window, oldest first.

    >>> edits = [Edit(0, "a"), Edit(64, "b"), Edit(0, "c"), Edit(64, keep=True)]
    >>> [edit.name for edit in current_edits(edits).values()]
    ['c']
    """
    latest: dict[int, Edit] = {}
    for edit in edits:
        latest.pop(edit.window, None)
        latest[edit.window] = edit
    return {window: edit for window, edit in latest.items() if not edit.keep}


def parents_of(edits: Iterable[Edit]) -> dict[str, str]:
    """Return the parent of each new class, by name, for the classes that current edits name.

    >>> parents_of([Edit(0, "a", "sit"), Edit(64, "b", "walk"), Edit(64, keep=True)])
    {'a': 'sit'}
    >>> parents_of([Edit(0, "a", "sit"), Edit(0, "run"), Edit(0, "a")])
    {}
    """
    parents: dict[str, str] = {}
    counts: dict[int, str | None] = {}
    for edit in edits:
        counts[edit.window] = None if edit.keep else edit.name
        if edit.name is not None and edit.under:
            parents[edit.name] = edit.under
        parents = {name: under for name, under in parents.items() if name in counts.values()}
    return parents


def missed(window: int) -> str:
    """Return the sentence for a question that cannot be answered again."""
    return f"window {window} cannot be relabelled: the line was lost, so not all of its samples are recorded"


def check_edit(history: QuestionHistory, edit: Edit, known: Iterable[str] = (), room: int = 255) -> None:
    """Raise `RelabelError` if an edit is not possible.

    Parameters
    ----------
    history : QuestionHistory
        Questions and answers of the recording.
    edit : Edit
        The edit to check.
    known : iterable of str
        Class names added by earlier edits.
    room : int
        Most classes that the model has room for.

    Raises
    ------
    RelabelError
        If the edit is not possible; the message says what is.
    """
    windows = [asked.question.window for asked in history.questions]
    if edit.window not in windows:
        near = sorted(windows, key=lambda window: abs(window - edit.window))[:3]
        there = f"the nearest are {', '.join(map(str, sorted(near)))}" if near else "nothing was asked at all"
        raise RelabelError(f"nothing was asked about window {edit.window}; {there}")
    if not edit.keep and any(a.missed for a in history.questions if a.question.window == edit.window):
        raise RelabelError(missed(edit.window))
    names = {*history.tree.names.values(), *known}
    if edit.name is None:
        return
    if not valid_name(edit.name):
        raise RelabelError(f"{edit.name!r} cannot be a class: it needs 1 to 32 bytes of printable text")
    if edit.under is not None and edit.under not in names:
        raise RelabelError(f"there is no class '{edit.under}' for '{edit.name}' to hang under")
    if edit.name in names:
        return
    if len({*names, edit.name}) > room:
        raise RelabelError(f"the model has no room for '{edit.name}'; it has {room} rows")
