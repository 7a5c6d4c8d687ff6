"""The compilers and emulators that firmware needs: which are there, and how to call them.

pip alone is enough: the packages ``ziglang`` and ``unicorn`` of the extra ``firmware``.
GCC (``arm-none-eabi-gcc``) is used when asked for, or where Zig is missing. No shell is
involved, so paths may hold blanks.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from odl.core.errors import OdlError

WARNINGS: Final = ("-std=c99", "-Wall", "-Wextra", "-Wshadow", "-Wundef", "-Wstrict-prototypes")
# Without unrolling the code is a third smaller; where it pays, the core unrolls by hand.
OPTIMISE: Final = ("-O2", "-g0", "-fomit-frame-pointer", "-fno-unroll-loops", "-ffunction-sections",
                   "-fdata-sections", "-fno-common")  # fmt: skip


def strict() -> tuple[str, ...]:
    """Flags for taking no warnings; empty without ``ODL_STRICT`` in the environment.

    The tests are strict. Somebody's compiler may be newer than these sources and warn of more.

    >>> strict() in ((), ("-Werror",))
    True
    """
    return ("-Werror",) if os.environ.get("ODL_STRICT", "") not in ("", "0") else ()


class ToolError(OdlError, RuntimeError):
    """A tool that is missing, or one that refused its input; the message says which and why."""


class BuildError(OdlError, RuntimeError):
    """A core or firmware that cannot be built as asked: which command failed, and what it said."""


@dataclass(frozen=True, slots=True)
class Target:
    """A processor to compile for: Zig's names for it, GCC's flags (empty: GCC has none)."""

    name: str
    zig: tuple[str, ...]
    gcc: tuple[str, ...] = ()


# Soft float: the core has no floating point, so no FPU register needs saving in an exception.
TARGETS: Final = {
    target.name: target
    for target in (
        Target(
            "cortex-m0plus",
            ("-target", "thumb-freestanding-eabi", "-mcpu=cortex_m0plus"),
            ("-mcpu=cortex-m0plus", "-mthumb", "-mfloat-abi=soft"),
        ),
        Target(
            "cortex-m4",
            ("-target", "thumb-freestanding-eabi", "-mcpu=cortex_m4+soft_float"),
            ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=soft"),
        ),
        Target(
            "cortex-m33",
            ("-target", "thumb-freestanding-eabi", "-mcpu=cortex_m33+soft_float"),
            ("-mcpu=cortex-m33", "-mthumb", "-mfloat-abi=soft"),
        ),
        Target("rv32", ("-target", "riscv32-freestanding-none", "-mcpu=generic_rv32+m+c")),
    )
}


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool: what it is for, its version where it is there, how to get it where not."""

    name: str
    purpose: str
    version: str | None
    advice: str

    @property
    def there(self) -> bool:
        """Whether it can be used."""
        return self.version is not None


def _package(name: str, module: str, purpose: str) -> Tool:
    try:
        version = metadata.version(name) if find_spec(module) else None
    except metadata.PackageNotFoundError:  # there, but not by pip
        version = "of unknown version"
    return Tool(name, purpose, version, f"pip install {name}   (or the extra: odl-stream[firmware])")


def _program(name: str, purpose: str, debian: str) -> Tool:
    path = shutil.which(name)
    version = None
    if path:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
        version = (done.stdout.splitlines() or [""])[0].strip() if done.returncode == 0 else None
    return Tool(name, purpose, version, f"apt install --no-install-recommends {debian}")


@cache
def find() -> tuple[Tool, ...]:
    """Every tool that firmware can use, there or missing.

    Returns
    -------
    tuple of Tool
        ``version`` is None for what is missing, and ``advice`` says how to get it.

    >>> [tool.name for tool in find()]
    ['ziglang', 'unicorn', 'pyelftools', 'arm-none-eabi-gcc', 'qemu-system-arm']
    """
    return (
        _package("ziglang", "ziglang", "cross-compiler"),
        _package("unicorn", "unicorn", "emulated board"),
        _package("pyelftools", "elftools", "reads the compiler's output"),
        _program("arm-none-eabi-gcc", "second cross-compiler", "gcc-arm-none-eabi"),
        _program("qemu-system-arm", "second emulator", "qemu-system-arm"),
    )


