"""The inputs of a recording, repaired so that a session can step through them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from odl.core.events import (
    Adopt,
    Command,
    Gap,
    Input,
    Origin,
    Samples,
    Truth,
)
from odl.recording.reader import Recording

DAMAGED: Final = "damaged recording"  # cause of the gaps added here


def inputs(recording: Recording) -> Iterator[Input]:
    """Yield the inputs of a recording so that a session can step through them.

    Those of an undamaged recording are unchanged. In a damaged one a ``Gap`` replaces missing samples,
    and duplicates are dropped. A command due within missing samples follows the Gap, due at its end.

    >>> import numpy as np
    >>> from odl.core.events import Undo
    >>> from odl.wire import Start
    >>> block = np.zeros((10, 3), np.int16)
    >>> events = [Samples(0, block), Undo(15), Samples(20, block)]
    >>> damaged = Recording(Start({}, b""), events, False, None, 0, 1, [], 0, "")
    >>> list(inputs(damaged))[1:3]
    [Gap(start=10, lost=10, why='damaged recording'), Undo(at=20)]
    """
    now = 0
    hole = (0, 0)
    waiting: list[Command | Origin | Truth] = []  # due later than now, perhaps behind missing samples
    for event in recording.events:
        if isinstance(event, Samples | Gap | Adopt):
            if event.start > now:
                yield Gap(now, event.start - now, DAMAGED)
                hole, now = (now, event.start), event.start
            yield from (_move(command, hole) for command in waiting)
            waiting.clear()
            rest = _after(event, now)
            if rest is not None:
                yield rest
                now = rest.start + (len(rest.block) if isinstance(rest, Samples) else rest.lost)
        elif isinstance(event, Command | Origin | Truth):
            if waiting or (not isinstance(event, Truth) and event.at > now):
                waiting.append(event)
            else:
                yield _move(event, hole)
    if recording.position is not None and recording.position > now:
        yield Gap(now, recording.position - now, DAMAGED)
        hole = (now, recording.position)
    yield from (_move(command, hole) for command in waiting)


def _move(event: Command | Origin | Truth, hole: tuple[int, int]) -> Command | Origin | Truth:
    """Move ``event`` to the end of ``hole`` if it lies within."""
    if not isinstance(event, Truth) and hole[0] < event.at < hole[1]:
        return replace(event, at=hole[1])
    return event


def _after(event: Samples | Gap | Adopt, now: int) -> Samples | Gap | Adopt | None:
    """The part of ``event`` from sample ``now`` on; None if it ends before."""
    if event.start >= now:
        return event
    past = now - event.start
    if isinstance(event, Samples):
        return Samples(now, event.block[past:]) if len(event.block) > past else None
    if event.lost <= past:
        return None
    return replace(event, start=now, lost=event.lost - past)
