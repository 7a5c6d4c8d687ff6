"""ST's NUCLEO-F401RE: an STM32F401RE with an ST-LINK, a button and a light."""

from __future__ import annotations

from firmware_sim.board_spec import FIRMWARE, LOGS, MARKS, SLOTS, BoardSpec
from firmware_sim.elf import MemoryMap
from firmware_sim.energy import PowerSheet
from firmware_sim.stm32f4 import KB, SECTORS, Stm32f401

SPEC = BoardSpec(
    title="NUCLEO-F401RE",
    target="cortex-m4",
    memory=MemoryMap(0x08000000, 512 * KB, 0x20000000, 96 * KB),
    units=SECTORS,
    uses=((FIRMWARE, 3), (MARKS, 1), (LOGS[0], 1), (SLOTS[0], 1), (SLOTS[1], 1), (LOGS[1], 1)),
    log_bank=0xC000,
    slowest_erase=2,
    power=PowerSheet(
        84e6, 146e-12, 42e-6, "Stop mode, which this firmware does not enter yet", 3.3,
        "STMicroelectronics DS10086 (STM32F401xD/E), first page: typical at 25 degrees, peripherals off; "
        "the current of Stop mode is not confirmed",
    ),
    sensors=("link", "lsm6dso"),
    chip=Stm32f401,
)  # fmt: skip
