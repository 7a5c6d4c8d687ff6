"""Compiled functions that are each typed once, and turned into machine code all together.

Numba compiles a function for each combination of argument types that it meets, and makes machine
code of it before it makes machine code of each of its callers, with a copy of the function inside.
A `Kernel` has one signature, that of its annotations, and is lowered by itself; only the `EntryPoint`
that Python calls is optimised and loaded, with all its kernels in it, and kept in the cache. So
compiling takes a third of the time.

This follows Numba's guide to customizing the compiler; what it relies on beyond that is the linking
of `JITCodeLibrary`.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numba.core import types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.cpu import CPUContext, CPUTargetOptions
from numba.core.descriptors import TargetDescriptor
from numba.core.registry import CPUDispatcher
from numba.core.typed_passes import (
    IRLegalization,
    NativeLowering,
    NoPythonBackend,
    NopythonTypeInference,
    PreLowerStripPhis,
)
from numba.core.typing import Context
from numba.core.typing.templates import Registry, _OverloadAttributeTemplate, builtin_registry
from numba.core.untyped_passes import FixupArgs, IRProcessing, ReconstructSSA, TranslateByteCode

from odl.core.kernels.flat import BLOCK, FLAT, NUMBERS, Flat, Passed
from odl.core.kernels.plain import PLAIN

TYPES = {
    "Int": types.int64,
    "bool": types.boolean,
    "np.uint64": types.uint64,
    "Block": BLOCK,
    **{f"NDArray[np.{name}]": flat for name, flat in FLAT.items()},
}
RETURNED = TYPES | {"None": types.none}
# How Python passes a value of each type.
PASSED: dict[types.Type, Any] = {types.int64: int, types.uint64: np.uint64, types.boolean: bool}
OPTIONS = {"nopython": True, "no_cfunc_wrapper": True, "_nrt": False}  # nothing is counted or freed


def signature_of(function: Any) -> tuple[types.Type, ...]:
    """The Numba types of a function's arguments, by its annotations."""
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    return tuple(TYPES[function.__annotations__[name]] for name in names)


class _Typing(Context):  # type: ignore[misc]
    """What kernels know of types: integers, not arrays, lists or sets."""

    _known: Any = None

    def load_additional_registries(self) -> None:
        """The larger and the smaller of two numbers, and what is machine code."""
        self.install_registry(NUMBERS)

    def _load_builtins(self) -> None:
        """What Numba always knows, without methods of types, for which it imports all the rest."""
        if self._known is None:
            from numba.core.typing import builtins  # noqa: F401

            self._known = Registry()
            self._known.functions = builtin_registry.functions
            self._known.globals = builtin_registry.globals
            self._known.attributes = [
                of for of in builtin_registry.attributes if not issubclass(of, _OverloadAttributeTemplate)
            ]
        self.install_registry(self._known)


class _KernelContext(CPUContext):  # type: ignore[misc]
    """How kernels become machine code: of what Numba can do, that with integers."""

    def load_additional_registries(self) -> None:
        """Integers, ranges, tuples and slices; Numba's arrays alone take a quarter of a second to import."""
        from numba.cpython import builtins, enumimpl, numbers, rangeobj, slicing, tupleobj  # noqa: F401

    def post_lowering(self, module: Any, library: Any) -> None:
        """Nothing: Numba's runtime, which counts references, has nothing to count."""


class _Target(TargetDescriptor):  # type: ignore[misc]
    options = CPUTargetOptions
    typing_context = _Typing()
    target_context = _KernelContext(typing_context, "cpu")


TARGET = _Target("cpu")


class _Library(JITCodeLibrary):  # type: ignore[misc]
    """Code that is optimised once, as a whole."""

    vectorised = False

    def _optimize_functions(self, module: Any) -> None:
        module.data_layout = self._codegen._data_layout

    def _optimize_final_module(self) -> None:
        passes, builder = self._codegen._module_pass_manager(
            opt=3 if self.vectorised else 2, loop_vectorize=self.vectorised, slp_vectorize=self.vectorised
        )
        passes.run(self._final_module, builder)


class _Part(_Library):
    """The code of a kernel, to be linked into an entry; never loaded by itself."""

    def finalize(self) -> None:
        for library in dict.fromkeys(self._linking_libraries):
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        if self.vectorised:
            self._optimize_final_module()
        self._finalize_dynamic_globals()
        self._finalized = True


class _Vectorised(_Part):
    """The code of a kernel whose loops are worth vectorising."""

    vectorised = True


