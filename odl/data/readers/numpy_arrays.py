"""NumPy's .npy and .npz; arrays of objects are refused, since only pickle could read them."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from odl.data.card import DataError
from odl.data.readers.extra import SAMPLES, as_data_error
from odl.data.readers.matrix import tables_of
from odl.data.readers.source import SourceFile
from odl.data.readers.table import RawTable

NAME = "NumPy arrays"


def is_mine(source: SourceFile) -> bool:
    """By the ending or the first bytes of .npy."""
    return source.suffix in (".npy", ".npz") or source.head(6) == npy.MAGIC_PREFIX


def read(source: SourceFile) -> list[RawTable]:
    """Return a table of the array, or of the arrays in a .npz that are equally long."""
    data = source.data()
    with as_data_error(source, "NumPy arrays"):
        if data[:6] == npy.MAGIC_PREFIX:
            return tables_of(source, [("column", _array(source, "", bytes(data)))])
        arrays = []
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if sum(info.file_size for info in packed.infolist()) > 8 * SAMPLES:
                raise DataError(f"{source.path}: more than {8 * SAMPLES} bytes when unpacked; split it")
            for info in packed.infolist():
                name = info.filename.removesuffix(".npy")
                arrays.append((name, _array(source, name, packed.read(info))))
        return tables_of(source, arrays)


def _array(source: SourceFile, name: str, data: bytes) -> NDArray[Any]:
    """One array, after its header was checked against the bytes that are there."""
    file = io.BytesIO(data)
    version = npy.read_magic(file)
    reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = reader(file)
    where = f"{source.path}{f' ({name})' if name else ''}"
    if dtype.hasobject:
        raise DataError(f"{where}: this holds Python objects, which are not read; save numbers alone")
    if np.prod(shape, dtype=np.float64) * max(dtype.itemsize, 1) > len(data):
        raise DataError(f"{where}: {shape} values are more than the file has bytes for; it is cut")
    file.seek(0)
    array: NDArray[Any] = npy.read_array(file, allow_pickle=False)
    return array
