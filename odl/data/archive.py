"""A dataset's files as distributed: in a folder, still in their zip, or in zips within either."""

from __future__ import annotations

import lzma
import os
import re
import shutil
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np
from numpy.typing import NDArray

from odl._files import check_regular
from odl.data.card import DataError

LARGEST = 2**28  # bytes of one file, unpacked, that is read whole
MEMBERS = 100_000  # files in one zip
_DENSE, _RATIO = 2**24, 200  # a file beyond so many bytes may not be packed more tightly than this
_INNER = 2**33  # bytes of a zip within a zip, which goes through a temporary file
_DEPTH = 3  # zips within zips within zips
_DAMAGE = (
    OSError,
    EOFError,
    RuntimeError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    UnicodeError,  # a member's name that is no text,
    IndexError,  # or empty
)


@contextmanager
def damage_as_error(where: object) -> Iterator[None]:
    """Turn what a damaged or unreadable file raises into a DataError that names it.

    Examples
    --------
    >>> with damage_as_error("walk.zip"):
    ...     raise EOFError("Compressed file ended early")
    Traceback (most recent call last):
    odl.data.card.DataError: walk.zip: cannot be read (Compressed file ended early)
    """
    try:
        yield
    except _DAMAGE as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise DataError(f"{where}: cannot be read ({reason[:80]})") from None


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open a zip to be read; one that was used just now is still open, so that its directory is read once.

    Raises
    ------
    OSError, zipfile.BadZipFile
        If it cannot be read; `damage_as_error` words these.
    """
    there = path.stat()
    # A forked process has the same place in the file as its parent, so that it opens the file anew.
    return _opened(path, os.getpid(), there.st_ino, there.st_size, there.st_mtime_ns)


@lru_cache(maxsize=2)
def _opened(path: Path, *_: int) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)  # closed when it is forgotten


def zip_members(path: Path | IO[bytes], where: object) -> list[zipfile.ZipInfo]:
    """Return what a zip holds, after the sizes that it states were checked.

    Raises
    ------
    DataError
        If it is damaged, holds more than `MEMBERS` files, one whose name leads out of it, or one that
        would unpack like a bomb.
    """
    with damage_as_error(where):
        file = open_zip(path) if isinstance(path, Path) else zipfile.ZipFile(path)
        members = [info for info in file.infolist() if not info.is_dir()]
    if len(members) > MEMBERS:
        raise DataError(f"{where}: more than {MEMBERS} files; unpack it and name the folder")
    for info in members:
        name = PurePosixPath(info.filename)
        if name.is_absolute() or ".." in name.parts:
            raise DataError(f"{where}: '{info.filename[:60]}' leads out of the zip; it is not read")
        if info.file_size > most_unpacked(info.compress_size):
            raise DataError(
                f"{where}: '{info.filename[:60]}' would unpack from {info.compress_size} to "
                f"{info.file_size} bytes, as in a zip bomb; it is not read"
            )
    return members


def most_unpacked(packed: int) -> int:
    """Bytes that ``packed`` bytes of measured numbers unpack to at most; a bomb has more.

    >>> most_unpacked(746_000) < 2**28
    True
    """
    return max(_DENSE, _RATIO * packed)


class Files:
    """Read-only view of a folder or of a zip.

    Parameters
    ----------
    path : Path
        A folder or a zip file.
    inside : str
        Regular expression for the names of zips within; what these hold is listed below their name. Without
        it a zip within is one file.

    Raises
    ------
    DataError
        If ``path`` does not exist, or is a file but not a zip.
    """

    def __init__(self, path: Path, inside: str = "") -> None:
        self.path = path
        self._inside = re.compile(inside) if inside else None
        self._zips: dict[str, Path] = {}  # where each zip lies, by its name; "" is the path itself
        self._home: dict[str, str] = {}  # the zip of each file; absent: in the folder
        if not path.exists():
            raise DataError(f"{path}: there is no such folder or zip")
        check_regular(path)
        if path.is_file() and not zipfile.is_zipfile(path):
            raise DataError(f"{path}: this is neither a folder nor a zip")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return every file's name, with ``/`` between folders, in order."""
        if self.path.is_dir():
            own = [p.relative_to(self.path).as_posix() for p in self.path.rglob("*") if p.is_file()]
        else:
            own = self._listed("", self.path)
        found = [name for outer in own for name in self._within(outer, 1)]
        return tuple(sorted(n for n in found if "__MACOSX" not in n))

    def _within(self, name: str, depth: int) -> list[str]:
        """Return ``name``, or what the zip of that name holds."""
        if self._inside is None or not self._inside.fullmatch(name) or "__MACOSX" in name:
            return [name]
        if depth > _DEPTH:
            raise DataError(f"{self.where(name)}: more than {_DEPTH} zips within each other; unpack them")
        file = self._copy(name) if name in self._home else self.path / name
        return [inner for own in self._listed(name, file) for inner in self._within(own, depth + 1)]

    def _copy(self, name: str) -> Path:
        """Copy a zip out of its zip, into a temporary folder that goes away with this object."""
        folder = Path(tempfile.mkdtemp(prefix="odl-"))
        weakref.finalize(self, shutil.rmtree, folder, True)
        with self.open(name) as packed, (folder / "inner.zip").open("wb") as file:
            while chunk := packed.read(2**20):
                file.write(chunk)
                if file.tell() > _INNER:
                    raise DataError(f"{self.where(name)}: more than {_INNER} bytes; unpack it")
        return folder / "inner.zip"

    def _listed(self, name: str, path: Path) -> list[str]:
        """Return the names of what the zip ``name`` holds, which lies at ``path``."""
        members = zip_members(path, self.where(name))
        prefix = f"{name}/" if name else ""
        self._zips[name] = path
        self._home |= {prefix + info.filename: name for info in members}
        return [prefix + info.filename for info in members]

    def ending(self, tail: str) -> str | None:
        """The shortest name that is ``tail`` or ends with ``/tail``."""
        own = [n for n in self.names if n == tail or n.endswith("/" + tail)]
        return min(own, key=lambda n: (len(n), n)) if own else None

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Open the file ``name`` to be read piece by piece; DataError if it is damaged."""
        with damage_as_error(self.where(name)), ExitStack() as stack:
            home = self._home.get(name)
            if home is None:
                file: IO[bytes] = (self.path / name).open("rb")
            else:
                file = open_zip(self._zips[home]).open(name.removeprefix(f"{home}/") if home else name)
            yield stack.enter_context(file)

    def data(self, name: str) -> bytes:
        """Return the bytes of the file ``name``; DataError if it is damaged or too large."""
        _ = self.names
        with self.open(name) as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise DataError(f"{self.where(name)}: more than {LARGEST} bytes")
        return data

    def text(self, name: str) -> str:
        """Return the text of the file ``name``; DataError if it is not text, damaged or too large."""
        try:
            return self.data(name).decode("utf-8-sig")
        except UnicodeDecodeError:
            raise DataError(f"{self.where(name)}: this is not text in UTF-8") from None

    def where(self, name: str) -> str:
        """The file's name for people."""
        return f"{self.path / PurePosixPath(name)}"


