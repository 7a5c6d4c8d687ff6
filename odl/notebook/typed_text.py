"""A text that somebody types into a field and ends with Enter or a button: when all of it has come."""

from __future__ import annotations

from typing import Any

from odl.core.clock import SYSTEM_CLOCK, Clock

_LEAST, _MOST = 0.25, 3.0  # seconds that the rest of a text is waited for


class TypedText:
    """The text of a field, once it has been ended and is whole.

    A browser sends Enter at once, but the text only when the kernel has taken in the text before it. So Enter
    comes first, by as much as one message takes to and fro. Texts that are typed quickly come at that same
    distance. So twice the distance of the last two is waited for, 0.25 to 3 seconds, and anew with each text
    that still comes. After a first single character it is 3 seconds; a longer first text was pasted.

    Parameters
    ----------
    field : ipywidgets.Text
        What is typed into.
    clock : Clock
        Time in seconds.

    Examples
    --------
    >>> from ipywidgets import Text
    >>> from odl.core.clock import SystemClock
    >>> class ByHand(SystemClock):
    ...     now = 0.0
    ...     def monotonic(self) -> float:
    ...         return self.now
    >>> field, clock = Text(), ByHand()
    >>> typed = TypedText(field, clock)
    >>> field.value = "wa"
    >>> typed.end()
    >>> field.value = "wave"  # came after Enter
    >>> typed.whole()
    >>> clock.now = 0.3
    >>> typed.whole(), typed.whole()
    ('wave', None)
    """

    def __init__(self, field: Any, clock: Clock = SYSTEM_CLOCK) -> None:
        self._field, self._clock = field, clock
        self.changed = clock.monotonic()  # when the last text came
        self._wait = _LEAST
        self._since: float | None = None  # when the text was ended, or its rest came
        field.observe(self._typed, "value")

    def _typed(self, change: Any) -> None:
        now = self._clock.monotonic()
        distance = 2 * (now - self.changed)
        if not change["old"]:
            distance = _MOST if len(change["new"]) == 1 else 0.0
        self._wait = min(max(_LEAST, distance), _MOST)
        self.changed = now
        if self._since is not None:
            self._since = now

    def end(self) -> None:
        """Note that Enter, or a button beside the field, has ended the text."""
        self._since = self._clock.monotonic()

    def whole(self) -> str | None:
        """Return the text once, when it has been ended and nothing more of it can come; else None."""
        if self._since is None or self._clock.monotonic() - self._since < self._wait:
            return None
        self._since = None
        return str(self._field.value)
