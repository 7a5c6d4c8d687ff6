"""What a policy is to a session."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from odl.core.learner_protocol import Scores
from odl.core.state import Asked


class Decision(NamedTuple):
    """Whether to ask, and how useful (Q15) an answer would be."""

    ask: bool
    utility: int


class Policy(Protocol):
    """Decides which windows are worth a question; keeps the budget."""

    def decide(self, x: NDArray[np.uint8], scores: Scores, window: int, end: int) -> Decision:
        """Once per window, in order; asking spends budget."""
        ...

    def settle(self, window: int, outcome: Asked) -> None:
        """The question about ``window`` was answered, skipped or expired, or (OPEN) reopened."""
        ...
