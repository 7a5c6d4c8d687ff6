"""A sentence on standard error while a command has shown nothing for two seconds."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from odl.core.clock import SYSTEM_CLOCK, Clock

SILENT: Final = 2.0  # seconds without a word, at most
INTERVAL: Final = 5.0  # seconds between two sentences about the same work
_SO_FAR: Final = re.compile(r"(.*) \((\d+) s so far\)")


class StillWorking:
    """Reports that a command still works, unless it reports by itself.

    Parameters
    ----------
    show : callable
        Prints a sentence.
    clock : Clock
        Tells how long nothing was shown.

    Examples
    --------
    >>> from odl.core.clock import SYSTEM_CLOCK
    >>> sign = StillWorking(print)
    >>> sign.progress("reading walk.odl")
    reading walk.odl
    >>> sign.check()
    """

    def __init__(self, show: Callable[[str], None], clock: Clock = SYSTEM_CLOCK) -> None:
        self._show, self._clock = show, clock
        self._lock = threading.Lock()
        self._doing, self._since = "working", clock.monotonic()
        self._due = self._since + SILENT
        self._paused = False

    def progress(self, sentence: str) -> None:
        """Show a sentence of the command; it is what the command does from now on.

        One that says how long the work takes is repeated later, as the next one is on its way.
        """
        with self._lock:
            self._show(sentence)
            now, own = self._clock.monotonic(), _SO_FAR.fullmatch(sentence)
            self._doing = own[1] if own else sentence.rstrip(".")
            self._since = now - int(own[2]) if own else now
            self._due = now + (INTERVAL if own or sentence.endswith(" left") else SILENT)

    def check(self) -> None:
        """Show what the command does if it has shown nothing for too long."""
        with self._lock:
            now = self._clock.monotonic()
            if now >= self._due and not self._paused:
                self._due = now + INTERVAL
                self._show(f"{self._doing} ({now - self._since:.0f} s so far)")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Show nothing of its own while something else shows the state: a live view, a server."""
        with self._lock:
            self._paused = True
        try:
            yield
        finally:
            with self._lock:
                self._paused = False
                self._since = self._clock.monotonic()
                self._due = self._since + SILENT

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Check twice a second, in a thread of its own."""
        done = threading.Event()

        def beat() -> None:
            while not done.wait(0.5):
                self.check()

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


@contextmanager
def quiet(progress: Callable[[str], None]) -> Iterator[None]:
    """Pause the sentence that ``progress`` belongs to, if it belongs to one.

    >>> with quiet(StillWorking(print).progress):
    ...     pass
    """
    owner = getattr(progress, "__self__", None)
    if isinstance(owner, StillWorking):
        with owner.paused():
            yield
    else:
        yield