def tool(name: str) -> Tool:
    """The tool called ``name``, which must be there.

    Raises
    ------
    ToolError
        If it is missing; the message says how to get it.

    >>> tool("ziglang").purpose
    'cross-compiler'
    """
    found = next(tool for tool in find() if tool.name == name)
    if not found.there:
        raise ToolError(f"{name} ({found.purpose}) is not installed: {found.advice}")
    return found


@dataclass(frozen=True, slots=True)
class Compiler:
    """A C compiler for one target.

    Attributes
    ----------
    name : "zig" or "gcc"
    version : as the compiler says it.
    command : the program and the flags of the target.
    """

    name: str
    version: str
    command: tuple[str, ...]
    target: str

    @property
    def flags(self) -> tuple[str, ...]:
        """What every source is compiled with, target aside.

        Not with ``-ffreestanding``: either compiler would make a call of every memcpy of a few
        bytes, of which the kernels are full.
        """
        own = ("-fno-sanitize=undefined",) if self.name == "zig" else ()
        return (*OPTIMISE, *WARNINGS, *strict(), *own)

    @property
    def description(self) -> str:
        """Compiler, version, target and optimisation, to be printed beside every figure."""
        return f"{self.name} {self.version}, {self.target}, -O2"

    def run(self, arguments: Sequence[str | Path]) -> None:
        """Call the compiler.

        Raises
        ------
        ToolError
            If it fails; where no warning is taken (`strict`), if it has anything at all to say.
        """
        words = [*self.command, *map(str, arguments)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        said = "\n".join((done.stderr + done.stdout).splitlines()[:20])
        if done.returncode or (said and strict()):
            raise ToolError(f"{self.name} for {self.target} failed (status {done.returncode}):\n{said}")

    def link(
        self,
        sources: Iterable[Path],
        output: Path,
        script: Path,
        entry: str,
        includes: Iterable[Path] = (),
        defines: Iterable[str] = (),
    ) -> None:
        """Compile C sources and link them to a bare-metal ELF.

        Parameters
        ----------
        sources : C files.
        output : the ELF to write.
        script, entry : linker script, and the symbol where execution begins.
        includes, defines : as ``-I`` and ``-D``.
        """
        arguments: list[str | Path] = [*self.flags, "-Wl,--gc-sections", f"-Wl,-e,{entry}"]
        arguments += [f"-D{define}" for define in defines]
        for folder in includes:
            arguments += ["-I", folder]
        arguments += ["-T", script, *sources, "-o", output]
        if self.name == "gcc":  # Zig adds its own runtime, and for such a target nothing else
            arguments += ["-nostdlib", "-lgcc"]
        self.run(arguments)

    def check(self, source: Path, includes: Iterable[Path] = ()) -> None:
        """Compile ``source`` and throw the result away; a warning is a ``ToolError``."""
        folders: list[str | Path] = []
        for folder in includes:
            folders += ["-I", folder]
        with tempfile.TemporaryDirectory() as work:
            self.run([*self.flags, *folders, "-c", source, "-o", Path(work) / "checked.o"])


def compiler(name: str | None = None, target: str = "cortex-m4") -> Compiler:
    """The compiler to use.

    Parameters
    ----------
    name : "zig", "gcc", or None for Zig where it is there and otherwise GCC.
    target : a key of ``TARGETS``.

    Raises
    ------
    ToolError
        If it is missing, or has no such target.

    >>> compiler("zig").target
    'cortex-m4'
    """
    if target not in TARGETS:
        raise ToolError(f"no target {target!r}; there are {', '.join(TARGETS)}")
    if name not in (None, "zig", "gcc"):
        raise ToolError(f"no compiler {name!r}; there are zig and gcc")
    zig, gcc = (t for t in find() if t.name in ("ziglang", "arm-none-eabi-gcc"))
    if name is None:
        name = "zig" if zig.there or not gcc.there else "gcc"
    if name == "zig":
        version = tool("ziglang").version or ""
        return Compiler("zig", version, (sys.executable, "-m", "ziglang", "cc", *TARGETS[target].zig), target)
    words = (tool("arm-none-eabi-gcc").version or "").split()[-2:]
    if not TARGETS[target].gcc:
        raise ToolError(f"arm-none-eabi-gcc cannot compile for {target}; zig can")
    path = shutil.which("arm-none-eabi-gcc") or "arm-none-eabi-gcc"
    return Compiler("gcc", " ".join(words), (path, *TARGETS[target].gcc), target)
