"""Boards and ports that the tests of this folder share with those of the sources."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.helpers.fake_board import Bench, Pretended, SocketPort


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
def bench() -> Iterator[Bench]:
    """A pretended board with a sensor, behind a socket."""
    made = Bench(Bereaved(), Pretended())
    yield made
    made.close()
