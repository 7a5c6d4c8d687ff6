"""The C core as a shared library of this machine, and a session that runs on it.

Built with the machine's compiler, or with the one that the ``ziglang`` package brings, and
kept in the user's cache, named after all that it was made from.
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
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from firmware_sim.headers import CORE, sizes_of, state_header
from odl.config import Config
from odl.core import event_of, settings_of
from odl.events import Output
from odl.kernels.net import out_dtype
from odl.nn.image import Image
from odl.nn.net import state_dtype_of
from odl.session import Session
from odl.state import log_dtype

HOST = CORE.parent / "boards" / "host"
WARNINGS = (
    "-std=c99", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wmissing-prototypes", "-Wshadow",
)  # fmt: skip
REFUSALS = ("", "it is cut short or no image", "its version is another", "its checksum differs",
            "a section lies outside", "its sizes are not those of the build",
            "its layers cannot be run", "its heads cannot be used")  # fmt: skip


class BuildError(RuntimeError):
    """The core could not be built: which command failed, and what it said."""


@cache
def compiler() -> tuple[str, ...]:
    """The command of a C compiler for this machine.

    Raises
    ------
    BuildError
        If there is none.
    """
    for name in ("cc", "gcc", "clang"):
        if path := shutil.which(name):
            return (path,)
    if find_spec("ziglang"):
        return (sys.executable, "-m", "ziglang", "cc")
    raise BuildError("no C compiler was found: install gcc or clang, or the extra 'firmware'")


def sources(core: Path = CORE, *more: str) -> list[Path]:
    """The C files of the core and of the host board, of the latter only those named."""
    return [*sorted(core.glob("*.c")), *(HOST / name for name in more)]


def build(
    sizes: Mapping[str, int],
    *,
    core: Path = CORE,
    flags: Sequence[str] = (),
    program: str | None = None,
) -> Path:
    """Build the core for ``sizes`` unless that has been done; the library's path.

    Parameters
    ----------
    sizes : mapping
        As `firmware_sim.headers.sizes_of` gives them.
    core : Path
        Folder of the core's sources.
    flags : sequence of str
        Further flags; those in the environment's ``ODL_HOST_FLAGS`` are added.
    program : str, optional
        A C file of the host board with a ``main``: build a program of it instead.

    Raises
    ------
    BuildError
        With what the compiler said.
    """
    files = sources(core, "host.c", *([program] if program else []))
    header = state_header(sizes)
    command = [*compiler(), *WARNINGS, "-O2", *flags, *os.environ.get("ODL_HOST_FLAGS", "").split()]
    if program is None:
        command += ["-shared"] if os.name == "nt" else ["-shared", "-fPIC"]
    made_from = hashlib.sha256(repr((command, header)).encode())
    for file in [*files, *sorted(core.glob("*.h"))]:
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
        done = subprocess.run(
            [*command, f"-I{work}", f"-I{core}", "-o", str(made), *map(str, files)],
            capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode != 0:
            raise BuildError(f"{' '.join(command[:2])} failed:\n{done.stderr}")
        os.replace(made, target)  # at once, should another process build the same
    return target


def load(path: Path) -> ctypes.CDLL:
    """The library at ``path``, its functions' types declared."""
    library = ctypes.CDLL(str(path))
    pointer, i64, u64, u32 = ctypes.c_void_p, ctypes.c_int64, ctypes.c_uint64, ctypes.c_uint32
    size, text = ctypes.c_size_t, ctypes.c_char_p
    for name, result, arguments in (
        ("odl_open", ctypes.c_int, [pointer, pointer, size]),
        ("odl_begin", ctypes.c_int, [pointer, pointer, u64, pointer]),
        ("odl_resume", None, [pointer, pointer, u64, pointer, u32]),
        ("odl_settings_bad", ctypes.c_int, [pointer, u64, pointer]),
        ("odl_run", size, [pointer, pointer, size, size]),
        ("odl_gap", None, [pointer, i64]),
        ("odl_label", None, [pointer, i64, ctypes.c_uint]),
        ("odl_undo", None, [pointer]),
        ("odl_add_class", None, [pointer, ctypes.c_uint, ctypes.c_uint, text, size]),
        ("odl_split", None, [pointer, ctypes.c_uint, ctypes.c_uint]),
        ("odl_host_use_log", None, [pointer, u32, u32]),
        ("odl_host_take", u32, [ctypes.POINTER(pointer)]),
        ("odl_host_session_size", u32, []),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def aligned(data: bytes) -> NDArray[np.uint64]:
    """``data`` where every 8-byte field is aligned, zeros behind it."""
    block = np.zeros(-(-len(data) // 8), np.uint64)
    block.view(np.uint8)[: len(data)] = np.frombuffer(data, np.uint8)
    return block


def scaling_dtype(channels: int) -> np.dtype[Any]:
    """The layout of ``odl_scaling``."""
    return np.dtype(
        [("mult", "<i4", (channels,)), ("offset", "<i2", (channels,)), ("shift", "u1", (channels,))],
        align=True,
    )


class HostSession:
    """`odl.core.Fused` in C: the same methods on the same bytes.

    ``state`` and ``log`` are views of the C core's own memory.

    Parameters
    ----------
    image, config
        As for `odl.session.Session`.
    library : Path, optional
        A library that was built for the image's sizes; built where it is not given.

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
        self._c = load(library or build(sizes_of(image)))
        self._image = aligned(image.to_bytes())
        self._memory = np.zeros(-(-self._c.odl_host_session_size() // 8), np.uint64)
        dtype = state_dtype_of(image)
        self.state: NDArray[Any] = self._memory.view(np.uint8)[: dtype.itemsize].view(dtype)
        self.log: NDArray[Any] = np.zeros(image.max_log, log_dtype(image.features))
        self.settings = settings_of(config)
        self._out = out_dtype(image.max_heads, image.max_rows)
        self._scaling = np.zeros(1, scaling_dtype(len(image.channels)))
        for name in ("mult", "shift", "offset"):
            self._scaling[name][0] = getattr(config, name)
        self._seed = config.seed
        wrong = self._c.odl_open(self._session, self._image.ctypes.data, len(image.to_bytes()))
        if wrong:
            raise ValueError(f"the C core refuses the model image: {REFUSALS[wrong]}")
        if self._c.odl_settings_bad(self.settings.ctypes.data, self._seed, self._scaling.ctypes.data):
            raise ValueError("the C core refuses the settings")
        self._use_log()
        self._c.odl_begin(self._session, self.settings.ctypes.data, self._seed, self._scaling.ctypes.data)

    @property
    def _session(self) -> int:
        return self._memory.ctypes.data

    def _use_log(self) -> None:
        self._c.odl_host_use_log(self.log.ctypes.data, len(self.log), int(self.state["n_log"][0]))

    def resume(self) -> None:
        """As after a reset: a fresh state, and the heads that the log has taught."""
        n_log = int(self.state["n_log"][0])
        self._use_log()
        self._c.odl_resume(
            self._session, self.settings.ctypes.data, self._seed, self._scaling.ctypes.data, n_log
        )

    def samples(self, block: NDArray[np.int16]) -> list[Output]:
        """Consume a block (n, channels)."""
        block = np.ascontiguousarray(block, np.int16)
        outputs: list[Output] = []
        at = 0
        while at < len(block):
            self._use_log()
            at = self._c.odl_run(self._session, block.ctypes.data, len(block), at)
            outputs += self._events()
        return outputs

    def gap(self, lost: int) -> None:
        """Samples are missing."""
        self._c.odl_gap(self._session, lost)

    def label(self, at: int, window: int, cls: int) -> list[Output]:
        """An answer; 255 is a skip."""
        return self._command(at, self._c.odl_label, window, cls)

    def undo(self, at: int) -> list[Output]:
        """Take back the answer given last."""
        return self._command(at, self._c.odl_undo)

    def add_class(self, at: int, cls: int, head: int, name: str) -> list[Output]:
        """A new class."""
        text = name.encode()
        return self._command(at, self._c.odl_add_class, cls, head, text, len(text))

    def split(self, at: int, leaf: int, head: int) -> list[Output]:
        """A task under a leaf."""
        return self._command(at, self._c.odl_split, leaf, head)

    def _command(self, at: int, function: Any, *arguments: Any) -> list[Output]:
        if at != self.state["position"][0]:
            raise ValueError(f"a command at {at}, but the stream stands at {self.state['position'][0]}")
        self._use_log()
        function(self._session, *arguments)
        return self._events()

    def _events(self) -> list[Output]:
        first = ctypes.c_void_p()
        n = self._c.odl_host_take(ctypes.byref(first))
        if n == 0 or first.value is None:
            return []
        records = np.frombuffer(ctypes.string_at(first.value, n * self._out.itemsize), self._out)
        return [event_of(record) for record in records]


class TwinSession(Session):
    """`odl.session.Session` with the C core inside; snapshots too."""

    def __init__(self, image: Image, config: Config, library: Path | None = None) -> None:
        super().__init__(image, config)
        self._core = HostSession(image, config, library)  # type: ignore[assignment]

    def _fused(self, what: str) -> None:
        """Both cores have a state block."""
