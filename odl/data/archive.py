"""A data set's files as distributed: in a folder or still in their zip."""

from __future__ import annotations

import zipfile
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from odl.data.card import DataError

LARGEST = 2**28  # bytes of one file, unpacked


class Files:
    """Read-only view of a folder or of a zip.

    Parameters
    ----------
    path : Path
        A folder or a zip file.

    Raises
    ------
    DataError
        If ``path`` does not exist, or is a file but not a zip.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            raise DataError(f"{path}: there is no such folder or zip")
        if path.is_file() and not zipfile.is_zipfile(path):
            raise DataError(f"{path}: this is neither a folder nor a zip")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return every file's name, with ``/`` between folders, in order."""
        if self.path.is_dir():
            found = (p.relative_to(self.path).as_posix() for p in self.path.rglob("*") if p.is_file())
        else:
            with zipfile.ZipFile(self.path) as file:
                found = (n for n in file.namelist() if not n.endswith("/"))
        return tuple(sorted(n for n in found if "__MACOSX" not in n))

    def ending(self, tail: str) -> str | None:
        """The shortest name that is ``tail`` or ends with ``/tail``."""
        own = [n for n in self.names if n == tail or n.endswith("/" + tail)]
        return min(own, key=lambda n: (len(n), n)) if own else None

    def text(self, name: str) -> str:
        """Return the text of the file ``name``; DataError if it is not text or too large."""
        try:
            if self.path.is_dir():
                if (self.path / name).stat().st_size > LARGEST:
                    raise DataError(f"{self.where(name)}: more than {LARGEST} bytes")
                data = (self.path / name).read_bytes()
            else:
                with zipfile.ZipFile(self.path) as file:
                    if file.getinfo(name).file_size > LARGEST:
                        raise DataError(f"{self.where(name)}: more than {LARGEST} bytes")
                    data = file.read(name)
            return data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise DataError(f"{self.where(name)}: this is not text in UTF-8") from None
        except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            raise DataError(f"{self.where(name)}: cannot be read ({error})") from None

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
    counts = np.rint(values / scales)
    outside = int(((counts < -32768) | (counts > 32767)).sum())
    block = np.clip(counts, -32768, 32767).astype(np.int16)
    block.flags.writeable = False
    return block, outside
