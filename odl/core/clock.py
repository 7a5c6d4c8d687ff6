"""The clock that everything around a session reads and waits on; tests replace it.

A session itself reads no clock: its time is a sample index.
"""

from __future__ import annotations

import time
from typing import Final, Protocol


class Clock(Protocol):
    """The methods of a clock. `SystemClock` is the default; tests use one that they move."""

    def monotonic(self) -> float:
        """Seconds that never go back, from any origin: for durations and deadlines."""
        ...

    def wall(self) -> float:
        """Seconds since 1970 (UTC), as in files' time stamps."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return after ``seconds``."""
        ...


class SystemClock:
    """The computer's clock.

    Examples
    --------
    >>> clock = SystemClock()
    >>> before = clock.monotonic()
    >>> clock.sleep(0.0)
    >>> clock.monotonic() >= before
    True
    """

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since 1970 (UTC)."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Return after ``seconds``."""
        time.sleep(seconds)


SYSTEM_CLOCK: Final = SystemClock()
