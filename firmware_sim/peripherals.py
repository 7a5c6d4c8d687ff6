"""What the peripherals of all emulated boards have in common, and those of every Cortex-M.

Each device handles reads and writes of its registers, and reports its pending exception and the time
of its next event. Time is in cycles of the processor, one per instruction; devices have no clock of their
own. What a chip's own devices are is in a module of its own, such as `firmware_sim.stm32f4`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from typing import Final, Protocol

NEVER: Final = 2**62
SYSTICK: Final = 15
BAUD: Final = 115200


class Now(Protocol):
    """The part of the board that devices use."""

    @property
    def mhz(self) -> int:
        """Cycles of a microsecond."""

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


class UartLine(Peripheral, ABC):
    """A serial port at 115200 baud, on a line as fast as the firmware (lockstep) or as a real one (paced).

    In lockstep, bytes are offered in bursts while the firmware sleeps, so none is lost. Paced, a byte
    arrives every 87 us, whether or not it is read in time, and sending takes as long. Bytes before the
    receiver is enabled are lost in both modes. A chip's port adds its registers.

    Attributes
    ----------
    sent : bytearray
        What the firmware has sent.
    byte_time : int
        Cycles of ten bits.
    room : int
        Bytes that the receiver keeps until they are read; further ones are lost.
    """

    BURST: Final = 192  # below the size of the firmware's ring
    room = 1

    def __init__(self, board: Now, paced: bool) -> None:
        super().__init__(board)
        self.paced = paced
        self.byte_time = round(board.mhz * 1e7 / BAUD)
        self.coming: deque[int] = deque()
        self.sent = bytearray()
        self.reset()

    def reset(self) -> None:
        super().reset()
        self.offered = 0  # lockstep: bytes of ``coming`` that may be read
        self.arrived: deque[int] = deque()  # paced: what the receiver holds
        self.overrun = False
        self.data = 0
        self.arrives = NEVER
        self.free_at = 0
        self.coming.clear()

    @abstractmethod
    def listens(self) -> bool:
        """True if the receiver is enabled."""

    def feed(self, data: bytes) -> None:
        """Receive bytes from the other end of the line."""
        if not self.listens():
            return
        if not self.coming:
            now = self.board.cycles
            self.arrives = max(now, self.arrives if self.arrives != NEVER else 0) + self.byte_time
        self.coming += data

    def offer(self) -> bool:
        """Offer the next burst to the sleeping firmware; True if there is one."""
        if not self.paced and not self.offered:
            self.offered = min(self.BURST, len(self.coming))
        return self.offered > 0

    def received(self) -> bool:
        """True if a byte can be read."""
        if not self.paced:
            return self.offered > 0
        while self.coming and self.board.cycles >= self.arrives:
            byte = self.coming.popleft()
            if len(self.arrived) < self.room:
                self.arrived.append(byte)
            else:
                self.overrun = True
            self.arrives += self.byte_time
        return bool(self.arrived)

    def take(self) -> int:
        """The next byte, or the last one again."""
        if self.paced and self.arrived:
            self.data = self.arrived.popleft()
        elif not self.paced and self.offered:
            self.offered -= 1
            self.data = self.coming.popleft()
        return self.data

    def send(self, byte: int) -> None:
        """Put a byte on the line."""
        self.sent.append(byte & 0xFF)
        self.free_at = max(self.board.cycles, self.free_at) + self.byte_time

    def sendable(self) -> bool:
        """True if the line takes another byte."""
        return not self.paced or self.board.cycles >= self.free_at

    @abstractmethod
    def wants_to_send(self) -> bool:
        """True if the firmware waits for an interrupt to send the next byte."""

    def next_event(self) -> int:
        if not self.paced:
            return NEVER
        return min(self.arrives if self.coming else NEVER, self.free_at if self.wants_to_send() else NEVER)


class ResetTimer(Peripheral):
    """A watchdog: resets the processor at its ``deadline``."""

    def __init__(self, board: Now) -> None:
        super().__init__(board)
        self.deadline = NEVER

    def next_event(self) -> int:
        return self.deadline

    def reset(self) -> None:
        super().reset()
        self.deadline = NEVER
