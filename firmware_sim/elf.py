"""Read a linked firmware with pyelftools: bytes to load, symbols, sizes."""

from __future__ import annotations

import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from odl.core.errors import OdlError


@dataclass(frozen=True, slots=True)
class MemoryMap:
    """Where a processor's flash and RAM lie, and how many bytes they have."""

    flash_base: int
    flash_size: int
    ram_base: int
    ram_size: int


class ElfError(OdlError, ValueError):
    """Bytes are not a firmware for this board; the message says why."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A function or object: address (of a function without the Thumb bit) and size in bytes."""

    address: int
    size: int


@dataclass(frozen=True, slots=True)
class Program:
    """A firmware in the board's memory.

    Attributes
    ----------
    flash : the bytes from the flash's first address on; 0xFF, as erased, outside of segments.
    sections : name to (address, size) of sections with memory on the board.
    symbols : by name; empty for a plain binary.
    """

    flash: bytes
    sections: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    symbols: Mapping[str, Symbol] = field(default_factory=dict)

    @property
    def checksum(self) -> int:
        """CRC-32 over the flash bytes: the same for the .elf and the .bin of one build."""
        return zlib.crc32(self.flash)

    def address(self, name: str) -> int:
        """Address of the symbol ``name``.

        Raises
        ------
        ElfError
            If there is no such symbol; a plain binary has none.
        """
        if name not in self.symbols:
            raise ElfError(
                f"no symbol {name!r} in the firmware" + ("" if self.symbols else ": a .bin has none")
            )
        return self.symbols[name].address


def read(data: bytes, memory: MemoryMap) -> Program:
    """Read a firmware from the bytes of its .elf or .bin.

    Parameters
    ----------
    data : bytes
        The file's.
    memory : MemoryMap
        The board's.

    Raises
    ------
    ElfError
        If it is an ELF for another processor, does not fit the flash, or has no vector table at the
        start.

    >>> vectors = (0x20000800).to_bytes(4, "little") + (0x08000009).to_bytes(4, "little")
    >>> memory = MemoryMap(0x08000000, 1024, 0x20000000, 2048)
    >>> len(read(vectors + bytes(8), memory).flash)
    16
    >>> read(b"PK", memory)
    Traceback (most recent call last):
    firmware_sim.elf.ElfError: no vector table: 2 bytes that do not begin with a stack and a start address
    """
    program = _read_elf(data, memory) if data[:4] == b"\x7fELF" else Program(data)
    stack, start = (int.from_bytes(program.flash[i : i + 4], "little") for i in (0, 4))
    in_ram = memory.ram_base < stack <= memory.ram_base + memory.ram_size
    in_flash = start & 1 and 0 <= start - memory.flash_base < len(program.flash)
    if len(program.flash) > memory.flash_size:
        raise ElfError(f"{len(program.flash)} bytes; the board's flash has {memory.flash_size}")
    if not (in_ram and in_flash):
        raise ElfError(
            f"no vector table: {len(program.flash)} bytes that do not begin with a stack and a start address"
        )
    return program


def _read_elf(data: bytes, memory: MemoryMap) -> Program:
    from elftools.elf.elffile import ELFFile

    elf = ELFFile(io.BytesIO(data))
    if elf["e_machine"] != "EM_ARM" or elf["e_type"] != "ET_EXEC":
        raise ElfError(f"an ELF for {elf['e_machine']} ({elf['e_type']}), not a linked ARM program")
    flash = bytearray()
    for segment in elf.iter_segments("PT_LOAD"):
        content, at = segment.data(), segment["p_paddr"] - memory.flash_base
        if not content:
            continue
        if not 0 <= at <= memory.flash_size - len(content):
            raise ElfError(f"{len(content)} bytes to load at {segment['p_paddr']:#x}, outside the flash")
        flash.extend(b"\xff" * (at + len(content) - len(flash)))
        flash[at : at + len(content)] = content
    sections = {
        s.name: (s["sh_addr"], s["sh_size"])
        for s in elf.iter_sections()
        if s["sh_flags"] & 2 and s["sh_size"]
    }
    symbols = {}
    table = elf.get_section_by_name(".symtab")
    for entry in table.iter_symbols() if table else ():
        kind = entry["st_info"]["type"]
        if entry.name and kind in ("STT_FUNC", "STT_OBJECT", "STT_NOTYPE") and entry.name[0] != "$":
            thumb = 1 if kind == "STT_FUNC" else 0
            symbols[entry.name] = Symbol(entry["st_value"] & ~thumb, entry["st_size"])
    return Program(bytes(flash), sections, symbols)
