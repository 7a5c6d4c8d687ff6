"""Boards and ports that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.helpers.fake_board import BoardHarness, FakeBoard, SocketPort, virtual_bench
from tests.helpers.virtual_port import open_line


@pytest.fixture(autouse=True)
def virtual_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ports in virtual time can be opened by their names."""
    monkeypatch.setattr("odl.live.find.SerialPort", open_line)


class Bereaved(SocketPort):
    """A socket whose host may be killed."""

    def read(self, wait: float) -> bytes:
        """What the host sent; nothing of one that is gone."""
        with suppress(OSError):
            return super().read(wait)
        self._host = None
        return b""

    def write(self, data: bytes) -> None:
        """To the host, if it is there."""
        with suppress(OSError):
            super().write(data)


@pytest.fixture
def bench() -> Iterator[BoardHarness]:
    """A fake board with a sensor, in virtual time."""
    made = virtual_bench()
    yield made
    made.close()


@pytest.fixture
def served() -> Iterator[BoardHarness]:
    """A fake board with a sensor, behind a socket."""
    made = BoardHarness(Bereaved(), FakeBoard())
    yield made
    made.close()
