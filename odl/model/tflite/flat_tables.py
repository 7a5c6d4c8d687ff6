"""Read FlatBuffers, the byte form of .tflite files, and trust no byte of them.

A FlatBuffer is tables that point to each other by offsets. The reader follows an offset only after it has
checked that what lies there is inside the file. It makes no copies of vectors, and a list of
tables has a limit, so memory and time stay below a multiple of the file's size.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from odl.core.errors import OdlError

LARGEST: Final = 2**25  # bytes of a file; networks for microcontrollers are far smaller
MOST: Final = 4096  # tables in a list: tensors, operators, buffers
_FORMATS: Final = {"i1": "<b", "u1": "<B", "i4": "<i", "u4": "<I", "i8": "<q", "u8": "<Q"}


class TfliteError(OdlError, ValueError):
    """A .tflite file cannot be read or converted; the message says what and where."""


@dataclass(frozen=True)
class FlatTable:
    """A table of ``data`` that begins at byte ``at``; its fields lie as its vtable says."""

    data: bytes
    at: int
    places: tuple[int, ...]  # of each field from ``at`` on, 0: not there

    @staticmethod
    def root(data: bytes, identifier: bytes) -> FlatTable:
        """The first table of a file.

        Raises
        ------
        TfliteError
            If the file is too large, is not of this kind, or is cut short.
        """
        if len(data) > LARGEST:
            raise TfliteError(f"{len(data)} bytes; a file may have {LARGEST}")
        if data[4:8] != identifier:
            raise TfliteError(f"not a .tflite file: bytes 4 to 7 are not {identifier.decode()}")
        return FlatTable.at_offset(data, 0)

    @staticmethod
    def at_offset(data: bytes, place: int) -> FlatTable:
        """The table that the offset at ``place`` points to."""
        at = place + _scalar(data, place, "u4")
        vtable = at - _scalar(data, at, "i4")
        size = _unsigned16(data, vtable)
        if size < 4 or size % 2 or vtable + size > len(data):
            raise TfliteError(f"damaged: the table at byte {at} has a vtable of {size} bytes at {vtable}")
        return FlatTable(data, at, struct.unpack_from(f"<{size // 2 - 2}H", data, vtable + 4))

    def _place(self, field: int) -> int:
        """Where a field lies, or 0."""
        distance = self.places[field] if field < len(self.places) else 0
        return self.at + distance if distance else 0

    def number(self, field: int, kind: str, default: int = 0) -> int:
        """A whole number; ``kind`` is NumPy's name without the byte order."""
        place = self._place(field)
        return _scalar(self.data, place, kind) if place else default

    def table(self, field: int) -> FlatTable | None:
        """A table, or None where the field is not there."""
        place = self._place(field)
        return FlatTable.at_offset(self.data, place) if place else None

    def tables(self, field: int) -> list[FlatTable]:
        """A list of tables."""
        first, count = self._vector(field, 4)
        if count > MOST:
            raise TfliteError(f"a list of {count} tables; {MOST} can be read")
        return [FlatTable.at_offset(self.data, first + 4 * i) for i in range(count)]

    def array(self, field: int, dtype: str) -> NDArray[Any]:
        """A vector of numbers, as a view of the file; empty where the field is not there."""
        first, count = self._vector(field, np.dtype(dtype).itemsize)
        return np.frombuffer(self.data, np.dtype(dtype).newbyteorder("<"), count, first)

    def text(self, field: int) -> str:
        """A string, cut after 200 characters; not cleaned."""
        return self.array(field, "u1")[:800].tobytes().decode("utf-8", "replace")[:200]

    def _vector(self, field: int, size: int) -> tuple[int, int]:
        place = self._place(field)
        if not place:
            return 0, 0
        start = place + _scalar(self.data, place, "u4")
        count = _scalar(self.data, start, "u4")
        if start + 4 + count * size > len(self.data):
            raise TfliteError(f"damaged: {count} elements of {size} bytes at byte {start} leave the file")
        return start + 4, count


def _scalar(data: bytes, at: int, kind: str) -> int:
    form = _FORMATS[kind]
    if not 0 <= at <= len(data) - struct.calcsize(form):
        raise TfliteError(f"damaged: byte {at} lies outside the file's {len(data)}")
    return int(struct.unpack_from(form, data, at)[0])


def _unsigned16(data: bytes, at: int) -> int:
    if not 0 <= at <= len(data) - 2:
        raise TfliteError(f"damaged: byte {at} lies outside the file's {len(data)}")
    return int(struct.unpack_from("<H", data, at)[0])
