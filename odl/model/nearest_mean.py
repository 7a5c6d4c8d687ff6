"""Nearest class mean in integers, host-only: what a head of this kind would compute on a board."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.class_scores import ONE
from odl.core.protocols import Scores
from odl.model.fitted_anew import FittedAnew


class NearestMean(FittedAnew):
    """The class whose mean of features is nearest, by the sum of squared differences.

    A mean is that of the vectors stored in the model image and of the session's labels, in 8 bits, rounded
    half up. The labels of a class together count about as often as the image stores vectors of a class. A
    class weighs the least distance over its own.

    Examples
    --------
    >>> from odl.core.image import Image
    >>> from odl.data import model_bytes
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> learner = NearestMean().start(image)
    >>> image.names[learner.scores_one(image.stored[0]).path[-1]]
    'pendulum'
    """

    def scores_one(self, x: NDArray[np.uint8]) -> Scores:
        """Score ``x``."""
        distances = {cls: int(((mean - x) ** 2).sum()) for cls, mean in self.means.items()}
        least = min(distances.values(), default=0)
        return self.classes.of({cls: ONE * (least + 1) // (far + 1) for cls, far in distances.items()})

    def lesson(self, x: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The features as integers that hold a sum of them."""
        return x.astype(np.int64)

    def fit(self) -> None:
        """The mean of each class, in ``means``."""
        own, stored = self.image.owners.astype(np.int64), self.image.stored.astype(np.int64)
        share = len(own) // max(1, len(set(own.tolist())))
        self.means: dict[int, NDArray[np.int64]] = {}
        for cls in sorted({*own.tolist(), *(cls for _, cls, _ in self.log)}):
            labels = [x for _, named, x in self.log if named == cls]
            times = max(1, share // max(1, len(labels)))
            of_image = stored[own == cls]
            n = len(of_image) + times * len(labels)
            total = of_image.sum(axis=0) + times * sum(labels, np.zeros(stored.shape[1], np.int64))
            self.means[cls] = (2 * total + n) // (2 * n)
