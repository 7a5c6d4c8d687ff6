"""An LSM6DSO that plays a recording, at register level.

It has the registers of data sheet DS12140 that a driver for sampling needs. Its time is in nanoseconds, as
it does not know its board's clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from firmware_sim.peripherals import NEVER, Now, Peripheral

BYTE_US: Final = 23  # of a bus at 400 kHz: nine bits, rounded up


class Sensor(Protocol):
    """A device on the bus."""

    address: int

    def read(self, register: int, now: int) -> int:
        """The register's value at ``now``, in nanoseconds."""

    def write(self, register: int, value: int, now: int) -> None:
        """Write a register."""

    def following(self, register: int) -> int:
        """The next register of a burst."""

    def power_on(self) -> None:
        """Reset the registers as after power-on."""


class Lsm6dso:
    """An LSM6DSO whose samples come from ``samples``, through its FIFO.

    Parameters
    ----------
    samples : iterable of int16 vectors
        Up to six axes each: the accelerometer's, then the gyroscope's. While both sensors are on and
        the FIFO runs, each sampling period uses one, read or not, as with a real sensor.
    rate_hz : float
        Sampling rate; a real sensor would follow its registers.
    waits : bool
        Play the first sample only after the FIFO is emptied again, which the firmware does at the
        start of a session.

    Attributes
    ----------
    played, lost : int
        Samples used, and those of them lost to a full FIFO.
    exhausted : bool
        True once ``samples`` has ended.

    Examples
    --------
    >>> sensor = Lsm6dso([[1, -2, 3, 4, 5, 6]])
    >>> hex(sensor.read(0x0F, now=0))
    '0x6c'
    """

    address = 0x6B
    WORDS: Final = 512  # of the FIFO
    GYRO, ACCEL = 1, 2  # tags

    def __init__(
        self,
        samples: Iterable[Iterable[int]] | NDArray[np.int16],
        rate_hz: float = 52.0,
        *,
        waits: bool = False,
    ) -> None:
        self._samples: Iterator[Iterable[int]] = iter(samples)
        self.period = round(1e9 / rate_hz)
        self.played = self.lost = 0
        self.exhausted = False
        self._waits = waits
        self.power_on()

    def power_on(self) -> None:
        self._registers = {0x0F: 0x6C, 0x12: 0x04}
        self._fifo: deque[bytes] = deque()
        self._overrun = False
        self._due = NEVER

    def _word(self, tag: int, axes: NDArray[np.int16]) -> bytes:
        """Seven bytes: sensor, time slot (0 to 3), even parity; three values."""
        first = tag << 3 | (self.played & 3) << 1
        return bytes([first | first.bit_count() & 1]) + axes.tobytes()

    def _advance(self, now: int) -> None:
        while now >= self._due:
            sample = next(self._samples, None)
            if sample is None:
                self.exhausted, self._due = True, NEVER
                return
            axes = np.zeros(6, "<i2")
            vector = np.asarray(list(sample), np.int64)
            axes[: len(vector)] = vector
            for tag, three in ((self.GYRO, axes[3:]), (self.ACCEL, axes[:3])):
                self._fifo.append(self._word(tag, three))
                if len(self._fifo) > self.WORDS:
                    self._fifo.popleft()  # continuous mode drops the oldest
                    self._overrun = True
                    self.lost += tag == self.ACCEL
            self.played += 1
            self._due += self.period

    def read(self, register: int, now: int) -> int:
        self._advance(now)
        if register == 0x3A:
            return len(self._fifo) & 0xFF
        if register == 0x3B:
            overrun, self._overrun = self._overrun, False
            return len(self._fifo) >> 8 | (0x48 if overrun else 0)
        if 0x78 <= register <= 0x7E:
            value = self._fifo[0][register - 0x78] if self._fifo else 0
            if register == 0x7E and self._fifo:
                self._fifo.popleft()
            return value
        return self._registers.get(register, 0)

    def write(self, register: int, value: int, now: int) -> None:
        self._registers[register] = value
        on = all(self._registers.get(r, 0) >> 4 for r in (0x10, 0x11))
        fifo = self._registers.get(0x09, 0) == 0x33 and self._registers.get(0x0A, 0) & 7 == 6
        if not (on and fifo):
            self._fifo.clear()
            self._due = NEVER
        elif self._due == NEVER and not self.exhausted:
            self._due = NEVER if self._waits else now + self.period
            self._waits = False

    def following(self, register: int) -> int:
        return 0x78 if register == 0x7E else register + 1 & 0xFF


class SensorBus(Peripheral):
    """A controller as master of the bus on which the sensor hangs, at 400 kHz.

    Attributes
    ----------
    stuck : bool
        True: transfers make no progress, for tests of bounded waits.
    """

    def __init__(self, board: Now, sensor: Sensor | None) -> None:
        super().__init__(board)
        self.sensor = sensor
        self.stuck = False
        self.reset()
