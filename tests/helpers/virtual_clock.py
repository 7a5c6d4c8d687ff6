"""A clock that a test moves: waiting for something jumps to the next moment at which anything happens."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

TICK = 1e-6


class VirtualClock:
    """As `odl.core.clock.Clock`; nothing ever waits.

    Reading it takes ``tick`` seconds, so that a loop which only polls comes to its end.

    >>> clock, done = VirtualClock(), []
    >>> clock.after(5.0, lambda: done.append(clock.now))
    >>> clock.sleep(4.0), done, clock.wait(lambda: bool(done), 60.0), done
    (None, [5.0], True, [5.0])
    """

    def __init__(self, tick: float = TICK, wall: float = 1.7e9) -> None:
        self.now = 0.0
        self.tick, self._wall = tick, wall
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._number = count()  # of what is due, in the order in which it was asked for

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        self.now += self.tick
        return self.now

    def wall(self) -> float:
        """Seconds since 1970, at the same pace."""
        return self._wall + self.monotonic()

    def sleep(self, seconds: float) -> None:
        """Move on by ``seconds``; what is due meanwhile happens."""
        self.wait(lambda: False, seconds)

    def after(self, seconds: float, do: Callable[[], object]) -> None:
        """Have something happen in ``seconds``."""
        heapq.heappush(self._due, (self.now + seconds, next(self._number), do))

    def wait(self, until: Callable[[], bool], seconds: float) -> bool:
        """Move on until ``until()``, by ``seconds`` at most; return whether it came to that."""
        end = self.now + seconds
        while not until():
            if not self._due or self._due[0][0] > end:
                self.now = max(self.now, end)
                return until()
            moment, _, do = heapq.heappop(self._due)
            self.now = max(self.now, moment)
            do()
        return True
