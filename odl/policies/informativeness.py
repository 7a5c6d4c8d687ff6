"""How much a label would tell: least confidence, margin, entropy; how unlike the open batch a window is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray


def least_confidence(leaves: Sequence[float]) -> float:
    """``1 - p1``: what the likeliest class lacks.

    References
    ----------
    D. D. Lewis, W. A. Gale, "A Sequential Algorithm for Training Text Classifiers", SIGIR 1994.

    Examples
    --------
    >>> least_confidence([0.75, 0.25])
    0.25
    """
    return 1 - max(leaves)


def margin(leaves: Sequence[float]) -> float:
    """``1 - (p1 - p2)``: how close the two likeliest classes are.

    References
    ----------
    T. Scheffer, C. Decomain, S. Wrobel, "Active Hidden Markov Models for Information Extraction",
    IDA 2001.

    Examples
    --------
    >>> round(margin([0.5, 0.4, 0.1]), 6)
    0.9
    """
    first, second = sorted([*leaves, 0.0])[:-3:-1]
    return 1 - (first - second)


def entropy(leaves: Sequence[float]) -> float:
    """``-sum(p log p) / log n``: the entropy as a share of the highest possible; 0 for a class alone.

    References
    ----------
    C. E. Shannon, "A Mathematical Theory of Communication", Bell System Technical Journal 27 (1948).

    Examples
    --------
    >>> entropy([0.5, 0.5]), entropy([1.0, 0.0])
    (1.0, 0.0)
    """
    if len(leaves) < 2:
        return 0.0
    return abs(sum(p * math.log(p) for p in leaves if p > 0)) / math.log(len(leaves))


MEASURES: Final[dict[str, Callable[[Sequence[float]], float]]] = {
    "least-confidence": least_confidence, "margin": margin, "entropy": entropy,
}  # fmt: skip


def measure_of(name: str, allowed: Sequence[str] = tuple(MEASURES)) -> Callable[[Sequence[float]], float]:
    """The measure called ``name``.

    Raises
    ------
    ValueError
        If it is none of those ``allowed``.

    Examples
    --------
    >>> measure_of("margin")([0.5, 0.5])
    1.0
    """
    if name not in allowed:
        raise ValueError(f"informativeness is {name!r}; it can be {', '.join(allowed)}")
    return MEASURES[name]


class OpenBatch:
    """The members of the open batch, and how unlike them a window is.

    Parameters
    ----------
    size : int
        Members at which the batch closes, at least 1; the next one is empty.

    Examples
    --------
    >>> batch = OpenBatch(2)
    >>> batch.add(np.array([0, 0], np.uint8))
    >>> [batch.diversity(np.array([x, 0], np.uint8)) for x in (100, 50, 200)]
    [1.0, 0.5, 1.0]
    """

    def __init__(self, size: int) -> None:
        self._size, self._most = size, 0.0
        self._members: list[NDArray[np.uint8]] = []

    def diversity(self, features: NDArray[np.uint8]) -> float:
        """``d / D``: the mean absolute difference to the nearest member, over the largest such so far.

        1 while the batch is empty; the same as a member: 0.
        """
        if not self._members:
            return 1.0
        apart = np.abs(np.array(self._members, np.int16) - features).mean(axis=1)
        nearest = float(apart.min())
        self._most = max(self._most, nearest)
        return nearest / self._most if nearest else 0.0

    def add(self, features: NDArray[np.uint8], last: bool = False) -> None:
        """``features`` join the batch, which closes if it is full or these are the ``last`` of the budget."""
        self._members.append(features.copy())
        if last or len(self._members) == self._size:
            self._members = []


def hybrid(informativeness: float, diversity: float, weight: float) -> float:
    """``(1 - weight) * informativeness + weight * diversity``, all from 0 to 1.

    >>> hybrid(1.0, 0.5, 0.5)
    0.75
    """
    return (1 - weight) * informativeness + weight * diversity
