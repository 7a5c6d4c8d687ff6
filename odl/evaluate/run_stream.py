"""Run one person's stream with and without learning."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from odl.core.events import Gap, Input, Prediction, Samples
from odl.core.loop import drive
from odl.core.protocols import Labeller
from odl.core.session import Session
from odl.data.streams import Stream, unlearned
from odl.evaluate.load_kernels import Progress
from odl.evaluate.open_session import OpenedSession
from odl.evaluate.outcome import Outcome
from odl.policies.budget import Budget
from odl.recording import Writer
from odl.wire import TraceHash, encode, is_output


def run_stream(
    stream: Stream,
    opened: OpenedSession,
    labeller: Labeller | None,
    folder: Path | None,
    progress: Progress,
) -> Outcome:
    """Run one session with learning, and the same stream without."""
    session, file = opened.session, None if folder is None else folder / stream.name
    image, config = session.image, session.config
    events, trace = [], TraceHash()
    start = time.perf_counter()
    if file is None:
        for event in drive(session, _reported(stream, progress), labeller):
            events.append(event)
            if is_output(event):
                trace.add(encode(event))
    else:
        with Writer(file, opened.start()) as writer:
            for event in drive(session, _reported(stream, progress), labeller):
                writer.write(event)
                events.append(event)
            trace = writer.trace
    seconds = time.perf_counter() - start
    quiet = replace(config, policy="none", allowed=0, period=0, hold=False)
    without = Session(image, quiet)
    plain = [output for event in unlearned(image, events) for output in without.step(event)]
    budget = Budget(config.allowed, config.period, config.in_samples)
    return Outcome(
        subject=stream.subject,
        events=tuple(events),
        without=tuple(e for e in plain if isinstance(e, Prediction)),
        names=session.names,
        trace_sha256=trace.hexdigest(),
        seconds=seconds,
        samples=sum(len(e.block) for e in events if isinstance(e, Samples)),
        budget=budget.total(stream.windows(image) or session.counts["windows"], session.position),
        counts=session.counts,
        config=config,
        file=file,
        problems=stream.notes,
    )


def _reported(stream: Stream, progress: Progress) -> Iterator[Input]:
    """The stream's inputs; reports the progress every two seconds."""
    last = time.monotonic()
    for event in stream.inputs():
        if isinstance(event, Samples | Gap) and time.monotonic() - last > 2:
            last = time.monotonic()
            done = f"{100 * event.start // stream.samples} %" if stream.samples else f"sample {event.start}"
            progress(f"person {stream.subject}: {done}")
        yield event
