"""Estimators for river: Dendron's head as a classifier, TActiLE as an active learner (extra ``peers``).

With river's own scaler: ``preprocessing.StandardScaler() | TActiLE(OnlineDendron(), budget=0.05)``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import base
from river.active.base import ActiveLearningClassifier

from odl.core.config import Config
from odl.core.fused import settings_of
from odl.core.kernels.heads import MAX_ROWS
from odl.core.protocols import Scores, Window
from odl.core.rng import seed_of
from odl.core.running_policy import RunningPolicy
from odl.core.state import Asked
from odl.model.integer_head import WIDTH, IntegerHead, blank_memory, padded_width

ONE = 32768  # 1.0 in Q15


class OnlineDendron(base.Classifier):
    """A head of Dendron as a classifier of river; it learns in integers as a board does.

    The head is a function of the last ``memory`` samples in order. Their features are converted to uint8
    between the smallest and the largest value of each so far; a missing feature is 0. The head is fitted anew
    once ``batch`` samples have come, or one of a new class, when it is next asked.

    Parameters
    ----------
    epochs
        Passes over the samples at each refit.
    batch
        Samples that are learned together.
    memory
        Samples that are learned from; the oldest are forgotten.
    seed
        Seed of the order in which samples are learned.

    Examples
    --------
    >>> model = OnlineDendron()
    >>> for x, y in [({"a": 0.0}, "low"), ({"a": 1.0}, "high")] * 3:
    ...     model.learn_one(x, y)
    >>> model.predict_one({"a": 0.9}), sorted(model.predict_proba_one({"a": 0.1}))
    ('high', ['high', 'low'])
    """

    def __init__(self, epochs: int = 16, batch: int = 5, memory: int = 128, seed: int = 0) -> None:
        self.epochs = epochs
        self.batch = batch
        self.memory = memory
        self.seed = seed
        self._samples: deque[tuple[dict[Any, float], int]] = deque(maxlen=memory)
        self._classes: list[Any] = []
        self._low: dict[Any, float] = {}
        self._high: dict[Any, float] = {}
        self._new = 0
        self._head: IntegerHead | None = None
        self._fitted: list[Any] = []  # features, in the order that the head knows

    @property
    def _multiclass(self) -> bool:
        return True

    def learn_one(self, x: dict[Any, Any], y: Any) -> None:
        """Take in one sample."""
        values = {name: float(value) for name, value in x.items() if _is_number(value)}
        if y not in self._classes:
            if len(self._classes) == MAX_ROWS:
                raise ValueError(f"class {y!r} is one too many; a head has room for {MAX_ROWS}")
            self._classes.append(y)
            self._new = self.batch
        for name, value in values.items():
            self._low[name] = min(value, self._low.get(name, value))
            self._high[name] = max(value, self._high.get(name, value))
        self._samples.append((values, self._classes.index(y)))
        self._new += 1

    def predict_proba_one(self, x: dict[Any, Any]) -> dict[Any, float]:
        """Probability of each class so far; empty before the first sample."""
        if len(self._classes) < 2:
            return dict.fromkeys(self._classes, 1.0)
        if self._new >= self.batch or self._head is None:
            self._fit()
        assert self._head is not None
        values = {name: float(value) for name, value in x.items() if _is_number(value)}
        shares = self._head.shares(self._quantised([values]))[0]
        return dict(zip(self._classes, shares.tolist(), strict=True))

    def _fit(self) -> None:
        self._fitted = sorted(self._low, key=str)
        padded_width(len(self._fitted))
        x = self._quantised([values for values, _ in self._samples])
        y = np.array([cls for _, cls in self._samples], np.uint8)
        self._head = IntegerHead(len(self._classes), self.epochs, seed=self.seed).fit(x, y)
        self._new = 0

    def _quantised(self, samples: list[dict[Any, float]]) -> NDArray[np.uint8]:
        x = np.zeros((len(samples), padded_width(len(self._fitted))), np.uint8)
        for row, values in zip(x, samples, strict=True):
            for i, name in enumerate(self._fitted):
                low, span = self._low[name], self._high[name] - self._low[name]
                share = (values.get(name, 0.0) - low) / span if span > 0 else 0.0
                row[i] = int(min(max(share, 0.0), 1.0) * 255 + 0.5)
        return x

    @classmethod
    def _unit_test_params(cls) -> Iterator[dict[str, Any]]:
        yield {"epochs": 2, "batch": 50, "memory": 20}


class TActiLE(ActiveLearningClassifier):
    """TActiLE's InfoRV as an active learner of river: ``predict_one(x)`` is ``(prediction, ask)``.

    It asks where the classifier is uncertain, at most for the share ``budget`` of the samples, with the
    kernel of `odl.policies.InfoRV`.

    Parameters
    ----------
    classifier
        The classifier to wrap.
    budget
        Share of the samples that may be asked about, above 0 and at most 1.
    step
        The reference value moves by ``2**-step`` of the full range, 1 to 16.
    seed
        Taken for river's sake: nothing here is random.

    Examples
    --------
    >>> from river import datasets, preprocessing
    >>> model = preprocessing.StandardScaler() | TActiLE(OnlineDendron(), budget=0.1)
    >>> asked = 0
    >>> for x, y in datasets.Phishing().take(200):
    ...     prediction, ask = model.predict_one(x)
    ...     if ask:
    ...         asked += 1
    ...         model.learn_one(x, y)
    >>> 0 < asked <= 20
    True
    """

    def __init__(
        self, classifier: base.Classifier, budget: float = 0.05, step: int = 4, seed: int | None = None
    ) -> None:
        super().__init__(classifier, seed=seed)
        if not 0 < budget <= 1:
            raise ValueError(f"budget is {budget}; it can be above 0, to 1")
        self.budget = budget
        self.step = step
        self._policy = _InfoRV(budget, step)

    def _ask_for_label(self, x: dict[Any, Any], y_pred: dict[Any, float]) -> bool:
        first, second = sorted([*y_pred.values(), 0.0, 0.0])[:-3:-1]
        return self._policy.ask(round(ONE * min(1.0, max(0.0, 1 - (first - second)))))

    @classmethod
    def _unit_test_params(cls) -> Iterator[dict[str, Any]]:
        yield {"classifier": OnlineDendron(epochs=2, batch=50, memory=20)}


class _InfoRV(RunningPolicy):
    """The rule on a state block without a model; each question is settled at once."""

    def __init__(self, budget: float, step: int) -> None:
        period = 1000
        config = Config(
            policy="tactile-inforv", allowed=max(1, int(budget * period)), period=period, step=step
        )
        self._hop, self._at = 1, 0
        self.memory = blank_memory(seed_of(0))
        self.memory.settings[:] = settings_of(config)

    def ask(self, uncertainty: int) -> bool:
        """Decide about the next sample."""
        self._at += 1
        window = Window(self._at - 1, self._at, np.zeros(WIDTH, np.uint8), np.zeros((0, 0)))
        wanted = self.decide(window, Scores((), (), uncertainty)).ask
        if wanted:
            self.settle(window.start, Asked.ANSWERED)
        return wanted


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number | np.bool_)
