"""Create, lock and check the file of a recording."""

from __future__ import annotations

import os
import sys
from io import BufferedWriter
from pathlib import Path
from typing import BinaryIO, TypeAlias

from odl._files import keep_private
from odl.core.errors import OdlError
from odl.wire.messages import FORMAT, Start

if sys.platform != "win32":
    import fcntl

PathLike: TypeAlias = str | os.PathLike[str]


class RecordingError(OdlError, ValueError):
    """A file cannot be used as a recording; the message says why."""


def create(path: Path) -> BufferedWriter:
    """Create or empty the file at ``path``; only its owner can read it, only this process write."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_file():
        raise RecordingError(f"{path}: this is not a regular file; give another name")
    flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)
    file = buffered(os.open(path, flags, 0o600))
    try:
        _lock(file, path)
        keep_private(file.fileno(), path)
        file.truncate()
    except BaseException:
        file.close()
        raise
    return file


def buffered(number: int) -> BufferedWriter:
    """Return a buffered writer for the open file ``number``, at its current position."""
    file = os.fdopen(number, "wb", buffering=2**16)
    assert isinstance(file, BufferedWriter)
    return file


def open_locked(path: Path) -> BinaryIO:
    """Open the file at ``path`` for reading and later writing, and lock it."""
    file = path.open("r+b", buffering=0)  # a buffered file would move the position of its copy
    _lock(file, path)
    return file


def _lock(file: BinaryIO, path: PathLike) -> None:
    """Lock ``file`` against other writers; the system removes the lock when the process ends."""
    if sys.platform != "win32":
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise RecordingError(f"{path}: another writer has this file open; close it first") from None
        except OSError:  # a file system without locks
            pass


def check_format(start: Start, source: str) -> None:
    """Raise `RecordingError` for a recording of another major version."""
    version = start.config.get("format")
    if (
        not isinstance(version, list)
        or len(version) != 2
        or not all(isinstance(n, int) and not isinstance(n, bool) for n in version)
    ):
        raise RecordingError(f"{source}: its Start names no format version, so it cannot be read safely")
    if version[0] != FORMAT[0]:
        raise RecordingError(
            f"{source}: recording format {version[0]}.{version[1]}; "
            f"this odl reads {FORMAT[0]}.x, so use the odl that wrote it"
        )
