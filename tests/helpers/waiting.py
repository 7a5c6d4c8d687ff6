"""Waits of tests with real threads, processes or event loops: for a condition, never for a duration."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

LIMIT = 300.0  # seconds after which a condition counts as one that never holds; it holds at once as a rule
_POLL = 0.002  # seconds between two looks at a condition


def let_others_run() -> None:
    """Give another thread or process the processor for a moment."""
    time.sleep(_POLL)  # real threads and processes make progress in real time only


def wait_until(holds: Callable[[], object], what: str = "the condition") -> None:
    """Return as soon as ``holds()``; fail after `LIMIT` seconds."""
    end = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < end, f"{what} did not hold within {LIMIT:.0f} s"
        let_others_run()


async def eventually(holds: Callable[[], object], what: str = "the condition") -> None:
    """As `wait_until`, while the other tasks of the event loop run."""
    end = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < end, f"{what} did not hold within {LIMIT:.0f} s"
        await asyncio.sleep(_POLL)  # pictures are drawn in a real thread
