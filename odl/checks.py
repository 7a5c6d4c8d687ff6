"""What every learner, policy, labeller and source has to do, as checks of your own parts.

Each check takes a function that makes a fresh part, uses it as a session would, and raises `CheckError` with
one sentence about the first thing that is wrong. odl's own tests run them over everything that odl ships.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.adapters import as_labeller, as_learner, as_policy
from odl.core.config import Config
from odl.core.errors import OdlError
from odl.core.events import Gap, Input, Query, Samples, Truth
from odl.core.image import Image
from odl.core.protocols import Answer, Decision, Learner, Policy, Scores, TakeBack, Taught, Window
from odl.core.rule_policy import RulePolicy
from odl.core.session import Session
from odl.core.state import Asked
from odl.data.array_source import Form, stream_of
from odl.data.streams import Stream, load_model

ONE = 32768  # 1.0 in Q15
NEW = 200  # id of the class that the checks add


class CheckError(OdlError, AssertionError):
    """A part does not do what a session relies on; the message says what."""


def check_learner(make: Callable[[], object], image: Image | None = None) -> None:
    """Check a learner: an object with the methods of `odl.core.protocols.Learner`, or a river classifier.

    Parameters
    ----------
    make : callable
        Makes a fresh learner.
    image : Image, optional
        The model image of the session; default: the shoulder image.

    Raises
    ------
    CheckError
        If scores are out of range or do not repeat, if scoring changes anything, if an array is changed or
        kept without a copy, if a forgotten label still has an effect, or if a copy is not independent.

    Examples
    --------
    >>> from river.naive_bayes import MultinomialNB
    >>> check_learner(MultinomialNB)
    """
    image = image or load_model("shoulder")
    x = _vectors(image)
    own = x[4:].copy()  # far from what the image knows, so that a label of theirs shows

    def fresh() -> Learner:
        return as_learner(make(), image)

    def scored(learner: Learner, rows: int = len(image.row_class)) -> list[Scores]:
        found = []
        for i, one in enumerate(x):
            shown(learner, 64 * (i + 6), one)
            found.append(_sound_scores(learner.scores_one(one), rows, image))
        return found

    def shown(learner: Learner, start: int, features: NDArray[np.uint8]) -> None:
        """As a session does before it scores a window."""
        if see := getattr(learner, "see", None):
            rng = np.random.default_rng(features.astype(np.uint32))
            samples = rng.normal(0, 1, (image.window, len(image.channels)))
            see(Window(start, start + image.window, features, samples))

    def taught(
        learner: Learner, vectors: NDArray[np.uint8], y: Sequence[int], windows: Sequence[int]
    ) -> None:
        for one, window in zip(vectors, windows, strict=True):
            shown(learner, window, one)
        learner.learn_many(vectors, y, windows)

    learner = fresh()
    given = x[0].copy()
    shown(learner, 0, given)
    learner.scores_one(given)
    _same(x[0].tolist(), given.tolist(), "scores_one changes the features that it is given")
    first = scored(learner)
    _same(first, scored(learner), "scoring the same features twice gives different scores")
    _same(first, scored(fresh()), "two fresh learners score the same features differently")
    batch = own.copy()
    labels = [_other_class(image, first[4].path)]
    labels.append(_other_class(image, (*first[5].path, *labels)))
    taught(learner, batch, labels, [0, 64])
    _same(own.tolist(), batch.tolist(), "learn_many changes the features that it is given")
    after = scored(learner)
    batch[:] = 255 - batch
    _same(after, scored(learner), "the learner keeps the array of learn_many, which the session uses again")
    twin = copy.deepcopy(learner)
    taught(twin, x[2:4], labels[::-1], [128, 192])
    _same(after, scored(learner), "teaching a copy changes the original")
    alone = fresh()
    taught(alone, own[:1], labels[:1], [0])
    learner.forget(64)
    _same(scored(alone), scored(learner), "a label that is forgotten still has an effect")
    if learner.add_class(256, NEW, 0, "a class of the checks"):
        rows = len(image.row_class) + 1
        scored(learner, rows)
        taught(learner, x[2:3], [NEW], [128])
        scored(learner, rows)


def check_policy(make: Callable[[], object], image: Image | None = None) -> None:
    """Check a policy: a function, an object with ``decide`` and ``settle``, or one of `odl.policies`.

    Parameters
    ----------
    make : callable
        Makes a fresh policy.
    image : Image, optional
        The model image of the session; default: the shoulder image.

    Raises
    ------
    CheckError
        If a decision is not one, if the window is changed, if decisions do not repeat, if a copy is not
        independent, or if a session with it exceeds the budget.

    Examples
    --------
    >>> check_policy(lambda: lambda window, scores: scores.uncertainty > 20000)
    """
    image = image or load_model("shoulder")
    stream = _windows(image)
    config = Config(policy="random", allowed=5, horizon=len(stream), mult=(1,), shift=(0,), offset=(0,))

    def fresh() -> Policy:
        policy = make()
        if isinstance(policy, RulePolicy):
            return policy.start(image, config)
        return as_policy(policy, image, config)

    def decided(policy: Policy, over: Sequence[tuple[Window, Scores]]) -> list[Decision]:
        found = []
        for window, scores in over:
            before = window.features.copy(), window.samples.copy()
            decision = policy.decide(window, scores)
            if not isinstance(decision, Decision) or not isinstance(decision.ask, bool | np.bool_):
                raise CheckError(f"decide returned {decision!r}; it has to return a Decision(ask, utility)")
            if not isinstance(decision.utility, int | np.integer) or not 0 <= decision.utility <= ONE:
                raise CheckError(f"the utility is {decision.utility!r}; it can be a whole number, 0 to {ONE}")
            if not (np.array_equal(before[0], window.features) and np.array_equal(before[1], window.samples)):
                raise CheckError("decide changes the window that it is given")
            if decision.ask:
                policy.settle(window.start, Asked.ANSWERED)
            found.append(Decision(bool(decision.ask), int(decision.utility)))
        return found

    _same(decided(fresh(), stream), decided(fresh(), stream), "two fresh policies decide differently")
    policy = fresh()
    decided(policy, stream[:20])
    twin = copy.deepcopy(policy)
    rest = decided(twin, stream[20:])
    _same(
        rest,
        decided(policy, stream[20:]),
        "a copy and the original decide differently, or one changes the other",
    )
    _check_budget(make, image)


def _check_budget(make: Callable[[], object], image: Image) -> None:
    n = len(image.channels)
    config = Config(policy="random", allowed=3, horizon=40, mult=(1,) * n, shift=(0,) * n, offset=(0,) * n)
    session = Session(image, config, policy=make())
    rng = np.random.default_rng(0)
    block = rng.integers(-100, 100, (image.window + 39 * image.hop, n)).astype(np.int16)
    asked = sum(isinstance(event, Query) for event in session.step(Samples(0, block)))
    if asked > 3:
        raise CheckError(f"a session with it asked {asked} questions, with a budget of 3")


def check_labeller(make: Callable[[], object], delay: int = 0) -> None:
    """Check a labeller: a function ``(query) -> class name or None``, or an object with its methods.

    Parameters
    ----------
    make : callable
        Makes a fresh labeller.
    delay : int
        Samples until a function's answer takes effect.

    Raises
    ------
    CheckError
        If an answer comes twice, before it is due, or about a window that was not asked about; or if
        ``next_due`` names a sample at which nothing is due.

    Examples
    --------
    >>> check_labeller(lambda: lambda query: "walk", delay=50)
    """
    labeller = as_labeller(make(), delay)
    queries = [Query(64 * i, 9000, 64 * i + 9000, 64 * i) for i in range(4)]
    if _answered(labeller.poll(0), queries):
        raise CheckError("poll gives an answer before anything was asked")
    answered: list[int] = []
    now = 128
    for query in queries:
        if labeller.ask(query, now) is not None:  # type: ignore[func-returns-value]
            raise CheckError("ask returns something; an answer is given by poll")
        due = labeller.next_due()
        early = _answered(labeller.poll(now), queries) if isinstance(due, int) and due > now else []
        if early:
            raise CheckError(f"poll gives an answer at sample {now}, before next_due, which is {due}")
        now += 64
    for _ in range(1000):
        due = labeller.next_due()
        if due is not None and not isinstance(due, int):
            raise CheckError(f"next_due returned {due!r}; it has to return a sample, or None")
        now = max(now, due or now)
        given = list(labeller.poll(now))
        if due is not None and not given:
            raise CheckError(f"next_due is {due}, but poll gives no answer at sample {now}")
        answered += _answered(given, queries)
        if list(labeller.poll(now)):
            raise CheckError("poll gives an answer twice, or gives late what was due")
        if due is None:
            break
    if len(set(answered)) < len(answered):
        raise CheckError("a window is answered twice")


def _answered(given: Iterable[object], queries: Sequence[Query]) -> list[int]:
    """The windows that are answered, where everything is sound."""
    windows = []
    for one in given:
        if isinstance(one, TakeBack):
            continue
        if not isinstance(one, Answer | Taught):
            raise CheckError(f"poll gives {one!r}; it has to give Answer, Taught or TakeBack")
        if isinstance(one, Answer):
            if one.window not in {query.window for query in queries}:
                raise CheckError(f"an answer is about window {one.window}, which was not asked about")
            windows.append(one.window)
        elif one.name is None:
            raise CheckError("a label that nobody asked for has no name")
        if one.name is not None and (not isinstance(one.name, str) or not one.name):
            raise CheckError(f"the class of an answer is {one.name!r}; it can be a name, or None to skip")
    return windows


def check_source(
    make: Callable[[], object], model: str | Image = "shoulder", repeats: bool = True, **form: Any
) -> None:
    """Check a source: a `odl.data.streams.Stream`, a DataFrame, an array, or an iterable of rows or events.

    Parameters
    ----------
    make : callable
        Makes a fresh source.
    model : str or Image
        The model that it is for.
    repeats : bool
        False for a source that differs each time, such as a live one.
    **form
        ``rate_hz``, ``units``, ``scale`` and ``labels``, as in `odl.replay`.

    Raises
    ------
    CheckError
        If samples do not follow each other, have another shape or type than the model wants, if truth is no
        stretch, or if the source gives something else the second time.

    Examples
    --------
    >>> check_source(lambda: np.zeros((300, 6)), rate_hz=50, units=["g"] * 3 + ["rad/s"] * 3)
    """
    image = model if isinstance(model, Image) else load_model(model)

    def stream() -> Stream:
        source = make()
        return source if isinstance(source, Stream) else stream_of(source, image, Form(**form))

    first = stream()
    first.scaling(image)
    events = _sound_events(first.inputs(), image)
    if not any(isinstance(event, Samples) for event in events):
        raise CheckError("the source gives no samples")
    if first.stretches is not None:
        counted = sum(len(event.block) for event in events if isinstance(event, Samples))
        if counted != first.samples:
            raise CheckError(f"the source declares {first.samples} samples and gives {counted}")
    if repeats:
        _same(_plain(events), _plain(_sound_events(stream().inputs(), image)),
              "the source gives something else the second time")  # fmt: skip


def _sound_events(inputs: Iterable[Input], image: Image) -> list[Input]:
    position, events = 0, []
    for event in inputs:
        match event:
            case Samples(start, block):
                if start != position:
                    raise CheckError(f"samples begin at {start}, but {position} have passed")
                if block.dtype != np.int16 or block.ndim != 2 or block.shape[1] != len(image.channels):
                    wanted = f"int16 of shape (n, {len(image.channels)})"
                    raise CheckError(
                        f"a block is {block.dtype} of shape {block.shape}; the model wants {wanted}"
                    )
                position += len(block)
                event = replace(event, block=block.copy())
            case Gap(start, lost, _):
                if start != position or lost < 0:
                    raise CheckError(f"a gap of {lost} samples begins at {start}, but {position} have passed")
                position += lost
            case Truth(start, end, name):
                if not 0 <= start < end or not name:
                    raise CheckError(f"a truth goes from {start} to {end} and is called {name!r}")
        events.append(event)
    return events


def _plain(events: Sequence[Input]) -> list[object]:
    return [
        ("samples", event.start, event.block.tobytes()) if isinstance(event, Samples) else event
        for event in events
    ]


def _sound_scores(scores: Scores, rows: int, image: Image) -> Scores:
    if len(scores.scores) != rows:
        raise CheckError(f"there are {len(scores.scores)} scores for {rows} classes")
    for what, values in (("a score", scores.scores), ("the uncertainty", (scores.uncertainty,))):
        for value in values:
            if not isinstance(value, int) or not 0 <= value <= ONE:
                raise CheckError(f"{what} is {value!r}; it can be a whole number, 0 to {ONE}")
    known = {*map(int, image.row_class), NEW}
    if not set(scores.path) <= known:
        raise CheckError(f"the path {scores.path} names a class that does not exist")
    return scores


def _same(one: object, other: object, otherwise: str) -> None:
    if one != other:
        raise CheckError(otherwise)


def _other_class(image: Image, taken: Sequence[int]) -> int:
    """A leaf that is not among ``taken``."""
    parents = set(image.parents.tolist())
    leaves = [int(cls) for cls in image.row_class if int(cls) not in parents]
    return next(cls for cls in leaves if cls not in taken)


def _vectors(image: Image) -> NDArray[np.uint8]:
    """Six feature vectors: near stored ones where there are any."""
    rng = np.random.default_rng(1)
    x = rng.integers(0, 256, (6, image.features)).astype(np.uint8)
    known = image.stored[:: max(1, len(image.stored) // 4)][:4]
    x[: len(known)] = known
    return x


def _windows(image: Image) -> list[tuple[Window, Scores]]:
    """Sixty windows with the scores of a learner that is sometimes sure."""
    rng = np.random.default_rng(2)
    rows, found = len(image.row_class), []
    for i in range(60):
        shares = rng.dirichlet(np.full(rows, 0.5 if i % 3 else 0.1))
        scores = [int(share * ONE) for share in shares]
        first, second = sorted(scores)[:-3:-1]
        path = (int(image.row_class[int(np.argmax(scores))]),)
        features = rng.integers(0, 256, image.features).astype(np.uint8)
        samples = rng.normal(0, 1, (image.window, len(image.channels)))
        start = i * image.hop
        window = Window(start, start + image.window, features, samples)
        found.append((window, Scores(path, tuple(scores), ONE - (first - second))))
    return found
