"""Call functions of the C core on an emulated Cortex-M4, and count their instructions.

There is no board and no start-up code, only the core and the host's log in memory. Memory from
`BareMachine.room` is mapped into the emulated processor, so both sides see the same bytes.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from unicorn import (
    UC_ARCH_ARM,
    UC_MODE_MCLASS,
    UC_MODE_THUMB,
    UC_PROT_ALL,
    UC_PROT_EXEC,
    UC_PROT_READ,
    Uc,
    UcError,
)
from unicorn import arm_const as arm

from firmware_sim import elf, toolchain
from firmware_sim.counter import Counter
from firmware_sim.headers import CORE, sizes_of, write
from firmware_sim.host import HOST
from firmware_sim.machine import SIGNATURES, CoreSession, Room
from odl.core.config import Config
from odl.core.image import Image

BARE: Final = CORE.parent / "boards" / "bare"
ARENA: Final = 0x60000000  # memory for `BareMachine.room`
ARENA_SIZE: Final = 4 * 2**20
MEMORY: Final = elf.MemoryMap(0x08000000, 512 * 1024, 0x20000000, 96 * 1024)  # as functions.ld has it
STACK_TOP: Final = MEMORY.ram_base + MEMORY.ram_size
RETURN: Final = MEMORY.flash_base + MEMORY.flash_size - 16  # in erased flash
PAINT: Final = 0xC5
_REGISTERS: Final = (arm.UC_ARM_REG_R0, arm.UC_ARM_REG_R1, arm.UC_ARM_REG_R2, arm.UC_ARM_REG_R3)
_RESULTS: Final = {"i": "<i", "I": "<I", "z": "<I", "p": "<I", "B": "<B", "h": "<h", "l": "<q", "L": "<Q"}


def build(sizes: Mapping[str, int], *, compiler: str | None = None, defines: Sequence[str] = ()) -> bytes:
    """Build an ELF of the core for ``sizes`` and a Cortex-M4.

    Parameters
    ----------
    sizes : mapping
        From `firmware_sim.headers.sizes_of`.
    compiler : "zig" or "gcc", optional
        See `firmware_sim.toolchain.compiler`.
    defines : sequence of str
        ``ODL_PLAIN`` leaves out the faster variants.
    """
    with tempfile.TemporaryDirectory() as name:
        work, output = Path(name), Path(name) / "core.elf"
        write(work, sizes)
        toolchain.compiler(compiler).link(
            [*sorted(CORE.glob("*.c")), HOST / "host.c", BARE / "memory.c"],
            output, BARE / "functions.ld", "odl_open", [work, CORE, HOST, BARE], defines,
        )  # fmt: skip
        return output.read_bytes()


class BareMachine:
    """An emulated Cortex-M4 that runs one function at a time.

    Parameters
    ----------
    program : bytes
        From `build`.

    Attributes
    ----------
    instructions : int
        Instructions of the last call. Skipped ones of an IT block count too.
    """

    def __init__(self, program: bytes) -> None:
        read = elf.read(program, MEMORY)
        self.symbols = read.symbols
        self.instructions = 0
        self._counter = Counter(MEMORY)
        self._counter.flash[: len(read.flash)] = np.frombuffer(read.flash, np.uint8)
        self._ram = _pages(MEMORY.ram_size)
        self._arena = _pages(ARENA_SIZE)
        self._used = 0
        self._uc = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        self._uc.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M4)
        for address, memory, rights in (
            (MEMORY.flash_base, self._counter.flash, UC_PROT_READ | UC_PROT_EXEC),
            (MEMORY.ram_base, self._ram, UC_PROT_ALL),
            (ARENA, self._arena, UC_PROT_ALL),
        ):
            self._uc.mem_map_ptr(address, memory.nbytes, rights, memory.ctypes.data)
        self._counter.attach(self._uc)

    def room(self, size: int) -> Room:
        """Memory shared with the emulated processor."""
        at = self._used
        self._used = at + -(-size // 8) * 8
        if self._used > ARENA_SIZE:
            raise MemoryError(f"no room for {size} bytes: {at} of {ARENA_SIZE} are in use")
        return Room(ARENA + at, self._arena[at : at + size])

    def mark(self) -> int:
        """The number of bytes in use, for `rewind`."""
        return self._used

    def rewind(self, mark: int) -> None:
        """Free what was allocated since `mark`."""
        self._arena[mark : self._used] = 0
        self._used = mark

    def call(self, name: str, *arguments: int) -> int:
        """Call a function of the core.

        Raises
        ------
        RuntimeError
            If it accesses or jumps to unmapped memory.
        """
        result, types = SIGNATURES[name][0], SIGNATURES[name][1:]
        words, on_stack = _place(types, arguments)
        sp = STACK_TOP - -(-len(on_stack) // 2) * 8
        self._uc.mem_write(sp, struct.pack(f"<{len(on_stack)}I", *on_stack))
        for register, word in zip(_REGISTERS, words, strict=False):
            self._uc.reg_write(register, word)
        self._uc.reg_write(arm.UC_ARM_REG_SP, sp)
        self._uc.reg_write(arm.UC_ARM_REG_LR, RETURN | 1)
        before = self._counter.count
        try:
            self._uc.emu_start(self.symbols[name].address | 1, RETURN, count=0)
        except UcError as error:
            pc = self._uc.reg_read(arm.UC_ARM_REG_PC)
            raise RuntimeError(f"{name} at {pc:#010x}: {error}") from None
        self.instructions = self._counter.count - before
        low, high = (self._uc.reg_read(register) for register in _REGISTERS[:2])
        if result == "v":
            return 0
        kind = _RESULTS[result]
        return int(struct.unpack_from(kind, struct.pack("<II", low, high))[0])

    def paint(self) -> None:
        """Fill the stack with a pattern for `stack_used`."""
        self._ram[MEMORY.ram_size // 2 :] = PAINT

    def stack_used(self) -> int:
        """Bytes of stack that calls have used since `paint`."""
        touched = np.flatnonzero(self._ram[MEMORY.ram_size // 2 :] != PAINT)
        return MEMORY.ram_size // 2 - int(touched[0]) if len(touched) else 0


class BareSession(CoreSession):
    """`odl.core.fused.Fused` in C on an emulated Cortex-M4."""

    def __init__(self, image: Image, config: Config, program: bytes | None = None) -> None:
        super().__init__(BareMachine(program or build(sizes_of(image))), image, config)


def _pages(size: int) -> NDArray[np.uint8]:
    """``size`` bytes aligned to a page, for mapping."""
    buffer = np.zeros(size + 4096, np.uint8)
    lead = -buffer.ctypes.data % 4096
    return buffer[lead : lead + size]


def _place(types: Sequence[str], arguments: Sequence[int]) -> tuple[list[int], list[int]]:
    """Words for r0 to r3 and for the stack, by the procedure call standard (AAPCS32, 6.5)."""
    if len(types) != len(arguments):
        raise TypeError(f"{len(arguments)} arguments where {len(types)} are expected")
    words: list[int] = []
    for kind, value in zip(types, arguments, strict=True):
        if kind in "lL":
            words += [0] * (len(words) % 2)  # pairs begin at even words
            words += [value & 0xFFFFFFFF, value >> 32 & 0xFFFFFFFF]
        else:
            words.append(value & 0xFFFFFFFF)
    return words[:4], words[4:]
