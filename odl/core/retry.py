"""When a request goes out again, and when it is given up: the one place for these numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how soon a request is repeated.

    Parameters
    ----------
    timeout : float
        Seconds that the first attempt is given.
    attempts : int
        How often the request goes out at most, 1 or more.
    growth : float
        By how much longer each attempt is given than the one before.
    longest : float
        The longest that one attempt is given, in multiples of ``timeout``.
    limit : float
        Seconds after which nothing is waited for any longer, whatever happened meanwhile: a port
        that was away, an answer that is still coming in.

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
        """Seconds that ``attempt`` (0 is the first one) is given."""
        return self.timeout * min(self.growth**attempt, self.longest)

    @staticmethod
    def within(seconds: float, attempts: int = 5) -> RetryPolicy:
        """Attempts spread evenly over ``seconds``; ten times as long where an answer is coming in."""
        return RetryPolicy(seconds / attempts, attempts, growth=1.0, limit=10 * seconds)


LINK: Final = RetryPolicy()
BOARD: Final = RetryPolicy(timeout=0.4, attempts=8)  # the board does a request once all the same
LABEL_ATTEMPTS: Final = 3  # how often a board is sent an answer; it is sent an undo once
