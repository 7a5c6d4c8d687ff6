"""Work that something takes, in lines of Python that are run: the same on every machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def lines(run: Callable[[], object]) -> int:
    """Lines that are run, a round of a loop and of a comprehension each for itself."""
    count, before = 0, sys.gettrace()

    def each(frame: FrameType, event: str, given: Any) -> Any:
        nonlocal count
        count += event == "line"
        return each

    sys.settrace(each)
    try:
        run()
    finally:
        sys.settrace(before)
    return count
