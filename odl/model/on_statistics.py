"""A classifier of river on statistics of the samples, in place of the extractor's features."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.adapters import chances_of
from odl.core.class_scores import ClassScores
from odl.core.image import Image
from odl.core.protocols import Scores, Window


class OnStatistics:
    """A learner that sees mean, standard deviation, minimum and maximum of each channel in a window.

    The statistics are named ``ax_mean``, ``ax_std``, ... and are in the units of the model image. The
    classifier knows nothing at first: the vectors that an image stores are features. Predictions without a
    known class have an empty path.

    Parameters
    ----------
    classifier : object
        Has ``learn_one(x, y)`` and ``predict_proba_one(x)`` or ``predict_one(x)``; a copy of it is used.

    Examples
    --------
    >>> from river.naive_bayes import GaussianNB
    >>> from odl.evaluate.replay import replay
    >>> result = replay("shoulder", learner=OnStatistics(GaussianNB()), budget=5, subjects=["7"])
    >>> result.host_only
    ('learner GaussianNB on statistics',)
    """

    def __init__(self, classifier: Any) -> None:
        self._given = classifier

    @property
    def __name__(self) -> str:
        return f"{type(self._given).__name__} on statistics"

    def start(self, image: Image) -> OnStatistics:
        """Begin a session with the classes and channels of ``image``."""
        self._classes, self._names = ClassScores(image), dict(image.names)
        self._columns = [f"{c.name}_{what}" for what in ("mean", "std", "min", "max") for c in image.channels]
        self._windows: dict[int, dict[str, float]] = {}
        self._newest: dict[str, float] = {}
        self._lessons: list[tuple[int, str]] = []
        self._classifier = copy.deepcopy(self._given)
        return self

    def see(self, window: Window) -> None:
        """Compute the statistics of the window that is scored next; they are held for its label."""
        samples = window.samples
        values = np.concatenate([samples.mean(0), samples.std(0), samples.min(0), samples.max(0)])
        self._newest = dict(zip(self._columns, values.tolist(), strict=True))
        self._windows[window.start] = self._newest

    def scores_one(self, x: NDArray[np.uint8]) -> Scores:
        """Score the window that was seen last; the features ``x`` are not used."""
        found = chances_of(self._classifier, self._newest)
        return self._classes.of({cls: found.get(self._names[cls], 0.0) for cls, _ in self._classes.rows})

    def learn_many(self, x: NDArray[np.uint8], y: Sequence[int], windows: Sequence[int]) -> None:
        """Learn one batch, in window order."""
        for cls, window in zip(y, windows, strict=True):
            self._lessons.append((window, self._names[cls]))
            self._classifier.learn_one(self._windows[window], self._names[cls])

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
        self._classifier = copy.deepcopy(self._given)
        for known, name in self._lessons:
            self._classifier.learn_one(self._windows[known], name)
