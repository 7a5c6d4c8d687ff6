"""Where compiled kernels are stored, and which of them still fit the code.

Numba finds what it compiled by the path of the source file, so a second checkout would compile everything
anew, and it looks at that one file only, so it misses an edit in a function that the file imports. Here the
name of a stored kernel holds a digest of all that was compiled into it: its code, the code of the functions
that it calls, and the numbers that their names stand for.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, Literal

import llvmlite
import numba
import numpy as np
import platformdirs
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile, _CacheLocator

KEPT = 8  # versions of a kernel whose compiled form stays
State = Literal["loading", "waiting", "compiling"]


def wanted_folder() -> Path:
    """Folder of the compiled kernels; ``ODL_CACHE_DIR`` overrides where it stands."""
    return Path(os.environ.get("ODL_CACHE_DIR") or platformdirs.user_cache_dir("odl-stream")) / "kernels"


@cache
def cache_folder() -> Path:
    """`wanted_folder`, or a temporary one where that cannot be written to."""
    folder = wanted_folder()
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    return Path(tempfile.mkdtemp(prefix="odl-kernels-"))


# --- which version of the code it was -------------------------------------------------------


@cache
def _compiler() -> bytes:
    """The versions of Python and Numba, and our own files that say how kernels become machine code."""
    text = f"{sys.version_info[:2]} {numba.__version__} {llvmlite.__version__}".encode()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        source = path.read_bytes()
        if path != Path(__file__) and re.search(rb"^(from|import) (numba|llvmlite)\b", source, re.MULTILINE):
            text += source
    return text


class Fingerprint:
    """Digest of a function and of everything that is compiled into it."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256(_compiler())
        self.seen: set[Any] = set()

    def hex(self) -> str:
        """The digest so far, 16 characters."""
        return self.digest.hexdigest()[:16]

    def add(self, value: Any, attributes: tuple[str, ...] = ()) -> None:
        """Take in a value that a function's name stands for; of a module, the ``attributes`` used."""
        if hasattr(value, "py_func"):  # a function that Numba compiles
            self._text("compiled", value._compiler.pipeline_class.__name__)
            self._text(sorted(map(repr, value.targetoptions.items())))
            self.add(value.py_func)
        elif hasattr(value, "_defn"):  # an intrinsic
            self.add(value._defn)
        elif hasattr(value, "__wrapped__"):
            self.add(value.__wrapped__)
        elif isinstance(value, FunctionType):
            self._function(value)
        elif isinstance(value, ModuleType):
            self._text("module", value.__name__)
            if _is_ours(value.__name__):
                self._parts(value, attributes)
        elif isinstance(value, type):
            self._text("class", value.__module__, value.__qualname__, getattr(value, "_fields", ()))
            if _is_ours(value.__module__):
                self._parts(value, attributes)
        elif isinstance(value, tuple | list):
            self._text(type(value).__name__, len(value))
            for part in value:
                self.add(part, attributes)
        elif isinstance(value, dict):
            self.add([part for pair in value.items() for part in pair], attributes)
        elif isinstance(value, np.ndarray):
            self._text("array", value.dtype, value.shape, value.tobytes())
        else:
            text = repr(value)
            if " at 0x" in text:
                raise TypeError(f"kernels cannot use {text}: whether it changed cannot be told")
            self._text(type(value).__name__, text)

    def _text(self, *parts: Any) -> None:
        self.digest.update(repr(parts).encode())

    def _parts(self, whole: Any, attributes: tuple[str, ...]) -> None:
        """Take in those parts of a module or class that are used."""
        if (id(whole), attributes) not in self.seen:
            self.seen.add((id(whole), attributes))
            for name in attributes:
                if name in vars(whole):
                    self.add(vars(whole)[name], attributes)

    def _function(self, function: FunctionType) -> None:
        self._text("function", function.__module__, function.__qualname__)
        if id(function) in self.seen:
            return
        self.seen.add(id(function))
        self.add(function.__annotations__)
        self.add(function.__defaults__)
        for cell in function.__closure__ or ():
            self.add(cell.cell_contents)
        self._code(function.__code__, function.__globals__, function.__doc__)

    def _code(self, code: CodeType, names: dict[str, Any], text: str | None) -> None:
        self._text(code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
        for const in code.co_consts:
            if isinstance(const, CodeType):
                self._code(const, names, None)
            elif text is None or const != text:  # a docstring changes nothing
                self.add(const)
        for name in code.co_names:
            if name in names:
                self._text("name", name)
                self.add(names[name], code.co_names)


def _is_ours(module: str) -> bool:
    return module.split(".")[0] == __name__.split(".")[0]


# --- files ------------------------------------------------------------------------------------


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Keep other processes out that want the lock ``name``; on Windows there is none.

    The system releases it when a process ends, however it ends.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    with open(cache_folder() / name, "ab") as file:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


class _Files(IndexDataCacheFile):  # type: ignore[misc]
    """One version of a kernel, for each type of processor; ``name`` is that of all its versions."""

    def __init__(self, name: str, version: str) -> None:
        super().__init__(str(cache_folder()), f"{name}-{version}", "")
        self._name = name

    def save(self, key: Any, data: Any) -> None:
        # Numba reads in an index which file names are taken and then writes the next one. Two processes
        # that do so at once for different keys would take the same name, and from then on the kernel
        # would be loaded for a processor that it was not compiled for.
        with locked("writing"):
            super().save(key, data)
            self._forget_old()

    def _forget_old(self) -> None:
        """Remove what earlier versions of this kernel left, apart from the last few."""
        folder = Path(self._cache_path)
        indices = list(folder.glob(f"{self._name}-{'?' * 16}.nbi"))
        for index in sorted(indices, key=lambda path: path.stat().st_mtime)[:-KEPT]:
            for path in folder.glob(f"{index.stem}.*"):
                path.unlink(missing_ok=True)


class _Locator(_CacheLocator):  # type: ignore[misc]
    """Every kernel is stored in the one folder."""

    def __init__(self, file: str) -> None:
        self._py_file = file

    def get_cache_path(self) -> str:
        return str(cache_folder())

    def get_source_stamp(self) -> str:
        return ""

    def get_disambiguator(self) -> str:
        return ""


class _Stored(CompileResultCacheImpl):  # type: ignore[misc]
    """How Numba writes a compiled function; only where it does so is different."""

    def __init__(self, function: FunctionType) -> None:
        self._lineno = function.__code__.co_firstlineno
        self._locator = _Locator(function.__code__.co_filename)
        module = function.__module__.rpartition(".")[2]
        name = function.__qualname__.removesuffix(".entry").replace("<locals>", "local")
        self._filename_base = f"{module}.{name}"


class KernelCache(FunctionCache):  # type: ignore[misc]
    """Numba's cache of one kernel, under a name that depends on code alone."""

    _impl_class = _Stored

    def __init__(self, dispatcher: Any) -> None:
        super().__init__(dispatcher.py_func)
        self._kernel = dispatcher
        self._cache_file: _Files | None = None

    def files(self) -> _Files:
        """The kernel's index and data; named at the first use, when all its names stand for something."""
        if self._cache_file is None:
            fingerprint = Fingerprint()
            fingerprint.add(self._kernel)
            self._cache_file = _Files(self._impl.filename_base, fingerprint.hex())
        return self._cache_file

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        self.files()
        compilation.end()  # one that failed
        found = self._load(sig, target_context)
        if found is None:
            compilation.wait(self._impl.filename_base)
            found = self._load(sig, target_context)  # another process may have compiled it meanwhile
        if found is None:
            compilation.start(self._impl.filename_base)
        else:
            compilation.end()
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        finally:
            compilation.end()

    def is_stored(self) -> bool:
        """Whether the kernel was compiled for some processor."""
        return Path(self.files()._index_path).exists()

    def _load(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # the file is damaged: it is forgotten, and written anew
            with suppress(OSError), locked("writing"):
                self.files().flush()
            return None


# --- what a process is doing ------------------------------------------------------------------


class Compilation:
    """What this process has compiled, and whether it is loading, waiting or compiling now."""

    def __init__(self) -> None:
        self.compiled: list[str] = []  # in order
        self.state: State = "loading"
        self._lock = ExitStack()

    def wait(self, name: str) -> None:
        """Wait until no other process compiles the kernel ``name``, and keep others from it until `end`."""
        self.state = "waiting"
        self._lock.enter_context(locked(f"{name}.compiling"))
        self.state = "loading"

    def start(self, name: str) -> None:
        """Note that ``name`` is not in the cache and is compiled now."""
        self.compiled.append(name)
        self.state = "compiling"

    def end(self) -> None:
        """Let other processes have the kernel."""
        self._lock.close()
        self.state = "loading"


compilation = Compilation()
