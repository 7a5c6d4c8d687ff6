"""HDF5: datasets in groups, as pandas, h5py and MATLAB 7.3 write them (extra ``files``)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.data.card import DataError
from odl.data.readers.apart import tables_apart
from odl.data.readers.extra import SAMPLES, as_data_error, needed, whole
from odl.data.readers.matrix import tables_of
from odl.data.readers.source import SourceFile
from odl.data.readers.table import RawTable

NAME = "HDF5"
MAGIC = b"\x89HDF\r\n\x1a\n"
_DENSE, _RATIO = 2**24, 1100  # no filter packs more tightly than zlib can
_MOST_ITEMS, _DEEPEST = 10_000, 32
_MOST_BYTES = 2**31  # of all datasets
_MOST_TEXTS, _MOST_TEXT = 2**22, 2**28  # of one dataset of texts: their number and their bytes
_UNITS, _NAMES = ("units", "unit"), ("columns", "column_names", "names", "channels")


def is_mine(source: SourceFile) -> bool:
    """By the ending or the first bytes."""
    return source.suffix in (".h5", ".hdf5", ".hdf") or source.head(8) == MAGIC


def read(source: SourceFile) -> list[RawTable]:
    """Return a table for each group, and each length within a group."""
    return tables_apart("hdf5", source, whole(source, "HDF5"))


def parse(source: SourceFile, data: bytes) -> list[RawTable]:
    """As `read`, in this process, which a damaged file may end."""
    with needed("HDF5", source):
        import h5py
    with as_data_error(source, "HDF5"), h5py.File(io.BytesIO(data), "r") as file:
        return tables_in(source, file, h5py)


def tables_in(source: SourceFile, file: Any, h5py: Any, matlab: bool = False) -> list[RawTable]:
    """Return the tables of an open file; links to other files are not followed."""
    arrays, units, names = [], {}, {}
    for place, item in _items(file, h5py, source):
        for attribute, value in item.attrs.items() if not matlab else ():
            value = np.asarray(value)
            if attribute.lower() in _UNITS and value.size == 1:
                units[place] = _text(value.ravel()[0])
            elif attribute.lower() in _NAMES:
                names[place] = [_text(cell) for cell in value.ravel()]
            elif value.size == 1 and value.dtype.kind in "iufSUO":
                home = place.rpartition("/")[0] if isinstance(item, h5py.Dataset) else place
                arrays.append((f"{home}/{attribute}".lstrip("/"), value))
        if not isinstance(item, h5py.Dataset):
            continue
        arrays.append((place, _matlab(file, item, h5py) if matlab else _read(source, place, item)))
        if place.endswith("_values") and (items := file.get(place[:-7] + "_items")) is not None:
            names[place] = [_text(cell) for cell in np.asarray(items[()]).ravel()]  # pandas' blocks
    blocks = {place[:-7] + "_items" for place in names if place.endswith("_values")}
    arrays = [(place, np.asarray(array)) for place, array in arrays if place not in blocks]
    arrays = [(p, a) for p, a in arrays if not (p.rpartition("/")[2] == "axis0" and blocks)]
    return tables_of(source, arrays, units, names)


def _items(file: Any, h5py: Any, source: SourceFile) -> Iterator[tuple[str, Any]]:
    """(place, group or dataset) below a file, each once, without what lies elsewhere or is too large."""
    stack, seen, count, total = [("", file)], set(), 0, 0
    while stack:
        place, group = stack.pop()
        yield place, group
        for name in reversed(list(group.keys())):
            count += 1
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink) or name.startswith("#"):
                continue
            item = group.get(name)
            if item is None or item.id in seen:
                continue
            seen.add(item.id)
            below = f"{place}/{name}" if place else name
            if count > _MOST_ITEMS or below.count("/") > _DEEPEST:
                raise DataError(f"{source.path}: more than {_MOST_ITEMS} items, or nested too deeply")
            if isinstance(item, h5py.Group):
                stack.append((below, item))
            elif isinstance(item, h5py.Dataset):
                _check_size(item, below, source)
                total += item.nbytes if item.size else 0
                if total > _MOST_BYTES:
                    raise DataError(f"{source.path}: more than {_MOST_BYTES} bytes in all; split the file")
                yield below, item


def _check_size(item: Any, place: str, source: SourceFile) -> None:
    if item.is_virtual or item.external:
        raise DataError(f"{source.path}: '{place[:60]}' lies in another file; copy it into this one")
    stored = item.id.get_storage_size()
    if item.size and (item.size > SAMPLES or item.nbytes > max(_DENSE, _RATIO * stored)):
        raise DataError(
            f"{source.path}: '{place[:60]}' has {item.shape} values in {stored} bytes; it is not read"
        )


def _read(source: SourceFile, place: str, item: Any) -> NDArray[Any]:
    """A dataset; texts in pieces, since each may take as many bytes as the whole file has."""
    if item.dtype.kind != "O" or not item.shape:
        return np.asarray(item[()])
    if item.ndim != 1 or item.size > _MOST_TEXTS:
        return np.empty(0)
    step = max(16, _MOST_TEXT // (item.file.id.get_filesize() + 1))
    texts: list[str] = []
    size = 0
    for start in range(0, item.size, step):
        texts += [_text(cell) for cell in item[start : start + step]]
        size += sum(map(len, texts[start:]))
        if size > _MOST_TEXT:
            raise DataError(f"{source.path}: '{place[:60]}' has more than {_MOST_TEXT} letters of text")
    return np.array(texts, object)


def _matlab(file: Any, item: Any, h5py: Any) -> NDArray[Any]:
    """A variable of MATLAB 7.3: text and cells of text decoded; anything else as it is."""
    kind = _text(item.attrs.get("MATLAB_class", b""))
    if "MATLAB_empty" in item.attrs:
        return np.empty(0)
    if kind == "char":
        return np.array(["".join(map(chr, np.asarray(item[()]).T.ravel().tolist()))])
    if kind == "cell":
        cells = [file[reference] for reference in np.asarray(item[()]).ravel() if reference]
        texts = [c for c in cells if _text(c.attrs.get("MATLAB_class", b"")) == "char" and c.size < 1000]
        return np.array([str(_matlab(file, c, h5py)[0]) for c in texts], object)
    return np.asarray(item[()]) if item.dtype.kind in "biuf" else np.empty(0)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
