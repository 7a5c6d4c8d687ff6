"""The true class of a window, from annotated intervals."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from odl.core.events import Truth


class TruthTrack:
    """Looks up the true class of any window.

    A window's class is the most frequent one of its samples if it covers at least half
    of them, ties to the class that comes earlier; any other window has none. Intervals
    of one class that overlap count once.

    Examples
    --------
    >>> track = TruthTrack([Truth(0, 100, "walk"), Truth(100, 180, "sit")])
    >>> track.of(0, 128), track.of(64, 128), track.of(150, 128)
    ('walk', 'sit', None)
    """

    def __init__(self, truths: Iterable[Truth] = ()) -> None:
        self._truths = _merged(truths)
        self._starts = [t[0] for t in self._truths]
        # The furthest end so far, so that a search for it stays right if classes overlap.
        self._ends = list(accumulate((t[1] for t in self._truths), max))

    def of(self, window: int, length: int) -> str | None:
        """The class of the ``length`` samples from ``window`` on, or None."""
        covered: Counter[str] = Counter()  # keeps the order of arrival, so max takes the earlier
        low, high = bisect_right(self._ends, window), bisect_left(self._starts, window + length)
        for start, end, name in self._truths[low:high]:
            if (samples := min(end, window + length) - max(start, window)) > 0:
                covered[name] += samples
        if not covered:
            return None
        name = max(covered, key=lambda each: covered[each])
        return name if 2 * covered[name] >= length else None

    @property
    def names(self) -> list[str]:
        """The classes, in the order of their first intervals."""
        return list(dict.fromkeys(name for _, _, name in self._truths))

    def of_all(self, windows: NDArray[np.int64], length: int) -> NDArray[np.int64]:
        """The true class of each window as its place in `names`, -1 where there is none.

        >>> track = TruthTrack([Truth(0, 100, "walk"), Truth(100, 180, "sit")])
        >>> track.of_all(np.array([0, 64, 150]), 128).tolist(), track.names
        ([0, 1, -1], ['walk', 'sit'])
        """
        place = {name: i for i, name in enumerate(self.names)}
        classes = np.full(len(windows), -1)
        low = np.searchsorted(self._ends, windows, side="right")
        high = np.searchsorted(self._starts, windows + length, side="left")
        one = np.flatnonzero(high - low == 1)  # most windows: one interval alone may cover them
        if len(one):
            at = low[one]
            starts, ends = np.array(self._starts)[at], np.array([end for _, end, _ in self._truths])[at]
            covered = np.minimum(ends, windows[one] + length) - np.maximum(starts, windows[one])
            own = np.array([place[name] for _, _, name in self._truths])[at]
            classes[one] = np.where(2 * covered >= length, own, -1)
        for i in np.flatnonzero(high - low > 1).tolist():
            name = self.of(int(windows[i]), length)
            classes[i] = -1 if name is None else place[name]
        return classes


def joined(truths: Iterable[Truth]) -> list[Truth]:
    """Return truths in order of start, with neighbours of one class as one.

    >>> joined([Truth(10, 20, "walk"), Truth(0, 10, "walk"), Truth(20, 30, "sit")])
    [Truth(start=0, end=20, name='walk'), Truth(start=20, end=30, name='sit')]
    """
    found: list[Truth] = []
    for truth in sorted(truths, key=lambda truth: truth.start):
        if found and found[-1].name == truth.name and found[-1].end == truth.start:
            found[-1] = Truth(found[-1].start, truth.end, truth.name)
        else:
            found.append(truth)
    return found


def _merged(truths: Iterable[Truth]) -> list[tuple[int, int, str]]:
    """(start, end, name) in order of start; intervals of one class do not overlap."""
    merged: list[tuple[int, int, str]] = []
    newest: dict[str, int] = {}  # where each class's last interval is in the list
    for start, end, name in sorted((t.start, t.end, t.name) for t in truths):
        i = newest.get(name)
        if i is not None and start < merged[i][1]:
            merged[i] = merged[i][0], max(end, merged[i][1]), name
        else:
            newest[name] = len(merged)
            merged.append((start, end, name))
    return merged
