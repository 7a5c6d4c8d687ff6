"""Adapters that make a function or a classifier a session's policy, learner or labeller."""

from __future__ import annotations

import copy
import heapq
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from odl.core.class_scores import ClassScores
from odl.core.config import Config, ConfigError
from odl.core.events import Query
from odl.core.image import Image
from odl.core.kernels.rules import POLICIES
from odl.core.protocols import Answer, Decision, Labeller, Learner, Policy, Scores, Window
from odl.core.state import Asked


class FunctionPolicy:
    """A function ``(window, scores) -> bool`` as a policy.

    Parameters
    ----------
    function : callable
        Takes a `odl.core.protocols.Window` and a `odl.core.protocols.Scores`; True asks.

    Examples
    --------
    >>> policy = FunctionPolicy(lambda window, scores: scores.uncertainty > 16384)
    >>> window = Window(0, 128, np.zeros(3, np.uint8), np.zeros((128, 6)))
    >>> policy.decide(window, Scores((0,), (32768,), 20000))
    Decision(ask=True, utility=20000)
    """

    def __init__(self, function: Callable[[Window, Scores], bool]) -> None:
        self._function = function

    def decide(self, window: Window, scores: Scores) -> Decision:
        """Call the function; anything but True or False is a `ConfigError`."""
        ask = self._function(window, scores)
        if not isinstance(ask, bool | np.bool_):
            raise ConfigError(
                f"policy: {name_of(self._function)} returned {ask!r} for window {window.start}; "
                "it has to return True or False"
            )
        return Decision(bool(ask), scores.uncertainty)

    def settle(self, window: int, outcome: Asked) -> None:
        """Do nothing: a function does not learn how its questions ended."""


class DelayedAnswers:
    """The part of a labeller that holds answers until they are due, ``delay`` samples after the question."""

    def __init__(self, delay: int) -> None:
        self._delay = delay
        self._due: list[tuple[int, Answer]] = []

    def poll(self, now: int) -> Iterable[Answer]:
        """Yield the answers due by sample ``now``, the earliest first."""
        while self._due and self._due[0][0] <= now:
            yield heapq.heappop(self._due)[1]

    def next_due(self) -> int | None:
        """The sample at which the next answer is due, or None."""
        return self._due[0][0] if self._due else None

    def _add(self, answer: Answer, now: int) -> None:
        heapq.heappush(self._due, (now + self._delay, answer))


class FunctionLabeller(DelayedAnswers):
    """A function ``(query) -> class name or None`` as a labeller; None is a skip.

    Parameters
    ----------
    function : callable
        Takes a `odl.core.events.Query`; it is called when the question is asked.
    delay : int
        Samples from the question until the answer takes effect.

    Examples
    --------
    >>> labeller = FunctionLabeller(lambda query: "walk", delay=50)
    >>> labeller.ask(Query(64, 9000, 999), now=192)
    >>> [answer.name for answer in labeller.poll(241)], labeller.next_due()
    ([], 242)
    >>> [answer.name for answer in labeller.poll(242)]
    ['walk']
    """

    def __init__(self, function: Callable[[Query], str | None], delay: int = 0) -> None:
        super().__init__(delay)
        self._function = function

    def ask(self, query: Query, now: int) -> None:
        """Call the function; an answer that is neither text nor None is a `ConfigError`."""
        name = self._function(query)
        if name is not None and not isinstance(name, str):
            raise ConfigError(
                f"labeller: {name_of(self._function)} answered {name!r} about window {query.window}; "
                "it has to return a class name, or None to skip"
            )
        self._add(Answer(query.window, name), now)


class OnlineClassifier:
    """A classifier with river's methods ``learn_one`` and ``predict_proba_one`` as a learner.

    The adapter works on a copy of ``classifier``. The copy first learns the vectors stored in the model
    image, so that it knows the image's classes. Features are named ``f0``, ``f1``, ... and lie
    between 0 and 1; classes are their names. Taking a label back trains a fresh copy without it.

    Parameters
    ----------
    classifier : object
        Has ``learn_one(x, y)`` and ``predict_proba_one(x)`` or ``predict_one(x)``.
    image : Image
        Gives the classes, their tree and the stored vectors.

    Examples
    --------
    >>> from river.naive_bayes import MultinomialNB
    >>> from odl.data import model_bytes
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> learner = OnlineClassifier(MultinomialNB(), image)
    >>> image.names[learner.scores_one(image.stored[0]).path[-1]]
    'pendulum'
    """

    def __init__(self, classifier: Any, image: Image) -> None:
        self._names = dict(image.names)
        self._classes = ClassScores(image)
        self._lessons: list[tuple[int, dict[str, float], str]] = []
        self._start = copy.deepcopy(classifier)
        for i in _alternating(image.owners.tolist()):
            self._start.learn_one(_features(image.stored[i]), self._names[int(image.owners[i])])
        self._classifier = copy.deepcopy(self._start)

    def scores_one(self, x: NDArray[np.uint8]) -> Scores:
        """Score ``x``; a class with classes below it has the sum of their scores and its own."""
        chances = chances_of(self._classifier, _features(x))
        return self._classes.of({cls: chances.get(self._names[cls], 0.0) for cls, _ in self._classes.rows})

    def learn_many(self, x: NDArray[np.uint8], y: Sequence[int], windows: Sequence[int]) -> None:
        """Learn one batch, in window order."""
        for features, cls, window in zip(x, y, windows, strict=True):
            self._lessons.append((window, _features(features), self._names[cls]))
            self._classifier.learn_one(*self._lessons[-1][1:])

    def add_class(self, at: int, cls: int, head: int, name: str) -> bool:
        """Store the name; the classifier sees the class with its first label."""
        self._names[cls] = name
        return self._classes.add_class(cls, head)

    def split(self, at: int, leaf: int, head: int) -> bool:
        """Store the task."""
        return self._classes.split(leaf, head)

    def forget(self, window: int) -> None:
        """Train a fresh copy on all labels except that of ``window``."""
        self._lessons = [lesson for lesson in self._lessons if lesson[0] != window]
        self._classifier = copy.deepcopy(self._start)
        for _, features, name in self._lessons:
            self._classifier.learn_one(features, name)


