"""The file under a recording: who may write it, and which versions are understood."""

from __future__ import annotations

import os
import sys
from io import BufferedWriter
from pathlib import Path
from typing import BinaryIO, TypeAlias

from odl._files import keep_private
from odl.core.errors import OdlError
from odl.wire.schema import FORMAT, Start

if sys.platform != "win32":
    import fcntl

PathLike: TypeAlias = str | os.PathLike[str]


class RecordingError(OdlError, ValueError):
    """A file that cannot be used as a recording, and why."""


def create(path: Path) -> BufferedWriter:
    """A new file, or an old one made anew, that its owner alone can read and this process writes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_file():
        raise RecordingError(f"{path}: there is something that is no file; give another name")
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
    """The open file ``number`` to write to, from where it stands."""
    file = os.fdopen(number, "wb", buffering=2**16)
    assert isinstance(file, BufferedWriter)
    return file


def open_locked(path: Path) -> BinaryIO:
    """The file at ``path``, to be read first and then written."""
    file = path.open("r+b", buffering=0)  # one that is buffered moves the place where a copy writes
    _lock(file, path)
    return file


def _lock(file: BinaryIO, path: PathLike) -> None:
    """Let nobody else write to it; the system forgets this when the process ends, however it does."""
    if sys.platform != "win32":
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise RecordingError(
                f"{path}: it is being written, here or by another program; end that first"
            ) from None
        except OSError:  # a file system without locks
            pass


def check_format(start: Start, source: str) -> None:
    """Refuse a recording of another major version."""
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
