"""The session of a recording run again with its edited answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from odl._files import write_private
from odl.core.config import Config
from odl.core.events import Adopt, Gap, Input, Samples, Truth
from odl.core.image import Image
from odl.core.session import Session
from odl.evaluate import Evaluation
from odl.evaluate.recorded import Opened, open_recording
from odl.evaluate.relabel.answers import Given, answers_due
from odl.evaluate.relabel.edit import check_edits
from odl.evaluate.relabel.log import found_in, history_of
from odl.evaluate.replay import replay, run_stream
from odl.labels.edits import RelabelError, counting, edits_path, homes_of, read_edits
from odl.model.checkpoint import checkpoint


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
