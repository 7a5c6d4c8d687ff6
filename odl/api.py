"""Replay a dataset or a recording from Python; the command line calls the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

import odl
from odl import data
from odl.chance import seed_of
from odl.config import POLICIES, Config, ConfigError
from odl.drive import drive
from odl.events import AddClass, Event, Gap, Input, Label, Prediction, Samples, Truth
from odl.fixed import Scaling, input_scaling
from odl.journal import JournalError, Recording, Writer, inputs, read
from odl.kernels.jit import is_cold
from odl.label.recorded import RecordedLabels
from odl.nn.image import Image, ImageError
from odl.result import Outcome, Result
from odl.select.budget import Budget, parse_budget
from odl.session import Session
from odl.source.replay import replay_parts, windows_in
from odl.truth import TruthTrack
from odl.wire import Start, TraceHash, encode, is_output

BATCH = {"tactile-dualrv": 4}  # the default where it is not 1
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """How to replay; times in seconds. See `replay`."""

    policy: str | None = None
    budget: str | int | None = None
    seed: int = 0
    batch: int | None = None
    delay: float = 10.0
    patience: float = 60.0
    refuse: float = 0.0
    error: float = 0.0
    hold: bool = False
    step: int = 4


@dataclass(frozen=True)
class Stream:
    """One person's stream, ready to be run: inputs that can be iterated over again."""

    subject: str
    inputs: Callable[[], Iterable[Input]]
    truths: tuple[Truth, ...]
    windows: int
    samples: int
    classes: tuple[str, ...]
    about: dict[str, Any] = field(default_factory=dict)


def replay(
    source: str | Path,
    *,
    policy: str | None = None,
    budget: str | int | None = None,
    subjects: Iterable[int] | None = None,
    model: str | Path | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    batch: int | None = None,
    delay: float = 10.0,
    patience: float = 60.0,
    refuse: float = 0.0,
    error: float = 0.0,
    hold: bool = False,
    step: int = 4,
    progress: Progress | None = None,
) -> Result:
    """Replay recorded people: predict, ask within the budget, learn as answers come.

    Parameters
    ----------
    source : str or path
        A dataset's name, or a recording (``.odl``). A recording without further options is
        replayed exactly, its own answers included; with any option it is asked anew.
    policy : str, optional
        tactile-inforv (default), tactile-dualrv, random, periodic or none.
    budget : str or int, optional
        ``20`` (default; a person's session), ``12/h`` or ``2%``.
    subjects : iterable of int, optional
        Whom to replay, each a session of their own; default: the dataset's test people.
    model : path, optional
        Model image; default: the one that the dataset or recording implies.
    seed : int
        Decides everything random.
    out : path, optional
        Folder that keeps each session's recording.
    batch : int, optional
        Answers that are learned from together (TActiLE's b). Default: 1, so that each
        answer counts at once; 4 for tactile-dualrv, which wants a batch to be diverse.
    delay, patience : float
        Seconds until an answer comes, and until a question expires.
    refuse, error : float
        Share of questions not answered, and of answers that are wrong; 0 to 1.
    hold : bool
        Let an answer stand until the stream changes (`Prediction.held`).
    step : int
        Reference values move by ``2**-step``.
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
    options = Options(policy, budget, seed, batch, delay, patience, refuse, error, hold, step)
    path = Path(source)
    if path.suffix == ".odl" or path.is_file():
        if subjects is not None:
            raise ConfigError(f"{path.name} is one person's recording; --subjects is for datasets")
        return _replay_recording(path, model, options, out, tell)
    return _replay_dataset(str(source), subjects, model, options, out, tell)


def load_model(path: str | Path) -> Image:
    """Read and check a model image file."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ImageError(f"{path}: cannot be read ({error.strerror})") from None
    return Image.from_bytes(content, str(path))


