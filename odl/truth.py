"""What really happened in a window, where anybody wrote it down."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from odl.events import Truth


class TruthTrack:
    """The truth of any window, from intervals that do not overlap.

    A window's class is the most frequent one of its samples if it covers at least half
    of them, ties to the class that comes earlier; any other window has none.

    Examples
    --------
    >>> track = TruthTrack([Truth(0, 100, "walk"), Truth(100, 180, "sit")])
    >>> track.of(0, 128), track.of(64, 128), track.of(150, 128)
    ('walk', 'sit', None)
    """

    def __init__(self, truths: Iterable[Truth] = ()) -> None:
        self._truths = sorted(truths, key=lambda t: t.start)
        self._ends = [t.end for t in self._truths]
        for before, after in zip(self._truths, self._truths[1:], strict=False):
            if after.start < before.end:
                raise ValueError(
                    f"truth overlaps: '{before.name}' until sample {before.end}, "
                    f"'{after.name}' from {after.start}"
                )

    def of(self, window: int, length: int) -> str | None:
        """The class of the ``length`` samples from ``window`` on, or None."""
        covered: dict[str, int] = {}
        for i in range(bisect_right(self._ends, window), len(self._truths)):
            truth = self._truths[i]
            overlap = min(truth.end, window + length) - max(truth.start, window)
            if overlap <= 0:
                break
            covered[truth.name] = covered.get(truth.name, 0) + overlap
        if not covered:
            return None
        name = max(covered, key=lambda n: covered[n])  # the first of equals came earlier
        return name if 2 * covered[name] >= length else None
