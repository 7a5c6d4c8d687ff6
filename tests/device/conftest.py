"""Ports that the tests of this folder share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.helpers.fake_board import Bench, Port, Pretended, PtyPort, SocketPort

MakePort = Callable[[], Port]


@pytest.fixture(params=["pty", "socket"])
def port(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Port]:
    """A pseudo-terminal, then a socket."""
    if request.param == "pty" and sys.platform == "win32":
        pytest.skip("Windows has no pseudo-terminals")
    made: Port = PtyPort(str(tmp_path / "ttyACM0")) if request.param == "pty" else SocketPort()
    yield made
    made.close()


@pytest.fixture
def bench(port: Port) -> Iterator[Bench]:
    """A pretended board with a sensor, on either port."""
    made = Bench(port, Pretended())
    yield made
    made.close()


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Bench]:
    """A pretended board on one port, for tests that are not about ports."""
    made = Bench(SocketPort() if sys.platform == "win32" else PtyPort(str(tmp_path / "tty")), Pretended())
    yield made
    made.close()