def matrix(text: str, columns: int, where: str) -> NDArray[np.float64]:
    """Numbers between blanks, ``columns`` to a line -> (lines, columns).

    Raises
    ------
    DataError
        For an empty file, a line of another length, or text in a number: with the row.

    Examples
    --------
    >>> matrix("1 2\\n3 4\\n", 2, "a.txt").shape
    (2, 2)
    """
    lines = text.splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        raise DataError(f"{where}: the file is empty")
    try:
        values = np.array([line.split() for line in lines], np.float64)
        fits = values.shape == (len(lines), columns) and bool(np.isfinite(values).all())
    except ValueError:
        fits = False
    if fits:
        return values
    for row, line in enumerate(lines, 1):
        words = line.split()
        if len(words) != columns:
            raise DataError(f"{where} row {row}: {len(words)} numbers where {columns} should be")
        for word in words:
            try:
                good = bool(np.isfinite(float(word)))
            except ValueError:
                good = False
            if not good:
                raise DataError(f"{where} row {row}: '{word[:40]}' is not a number")
    raise DataError(f"{where}: the numbers cannot be read")


def to_counts(values: NDArray[np.float64], scales: NDArray[np.float64]) -> tuple[NDArray[np.int16], int]:
    """Real values (n, channels) as int16 counts, to the nearest; how many did not fit.

    >>> to_counts(np.array([[1.0], [99.0]]), np.array([1 / 720]))
    (array([[  720],
           [32767]], dtype=int16), 1)
    """
    block, outside = np.empty(values.shape, np.int16), 0
    for i, scale in enumerate(
        np.broadcast_to(scales, values.shape[1:]).tolist()
    ):  # a column of memory at a time
        counts = np.rint(values[:, i] / scale)
        outside += int(((counts < -32768) | (counts > 32767)).sum())
        block[:, i] = np.clip(counts, -32768, 32767)
    block.flags.writeable = False
    return block, outside
