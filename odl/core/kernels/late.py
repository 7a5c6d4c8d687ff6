# mypy: disable-error-code="untyped-decorator, no-untyped-call"
"""Kernels that others seldom call: each is compiled by itself, when it is called for the first time.

What many sessions never need would otherwise be compiled before their first prediction. In compiled code a
call reads the kernel's address from `odl.core.kernels.block.ADDRESSES`, and where that is still 0 has it
filled in first, as a linker does with functions of a library. Places below 32 are those of rules, by number.
"""

from __future__ import annotations

import ctypes
from typing import Any

from llvmlite import ir
from numba.core import cgutils

from odl.core.kernels.block import ADDRESSES, LATE
from odl.core.kernels.flat import MachineCode, machine_code
from odl.core.kernels.kernel import RETURNED, Kernel

WORD = ir.IntType(64)
_kernels: dict[int, Kernel] = {}


class LateKernel(MachineCode):
    """A kernel that is compiled when it is needed; ``place`` is where its address stands."""

    def __init__(self, kernel: Kernel, place: int) -> None:
        assert _kernels.setdefault(place, kernel) is kernel, f"two late kernels have place {place}"
        self.kernel, self.place = kernel, int(place)
        self.__doc__ = kernel.py_func.__doc__
        returns = RETURNED[kernel.py_func.__annotations__["return"]]
        # What depends on this kernel depends on how it is called, and not on what it does.
        self.__wrapped__ = ("late", place, str(returns), [str(of) for of in kernel.types])
        machine_code(returns, *kernel.types, function=self)(self._call)

    def __call__(self, *args: Any) -> Any:
        return self.kernel(*args)

    def load(self) -> None:
        """Compile the kernel or load it from the cache, unless that was done."""
        _load(self.place)

    def _call(self, context: Any, b: Any, signature: Any, args: Any) -> Any:
        words = b.bitcast(args[0], WORD.as_pointer())
        table = b.inttoptr(b.load(b.gep(words, [WORD(LATE)])), WORD.as_pointer())
        place = b.gep(table, [WORD(self.place)])
        with cgutils.if_unlikely(b, b.icmp_unsigned("==", b.load(place), WORD(0))):
            load = ir.FunctionType(ir.VoidType(), [WORD]).as_pointer()
            b.call(b.inttoptr(b.load(table), load), [WORD(self.place)])
        address = b.load(place)
        with cgutils.if_unlikely(b, b.icmp_unsigned("==", address, WORD(0))):
            context.call_conv.return_user_exc(b, RuntimeError, ("a kernel could not be compiled",))
        kind = context.call_conv.get_function_type(signature.return_type, signature.args)
        function = b.inttoptr(address, kind.as_pointer())
        status, result = context.call_conv.call_function(
            b, function, signature.return_type, signature.args, args
        )
        with cgutils.if_unlikely(b, status.is_error):
            context.call_conv.return_status_propagate(b, status)
        return result


def _load(place: int) -> None:
    if ADDRESSES[place] == 0:
        ADDRESSES[place] = _kernels[place].entry.address()


_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_int64)(_load)
ADDRESSES[0] = ctypes.cast(_CALLBACK, ctypes.c_void_p).value or 0
