"""Names that the tests of this folder share."""

from __future__ import annotations

from typing import Protocol

import pytest

from firmware_sim import build, toolchain
from firmware_sim.emulator import Emulator
from firmware_sim.sensor import Sensor

TOOLS = {tool.name: tool for tool in toolchain.find()}


def need(name: str) -> None:
    """Skip, with the reason, where the tool ``name`` is missing (CI takes no skips)."""
    if not TOOLS[name].there:
        pytest.skip(f"{name} is not installed: {TOOLS[name].advice}")


# For tests that need what only this board has: QEMU's emulation, a SysTick, a bus for a sensor.
ONLY_NUCLEO = pytest.mark.parametrize("board_name", ["nucleo_f401re"], indirect=True, scope="session")


def emulated(firmware: build.Firmware, sensor: Sensor | None = None, paced: bool = False) -> Emulator:
    """The firmware on its emulated board."""
    return Emulator(firmware.elf, sensor, paced, firmware.board)


class Make(Protocol):
    """Links main programs of this folder, such as ``"echo.c"``, for the board."""

    def __call__(self, name: str, compiler: str = "zig", sensor: str = "link") -> build.Firmware: ...


class MakeFirmware(Protocol):
    """Builds the real one."""

    def __call__(self, compiler: str = "zig", sensor: str = "link") -> build.Firmware: ...
