"""Build firmware for a board and one model image."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import odl
from firmware_sim import BOARDS, DEFAULT_BOARD, headers, toolchain
from firmware_sim import elf as elf_file
from firmware_sim.board_spec import FIRMWARE, BoardSpec, spec_of
from firmware_sim.capacity import STACK, most_labels, most_rows, stack_of
from firmware_sim.toolchain import BuildError
from odl.core.image import Channel, Image

HERE: Final = Path(__file__).parent
CORE: Final = HERE / "core"
BARE: Final = HERE / "boards" / "bare"  # replaces libc
SHARED: Final = HERE / "boards" / "shared"  # what all boards have in common
LSM6DSO: Final = (  # a count, as sensor_lsm6dso.c sets the ranges (data sheet DS12140, table 2)
    *(Channel(name, "mg", 0.122) for name in ("ax", "ay", "az")),
    *(Channel(name, "mdps", 70.0) for name in ("wx", "wy", "wz")),
)
LSM6DSO_HZ: Final = 52.0


_UNFIT: Final = {  # assertions of sources and linker script, and what they mean for the model
    "more RAM than the budget allows": "it needs more RAM than the {ram:,} bytes that a firmware may use; "
    "{less}",
    "the label log does not fit into a bank": "its log of {log} labels does not fit into a bank of flash, "
    "which has room for {labels}",
    "the LSM6DSO has six axes": "it has {channels} channels, and an LSM6DSO six axes",
}


@dataclass(frozen=True, slots=True)
class Firmware:
    """A linked firmware.

    Attributes
    ----------
    elf, bin, map : for a debugger, for flashing, and the memory map as text.
    program : the parsed ELF.
    compiler : name, version, target and optimisation.
    board : a key of ``BOARDS``.
    """

    elf: bytes
    bin: bytes
    map: str
    program: elf_file.Program
    compiler: str
    board: str = DEFAULT_BOARD

    @property
    def spec(self) -> BoardSpec:
        """The board's specification."""
        return spec_of(self.board)

    @property
    def ram_bytes(self) -> int:
        """All RAM: stack, state, buffers."""
        ram = self.spec.memory.ram_base
        return sum(size for address, size in self.program.sections.values() if address >= ram)

    @property
    def code_bytes(self) -> int:
        """Flash for code and constants, without the model image."""
        sections = self.program.sections
        return sum(sections[name][1] for name in (".text", ".rodata", ".data") if name in sections)

    @property
    def image_bytes(self) -> int:
        """Flash for the model image."""
        return self.program.sections.get(".image", (0, 0))[1]

    @property
    def room(self) -> dict[str, int]:
        """The bytes that the board has for ``ram_bytes`` and ``code_bytes``."""
        return {"ram_bytes": self.spec.memory.ram_size, "code_bytes": self.spec.places[FIRMWARE][1]}

    def write(self, folder: Path, name: str) -> list[Path]:
        """Write ``name``.elf, .bin and .map into ``folder`` and return the paths."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{name}.{suffix}" for suffix in ("elf", "bin", "map")]
        for path, data in zip(paths, (self.elf, self.bin, self.map.encode()), strict=True):
            path.write_bytes(data)
        return paths


def build(
    image: Image,
    board: str = DEFAULT_BOARD,
    compiler: str | None = None,
    sensor: str = "link",
    ram_budget: int | None = None,
    counts: Sequence[Channel] = LSM6DSO,
    rate_hz: float = LSM6DSO_HZ,
) -> Firmware:
    """Build the firmware that runs ``image`` on ``board``.

    Parameters
    ----------
    image : Image
        The model; its sizes decide the layout of the state block.
    board : str
        A key of ``BOARDS``.
    compiler : "zig" or "gcc", optional
        Default: Zig if it is installed, else GCC.
    sensor : "link" or "lsm6dso"
        Source of samples: the host, or the sensor on the board's bus, if it has one.
    ram_budget : int, optional
        Most bytes of RAM; the linker refuses more. Default: all that the board has.
    counts : sequence of Channel
        Units and scales of the board's own sensor, for its description; an emulated sensor that plays
        a recording has those of the recording.
    rate_hz : float
        The sensor's nominal rate.

    Raises
    ------
    BuildError
        For an unknown board or sensor, or a model that does not fit.
    ToolError
        If no compiler is installed, or it fails.
    """
    spec = spec_of(board)
    if sensor not in spec.sensors:
        raise BuildError(f"no sensor {sensor!r} on the {spec.title}; there is {', '.join(spec.sensors)}")
    ram = spec.memory.ram_size if ram_budget is None else ram_budget
    version = f"odl {odl.__version__} {board} {sensor}"
    core = sorted(CORE.glob("*.c"))
    sources = [*core, *(path for path in board_sources(sensor, board) if path not in core), SHARED / "main.c"]
    defines = [f'ODL_BOARD_VERSION="{version}"', f"ODL_SENSOR_RATE_MHZ={round(1000 * rate_hz)}u"]
    own = sensor != "link"
    described = description(board, sensor, counts[: len(image.channels)] if own else None, rate_hz, image)
    try:
        return link(
            sources, image, compiler=compiler, defines=defines, ram_budget=ram,
            stack=stack_of(image), described=described, board=board,
        )  # fmt: skip
    except toolchain.ToolError as error:
        said = next((said for said in _UNFIT if said in str(error)), None)
        if said is None:
            raise
        less = "fewer stored vectors ('odl train --stored') or fewer channels of layers need less"
        smallest = replace(image, max_rows=len(image.row_class))
        if "RAM" in said and smallest.max_rows < image.max_rows:
            with contextlib.suppress(BuildError):
                firmware = build(smallest, board, compiler, sensor, ram, counts, rate_hz)
                rows = most_rows(smallest, ram - firmware.ram_bytes)
                less = f"it fits with {rows} rows ('--rows {rows}') in place of {image.max_rows}"
        why = _UNFIT[said].format(ram=ram, log=image.max_log, channels=len(image.channels),
                                  labels=most_labels(image, spec.log_bank), less=less)  # fmt: skip
        raise BuildError(f"no firmware can be built for this model: {why}") from None


def fits(image: Image, firmware: Firmware) -> str:
    """A sentence on how many rows and labels the board has room for, with a built ``firmware``."""
    spec = firmware.spec
    rows = most_rows(image, firmware.room["ram_bytes"] - firmware.ram_bytes)
    return (
        f"room for {image.max_rows} rows, {image.max_log} labels and {image.max_pending} pending questions; "
        f"the board has room for {rows} rows, or {most_labels(image, spec.log_bank)} labels"
    )


def description(
    board: str, sensor: str, counts: Sequence[Channel] | None, rate_hz: float, image: Image | None = None
) -> str:
    """The board's description as JSON; without ``counts`` samples come from the host.

    ``image`` is the model that the firmware is built for: the description says how large the state block
    is, and the number of labels and stored vectors that a refit has room for.

    Examples
    --------
    >>> description("nucleo_f401re", "link", None, 52.0)
    '{"channels":null,"name":"nucleo_f401re","rate_hz":null,"sensor":"link"}'
    """
    text: dict[str, object] = {
        "name": board,
        "sensor": sensor,
        "rate_hz": None if counts is None else rate_hz,
        "channels": None if counts is None else [[c.name, c.unit, c.scale] for c in counts],
    }
    if image is not None:
        text |= headers.room_of(image)
    return json.dumps(text, sort_keys=True, separators=(",", ":"))


def board_sources(sensor: str = "link", board: str = DEFAULT_BOARD) -> list[Path]:
    """The C files of ``board``, its own and those that all share, without a main program."""
    left_out = {SHARED / "main.c", *SHARED.glob("sensor_*.c")} - {SHARED / f"sensor_{sensor}.c"}
    return [
        BARE / "memory.c",
        *(path for path in sorted(SHARED.glob("*.c")) if path not in left_out),
        *sorted(BOARDS[board].glob("*.c")),
        CORE / "crc32.c",
        CORE / "image.c",
        CORE / "quotient.c",
    ]


def link(
    sources: Iterable[Path],
    image: Image,
    *,
    compiler: str | None = None,
    defines: Sequence[str] = (),
    ram_budget: int | None = None,
    stack: int = STACK,
    described: str = "{}",
    board: str = DEFAULT_BOARD,
) -> Firmware:
    """Any main program with the core's headers, the model image and the memory map of ``board``."""
    spec, folder = spec_of(board), BOARDS[board]
    chosen = toolchain.compiler(compiler, spec.target)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        headers.write(work, headers.sizes_of(image))
        (work / "board_places.h").write_text(spec.header(), encoding="ascii")
        (work / "odl_image.c").write_text(_image_source(image.to_bytes(), described), encoding="ascii")
        script = work / "link.ld"
        most = spec.memory.ram_size if ram_budget is None else ram_budget
        limits = f"_ram_budget = {most};\n_stack_size = {stack};\n"
        script.write_text(limits + (folder / "link.ld").read_text(encoding="ascii"), encoding="ascii")
        output = work / "firmware.elf"
        chosen.link(
            [*sources, work / "odl_image.c"],
            output,
            script,
            "board_reset",
            [work, CORE, SHARED, folder, BARE],
            defines,
        )
        data = output.read_bytes()
    program = elf_file.read(data, spec.memory)
    return Firmware(data, program.flash, memory_map(program), program, chosen.description, board)


