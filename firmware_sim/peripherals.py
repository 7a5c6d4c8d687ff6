"""The STM32F401's peripherals as far as the firmware uses them.

Each device handles reads and writes of its registers, and reports its pending exception and the time
of its next event. Time is in cycles of 84 MHz, one per instruction; devices have no clock of their
own.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Protocol

from firmware_sim.counter import NEVER

MHZ: Final = 84
LINE_BYTE: Final = 7292  # cycles of ten bits at 115200 baud
SYSTICK: Final = 15
USART2: Final = 16 + 38


class Now(Protocol):
    """The part of the board that devices use."""

    @property
    def cycles(self) -> int:
        """Cycles so far."""

    def skip(self, cycles: int) -> None:
        """Let time pass while the processor is stopped."""

    def request_reset(self, cause: str) -> None:
        """Reset the processor at the next basic block."""

    def attend(self) -> None:
        """Check for exceptions and events at the next basic block."""


class Peripheral:
    """A device with plain registers; the base of all others."""

    def __init__(self, board: Now) -> None:
        self.board = board
        self.words: dict[int, int] = {}

    def read(self, at: int) -> int:
        """The register at offset ``at``."""
        return self.words.get(at, 0)

    def write(self, at: int, value: int) -> None:
        """Write the register at offset ``at``."""
        self.words[at] = value

    def next_event(self) -> int:
        """Time of the device's next event, in cycles."""
        return NEVER

    def pending(self) -> int:
        """The pending exception; 0 if none."""
        return 0

    def reset(self) -> None:
        """Reset the device with the processor."""
        self.words.clear()


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


class Watchdog(Peripheral):
    """IWDG: resets the processor if it is not refreshed in time.

    ``hertz`` is its oscillator's frequency: 32,000 typically, 17,000 to 47,000 by the data sheet.
    """

    def __init__(self, board: Now) -> None:
        super().__init__(board)
        self.hertz = 32_000
        self.deadline = NEVER

    def write(self, at: int, value: int) -> None:
        super().write(at, value)
        if at == 0 and value in (0xCCCC, 0xAAAA):
            ticks = (self.words.get(8, 0xFFF) + 1) << (2 + self.words.get(4, 0))
            self.deadline = self.board.cycles + ticks * MHZ * 1_000_000 // self.hertz
            self.board.attend()

    def next_event(self) -> int:
        return self.deadline

    def reset(self) -> None:
        super().reset()
        self.deadline = NEVER


class Core(Peripheral):
    """SysTick, the enabled interrupts, and the reset register (from 0xE000E000).

    Ticks during a pending one are lost, as on the processor.
    """

    def __init__(self, board: Now) -> None:
        super().__init__(board)
        self.tick_at = NEVER
        self.ticked = False

    def read(self, at: int) -> int:
        if at == 0x18:
            return max(0, self.tick_at - self.board.cycles) if self.tick_at != NEVER else 0
        return super().read(at)

    def write(self, at: int, value: int) -> None:
        if 0x100 <= at < 0x120:  # ISER: written ones enable
            value |= self.words.get(at, 0)
        super().write(at, value)
        if at == 0x10:
            period = self.words.get(0x14, 0) + 1
            self.tick_at = self.board.cycles + period if value & 3 == 3 else NEVER
            self.board.attend()
        elif at == 0xD0C and value >> 16 == 0x05FA and value & 4:
            self.board.request_reset("software")

    def enabled(self, exception: int) -> bool:
        """True if the interrupt controller enables ``exception``."""
        irq = exception - 16
        return irq < 0 or bool(self.words.get(0x100 + irq // 32 * 4, 0) >> irq % 32 & 1)

    def next_event(self) -> int:
        return self.tick_at

    def pending(self) -> int:
        now = self.board.cycles
        if now >= self.tick_at:
            self.ticked = True
            period = self.words.get(0x14, 0) + 1
            self.tick_at += (now - self.tick_at) // period * period + period
        return SYSTICK if self.ticked else 0

    def taken(self, exception: int) -> None:
        """Clear ``exception``, which the processor has taken."""
        if exception == SYSTICK:
            self.ticked = False

    def reset(self) -> None:
        super().reset()
        self.tick_at, self.ticked = NEVER, False


class Serial(Peripheral):
    """USART2, on a line as fast as the firmware (lockstep) or as a real one (paced).

    In lockstep, bytes are offered in bursts while the firmware sleeps, so none is lost. Paced, a byte
    arrives every 87 us, whether or not it is read in time, and sending takes as long. Bytes before the
    receiver is enabled are lost in both modes.
    """

    BURST: Final = 192  # below the size of the firmware's ring

    def __init__(self, board: Now, paced: bool) -> None:
        super().__init__(board)
        self.paced = paced
        self.coming: deque[int] = deque()
        self.sent = bytearray()
        self.reset()

    def reset(self) -> None:
        super().reset()
        self.offered = 0  # lockstep: bytes of ``coming`` that may be read
        self.full = self.overrun = False  # paced: the data register
        self.data = 0
        self.arrives = NEVER
        self.free_at = 0
        self.coming.clear()

    def feed(self, data: bytes) -> None:
        """Receive bytes from the other end of the line."""
        if self.words.get(0x0C, 0) & 0x2004 != 0x2004:
            return
        if not self.coming:
            self.arrives = max(self.board.cycles, self.arrives if self.arrives != NEVER else 0) + LINE_BYTE
        self.coming += data

    def offer(self) -> bool:
        """Offer the next burst to the sleeping firmware; True if there is one."""
        if not self.paced and not self.offered:
            self.offered = min(self.BURST, len(self.coming))
        return self.offered > 0

    def _arrive(self) -> None:
        while self.coming and self.board.cycles >= self.arrives:
            byte = self.coming.popleft()
            if self.full:
                self.overrun = True
            else:
                self.full, self.data = True, byte
            self.arrives += LINE_BYTE

    def _status(self) -> int:
        if not self.paced:
            return 0xE0 if self.offered else 0xC0  # sendable, sent; received
        self._arrive()
        sendable = 0x80 if self.board.cycles >= self.free_at else 0
        return sendable | (0x20 if self.full else 0) | (0x08 if self.overrun else 0)

    def read(self, at: int) -> int:
        if at == 0x00:
            return self._status()
        if at != 0x04:
            return super().read(at)
        if self.paced:
            self.full = self.overrun = False
            return self.data
        if self.offered:
            self.offered -= 1
            self.data = self.coming.popleft()
        return self.data

    def write(self, at: int, value: int) -> None:
        if at == 0x04:
            self.sent.append(value & 0xFF)
            self.free_at = max(self.board.cycles, self.free_at) + LINE_BYTE
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

    def next_event(self) -> int:
        if not self.paced:
            return NEVER
        sendable = self.free_at if self.words.get(0x0C, 0) & 0x80 else NEVER
        return min(self.arrives if self.coming else NEVER, sendable)
