"""A Cortex-M on Unicorn, with exceptions and the reason for each stop, which Unicorn lacks.

Exceptions are entered and left between two basic blocks, by the ARMv7-M manual (B1.5.6 to
B1.5.8): eight words stacked in its order, the stack aligned to 8, EXC_RETURN in the link register.
There is no FPU state, as no code for this board uses the FPU. Handlers do not interrupt each other:
all have one priority.
"""

from __future__ import annotations

import contextlib
import ctypes
import struct
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Final, Protocol

from unicorn import (
    UC_ARCH_ARM,
    UC_HOOK_MEM_WRITE_PROT,
    UC_MODE_MCLASS,
    UC_MODE_THUMB,
    UC_PROT_EXEC,
    UC_PROT_READ,
    Uc,
    UcError,
)
from unicorn import arm_const as arm
from unicorn.unicorn_py3.unicorn import MMIO_READ_CFUNC, MMIO_WRITE_CFUNC, uclib

from firmware_sim.counter import Counter

RETURN: Final = 0xFFFFFFF8  # EXC_RETURN (to thread mode, main stack) without its Thumb bit
NOWHERE: Final = 0xFFFFFFFF  # an end address that is never reached
_THUMB, _PADDED = 1 << 24, 1 << 9  # bits of the status register, the second only when stacked
_IN_IT_BLOCK: Final = 0x0600FC00
CPUS: Final = {  # by the compilers' targets
    "cortex-m0plus": arm.UC_CPU_ARM_CORTEX_M0,
    "cortex-m4": arm.UC_CPU_ARM_CORTEX_M4,
    "cortex-m33": arm.UC_CPU_ARM_CORTEX_M33,
}
_WORDS: Final = struct.Struct("<8I")
_ARGUMENTS: Final = (arm.UC_ARM_REG_R0, arm.UC_ARM_REG_R1, arm.UC_ARM_REG_R2, arm.UC_ARM_REG_R3)
_FRAME: Final = (
    *_ARGUMENTS,
    arm.UC_ARM_REG_R12,
    arm.UC_ARM_REG_LR,
    arm.UC_ARM_REG_PC,
    arm.UC_ARM_REG_XPSR,
    arm.UC_ARM_REG_SP,
)


class StopReason(Enum):
    """Why a run ended."""

    STOPPED = "by the counter"
    ASLEEP = "at WFI"
    RETURNED = "by a jump to EXC_RETURN"
    FAULT = "by an invalid instruction or access"


class Device(Protocol):
    """A device with registers."""

    def read(self, at: int) -> int:
        """The register at offset ``at``."""
        ...

    def write(self, at: int, value: int) -> None:
        """Write the register at offset ``at``."""
        ...


class Registers:
    """Several registers of a processor, read or written in one call, for speed."""

    def __init__(self, uc: Any, numbers: Sequence[int]) -> None:
        self._uc, self._count = uc, ctypes.c_int(len(numbers))
        self._numbers = (ctypes.c_int * len(numbers))(*numbers)
        self._values = (ctypes.c_uint64 * len(numbers))()
        base = ctypes.addressof(self._values)
        self._places = (ctypes.c_void_p * len(numbers))(*(base + 8 * i for i in range(len(numbers))))

    def read(self) -> list[int]:
        """Return their values."""
        uclib.uc_reg_read_batch(self._uc._uch, self._numbers, self._places, self._count)
        return list(self._values)

    def write(self, *values: int) -> None:
        """Set their values."""
        self._values[:] = list(values)
        uclib.uc_reg_write_batch(self._uc._uch, self._numbers, self._places, self._count)