def _replay_dataset(
    name: str,
    subjects: Iterable[int] | None,
    model: str | Path | None,
    options: Options,
    out: str | Path | None,
    tell: Progress,
) -> Result:
    card = data.card(name)
    image = load_model(model or data.model_path(name))
    if abs(card.rate_hz - image.rate_hz) > 1e-3:
        raise ConfigError(
            f"dataset '{name}' was sampled at {card.rate_hz:g} Hz, but the model wants {image.rate_hz:g} Hz"
        )
    people = list(card.splits["test"] if subjects is None else subjects)
    if not people:
        raise ConfigError("no subjects were given")
    if len(set(people)) < len(people):
        raise ConfigError("a subject is named twice; each person is one session")
    for person in people:
        if person not in card.subjects:
            known = ", ".join(map(str, card.subjects))
            raise data.DataError(f"dataset '{name}' has no subject {person}; there are {known}")
    source = [(c.name, c.unit, c.scale) for c in card.channels]
    budget = parse_budget(20 if options.budget is None else options.budget, image.rate_hz)
    runner = _Runner(image, options, budget, tell)
    scaling = input_scaling(source, [(c.name, c.unit, c.scale) for c in image.channels])
    outcomes = []
    for person in people:
        parts = data.load(name, person, options.seed)
        lengths = [len(part.block) for part in parts]
        stream = Stream(
            subject=str(person),
            inputs=lambda parts=parts: replay_parts(parts),  # type: ignore[misc]
            truths=tuple(e for e in replay_parts(parts) if isinstance(e, Truth)),
            windows=windows_in(lengths, image.window, image.hop),
            samples=sum(lengths),
            classes=card.classes,
            about={"dataset": name, "subject": str(person)},
        )
        file = Path(out) / f"{name}-{person}.odl" if out is not None else None
        config = runner.config(stream, seed_of(options.seed, person), scaling)
        outcomes.append(runner.run(stream, config, file))
    trained_on = set(image.card.get("trained_on", []))
    unseen = not trained_on & set(people) and image.card.get("dataset") == name
    seen = "people never seen in training" if unseen else "people"
    return Result(image, tuple(outcomes), options.seed, name, seen, runner.about())


def _replay_recording(
    path: Path, model: str | Path | None, options: Options, out: str | Path | None, tell: Progress
) -> Result:
    recording, image, config = open_recording(path)
    truths = tuple(e for e in recording.events if isinstance(e, Truth))
    steps = list(inputs(recording))
    stretches = _stretches(steps)
    if model is not None:
        image = load_model(model)
    asked_anew = model is not None or options != Options(seed=options.seed)
    subject = str(recording.start.config.get("session", {}).get("subject", path.stem))
    stream = Stream(
        subject=subject,
        inputs=lambda: (e for e in steps if isinstance(e, Samples | Gap | Truth)),
        truths=truths,
        windows=windows_in(stretches, image.window, image.hop),
        samples=sum(stretches),
        classes=tuple(sorted({t.name for t in truths})),
        about=dict(recording.start.config.get("session", {})),
    )
    budget = Budget(config.allowed, config.period, config.in_samples)
    if asked_anew and (options.budget is not None or config.allowed == 0):
        budget = parse_budget(20 if options.budget is None else options.budget, image.rate_hz)
    runner = _Runner(image, options, budget, tell)
    file = Path(out) / path.name if out is not None else None
    if file is not None and file.resolve() == path.resolve():
        raise ConfigError(f"{path}: the replay would overwrite the recording; give another --out")
    if asked_anew:
        if config.policy != "none" and options.policy is None:
            runner.options = replace(options, policy=config.policy)
        scaling = Scaling(config.mult, config.shift, config.offset)
        anew = runner.config(stream, seed_of(options.seed, 0), scaling)
        outcome = runner.run(stream, anew, file)
    else:
        exact = replace(stream, inputs=lambda: steps)
        outcome = runner.run(exact, config, file, answered=True)
        if recording.complete and not recording.lost_frames:
            outcome = replace(outcome, same_trace=outcome.trace_sha256 == recording.trace_sha256)
    outcome = replace(outcome, problems=tuple(recording.problems))
    result = Result(image, (outcome,), options.seed, path.name, "people", runner.about())
    return replace(result, damage=damage_of(path, recording))


def open_recording(path: str | Path) -> tuple[Recording, Image, Config]:
    """Read a recording, its model image and its settings, all checked."""
    try:
        recording = read(path)
    except OSError as error:
        raise JournalError(f"{path}: cannot be read ({error.strerror})") from None
    image = Image.from_bytes(recording.start.image, f"{path}: its model image")
    settings = recording.start.config.get("config")
    if not isinstance(settings, dict):
        raise JournalError(f"{path}: its Start holds no settings, so it cannot be replayed")
    return recording, image, Config.from_dict(settings)


def damage_of(path: str | Path, recording: Recording) -> str:
    """One sentence about what a recording lost, empty if it is whole."""
    if recording.complete and not recording.lost_frames and not recording.lost_bytes:
        return ""
    return (
        f"{path}: damaged: {recording.lost_bytes} bytes and {recording.lost_frames} frames are lost"
        + ("" if recording.complete else ", its end is missing")
        + f"; {len(recording.events)} events could be read"
    )


def _stretches(steps: Iterable[Input]) -> list[int]:
    """Lengths of the uninterrupted stretches of a stream."""
    lengths = [0]
    for event in steps:
        if isinstance(event, Samples):
            lengths[-1] += len(event.block)
        elif isinstance(event, Gap):
            lengths.append(0)
    return lengths


