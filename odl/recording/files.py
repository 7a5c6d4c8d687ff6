"""Create, lock and check the file of a recording."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter
from pathlib import Path
from typing import BinaryIO, TypeAlias

from odl._files import check_regular, in_private, keep_private, lock
from odl.core.errors import OdlError
from odl.wire.messages import FORMAT, Start

PathLike: TypeAlias = str | os.PathLike[str]


class RecordingError(OdlError, ValueError):
    """A file cannot be used as a recording; the message says why."""


@contextmanager
def named(path: PathLike) -> Iterator[None]:
    """Add the name of a file to an error about what the file holds.

    Examples
    --------
    >>> with named("walk.odl"):
    ...     raise RecordingError("a label lies at sample 10, but the stream stands at 600")
    Traceback (most recent call last):
    ...
    odl.recording.files.RecordingError: walk.odl: a label lies at sample 10, but the stream stands at 600
    """
    try:
        yield
    except OdlError as error:
        if Path(path).name not in str(error):
            error.args = (f"{path}: {error}",)
        raise


def create(path: Path) -> BufferedWriter:
    """Create or empty the file at ``path``; only its owner can read it, only this process write."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_file():
        raise RecordingError(f"{path}: this is not a regular file; give another name")
    number = _locked(path, os.O_CREAT)
    try:
        keep_private(number, path)
        os.ftruncate(number, 0)
    except BaseException:
        os.close(number)
        raise
    return buffered(number)


def buffered(number: int) -> BufferedWriter:
    """Return a buffered writer for the open file ``number``, at its current position."""
    file = os.fdopen(number, "wb", buffering=2**16)
    assert isinstance(file, BufferedWriter)
    return file


def open_locked(path: Path) -> BinaryIO:
    """Open the file at ``path`` for reading and later writing, and lock it."""
    check_regular(path)
    return os.fdopen(_locked(path), "r+b", buffering=0)  # a buffered file would move the position of its copy


def _locked(path: Path, flags: int = 0) -> int:
    """Open and lock the file at ``path``; another process may replace it meanwhile."""
    while True:
        number = os.open(path, os.O_RDWR | flags | getattr(os, "O_BINARY", 0), 0o600)
        try:
            if lock(number, path):
                return number
        except BlockingIOError as error:
            os.close(number)
            raise RecordingError(f"{path}: {error.strerror}") from None
        os.close(number)


def rescue(number: int, path: Path) -> Path:
    """Copy the open file ``number``, to which ``path`` no longer leads, to a new file beside ``path``.

    The new file has a name when it is whole, not before.
    """
    names = (f"{path.stem}-saved{f'-{n}' if n else ''}{path.suffix}" for n in range(10_000))
    for name in names:
        beside = path.with_name(name)
        if beside.exists():
            continue
        with suppress(ValueError):  # another process has taken the name meanwhile
            with (
                in_private(beside) as whole,
                whole.open("wb") as file,
                os.fdopen(os.dup(number), "rb") as source,
            ):
                source.seek(0)
                shutil.copyfileobj(source, file)
            return beside
    raise FileExistsError(errno.EEXIST, "too many saved files", str(path))


def check_format(start: Start, source: str, oldest: int = FORMAT[0]) -> None:
    """Raise `RecordingError` for a recording of a major version before ``oldest`` or after this one."""
    version = start.config.get("format")
    if (
        not isinstance(version, list)
        or len(version) != 2
        or not all(isinstance(n, int) and not isinstance(n, bool) for n in version)
    ):
        raise RecordingError(f"{source}: its Start names no format version, so it cannot be read safely")
    if not oldest <= version[0] <= FORMAT[0]:
        reads = " and ".join(f"{major}.x" for major in range(oldest, FORMAT[0] + 1))
        raise RecordingError(
            f"{source}: recording format {version[0]}.{version[1]}; "
            f"this odl reads {reads}, so use the odl that wrote it"
        )
