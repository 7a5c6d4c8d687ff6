"""A flash memory behind a controller: programming clears bits, erasing sets a unit's, power fails.

A chip's own controller adds its registers, as `firmware_sim.stm32f4` does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from firmware_sim.peripherals import Now, Peripheral


class Flash(Peripheral, ABC):
    """Controller and memory.

    Parameters
    ----------
    board : Now
        Time, and resets.
    memory : uint8, shape (bytes,)
        The contents.
    units : sequence of int
        Bytes of each sector or page, in order: the least that can be erased.
    word_time : int
        Cycles to program a word.

    Attributes
    ----------
    programmed, erased : int
        Words programmed and units erased since the creation of the board, incomplete ones included.
    dead : bool
        True after the planned power failure: nothing is written until power is back.
    slowness : int
        Duration of an erase, in multiples of the usual one.
    stuck : bool
        True: operations never finish, for tests of bounded waits.
    spoilt : dict of int to int
        Further bits that the next programming of a word clears, by offset, for tests of a disturbed
        flash.
    """

    def __init__(self, board: Now, memory: NDArray[np.uint8], units: Sequence[int], word_time: int) -> None:
        super().__init__(board)
        self.memory = memory
        self.starts = [0, *np.cumsum(units).tolist()]  # of the units, and the end
        self.programmed = self.erased = 0
        self.stuck = False
        self.slowness = 1
        self.spoilt: dict[int, int] = {}
        self._word_time = word_time
        self._cut_at: int | None = None
        self._tear = 0
        self.dead = False
        self._late: list[tuple[int, NDArray[np.uint8]]] = []  # final contents after stores
        self.reset()

    def load(self, data: bytes, at: int = 0) -> None:
        """Write ``data`` as a programmer would; the rest of each touched unit is erased."""
        for start, end in zip(self.starts, self.starts[1:], strict=False):
            if start < at + len(data) and at < end:
                self.memory[start:end] = 0xFF
        self.memory[at : at + len(data)] = np.frombuffer(data, np.uint8)

    def reset(self) -> None:
        super().reset()
        self.busy = 0  # cycles that the present operation takes

    # --- power -------------------------------------------------------------------------

    def cut_power(self, after: int, tear: int = 0) -> None:
        """Let the power fail during the operation that follows ``after`` more.

        An operation is a word programmed or a unit erased. Of a word, only bits in ``tear`` are
        cleared; of a unit, only the first ``tear`` bytes are erased.
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

    # --- what a controller does -----------------------------------------------------------

    @abstractmethod
    def accepts(self, size: int) -> bool:
        """True if the controller is set up to program ``size`` bytes now."""

    def store(self, at: int, size: int, value: int) -> None:
        """The processor stores to flash at byte ``at``.

        The emulator executes the store as if flash were RAM; `settle` corrects the memory before
        anything else happens.
        """
        old = self.memory[at : at + size].copy()
        for offset, content in self._late:  # of an earlier store to the same place
            if offset == at and len(content) == size:
                old = content
        if self.dead or not self.accepts(size):
            self._leave(at, old)
            return
        wanted = int.from_bytes(old.tobytes(), "little") & value & ~self.spoilt.pop(at, 0)
        if self._fails_now():
            wanted |= int.from_bytes(old.tobytes(), "little") & ~self._tear
        self.programmed += 1
        self.busy = self._word_time
        self._leave(at, np.frombuffer(wanted.to_bytes(size, "little"), np.uint8))

    def _leave(self, at: int, content: NDArray[np.uint8]) -> None:
        self._late.append((at, content))
        self.board.attend()

    def settle(self) -> None:
        """Write the final contents of all stores so far."""
        for at, content in self._late:
            self.memory[at : at + len(content)] = content
        self._late.clear()

    def erase(self, unit: int, time: int) -> None:
        """Erase the unit with this number, which takes ``time`` cycles."""
        start, end = self.starts[unit], self.starts[unit + 1]
        if self._fails_now():
            end = min(end, start + self._tear)
        self.memory[start:end] = 0xFF
        self.erased += 1
        self.busy = self.slowness * time

    def wait(self) -> bool:
        """True if an operation goes on: the processor waits for its next instruction until it is done."""
        self.settle()
        if not self.busy:
            return False
        self.board.skip(self.busy)
        if not self.stuck:
            self.busy = 0
        return True
