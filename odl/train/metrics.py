"""Accuracy, macro-F1 and confusion of predicted classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Predictions:
    """True and predicted class ids of some windows, (n,) each."""

    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]

    @property
    def accuracy(self) -> float:
        """Share of the windows whose class was predicted.

        >>> Predictions(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2])).accuracy
        0.75
        """
        return float((self.truth == self.predicted).mean())

    @property
    def macro_f1(self) -> float:
        """Mean of F1 over the classes that occur, each class alike.

        >>> round(Predictions(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2])).macro_f1, 4)
        0.7778
        """
        scores = []
        for cls in np.unique(self.truth):
            predicted, true = self.predicted == cls, self.truth == cls
            scores.append(2 * (predicted & true).sum() / (predicted.sum() + true.sum()))
        return float(np.mean(scores))

    def confusion(self, classes: Sequence[int]) -> NDArray[np.int64]:
        """Windows by truth (row) and prediction (column).

        >>> Predictions(np.array([0, 0, 1]), np.array([0, 1, 1])).confusion([0, 1]).tolist()
        [[1, 1], [0, 1]]
        """
        ids = np.array(classes)
        cells = (self.truth[:, None] == ids).T.astype(np.int64) @ (self.predicted[:, None] == ids)
        return cells.astype(np.int64)


def concatenate(parts: Sequence[Predictions]) -> Predictions:
    """The predictions of several folds as one.

    >>> one = Predictions(np.array([1]), np.array([1]))
    >>> len(concatenate([one, one]).truth)
    2
    """
    return Predictions(np.concatenate([p.truth for p in parts]), np.concatenate([p.predicted for p in parts]))
