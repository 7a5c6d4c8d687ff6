"""Heads for the host that `learners.toml` tries beside those of `odl.model.host_learners`.

Each has ``fit`` and ``predict``, so that a session fits it anew with each batch. None is an option of odl;
docs/studies.md has their figures.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier

Rows = NDArray[np.float64]
Classes = NDArray[np.int64]


class Condensed:
    """One nearest neighbour among the vectors that are needed to name all others.

    After Hart, "The condensed nearest neighbor rule", IEEE Transactions on Information Theory 14, 1968.
    """

    def fit(self, x: Rows, y: Classes) -> Self:
        far = ((x[:, None] - x) ** 2).sum(2)
        kept = [int(np.flatnonzero(y == cls)[0]) for cls in np.unique(y)]
        while True:
            wrong = np.setdiff1d(np.flatnonzero(y[kept][far[:, kept].argmin(1)] != y), kept)
            if not len(wrong):
                break
            kept.append(int(wrong[0]))
        self._x, self._y, self.classes_ = x[kept], y[kept], np.unique(y)
        return self

    def predict(self, x: Rows) -> Classes:
        return self._y[((x[:, None] - self._x) ** 2).sum(2).argmin(1)]


class Widening:
    """A second layer that is doubled, from 8 to at most 64, while it gets more than 2 % of its data wrong.

    After SEAL (arXiv 2505.10457): capacity is estimated by what the layer cannot learn, and the wider layer
    is taught by the narrower one too. Here the narrower one's answers near the data are a quarter of the
    wider one's data.
    """

    def fit(self, x: Rows, y: Classes) -> Self:
        draw = np.random.default_rng(0)
        width, found = 8, self._layer(8, x, y)
        while width < 64 and (found.predict(x) != y).mean() > 0.02:
            near = x[draw.integers(0, len(x), len(x) // 3)]
            near = np.clip(near + draw.normal(0, 0.02, near.shape), 0, 1)
            width *= 2
            found = self._layer(width, np.concatenate([x, near]), np.concatenate([y, found.predict(near)]))
        self._net, self.classes_ = found, found.classes_
        return self

    def predict(self, x: Rows) -> Classes:
        found: Classes = self._net.predict(x)
        return found

    def predict_proba(self, x: Rows) -> Rows:
        found: Rows = self._net.predict_proba(x)
        return found

    @staticmethod
    def _layer(width: int, x: Rows, y: Classes) -> Any:
        return MLPClassifier((width,), learning_rate_init=0.01, max_iter=100, random_state=0).fit(x, y)
