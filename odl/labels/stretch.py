"""The stretch of the stream that a question is about: what a person is shown of it, and its words."""

from __future__ import annotations

from typing import Final, Protocol

from odl._text import clock_time

LONGEST: Final = 60.0  # seconds: what lasts longer is asked about by its end
_NOW: Final = 1.0  # seconds after the end of a stretch in which it is "the last" one


class AskedAbout(Protocol):
    """A question; it is about samples ``since`` to ``end`` (exclusive)."""

    @property
    def since(self) -> int: ...
    @property
    def end(self) -> int: ...


def first_shown(since: int, window: int, size: int, rate_hz: float) -> int:
    """The first sample that a question about ``window`` of ``size`` samples shows as its stretch.

    The stretch begins at ``since``, at the latest with the window, and is cut to the last `LONGEST` seconds.

    >>> [first_shown(since, window, 128, 50.0) for since, window in ((1000, 2000), (0, 9000), (2000, 2000))]
    [1000, 6128, 2000]
    """
    return min(window, max(0, since, window + size - round(LONGEST * rate_hz)))


def stretch_words(question: AskedAbout, rate_hz: float, now: int | None = None) -> str:
    """Words for the stretch that ``question`` is about, at the stream's position ``now``.

    Without ``now`` they are words that stay true while the stream goes on.

    >>> from types import SimpleNamespace
    >>> question = SimpleNamespace(since=5850, end=7850)
    >>> stretch_words(question, 50.0, now=7860), stretch_words(question, 50.0)
    ('in the last 40 s', 'in the 40 s up to 2:37')
    """
    seconds = max(1, round((question.end - question.since) / rate_hz))
    if now is not None and now - question.end < _NOW * rate_hz:
        return f"in the last {seconds} s"
    return f"in the {seconds} s up to {clock_time(question.end / rate_hz)}"


def ago_words(question: AskedAbout, rate_hz: float, now: int) -> str:
    """Words for how long ago the stretch ended; empty within a second.

    >>> from types import SimpleNamespace
    >>> ago_words(SimpleNamespace(since=5850, end=7850), 50.0, now=9100)
    '25 s ago'
    """
    seconds = (now - question.end) / rate_hz
    if seconds < _NOW:
        return ""
    return f"{seconds:.0f} s ago" if seconds < 120 else f"{seconds / 60:.0f} min ago"
