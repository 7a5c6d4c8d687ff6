"""How fast counted work goes, and how long it will still take, as a sentence every two seconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from odl.core.clock import SYSTEM_CLOCK, Clock

INTERVAL: Final = 2.0  # seconds between two sentences


class Pace:
    """Reports counted work with its rate and the time left, at most every two seconds.

    Parameters
    ----------
    progress : callable or None
        Takes a sentence; None: nothing is said.
    what : str
        What is done, such as ``"person 7"``.
    total : int or None
        How many there are in all; None if nobody knows, and then no time is left to say.
    unit : str
        What is counted, in the plural.
    clock : Clock
        Tells the time.

    Examples
    --------
    >>> class Stopped:
    ...     now = 0.0
    ...     def monotonic(self):
    ...         return self.now
    >>> clock = Stopped()
    >>> pace = Pace(print, "fit 1 of 3", 4000, "steps", clock)
    >>> pace.reach(100)
    >>> clock.now = 4.0
    >>> pace.reach(400)
    fit 1 of 3: 400 of 4,000 steps, 100 a second, 36 s left
    """

    def __init__(
        self,
        progress: Callable[[str], None] | None,
        what: str,
        total: int | None,
        unit: str,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._progress, self._what, self._total, self._unit, self._clock = progress, what, total, unit, clock
        self._start = self._last = clock.monotonic()

    def reach(self, done: int) -> None:
        """Say that ``done`` are done, if it is time for a sentence."""
        now = self._clock.monotonic()
        if self._progress is None or now - self._last < INTERVAL or done <= 0:
            return
        self._last = now
        rate = done / (now - self._start)
        speed = f"{rate:,.0f} a second" if rate >= 9.5 else f"{rate:.1f} a second"
        if rate < 0.1:
            speed = f"{60 * rate:.1f} a minute"
        if self._total is None:
            self._progress(f"{self._what}: {done:,} {self._unit}, {speed}")
            return
        left = max(0, self._total - done) / rate
        time_left = f"{left:.0f} s" if left < 120 else f"{left / 60:.0f} min"
        self._progress(f"{self._what}: {done:,} of {self._total:,} {self._unit}, {speed}, {time_left} left")
