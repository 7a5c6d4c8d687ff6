"""Strategies of scikit-activeml and river as policies, host-only."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.config import Config
from odl.core.errors import OdlError
from odl.core.image import Image
from odl.core.protocols import Decision, Scores, Window
from odl.core.state import Asked
from odl.policies.uncertainty import inner_rows, leaf_shares, share_of


class PeerError(OdlError, ValueError):
    """A strategy of another library cannot be used; the message says which and why."""


class StreamStrategy:
    """A stream strategy of scikit-activeml as a policy.

    The strategy sees each window's features, between 0 and 1, and in place of a classifier's probabilities
    those that the session's learner gives to the leaves of the tree of classes. Unless it has a budget of
    its own, it gets the session's as a share of the windows; the session never lets it exceed that, so
    compare it at the labels that it spent.

    Parameters
    ----------
    strategy : object
        An object of ``skactiveml.stream``, such as ``Split()``; the policy works on a copy.

    References
    ----------
    D. Kottke et al., "scikit-activeml: A Library and Toolbox for Active Learning Algorithms", 2021.

    Examples
    --------
    >>> from skactiveml.stream import Split
    >>> StreamStrategy(Split()).name
    'Split'
    """

    def __init__(self, strategy: Any) -> None:
        self._given = strategy
        self._strategy = copy.deepcopy(strategy)
        self._classifier: Any = None
        self._inner: frozenset[int] = frozenset()

    @property
    def name(self) -> str:
        """The class of the strategy."""
        return type(self._given).__name__

    @property
    def __name__(self) -> str:
        return self.name

    def start(self, image: Image, config: Config) -> StreamStrategy:
        """Begin a session: a fresh copy with the session's budget and seed."""
        self._strategy = copy.deepcopy(self._given)
        if hasattr(self._strategy, "budget") and self._strategy.budget is None:
            self._strategy.budget = share_of(config, image.hop)
        self._inner = inner_rows(image)
        if hasattr(self._strategy, "classes"):
            self._strategy.classes = list(range(len(image.row_class) - len(self._inner)))
        if getattr(self._strategy, "random_state", 0) is None:
            self._strategy.random_state = config.seed % 2**31
        self._classifier = None
        return self

    def decide(self, window: Window, scores: Scores) -> Decision:
        """One call of the strategy's ``query`` and ``update``."""
        x = window.features[None, :] / 255.0
        found = np.array(leaf_shares(scores, self._inner))
        if len(found) < 2:
            return Decision(False, scores.uncertainty)
        given = {"clf": self._scored(found)} if "clf" in signature(self._strategy.query).parameters else {}
        chosen, utilities = self._strategy.query(x, return_utilities=True, **given)
        spent = {"budget_manager_param_dict": {"utilities": utilities}} if given else {}
        self._strategy.update(x, chosen, **spent)
        return Decision(len(chosen) > 0, scores.uncertainty)

    def settle(self, window: int, outcome: Asked) -> None:
        """Do nothing: the session's learner learns, the strategy only chooses."""

    def _scored(self, found: NDArray[np.float64]) -> Any:
        """A classifier of scikit-activeml that gives these probabilities, whatever it is asked about."""
        if self._classifier is None or len(self._classifier.classes_) != len(found):
            from odl.policies.scores_as_classifier import ScoresAsClassifier

            self._classifier = ScoresAsClassifier.of(len(found))
        self._classifier.shares = found
        return self._classifier


class EntropyOfRiver:
    """An active learner of river, such as ``river.active.EntropySampler``, as a policy.

    In place of the probabilities of its own classifier it sees those that the session's learner gives to the
    leaves of the tree of classes.

    Parameters
    ----------
    sampler : object
        Has ``predict_proba_one(x) -> (probabilities, ask)`` and an attribute ``classifier``.

    Examples
    --------
    >>> from river.active import EntropySampler
    >>> EntropyOfRiver(EntropySampler(None, seed=1)).name
    'EntropySampler'
    """

    def __init__(self, sampler: Any) -> None:
        self._given = sampler
        self._sampler = copy.deepcopy(sampler)
        self._inner: frozenset[int] = frozenset()

    @property
    def name(self) -> str:
        """The class of the sampler."""
        return type(self._given).__name__

    @property
    def __name__(self) -> str:
        return self.name

    def start(self, image: Image, config: Config) -> EntropyOfRiver:
        """Begin a session: a fresh copy; without a seed of its own it gets the session's."""
        self._sampler = copy.deepcopy(self._given)
        self._inner = inner_rows(image)
        if self._sampler.seed is None and hasattr(self._sampler, "_rng"):
            self._sampler._rng.seed(config.seed)
        return self

    def decide(self, window: Window, scores: Scores) -> Decision:
        """One call of the sampler."""
        shares = leaf_shares(scores, self._inner)
        self._sampler.classifier = _Fixed({i: p for i, p in enumerate(shares) if p})
        _, ask = self._sampler.predict_proba_one({})
        return Decision(bool(ask), scores.uncertainty)

    def settle(self, window: int, outcome: Asked) -> None:
        """Do nothing: the session's learner learns, the sampler only chooses."""


class _Fixed:
    """A classifier with one answer."""

    def __init__(self, shares: Mapping[int, float]) -> None:
        self._shares = dict(shares)

    def predict_proba_one(self, x: object) -> dict[int, float]:
        return self._shares


def is_stream_strategy(cls: type) -> bool:
    """Whether ``cls`` is a stream strategy of scikit-activeml, without importing it."""
    return any(base.__name__ == "SingleAnnotatorStreamQueryStrategy" for base in cls.__mro__)


def is_river_sampler(cls: type) -> bool:
    """Whether ``cls`` is an active learner of river, without importing it."""
    return any(base.__name__ == "ActiveLearningClassifier" for base in cls.__mro__)
