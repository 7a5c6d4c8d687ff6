"""What the build, the emulator and the figures know of a board.

Each board has a module of its name in this package, with its `BoardSpec` as ``SPEC``, beside its folder in
``boards/``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import accumulate
from typing import Any, Final, Protocol

from numpy.typing import NDArray

from firmware_sim import BOARDS
from firmware_sim.elf import MemoryMap
from firmware_sim.energy import PowerSheet
from firmware_sim.flash import Flash
from firmware_sim.peripherals import Core, Now, Peripheral, ResetTimer, UartLine
from firmware_sim.sensor import Sensor
from firmware_sim.toolchain import BuildError

FIRMWARE, MARKS, LOGS, SLOTS, FREE = (
    "firmware", "which image is in use", ("label log, bank 0", "label log, bank 1"),
    ("model image", "model image, slot 1"), "free",
)  # fmt: skip
_MACROS: Final = {  # what C calls the places
    MARKS: "BOARD_MARKS", LOGS[0]: "BOARD_LOG_0", LOGS[1]: "BOARD_LOG_1",
    SLOTS[0]: "BOARD_SLOT_0", SLOTS[1]: "BOARD_SLOT_1",
}  # fmt: skip


class Chip(Protocol):
    """The peripherals of an emulated board, as far as its firmware uses them."""

    @property
    def devices(self) -> dict[int, Peripheral]:
        """By the address of their first register."""
        ...

    @property
    def spans(self) -> Sequence[tuple[int, int, int]]:
        """Address, size and bits of a device's offsets, for each range of addresses with devices."""
        ...

    @property
    def core(self) -> Core:
        """The processor's own devices."""
        ...

    @property
    def flash(self) -> Flash:
        """The flash controller."""
        ...

    @property
    def serial(self) -> UartLine:
        """The line to the host."""
        ...

    @property
    def watchdog(self) -> ResetTimer:
        """The watchdog."""
        ...

    @property
    def tick(self) -> Peripheral:
        """What interrupts the firmware again and again; a sleeping board does not wait for it."""
        ...

    @property
    def timed(self) -> Sequence[Peripheral]:
        """Devices with events or interrupts, the most urgent interrupt first."""
        ...

    @property
    def led(self) -> bool:
        """True if the light is on that tells of a question."""
        ...

    def hold_button(self, down: bool) -> None:
        """Press or release the button."""
        ...

    def was_reset(self, cause: str) -> None:
        """Keep the cause of a reset, as the firmware reads it."""
        ...

    def power_on(self) -> None:
        """Turn power on."""
        ...


class MakeChip(Protocol):
    """Makes the chip of an emulated board, around the contents of its flash."""

    def __call__(self, board: Now, memory: NDArray[Any], sensor: Sensor | None, paced: bool) -> Chip:
        """The chip; ``sensor`` is on its bus, and its line is ``paced`` as a real one."""
        ...


@dataclass(frozen=True, slots=True)
class BoardSpec:
    """A board.

    Attributes
    ----------
    title : its name for people.
    target : a key of `firmware_sim.toolchain.TARGETS`.
    memory : where flash and RAM lie.
    units : bytes of each sector or page of the flash, in order.
    uses : what the units are for, in order: use, and number of units.
    log_bank : bytes of a bank of the label log that are used.
    slowest_erase : the data sheet's longest time of an erase, as a multiple of what the emulator takes.
    power : currents, and the clock.
    sensors : where samples can come from: ``"link"``, and sensors that the board has a bus for.
    chip : makes its peripherals for the emulator.
    """

    title: str
    target: str
    memory: MemoryMap
    units: Sequence[int]
    uses: Sequence[tuple[str, int]]
    log_bank: int
    slowest_erase: int
    power: PowerSheet
    sensors: Sequence[str]
    chip: MakeChip

    @property
    def mhz(self) -> int:
        """Cycles of a microsecond."""
        return round(self.power.clock_hz / 1e6)

    @property
    def places(self) -> Mapping[str, tuple[int, int]]:
        """Address and size of the flash's places, by use."""
        starts = [0, *accumulate(self.units)]
        numbers = [0, *accumulate(n for _, n in self.uses)]
        return {
            use: (self.memory.flash_base + starts[first], starts[end] - starts[first])
            for (use, _), first, end in zip(self.uses, numbers, numbers[1:], strict=False)
        }

    def header(self) -> str:
        """The C header with the flash's places."""
        places = self.places
        lines = [f"#define {macro} {places[use][0]:#010x}u" for use, macro in _MACROS.items()]
        lines += [
            f"#define BOARD_MARKS_SIZE {places[MARKS][1]:#x}u",
            f"#define BOARD_FLASH_BANK {self.log_bank:#x}u /* bytes of a bank that are used */",
            f"#define BOARD_IMAGE_ROOM {places[SLOTS[0]][1]:#x}u /* bytes of a slot */",
        ]
        return "/* Places in flash, from the board's specification. */\n" + "\n".join(lines) + "\n"


def spec_of(board: str) -> BoardSpec:
    """The specification of ``board``, a key of ``BOARDS``.

    Raises
    ------
    BuildError
        For an unknown board.

    >>> spec_of("nucleo_f401re").mhz
    84
    """
    if board not in BOARDS:
        raise BuildError(f"no board {board!r}; there are {', '.join(BOARDS)}")
    spec: BoardSpec = import_module(f"firmware_sim.{board}").SPEC
    return spec
