"""The figures of a recording as it was recorded: nothing is run again but the stream without learning."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from odl.core.adopted_state import new_history
from odl.core.events import Why
from odl.core.loop import steps
from odl.core.session import Session
from odl.core.state import Count
from odl.core.trace import Trace
from odl.data.streams import unlearned
from odl.evaluate.load_kernels import Progress, load_kernels
from odl.evaluate.outcome import Outcome
from odl.evaluate.recorded import RecordedSession, open_recording
from odl.evaluate.replay import people_of, replay
from odl.evaluate.result import Result
from odl.policies.budget import Budget
from odl.recording import Reader
from odl.recording.format_1 import LEARNER, is_converted


def recorded_result(path: str | Path, progress: Progress | None = None) -> Result:
    """The result of the recording at ``path``, for a report.

    A replay gives it, since a session repeats itself. Two kinds are taken as they are written: what odl 0.1
    recorded, because the learner was another then, and sessions with a learner or policy that a recording
    cannot contain.

    Raises
    ------
    OdlError
        If the recording cannot be used.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = replay("shoulder", subjects=[7], budget=3, out=folder)
    ...     recorded_result(f"{folder}/shoulder-7.odl").evaluations[0].queries
    3
    """
    if not _cannot_repeat(path):
        return replay(path, progress=progress)
    opened = open_recording(path)
    if not opened.recording.has_outputs:
        return replay(path, progress=progress)
    progress = progress or (lambda sentence: None)
    load_kernels(opened.image, progress, learning=False)
    progress(f"reading {opened.stream.name}")
    outcome = _outcome(opened)
    options, by = opened.options, dict[str, str]()
    if is_converted(opened.recording.start):
        options = replace(options, policy=opened.config.policy)
        by = {"recorded by": "odl 0.1, with another learner"}
    own = dict(part.partition(" ")[::2] for part in opened.host_only)
    about = options.described(from_truth=False) | own | by
    people = people_of([opened.stream], opened.image)
    return Result(opened.image, (outcome,), opened.options.seed, opened.stream.name, people,
                  about, opened.damage, host_only=opened.host_only)  # fmt: skip


def _cannot_repeat(path: str | Path) -> bool:
    """Whether a replay would be another session; False if it cannot be read, which a replay then says."""
    try:
        with Reader(path) as reader:
            session = reader.start.config.get("session")
            own = isinstance(session, dict) and bool(session.get("host_only"))
            return own or is_converted(reader.start)
    except OSError:
        return False


def _outcome(opened: RecordedSession) -> Outcome:
    """The recorded session, and its stream without learning unless parts of it are lost."""
    start = time.perf_counter()
    image, config, recording = opened.image, opened.config, opened.recording
    trace, without = Trace.of(recording.events), Trace()
    if not opened.damage:
        quiet = Session(image, replace(config, policy="none", allowed=0, period=0, hold=False))
        without = Trace(steps(quiet, unlearned(image, trace.inputs)))
    history = new_history(image, config)
    for event in trace.notable():
        history.take(event)
    history.settle()
    counts = dict.fromkeys((count.name.lower() for count in Count), 0)
    counts |= {why.name.lower(): history.dropped[why] for why in Why}
    windows = len(trace.predictions)
    counts |= {
        "windows": windows,
        "queries": history.asked,
        "answered": history.labelled,
        "undone": history.undone,
    }
    budget = Budget(config.allowed, config.period, config.in_samples)
    because = f"{LEARNER}; " if is_converted(recording.start) else ""
    return Outcome(
        subject=opened.stream.subject, trace=trace, without=without, names=dict(history.tree.names),
        trace_sha256=recording.trace_sha256, seconds=time.perf_counter() - start, samples=trace.samples,
        position=history.position,
        budget=budget.total(opened.stream.windows(image) or windows, history.position), counts=counts,
        config=config,
        problems=(f"{because}this is what was recorded, not a replay", *recording.problems),
    )  # fmt: skip
