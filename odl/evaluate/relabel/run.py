"""Run the session of a recording again with its edited answers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from odl._files import in_private, write_private
from odl.core.adopted_state import read_adopted_state
from odl.core.config import Config
from odl.core.events import Adopt, Gap, Input, Samples, Truth
from odl.core.image import Image
from odl.evaluate import Evaluation
from odl.evaluate.open_session import open_stream
from odl.evaluate.recorded import RecordedSession, open_recording
from odl.evaluate.relabel.edit import check_edits
from odl.evaluate.relabel.load import load_question_history
from odl.evaluate.relabel.schedule import ScheduledAnswers, schedule_answers
from odl.evaluate.relabel.start import known_before
from odl.evaluate.replay import replay
from odl.evaluate.run_stream import run_stream
from odl.labels.edits import (
    RelabelError,
    current_edits,
    edits_path,
    parents_of,
    read_class_edits,
    read_edits,
)
from odl.model.checkpoint import CheckpointError, checkpoint


@dataclass(frozen=True)
class Relabelled:
    """A session before and after its answers were edited.

    ``as_answered`` is the share of the answered windows whose prediction, before the answer came, was the
    edited answer. ``changed`` counts windows whose prediction is different now. ``missed`` counts answers
    about windows with lost samples, which could not be learned again. ``classes`` counts the classes that
    edits have renamed, merged or removed. ``model`` is None where the session ended with one class alone.
    """

    before: Evaluation
    after: Evaluation
    as_answered: tuple[float | None, float | None]
    changed: int
    answers: int
    edits: int
    recording: Path
    model: Path | None
    notes: tuple[str, ...]
    missed: int = 0
    classes: int = 0


def _from_window(inputs: Iterable[Input], image: Image, config: Config) -> Iterator[Input]:
    """Replace each adopted state by a gap that ends where the board's next window begins.

    So the windows after the gap are those of the board.
    """
    until = 0
    for event in inputs:
        if isinstance(event, Adopt) and (event.start, event.lost) == (0, 0):
            continue  # of `known_before`
        if isinstance(event, Adopt):
            skip = read_adopted_state(image, config, event.state).skip
            until = max(until, event.start + event.lost + skip)
            yield Gap(event.start, event.lost, "missed while the board learned")
        elif isinstance(event, Samples) and event.start < until:
            cut = min(until - event.start, len(event.block))
            yield Gap(event.start, cut, "of a window that was missed in part")
            if cut < len(event.block):
                yield Samples(event.start + cut, event.block[cut:])
        else:
            yield event


def output_path(opened: RecordedSession, path: Path, out: str | Path | None = None) -> Path:
    """Return the path of the relabelled recording: ``out``, or a name beside ``path``.

    Raises
    ------
    RelabelError
        If the file exists and was not created from this recording.
    """
    out = path.with_name(f"{path.stem}-relabelled.odl") if out is None else Path(out)
    if out.suffix != ".odl":
        raise RelabelError(f"{out.name}: a recording ends in .odl")
    if os.path.realpath(out) == os.path.realpath(path):
        raise RelabelError(f"{out}: this would overwrite the recording; give another name")
    if out.exists():
        origin = open_recording(out).stream.about.get("relabelled", {})
        if origin.get("trace") != opened.recording.trace_sha256:
            raise RelabelError(
                f"{out}: the file exists and was not created from {path.name}; give another name"
            )
    elif out.with_suffix(".odlm").exists():
        raise RelabelError(f"{out.with_suffix('.odlm')}: the file exists; give another name with `out`")
    return out


def relabel(
    path: str | Path, out: str | Path | None = None, progress: Any = lambda sentence: None
) -> Relabelled:  # fmt: skip
    """Run the session of the recording at ``path`` again with its edited answers.

    Parameters
    ----------
    path : path
        The recording, which is not changed.
    out : path, optional
        The new recording; default: beside the old one, with ``-relabelled`` behind its name. The learned
        model is written beside it, as ``.odlm``.
    progress : callable
        Called with short sentences about the progress.

    Raises
    ------
    RelabelError
        If the edits cannot be read or applied, or ``out`` is a file not created from this recording.
    RecordingError, ImageError, ConfigError
        As `odl.evaluate.recorded.open_recording`.

    Examples
    --------
    >>> import tempfile
    >>> import odl
    >>> from odl.labels.edits import Edit, append_edits
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = odl.replay("shoulder", subjects=[7], budget=3, out=folder)
    ...     path = Path(folder) / "shoulder-7.odl"
    ...     opened = open_recording(path)
    ...     window = load_question_history(opened).questions[0].question.window
    ...     append_edits(edits_path(path), opened.recording.trace_sha256, [Edit(window, "rowing")])
    ...     done = relabel(path)
    ...     again = odl.replay(done.recording)
    >>> done.recording.name, done.edits, again.outcomes[0].same_trace
    ('shoulder-7-relabelled.odl', 1, True)
    """
    path = Path(path)
    opened = open_recording(path)
    history = load_question_history(opened)
    log, trace = edits_path(path), opened.recording.trace_sha256
    all_edits, classes = read_edits(log, trace), read_class_edits(log, trace)
    edits = current_edits(all_edits)
    out = output_path(opened, path, out)
    check_edits(opened, history, all_edits, classes=classes)
    before = replay(path, progress=progress)
    asked = [one.question.window for one in history.questions if not (one.missed or one.taught)]
    about = opened.stream.about | {
        "asked": asked,
        "relabelled": {"from": path.name, "trace": opened.recording.trace_sha256, "edits": len(edits)},
    }
    inputs, first = opened.stream.inputs, known_before(opened)
    stream = replace(
        opened.stream.unanswered(), name=out.name, about=about,
        inputs=lambda: chain([] if first is None else [first], (
            e for e in _from_window(inputs(), opened.image, opened.config)
            if isinstance(e, Samples | Gap | Truth))),
    )  # fmt: skip
    setup = open_stream(
        stream, opened.image, opened.options, config=opened.config, asked=asked, progress=progress
    )
    session = setup.session
    schedule = schedule_answers(history, edits, parents_of(all_edits), classes)
    answers = ScheduledAnswers(session, schedule)
    with in_private(out, force=True) as file:
        outcome = replace(run_stream(stream, setup, answers, file, progress), file=out)
    model, no_model = out.with_suffix(".odlm"), ""
    try:
        write_private(model, checkpoint(opened.image, session.log).to_bytes())
    except CheckpointError as error:
        model.unlink(missing_ok=True)  # of earlier edits
        no_model = f"there is no model: {error}"
    after = replace(before, outcomes=(outcome,), damage="")
    old, new = before.evaluations[0], after.evaluations[0]
    names = {q.window: q.answer for q in new.timeline.questions if q.answer is not None}
    rows = (old.timeline.rows, new.timeline.rows)
    predicted = [dict(zip(each.window.tolist(), each.named("predicted"), strict=True)) for each in rows]
    called = {one.name: one.into for one in classes if one.what == "rename"}
    predicted[0] = {window: called.get(name, name) for window, name in predicted[0].items()}
    return Relabelled(
        before=old, after=new, as_answered=(_share(names, predicted[0]), _share(names, predicted[1])),
        changed=sum(predicted[0].get(window) != name for window, name in predicted[1].items()),
        answers=len(names), edits=len(edits), recording=out, model=None if no_model else model,
        notes=(*filter(None, [opened.anew, no_model]), *after.notes()),
        missed=sum(asked.missed and asked.name is not None for asked in history.questions),
        classes=len(classes),
    )  # fmt: skip


def _share(names: Mapping[int, str], predicted: Mapping[int, str | None]) -> float | None:
    right = [predicted.get(window) == name for window, name in names.items()]
    return sum(right) / len(right) if right else None
