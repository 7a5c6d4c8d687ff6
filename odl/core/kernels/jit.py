"""Compile a kernel, once per machine and per version of the kernels.

Numba's own cache looks at one file only and misses an edit in a function that the file
imports, so the cache folder is named after a hash of all sources that compiled code depends on.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import numba
import numpy as np
import platformdirs

Int: TypeAlias = "int | np.integer[Any]"  # compiled code takes either
KEPT = 4  # versions of the kernels whose compiled form is kept
Function = TypeVar("Function", bound=Callable[..., Any])


def sources() -> list[Path]:
    """The kernels' files, and those that define the numbers compiled into them."""
    kernels = Path(__file__).parent
    return [*sorted(kernels.glob("*.py")), kernels.parent / "events.py", kernels.parent / "state.py"]


@cache
def cache_folder() -> Path:
    """Folder of the compiled kernels; ``ODL_CACHE_DIR`` overrides where it stands."""
    digest = hashlib.sha256()
    for path in sources():
        digest.update(path.name.encode() + path.read_bytes())
    root = os.environ.get("ODL_CACHE_DIR") or platformdirs.user_cache_dir("odl-stream")
    folder = Path(root) / "kernels" / digest.hexdigest()[:16]
    try:
        if not folder.exists():
            folder.mkdir(parents=True, exist_ok=True)
            _forget_old(folder.parent)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="odl-kernels-"))


def _forget_old(root: Path) -> None:
    """Remove what earlier versions compiled, apart from the last few."""
    folders = sorted((p for p in root.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime)
    for folder in folders[:-KEPT]:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def compiling_alone(longest: float = 180.0) -> Iterator[None]:
    """Wait until no other process compiles into `cache_folder`, then keep others out.

    So that nothing is compiled twice. A lock older than ``longest`` seconds was left behind by a
    process that died.
    """
    lock = cache_folder() / "compiling"
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            break
        except FileExistsError:
            with suppress(OSError):
                if time.time() - lock.stat().st_mtime > longest:
                    lock.unlink()
            time.sleep(0.1)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


@contextmanager
def _writing_alone() -> Iterator[None]:
    """Let one process at a time write into `cache_folder`; on Windows there is no such lock."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with open(cache_folder() / "writing", "ab") as file:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write_alone(files: Any) -> None:
    """Have the files of a kernel written one process at a time.

    Numba reads in an index which names are taken and then writes the next one. Two processes that
    do so at once for different signatures take the same name, and from then on the kernel is
    loaded for a signature that it was not compiled for.
    """
    save = files.save

    def save_alone(key: Any, data: Any) -> None:
        with _writing_alone():
            save(key, data)

    files.save = save_alone


def jit(function: Function) -> Function:
    """A kernel, compiled when it is called; ``NUMBA_DISABLE_JIT`` leaves it a Python function."""
    return _kernel(function, False)


def jit_vectorised(function: Function) -> Function:
    """A kernel whose loops LLVM is to vectorise, which takes longer to compile."""
    return _kernel(function, True)


def _kernel(function: Function, vectorised: bool) -> Function:
    if numba.config.DISABLE_JIT:
        return function
    from odl.core.kernels.kernel import Kernel

    kernel = Kernel(function, vectorised)
    _keep(kernel.entry)
    return cast(Function, kernel)


def _keep(entry: Any) -> None:
    """Have the compiled code of ``entry`` kept in `cache_folder`."""
    previous = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(cache_folder())
    try:
        entry.enable_caching()
    finally:
        numba.config.CACHE_DIR = previous
    _write_alone(entry._cache._cache_file)
