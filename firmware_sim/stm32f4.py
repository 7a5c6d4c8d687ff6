"""The STM32F401's peripherals as far as the firmware uses them.

Registers are those of ST's reference manual RM0368.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from firmware_sim.flash import Flash
from firmware_sim.peripherals import Core, Now, Peripheral, ResetTimer, UartLine
from firmware_sim.sensor import Sensor
from firmware_sim.stm32f4_i2c import I2C

USART2: Final = 16 + 38

KB: Final = 1024
SECTORS: Final = (*4 * [16 * KB], 64 * KB, *3 * [128 * KB])
ERASE_US: Final = {16 * KB: 250_000, 64 * KB: 550_000, 128 * KB: 1_000_000}
KEYS: Final = (0x45670123, 0xCDEF89AB)
BUSY, PARALLELISM_ERROR, PROTECTION_ERROR = 1 << 16, 1 << 6, 1 << 4
PROGRAM, ERASE, START, LOCK = 1 << 0, 1 << 1, 1 << 16, 1 << 31


class Clocks(Peripheral):
    """RCC: ready flags follow their enable bits; stores the cause of the last reset.

    If ``pll_works`` is false, no PLL becomes ready, as in emulators without one.
    """

    FLAGS: Final = {"power": 1 << 27 | 1 << 26, "pin": 1 << 26, "software": 1 << 28 | 1 << 26,
                    "watchdog": 1 << 29 | 1 << 26}  # fmt: skip

    def __init__(self, board: Now) -> None:
        super().__init__(board)
        self.pll_works = True
        self.flags = 0

    def read(self, at: int) -> int:
        value = self.words.get(at, 0)
        if at == 0x00:  # CR: each ready bit is one above its enable bit
            return value | (value & 1 << 24) << 1 if self.pll_works else value
        if at == 0x08:  # CFGR: the clock switch and its status
            return (value & ~0xC) | (value & 3) << 2
        if at == 0x74:  # CSR
            return value & 1 | (value & 1) << 1 | self.flags
        return value

    def write(self, at: int, value: int) -> None:
        if at == 0x74 and value & 1 << 24:
            self.flags = 0
        self.words[at] = value


class Pins(Peripheral):
    """One GPIO port; ``inputs`` are the levels of the pins, ``outputs`` the levels set."""

    def __init__(self, board: Now, inputs: int = 0xFFFF) -> None:
        super().__init__(board)
        self.inputs = inputs
        self.outputs = 0

    def read(self, at: int) -> int:
        if at == 0x10:
            return self.inputs
        return self.outputs if at == 0x14 else super().read(at)

    def write(self, at: int, value: int) -> None:
        if at == 0x18:
            self.outputs = (self.outputs | value & 0xFFFF) & ~(value >> 16)
        super().write(at, value)

    def reset(self) -> None:
        super().reset()
        self.outputs = 0


class Timer(Peripheral):
    """TIM2 as a free-running counter."""

    def __init__(self, board: Now) -> None:
        super().__init__(board)
        self.zero = 0

    def read(self, at: int) -> int:
        if at == 0x24:
            ticks = (self.board.cycles - self.zero) // (self.words.get(0x28, 0) + 1)
            return ticks & 0xFFFFFFFF if self.words.get(0, 0) & 1 else 0
        return super().read(at)

    def write(self, at: int, value: int) -> None:
        if at == 0x14 or (at == 0 and value & 1 and not self.words.get(0, 0) & 1):
            self.zero = self.board.cycles
        super().write(at, value)


class Watchdog(ResetTimer):
    """IWDG: resets the processor if it is not refreshed in time.

    ``hertz`` is its oscillator's frequency: 32,000 typically, 17,000 to 47,000 by the data sheet.
    """

    def __init__(self, board: Now) -> None:
        super().__init__(board)
        self.hertz = 32_000

    def write(self, at: int, value: int) -> None:
        super().write(at, value)
        if at == 0 and value in (0xCCCC, 0xAAAA):
            ticks = (self.words.get(8, 0xFFF) + 1) << (2 + self.words.get(4, 0))
            self.deadline = self.board.cycles + ticks * self.board.mhz * 1_000_000 // self.hertz
            self.board.attend()


class Usart(UartLine):
    """USART2."""

    def listens(self) -> bool:
        return self.words.get(0x0C, 0) & 0x2004 == 0x2004

    def wants_to_send(self) -> bool:
        return bool(self.words.get(0x0C, 0) & 0x80)

    def _status(self) -> int:
        """SR: sendable, sent (lockstep only), received, overrun."""
        received = 0x20 if self.received() else 0
        sendable = 0x80 if self.sendable() else 0
        return sendable | received | (0x08 if self.overrun else 0) | (0 if self.paced else 0x40)

    def read(self, at: int) -> int:
        if at == 0x00:
            return self._status()
        if at != 0x04:
            return super().read(at)
        self.overrun = False
        return self.take()

    def write(self, at: int, value: int) -> None:
        if at == 0x04:
            self.send(value)
        else:
            super().write(at, value)
        if at == 0x0C and (self.pending() or (self.paced and value & 0x80)):
            self.board.attend()

    def pending(self) -> int:
        control = self.words.get(0x0C, 0)
        if not control & 0xA0:
            return 0
        status = self._status()
        return USART2 if control & status & 0xA0 or (control & 0x20 and status & 8) else 0


class FlashController(Flash):
    """The flash controller: sectors of 16, 64 and 128 KB, programmed 32 bits at a time.

    Figures from ST's data sheet DS10086 (STM32F401xD/E, table 44): 16 us a word, and for erasing
    at 32 bits 0.25 s, 0.55 s and 1 s for sectors of 16, 64 and 128 KB.
    """

    def __init__(self, board: Now, memory: NDArray[np.uint8]) -> None:
        super().__init__(board, memory, SECTORS, 16 * board.mhz)

    def reset(self) -> None:
        super().reset()
        self.words[0x10] = LOCK
        self._keys: list[int] = []
        self._errors = 0

    def accepts(self, size: int) -> bool:
        control = self.words[0x10]
        if control & LOCK or not control & PROGRAM or self.busy:
            self._errors |= PROTECTION_ERROR
            return False
        if control >> 8 & 3 != {1: 0, 2: 1, 4: 2}.get(size):
            self._errors |= PARALLELISM_ERROR
            return False
        return True

    def read(self, at: int) -> int:
        if at != 0x0C:
            return super().read(at)
        return self._errors | (BUSY if self.wait() else 0)

    def write(self, at: int, value: int) -> None:
        if self.dead:
            return
        if at == 0x04:
            self._keys = [*self._keys, value][-2:]
            if tuple(self._keys) == KEYS:
                self.words[0x10] &= ~LOCK
        elif at == 0x0C:
            self._errors &= ~value
        elif at == 0x10:
            if self.words[0x10] & LOCK or self.busy:
                return
            self.words[0x10] = value & ~START
            if value & LOCK:
                self._keys = []
            if value & ERASE and value & START:
                self._erase(value >> 3 & 15)
        else:
            super().write(at, value)

    def _erase(self, sector: int) -> None:
        if sector >= len(SECTORS):
            self._errors |= PROTECTION_ERROR
        else:
            self.erase(sector, ERASE_US[SECTORS[sector]] * self.board.mhz)


class Stm32f401:
    """The chip, with the Nucleo's button on PC13 and its light on PA5 (`firmware_sim.board_spec.Chip`)."""

    spans = ((0x40000000, 0x8000, 10), (0x40020000, 0x4000, 10), (0xE000E000, 0x1000, 12))

    def __init__(
        self, board: Now, memory: NDArray[np.uint8], sensor: Sensor | None = None, paced: bool = False
    ) -> None:
        self.clocks, self.core, self.timer = Clocks(board), Core(board), Timer(board)
        self.serial, self.watchdog = Usart(board, paced), Watchdog(board)
        self.port_a, self.port_b, self.port_c = Pins(board), Pins(board), Pins(board)
        self.i2c, self.flash = I2C(board, sensor), FlashController(board, memory)
        self.tick = self.core
        self.timed = (self.serial, self.core, self.watchdog)
        self.devices: dict[int, Peripheral] = {
            0x40000000: self.timer, 0x40003000: self.watchdog, 0x40004400: self.serial,
            0x40005400: self.i2c, 0x40007000: Peripheral(board), 0x40020000: self.port_a,
            0x40020400: self.port_b, 0x40020800: self.port_c, 0x40023800: self.clocks,
            0x40023C00: self.flash, 0xE000E000: self.core,
        }  # fmt: skip

    @property
    def led(self) -> bool:
        """True if the green LED is on."""
        return bool(self.port_a.outputs >> 5 & 1)

    def hold_button(self, down: bool) -> None:
        """Press or release the blue button."""
        self.port_c.inputs = self.port_c.inputs & ~(1 << 13) | (0 if down else 1 << 13)

    def was_reset(self, cause: str) -> None:
        """Set the flags of RCC."""
        self.clocks.flags |= self.clocks.FLAGS[cause]

    def power_on(self) -> None:
        """Turn power on, for the sensor as well."""
        self.flash.power_on()
        self.i2c.power_on()
