"""The STM32F4's I2C controller, with a sensor on the bus.

It follows the event sequences of ST's RM0368 (18.3.3, transfers as master).
"""

from __future__ import annotations

from firmware_sim.sensor import BYTE_US, SensorBus

START, STOP, ACK, ON, RESET = 1 << 8, 1 << 9, 1 << 10, 1, 1 << 15
STARTED, ADDRESSED, FINISHED, RECEIVED, SENDABLE, NO_ANSWER = 1, 2, 4, 1 << 6, 1 << 7, 1 << 10


class I2C(SensorBus):
    """The I2C controller."""

    def reset(self) -> None:
        super().reset()
        self._status = 0
        self._reading = self._register_set = False
        self._register = 0

    def power_on(self) -> None:
        """Turn power on, for the sensor as well."""
        if self.sensor is not None:
            self.sensor.power_on()

    def _now(self) -> int:
        return self.board.cycles * 1000 // self.board.mhz

    def _next(self) -> int:
        register = self._register
        if self.sensor is not None:
            self._register = self.sensor.following(register)
        return register

    def _fetch(self) -> None:
        """Receive the next byte."""
        self.board.skip(BYTE_US * self.board.mhz)
        assert self.sensor is not None
        self.words[0x10] = self.sensor.read(self._next(), self._now())
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
        self.board.skip(BYTE_US * self.board.mhz)
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
            self.sensor.write(self._next(), value, self._now())
        self._status = SENDABLE | FINISHED
