"""Firmware that the tests of this folder share, each built once."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

from firmware_sim import BOARDS, build
from odl.core.image import Image
from odl.data import model_bytes
from tests.helpers.firmware import Make, MakeFirmware, need

HERE = Path(__file__).parent
os.environ["ODL_STRICT"] = "1"  # no compiler has anything to say


@pytest.fixture(scope="session")
def image() -> Image:
    """The shipped model."""
    return Image.from_bytes(model_bytes("shoulder"))


@pytest.fixture(scope="session", params=["zig", "gcc"])
def compiler(request: pytest.FixtureRequest) -> str:
    """Each compiler in turn."""
    need({"zig": "ziglang", "gcc": "arm-none-eabi-gcc"}[request.param])
    return str(request.param)


@pytest.fixture(scope="session", params=BOARDS)
def board_name(request: pytest.FixtureRequest) -> str:
    """Each board in turn."""
    return str(request.param)


@pytest.fixture(scope="session")
def program(image: Image, board_name: str) -> Make:
    """``program(files, compiler, sensor)``: a main program of this folder, linked for the board."""

    @cache
    def make(name: str, compiler: str = "zig", sensor: str = "link") -> build.Firmware:
        sources = [*build.board_sources(sensor, board_name), *(HERE / file for file in name.split())]
        return build.link(sources, image, compiler=compiler, board=board_name)

    return make


@pytest.fixture(scope="session")
def firmware(image: Image, board_name: str) -> MakeFirmware:
    """``firmware(compiler, sensor)``: the real one."""

    @cache
    def make(compiler: str = "zig", sensor: str = "link") -> build.Firmware:
        return build.build(image, board_name, compiler, sensor)

    return make
