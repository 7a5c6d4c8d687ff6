"""Whether anybody looks: a sign of life from the browser each second."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

_SILENT = 3.5  # seconds without a sign after which nobody seems to look
_RAREST = 8.0  # seconds between two attempts to get a sign


class Life:
    """A clock that runs in the browser, in a widget that is not to be seen.

    While a page is closed, what is sent to it piles up in the server; so a view sends pictures
    only while this says that somebody looks.

    Examples
    --------
    >>> life = Life()
    >>> life.seen(), life.widget.playing
    (False, False)
    >>> life.ask()
    >>> life.widget.value = 1  # as the browser does each second while it plays
    >>> life.seen(), life.widget.playing
    (True, True)
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        from ipywidgets import Layout, Play

        self.widget: Any = Play(interval=1000, max=2**30, layout=Layout(display="none"))
        self.widget.observe(self._sign, "value")
        self._now, self._last = now, float("-inf")
        self._asked, self._pause = float("-inf"), 0.5

    def seen(self) -> bool:
        """Whether there was a sign of life lately."""
        return self._now() - self._last < _SILENT

    def ask(self) -> None:
        """Start the clock, again if a page was loaded anew; ever more rarely while all is silent."""
        now = self._now()
        if self.seen() or now - self._asked < self._pause:
            return
        self._asked, self._pause = now, min(2 * self._pause, _RAREST)
        self.widget.playing = False
        self.widget.playing = True

    def stop(self) -> None:
        """Let the clock stand."""
        self.widget.playing = False

    def _sign(self, _: Any) -> None:
        self._last, self._pause = self._now(), 0.5
