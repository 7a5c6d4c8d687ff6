"""Run a kernel as the Python function that it is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., Any])


class _Plain(threading.local):
    """Whether this thread runs kernels as Python functions."""

    on = False


PLAIN = _Plain()


SELDOM = 200  # calls that take less time than compiling would


def seldom(kernel: Function) -> Function:
    """``kernel`` as `plain` has it for its first `SELDOM` calls, and then compiled."""
    left, first = SELDOM, plain(kernel)

    def run(*args: Any) -> Any:
        nonlocal left
        left -= 1
        return first(*args) if left >= 0 else kernel(*args)

    return cast(Function, run)


def plain(kernel: Function) -> Function:
    """``kernel`` as the Python function that it is, and so the kernels that it calls.

    For what happens so rarely that it is not worth compiling. The integers are the same.
    """
    function = getattr(kernel, "py_func", None)
    if function is None:
        return kernel

    def run(*args: Any) -> Any:
        before, PLAIN.on = PLAIN.on, True
        try:
            return function(*args)
        finally:
            PLAIN.on = before

    return cast(Function, run)