class Processor:
    """The core, its flash and its RAM.

    Parameters
    ----------
    counter : Counter
        Holds the flash, and knows the memory map.
    store : callable
        Called with offset, size and value of a store to flash, before Unicorn executes it as if flash
        were RAM.
    settle : callable
        Called after each run, to correct the flash after stores.
    target : str
        A key of ``CPUS``.

    Attributes
    ----------
    pc : int
        Address of the next instruction.
    handling : int
        Number of the exception being handled, 0 for none.
    """

    def __init__(
        self,
        counter: Counter,
        store: Callable[[int, int, int], None],
        settle: Callable[[], None],
        target: str = "cortex-m4",
    ) -> None:
        self.counter, memory = counter, counter.memory
        self.pc = self.handling = 0
        self._store, self._settle = store, settle
        self._error: BaseException | None = None
        self._kept: list[Any] = []  # callbacks, kept alive for Unicorn
        self._uc = uc = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        uc.ctl_set_cpu_model(CPUS[target])
        uc.mem_map_ptr(
            memory.flash_base, memory.flash_size, UC_PROT_READ | UC_PROT_EXEC, counter.flash.ctypes.data
        )
        uc.mem_map(memory.ram_base, memory.ram_size)
        uc.hook_add(UC_HOOK_MEM_WRITE_PROT, self._store_to_flash)
        counter.attach(uc)
        self._frame = Registers(uc, _FRAME)
        self._entry = Registers(uc, (arm.UC_ARM_REG_SP, arm.UC_ARM_REG_LR))
        self._masks = Registers(uc, (arm.UC_ARM_REG_PRIMASK, arm.UC_ARM_REG_XPSR))
        self._arguments = Registers(uc, (*_ARGUMENTS, arm.UC_ARM_REG_LR))

    # --- memory and devices --------------------------------------------------------------

    def map_devices(self, base: int, size: int, devices: Mapping[int, Device], bits: int) -> None:
        """Map the registers of ``devices``, by address, from ``base`` on; each has ``2**bits`` bytes.

        The callbacks bypass Unicorn's Python wrapper, which would double their cost.
        """
        mask = (1 << bits) - 1
        places = [devices.get(base + (i << bits)) for i in range(size >> bits)]

        def read(_uc: Any, offset: int, _size: int, _data: Any) -> int:
            try:
                device = places[offset >> bits]
                return device.read(offset & mask) if device else 0
            except BaseException as error:
                return self._broke(error)

        def write(_uc: Any, offset: int, _size: int, value: int, _data: Any) -> None:
            try:
                device = places[offset >> bits]
                if device:
                    device.write(offset & mask, value)
            except BaseException as error:
                self._broke(error)

        callbacks = MMIO_READ_CFUNC(read), MMIO_WRITE_CFUNC(write)
        self._kept.append(callbacks)
        status = uclib.uc_mmio_map(
            self._uc._uch,
            ctypes.c_uint64(base),
            ctypes.c_size_t(size),
            callbacks[0],
            None,
            callbacks[1],
            None,
        )
        if status:
            raise RuntimeError(f"unicorn refused registers at {base:#x} (error {status})")

    def _broke(self, error: BaseException) -> int:
        """Store the ``error`` of a device; `run` raises it."""
        self._error = self._error or error
        self.counter.stop()
        return 0

    def _store_to_flash(self, _uc: Any, _kind: int, address: int, size: int, value: int, _data: Any) -> bool:
        at = address - self.counter.memory.flash_base
        if not 0 <= at < self.counter.memory.flash_size:
            return False
        self._store(at, size, value)
        return True

    def read(self, address: int, size: int) -> bytes:
        """Read memory."""
        return bytes(self._uc.mem_read(address, size))

    def write(self, address: int, data: bytes) -> None:
        """Write RAM."""
        self._uc.mem_write(address, data)

    def vector(self, exception: int) -> int:
        """A word of the vector table: 0 is the stack, 1 the start, others are handlers."""
        return int(self.counter.flash[4 * exception : 4 * exception + 4].view("<u4")[0])

    # --- running -------------------------------------------------------------------------

    def reset(self) -> None:
        """Reset the registers; RAM and flash stay unchanged."""
        self.handling = 0
        self.counter.take_stop()
        self._masks.write(0, _THUMB)
        self._entry.write(self.vector(0), 0xFFFFFFFF)
        self.pc = self.vector(1) & ~1

    def run(self, until: int) -> StopReason:
        """Execute instructions up to count ``until``, and to the end of the basic block."""
        self.counter.until(until)
        faulted = False
        try:
            self._uc.emu_start(self.pc | 1, NOWHERE)
        except UcError:
            faulted = True
        self._settle()
        self.pc = self._uc.reg_read(arm.UC_ARM_REG_PC) & ~1
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        if self.pc == RETURN:  # Unicorn has no handler mode, and finds no code there
            return StopReason.RETURNED
        if faulted:
            return StopReason.FAULT
        return StopReason.STOPPED if self.counter.take_stop() else StopReason.ASLEEP

    def interruptible(self) -> bool:
        """True if an exception can be taken: not masked, and not within an IT block."""
        masked, status = self._masks.read()
        return not (masked & 1 or status & _IN_IT_BLOCK)

    def enter(self, exception: int) -> None:
        """Exception entry: stack eight words, go to the handler."""
        *registers, sp = self._frame.read()
        registers[6] = self.pc
        frame = (sp - 32) & ~7
        registers[7] = registers[7] & ~(0x1FF | _PADDED) | _THUMB | (_PADDED if (sp - 32) & 4 else 0)
        with contextlib.suppress(UcError):  # no stack left: a fault handler runs without the frame
            self._uc.mem_write(frame, _WORDS.pack(*registers))
        self._entry.write(frame, RETURN | 1)
        self.pc = self.vector(exception) & ~1
        self.handling = exception

    def leave(self) -> None:
        """Exception return: restore the registers."""
        sp = self._frame.read()[8]
        words = _WORDS.unpack(self._uc.mem_read(sp, 32))
        status = words[7] & ~_PADDED
        self._frame.write(*words[:7], status, sp + (36 if words[7] & _PADDED else 32))
        self.pc = words[6]
        self.handling = 0

    def call(self, address: int, arguments: Sequence[int]) -> tuple[int, list[int]]:
        """Prepare the call of a function that returns to ``RETURN``; return the state for `restore`."""
        saved = self.pc, self._frame.read()
        words = [value & 0xFFFFFFFF for value in arguments]
        self._arguments.write(*words, *[0] * (4 - len(words)), RETURN | 1)
        self.pc = address
        return saved

    def restore(self, saved: tuple[int, list[int]]) -> int:
        """Restore the state before a call; return the function's result."""
        result = self._frame.read()[0]
        self.pc = saved[0]
        self._frame.write(*saved[1])
        return result
