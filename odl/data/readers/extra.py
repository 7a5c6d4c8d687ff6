"""Packages that are installed with the extra ``files``, and what a reader does when they fail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from odl._extras import how_to_install
from odl.data.card import DataError
from odl.data.readers.source import SourceFile

LARGEST = 2**28  # bytes of a file, and cells of a table, that are read whole into objects
SAMPLES = 2**28  # values of an array


@contextmanager
def needed(what: str, source: SourceFile) -> Iterator[None]:
    """Turn the failed import of a package of the extra ``files`` into a DataError that says what to install.

    Examples
    --------
    >>> from pathlib import Path
    >>> with needed("HDF5", SourceFile(Path("a.h5"), "a.h5")):
    ...     import h6py  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    odl.data.card.DataError: a.h5: HDF5 needs the package h6py: pip install ...
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        raise DataError(
            f"{source.path}: {what} needs the package {package}: {how_to_install('files')}"
        ) from None


@contextmanager
def as_data_error(source: SourceFile, what: str) -> Iterator[None]:
    """Turn whatever a package raises at a damaged file into a DataError that names the file.

    The packages promise no exceptions of their own for that: a damaged file ends in a ValueError, KeyError,
    struct.error, zlib.error, RecursionError and others.

    Examples
    --------
    >>> from pathlib import Path
    >>> with as_data_error(SourceFile(Path("a.mat"), "a.mat"), "a MATLAB file"):
    ...     raise KeyError("miTAG")
    Traceback (most recent call last):
    odl.data.card.DataError: a.mat: this cannot be read as a MATLAB file ('miTAG')
    """
    try:
        yield
    except DataError:
        raise
    except RecursionError:
        raise DataError(f"{source.path}: this is nested too deeply to be {what}") from None
    except MemoryError:
        raise DataError(f"{source.path}: there is not enough memory to read it as {what}") from None
    except Exception as error:
        reason = " ".join(str(error).split())[:80] or type(error).__name__
        raise DataError(f"{source.path}: this cannot be read as {what} ({reason})") from None


def whole(source: SourceFile, what: str) -> bytes:
    """Return a file's bytes; DataError if there are more than are read whole."""
    data = source.data()
    if len(data) > LARGEST:
        raise DataError(f"{source.path}: {what} of {len(data)} bytes; up to {LARGEST} are read, split it")
    return bytes(data)
