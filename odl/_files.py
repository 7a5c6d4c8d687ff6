"""Files that only their owner can read: those with samples, answers or learned weights."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def in_private(path: Path, force: bool = False) -> Iterator[Path]:
    """Write a temporary file that replaces ``path`` when the block ends without an error.

    Only the owner can read it. ``path`` itself does not change before, nor after an error. If ``path``
    is a symbolic link, its target is replaced.

    Raises
    ------
    ValueError
        If ``path`` exists and ``force`` is false.
    OSError
        If the file cannot be written; the error names ``path``.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with in_private(Path(folder, "new", "a.csv")) as file:
    ...         _ = file.write_text("ax")
    ...     Path(folder, "new", "a.csv").read_text()
    'ax'
    """
    if path.exists() and not force:
        raise ValueError(f"{path}: the file exists; `force=True` replaces it")
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor, name = tempfile.mkstemp(".part", ".odl-", target.parent)  # made with mode 0600
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    os.close(descriptor)
    try:
        yield Path(name)
        os.replace(name, target)
    except OSError as error:
        if error.filename not in (None, name):
            raise
        why = os.strerror(error.errno) if error.errno else str(error)
        raise OSError(error.errno or 0, why, str(path)) from None
    finally:
        Path(name).unlink(missing_ok=True)


def write_private(path: str | Path, content: bytes | str) -> None:
    """Write a file that only its owner can read, and replace an older one.

    Text is written in UTF-8. Pipes and everything in ``/dev`` are opened and written to directly.

    Raises
    ------
    OSError
        If the file cannot be written; an older file stays as it was.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_private(f"{folder}/a.json", "{}")
    ...     oct(Path(folder, "a.json").stat().st_mode)
    '0o100600'
    """
    path = Path(path)
    data = content.encode() if isinstance(content, str) else content
    if path.exists() and (not path.is_file() or path.absolute().parts[:2] == ("/", "dev")):
        with path.open("ab") as file:
            file.write(data)
        return
    with in_private(path, force=True) as whole:
        whole.write_bytes(data)


def keep_private(file: int, path: str | Path) -> None:
    """Restrict the open file ``file``, a descriptor, to its owner.

    Raises
    ------
    PermissionError
        If the file is open to others and belongs to another user.

    Examples
    --------
    >>> with tempfile.TemporaryFile() as file:
    ...     keep_private(file.fileno(), "a.odl")
    ...     oct(os.fstat(file.fileno()).st_mode)
    '0o100600'
    """
    if hasattr(os, "fchmod") and stat.S_IMODE(os.fstat(file).st_mode) & 0o077:
        try:
            os.fchmod(file, 0o600)
        except OSError:
            what = "others can read this file and it is not yours; give another name"
            raise PermissionError(errno.EPERM, what, str(path)) from None