class _Lower(NativeLowering):  # type: ignore[misc]
    library = _Library

    def run_pass(self, state: Any) -> bool:
        state.library = self.library(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        state.flags.no_compile = self.library is not _Library
        return bool(super().run_pass(state))


@register_pass(mutates_CFG=False, analysis_only=False)
class _LowerEntry(_Lower):
    _name = "lower_entry"


@register_pass(mutates_CFG=False, analysis_only=False)
class _LowerPart(_Lower):
    _name = "lower_part"
    library = _Part


@register_pass(mutates_CFG=False, analysis_only=False)
class _LowerVectorised(_Lower):
    _name = "lower_vectorised"
    library = _Vectorised


class _Pipeline(CompilerBase):  # type: ignore[misc]
    """The passes that a kernel needs, of Numba's two dozen."""

    lowering: type[_Lower] = _LowerEntry

    def define_pipelines(self) -> list[Any]:
        passes = PassManager("kernel")
        for kind in (
            TranslateByteCode, FixupArgs, IRProcessing, ReconstructSSA, NopythonTypeInference,
            PreLowerStripPhis, IRLegalization, self.lowering, NoPythonBackend,
        ):  # fmt: skip
            passes.add_pass(kind, kind.__name__)
        passes.finalize()
        return [passes]


class _PartPipeline(_Pipeline):
    lowering = _LowerPart


class _VectorisedPipeline(_Pipeline):
    lowering = _LowerVectorised


class Kernel(CPUDispatcher):  # type: ignore[misc]
    """A kernel for other kernels to call; Python calls its entry.

    ``vectorised`` lets LLVM vectorise its loops, which takes time to compile. ``code`` is for who calls it
    often, with arrays as `Passed`: machine code, and before that is loaded the kernel itself.
    """

    targetdescr = TARGET

    def __init__(self, function: Any, vectorised: bool = False) -> None:
        pipeline = _VectorisedPipeline if vectorised else _PartPipeline
        super().__init__(
            function, targetoptions=OPTIONS | {"no_cpython_wrapper": True}, pipeline_class=pipeline
        )
        self.types = signature_of(function)
        self._entry: EntryPoint | None = None
        self.code: Any = self

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """What Numba asks for at each call in compiled code: the one signature, whatever ``args`` are."""
        template, signature, _, _ = super().get_call_template(self.types, {})
        return template, signature, args, kws

    def get_overload(self, sig: Any) -> Any:
        """What Numba finds the code by."""
        return self.overloads[self.types].entry_point

    def add_overload(self, result: Any) -> None:
        """Make the lowered code known to Numba, which knows it by any object."""
        key = object()
        self.targetctx.insert_user_function(key, result.fndesc, [result.library])
        self.overloads[tuple(result.signature.args)] = result._replace(entry_point=key)

    @property
    def entry(self) -> EntryPoint:
        """The kernel as Python calls it."""
        if self._entry is None:
            self._entry = EntryPoint(self)
        return self._entry

    def __call__(self, *args: Any) -> Any:
        return self.py_func(*args) if PLAIN.on else self.entry(*args)


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Put off looking for garbage: compiling makes objects by the million and hardly any garbage."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


class EntryPoint(CPUDispatcher):  # type: ignore[misc]
    """A kernel for Python to call, compiled with all the kernels that it calls."""

    targetdescr = TARGET

    def __init__(self, kernel: Kernel) -> None:
        function = kernel.py_func
        own = type(function)(
            function.__code__, function.__globals__, function.__name__, function.__defaults__,
            function.__closure__,
        )  # fmt: skip
        own.__qualname__, own.__module__ = f"{function.__qualname__}.entry", function.__module__
        own.__annotations__ = function.__annotations__
        super().__init__(own, targetoptions=OPTIONS, pipeline_class=_Pipeline)
        self._types = signature_of(own)
        self._flat = [(i, np.dtype(of.dtype.name)) for i, of in enumerate(self._types) if type(of) is Flat]
        self._kernel, self._code = kernel, None

    def __call__(self, *args: Any) -> Any:
        if self._flat:
            args = self._passed(args)
        return self._first_call(args) if self._code is None else self._code(*args)

    def _passed(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """``args`` with arrays as compiled code takes them, which trusts their type."""
        given = list(args)
        for i, kind in self._flat:
            value = given[i]
            if type(value) is not Passed:
                if value.dtype != kind:
                    raise TypeError(f"{self.__name__}: argument {i} is of {value.dtype}, not of {kind}")
                given[i] = Passed(value)
        return tuple(given)

    def address(self) -> int:
        """Where the machine code begins, for compiled code to call; it is compiled or loaded before."""
        with _without_collecting():
            self.compile(self._types)
        result = self.overloads[self._types]
        return int(result.library.get_pointer_to_function(result.fndesc.llvm_func_name))

    def _first_call(self, args: tuple[Any, ...]) -> Any:
        """Have Numba compile or load the code, and keep it: from now on no types are looked up."""
        pairs = zip(self._types, args, strict=True)
        with _without_collecting():
            result = super().__call__(*(PASSED[of](value) if of in PASSED else value for of, value in pairs))
        self._code = self._kernel.code = self.overloads[self._types].entry_point
        return result
