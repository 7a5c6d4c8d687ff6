"""MATLAB's .mat: version 5 with scipy, version 7.3, which is HDF5, with h5py (extra ``files``)."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.data.card import DataError
from odl.data.readers import hdf5
from odl.data.readers.apart import tables_apart
from odl.data.readers.extra import SAMPLES, as_data_error, needed, whole
from odl.data.readers.matrix import tables_of
from odl.data.readers.source import SourceFile
from odl.data.readers.table import RawTable

NAME = "MATLAB"
_UNPACKED = 2**29  # bytes of all variables
_DEEPEST, _MOST_CELLS = 16, 10_000


def is_mine(source: SourceFile) -> bool:
    """By the ending or the first words."""
    return source.suffix == ".mat" or source.head(7) == b"MATLAB "


def read(source: SourceFile) -> list[RawTable]:
    """Return a table for each structure, and each length within one."""
    return tables_apart("matlab", source, whole(source, "a MATLAB file"))


def parse(source: SourceFile, data: bytes) -> list[RawTable]:
    """As `read`, in this process, which a damaged file may end."""
    if hdf5.MAGIC in data[:1024]:
        with needed("a MATLAB file of version 7.3", source):
            import h5py
        with as_data_error(source, "a MATLAB file"), h5py.File(io.BytesIO(data), "r") as file:
            return hdf5.tables_in(source, file, h5py, matlab=True)
    held = _load(source, data)
    arrays = [pair for name, value in held.items() for pair in _arrays(source, name, value, 0)]
    return tables_of(source, arrays)


def numbers(source: SourceFile, data: bytes) -> dict[str, NDArray[Any]]:
    """Return the variables that are arrays of numbers; in this process, as `parse`."""
    held = _load(source, data)
    return {n: v for n, v in held.items() if isinstance(v, np.ndarray) and v.dtype.kind in "iuf"}


def _load(source: SourceFile, data: bytes) -> dict[str, Any]:
    """Return the variables of a file of version 5 or 4, after their sizes were checked.

    Raises
    ------
    DataError
        If scipy is missing, the file is damaged, too large, or holds MATLAB objects alone.
    """
    with needed("a MATLAB file", source):
        from scipy.io import loadmat, whosmat
    with as_data_error(source, "a MATLAB file"):
        if _unpacked(data) > _UNPACKED:
            raise DataError(f"{source.path}: more than {_UNPACKED} bytes when unpacked; split the file")
        for name, shape, _ in whosmat(io.BytesIO(data)):
            if np.prod(shape, dtype=np.float64) > SAMPLES:
                raise DataError(f"{source.path}: '{name[:60]}' has {shape} values; split the file")
        held: dict[str, Any] = loadmat(io.BytesIO(data))
    return {name: value for name, value in held.items() if not name.startswith("__")}


def _unpacked(data: bytes) -> int:
    """Bytes of a file of version 5 when its packed variables are unpacked; counted, not held."""
    if data[124:128] not in (b"\x00\x01IM", b"\x01\x00MI"):
        return len(data)
    order: Any = "little" if data[126:128] == b"IM" else "big"
    at, total = 128, 0
    while at + 8 <= len(data) and total <= _UNPACKED:
        kind, size = (int.from_bytes(data[at + i : at + i + 4], order) for i in (0, 4))
        packed, at = data[at + 8 : at + 8 + size], at + 8 + size
        if kind != 15:  # miCOMPRESSED
            total += size
            continue
        unpacker = zlib.decompressobj()
        while packed and total <= _UNPACKED:
            total += len(unpacker.decompress(packed, 2**20))
            packed = unpacker.unconsumed_tail
    return total


def _arrays(source: SourceFile, name: str, value: Any, depth: int) -> Iterator[tuple[str, NDArray[Any]]]:
    """(name, array) of all numbers and texts in a variable: a structure's fields, a cell's contents."""
    if type(value).__name__ in ("MatlabOpaque", "MatlabFunction", "MatlabObject"):
        raise DataError(
            f"{source.path}: '{name[:60]}' is a MATLAB object, such as a table or timetable, which only "
            "MATLAB reads; save its columns as arrays"
        )
    if not isinstance(value, np.ndarray) or depth > _DEEPEST:
        return
    if value.dtype.names:
        for i, element in enumerate(value.ravel()[:_MOST_CELLS]):
            own = name if value.size == 1 else f"{name} {i + 1}"
            for field in value.dtype.names:
                yield from _arrays(source, f"{own}/{field}", element[field], depth + 1)
    elif value.dtype.kind == "O":
        cells = [_text_of(cell) for cell in value.ravel()]
        if cells and all(cell is not None for cell in cells):
            yield name, np.array(cells, object)
        else:
            for i, cell in enumerate(value.ravel()[:_MOST_CELLS]):
                yield from _arrays(source, name if value.size == 1 else f"{name} {i + 1}", cell, depth + 1)
    else:
        yield name, value


def _text_of(cell: Any) -> str | None:
    if isinstance(cell, np.ndarray) and cell.dtype.kind == "U" and cell.size <= 1:
        return str(cell.ravel()[0]) if cell.size else ""
    return None
