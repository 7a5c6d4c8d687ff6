"""Replay: recorded parts or a recording as a source of inputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from odl.core.events import Gap, Input, Samples, Truth
from odl.data import Part

BLOCK = 512


def replay_parts(parts: Iterable[Part], block: int = BLOCK) -> Iterator[Input]:
    """The inputs of one session: each part's truth, then its samples; seams as gaps.

    Parameters
    ----------
    parts : iterable of Part
        Uninterrupted recordings of one person, in order.
    block : int
        Samples per event, at least 1.

    Examples
    --------
    >>> from odl.data import load
    >>> first = list(replay_parts(load("shoulder", 7)))[:2]
    >>> [type(event).__name__ for event in first]
    ['Truth', 'Samples']
    """
    position = 0
    for number, part in enumerate(parts):
        if part.lost_before:
            yield Gap(position, part.lost_before, "missing in the recording")
            position += part.lost_before
        elif number:
            yield Gap(position, 0, "seam between recordings")
        for start, end, name in part.truths:
            yield Truth(position + start, position + end, name)
        for at in range(0, len(part.block), block):
            piece = part.block[at : at + block]
            yield Samples(position + at, piece)
        position += len(part.block)


def windows_in(lengths: Iterable[int], window: int, hop: int) -> int:
    """Windows that uninterrupted stretches of these lengths hold.

    >>> windows_in([128, 127, 300], 128, 64)
    4
    """
    return sum((n - window) // hop + 1 for n in lengths if n >= window)
