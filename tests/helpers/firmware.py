"""Names that the tests of this folder share."""

from __future__ import annotations

from typing import Protocol

import pytest

from firmware_sim import build, toolchain

TOOLS = {tool.name: tool for tool in toolchain.find()}


def need(name: str) -> None:
    """Skip, with the reason, where the tool ``name`` is missing (CI takes no skips)."""
    if not TOOLS[name].there:
        pytest.skip(f"{name} is not installed: {TOOLS[name].advice}")


class Make(Protocol):
    """Links a main program of this folder for the board."""

    def __call__(self, name: str, compiler: str = "zig", sensor: str = "link") -> build.Firmware: ...


class MakeFirmware(Protocol):
    """Builds the real one."""

    def __call__(self, compiler: str = "zig", sensor: str = "link") -> build.Firmware: ...
