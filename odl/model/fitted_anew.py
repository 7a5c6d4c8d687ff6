"""Learners on the host that keep a session's labels, and are fitted anew to all of them with each change."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from odl.core.class_scores import ClassScores
from odl.core.image import Image
from odl.core.protocols import Scores


class FittedAnew(ABC):
    """What such learners share: the labels; a class says how it is fitted and how it scores.

    Attributes
    ----------
    image : Image
        The model that the session began with.
    classes : ClassScores
        Its classes and tasks, and those that were added.
    log : list of (window, class, features)
        The labels so far, with the features as `lesson` has them.
    """

    image: Image
    classes: ClassScores
    log: list[tuple[int, int, NDArray[Any]]]

    @abstractmethod
    def scores_one(self, x: NDArray[np.uint8]) -> Scores:
        """Score ``x``."""

    @abstractmethod
    def fit(self) -> None:
        """Begin with the image, and learn all labels of ``log``."""

    @abstractmethod
    def lesson(self, x: NDArray[np.uint8]) -> NDArray[Any]:
        """The features of a label as `fit` takes them."""

    def start(self, image: Image) -> Self:
        """Begin a session with the classes and stored vectors of ``image``."""
        self.image, self.classes, self.log = image, ClassScores(image), []
        self.fit()
        return self

    def learn_many(self, x: NDArray[np.uint8], y: Sequence[int], windows: Sequence[int]) -> None:
        """Learn one batch."""
        self.log += [(w, int(cls), self.lesson(row)) for row, cls, w in zip(x, y, windows, strict=True)]
        self.fit()

    def add_class(self, at: int, cls: int, head: int, name: str) -> bool:
        """Add a class; what it is like is learned from its first label."""
        return self.classes.add_class(cls, head)

    def split(self, at: int, leaf: int, head: int) -> bool:
        """Add a task under ``leaf``."""
        return self.classes.split(leaf, head)

    def forget(self, window: int) -> None:
        """Fit anew without the label of ``window``."""
        self.log = [lesson for lesson in self.log if lesson[0] != window]
        self.fit()
