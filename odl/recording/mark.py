"""Mark ranges of a finished recording with what was done in them, as its truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from odl._files import in_private
from odl.core.events import Truth, valid_name
from odl.core.ground_truth import joined
from odl.recording.files import RecordingError
from odl.recording.format_1 import is_converted
from odl.recording.reader import Reader
from odl.recording.writer import Writer


class Range(NamedTuple):
    """Seconds ``start`` to ``end`` of a recording, and what was done then; None: nothing that is known."""

    start: float
    end: float
    name: str | None


def range_in(text: str) -> Range:
    """Read a range as in ``10:25=walk``; without a name, the range gets no label.

    Raises
    ------
    ValueError
        If it is none.

    Examples
    --------
    >>> range_in("10:25.5=walk"), range_in("3:4=").name
    (Range(start=10.0, end=25.5, name='walk'), None)
    """
    times, equals, name = text.partition("=")
    start, colon, end = times.partition(":")
    try:
        found = Range(float(start), float(end), " ".join(name.split()) or None)
    except ValueError:
        found = Range(0.0, 0.0, None)
    if not equals or not colon or not 0 <= found.start < found.end < 1e9:
        how = "write seconds and a name, as in 10:25=walk, or 10:25= for none"
        raise ValueError(f"'{text[:60]}' is no range; {how}")
    return found


def mark(
    path: str | Path,
    ranges: Sequence[Range],
    out: str | Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[Truth]:
    """Replace the truth of a recording within ``ranges``, and leave all else in it as it is.

    Samples, answers and trace stay the same. The recording is replaced as a whole, or not at all.

    Parameters
    ----------
    path : path
        A recording that nobody writes.
    ranges : sequence of Range
        Where two overlap, the later one counts. With none, nothing is written.
    out : path, optional
        A new file for the marked recording; default: the same one.
    progress : callable, optional
        Called with a sentence about a range that ends with the recording, before its own end.

    Returns
    -------
    list of Truth
        All truth of the marked recording, in samples.

    Raises
    ------
    RecordingError
        If the recording cannot be read, is damaged before its end, or does not say its rate.
    ValueError
        If a range holds no sample or lies behind the recording's end, a name cannot be a class's, or ``out``
        exists.
    OSError
        If it cannot be written, or another process writes it.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from odl.core.events import Samples
    >>> from odl.wire import Start
    >>> start = Start({"session": {"rate_hz": 50.0, "channels": [["ax", "g", 0.001]]}}, b"")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with Writer(f"{folder}/walk.odl", start) as writer:
    ...         writer.write(Samples(0, np.zeros((500, 1), np.int16)))
    ...     mark(f"{folder}/walk.odl", [Range(1, 5, "walk"), Range(4, 6, "run")])
    [Truth(start=50, end=200, name='walk'), Truth(start=200, end=300, name='run')]
    """
    with Reader(path) as reader:
        if is_converted(reader.start):
            raise RecordingError(
                f"{path}: it is of an older format; 'odl convert' makes one that can be marked"
            )
        events = list(reader)
        if reader.damaged:
            raise RecordingError(
                f"{path}: damaged before its end ({reader.problems[0]}), so it is not replaced"
            )
    session = reader.start.config.get("session")
    rate = session.get("rate_hz") if isinstance(session, dict) else None
    if not isinstance(rate, int | float) or not 0 < rate < 1e6:
        raise RecordingError(f"{path}: it does not say how many samples a second has")
    for _, _, name in ranges:
        if name is not None and not valid_name(name):
            raise ValueError(f"'{name[:40]}' is no label: a name has 1 to 32 bytes of printable text")
    truths = joined(event for event in events if isinstance(event, Truth))
    for start, end, name in ranges:
        if not 0 <= start < end < 1e9 or round(start * rate) == round(end * rate):
            raise ValueError(f"{path}: no sample is from second {start:g} to second {end:g}; name two others")
        first, last = round(start * rate), min(round(end * rate), reader.passed)
        if first >= last:
            raise ValueError(
                f"{path} is {reader.passed / rate:.1f} s long; {start:g}:{end:g} lies behind its end"
            )
        if progress is not None and last < round(end * rate):
            progress(
                f"{path} is {reader.passed / rate:.1f} s long, so {start:g}:{end:g} was taken as "
                f"{start:g}:{reader.passed / rate:g}"
            )
        truths = _without(truths, first, last)
        truths = joined([*truths, Truth(first, last, name)] if name is not None else truths)
    if not ranges and out is None:
        return truths
    with in_private(Path(path if out is None else out), force=out is None) as file:
        writer = Writer(file, reader.start)
        waiting = list(truths)
        for event in events:
            if isinstance(event, Truth):
                continue
            while waiting and waiting[0].end <= writer.position:
                writer.write(waiting.pop(0))
            writer.write(event)
        for truth in waiting:
            writer.write(truth)
        if reader.complete:
            writer.close()
        else:
            writer.leave()
    return truths


def _without(truths: Iterable[Truth], start: int, end: int) -> list[Truth]:
    """Return ``truths`` without what they say of samples ``start`` to ``end``."""
    found = []
    for truth in truths:
        for first, last in ((truth.start, min(truth.end, start)), (max(truth.start, end), truth.end)):
            if first < last:
                found.append(Truth(first, last, truth.name))
    return found
