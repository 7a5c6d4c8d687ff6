"""Files that only their owner can read: those with samples, answers or learned weights.

Whoever writes, replaces or removes such a file holds its lock. So nothing takes a file away from a
session that still writes to it.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import Final

from odl._kinds import missing

if sys.platform != "win32":
    import fcntl

_STALE: Final = 86_400  # seconds after which a temporary file belongs to a process that was killed
_IN_USE: Final = "another writer has this file open; close it first"


def lock(file: int, path: str | Path) -> bool:
    """Lock the open file ``file``, a descriptor, against other writers, until it is closed.

    The system removes the lock when the process ends. There are no locks on Windows and on some network
    file systems.

    Returns
    -------
    bool
        False if another file has the name ``path`` by now: open that one instead.

    Raises
    ------
    BlockingIOError
        If another writer has locked the file; the error names ``path``.

    Examples
    --------
    >>> with tempfile.NamedTemporaryFile() as file, open(file.name) as other:
    ...     print(lock(file.fileno(), file.name))
    ...     lock(other.fileno(), file.name)
    Traceback (most recent call last):
    ...
    BlockingIOError: [Errno 11] another writer has this file open; close it first: ...
    """
    if sys.platform != "win32":
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BlockingIOError(error.errno, _IN_USE, str(path)) from None
        except OSError:  # a file system without locks
            pass
    return is_at(file, path)


def is_at(file: int, path: str | Path) -> bool:
    """True if the name ``path`` leads to the open file ``file``, a descriptor.

    Examples
    --------
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     is_at(file.fileno(), file.name), is_at(file.fileno(), "elsewhere")
    (True, False)
    """
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except OSError:
        return False


def remove(path: Path, was: os.stat_result) -> None:
    """Remove the file at ``path`` if it is still the one that ``was`` describes, and nobody writes to it.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.odl")
    ...     path.touch()
    ...     was = path.stat()
    ...     remove(path, was)
    ...     path.exists()
    False
    """
    with suppress(OSError), _locked(path) as there:
        if there and os.path.samestat(path.stat(), was):
            path.unlink()


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Hold the lock of the file at ``path``; yields False where there is no regular file."""
    with ExitStack() as held:
        while path.is_file():
            try:
                file = os.open(path, os.O_RDONLY)
            except FileNotFoundError:
                continue
            except PermissionError:  # without a permission to read, one to replace can still be there
                break
            held.callback(os.close, file)
            if lock(file, path):
                break
        yield path.is_file()


@contextmanager
def in_private(path: Path, force: bool = False) -> Iterator[Path]:
    """Write a temporary file that replaces ``path`` when the block ends without an error.

    Only the owner can read it. ``path`` itself does not change before, nor after an error. If ``path``
    is a symbolic link, its target is replaced. Where the system can do so (Linux), the temporary file has
    no name, so that nothing is left of it if the process is killed. Elsewhere, later calls remove it
    after a day.

    Raises
    ------
    ValueError
        If ``path`` exists and ``force`` is false.
    OSError
        If the file cannot be written, or another process writes to ``path``; the error names ``path``.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with in_private(Path(folder, "new", "a.csv")) as file:
    ...         _ = file.write_text("ax")
    ...     Path(folder, "new", "a.csv").read_text()
    'ax'
    """
    exists = f"{path}: the file exists; `force=True` replaces it"
    if path.exists() and not force:
        raise ValueError(exists)
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    name = ""
    try:
        with _locked(target):
            pass  # an error now is better than one after all the work
        with _temporary(target.parent) as (descriptor, name):
            yield Path(name)
            os.fsync(descriptor)
            with _named(descriptor, name, target.parent) as made, _locked(target) as there:
                if there and not force:
                    raise ValueError(exists)
                os.replace(made, target)
    except OSError as error:
        if error.filename not in (None, name, str(target)):
            raise
        in_use = isinstance(error, BlockingIOError)
        why = os.strerror(error.errno) if error.errno and not in_use else error.strerror or str(error)
        raise OSError(error.errno or 0, why, str(path)) from None


@contextmanager
def _temporary(folder: Path) -> Iterator[tuple[int, str]]:
    """Open a temporary file in ``folder`` with mode 0600; yields its descriptor and a path to it."""
    for old in folder.glob(".odl-*.part"):
        with suppress(OSError):
            if time.time() - old.stat().st_mtime > _STALE:
                old.unlink()
    name = ""
    try:
        os.stat("/proc/self/fd")
        descriptor = os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o600)
    except (AttributeError, OSError):  # another system, or a file system that cannot do so
        try:
            descriptor, name = tempfile.mkstemp(".part", ".odl-", folder)
        except OSError as error:  # it names the temporary file, which nobody knows
            raise OSError(error.errno, error.strerror) from None
    try:
        yield descriptor, name or f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
        if name:
            Path(name).unlink(missing_ok=True)


@contextmanager
def _named(descriptor: int, path: str, folder: Path) -> Iterator[str]:
    """Yield a name in ``folder`` for a temporary file that may have none."""
    if os.fstat(descriptor).st_nlink:
        yield path
        return
    name = str(folder / f".odl-{os.urandom(8).hex()}.part")
    os.link(path, name, src_dir_fd=descriptor, follow_symlinks=True)  # linkat(), which follows /proc/self/fd
    try:
        yield name
    finally:
        Path(name).unlink(missing_ok=True)


def check_regular(path: str | Path) -> None:
    """Refuse what is there but neither a file nor a folder: a device may never end, a pipe never begin.

    Raises
    ------
    OSError
        If it is such a thing, or is not there; the error names ``path`` as it was given.

    Examples
    --------
    >>> check_regular(os.devnull)
    Traceback (most recent call last):
    ...
    OSError: [Errno 22] this is neither a file nor a folder: ...
    """
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError as error:
        raise FileNotFoundError(error.errno, missing(path), str(path)) from None
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError(errno.EINVAL, "this is neither a file nor a folder", str(path))


def open_regular(path: str | Path) -> BufferedReader:
    """Open a file to be read; whatever a command reads is opened with this, or after `check_regular`.

    Raises
    ------
    OSError
        If it cannot be read, or is no regular file.

    Examples
    --------
    >>> with tempfile.NamedTemporaryFile() as file, open_regular(file.name) as same:
    ...     same.read()
    b''
    """
    check_regular(path)
    return Path(path).open("rb")


def read_small(path: str | Path, most: int = 2**26) -> bytes:
    """Read a file that is never large, as a model image or a card.

    Raises
    ------
    OSError
        If it cannot be read, or has more than ``most`` bytes.

    Examples
    --------
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     read_small(file.name)
    b''
    """
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size > most:
            raise OSError(errno.EFBIG, f"more than {most} bytes", str(path))
        return file.read()


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
        try:
            with path.open("ab") as file:
                file.write(data)
        except OSError as error:
            raise OSError(error.errno or 0, error.strerror or str(error), str(path)) from None
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
