"""Files that their owner alone can read: all that holds samples, answers, or what was learned of them."""

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
    """A file to write that becomes ``path`` once all is well; readable by its owner only.

    Until then ``path`` stays as it is, and if all is not well it stays so. Behind a symbolic link
    it is the file that the link leads to.

    Raises
    ------
    ValueError
        If ``path`` is there already and ``force`` does not allow to replace it.
    OSError
        If it cannot be written; the error names ``path``.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with in_private(Path(folder, "new", "a.csv")) as file:
    ...         _ = file.write_text("ax")
    ...     Path(folder, "new", "a.csv").read_text()
    'ax'
    """
    if path.exists() and not force:
        raise ValueError(f"{path}: there is such a file already; `force=True` writes it anew")
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
    """Write a file that its owner alone can read, whoever could read one that was there.

    Text is written in UTF-8. What is no file (a pipe, or anything in ``/dev``, wherever it leads) is
    written to as it is.

    Raises
    ------
    OSError
        If it cannot be written; what was there stays.

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
    """Let its owner alone read the open file of number ``file``, which may have been open to others.

    Raises
    ------
    PermissionError
        If that is not for this user to say.

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
            what = "it is open to others and not yours; give another name"
            raise PermissionError(errno.EPERM, what, str(path)) from None
