"""The C core as a shared library of this computer, and a session that runs on it.

The library is built with the computer's compiler, or with that of the package ``ziglang``, and stored
in the user's cache under a hash of its sources.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray

from firmware_sim.headers import CORE, sizes_of, state_header
from firmware_sim.machine import SIGNATURES, CoreSession, Room
from firmware_sim.toolchain import BuildError, strict
from odl.core.config import Config
from odl.core.image import Image

HOST = CORE.parent / "boards" / "host"
WARNINGS = (
    "-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wmissing-prototypes", "-Wshadow",
)  # fmt: skip


@cache
def compiler() -> tuple[str, ...]:
    """The command of a C compiler for this computer.

    Raises
    ------
    BuildError
        If no compiler is found.
    """
    for name in ("cc", "gcc", "clang"):
        if path := shutil.which(name):
            return (path,)
    if find_spec("ziglang"):
        return (sys.executable, "-m", "ziglang", "cc")
    raise BuildError("no C compiler was found: install gcc or clang, or the extra 'firmware'")


def sources(core: Path = CORE, *more: str) -> list[Path]:
    """The C files of the core, and the named ones of the host board."""
    return [*sorted(core.glob("*.c")), *(HOST / name for name in more)]


def build(
    sizes: Mapping[str, int],
    *,
    core: Path = CORE,
    flags: Sequence[str] = (),
    program: str | None = None,
) -> Path:
    """Build the core for ``sizes``, unless it is in the cache, and return the library's path.

    Parameters
    ----------
    sizes : mapping
        From `firmware_sim.headers.sizes_of`.
    core : Path
        Folder of the core's sources.
    flags : sequence of str
        Further flags; those in the environment's ``ODL_HOST_FLAGS`` are added.
    program : str, optional
        A C file of the host board with a ``main``, to build a program instead of the library.

    Raises
    ------
    BuildError
        If the compiler fails; the message holds its output.
    """
    files = sources(core, "host.c", *([program] if program else []))
    header = state_header(sizes)
    command = [
        *compiler(),
        *WARNINGS,
        *strict(),
        "-O2",
        *flags,
        *os.environ.get("ODL_HOST_FLAGS", "").split(),
    ]
    if program is None:
        command += ["-shared"] if os.name == "nt" else ["-shared", "-fPIC"]
    made_from = hashlib.sha256(repr((command, header)).encode())
    for file in [*files, *sorted(core.glob("*.h")), HOST / "host.h"]:
        made_from.update(file.name.encode() + file.read_bytes())
    root = Path(os.environ.get("ODL_CACHE_DIR") or platformdirs.user_cache_dir("odl-stream"))
    folder = root / "host" / made_from.hexdigest()[:16]
    suffix = (
        ".exe" if program and os.name == "nt" else "" if program else ".dll" if os.name == "nt" else ".so"
    )
    target = folder / f"odl_{Path(program).stem if program else 'core'}{suffix}"
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as work:
        (Path(work) / "odl_state.h").write_text(header, encoding="ascii")
        made = Path(work) / target.name
        # Libraries preloaded into this process are not for the compiler.
        environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
        done = subprocess.run(
            [*command, f"-I{work}", f"-I{core}", f"-I{HOST}", "-o", str(made), *map(str, files)],
            env=environment, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode != 0:
            raise BuildError(f"{' '.join(command[:2])} failed:\n{done.stderr}")
        try:
            os.replace(made, target)  # atomic: another process may build the same
        except PermissionError:  # Windows, where the other process uses it already
            if not target.exists():
                raise
    return target


_C_TYPES = {
    "p": ctypes.c_void_p, "z": ctypes.c_size_t, "i": ctypes.c_int32, "I": ctypes.c_uint32,
    "l": ctypes.c_int64, "L": ctypes.c_uint64, "h": ctypes.c_int16, "B": ctypes.c_uint8, "v": None,
}  # fmt: skip


class HostMachine:
    """The core as a library in this process.

    Parameters
    ----------
    library : Path
        From `build`.
    """

    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library))
        self._rooms: list[NDArray[np.uint64]] = []
        for name, types in SIGNATURES.items():
            function = getattr(self._library, name)
            function.restype, *function.argtypes = [_C_TYPES[code] for code in types]

    def room(self, size: int) -> Room:
        """Memory of this process."""
        self._rooms.append(np.zeros(-(-size // 8), np.uint64))
        return Room(self._rooms[-1].ctypes.data, self._rooms[-1].view(np.uint8)[:size])

    def mark(self) -> int:
        """The number of allocations, for `rewind`."""
        return len(self._rooms)

    def rewind(self, mark: int) -> None:
        """Free what was allocated since `mark`."""
        del self._rooms[mark:]

    def call(self, name: str, *arguments: int) -> int:
        """Call a function of the core."""
        return int(getattr(self._library, name)(*arguments) or 0)


class HostSession(CoreSession):
    """`odl.core.fused.Fused` in C on this machine: the same methods on the same bytes.

    Parameters
    ----------
    image, config
        As for `odl.core.session.Session`.
    library : Path, optional
        A library built for the image's sizes; default: built here.

    Examples
    --------
    >>> from odl.data import model_bytes
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> n = len(image.channels)
    >>> core = HostSession(image, Config(mult=(1,) * n, shift=(0,) * n, offset=(0,) * n))
    >>> len(core.samples(np.zeros((image.window, n), np.int16)))
    1
    """

    def __init__(self, image: Image, config: Config, library: Path | None = None) -> None:
        super().__init__(HostMachine(library or build(sizes_of(image))), image, config)
