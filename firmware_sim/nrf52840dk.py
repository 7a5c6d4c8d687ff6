"""Nordic's nRF52840 DK (PCA10056): an nRF52840 with a debugger, buttons and lights."""

from __future__ import annotations

from firmware_sim.board_spec import FIRMWARE, FREE, LOGS, MARKS, SLOTS, BoardSpec
from firmware_sim.elf import MemoryMap
from firmware_sim.energy import PowerSheet
from firmware_sim.nrf52840 import PAGE, Nrf52840

SPEC = BoardSpec(
    title="nRF52840 DK",
    target="cortex-m4",
    memory=MemoryMap(0, 256 * PAGE, 0x20000000, 256 * 1024),
    units=[PAGE] * 256,
    uses=(
        (FIRMWARE, 16), (MARKS, 1), (LOGS[0], 12), (LOGS[1], 12), (SLOTS[0], 32), (SLOTS[1], 32), (FREE, 151),
    ),
    log_bank=12 * PAGE,
    slowest_erase=1,
    power=PowerSheet(
        64e6, 52e-12, 3.2e-6, "System ON with all RAM, whose clocks this firmware does not stop yet", 3.0,
        "Nordic nRF52840 Product Specification: typical, from flash with the DC/DC converter; "
        "the currents are not confirmed",
    ),
    sensors=("link", "lsm6dso"),
    chip=Nrf52840,
)  # fmt: skip
