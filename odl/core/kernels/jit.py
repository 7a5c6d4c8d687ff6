"""Compile a kernel, once per machine and per version of what is compiled into it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.kernel_cache import KernelCache

Int: TypeAlias = "int | np.integer[Any]"  # compiled code takes either
Function = TypeVar("Function", bound=Callable[..., Any])


def jit(function: Function) -> Function:
    """A kernel, compiled when it is called; ``NUMBA_DISABLE_JIT`` leaves it a Python function."""
    return _kernel(function, False)


def jit_vectorised(function: Function) -> Function:
    """A kernel whose loops LLVM is to vectorise, which takes longer to compile."""
    return _kernel(function, True)


def late(place: int) -> Callable[[Function], Function]:
    """A kernel, with the session's block first, that is compiled when another one first calls it.

    ``place`` is a number of its own, see `odl.core.kernels.late`.
    """

    def made(function: Function) -> Function:
        kernel = jit(function)
        if numba.config.DISABLE_JIT:
            return kernel
        from odl.core.kernels.late import LateKernel

        return cast(Function, LateKernel(kernel, place))  # type: ignore[arg-type]

    return made


def _kernel(function: Function, vectorised: bool) -> Function:
    if numba.config.DISABLE_JIT:
        function.code = function  # type: ignore[attr-defined]
        return function
    from odl.core.kernels.kernel import Kernel

    kernel = Kernel(function, vectorised)
    kernel.entry._cache = KernelCache(kernel.entry)
    return cast(Function, kernel)


def passed(array: NDArray[Any]) -> Any:
    """An array without gaps as a kernel's ``code`` takes it: its elements one behind the other."""
    if numba.config.DISABLE_JIT:
        return array.reshape(-1)
    from odl.core.kernels.flat import Passed

    return Passed(array)
