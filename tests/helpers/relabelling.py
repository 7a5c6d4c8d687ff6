"""Recordings for tests: what a `PromptHarness` has played, edits to it, and the review of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from odl.core.events import Truth
from odl.evaluate.recorded import open_recording
from odl.evaluate.relabel import load_question_history
from odl.labels.edits import Edit, append_edits, edits_path, read_edits
from odl.labels.question_history import QuestionHistory
from odl.labels.review import Review
from odl.recording import Writer, read
from odl.wire import Start
from tests.helpers.prompts import PromptHarness
from tests.helpers.streams import IMAGE


def record(path: Path, stage: PromptHarness) -> Path:
    """What ``stage`` has played so far, as a recording."""
    about = {
        "subject": "P3",
        "rate_hz": IMAGE.rate_hz,
        "channels": [[c.name, c.unit, c.scale] for c in IMAGE.channels],
    }
    start = Start({"config": stage.session.config.to_dict(), "session": about}, IMAGE.to_bytes())
    with Writer(path, start) as writer:
        writer.write(Truth(0, 10**6, "run"))
        for event in stage.events:
            writer.write(event)
    return path


def played(path: Path, *names: str | None, undo: int | None = None, **settings: object) -> Path:
    """A session in which each question got the next of ``names`` (``-``: none); the answer
    number ``undo`` was taken back.
    """  # fmt: skip
    chosen: dict[str, Any] = {"allowed": 3, "period": 90, "patience": 60} | settings
    stage = PromptHarness(**chosen)
    for i, name in enumerate(names):
        window = stage.until_asked()
        stage.prompt.shown(window)
        stage.clock.now += 1.5
        if name != "-":
            stage.prompt.answer(window, name)
        stage.run(16)
        if i == undo:
            stage.prompt.undo()
        stage.run(160)
    return record(path, stage)


def history_of(path: Path) -> QuestionHistory:
    return load_question_history(open_recording(path))


def windows(path: Path) -> list[int]:
    return [asked.question.window for asked in history_of(path).questions]


def edit(path: Path, *edits: Edit) -> None:
    append_edits(edits_path(path), read(path).trace_sha256, edits)


def review(path: Path, **how: object) -> tuple[Review, list[tuple[object, ...]]]:
    made: list[tuple[object, ...]] = []
    history = history_of(path)
    edits = read_edits(edits_path(path), read(path).trace_sha256)
    return Review(history, edits, lambda *one: made.append(one), **how), made  # type: ignore[arg-type]
