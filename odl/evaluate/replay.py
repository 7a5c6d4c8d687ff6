"""Replay a dataset or a recording from Python; the command line calls the same."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from odl.core.config import ConfigError
from odl.core.events import Gap, Input, Origin, Prediction, Samples
from odl.core.fixed_point import Scaling
from odl.core.image import Image
from odl.core.loop import drive
from odl.core.protocols import Labeller
from odl.core.session import Session
from odl.data import open_dataset
from odl.data.streams import Stream, dataset_streams, load_model, unlearned
from odl.evaluate.load_kernels import Progress
from odl.evaluate.open_session import OpenedSession, open_oracle, open_stream
from odl.evaluate.options import Options
from odl.evaluate.recorded import Opened, open_recording
from odl.evaluate.result import Outcome, Result
from odl.policies.budget import Budget
from odl.recording import Writer
from odl.wire import TraceHash, encode, is_output


def replay(
    source: str | Path,
    *,
    policy: str | None = None,
    budget: str | int | None = None,
    subjects: Iterable[str | int] | None = None,
    model: str | Path | None = None,
    seed: int | None = None,
    out: str | Path | None = None,
    batch: int | None = None,
    delay: float | None = None,
    patience: float | None = None,
    refuse: float | None = None,
    error: float | None = None,
    hold: bool | None = None,
    step: int | None = None,
    data: str | Path | None = None,
    progress: Progress | None = None,
) -> Result:
    """Replay recorded people: predict, ask within the budget, learn as answers come.

    Parameters
    ----------
    source : str or path
        A dataset's name, a folder with a ``card.json``, or a recording (``.odl``). A recording
        without further options is replayed exactly, its own answers included. With any option,
        or another model, it is asked anew, by its own options where none are given.
    policy : str, optional
        A name that `odl.policies` lists; tactile-inforv by default.
    budget : str or int, optional
        ``20`` (default; a person's session), ``12/h`` or ``2%``.
    subjects : iterable of str or int, optional
        Whom to replay, each a session of their own; default: the dataset's test people.
    model : path, optional
        Model image; default: the one that the dataset or recording implies.
    seed : int
        Decides everything random, 0 by default.
    out : path, optional
        Folder that keeps each session's recording.
    batch : int, optional
        Answers that are learned from together (TActiLE's b). Default: the policy's own, as
        `odl.policies` lists it; with 1 each answer counts at once.
    delay, patience : float
        Seconds until an answer comes (10), and until a question expires (60).
    refuse, error : float
        Share of questions not answered, and of answers that are wrong; 0 to 1, by default 0.
    hold : bool
        Let an answer stand until the stream changes (`Prediction.held`).
    step : int
        TActiLE's reference values move by ``2**-step``; 4 by default.
    data : path, optional
        Folder or zip of a dataset that is not bundled (``hapt``, ``uca-ehar``).
    progress : callable, optional
        Called with a short sentence about what is being done.

    Returns
    -------
    Result
        Metrics, predictions and queries of each person.

    Raises
    ------
    ValueError
        For anything that cannot be used, with one sentence that says what and why.

    Examples
    --------
    >>> result = replay("shoulder", budget=5, subjects=[7])
    >>> result.evaluations[0].queries
    5
    """
    progress = progress or (lambda sentence: None)
    keywords = {
        "policy": policy, "budget": budget, "seed": seed, "batch": batch, "delay": delay,
        "patience": patience, "refuse": refuse, "error": error, "hold": hold, "step": step,
    }  # fmt: skip
    other = None if model is None else load_model(model)
    folder = None if out is None else Path(out)
    path = Path(source)
    if path.suffix == ".odl":
        if data is not None:
            raise ConfigError(f"{path.name} is a recording; `data` is for datasets")
        if subjects is not None:
            raise ConfigError(f"{path.name} is one person's recording; `subjects` is for datasets")
        if folder is not None and (folder / path.name).resolve() == path.resolve():
            raise ConfigError(f"{path}: the replay would overwrite the recording; give another folder")
        recorded = open_recording(path, other)
        if other is None and all(value is None for value in keywords.values()):
            return _replay_exactly(recorded, folder, progress)
        return _ask_recording(recorded, other or recorded.image, recorded.options.changed(keywords), folder,
                              progress)  # fmt: skip
    options = Options().changed(keywords)
    dataset = open_dataset(source, data)
    image = other or load_model(dataset.model_path())
    streams = dataset_streams(dataset, subjects, options.seed)
    outcomes = [_ask(stream, image, options, folder, progress) for stream in streams]
    people = _people(streams, image)
    return Result(image, tuple(outcomes), options.seed, dataset.card.name, people, options.described())


def _ask(
    stream: Stream,
    image: Image,
    options: Options,
    folder: Path | None,
    progress: Progress,
    scaling: Scaling | None = None,
) -> Outcome:
    """Run a stream that asks by ``options`` and is answered from truth."""
    opened = open_stream(stream, image, options, scaling=scaling, progress=progress)
    return run_stream(stream, opened, open_oracle(stream, image, options), folder, progress)


def _ask_recording(
    recorded: Opened, image: Image, options: Options, folder: Path | None, progress: Progress
) -> Result:
    """Run a recording's samples without its answers, asking by ``options``."""
    stream, scaling = recorded.stream.unanswered(), None
    if stream.channels is None and image is recorded.image and recorded.recording.start.image:
        scaling = Scaling(recorded.config.mult, recorded.config.shift, recorded.config.offset)
    outcome = _ask(stream, image, options, folder, progress, scaling)
    outcome = replace(outcome, problems=(*outcome.problems, *recorded.recording.problems))
    people = _people([stream], image)
    return Result(image, (outcome,), options.seed, stream.name, people, options.described(), recorded.damage)


def _replay_exactly(recorded: Opened, folder: Path | None, progress: Progress) -> Result:
    """Run a recording as it was, with its own answers."""
    stream, config, options = recorded.stream, recorded.config, recorded.options
    opened = open_stream(stream, recorded.image, options, config=config, asked=stream.about.get("asked"),
                         progress=progress)  # fmt: skip
    outcome = run_stream(stream, opened, None, folder, progress)
    same = None if recorded.trace is None else outcome.trace_sha256 == recorded.trace
    asks = config.policy != "none"
    problems = list(recorded.recording.problems)
    if not asks and not recorded.recording.outputs:
        problems.append("nothing was asked, because the recording's settings ask nothing; "
                        f"'odl replay {stream.name} --budget 20' asks")  # fmt: skip
    outcome = replace(outcome, problems=tuple(problems), same_trace=same)
    events = recorded.recording.events
    by_hand = any(isinstance(e, Origin) and e.by.split(":")[0] != "truth" for e in events)
    about = replace(options, policy=config.policy).described(from_truth=asks and not by_hand)
    people = _people([stream], recorded.image)
    return Result(recorded.image, (outcome,), options.seed, stream.name, people, about, recorded.damage)


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
        budget=budget.total(stream.windows(image), session.position),
        counts=session.counts,
        config=config,
        file=file,
        problems=stream.notes,
    )


def _people(streams: Iterable[Stream], image: Image) -> str:
    """Who the people are, as far as the image's card tells."""
    trained, dataset = image.card.get("trained_on"), image.card.get("dataset")
    if not isinstance(trained, list) or not isinstance(dataset, str):
        return "people"
    known = {str(person) for person in trained}
    unseen = all(s.about.get("dataset") == dataset and s.subject not in known for s in streams)
    return "people never seen in training" if unseen else "people"


def _reported(stream: Stream, progress: Progress) -> Iterator[Input]:
    """The stream's inputs; reports how far they are, at most every two seconds."""
    last = time.monotonic()
    for event in stream.inputs():
        if isinstance(event, Samples | Gap) and time.monotonic() - last > 2:
            last = time.monotonic()
            progress(f"person {stream.subject}: {100 * event.start // max(1, stream.samples)} %")
        yield event
