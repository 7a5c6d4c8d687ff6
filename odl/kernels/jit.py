"""Compile a kernel, once per machine and per version of the kernels.

Numba's own cache looks at one file only and misses an edit in a function that the file
imports, so the cache folder is named after a hash of all kernel sources.
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


@cache
def cache_folder() -> Path:
    """Folder of the compiled kernels; ``ODL_CACHE_DIR`` overrides where it stands."""
    sources = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        sources.update(path.name.encode() + path.read_bytes())
    root = os.environ.get("ODL_CACHE_DIR") or platformdirs.user_cache_dir("odl-stream")
    folder = Path(root) / "kernels" / sources.hexdigest()[:16]
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

    Numba numbers its files per process, so two that compile different signatures of one
    kernel at the same time would overwrite each other's. A lock older than ``longest``
    seconds was left behind by a process that died.
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


def jit(function: Function) -> Function:
    """``numba.njit`` with the cache kept in `cache_folder`."""
    previous = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(cache_folder())
    try:
        return cast(Function, numba.njit(cache=True)(function))
    finally:
        numba.config.CACHE_DIR = previous
