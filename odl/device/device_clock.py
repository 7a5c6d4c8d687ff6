"""Drift, jitter and rate of a device, measured against the host's clock."""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

WRAP: Final = 2**32  # microseconds after which the device's counter begins again
OFF: Final = 0.05  # a rate that is off by more than this is called out
_BINS: Final = 64
_ENOUGH: Final = 8  # bins from which on a slope is given
_RECENT: Final = 256  # arrivals that jitter is judged by


class Slope:
    """The slope of y over x where y comes late by chance, never early.

    x is cut into bins and each keeps its earliest point, which is delayed least; the slope
    is the median over the pairs of those points that lie well apart (Theil, "A rank-invariant
    method of linear and polynomial regression analysis", 1950; Sen, JASA 63, 1968). When the
    bins are used up they are made twice as wide: memory is bounded and the whole stretch counts.

    Parameters
    ----------
    width : float
        Width of a bin at the start, in the unit of x.

    >>> slope = Slope(1.0)
    >>> for i in range(200):
    ...     slope.add(i / 10, 5 + 1.001 * i / 10 + (i % 7) / 50)
    >>> f"{slope.value():.4f}"
    '1.0010'
    """

    def __init__(self, width: float) -> None:
        self._width = width
        self._first: float | None = None
        self._points: dict[int, tuple[float, float]] = {}
        self._known: float | None = None

    def add(self, x: float, y: float) -> None:
        """Add a point; x need not grow."""
        if self._first is None:
            self._first = x
        place = int((x - self._first) // self._width)
        held = self._points.get(place)
        if held is None or y - x < held[1] - held[0]:
            self._points[place] = (x, y)
            self._known = None
        if len(self._points) > _BINS:
            self._widen()

    def _widen(self) -> None:
        self._width *= 2
        earliest: dict[int, tuple[float, float]] = {}
        for place, (x, y) in self._points.items():
            held = earliest.get(place // 2)
            if held is None or y - x < held[1] - held[0]:
                earliest[place // 2] = (x, y)
        self._points = earliest

    def value(self) -> float | None:
        """The slope, or None while there are too few points."""
        if len(self._points) < _ENOUGH:
            return None
        if self._known is None:
            x, y = np.array(sorted(self._points.values())).T
            first, second = np.triu_indices(len(x), 1)
            apart = x[second] - x[first]
            far = apart >= (x[-1] - x[0]) / 4
            slopes: NDArray[np.float64] = (y[second] - y[first])[far] / apart[far]
            self._known = float(np.median(slopes))
        return self._known


class DeviceClock:
    """Compares device time, host time and sample index.

    Device time is a counter of microseconds that wraps after 71.6 minutes. Host time is in
    seconds, of a clock that never goes back. Estimates are None until some seconds have
    passed, and hold for the whole stretch since `restart`.

    Parameters
    ----------
    rate_hz : float
        Expected samples per second, roughly.
    off : float
        Largest relative error of a measured rate without a complaint.

    Examples
    --------
    A device whose clock is 100 ppm fast, 10 samples a frame, 50 samples a second:

    >>> clock = DeviceClock(50.0)
    >>> for k in range(1, 301):
    ...     host = k / 5
    ...     clock.add(round(host * 1e6 * 1.0001) % 2**32, host + (k % 5) / 1000, index=10 * k)
    >>> round(clock.drift_ppm), round(clock.jitter_ms), round(clock.rate_hz, 2)
    (100, 4, 50.0)
    >>> clock.complaint(50.0), clock.complaint(100.0)
    ('', 'samples come at 50 Hz, but 100 Hz are wanted (50 % too slow)')
    """

    def __init__(self, rate_hz: float, off: float = OFF) -> None:
        if not rate_hz > 0:
            raise ValueError(f"a sampling rate of {rate_hz:g} Hz cannot be; it has to be above 0")
        self._nominal, self._off = rate_hz, off
        self.restart()

    def restart(self) -> None:
        """Forget all measurements, because the device has restarted."""
        self._device = 0.0  # seconds, unwrapped
        self._ticks: int | None = None
        self._host = 0.0
        self._drift = Slope(1.0)
        self._recent: deque[tuple[float, float]] = deque(maxlen=_RECENT)
        self.recount()

    def recount(self) -> None:
        """Measure the rate again, because an unknown number of samples was lost."""
        self._by_device, self._by_host = Slope(1.0), Slope(1.0)

    def add(self, ticks: int | None, host: float, index: int | None = None) -> None:
        """Add the arrival of a frame.

        Parameters
        ----------
        ticks : int or None
            The device's microseconds in it, 0 to 2**32 - 1; None if it has none.
        host : float
            Time of arrival, in seconds.
        index : int, optional
            Samples that the device had taken by then.
        """
        if ticks is not None:
            self._device += self._passed(ticks, host)
            self._ticks, self._host = ticks, host
            self._drift.add(self._device, host)
            self._recent.append((self._device, host))
        if index is not None:
            expected = index / self._nominal
            self._by_host.add(expected, host)
            if ticks is not None:
                self._by_device.add(expected, self._device)

    def _passed(self, ticks: int, host: float) -> float:
        """Return device seconds since the last frame; the host's clock shows how often it wrapped."""
        if self._ticks is None:
            return 0.0
        step = (ticks - self._ticks) % WRAP
        wraps = round(((host - self._host) * 1e6 - step) / WRAP)
        return (step + wraps * WRAP) / 1e6

    @property
    def drift_ppm(self) -> float | None:
        """Drift of the device's clock against the host's, in parts per million; above 0 it runs fast."""
        slope = self._drift.value()
        return None if not slope else (1 / slope - 1) * 1e6

    @property
    def jitter_ms(self) -> float | None:
        """Delay of frames in milliseconds: 95 of 100 arrive this close to the fastest."""
        if len(self._recent) < _ENOUGH:
            return None
        device, host = np.array(self._recent).T
        late = host - device * (self._drift.value() or 1.0)
        return float(np.quantile(late, 0.95) - late.min()) * 1e3

    @property
    def rate_hz(self) -> float | None:
        """Samples per second of the host's clock."""
        return self._rate(self._by_host)

    @property
    def device_rate_hz(self) -> float | None:
        """Samples per second of the device's clock."""
        return self._rate(self._by_device)

    def _rate(self, slope: Slope) -> float | None:
        value = slope.value()
        return self._nominal / value if value and value > 0 else None

    def complaint(self, wanted_hz: float, own_time: bool = False) -> str:
        """Return a sentence if the rate differs by more than ``off`` from ``wanted_hz``, else empty text.

        ``own_time``: by the clock of the device, which the host may not keep up with where it is emulated.
        """
        rate = self.device_rate_hz if own_time else self.rate_hz
        if rate is None or abs(rate - wanted_hz) <= self._off * wanted_hz:
            return ""
        way = "fast" if rate > wanted_hz else "slow"
        return (
            f"samples come at {_hertz(rate)} Hz, but {_hertz(wanted_hz)} Hz are wanted "
            f"({100 * abs(rate / wanted_hz - 1):.0f} % too {way})"
        )


def _hertz(rate: float) -> str:
    """Return a rate with three digits, or with all digits before the point.

    >>> _hertz(49.87), _hertz(4012.3)
    ('49.9', '4012')
    """
    return f"{rate:.3g}" if rate < 1000 else f"{rate:.0f}"
