"""Find and call the compilers and emulators for firmware.

The packages ``ziglang`` and ``unicorn`` of the extra ``firmware`` are sufficient. GCC
is used on request, or if Zig is missing. No shell is involved, so paths may
hold blanks.
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

from firmware_sim import linked
from odl.core.errors import OdlError

WARNINGS: Final = ("-std=c99", "-Wall", "-Wextra", "-Wshadow", "-Wundef", "-Wstrict-prototypes")
# Without unrolling the code is a third smaller; the core unrolls by hand where it is worth it.
OPTIMISE: Final = ("-g0", "-fomit-frame-pointer", "-fno-unroll-loops", "-ffunction-sections",
                   "-fdata-sections", "-fno-common")  # fmt: skip


# Zig's -Os takes a tenth less code than its -O2, and no more instructions. Without -g it would leave out the
# table of symbols.
LEVEL: Final = {"zig": ("-Os", "-g"), "gcc": ("-O2",)}


def strict() -> tuple[str, ...]:
    """Flags that turn warnings into errors; empty without ``ODL_STRICT`` in the environment.

    The tests set it. A user's compiler may be newer and have more warnings.

    >>> strict() in ((), ("-Werror",))
    True
    """
    return ("-Werror",) if os.environ.get("ODL_STRICT", "") not in ("", "0") else ()


class ToolError(OdlError, RuntimeError):
    """A tool is missing or failed; the message says which and why."""


class BuildError(OdlError, RuntimeError):
    """A core or firmware cannot be built; the message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """A processor to compile for, with the flags of Zig and GCC, and GCC's program for it."""

    name: str
    zig: tuple[str, ...]
    gcc: tuple[str, ...]
    gcc_program: str = "arm-none-eabi-gcc"


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
        Target(
            "rv32",
            ("-target", "riscv32-freestanding-none", "-mcpu=generic_rv32+m+c"),
            # Freestanding, as Debian has no libc for it.
            ("-march=rv32imc", "-mabi=ilp32", "-ffreestanding", "-fbuiltin"),
            "riscv64-unknown-elf-gcc",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: its purpose, its version if it is installed, and how to install it."""

    name: str
    purpose: str
    version: str | None
    advice: str

    @property
    def there(self) -> bool:
        """True if the tool is installed."""
        return self.version is not None


def _package(name: str, module: str, purpose: str) -> Tool:
    try:
        version = metadata.version(name) if find_spec(module) else None
    except metadata.PackageNotFoundError:  # installed, but not by pip
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
    """All tools for firmware, installed or missing.

    Returns
    -------
    tuple of Tool
        ``version`` is None for a missing tool, and ``advice`` says how to install it.

    >>> [tool.name for tool in find()]
    ['ziglang', 'unicorn', 'pyelftools', 'arm-none-eabi-gcc', 'riscv64-unknown-elf-gcc', 'qemu-system-arm']
    """
    return (
        _package("ziglang", "ziglang", "cross-compiler"),
        _package("unicorn", "unicorn", "emulated board"),
        _package("pyelftools", "elftools", "reads the compiler's output"),
        _program("arm-none-eabi-gcc", "second cross-compiler", "gcc-arm-none-eabi"),
        _program("riscv64-unknown-elf-gcc", "the same for RISC-V", "gcc-riscv64-unknown-elf"),
        _program("qemu-system-arm", "second emulator", "qemu-system-arm"),
    )


def tool(name: str) -> Tool:
    """The tool ``name``, which must be installed.

    Raises
    ------
    ToolError
        If it is missing; the message says how to install it.

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
    version : the compiler's version.
    command : the program and the flags of the target.
    """

    name: str
    version: str
    command: tuple[str, ...]
    target: str

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags of every source, without the target's.

        ``-ffreestanding`` is not among them: with it, both compilers turn every memcpy of a few bytes
        into a call, and the kernels have many.
        """
        own = ("-fno-sanitize=undefined",) if self.name == "zig" else ()
        return (*LEVEL[self.name], *OPTIMISE, *WARNINGS, *strict(), *own)

    @property
    def description(self) -> str:
        """Compiler, version, target and optimisation, for printing beside figures."""
        return f"{self.name} {self.version}, {self.target}, {LEVEL[self.name][0]}"

    def run(self, arguments: Sequence[str | Path]) -> None:
        """Call the compiler.

        Raises
        ------
        ToolError
            If it fails or, with `strict`, prints anything.
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
        """Compile C sources and link them to a bare-metal ELF, unless that was done before (`linked`).

        Parameters
        ----------
        sources : C files.
        output : the ELF to write.
        script, entry : linker script, and the symbol of the first instruction.
        includes, defines : for ``-I`` and ``-D``.
        """
        sources, includes = list(sources), list(includes)
        settings = [*self.flags, "-Wl,--gc-sections", f"-Wl,-e,{entry}", *(f"-D{name}" for name in defines)]
        if self.name == "gcc":  # Zig adds its own runtime
            settings += ["-nostdlib"]
        arguments: list[str | Path] = [*settings]
        for folder in includes:
            arguments += ["-I", folder]
        arguments += ["-T", script, *sources, "-o", output, *(["-lgcc"] if self.name == "gcc" else [])]
        name = linked.digest((self.version, *self.command, *settings), sources, includes, script)
        linked.link_once(name, output, lambda: self.run(arguments))

    def check(self, source: Path, includes: Iterable[Path] = ()) -> None:
        """Compile ``source`` without output; a warning is a `ToolError`."""
        folders: list[str | Path] = []
        for folder in includes:
            folders += ["-I", folder]
        with tempfile.TemporaryDirectory() as work:
            self.run([*self.flags, *folders, "-c", source, "-o", Path(work) / "checked.o"])


def compiler(name: str | None = None, target: str = "cortex-m4") -> Compiler:
    """Choose a compiler.

    Parameters
    ----------
    name : "zig", "gcc", or None for Zig if it is installed and otherwise GCC.
    target : a key of ``TARGETS``.

    Raises
    ------
    ToolError
        If the compiler is missing, or there is no such target.

    >>> compiler("zig").target
    'cortex-m4'
    """
    if target not in TARGETS:
        raise ToolError(f"no target {target!r}; there are {', '.join(TARGETS)}")
    if name not in (None, "zig", "gcc"):
        raise ToolError(f"no compiler {name!r}; there are zig and gcc")
    program = TARGETS[target].gcc_program
    zig, gcc = (t for t in find() if t.name in ("ziglang", program))
    if name is None:
        name = "zig" if zig.there or not gcc.there else "gcc"
    if name == "zig":
        version = tool("ziglang").version or ""
        return Compiler("zig", version, (sys.executable, "-m", "ziglang", "cc", *TARGETS[target].zig), target)
    words = (tool(program).version or "").split()[-2:]
    path = shutil.which(program) or program
    return Compiler("gcc", " ".join(words), (path, *TARGETS[target].gcc), target)
