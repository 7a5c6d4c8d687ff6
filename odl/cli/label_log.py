"""The label log of a recording, as plain values and as a table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any

from odl._text import clean, clock_time, width, wrapped
from odl.labels.answer_log import AnswerEntry
from odl.labels.class_edit import sentence_of
from odl.labels.class_history import RecordedChange
from odl.labels.edits import Edit, EditOfClass, current_edits
from odl.labels.question_history import AnsweredQuestion, QuestionHistory

_WHEN = 6  # the column that a narrow terminal leaves out
_NARROW = 9  # least columns of the terminal for a column of the log


def log_facts(
    name: str, history: QuestionHistory, edits: Sequence[Edit], rate_hz: float,
    classes: Sequence[EditOfClass] = (),
) -> dict[str, Any]:  # fmt: skip
    """Return the label log as plain values: seconds of the stream, ``took_ms`` and ``clock_ms``."""
    counts = current_edits(edits)
    windows = {asked.question.window for asked in history.questions}
    return {
        "recording": name,
        "questions": [
            {
                "window": asked.question.window,
                "seconds": asked.question.window / rate_hz,
                "since": asked.question.since,
                "since_seconds": asked.question.since / rate_hz,
                "taught": asked.taught,
                "predicted": list(asked.question.path),
                "answers": [_answer_facts(answer, rate_hz) for answer in asked.answers],
                "edits": [
                    {"name": e.name, "under": e.under, "keep": e.keep, "by": e.by,
                     "took_ms": e.took, "clock_ms": e.clock}
                    for e in edits if e.window == asked.question.window
                ],
                "counts": _counting_name(asked, counts),
                "missed": asked.missed,
            }
            for asked in history.questions
        ],
        "other_answers": [
            _answer_facts(answer, rate_hz) for answer in history.answers if answer.window not in windows
        ],
        "classes": [
            *(_change_facts(change, rate_hz) for change in history.changes),
            *(
                {"what": e.what, "name": e.name, "into": e.into, "sentence": sentence_of(e.edit),
                 "seconds": None if e.at is None else e.at / rate_hz, "by": e.by, "took_ms": 0,
                 "clock_ms": e.clock, "edited": True}
                for e in classes
            ),
        ],
    }  # fmt: skip


def _answer_facts(answer: AnswerEntry, rate_hz: float) -> dict[str, Any]:
    return {
        "window": answer.window, "name": answer.name, "state": answer.state, "sentence": answer.sentence,
        "seconds": None if answer.at is None else answer.at / rate_hz,
        "by": answer.by, "took_ms": answer.took, "clock_ms": answer.clock,
    }  # fmt: skip


def _change_facts(change: RecordedChange, rate_hz: float) -> dict[str, Any]:
    edit = change.edit
    return {
        "what": edit.what, "name": edit.name, "into": edit.into, "sentence": change.sentence,
        "seconds": change.at / rate_hz, "by": edit.by, "took_ms": edit.took, "clock_ms": edit.clock,
        "edited": False,
    }  # fmt: skip


def _counting_name(asked: AnsweredQuestion, counts: dict[int, Edit]) -> str | None:
    """Return the name that counts for a question, edits included."""
    edit = counts.get(asked.question.window)
    return asked.name if edit is None else edit.name


def log_text(
    history: QuestionHistory, edits: Sequence[Edit], rate_hz: float, columns: int | None = None,
    classes: Sequence[EditOfClass] = (),
) -> str:  # fmt: skip
    """Return the label log as a table: a line for each question, further answer, edit and change of classes.

    Where a terminal's ``columns`` are too few, the dates are left out and long texts are wrapped.
    """
    rows = [["window", "at", "predicted", "answer", "by", "took", "when (UTC)", "outcome"]]
    for asked in history.questions:
        first = [str(asked.question.window), clock_time(asked.question.window / rate_hz)]
        first.append(" > ".join(map(clean, asked.question.path)) or "–")
        for answer in asked.answers:
            name = clean(answer.name) if answer.name is not None else "–"
            became = answer.sentence + "; nobody had asked" * answer.taught
            rows.append([*first, name, *_origin(answer.by, answer.took, answer.clock), became])
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
    for one in history.changes:
        origin = _origin(one.edit.by, one.edit.took, one.edit.clock)
        rows.append(["classes", clock_time(one.at / rate_hz), "–", "–", *origin, one.sentence])
    for edited in classes:
        at = "end" if edited.at is None else clock_time(edited.at / rate_hz)
        sentence = f"{sentence_of(edited.edit)}; edited"
        rows.append(["classes", at, "–", "–", *_origin(edited.by, 0, edited.clock), sentence])
    if len(rows) == 1:
        return "nothing was asked in this recording"
    if columns is not None and _wide(_widths(rows)) > columns:
        rows = [row[:_WHEN] + row[_WHEN + 1 :] for row in rows]
    return _table(rows, columns)


def _origin(by: str, took: int, clock: int) -> list[str]:
    seconds = min(clock // 1000, 253_402_300_799)  # the year 9999: a file may hold any number
    when = f"{datetime(1970, 1, 1) + timedelta(seconds=seconds)}" if clock else "–"
    return [clean(by) if by else "–", f"{took / 1000:.1f} s" if took else "–", when]


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(width, column)) for column in zip(*rows, strict=True)]


def _wide(widths: Sequence[int]) -> int:
    return sum(widths) + 2 * (len(widths) - 1)


def _table(rows: Sequence[Sequence[str]], columns: int | None = None) -> str:
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
