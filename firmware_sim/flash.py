"""The flash controller and its memory: programming clears bits, erasing sets sectors, power fails.

Figures from ST's data sheet DS10086 (STM32F401xD/E, table 44): 16 us a word, and for erasing
at 32 bits 0.25 s, 0.55 s and 1 s for sectors of 16, 64 and 128 KB.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from firmware_sim.peripherals import MHZ, Now, Peripheral

SECTORS: Final = (16, 16, 16, 16, 64, 128, 128, 128)  # KB
WORD_TIME: Final = 16 * MHZ
ERASE_TIME: Final = {16: 250_000 * MHZ, 64: 550_000 * MHZ, 128: 1_000_000 * MHZ}
KEYS: Final = (0x45670123, 0xCDEF89AB)
BUSY, PARALLELISM_ERROR, PROTECTION_ERROR = 1 << 16, 1 << 6, 1 << 4
PROGRAM, ERASE, START, LOCK = 1 << 0, 1 << 1, 1 << 16, 1 << 31


def sector_of(offset: int) -> tuple[int, int, int]:
    """Number, first byte and size of the sector with byte ``offset`` of the flash.

    >>> sector_of(0x11000)
    (4, 65536, 65536)
    """
    start = 0
    for number, kilobytes in enumerate(SECTORS):
        if offset < start + kilobytes * 1024:
            return number, start, kilobytes * 1024
        start += kilobytes * 1024
    raise ValueError(f"offset {offset:#x} lies outside the flash")


class Flash(Peripheral):
    """Controller and memory.

    Attributes
    ----------
    memory : uint8, shape (FLASH_SIZE,)
    programmed, erased : int
        Words programmed and sectors erased since the creation of the board, incomplete ones included.
    dead : bool
        True after the planned power failure: nothing is written until power is back.
    slowness : int
        Duration of an erase, in multiples of the typical one; 2 is the data sheet's maximum.
    stuck : bool
        True: operations never finish, for tests of bounded waits.
    spoilt : dict of int to int
        Further bits that the next programming of a word clears, by offset, for tests of a disturbed
        flash.
    """

    def __init__(self, board: Now, memory: NDArray[np.uint8]) -> None:
        super().__init__(board)
        self.memory = memory
        self.programmed = self.erased = 0
        self.stuck = False
        self.slowness = 1
        self.spoilt: dict[int, int] = {}
        self._cut_at: int | None = None
        self._tear = 0
        self.dead = False
        self._late: list[tuple[int, NDArray[np.uint8]]] = []  # final contents after stores
        self.reset()

    def load(self, data: bytes, at: int = 0) -> None:
        """Write ``data`` as a programmer would; the rest of each touched sector is erased."""
        touched, offset = set(), at
        while offset < at + len(data):
            _, start, size = sector_of(offset)
            touched.add((start, size))
            offset = start + size
        for start, size in touched:
            self.memory[start : start + size] = 0xFF
        self.memory[at : at + len(data)] = np.frombuffer(data, np.uint8)

    def reset(self) -> None:
        super().reset()
        self.words[0x10] = LOCK
        self._keys: list[int] = []
        self._busy = 0
        self._errors = 0

    # --- power -------------------------------------------------------------------------

    def cut_power(self, after: int, tear: int = 0) -> None:
        """Let the power fail during the operation that follows ``after`` more.

        An operation is a word programmed or a sector erased. Of a word, only bits in ``tear`` are
        cleared; of a sector, only the first ``tear`` bytes are erased.
        """
        self._cut_at, self._tear = self.programmed + self.erased + after, tear

    def power_on(self) -> None:
        """Turn power on; cancel a planned failure."""
        self._cut_at, self.dead = None, False
        self.reset()

    def _fails_now(self) -> bool:
        fails = self._cut_at is not None and self.programmed + self.erased >= self._cut_at
        if fails:
            self.dead = True
            self.board.request_reset("power")
        return fails

    # --- memory ------------------------------------------------------------------------

    def store(self, at: int, size: int, value: int) -> None:
        """The processor stores to flash at byte ``at``.

        The emulator executes the store as if flash were RAM; `settle` corrects the memory before
        anything else happens.
        """
        old = self.memory[at : at + size].copy()
        for offset, content in self._late:  # of an earlier store to the same place
            if offset == at and len(content) == size:
                old = content
        control = self.words[0x10]
        if self.dead or control & LOCK or not control & PROGRAM or self._busy:
            self._errors |= 0 if self.dead else PROTECTION_ERROR
            self._leave(at, old)
            return
        if control >> 8 & 3 != {1: 0, 2: 1, 4: 2}.get(size):
            self._errors |= PARALLELISM_ERROR
            self._leave(at, old)
            return
        wanted = int.from_bytes(old.tobytes(), "little") & value & ~self.spoilt.pop(at, 0)
        if self._fails_now():
            wanted |= int.from_bytes(old.tobytes(), "little") & ~self._tear
        self.programmed += 1
        self._busy = WORD_TIME
        self._leave(at, np.frombuffer(wanted.to_bytes(size, "little"), np.uint8))

    def _leave(self, at: int, content: NDArray[np.uint8]) -> None:
        self._late.append((at, content))
        self.board.attend()

    def settle(self) -> None:
        """Write the final contents of all stores so far."""
        for at, content in self._late:
            self.memory[at : at + len(content)] = content
        self._late.clear()

    def _erase(self, sector: int) -> None:
        if sector >= len(SECTORS):
            self._errors |= PROTECTION_ERROR
            return
        start = 1024 * sum(SECTORS[:sector])
        size = 1024 * SECTORS[sector]
        if self._fails_now():
            size = min(size, self._tear)
        self.memory[start : start + size] = 0xFF
        self.erased += 1
        self._busy = self.slowness * ERASE_TIME[SECTORS[sector]]

    # --- registers ---------------------------------------------------------------------

    def read(self, at: int) -> int:
        if at != 0x0C:
            return super().read(at)
        self.settle()
        if not self._busy:
            return self._errors
        # The processor waits for its next instruction until the flash is free.
        self.board.skip(self._busy)
        if not self.stuck:
            self._busy = 0
        return self._errors | BUSY

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
            if self.words[0x10] & LOCK or self._busy:
                return
            self.words[0x10] = value & ~START
            if value & LOCK:
                self._keys = []
            if value & ERASE and value & START:
                self._erase(value >> 3 & 15)
        else:
            super().write(at, value)
