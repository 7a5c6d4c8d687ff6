"""Replay a dataset or a recording from Python; the command line calls the same."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import odl
from odl.core.arrays import state_dtype_of
from odl.core.config import Config, ConfigError
from odl.core.events import AddClass, Gap, Input, Label, Origin, Prediction, Samples, Split, Undo
from odl.core.fixed_point import Scaling
from odl.core.ground_truth import TruthTrack
from odl.core.image import ROOT, Image
from odl.core.kernels.jit import cache_folder, compiling_alone
from odl.core.loop import drive
from odl.core.protocols import Labeller
from odl.core.rng import seed_of
from odl.core.session import Session
from odl.data import open_dataset
from odl.data.streams import Stream, dataset_streams, load_model, unlearned
from odl.evaluate.options import Options
from odl.evaluate.recorded import Opened, open_recording
from odl.evaluate.result import Outcome, Result
from odl.labels.oracle import RecordedLabels
from odl.policies.budget import Budget
from odl.recording import Writer
from odl.wire import Start, TraceHash, encode, is_output

Progress = Callable[[str], None]


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
        Told in a short sentence what is being done.

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
    tell = progress or (lambda sentence: None)
    given = {"policy": policy, "budget": budget, "seed": seed, "batch": batch, "delay": delay,
             "patience": patience, "refuse": refuse, "error": error, "hold": hold, "step": step}  # fmt: skip
    other = None if model is None else load_model(model)
    folder = None if out is None else Path(out)
    path = Path(source)
    if path.suffix == ".odl":
        if data is not None:
            raise ConfigError(f"{path.name} is a recording; data is for datasets")
        if subjects is not None:
            raise ConfigError(f"{path.name} is one person's recording; subjects are for datasets")
        if folder is not None and (folder / path.name).resolve() == path.resolve():
            raise ConfigError(f"{path}: the replay would overwrite the recording; give another folder")
        opened = open_recording(path, other)
        if other is None and all(value is None for value in given.values()):
            return _again(opened, folder, tell)
        options = opened.options.changed(given)
        return _anew([opened.stream.unanswered()], other or opened.image, options, path.name, folder, tell,
                     opened)  # fmt: skip
    options = Options().changed(given)
    dataset = open_dataset(source, data)
    image = other or load_model(dataset.model_path())
    streams = dataset_streams(dataset, subjects, options.seed)
    return _anew(streams, image, options, dataset.card.name, folder, tell)


def _anew(
    streams: list[Stream],
    image: Image,
    options: Options,
    source: str,
    folder: Path | None,
    tell: Progress,
    opened: Opened | None = None,
) -> Result:
    """Run ``streams`` one after another, asking by ``options``."""
    load_kernels(image, tell)
    outcomes = []
    for stream in streams:
        own = opened is not None and image is opened.image and bool(opened.recording.start.image)
        if opened is not None and own and stream.channels is None:
            old = opened.config
            scaling = Scaling(old.mult, old.shift, old.offset)
        else:
            scaling = stream.scaling(image)
        name = tuple(stream.subject.encode())
        seed = seed_of(options.seed, *name)
        config = options.config(image.rate_hz, stream.windows(image), seed, scaling)
        labeller = RecordedLabels(
            TruthTrack(stream.truths),
            image.window,
            stream.classes,
            delay=round(options.delay * image.rate_hz),
            refuse=options.refuse,
            error=options.error,
            seed=seed_of(options.seed, 1, *name),
            heads=homes(image),
        )
        outcomes.append(run_stream(stream, image, config, options, labeller, folder, tell))
    result = Result(image, tuple(outcomes), options.seed, source, _who(streams, image), options.described())
    if opened is None:
        return result
    outcome = replace(outcomes[0], problems=(*outcomes[0].problems, *opened.recording.problems))
    return replace(result, outcomes=(outcome,), damage=opened.damage)


def homes(image: Image) -> dict[str, int]:
    """The task that each class of the training's task tree belongs to, held-out ones too.

    A class whose group is not in the image belongs to the root task.
    """
    tree = image.card.get("tree")
    if not isinstance(tree, dict):
        return {}
    ids = {name: cls for cls, name in image.names.items()}
    under = {int(parent): head for head, parent in enumerate(image.parents)}
    return {
        str(leaf): under.get(ids.get(group, ROOT), 0)
        for group, leaves in tree.items()
        if isinstance(leaves, list | tuple)
        for leaf in leaves
    }


def _again(opened: Opened, folder: Path | None, tell: Progress) -> Result:
    """Run a recording exactly as it was, its own answers included."""
    load_kernels(opened.image, tell)
    session = Session(opened.image, opened.config, asked=opened.stream.about.get("asked"))
    outcome = run_stream(
        opened.stream, opened.image, opened.config, opened.options, None, folder, tell, session
    )
    same = None if opened.trace is None else outcome.trace_sha256 == opened.trace
    recording, asks = opened.recording, opened.config.policy != "none"
    problems = list(recording.problems)
    if not asks and not recording.outputs:
        problems.append("nothing was asked, because the recording's settings ask nothing; "
                        f"'odl replay {opened.stream.name} --budget 20' asks")  # fmt: skip
    outcome = replace(outcome, problems=tuple(problems), same_trace=same)
    by_hand = any(isinstance(e, Origin) and e.by.split(":")[0] != "truth" for e in recording.events)
    options = replace(opened.options, policy=opened.config.policy)
    about = options.described(from_truth=asks and not by_hand)
    people = _who([opened.stream], opened.image)
    return Result(
        opened.image, (outcome,), opened.options.seed, opened.stream.name, people, about, opened.damage
    )


def run_stream(
    stream: Stream,
    image: Image,
    config: Config,
    options: Options,
    labeller: Labeller | None,
    folder: Path | None,
    tell: Progress,
    session: Session | None = None,
) -> Outcome:
    """One session with learning, and the same stream without."""
    session = session or Session(image, config)
    about: dict[str, Any] = {
        "subject": stream.subject, "rate_hz": stream.rate_hz, "odl": odl.__version__,
        "channels": None if stream.channels is None else [list(c) for c in stream.channels],
        "options": options.to_dict(), **stream.about,
    }  # fmt: skip
    start = Start({"config": config.to_dict(), "session": about}, image.to_bytes())
    file = None if folder is None else folder / stream.name
    events, trace = [], TraceHash()
    began = time.perf_counter()
    if file is None:
        for event in drive(session, _shown(stream, tell), labeller):
            events.append(event)
            if is_output(event):
                trace.add(encode(event))
    else:
        with Writer(file, start) as writer:
            for event in drive(session, _shown(stream, tell), labeller):
                writer.write(event)
                events.append(event)
            trace = writer.trace
    seconds = time.perf_counter() - began
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


def _who(streams: Iterable[Stream], image: Image) -> str:
    """Who the people are, as far as the image's card tells."""
    trained, dataset = image.card.get("trained_on"), image.card.get("dataset")
    if not isinstance(trained, list) or not isinstance(dataset, str):
        return "people"
    known = {str(person) for person in trained}
    unseen = all(s.about.get("dataset") == dataset and s.subject not in known for s in streams)
    return "people never seen in training" if unseen else "people"


