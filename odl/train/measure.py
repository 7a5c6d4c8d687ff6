"""Accuracy, macro-F1 and confusion of classes that were guessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Guesses:
    """What was true of some windows and what was said of them; class ids, (n,) each."""

    truth: NDArray[np.int64]
    guess: NDArray[np.int64]

    @property
    def accuracy(self) -> float:
        """Share of the windows that were right.

        >>> Guesses(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2])).accuracy
        0.75
        """
        return float((self.truth == self.guess).mean())

    @property
    def macro_f1(self) -> float:
        """Mean over the true classes of F1, each class alike.

        >>> round(Guesses(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2])).macro_f1, 4)
        0.7778
        """
        scores = []
        for cls in np.unique(self.truth):
            said, true = self.guess == cls, self.truth == cls
            scores.append(2 * (said & true).sum() / (said.sum() + true.sum()))
        return float(np.mean(scores))

    def confusion(self, classes: Sequence[int]) -> NDArray[np.int64]:
        """Windows by truth (row) and guess (column).

        >>> Guesses(np.array([0, 0, 1]), np.array([0, 1, 1])).confusion([0, 1]).tolist()
        [[1, 1], [0, 1]]
        """
        ids = np.array(classes)
        cells = (self.truth[:, None] == ids).T.astype(np.int64) @ (self.guess[:, None] == ids)
        return cells.astype(np.int64)


def joined(parts: Sequence[Guesses]) -> Guesses:
    """The guesses of several folds as one.

    >>> one = Guesses(np.array([1]), np.array([1]))
    >>> len(joined([one, one]).truth)
    2
    """
    return Guesses(np.concatenate([p.truth for p in parts]), np.concatenate([p.guess for p in parts]))
