"""Run one person's stream with and without learning."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from odl.core.events import Gap, Input, Samples
from odl.core.image import Image
from odl.core.loop import steps
from odl.core.pace import Pace
from odl.core.protocols import Labeller
from odl.core.session import Session
from odl.core.trace import Step, Trace
from odl.data.streams import Stream, unlearned
from odl.evaluate.load_kernels import Progress, load_kernels
from odl.evaluate.open_session import OpenedSession
from odl.evaluate.outcome import Outcome
from odl.policies.budget import Budget
from odl.recording import Writer
from odl.wire import TraceHash

_TOGETHER = 64  # steps that are recorded at once


def run_stream(
    stream: Stream,
    opened: OpenedSession,
    labeller: Labeller | None,
    file: Path | None,
    progress: Progress,
    without: Trace | None = None,
) -> Outcome:
    """Run one session with learning, and the same stream without, unless ``without`` is that.

    The session is recorded in ``file``. One of the integer core says at each window what its image alone
    would say.
    """
    session = opened.session
    image, config = session.image, session.config
    digest = TraceHash()
    start = time.perf_counter()
    loading = _Loading(image, progress)
    passed = loading.before_answers(steps(session, _reported(stream, progress), labeller))
    if file is None:
        trace = Trace(passed)
        for outputs in trace.parts:
            digest.add_all(outputs)
    else:
        with Writer(file, opened.start()) as writer:
            trace = _recorded(passed, writer)
            digest = writer.trace
    if without is None and not session.host_only:
        without = trace.unlearned
    elif without is None:
        quiet = Session(image, replace(config, policy="none", allowed=0, period=0, hold=False))
        without = Trace(steps(quiet, unlearned(image, trace.inputs)))
    seconds = time.perf_counter() - start - loading.seconds
    budget = Budget(config.allowed, config.period, config.in_samples)
    return Outcome(
        subject=stream.subject,
        trace=trace,
        without=without,
        names=session.names,
        trace_sha256=digest.hexdigest(),
        seconds=seconds,
        samples=trace.samples,
        position=session.position,
        budget=budget.total(stream.windows(image) or session.counts["windows"], session.position),
        counts=session.counts,
        config=config,
        file=file,
        problems=stream.notes,
    )


class _Loading:
    """Loads the kernels that learn when the first question is asked, and counts the ``seconds``."""

    def __init__(self, image: Image, progress: Progress) -> None:
        self._image, self._progress = image, progress
        self.seconds = 0.0

    def before_answers(self, passed: Iterator[Step]) -> Iterator[Step]:
        """The same steps."""
        for step in passed:
            if step.question is None:
                yield step
                continue
            start = time.perf_counter()
            load_kernels(self._image, self._progress)
            self.seconds += time.perf_counter() - start
            yield step
            yield from passed


def _recorded(passed: Iterator[Step], writer: Writer) -> Trace:
    """Write what passes, some steps at a time; where it fails, what came before is written."""
    trace, written = Trace(), 0
    try:
        for step in passed:
            trace.append(step)
            if len(trace.steps) - written == _TOGETHER:
                new, written = trace.steps[written:], len(trace.steps)
                writer.write_steps(new)
    finally:
        writer.write_steps(trace.steps[written:])
    return trace


def _reported(stream: Stream, progress: Progress) -> Iterator[Input]:
    """The stream's inputs; reports the progress every two seconds."""
    pace = Pace(progress, f"person {stream.subject}", stream.samples or None, "samples")
    for event in stream.inputs():
        if isinstance(event, Samples | Gap):
            pace.reach(event.start)
        yield event
