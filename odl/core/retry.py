"""When a request is sent again, and when it fails: the one place for these numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how soon a request is repeated.

    Parameters
    ----------
    timeout : float
        Seconds to wait after the first attempt.
    attempts : int
        Largest number of attempts, 1 or more.
    growth : float
        Factor from each wait to the next.
    longest : float
        Longest wait, in multiples of ``timeout``.
    limit : float
        Seconds after which the request fails in any case: with a port that is away, or an answer
        that is still arriving.

    Examples
    --------
    >>> policy = RetryPolicy(timeout=0.5)
    >>> [policy.seconds(attempt) for attempt in range(5)]
    [0.5, 1.0, 2.0, 2.0, 2.0]
    """

    timeout: float = 1.0
    attempts: int = 5
    growth: float = 2.0
    longest: float = 4.0
    limit: float = 30.0

    def seconds(self, attempt: int) -> float:
        """Seconds to wait after ``attempt``, counted from 0."""
        return self.timeout * min(self.growth**attempt, self.longest)

    @staticmethod
    def within(seconds: float, attempts: int = 5) -> RetryPolicy:
        """Spread attempts evenly over ``seconds``; an answer that is arriving has ten times as long."""
        return RetryPolicy(seconds / attempts, attempts, growth=1.0, limit=10 * seconds)


LINK: Final = RetryPolicy()
BOARD: Final = RetryPolicy(timeout=0.4, attempts=8)  # a board does a repeated request once
LABEL_ATTEMPTS: Final = 3  # of an answer to a board; an undo has one attempt
