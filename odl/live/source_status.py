"""The status of a source of samples (a board or a sketch), and notices about it for a person."""

from __future__ import annotations

from collections import deque
from typing import Final

from odl.device.board import Board, BoardState
from odl.device.csv_state import CsvStreamState
from odl.device.csv_stream import CsvStream
from odl.live.status import LiveStatus

_NEARLY: Final = 0.02  # of a whole multiple


def source_status(source: Board | CsvStream, speed: float = 1.0) -> LiveStatus:
    """Return the status of ``source``; where it plays at another ``speed`` than 1, its clock has no drift."""
    clock = source.clock
    if isinstance(source, CsvStream):
        return LiveStatus(
            source.state.value, rate=clock.rate_hz, lost=source.lost, damaged=source.damaged,
            problem=source.note,
        )  # fmt: skip
    return LiveStatus(
        source.state.value, rate=None if clock.rate_hz is None else clock.rate_hz / speed,
        drift=clock.drift_ppm if speed == 1.0 else None, jitter=clock.jitter_ms, lost=source.lost_samples,
        dropped=source.status.dropped if source.status else 0, damaged=source.link.counters.damaged,
    )  # fmt: skip


def source_problem(source: Board | CsvStream) -> str:
    """Return what is wrong with ``source`` now, for a person; empty if it streams as it should."""
    if isinstance(source, CsvStream):
        absent = source.state in (CsvStreamState.UNPLUGGED, CsvStreamState.SILENT)
        return source.state.value if absent else source.problem
    return "" if source.state is BoardState.STREAMING else source.problem or source.state.value


def speed_hint(rate_hz: float | None, wanted_hz: float) -> str:
    """Return a harmless cause of a rate that is a whole multiple of the wanted one; empty for other rates.

    >>> speed_hint(199.6, 50.0), speed_hint(66.0, 50.0)
    ('; an emulated board with `speed=4` has this rate, and it is no fault', '')
    """
    times = round((rate_hz or 0.0) / wanted_hz)
    if times < 2 or abs((rate_hz or 0.0) / wanted_hz - times) > _NEARLY * times:
        return ""
    return f"; an emulated board with `speed={times}` has this rate, and it is no fault"


class SourceNotices:
    """Appends a sentence to ``notices`` when a source's state changes or its rate turns wrong.

    Parameters
    ----------
    notices : deque of str
    rate_hz : float
        Samples per second that the source should give in real time.
    speed : float
        The speed at which the source is known to play, as a multiple of real time. At another one than 1 its
        own clock is what the rate is judged by, since a busy host falls behind and catches up.
    """

    def __init__(self, notices: deque[str], rate_hz: float, speed: float = 1.0) -> None:
        self._notices, self._rate, self._own_time = notices, rate_hz, speed != 1.0
        self._problem, self._wrong_rate = "", 0.0

    def update(self, source: Board | CsvStream) -> None:
        """Append a sentence for each change since the last call."""
        while isinstance(source, CsvStream) and source.news:
            self._notices.append(source.news.popleft())
        problem = source_problem(source)
        if problem != self._problem:
            self._problem = problem
            if problem:
                self._notices.append(problem)
        clock = source.clock
        rate = (clock.device_rate_hz if self._own_time else clock.rate_hz) or 0.0
        complaint = clock.complaint(self._rate, self._own_time)
        if complaint and abs(rate - self._wrong_rate) > _NEARLY * max(rate, self._rate):
            self._wrong_rate = rate
            unknown = isinstance(source, Board) and not self._own_time
            hint = speed_hint(rate, self._rate) if unknown else ""
            self._notices.append(complaint + hint)
        elif not complaint and abs(rate - self._rate) <= _NEARLY * self._rate / 2:
            self._wrong_rate = 0.0  # well inside the limit, so that a rate at its edge gets one notice
