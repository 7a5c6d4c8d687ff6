"""I2C 1 and an LSM6DSO that plays a recording, at register level.

The bus follows the event sequences of ST's RM0368 (18.3.3, transfers as master); the sensor
has the registers of data sheet DS12140 that a driver for sampling needs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from firmware_sim.counter import NEVER
from firmware_sim.peripherals import MHZ, Now, Peripheral

BYTE_TIME: Final = 23 * MHZ  # nine bits at 400 kHz, rounded up
START, STOP, ACK, ON, RESET = 1 << 8, 1 << 9, 1 << 10, 1, 1 << 15
STARTED, ADDRESSED, FINISHED, RECEIVED, SENDABLE, NO_ANSWER = 1, 2, 4, 1 << 6, 1 << 7, 1 << 10


class Sensor(Protocol):
    """A device on the bus."""

    address: int

    def read(self, register: int, now: int) -> int:
        """The register's value at ``now``, in cycles."""

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
        self.period = round(MHZ * 1e6 / rate_hz)
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


class I2C(Peripheral):
    """The I2C controller as bus master, at 400 kHz.

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

    def reset(self) -> None:
        super().reset()
        self._status = 0
        self._reading = self._register_set = False
        self._register = 0

    def power_on(self) -> None:
        """Turn power on, for the sensor as well."""
        if self.sensor is not None:
            self.sensor.power_on()

    def _next(self) -> int:
        register = self._register
        if self.sensor is not None:
            self._register = self.sensor.following(register)
        return register

    def _fetch(self) -> None:
        """Receive the next byte."""
        self.board.skip(BYTE_TIME)
        assert self.sensor is not None
        self.words[0x10] = self.sensor.read(self._next(), self.board.cycles)
        self._status |= RECEIVED

    def read(self, at: int) -> int:
        if at == 0x14:
            return 0 if self.stuck else self._status
        if at == 0x18:  # reading SR2 after SR1 clears ADDR
            if self._status & ADDRESSED:
                self._status &= ~ADDRESSED
                if self._reading:
                    self._fetch()
                else:
                    self._status |= SENDABLE
            return 3
        if at == 0x10 and self._status & RECEIVED:
            value = self.words[0x10]
            self._status &= ~RECEIVED
            if self.words.get(0, 0) & ACK:
                self._fetch()
            return value
        return super().read(at)

    def write(self, at: int, value: int) -> None:
        if at == 0x00:
            self._control(value)
        elif at == 0x10 and not self.stuck:
            self._put(value & 0xFF)
        else:
            super().write(at, value)

    def _control(self, value: int) -> None:
        if value & RESET:
            self.reset()
        if value & ON and value & START and not self.stuck:
            self._status = STARTED
            value &= ~START
        if value & STOP:
            # While a byte is being received, the stop follows it.
            self._status &= RECEIVED
            value &= ~STOP
        self.words[0] = value

    def _put(self, value: int) -> None:
        self.board.skip(BYTE_TIME)
        if self._status & STARTED:
            there = self.sensor is not None and value >> 1 == self.sensor.address
            self._reading = bool(value & 1)
            self._register_set = self._register_set and self._reading
            self._status = ADDRESSED if there else NO_ANSWER
            return
        if self.sensor is None or self._reading:
            return
        if not self._register_set:
            self._register, self._register_set = value, True
        else:
            self.sensor.write(self._next(), value, self.board.cycles)
        self._status = SENDABLE | FINISHED
