"""The nRF52840's peripherals as far as the firmware uses them.

Registers are those of Nordic's product specification: writing 1 to a task starts something, an event is 1
once it has happened, and writing 0 clears it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from firmware_sim.flash import Flash
from firmware_sim.peripherals import NEVER, Core, Now, Peripheral, ResetTimer, UartLine
from firmware_sim.sensor import BYTE_US, Sensor, SensorBus

PAGE: Final = 4096
WORD_US, PAGE_US = 41, 85_000  # the longest times of the specification
UART, TIMER1 = 16 + 2, 16 + 9
SET, CLEAR = 0x304, 0x308  # of enabled interrupts
BUTTON, LED = 11, 13


class ClockPower(Peripheral):
    """CLOCK and POWER: the crystal starts at once, and the causes of resets add up until they are cleared."""

    CAUSES: Final = {"pin": 1, "watchdog": 2, "software": 4}

    def __init__(self, board: Now) -> None:
        super().__init__(board)
        self.causes = 0
        self.crystal = True

    def read(self, at: int) -> int:
        return self.causes if at == 0x400 else super().read(at)

    def write(self, at: int, value: int) -> None:
        if at == 0x400:
            self.causes &= ~value
        elif at == 0x000:
            self.words[0x100] = int(self.crystal)
        else:
            super().write(at, value)


class PinPort(Peripheral):
    """GPIO port 0; ``inputs`` are the levels of the pins, ``outputs`` the levels set."""

    def __init__(self, board: Now) -> None:
        super().__init__(board)
        self.inputs = 0xFFFFFFFF
        self.outputs = 0

    def read(self, at: int) -> int:
        return {0x504: self.outputs, 0x510: self.inputs}.get(at) or super().read(at)

    def write(self, at: int, value: int) -> None:
        if at == 0x508:
            self.outputs |= value
        elif at == 0x50C:
            self.outputs &= ~value
        else:
            super().write(at, value)

    def reset(self) -> None:
        super().reset()
        self.outputs = 0


class Interrupting(Peripheral):
    """A device whose enabled interrupts are set and cleared by two registers."""

    def enable(self, at: int, value: int) -> bool:
        """Handle a write to these registers; False if it was none."""
        if at not in (SET, CLEAR):
            return False
        now = self.words.get(SET, 0)
        self.words[SET] = now | value if at == SET else now & ~value
        self.board.attend()
        return True


class Counter32(Interrupting):
    """A TIMER: captures its count, or compares it with CC[0], clears itself there and interrupts."""

    def __init__(self, board: Now, exception: int = 0) -> None:
        super().__init__(board)
        self.exception = exception
        self.zero = 0
        self.running = False

    def _step(self) -> int:
        """Cycles of a count."""
        return (self.board.mhz << self.words.get(0x510, 4)) // 16

    def _compare_at(self) -> int:
        periodic = self.running and self.words.get(0x200, 0) & 1
        return self.zero + self.words.get(0x540, 0) * self._step() if periodic else NEVER

    def _happen(self) -> None:
        at, now = self._compare_at(), self.board.cycles
        if now >= at:
            period = at - self.zero
            self.zero += (now - self.zero) // period * period
            self.words[0x140] = 1

    def read(self, at: int) -> int:
        self._happen()
        return super().read(at)

    def write(self, at: int, value: int) -> None:
        if at == 0x000:
            self.running, self.zero = True, self.board.cycles
            self.board.attend()
        elif 0x040 <= at < 0x058:
            ticks = (self.board.cycles - self.zero) // self._step()
            self.words[0x500 + at] = ticks & 0xFFFFFFFF if self.running else 0
        elif not self.enable(at, value):
            super().write(at, value)

    def next_event(self) -> int:
        return self._compare_at()

    def pending(self) -> int:
        self._happen()
        return self.exception if self.words.get(0x140, 0) and self.words.get(SET, 0) >> 16 & 1 else 0

    def reset(self) -> None:
        super().reset()
        self.running, self.zero = False, self.board.cycles


class DogTimer(ResetTimer):
    """WDT, from an oscillator of ``hertz``."""

    def __init__(self, board: Now) -> None:
        super().__init__(board)
        self.hertz = 32_768

    def write(self, at: int, value: int) -> None:
        super().write(at, value)
        fed = at == 0x600 and value == 0x6E524635 and self.deadline != NEVER
        if at == 0x000 or fed:
            ticks = self.words.get(0x504, 0xFFFFFFFF) + 1
            self.deadline = self.board.cycles + ticks * self.board.mhz * 1_000_000 // self.hertz
            self.board.attend()


class Uart(UartLine, Interrupting):
    """UART0, without DMA: the receiver keeps six bytes."""

    room = 6

    def reset(self) -> None:
        super().reset()
        self._seen = False  # the event of the byte that can be read was cleared
        self._sending = False  # a byte was sent whose event was not cleared

    def listens(self) -> bool:
        return self.words.get(0x500, 0) == 4 and bool(self.words.get(0x000, 0))

    def wants_to_send(self) -> bool:
        return bool(self.words.get(SET, 0) & 1 << 7)

    def read(self, at: int) -> int:
        if at == 0x108:
            return int(self.received() and not self._seen)
        if at == 0x11C:
            return int(self._sending and self.sendable())
        if at in (0x124, 0x480):
            return int(self.overrun)
        if at == 0x518:
            self._seen = False
            return self.take()
        return super().read(at)

    def write(self, at: int, value: int) -> None:
        if at == 0x108:
            self._seen = self.received()
        elif at == 0x11C:
            self._sending = False
        elif at == 0x480:
            self.overrun = False
        elif at == 0x51C:
            self._sending = True
            self.send(value)
        elif not self.enable(at, value):
            super().write(at, value)

    def pending(self) -> int:
        on = self.words.get(SET, 0)
        events = (
            on >> 2 & 1 and self.read(0x108),
            on >> 7 & 1 and self.read(0x11C),
            on >> 9 & 1 and self.overrun,
        )
        return UART if any(events) else 0


class Nvmc(Flash):
    """The flash controller: 256 pages, programmed a word at a time."""

    def __init__(self, board: Now, memory: NDArray[np.uint8]) -> None:
        super().__init__(board, memory, [PAGE] * (len(memory) // PAGE), WORD_US * board.mhz)

    def accepts(self, size: int) -> bool:
        return size == 4 and self.words.get(0x504, 0) == 1 and not self.busy

    def read(self, at: int) -> int:
        if at == 0x400:
            return int(not self.wait())
        return super().read(at)

    def write(self, at: int, value: int) -> None:
        if self.dead:
            return
        if at == 0x508:
            if self.words.get(0x504, 0) == 2 and not self.busy:
                self.erase(value // PAGE, PAGE_US * self.board.mhz)
        else:
            super().write(at, value)


class Twi(SensorBus):
    """TWI0, without DMA."""

    def reset(self) -> None:
        super().reset()
        self._register: int | None = None

    def _call(self) -> bool:
        """Send the address; False if nobody is there."""
        self.board.skip(BYTE_US * self.board.mhz)
        there = self.sensor is not None and self.words.get(0x588, 0) == self.sensor.address
        if not there and not self.stuck:
            self.words[0x124], self.words[0x4C4] = 1, 2
        return there and not self.stuck

    def _next(self) -> int:
        assert self.sensor is not None and self._register is not None
        register = self._register
        self._register = self.sensor.following(register)
        return register

    def _now(self) -> int:
        return self.board.cycles * 1000 // self.board.mhz

    def _fetch(self) -> None:
        """Receive a byte, and do what the shortcuts say then."""
        assert self.sensor is not None
        self.board.skip(BYTE_US * self.board.mhz)
        self.words[0x518] = self.sensor.read(self._next(), self._now())
        self.words[0x108] = 1
        self.words[0x104] = self.words.get(0x200, 0) >> 1 & 1

    def write(self, at: int, value: int) -> None:
        if at == 0x4C4:
            self.words[at] = self.words.get(at, 0) & ~value
            return
        super().write(at, value)
        if at == 0x008:
            self._register = None
            self._call()
        elif at == 0x000 and self._call() or at == 0x020 and not self.stuck and self.sensor is not None:
            self._fetch()
        elif at == 0x014:
            self.words[0x104] = int(not self.stuck)
        elif at == 0x51C and not self.stuck and not self.words.get(0x124, 0):
            self._put(value & 0xFF)

    def _put(self, value: int) -> None:
        assert self.sensor is not None
        self.board.skip(BYTE_US * self.board.mhz)
        if self._register is None:
            self._register = value
        else:
            self.sensor.write(self._next(), value, self._now())
        self.words[0x11C] = 1


class Nrf52840:
    """The chip, with the kit's button 1 and LED 1 (`firmware_sim.board_spec.Chip`)."""

    spans = ((0x40000000, 0x20000, 12), (0x50000000, 0x1000, 12), (0xE000E000, 0x1000, 12))

    def __init__(
        self, board: Now, memory: NDArray[np.uint8], sensor: Sensor | None = None, paced: bool = False
    ) -> None:
        self.power, self.core, self.port = ClockPower(board), Core(board), PinPort(board)
        self.serial, self.watchdog = Uart(board, paced), DogTimer(board)
        self.micros, self.tick = Counter32(board), Counter32(board, TIMER1)
        self.i2c, self.flash = Twi(board, sensor), Nvmc(board, memory)
        self.timed = (self.serial, self.tick, self.core, self.watchdog)
        self.devices: dict[int, Peripheral] = {
            0x40000000: self.power, 0x40002000: self.serial, 0x40003000: self.i2c, 0x40008000: self.micros,
            0x40009000: self.tick, 0x40010000: self.watchdog, 0x4001E000: self.flash,
            0x50000000: self.port, 0xE000E000: self.core,
        }  # fmt: skip

    @property
    def led(self) -> bool:
        """True if LED 1 is on, which is low."""
        lit = self.port.words.get(0x700 + 4 * LED, 0) & 1
        return bool(lit and not self.port.outputs >> LED & 1)

    def hold_button(self, down: bool) -> None:
        """Press or release button 1."""
        self.port.inputs = self.port.inputs & ~(1 << BUTTON) | (0 if down else 1 << BUTTON)

    def was_reset(self, cause: str) -> None:
        """Keep the cause; none of them after power-on."""
        self.power.causes = 0 if cause == "power" else self.power.causes | self.power.CAUSES[cause]

    def power_on(self) -> None:
        """Turn power on, for the sensor as well."""
        self.flash.power_on()
        if self.i2c.sensor is not None:
            self.i2c.sensor.power_on()
