"""What a learner is to a session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class Scores(NamedTuple):
    """What a learner says of one feature vector.

    ``path`` holds class ids from the root down, ``scores`` a Q15 probability per class in
    the order in which the classes came, ``doubt`` 1 - (p1 - p2) over the leaves in Q15.
    """

    path: tuple[int, ...]
    scores: tuple[int, ...]
    doubt: int


class Learner(Protocol):
    """Learns classes from features, uint8 of shape (features,)."""

    def scores_one(self, x: NDArray[np.uint8]) -> Scores:
        """Score ``x``; changes nothing."""
        ...

    def predict_one(self, x: NDArray[np.uint8]) -> int | None:
        """The leaf-most class, or None before any is known; changes nothing."""
        ...

    def learn_many(self, x: NDArray[np.uint8], y: Sequence[int], windows: Sequence[int]) -> None:
        """One closed batch: features (n, features), classes and window ids in window order."""
        ...

    def add_class(self, at: int, cls: int, head: int, name: str) -> bool:
        """A new class under task ``head``; whether there was room and sense in it."""
        ...

    def split(self, at: int, leaf: int, head: int) -> bool:
        """Task ``head`` under class ``leaf``; whether there was room and sense in it."""
        ...

    def forget(self, window: int) -> None:
        """Unlearn the label of ``window``: as if it had never been given."""
        ...

    def to_bytes(self) -> bytes:
        """What has been learned, as bytes; equal states give equal bytes."""
        ...
