"""Count the instructions of an emulated board natively, and stop it at a given count.

Unicorn calls a hook at every basic block; a Python hook would cost more than the emulation.
This one is compiled by Numba and passed to Unicorn as a C function pointer. A block is counted
when it is entered, with every Thumb instruction in it. Skipped instructions of an IT block count
too, as the processor also spends a cycle on them.
"""

from __future__ import annotations

import ctypes
from typing import Any, Final

import numpy as np
from numba import carray, cfunc, types
from numpy.typing import NDArray
from unicorn import UC_HOOK_BLOCK
from unicorn.unicorn_py3.unicorn import uc_hook_h, uclib

from firmware_sim.elf import MemoryMap
from firmware_sim.peripherals import NEVER

# Places in the shared words: five numbers, then three tables. The flash, four halfwords a word; per halfword
# address block size << 32 | instructions, and instructions carried out in blocks from there.
_COUNT, _UNTIL, _STOPPED, _BASE, _SIZE, _CODE = 0, 1, 2, 3, 4, 8
_MOST: Final = 2**28  # words, at most

_stop = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_size_t)(
    ctypes.cast(uclib.uc_emu_stop, ctypes.c_void_p).value or 0
)


def _block(uc: Any, address: Any, size: Any, shared: Any) -> None:
    words = carray(shared, _MOST)
    flash = words[_SIZE]
    sizes = _CODE + (flash >> 3)
    done = sizes + (flash >> 1)
    at = (types.int64(address) - words[_BASE]) >> 1
    wide = types.int64(size)
    n = wide >> 1
    if 0 <= at < (flash >> 1) - n:
        known = words[sizes + at]
        if known >> 32 == wide:
            n = known & 0xFFFFFFFF
        else:
            n = 0
            i = at
            while i < at + (wide >> 1):
                # 0b11101, 0b11110 and 0b11111 begin an instruction of two halfwords.
                half = (words[_CODE + (i >> 2)] >> (16 * (i & 3))) & 0xFFFF
                i += 2 if half >= 0xE800 else 1
                n += 1
            words[sizes + at] = wide << 32 | n
    else:
        at = 0
    if words[_COUNT] >= words[_UNTIL]:
        words[_STOPPED] = 1
        _stop(uc)  # before the block runs, so it is not counted
    else:
        words[_COUNT] += n
        words[done + at] += n


class Counter:
    """The flash of an emulated board, and the number of executed instructions.

    Parameters
    ----------
    memory : MemoryMap
        Where the flash lies, and how large it is.

    Attributes
    ----------
    flash : uint8, shape (flash_size,): mapped by Unicorn, and read by this counter.
    done : int64, per halfword of the flash: executed instructions of blocks that begin there.
    """

    _hook: Any = None

    def __init__(self, memory: MemoryMap) -> None:
        self.memory = memory
        half = memory.flash_size // 2
        sizes_at = _CODE + memory.flash_size // 8
        words = sizes_at + 2 * half
        self._buffer = np.zeros(8 * words + 4096, np.uint8)
        lead = -(self._buffer.ctypes.data + 8 * _CODE) % 4096  # flash begins at a host page
        self._words: NDArray[np.int64] = self._buffer[lead : lead + 8 * words].view(np.int64)
        self.flash = self._words[_CODE:sizes_at].view(np.uint8)
        self._sizes = self._words[sizes_at : sizes_at + half]
        self.done = self._words[sizes_at + half :]
        self.flash[:] = 0xFF
        self._words[_UNTIL] = NEVER
        self._words[_BASE], self._words[_SIZE] = memory.flash_base, memory.flash_size

    def attach(self, uc: Any) -> None:
        """Install the hook in ``uc``; call this once."""
        if Counter._hook is None:
            signature = types.void(types.uintp, types.uint64, types.uint32, types.CPointer(types.int64))
            Counter._hook = cfunc(signature)(_block)
        self._handle = uc_hook_h()
        pointer = ctypes.c_void_p(Counter._hook.address)
        status = uclib.uc_hook_add(
            uc._uch, ctypes.byref(self._handle), ctypes.c_int(UC_HOOK_BLOCK), pointer,
            ctypes.c_void_p(self._words.ctypes.data), ctypes.c_uint64(1), ctypes.c_uint64(0),
        )  # fmt: skip
        if status:
            raise RuntimeError(f"unicorn refused the block hook (error {status})")

    @property
    def count(self) -> int:
        """Instructions executed so far."""
        return int(self._words[_COUNT])

    def entries(self, address: int) -> int:
        """How often the block that begins at ``address`` was entered."""
        at = (address & ~1) - self.memory.flash_base >> 1
        return int(self.done[at]) // max(1, int(self._sizes[at]) & 0xFFFFFFFF)

    def until(self, count: int) -> None:
        """Stop at the first block that begins at ``count`` executed instructions or later."""
        self._words[_UNTIL] = count

    def sooner(self, by: int) -> None:
        """Stop ``by`` instructions earlier: that much time has passed while the processor stood still."""
        self._words[_UNTIL] -= by

    def stop(self) -> None:
        """Stop at the next block."""
        self._words[_UNTIL] = 0

    def take_stop(self) -> bool:
        """True if this counter ended the last run; resets the flag."""
        stopped = bool(self._words[_STOPPED])
        self._words[_STOPPED] = 0
        return stopped

    def forget_code(self) -> None:
        """Discard cached block sizes, after the code in flash has changed."""
        self._sizes[:] = 0
