"""Learners in floating point for comparison, host-only: scikit-learn's classifiers, the last layer."""

from __future__ import annotations

import copy
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from odl.core.protocols import Scores
from odl.model.fitted_anew import FittedAnew
from odl.model.nearest_mean import NearestMean


class Refitted(FittedAnew):
    """A classifier of scikit-learn as a learner: with each batch it is fitted anew to all it may know.

    That is the vectors stored in the model image, and all labels of the session. The labels of a class
    together count about as often as the image stores vectors of a class. An estimator that draws has the
    seed 0 unless it has its own.

    Parameters
    ----------
    estimator : object
        Has ``fit(X, y)``, and ``predict_proba``, ``decision_function`` or ``predict``.

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from odl.core.image import Image
    >>> from odl.data import model_bytes
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> learner = Refitted(KNeighborsClassifier(3)).start(image)
    >>> image.names[learner.scores_one(image.stored[0]).path[-1]]
    'pendulum'
    """

    def __init__(self, estimator: Any) -> None:
        self._given = _seeded(estimator)

    @property
    def __name__(self) -> str:
        return type(self._given).__name__

    def scores_one(self, x: NDArray[np.uint8]) -> Scores:
        """Score ``x``."""
        if self._alone is not None:
            return self.classes.of(self._alone)
        row = self.lesson(x)[None, :]
        known = self._estimator.classes_
        if hasattr(self._estimator, "predict_proba"):
            shares = self._estimator.predict_proba(row)[0]
        elif hasattr(self._estimator, "decision_function"):
            logits = np.atleast_1d(self._estimator.decision_function(row)[0])
            logits = np.array([-logits[0], logits[0]]) if len(logits) < len(known) else logits
            shares = np.exp(logits - logits.max())
        else:
            shares = (known == self._estimator.predict(row)[0]).astype(float)
        return self.classes.of(dict(zip(known.tolist(), shares.tolist(), strict=True)))

    def lesson(self, x: NDArray[np.uint8]) -> NDArray[np.float64]:
        """The features from 0 to 1."""
        return x / 255.0

    def fit(self) -> None:
        """Fit the classifier, unless there is one class alone."""
        count = Counter(cls for _, cls, _ in self.log)
        stored, owners = self.lesson(self.image.stored), self.image.owners.astype(np.int64)
        share = len(owners) // max(1, len(set(owners.tolist())))
        own = [(cls, x) for _, cls, x in self.log for _ in range(max(1, share // count[cls]))]
        x = np.concatenate([stored, *(row[None, :] for _, row in own)])
        y = np.concatenate([owners, np.array([cls for cls, _ in own], np.int64)])
        known = set(y.tolist())
        self._alone = dict.fromkeys(known, 1.0) if len(known) < 2 else None
        if self._alone is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a fit on few labels need not converge
                self._estimator = copy.deepcopy(self._given).fit(x, y)


def _seeded(estimator: Any) -> Any:
    """A copy with the seed 0 wherever it, or an estimator in it, would draw from numpy's global state."""
    found = copy.deepcopy(estimator)
    if hasattr(found, "get_params"):
        unset = [
            name for name, value in found.get_params().items()
            if name.split("__")[-1] == "random_state" and value is None
        ]  # fmt: skip
        found.set_params(**dict.fromkeys(unset, 0))
    return found


class LastLayer(FittedAnew):
    """The heads fine-tuned by gradient descent on the session's labels alone, in floating point.

    No stored vectors are replayed, and a new class starts from weights of zero: the plain form of what
    `odl.model.dendron.Dendron` does.

    Parameters
    ----------
    epochs : int
        Passes over all labels of the session with each batch, from the weights of the image.
    rate : float
        Size of a gradient step.

    Examples
    --------
    >>> from odl.core.image import Image
    >>> from odl.data import model_bytes
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> learner = LastLayer().start(image)
    >>> image.names[learner.scores_one(image.stored[0]).path[-1]]
    'pendulum'
    """

    def __init__(self, epochs: int = 16, rate: float = 1.0) -> None:
        if epochs < 1 or not rate > 0:
            raise ValueError(f"epochs is {epochs} and rate is {rate}; they can be at least 1, and above 0")
        self.epochs, self.rate = epochs, rate

    def scores_one(self, x: NDArray[np.uint8]) -> Scores:
        """Score ``x``."""
        return self.classes.of_rows(self._shares(self.lesson(x)))

    def add_class(self, at: int, cls: int, head: int, name: str) -> bool:
        """Add a class with weights of zero."""
        self.classes.add_class(cls, head)
        self.fit()
        return True

    def lesson(self, x: NDArray[np.uint8]) -> NDArray[np.float64]:
        """The features from 0 to 1, with the bias."""
        return np.append(x, 128) / 255.0

    def fit(self) -> None:
        """From the image's weights, learn all labels; a label is learned by the heads on its path alone."""
        base = self.image.base.astype(np.float64) * 255.0
        heads = np.array([head for _, head in self.classes.rows])
        unit = 2.0 ** -np.array([int(self.image.formats[min(h, len(self.image.formats) - 1)]) for h in heads])
        self._weights = np.zeros((len(heads), base.shape[1]))
        self._weights[: len(base)] = base
        self._weights *= unit[:, None]
        labelled = {row for _, cls, _ in self.log for row in self.classes.path(cls)}
        self._active = np.array([row < len(base) or row in labelled for row in range(len(heads))])
        self._heads = heads
        for _ in range(self.epochs):
            for _, cls, x in self.log:
                for row in self.classes.path(cls):
                    own = (heads == heads[row]) & self._active
                    error = self._softmax(x, own)
                    error[row] -= 1
                    self._weights[own] -= self.rate * error[own, None] * x / (x @ x)

    def _softmax(self, x: NDArray[np.float64], rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        logits = self._weights @ x
        powers = np.where(rows, np.exp(logits - logits[rows].max()), 0.0)
        shares: NDArray[np.float64] = powers / powers.sum()
        return shares

    def _shares(self, x: NDArray[np.float64]) -> list[float]:
        """The probability of each row: the product along its path."""
        own = np.zeros(len(self._heads))
        for head in np.unique(self._heads):
            rows = (self._heads == head) & self._active
            if rows.any():
                own += self._softmax(x, rows)
        return [float(np.prod(own[self.classes.above(row)])) for row in range(len(own))]


def neighbours(k: int = 1) -> Refitted:
    """The ``k`` nearest neighbours (`sklearn.neighbors.KNeighborsClassifier`)."""
    from sklearn.neighbors import KNeighborsClassifier

    return Refitted(KNeighborsClassifier(k))


def ridge(alpha: float = 0.1) -> Refitted:
    """A linear classifier by ridge regression (`sklearn.linear_model.RidgeClassifier`)."""
    from sklearn.linear_model import RidgeClassifier

    return Refitted(RidgeClassifier(alpha=alpha))


def flat_network(hidden: int = 32, epochs: int = 100, rate: float = 0.01, seed: int = 0) -> Refitted:
    """A network with one hidden layer over all classes at once (`sklearn.neural_network.MLPClassifier`)."""
    from sklearn.neural_network import MLPClassifier

    return Refitted(MLPClassifier((hidden,), learning_rate_init=rate, max_iter=epochs, random_state=seed))


HOST_LEARNERS: Final[dict[str, Callable[..., Any]]] = {
    "last-layer": LastLayer,
    "nearest-mean": NearestMean,
    "knn": neighbours,
    "ridge": ridge,
    "flat-network": flat_network,
}
