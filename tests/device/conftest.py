"""Ports that the tests of this folder share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.fake_board import BoardHarness, FakeBoard, Port, PtyPort, SocketPort, virtual_bench
from tests.helpers.fake_peripheral import BLEAK, PeripheralPort
from tests.helpers.virtual_port import VirtualPort, open_line


@pytest.fixture(autouse=True)
def virtual_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ports in virtual time can be opened by their names."""
    monkeypatch.setattr("odl.device.discovery.SerialPort", open_line)


@pytest.fixture
def fake_bleak(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bluetooth reaches the peripherals of the tests, and no others."""
    monkeypatch.setitem(sys.modules, "bleak", BLEAK)


def real_port(kind: str, folder: Path) -> Port:
    """A pseudo-terminal, a socket or a Bluetooth peripheral."""
    if kind == "ble":
        return PeripheralPort()
    if kind == "pty" and sys.platform == "win32":
        pytest.skip("Windows has no pseudo-terminals")
    return PtyPort(str(folder / "ttyACM0")) if kind == "pty" else SocketPort()


@pytest.fixture
def port() -> Iterator[VirtualPort]:
    """A port in virtual time."""
    made = VirtualPort()
    yield made
    made.close()


@pytest.fixture(params=["pty", "socket", "ble"])
def device(request: pytest.FixtureRequest, tmp_path: Path, fake_bleak: None) -> Iterator[Port]:
    """A pseudo-terminal, a socket, a Bluetooth peripheral."""
    made = real_port(request.param, tmp_path)
    yield made
    made.close()


@pytest.fixture
def bench() -> Iterator[BoardHarness]:
    """A fake board with a sensor, in virtual time."""
    made = virtual_bench()
    yield made
    made.close()


@pytest.fixture(params=["virtual", "pty", "socket", "ble"])
def any_bench(request: pytest.FixtureRequest, tmp_path: Path, fake_bleak: None) -> Iterator[BoardHarness]:
    """A fake board with a sensor: in virtual time, then on real ports."""
    real = request.param != "virtual"
    made = BoardHarness(real_port(request.param, tmp_path), FakeBoard()) if real else virtual_bench()
    yield made
    made.close()