class _Runner:
    """Runs streams one after another with the same options."""

    def __init__(
        self,
        image: Image,
        options: Options,
        budget: Budget,
        tell: Progress,
    ) -> None:
        self.image, self.options, self.budget, self.tell = image, options, budget, tell
        if is_cold():
            tell("compiling the kernels, once on this machine (about half a minute)")
        _load_kernels(image)

    def config(self, stream: Stream, seed: int, scaling: Scaling) -> Config:
        """The session's settings for ``stream``."""
        options, rate = self.options, self.image.rate_hz
        policy = options.policy or "tactile-inforv"
        if policy not in POLICIES:
            raise ConfigError(f"there is no policy '{policy}'; there are {', '.join(POLICIES)}")
        for what, seconds in (("delay", options.delay), ("patience", options.patience)):
            if not 0 <= seconds <= 1e6:
                raise ConfigError(f"--{what} is {seconds:g} s; it can be 0 to 1000000")
        asks = policy != "none"
        return Config(
            policy=policy,
            allowed=self.budget.allowed if asks else 0,
            period=self.budget.period if asks else 0,
            in_samples=self.budget.in_samples and asks,
            horizon=max(1, stream.windows),
            batch=self._batch(policy),
            patience=max(1, round(options.patience * rate)),
            step=options.step,
            hold=options.hold,
            seed=seed,
            mult=scaling.mult,
            shift=scaling.shift,
            offset=scaling.offset,
        )

    def _batch(self, policy: str) -> int:
        return BATCH.get(policy, 1) if self.options.batch is None else self.options.batch

    def labeller(self, stream: Stream) -> RecordedLabels:
        """Answers from the stream's truth."""
        options = self.options
        return RecordedLabels(
            TruthTrack(stream.truths),
            self.image.window,
            stream.classes,
            delay=round(options.delay * self.image.rate_hz),
            refuse=options.refuse,
            error=options.error,
            seed=seed_of(options.seed, *stream.subject.encode()),
        )

    def run(self, stream: Stream, config: Config, file: Path | None, *, answered: bool = False) -> Outcome:
        """One session with learning, and the same stream without."""
        labeller = None if answered else self.labeller(stream)
        session = Session(self.image, config)
        about = {"rate_hz": self.image.rate_hz, "odl": odl.__version__, **stream.about}
        start = Start({"config": config.to_dict(), "session": about}, self.image.to_bytes())
        steps = _shown(stream, self.tell)
        began = time.perf_counter()
        if file is None:
            trace = TraceHash()
            events = []
            for event in drive(session, steps, labeller):
                events.append(event)
                if is_output(event):
                    trace.add(encode(event))
        else:
            with Writer(file, start) as writer:
                events = []
                for event in drive(session, steps, labeller):
                    writer.write(event)
                    events.append(event)
                trace = writer.trace
        seconds = time.perf_counter() - began
        without = Session(self.image, replace(config, policy="none", allowed=0, period=0, hold=False))
        plain = [e for s in stream.inputs() if isinstance(s, Samples | Gap) for e in without.step(s)]
        return Outcome(
            subject=stream.subject,
            events=tuple(events),
            without=tuple(e for e in plain if isinstance(e, Prediction)),
            names=session.names,
            trace_sha256=trace.hexdigest(),
            seconds=seconds,
            samples=stream.samples,
            budget=self.budget.total(stream.windows, session.position) if config.allowed else 0,
            counts=session.counts,
            config=config,
            file=file,
        )

    def about(self) -> dict[str, str]:
        """The settings, for people."""
        options = self.options
        policy = options.policy or "tactile-inforv"
        return {
            "policy": policy,
            "budget": str(options.budget if options.budget is not None else 20),
            "answers learned from together": str(self._batch(policy)),
            "answers after": f"{options.delay:g} s",
            "questions expire after": f"{options.patience:g} s",
            "refused, wrong answers": f"{options.refuse:g}, {options.error:g}",
            "seed": str(options.seed),
        }


def _load_kernels(image: Image) -> None:
    """Have the kernels compiled, or read from the cache, before anything is timed."""
    channels = len(image.channels)
    none = (0,) * channels
    session = Session(image, Config(mult=none, shift=none, offset=none))
    session.step(Samples(0, np.zeros((image.window, channels), np.int16)))
    session.step(AddClass(image.window, max(image.names) + 1, "new", 0))
    session.step(Label(image.window, 0, None))


def _shown(stream: Stream, tell: Progress) -> Iterator[Input]:
    """The stream's inputs; says how far it is, at most every two seconds."""
    last = time.monotonic()
    for event in stream.inputs():
        if isinstance(event, Samples) and time.monotonic() - last > 2:
            last = time.monotonic()
            tell(f"person {stream.subject}: {100 * event.start // max(1, stream.samples)} %")
        yield event


__all__ = ["Event", "Options", "Result", "load_model", "open_recording", "replay"]
