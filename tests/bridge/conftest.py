"""Boards and ports that the tests of this folder share with those of the sources."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent / "source"))

from pretend import Bench, Pretended, SocketPort


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A pretended board with a sensor, behind a socket."""
    made = Bench(SocketPort(), Pretended())
    yield made
    made.close()
