"""Ports that the tests of this folder share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.fake_board import BoardHarness, FakeBoard, Port, PtyPort, SocketPort, virtual_bench
from tests.helpers.virtual_port import VirtualPort, open_line


@pytest.fixture(autouse=True)
def virtual_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ports in virtual time can be opened by their names."""
    monkeypatch.setattr("odl.device.discovery.SerialPort", open_line)


def real_port(kind: str, folder: Path) -> Port:
    """A pseudo-terminal or a socket."""
    if kind == "pty" and sys.platform == "win32":
        pytest.skip("Windows has no pseudo-terminals")
    return PtyPort(str(folder / "ttyACM0")) if kind == "pty" else SocketPort()


@pytest.fixture
def port() -> Iterator[VirtualPort]:
    """A port in virtual time."""
    made = VirtualPort()
    yield made
    made.close()


@pytest.fixture(params=["pty", "socket"])
def device(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Port]:
    """A pseudo-terminal, then a socket."""
    made = real_port(request.param, tmp_path)
    yield made
    made.close()


@pytest.fixture
def bench() -> Iterator[BoardHarness]:
    """A fake board with a sensor, in virtual time."""
    made = virtual_bench()
    yield made
    made.close()


@pytest.fixture(params=["virtual", "pty", "socket"])
def any_bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BoardHarness]:
    """A fake board with a sensor: in virtual time, then on real ports."""
    real = request.param != "virtual"
    made = BoardHarness(real_port(request.param, tmp_path), FakeBoard()) if real else virtual_bench()
    yield made
    made.close()
