"""A session's scores in the form of a scikit-activeml classifier."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from skactiveml.base import ClassFrequencyEstimator


class ScoresAsClassifier(ClassFrequencyEstimator):
    """Returns the class probabilities that it was given last, whatever it is asked about.

    Frequencies, which some strategies want, are the same probabilities: one label's worth.

    Examples
    --------
    >>> classifier = ScoresAsClassifier.of(2)
    >>> classifier.shares = np.array([0.25, 0.75])
    >>> classifier.predict_proba(np.zeros((1, 3))).tolist(), classifier.predict(np.zeros((1, 3))).tolist()
    ([[0.25, 0.75]], [1])
    """

    shares: NDArray[np.float64]

    @classmethod
    def of(cls, classes: int) -> Self:
        """A classifier with classes 0 to ``classes - 1``."""
        made = cls(classes=list(range(classes)))
        made.fit(np.zeros((0, 1)), np.zeros(0))
        return made

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Do nothing: the session's learner learns."""
        self._validate_data(np.zeros((classes := len(self.classes), 1)), np.arange(classes), None)
        return self

    def predict_freq(self, X: Any) -> NDArray[np.float64]:
        """The probabilities, for each row of ``X``."""
        return np.repeat(self.shares[None, :], len(X), axis=0)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """The probabilities, for each row of ``X``."""
        return self.predict_freq(X)

    def predict(self, X: Any) -> NDArray[Any]:
        """The likeliest class, for each row of ``X``."""
        return np.full(len(X), int(self.shares.argmax()))
