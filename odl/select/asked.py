"""The questions of another session, once more: what a relabelled recording was run with."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from odl.learn.protocol import Scores
from odl.select.protocol import Decision
from odl.state import Asked


class AsAsked:
    """Asks about the given windows and about no other.

    Parameters
    ----------
    windows : iterable of int
        Window ids, sample indices.

    Examples
    --------
    >>> policy, scores = AsAsked([64]), Scores((0,), (32768,), 7)
    >>> [policy.decide(np.zeros(3, np.uint8), scores, w, w + 128).ask for w in (0, 64)]
    [False, True]
    """

    def __init__(self, windows: Iterable[int]) -> None:
        self._windows = frozenset(windows)

    def decide(self, x: NDArray[np.uint8], scores: Scores, window: int, end: int) -> Decision:
        """Whether ``window`` is one of them; its utility is the learner's doubt."""
        return Decision(window in self._windows, scores.doubt)

    def settle(self, window: int, outcome: Asked) -> None:
        """It is of no account what becomes of a question."""
