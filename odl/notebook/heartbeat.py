"""A heartbeat from the browser each second, which shows that a view's page is open."""

from __future__ import annotations

from typing import Any

from odl.core.clock import SYSTEM_CLOCK, Clock

_SILENT = 3.5  # seconds without a beat after which the page counts as closed
_RAREST = 8.0  # seconds between two attempts to get a beat, at most


class Heartbeat:
    """A clock that runs in the browser, in a hidden widget.

    While a page is closed, messages to it pile up in the server. So a view sends pictures only while
    `watched` is True.

    Examples
    --------
    >>> heartbeat = Heartbeat()
    >>> heartbeat.watched(), heartbeat.widget.playing
    (False, False)
    >>> heartbeat.probe()
    >>> heartbeat.widget.value = 1  # the browser does this each second while it plays
    >>> heartbeat.watched(), heartbeat.widget.playing
    (True, True)
    """

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        from ipywidgets import Layout, Play

        self.widget: Any = Play(interval=1000, max=2**30, layout=Layout(display="none"))
        self.widget.observe(self._beat, "value")
        self._clock, self._last = clock, float("-inf")
        self._asked, self._pause = float("-inf"), 0.5

    def watched(self) -> bool:
        """True if there was a beat lately."""
        return self._clock.monotonic() - self._last < _SILENT

    def probe(self) -> None:
        """Start the clock, or restart it after a page was reloaded; attempts become rarer without a beat."""
        now = self._clock.monotonic()
        if self.watched() or now - self._asked < self._pause:
            return
        self._asked, self._pause = now, min(2 * self._pause, _RAREST)
        self.widget.playing = False
        self.widget.playing = True

    def stop(self) -> None:
        """Stop the clock."""
        self.widget.playing = False

    def _beat(self, _: Any) -> None:
        self._last, self._pause = self._clock.monotonic(), 0.5
