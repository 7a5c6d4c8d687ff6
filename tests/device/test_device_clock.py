"""Drift, jitter and rates from arrivals whose delays are known."""

from __future__ import annotations

import numpy as np
import pytest

from odl.device.device_clock import WRAP, DeviceClock, Slope


def arrivals(
    clock: DeviceClock,
    seconds: float,
    *,
    rate: float = 50.0,
    ppm: float = 0.0,
    offset: float = 0.0,
    jitter: float = 0.0,
    hang: float = 0.0,
    first: int = 0,
    seed: int = 1,
) -> None:
    """Frames of 10 samples for so long; delays exponential (``jitter``), one in 20 longer (``hang``)."""
    chance = np.random.default_rng(seed)
    for k in range(1, round(seconds * rate / 10) + 1):
        host = 10 * k / rate
        ticks = round((offset + host * (1 + ppm / 1e6)) * 1e6) % WRAP
        late = chance.exponential(jitter) if jitter else 0.0
        late += hang if chance.random() < 0.05 else 0.0
        clock.add(ticks, 1000.0 + host + late, index=first + 10 * k)


@pytest.mark.parametrize("ppm", [-5000.0, -100.0, 0.0, 35.0, 20000.0])
@pytest.mark.parametrize("jitter", [0.0, 0.002, 0.02])
def test_drift_is_found_under_jitter(ppm: float, jitter: float) -> None:
    clock = DeviceClock(50.0)
    arrivals(clock, 600.0, ppm=ppm, jitter=jitter, hang=0.3)
    assert clock.drift_ppm == pytest.approx(ppm, abs=1 + jitter * 2000, rel=1e-3)


def test_the_counter_wraps_in_between() -> None:
    clock = DeviceClock(50.0)
    arrivals(clock, 3600.0, ppm=80.0, offset=4000.0, jitter=0.001)
    assert clock.drift_ppm == pytest.approx(80, abs=2)


def test_a_silence_longer_than_a_wrap_is_bridged_by_the_hosts_clock() -> None:
    clock = DeviceClock(50.0)
    for k in range(200):
        clock.add(k * 200_000, k * 0.2)
    away = 3.5 * WRAP / 1e6
    for k in range(200):
        clock.add(round((40 + away) * 1e6 + k * 200_000) % WRAP, 40 + away + k * 0.2)
    assert clock.drift_ppm == pytest.approx(0, abs=1)


@pytest.mark.parametrize("jitter", [0.001, 0.005])
def test_jitter_is_how_late_frames_come(jitter: float) -> None:
    clock = DeviceClock(50.0)
    arrivals(clock, 120.0, jitter=jitter)
    assert clock.jitter_ms == pytest.approx(1e3 * jitter * np.log(20), rel=0.25)


@pytest.mark.parametrize("rate", [25.0, 47.0, 50.0, 52.0, 104.0])
def test_the_true_rate_whatever_was_said(rate: float) -> None:
    clock = DeviceClock(50.0)
    arrivals(clock, 120.0, rate=rate, jitter=0.004, ppm=10_000)
    assert clock.rate_hz == pytest.approx(rate, rel=1e-3)
    assert clock.device_rate_hz == pytest.approx(rate / 1.01, rel=1e-3)


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        (50.0, ""),
        (52.0, ""),
        (48.0, ""),
        (53.0, "samples come at 53 Hz, but 50 Hz are wanted (6 % too fast)"),
        (26.0, "samples come at 26 Hz, but 50 Hz are wanted (48 % too slow)"),
    ],
)
def test_a_rate_that_is_off_is_called_out(rate: float, said: str) -> None:
    clock = DeviceClock(50.0)
    assert clock.complaint(50.0) == ""  # nothing is known yet
    arrivals(clock, 60.0, rate=rate, jitter=0.002)
    assert clock.complaint(50.0) == said


def test_nothing_is_claimed_too_early_and_a_restart_forgets() -> None:
    clock = DeviceClock(50.0)
    arrivals(clock, 3.0)
    assert (clock.drift_ppm, clock.rate_hz, clock.device_rate_hz) == (None, None, None)
    arrivals(clock, 60.0)
    assert clock.drift_ppm is not None and clock.jitter_ms is not None
    clock.restart()
    assert (clock.drift_ppm, clock.jitter_ms, clock.rate_hz) == (None, None, None)


def test_without_device_time_there_is_still_a_rate() -> None:
    clock = DeviceClock(50.0)
    for k in range(600):
        clock.add(None, k / 52, index=k)
    assert clock.rate_hz == pytest.approx(52, rel=1e-3)
    assert clock.drift_ppm is None and clock.jitter_ms is None


def test_memory_is_bounded_and_the_whole_stretch_counts() -> None:
    slope = Slope(1.0)
    for k in range(20_000):
        slope.add(float(k), 1.0001 * k)
    assert len(slope._points) <= 64
    assert max(slope._points.values())[0] - min(slope._points.values())[0] > 19_000
    assert slope.value() == pytest.approx(1.0001)


def test_a_rate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="a sampling rate of 0 Hz"):
        DeviceClock(0.0)
