"""A head of Dendron as a scikit-learn classifier."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from odl.core.kernels.heads import MAX_ROWS
from odl.model.integer_head import IntegerHead, padded_width


class DendronClassifier(ClassifierMixin, BaseEstimator):
    """A head of Dendron for any features; it learns in integers as a board does.

    Features are converted to uint8 by a scale that the first data set. The head is a function of the
    ordered list of all samples, so `partial_fit` in pieces equals `fit` on the whole if the scale is
    the same. The list is stored: a byte per feature and sample.

    Parameters
    ----------
    epochs : int
        Passes over all samples at each refit.
    rate_shift : int, optional
        A gradient step is ``error * feature / 2**rate_shift``, 1 to 24. Default: the shift with which
        one step changes the logit of a typical sample by about its error.
    bounds : (low, high), optional
        Values converted to 0 and 255, for all features or an array for each; features beyond them
        saturate. Default: the extremes of the first data; 0 and 255 for uint8 data, such as an
        Extractor's, which stay unchanged. Set them if the first `partial_fit` has few samples.
    random_state : int
        Seed of the order in which samples are learned.

    Attributes
    ----------
    classes_ : ndarray
        Labels, 2 to 20 of them.
    n_features_in_ : int

    Examples
    --------
    >>> X = np.array([[0.0, 1.0], [0.1, 0.9], [1.0, 0.0], [0.9, 0.1]])
    >>> model = DendronClassifier().fit(X, ["a", "a", "b", "b"])
    >>> model.predict([[0.2, 0.8]]).tolist(), model.predict_proba([[0.2, 0.8]]).shape
    (['a'], (1, 2))
    """

    def __init__(
        self,
        epochs: int = 32,
        rate_shift: int | None = None,
        bounds: tuple[ArrayLike, ArrayLike] | None = None,
        random_state: int = 0,
    ) -> None:
        self.epochs = epochs
        self.rate_shift = rate_shift
        self.bounds = bounds
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn anew from features ``X`` (n, features) and labels ``y`` (n,)."""
        values, labels = self._checked(X, y, reset=True)
        return self._begin(values, np.unique(labels))._learn(values, labels)

    def partial_fit(self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None) -> Self:
        """Learn from more samples; the first call has to name all ``classes``."""
        begun = hasattr(self, "_head")  # a first call that failed has left none
        values, labels = self._checked(X, y, reset=not begun)
        if not begun:
            if classes is None:
                raise ValueError("classes must be given at the first call of partial_fit")
            self._begin(values, np.unique(classes))
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(f"classes={classes!r} are not those of the first call: {self.classes_}")
        return self._learn(values, labels)

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Probabilities (n, classes), in the order of ``classes_``."""
        check_is_fitted(self, "_head")
        x = self._quantised(validate_data(self, X, reset=False))
        return self._head.shares(x)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most likely class of each sample; the earlier one of equals."""
        shares = self.predict_proba(X)
        labels: NDArray[Any] = self.classes_[shares.argmax(axis=1)]
        return labels

    def _checked(self, X: ArrayLike, y: ArrayLike, *, reset: bool) -> tuple[NDArray[Any], NDArray[Any]]:
        values, labels = validate_data(self, X, y, reset=reset, dtype="numeric")
        check_classification_targets(labels)
        return values, labels

    def _begin(self, values: NDArray[Any], classes: NDArray[Any]) -> Self:
        """Set scale and classes, and clear the list of samples."""
        if len(classes) < 2:
            raise ValueError("there is only one class; give at least two")
        if len(classes) > MAX_ROWS:
            raise ValueError(f"{len(classes)} classes; a head has room for {MAX_ROWS}")
        self.classes_ = classes
        self._low, self._step = self._scale(values)
        self._x = np.zeros((0, padded_width(values.shape[1])), np.uint8)
        self._y = np.zeros(0, np.uint8)
        return self

    def _learn(self, values: NDArray[Any], labels: NDArray[Any]) -> Self:
        """Append to the list of samples and refit."""
        place = np.searchsorted(self.classes_, labels)
        known = self.classes_[np.minimum(place, len(self.classes_) - 1)] == labels
        if not known.all():
            raise ValueError(f"y holds '{labels[~known][0]}', which is not in classes={self.classes_}")
        self._x = np.concatenate([self._x, self._quantised(values)])
        self._y = np.concatenate([self._y, place.astype(np.uint8)])
        self._refit()
        return self

    def _scale(self, values: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The feature value converted to 0, and the step of one count."""
        if self.bounds is not None:
            low, high = (np.broadcast_to(np.asarray(b, float), values.shape[1:]).copy() for b in self.bounds)
            if not np.all(low < high):
                raise ValueError("bounds are (low, high), and low is not below high for each feature")
        elif values.dtype == np.uint8:
            low, high = np.zeros(values.shape[1]), np.full(values.shape[1], 255.0)
        else:
            low, high = values.min(axis=0).astype(float), values.max(axis=0).astype(float)
        step = (high - low) / 255
        return low, np.where(step > 0, step, 1.0)

    def _quantised(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        padded = np.zeros((len(values), padded_width(values.shape[1])), np.uint8)
        steps = np.floor((values.astype(np.float64) - self._low) / self._step + 0.5)
        padded[:, : values.shape[1]] = np.clip(steps, 0, 255)
        return padded

    def _refit(self) -> None:
        """Fit the head to all samples."""
        if self.rate_shift is not None and not 1 <= self.rate_shift <= 24:
            raise ValueError(f"rate_shift is {self.rate_shift}; it can be 1 to 24")
        if self.epochs < 1:
            raise ValueError(f"epochs is {self.epochs}; at least 1 is needed")
        head = IntegerHead(len(self.classes_), self.epochs, self.rate_shift, int(self.random_state))
        self._head = head.fit(self._x, self._y)