def _image_source(data: bytes, described: str) -> str:
    rows = (data[i : i + 24] for i in range(0, len(data), 24))
    body = ",\n".join(",".join(map(str, row)) for row in rows)
    checksum = int.from_bytes(data[4:8], "little")
    text = json.dumps(described).replace("?", "\\?")  # two of them would begin a trigraph
    return (
        "#include <stdint.h>\nextern const uint8_t odl_image[];\nextern const uint32_t odl_image_checksum;\n"
        f"const uint32_t odl_image_checksum = {checksum}u;\n"
        "extern const char odl_description[];\n"
        f"const char odl_description[] = {text};\n"
        '__attribute__((section(".model"), aligned(8))) const uint8_t odl_image[] = {\n' + body + "};\n"
    )


def memory_map(program: elf_file.Program) -> str:
    """Sections and symbols by address, in one form for all compilers."""
    lines = ["sections"]
    for name, (address, size) in sorted(program.sections.items(), key=lambda item: item[1]):
        lines.append(f"  {address:08x} {size:7d}  {name}")
    lines.append("symbols")
    for name, symbol in sorted(program.symbols.items(), key=lambda item: (item[1].address, item[0])):
        lines.append(f"  {symbol.address:08x} {symbol.size:7d}  {name}")
    return "\n".join(lines) + "\n"
