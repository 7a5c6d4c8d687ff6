"""Export a model with the C core as a library package: Arduino, PlatformIO, Zephyr, ESP-IDF or CMake.

The package holds the core's files unchanged, the model image as an array, the calls of ``odl.h`` over
them, and an example whose file ``board.h`` has everything that a person must edit. Templates are in
``firmware_sim/package``; ``@WORD@`` in them is replaced.
"""

from __future__ import annotations

import io
import math
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import odl
from firmware_sim import headers, toolchain
from firmware_sim.model_source import STORE_SEAL, model_header, model_source, sample_lines, sizes_of_package
from firmware_sim.package_kinds import KINDS, PackageKind
from firmware_sim.toolchain import BuildError
from odl.core.config import Config
from odl.core.image import Image
from odl.core.state import log_dtype

HERE: Final = Path(__file__).parent
PACKAGE: Final = HERE / "package"


@dataclass(frozen=True, slots=True)
class Exported:
    """A written package.

    Attributes
    ----------
    folder : its folder.
    files : paths in it, relative to the folder.
    sizes : bytes by what they are for; ``code`` by target, where a compiler is installed.
    """

    folder: Path
    files: tuple[str, ...]
    sizes: Mapping[str, int]


def export(
    image: Image,
    kind: str,
    out: Path,
    config: Config,
    name: str = "model",
    target: str | None = "cortex-m4",
    line: bool = True,
) -> Exported:
    """Write the package of ``image`` for the tool ``kind`` into the folder ``out``.

    Parameters
    ----------
    image : Image
        The model; its capacities decide how much RAM the package needs.
    kind : str
        A key of ``KINDS``.
    out : Path
        A folder that does not exist or is empty.
    config : Config
        Settings of the session that the board starts by itself; its scaling is that of
        `firmware_sim.model_source.scaling_of`.
    name : str
        The model's name, from which the package gets its own.
    target : str, optional
        A key of `firmware_sim.toolchain.TARGETS` to compile the package for, to state its size. Nothing is
        compiled for None, or without a compiler.
    line : bool
        False leaves out the link to a host: the board works alone, in less memory.

    Raises
    ------
    BuildError
        For an unknown kind, or a folder that holds something.

    Examples
    --------
    ::

        export(image, "arduino", Path("odl_shoulder"), config, "shoulder")
    """
    if kind not in KINDS:
        raise BuildError(f"no kind of package {kind!r}; there are {', '.join(KINDS)}")
    _check_new(out)
    chosen = KINDS[kind]
    words = _words(image, chosen, name)
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted((PACKAGE / kind).rglob("*")):
        if path.is_file():
            _write(out / path.relative_to(PACKAGE / kind), _filled(path.read_text(encoding="utf-8"), words))
    if kind == "platformio":  # the Arduino example, as PlatformIO wants it
        sketch = PACKAGE / "arduino" / "examples" / "Wear"
        for source, copy in (("Wear.ino", "main.cpp"), ("board.h", "board.h")):
            text = _filled((sketch / source).read_text(encoding="utf-8"), words)
            _write(out / "examples" / "wear" / "src" / copy, text)
    code = out / "src"
    write_source(code, image, config, kind, line)
    sizes = sizes_of_package(image) | ({} if target is None else code_size(code, target))
    _write(
        out / "README.md",
        _filled(
            (PACKAGE / "README.md").read_text(encoding="utf-8"),
            words | _figures(image, chosen, sizes, target, line),
        ),
    )
    shutil.copyfile(PACKAGE / "LICENSE", out / "LICENSE")
    files = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    return Exported(out, tuple(files), sizes)


