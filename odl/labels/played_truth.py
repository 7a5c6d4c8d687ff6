"""Truth of a live stream that a board plays from a recording, aligned by comparing samples.

The host does not know which recorded sample the board played first, and some are lost. Counts of
six axes rarely repeat, so a few samples in a row identify a place in the recording; all later
samples have to equal those that follow there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from odl.core.events import Adopt, Event, Gap, Samples, Truth
from odl.core.ground_truth import TruthTrack

ENOUGH = 4  # samples in a row that identify a place, if they occur once


class PlayedTruth:
    """Aligns a stream with the played recording, and looks up the recording's truth for it.

    Parameters
    ----------
    block : int16 array, shape (n, channels)
        All samples that are played, in order.
    truths : sequence of Truth
        Truth of the recording; positions count from the first sample of ``block``.

    Examples
    --------
    >>> block = np.arange(600, dtype=np.int16).reshape(100, 6)
    >>> played = PlayedTruth(block, [Truth(0, 50, "sit"), Truth(50, 100, "walk")])
    >>> list(played.take(Samples(0, block[30:40]))), list(played.take(Samples(10, block[40:70])))
    ([], [Truth(start=0, end=20, name='sit')])
    >>> played.of(0, 12), played.of(25, 10), list(played.end())
    ('sit', 'walk', [Truth(start=20, end=40, name='walk')])
    """

    def __init__(self, block: NDArray[np.int16], truths: Sequence[Truth]) -> None:
        self._block = np.ascontiguousarray(block)
        self._truths = sorted(truths, key=lambda truth: truth.start)
        self._track = TruthTrack(self._truths)
        self._places: dict[bytes, list[int]] = {}
        for place in range(len(block) - ENOUGH + 1):
            self._places.setdefault(self._block[place : place + ENOUGH].tobytes(), []).append(place)
        # Aligned parts of the stream: first sample, one behind the last, place in the recording.
        self._found: list[tuple[int, int, int]] = []
        self._given = 0  # samples whose truth was yielded
        self._earlier = 0  # parts of an earlier playback

    @property
    def left(self) -> int:
        """Samples of the recording behind the newest one of the stream."""
        if len(self._found) == self._earlier:
            return len(self._block)
        first, last, place = self._found[-1]
        return len(self._block) - (place + last - first)

    def restart(self) -> None:
        """Note that the recording is played again from its first sample."""
        self._earlier = len(self._found)

    def take(self, event: Event) -> Iterator[Truth]:
        """Apply an event of the stream; yield each truth once its samples have passed."""
        if isinstance(event, Gap | Adopt):
            yield from self.end()
        elif isinstance(event, Samples) and len(event.block):
            start, end = event.start, event.start + len(event.block)
            known = self._found[-1] if self._found and self._found[-1][1] == start else None
            if known is not None and self._agrees(known[2] + start - known[0], event.block):
                self._found[-1] = (known[0], end, known[2])
            else:
                yield from self.end()
                place = self._search(event.block)
                if place is None:
                    return
                self._found.append((start, end, place))
                self._given = start
            yield from self._over(end)
        elif isinstance(event, Truth):  # already in a resumed recording
            self._given = max(self._given, event.end)

    def end(self) -> Iterator[Truth]:
        """Yield the rest of the truth of the stream so far."""
        if self._found:
            first, last, place = self._found[-1]
            for truth in self._truths:
                start, end = (
                    max(self._given, truth.start - place + first),
                    min(last, truth.end - place + first),
                )
                if start < end:
                    yield Truth(start, end, truth.name)
            self._given = last

    def of(self, window: int, size: int) -> str | None:
        """The class of a window, as `odl.core.ground_truth.TruthTrack.of`; None if unknown."""
        for first, last, place in reversed(self._found):
            if first <= window and window + size <= last:
                return self._track.of(window - first + place, size)
        return None

    def _over(self, now: int) -> Iterator[Truth]:
        """Truths that end by sample ``now``."""
        first, _, place = self._found[-1]
        for truth in self._truths:
            start, end = max(self._given, truth.start - place + first), truth.end - place + first
            if start < end <= now:
                yield Truth(start, end, truth.name)
                self._given = end

    def _agrees(self, place: int, block: NDArray[np.int16]) -> bool:
        there = self._block[place : place + len(block)]
        return len(there) == len(block) and np.array_equal(there, block)

    def _search(self, block: NDArray[np.int16]) -> int | None:
        """The place of ``block`` in the recording; None unless there is exactly one."""
        if len(block) < ENOUGH:
            return None
        candidates = self._places.get(np.ascontiguousarray(block[:ENOUGH]).tobytes(), [])
        places = [place for place in candidates if self._agrees(place, block)]
        return places[0] if len(places) == 1 else None


def one_block(parts: Iterable[Event]) -> tuple[NDArray[np.int16], list[Truth]]:
    """Join the samples of a stream's inputs without gaps, as a sensor plays them, and shift their truth.

    Raises
    ------
    ValueError
        If there are no samples.

    Examples
    --------
    >>> block = np.zeros((10, 3), np.int16)
    >>> events = [Truth(0, 10, "a"), Samples(0, block), Gap(10, 5, "")]
    >>> events += [Truth(15, 25, "b"), Samples(15, block)]
    >>> one_block(events)[1]
    [Truth(start=0, end=10, name='a'), Truth(start=10, end=20, name='b')]
    """
    blocks, truths, missing = [], [], 0
    for event in parts:
        if isinstance(event, Samples):
            blocks.append(event.block)
        elif isinstance(event, Gap):
            missing += event.lost
        elif isinstance(event, Truth):
            truths.append(Truth(event.start - missing, event.end - missing, event.name))
    if not blocks:
        raise ValueError("there are no samples to play")
    return np.concatenate(blocks), truths
