"""Replay a dataset, a recording or other samples."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from odl.core.adapters import name_of
from odl.core.config import ConfigError
from odl.core.events import Origin
from odl.core.fixed_point import Scaling
from odl.core.image import Image
from odl.data import open_dataset
from odl.data.array_source import Form
from odl.data.streams import Stream, dataset_streams, load_model
from odl.evaluate.from_profile import from_profile
from odl.evaluate.load_kernels import Progress, load_kernels
from odl.evaluate.open_session import open_oracle, open_stream
from odl.evaluate.options import Options
from odl.evaluate.outcome import Outcome
from odl.evaluate.own_parts import OwnParts
from odl.evaluate.own_samples import note_saturation, open_samples
from odl.evaluate.recorded import RecordedSession, open_recording
from odl.evaluate.result import Result
from odl.evaluate.run_stream import run_stream
from odl.model.profile import WearerProfile, read_profile
from odl.recording import named

KnownProfile = tuple[WearerProfile, str]  # with a name for messages


def replay(
    source: object,
    *,
    policy: object = None,
    learner: object = None,
    labeller: object = None,
    budget: str | int | None = None,
    subjects: Iterable[str | int] | None = None,
    model: str | Path | Image | None = None,
    rate_hz: float | None = None,
    units: str | Sequence[str] | Mapping[str, str] | None = None,
    scale: float | Sequence[float] | Mapping[str, float] | None = None,
    labels: Any = None,
    seed: int | None = None,
    out: str | Path | None = None,
    batch: int | None = None,
    delay: float | None = None,
    patience: float | None = None,
    refuse: float | None = None,
    error: float | None = None,
    hold: bool | None = None,
    step: int | None = None,
    every: float | None = None,
    floor: int | None = None,
    profile: str | Path | WearerProfile | None = None,
    data: str | Path | None = None,
    progress: Progress | None = None,
) -> Result:
    """Replay a stream: predict, ask within the budget, learn from answers.

    Policy, learner and labeller can each be a name or an object. Your own policy or learner is
    host-only: no board can run it, the result and the recording say so, and `odl verify` refuses the
    recording.

    Parameters
    ----------
    source : str, path, DataFrame, array or iterable
        A dataset's name, a folder with a ``card.json``, or a recording (``.odl``). A recording
        without further options is replayed exactly, with its own answers; one of odl 0.1, whose learner was
        another, with its questions and answers and the learner of this version. With any option, or
        another model, a new session asks its own questions; other options are those of the recording.

        Or one person's samples: a DataFrame with a column for each channel of the model, an array
        (n, channels), or an iterable of rows, of blocks (n, channels), or of events such as
        `odl.Samples`. Floats are in ``units``; they are converted to int16 counts that cover twice the
        model's full range, and values beyond the range are counted. Integers and events are counts
        of ``scale`` each. A row with NaN is a gap.
    policy : str, object or function, optional
        A name that `odl.policies` lists (novel-segments by default), an object such as
        ``odl.policies.InfoRV(step=5)``, a function ``(window, scores) -> bool`` (see `odl.Window`,
        `odl.Scores`), or an object with the methods of `odl.core.protocols.Policy`. The budget is
        never exceeded.
    learner : str or object, optional
        ``"dendron"`` (default: the image's heads), a river classifier, or an object with the methods of
        `odl.core.protocols.Learner`. Each person's session starts with a copy.
    labeller : str, object or function, optional
        ``"oracle"`` (default: answers from truth), a function ``(query) -> class name or None`` (None is a
        skip), with answers ``delay`` late, or an object with the methods of
        `odl.core.protocols.Labeller`, such as `odl.labels.Oracle`.
    budget : str or int, optional
        ``20`` (for the session; default), ``12/h``, ``5/day`` or ``2%``. For an iterable of unknown length
        the default is ``12/h``.
    subjects : iterable of str or int, optional
        People to replay, one session each; default: the dataset's test people. For your own samples,
        one name.
    model : path or Image, optional
        Model image; default: that of the dataset or recording. Your own samples need one: a file, a
        dataset's name or an `odl.Image`.
    rate_hz : float, optional
        For your own samples: samples per second, equal to the model's.
    units : str, sequence or mapping of str, optional
        For your own samples: the unit of all channels, or of each; ``g``, ``m/s2``, ``rad/s``, ...
    scale : float, sequence or mapping of float, optional
        For your own counts: the value of one count in ``units``.
    labels : str or sequence, optional
        Truth of your own samples: the name of a column, or for each row a class name or None.
    seed : int
        Seed of everything random; 0 by default.
    out : path, optional
        Folder for each session's recording.
    batch : int, optional
        Answers learned together (TActiLE's b). Default: the policy's, see `odl.policies`; with 1 each
        answer is learned at once.
    delay, patience : float
        Seconds until an answer (10), and until a question expires (60).
    refuse, error : float
        Share of questions skipped, and of answers that are wrong; 0 to 1, by default 0.
    hold : bool
        Show an answer with a class that the image does not know until the stream changes
        (`Prediction.held`); True by default.
    step : int
        TActiLE's reference values move by ``2**-step``; 4 by default.
    every : float
        Least seconds between two questions; 0 by default.
    floor : int
        The score from which on novel-segments asks, 0 to 65535; 60 by default.
    profile : path or WearerProfile, optional
        A wearer's profile (`odl.model.profile`): each session knows what it holds, as soon as its
        heads are fitted, which takes some windows. It is not written to.
    data : path, optional
        Folder or zip of a dataset that is not bundled (``hapt``, ``uca-ehar``).
    progress : callable, optional
        Called with a short sentence about each step.

    Returns
    -------
    Result
        Metrics, predictions and queries of each person.

    Raises
    ------
    OdlError
        If an argument or the source is invalid; the message says what and why.

    Examples
    --------
    >>> result = replay("shoulder", budget=5, subjects=["7"])
    >>> result.evaluations[0].queries
    5
    >>> def late(window, scores):
    ...     return window.start > 9000
    >>> result = replay("shoulder", budget=5, subjects=["7"], policy=late)
    >>> len(result.queries), result.host_only
    (5, ('policy late',))
    """
    progress = progress or (lambda sentence: None)
    parts, keywords = OwnParts.read(policy, learner, labeller)
    given = {
        "budget": budget, "seed": seed, "batch": batch, "delay": delay, "patience": patience,
        "refuse": refuse, "error": error, "hold": hold, "step": step, "every": every,
        "floor": floor,
    }  # fmt: skip
    given = {name: value for name, value in given.items() if value is not None}
    for name in given.keys() & {"refuse", "error"} if parts.labeller is not None else ():
        raise ConfigError(f"`{name}` is of the oracle, and `labeller` is {name_of(parts.labeller)}")
    keywords |= given
    other = model if model is None or isinstance(model, Image) else load_model(model)
    folder = None if out is None else Path(out)
    known: KnownProfile | None = None
    if isinstance(profile, WearerProfile):
        known = profile, "the profile"
    elif profile is not None:
        known = read_profile(profile), str(profile)
    form = Form(rate_hz, units, scale, labels)
    if not isinstance(source, str | Path):
        stream = open_samples(source, other, form, subjects, keywords)
        assert other is not None
        options = Options().changed(keywords, parts.policy)
        return note_saturation(
            _replay_people([stream], other, options, parts, "samples", folder, progress, profile=known)
        )
    for name, value in vars(form).items():
        if value is not None:
            raise ConfigError(f"`{name}` is for your own samples; {source} defines it")
    path = Path(source)
    if path.suffix == ".odl":
        if data is not None:
            raise ConfigError(f"{path.name} is a recording; `data` is for datasets")
        if subjects is not None:
            raise ConfigError(f"{path.name} is one person's recording; `subjects` is for datasets")
        if folder is not None and (folder / path.name).resolve() == path.resolve():
            raise ConfigError(f"{path}: the replay would overwrite the recording; give another folder")
        recorded = open_recording(path, other, outputs=False)
        own = {"policy": policy, "learner": learner}
        missing = [part for part in recorded.host_only if own.get(part.partition(" ")[0]) is None]
        if missing and (policy is None or parts.policy is not None):
            raise ConfigError(
                f"{path.name} was recorded with {' and '.join(missing)}, which a recording "
                "cannot contain: pass the same again, or a policy by name"
            )
        options = recorded.options.changed(keywords, parts.policy)
        with named(path):
            if other is None and not keywords and not parts.any and not recorded.host_only and not known:
                return _replay_exactly(recorded, folder, progress)
            return _ask_recording(recorded, other or recorded.image, options, parts, folder, progress, known)
    options = Options().changed(keywords, parts.policy)
    dataset = open_dataset(source, data)
    image = other or load_model(dataset.model_path())
    streams = dataset_streams(dataset, subjects, options.seed)
    return _replay_people(streams, image, options, parts, dataset.card.name, folder, progress, profile=known)


def _replay_people(
    streams: Sequence[Stream], image: Image, options: Options, parts: OwnParts, source: str,
    folder: Path | None, progress: Progress, scaling: Scaling | None = None,
    profile: KnownProfile | None = None,
) -> Result:  # fmt: skip
    """Run each person's stream with ``options``."""
    if parts.labeller is not None:
        parts.labeller_of(streams, 0)
    if profile is not None:
        profile[0].check(image, profile[1])
    outcomes = tuple(
        _ask(stream, image, options, parts, folder, progress, scaling, profile) for stream in streams
    )
    about = options.described() | parts.settings()
    return Result(image, outcomes, options.seed, source, people_of(streams, image), about,
                  host_only=parts.host_only())  # fmt: skip


def _ask(
    stream: Stream,
    image: Image,
    options: Options,
    parts: OwnParts,
    folder: Path | None,
    progress: Progress,
    scaling: Scaling | None,
    profile: KnownProfile | None,
) -> Outcome:
    """Run a stream with ``options`` and the passed labeller or an oracle, from a wearer's profile on."""
    load_kernels(image, progress, learning=False)
    start = time.perf_counter()
    opened = open_stream(stream, image, options, scaling=scaling, parts=parts, progress=progress,
                         learning=False)  # fmt: skip
    labels = parts.labeller_of([stream], round(options.delay * image.rate_hz))
    labeller = labels or open_oracle(stream, image, options)
    opening = time.perf_counter() - start
    if profile is not None:
        stream = from_profile(stream, opened.session, *profile)
    outcome = run_stream(stream, opened, labeller, folder and folder / stream.name, progress)
    outcome = replace(outcome, seconds=outcome.seconds + opening)
    if stream.known_truths == () and labels is None and outcome.counts["queries"]:
        skipped = "each question was skipped, because no truth is known; give labels or a labeller"
        outcome = replace(outcome, problems=(*outcome.problems, skipped))
    return outcome


def _ask_recording(
    recorded: RecordedSession,
    image: Image,
    options: Options,
    parts: OwnParts,
    folder: Path | None,
    progress: Progress,
    profile: KnownProfile | None,
) -> Result:
    """Run a recording's samples without its answers, with ``options``."""
    stream, scaling = recorded.stream.unanswered(), None
    if stream.channels is None and image is recorded.image and recorded.recording.start.image:
        scaling = Scaling(recorded.config.mult, recorded.config.shift, recorded.config.offset)
    result = _replay_people([stream], image, options, parts, stream.name, folder, progress, scaling, profile)
    outcome = result.outcomes[0]
    problems = (*outcome.problems, *filter(None, [recorded.anew]), *recorded.recording.problems)
    outcome = replace(outcome, problems=problems)
    return replace(result, outcomes=(outcome,), damage=recorded.damage)


def _replay_exactly(recorded: RecordedSession, folder: Path | None, progress: Progress) -> Result:
    """Run a recording with its own settings and answers."""
    stream, config, options = recorded.stream, recorded.config, recorded.options
    load_kernels(recorded.image, progress)
    start = time.perf_counter()
    opened = open_stream(stream, recorded.image, options, config=config, asked=stream.about.get("asked"),
                         progress=progress)  # fmt: skip
    opening = time.perf_counter() - start
    outcome = run_stream(stream, opened, None, folder and folder / stream.name, progress)
    outcome = replace(outcome, seconds=outcome.seconds + opening)
    same = None if recorded.trace is None else outcome.trace_sha256 == recorded.trace
    asks = config.policy != "none"
    problems = [*filter(None, [recorded.anew]), *recorded.recording.problems]
    if not asks and not recorded.recording.has_outputs:
        problems.append("nothing was asked, because the recording's settings ask nothing; "
                        f"replay {stream.name} with `budget=20` to ask")  # fmt: skip
    outcome = replace(outcome, problems=tuple(problems), same_trace=same)
    events = recorded.recording.events
    by_hand = any(isinstance(e, Origin) and e.by.split(":")[0] != "truth" for e in events)
    about = replace(options, policy=config.policy).described(from_truth=asks and not by_hand)
    people = people_of([stream], recorded.image)
    return Result(recorded.image, (outcome,), options.seed, stream.name, people, about, recorded.damage)


def people_of(streams: Iterable[Stream], image: Image) -> str:
    """Words for the people: unseen in training, if the image's card shows that."""
    trained, dataset = image.card.get("trained_on"), image.card.get("dataset")
    if not isinstance(trained, list) or not isinstance(dataset, str):
        return "people"
    known = {str(person) for person in trained}
    unseen = all(s.about.get("dataset") == dataset and s.subject not in known for s in streams)
    return "people never seen in training" if unseen else "people"