def write_sampler(out: Path) -> list[Path]:
    """Write the sketch that only samples into the folder ``out``/odl_sampler; return its files.

    Raises
    ------
    BuildError
        If the folder holds something.
    """
    folder = out / "odl_sampler"  # the Arduino IDE wants a sketch in a folder of its name
    _check_new(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for path in [*(PACKAGE / "sampler" / "odl_sampler").iterdir(), headers.CORE / "odl_messages.h"]:
        shutil.copyfile(path, folder / path.name)
    return sorted(folder.iterdir())


def _check_new(folder: Path) -> None:
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise BuildError(f"{folder}: this is there already; name a folder that is not, or an empty one")


def write_source(folder: Path, image: Image, config: Config, board: str, line: bool = True) -> None:
    """Write what every package has: the core, its headers, the model and the calls over them."""
    core = folder / "core"
    core.mkdir(parents=True)
    for path in sorted(headers.CORE.iterdir()):
        if path.suffix in (".c", ".h"):
            shutil.copyfile(path, core / path.name)
    headers.write(core, headers.sizes_of(image))
    for path in sorted((PACKAGE / "source").iterdir()):
        shutil.copyfile(path, folder / path.name)
    _write(folder / "odl_model.h", model_header(image, board, line))
    _write(folder / "odl_model.c", model_source(image, config))


def code_size(source: Path, target: str) -> dict[str, int]:
    """Compile a package's sources for ``target``; bytes of code and of static RAM.

    Empty where no compiler is installed.

    Raises
    ------
    ToolError
        If the compiler fails.
    """
    try:
        compiler = toolchain.compiler(None, target)
    except toolchain.ToolError:
        return {}
    with tempfile.TemporaryDirectory() as work:
        whole = Path(work) / "package.elf"
        script = Path(work) / "package.ld"
        script.write_text(_SCRIPT, encoding="ascii")
        files = [*sorted(source.glob("*.c")), *sorted((source / "core").glob("*.c"))]
        bare = HERE / "boards" / "bare"
        start = Path(work) / "start.c"
        start.write_text(_START, encoding="ascii")
        compiler.link(
            [*files, bare / "memory.c", start], whole, script, "board_start", [source, source / "core", bare]
        )
        return _sections(whole.read_bytes())


_SCRIPT: Final = """PHDRS { code PT_LOAD FLAGS(5); data PT_LOAD FLAGS(6); }
SECTIONS
{
    .text 0x10000000 : { *(.text .text.*) *(.rodata .rodata.*) *(.srodata .srodata.*) } :code
    .data 0x20000000 : { *(.data .data.* .sdata .sdata.*) } :data
    .bss : { *(.bss .bss.* .sbss .sbss.* COMMON) } :data
    /DISCARD/ : { *(.comment .ARM.attributes .ARM.exidx* .note* .riscv.attributes .eh_frame*) }
}
"""
# All calls of the package, so that the linker leaves none out.
_START: Final = """#include "odl_wear.h"
void board_start(void);
void board_start(void)
{
    static odl_wear_board board;
    odl_wear_start(&board);
    for (;;) {
        odl_wear_step();
        odl_device_teach(0);
        odl_device_load();
    }
}
"""


def _sections(elf: bytes) -> dict[str, int]:
    from elftools.elf.elffile import ELFFile

    sizes = {section.name: section["sh_size"] for section in ELFFile(io.BytesIO(elf)).iter_sections()}
    data = sizes.get(".data", 0)
    return {"code and constants": sizes[".text"] + data, "static RAM": data + sizes.get(".bss", 0)}


# --- templates ---------------------------------------------------------------------------


def package_name(name: str) -> str:
    """The package's name: letters, digits and low lines, which every tool takes.

    >>> package_name("my model-2")
    'odl_my_model_2'
    """
    word = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:40]
    return f"odl_{word or 'model'}"


def _words(image: Image, kind: PackageKind, name: str) -> dict[str, str]:
    sizes = sizes_of_package(image)
    indent = "\t" if kind.name == "zephyr" else "    " if kind.name == "espidf" else "  "
    partition = math.ceil((4 * sizes["store"] + 0x3000) / 0x1000) * 0x1000
    return {
        "NAME": package_name(name),
        "VERSION": odl.__version__,
        "STORE": str(sizes["store"]),
        "PIECE": str(log_dtype(image.features).itemsize + STORE_SEAL),
        "PARTITION": f"{partition:#x}",
        "SAMPLE": "\n".join(indent + line for line in sample_lines(image)),
    }


def _filled(text: str, words: Mapping[str, str]) -> str:
    return re.sub(r"@([A-Z]+)@", lambda match: words.get(match[1], match[0]), text)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


_PUBLISH: Final = {
    "arduino": "Before you publish it, write your name and address into `library.properties`.",
    "platformio": "Before you publish it, write your name and address into `library.json`.",
    "espidf": "Before you publish it, write your address into `idf_component.yml`.",
}


_HOST: Final = """ Hold it, and `odl live` asks what you are doing now.
4. With a computer on the line: `odl live --port auto`. It sees every sample and event of the board, and
   people can answer there with any class."""
_ALONE: Final = "\n4. The link to a host was left out (`--without-line`): the board works alone."


def _figures(
    image: Image, kind: PackageKind, sizes: Mapping[str, int], target: str | None, line: bool
) -> dict[str, str]:  # fmt: skip
    """What README.md says of this package."""
    tried = (
        f"Built with {kind.tool} by the tests of odl, for a computer and for Cortex-M0+, M4F, M33 and RV32; "
        "no board has run it yet."
        if kind.built
        else f"**Never built with {kind.tool}**: its sources were compiled for Cortex-M0+, M4, M33 and RV32 "
        "by Zig and GCC, its example against stand-ins for the tool's headers. No board has run it yet."
    )
    return {
        "TRIED": tried,
        "RATE": f"{image.rate_hz:g}",
        "CHANNELS": ", ".join(_plain(f"{c.name} in {c.unit}") for c in image.channels),
        "CLASSES": ", ".join(_plain(name) for _, name in sorted(image.names.items())),
        "HOP": f"{image.hop / image.rate_hz:g}",
        "BOARD": kind.board,
        "USE": kind.use,
        "LABELS": str(image.max_log),
        "HOST": _HOST if line else _ALONE,
        "ROWS": "\n".join(f"| {what} | {size:,} |" for what, size in sizes.items()),
        "BUILD": f"Code and static RAM are of a build by {toolchain.compiler(None, target).description}. "
        if target is not None and "static RAM" in sizes
        else "",
        "PUBLISH": _PUBLISH.get(kind.name, ""),
    }


def _plain(text: str) -> str:
    """Text of a model image, without what Markdown would make of it."""
    return re.sub(r"[^\w ./%^-]", "?", text)