def load_kernels(image: Image, tell: Progress) -> None:
    """Have the kernels compiled, or read from the cache, before anything is timed.

    They are compiled for the layout of the image's state block, so a file in the cache
    notes which layouts have been met.
    """
    layout = hashlib.sha256(str(state_dtype_of(image)).encode()).hexdigest()[:16]
    note = cache_folder() / f"layout-{layout}"
    if note.exists():
        _touch_kernels(image)
        return
    with _patience("compiling the kernels, once on this machine", tell), compiling_alone():
        _touch_kernels(image)
        note.touch()


def _touch_kernels(image: Image) -> None:
    """Call each kernel that a replay may need."""
    channels, at = len(image.channels), image.window
    none = (0,) * channels
    session = Session(image, Config(mult=none, shift=none, offset=none))
    session.step(Samples(0, np.zeros((at, channels), np.int16)))
    session.step(AddClass(at, 254, "new", 0))
    session.step(Split(at, 0, len(image.parents)))
    session.step(Label(at, 0, None))
    session.step(Undo(at))


@contextmanager
def _patience(sentence: str, tell: Progress) -> Iterator[None]:
    """Say ``sentence`` at once, and every five seconds that it still takes."""
    began, done = time.monotonic(), threading.Event()

    def remind() -> None:
        while not done.wait(5):
            tell(f"{sentence} ({time.monotonic() - began:.0f} s so far)")

    tell(f"{sentence} (half a minute or so)")
    thread = threading.Thread(target=remind, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _shown(stream: Stream, tell: Progress) -> Iterator[Input]:
    """The stream's inputs; says how far it is, at most every two seconds."""
    last = time.monotonic()
    for event in stream.inputs():
        if isinstance(event, Samples | Gap) and time.monotonic() - last > 2:
            last = time.monotonic()
            tell(f"person {stream.subject}: {100 * event.start // max(1, stream.samples)} %")
        yield event


__all__ = ["Result", "load_model", "open_recording", "replay"]