def chances_of(classifier: Any, x: dict[str, float]) -> dict[Any, float]:
    """What a river classifier says of ``x``: a weight above 0 for each class that it finds possible."""
    try:
        found = classifier.predict_proba_one(x)
    except (AttributeError, NotImplementedError):
        found = {classifier.predict_one(x): 1.0}
    return {name: p for name, p in found.items() if name is not None and math.isfinite(p) and p > 0}


def as_policy(policy: object, image: Image | None = None, config: Config | None = None) -> Policy:
    """Return a policy object, a function as a `FunctionPolicy`; else raise ConfigError.

    An object that also has ``start(image, config)`` is started with the session's, which have the budget.
    """
    if _has(policy, "decide", "settle"):
        if image is not None and config is not None and _has(policy, "start"):
            return cast(Policy, policy.start(image, config))  # type: ignore[attr-defined]
        return cast(Policy, policy)
    if callable(policy) and not isinstance(policy, type):
        return FunctionPolicy(policy)
    raise ConfigError(
        f"policy is {described(policy)}; it can be a name ({', '.join(POLICIES)}), "
        "a function (window, scores) -> bool, or an object with decide and settle"
    )


def as_learner(learner: object, image: Image) -> Learner:
    """Return a learner object, a river classifier as a learner; else raise ConfigError.

    An object that also has ``start(image)`` is started with the session's model image.
    """
    if _has(learner, "scores_one", "learn_many", "add_class", "split", "forget"):
        if _has(learner, "start"):
            return cast(Learner, learner.start(image))  # type: ignore[attr-defined]
        return cast(Learner, learner)
    if _has(learner, "learn_one", "predict_one"):
        if getattr(learner, "_multiclass", True) is False:  # river's own mark
            raise ConfigError(
                f"learner {name_of(learner)} can only learn two classes; wrap it in "
                "river.multiclass.OneVsRestClassifier"
            )
        return OnlineClassifier(learner, image)
    raise ConfigError(
        f"learner is {described(learner)}; it can be a river classifier (learn_one, predict_proba_one), "
        "or an object with scores_one, learn_many, add_class, split and forget"
    )


def as_labeller(labeller: object, delay: int = 0) -> Labeller:
    """Return a labeller object unchanged, a function as a labeller; else raise ConfigError."""
    if _has(labeller, "ask", "poll", "next_due"):
        return cast(Labeller, labeller)
    if callable(labeller) and not isinstance(labeller, type):
        return FunctionLabeller(labeller, delay)
    raise ConfigError(
        f"labeller is {described(labeller)}; it can be a function (query) -> class name or None, "
        "or an object with ask, poll and next_due"
    )


def name_of(part: object) -> str:
    """Name of ``part`` for messages: a function's name, or an object's class.

    >>> name_of(sorted), name_of(3.5)
    ('sorted', 'float')
    """
    return str(getattr(part, "__name__", type(part).__name__))


def described(value: object) -> str:
    """Describe ``value`` for an error message: its type, and the value if it is short.

    >>> described("sometimes"), described([0] * 99)
    ("the str 'sometimes'", 'a list')
    """
    if isinstance(value, type):
        return f"the class {value.__name__}, not an object of it"
    if value is None or isinstance(value, str | int | float) and len(repr(value)) < 40:
        return "None" if value is None else f"the {type(value).__name__} {value!r}"
    kind = type(value).__name__
    return f"{'an' if kind[0].lower() in 'aeiou' else 'a'} {kind}"


def _has(part: object, *names: str) -> bool:
    return not isinstance(part, type) and all(callable(getattr(part, name, None)) for name in names)


def _features(x: NDArray[np.uint8]) -> dict[str, float]:
    return {f"f{i}": value / 255 for i, value in enumerate(x.tolist())}


def _alternating(owners: Sequence[int]) -> list[int]:
    """Order the indices so that classes alternate: online learners forget a class learned in one block.

    >>> _alternating([4, 4, 4, 7, 7])
    [0, 3, 1, 4, 2]
    """
    turn: dict[int, int] = {}
    order = []
    for i, owner in enumerate(owners):
        order.append((turn.get(owner, 0), i))
        turn[owner] = turn.get(owner, 0) + 1
    return [i for _, i in sorted(order)]
