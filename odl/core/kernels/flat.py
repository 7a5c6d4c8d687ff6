# mypy: disable-error-code="untyped-decorator, attr-defined, misc"
"""`Block` and flat arrays as types that Numba compiles to plain addresses.

Numba's own arrays carry a shape, strides and an owner, and each access takes care of negative
indices. Over all kernels that was most of the time that compiling took. In compiled code a
`Block` is one address; ``s.q`` is that address read as int64, and ``s.b[a:b]`` an address and a
length. An index is never checked, and nothing is owned: whoever calls a kernel keeps the memory.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.imputils import lower_constant
from numba.core.typing.templates import (
    AbstractTemplate,
    AttributeTemplate,
    Registry,
    Signature,
    infer_global,
    signature,
)
from numba.extending import (
    NativeValue,
    infer_getattr,
    lower_builtin,
    lower_getattr,
    models,
    register_model,
    typeof_impl,
    unbox,
)
from numpy.typing import NDArray

from odl.core.kernels.block import Block


class Flat(types.Type):
    """Consecutive elements of one type: an address and a length."""

    def __init__(self, dtype: types.Type) -> None:
        self.dtype = dtype
        super().__init__(name=f"Flat({dtype})")


class BlockType(types.Type):
    """A session's memory: its address."""


BLOCK = BlockType("Block")
FLAT = {name: Flat(getattr(types, name)) for name in ("uint8", "int16", "uint16", "int32", "int64")}
VIEWS = {"q": "int64", "d": "int32", "h": "int16", "u": "uint16", "b": "uint8"}


@register_model(BlockType)
class _BlockModel(models.PrimitiveModel):
    def __init__(self, manager: Any, of: types.Type) -> None:
        super().__init__(manager, of, ir.IntType(8).as_pointer())


@register_model(Flat)
class _FlatModel(models.StructModel):
    def __init__(self, manager: Any, of: Flat) -> None:
        super().__init__(manager, of, [("data", types.CPointer(of.dtype)), ("n", types.intp)])


# --- what compiled code can do with them ---------------------------------------------------


@infer_getattr
class _BlockAttributes(AttributeTemplate):
    key = BlockType

    def generic_resolve(self, of: BlockType, name: str) -> Flat | None:
        return FLAT[VIEWS[name]] if name in VIEWS else None


def _view(name: str) -> None:
    @lower_getattr(BlockType, name)
    def view(context: Any, builder: Any, of: BlockType, block: Any) -> Any:
        flat = cgutils.create_struct_proxy(FLAT[VIEWS[name]])(context, builder)
        flat.data = builder.bitcast(block, flat.data.type)
        flat.n = ir.Constant(flat.n.type, 0)
        return flat._getvalue()


for _name in VIEWS:
    _view(_name)


@infer_global(operator.getitem)
class _GetItem(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Signature | None:
        of, index = args
        if isinstance(of, Flat) and isinstance(index, types.Integer):
            return signature(of.dtype, of, types.intp)
        if isinstance(of, Flat) and isinstance(index, types.SliceType):
            return signature(of, of, index)
        return None


@infer_global(operator.setitem)
class _SetItem(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Signature | None:
        of, index, value = args
        if isinstance(of, Flat) and isinstance(index, types.Integer):
            return signature(types.none, of, types.intp, of.dtype)
        return None


@infer_global(len)
class _Len(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Signature | None:
        (of,) = args
        return signature(types.intp, of) if isinstance(of, Flat) else None


@lower_builtin(operator.getitem, Flat, types.intp)
def _get(context: Any, builder: Any, sig: Signature, args: Any) -> Any:
    flat, index = args
    return builder.load(builder.gep(builder.extract_value(flat, 0), [index]))


@lower_builtin(operator.setitem, Flat, types.intp, types.Any)
def _set(context: Any, builder: Any, sig: Signature, args: Any) -> Any:
    flat, index, value = args
    builder.store(value, builder.gep(builder.extract_value(flat, 0), [index]))
    return context.get_dummy_value()


@lower_builtin(operator.getitem, Flat, types.SliceType)
def _slice(context: Any, builder: Any, sig: Signature, args: Any) -> Any:
    flat, index = args
    bounds = context.make_helper(builder, sig.args[1], value=index)
    part = cgutils.create_struct_proxy(sig.return_type)(context, builder)
    part.data = builder.gep(builder.extract_value(flat, 0), [bounds.start])
    part.n = builder.sub(bounds.stop, bounds.start)
    return part._getvalue()


@lower_builtin(len, Flat)
def _length(context: Any, builder: Any, sig: Signature, args: Any) -> Any:
    return builder.extract_value(args[0], 1)


# --- the larger and the smaller of two numbers -------------------------------------------------
#
# Numba's own take any number of arguments, each combination compiled apart.


NUMBERS = Registry()


def _larger_or_smaller(function: Any, sign: str) -> None:
    @NUMBERS.register_global(function)
    class _Two(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Signature | None:
            if len(args) != 2 or not all(isinstance(of, types.Integer) for of in args):
                return None
            of = self.context.unify_types(*args)
            return signature(of, of, of)

    @lower_builtin(function, types.Integer, types.Integer)
    def two(context: Any, builder: Any, sig: Signature, args: Any) -> Any:
        compare = builder.icmp_signed if sig.return_type.signed else builder.icmp_unsigned
        return builder.select(compare(sign, *args), *args)


_larger_or_smaller(max, ">")
_larger_or_smaller(min, "<")


class MachineCode:
    """A function for kernels to call, whose code another function writes with LLVM's builder."""

    def __init__(self, code: Any) -> None:
        self.__wrapped__, self.__doc__ = code, code.__doc__

    def __call__(self, *args: Any) -> Any:
        raise NotImplementedError(f"compiled code alone can call {self.__wrapped__.__qualname__}")


def machine_code(
    returns: types.Type, *arguments: types.Type, function: MachineCode | None = None
) -> Callable[[Any], Any]:  # fmt: skip
    """Make a `MachineCode` of a function with Numba's four arguments: context, builder, signature, args.

    It becomes the code of ``function`` if that is given.

    Numba's ``intrinsic`` would do the same, but imports all that Numba knows of arrays.
    """

    def register(code: Any) -> MachineCode:
        made = MachineCode(code) if function is None else function

        class _Call(AbstractTemplate):
            key = made

            def generic(self, args: Any, kws: Any) -> Signature:
                return signature(returns, *arguments)

        NUMBERS.register_global(made, types.Function(_Call))
        lower_builtin(made, *arguments)(code)
        return made

    return register


class Table:
    """Numbers that are compiled into a kernel."""

    def __init__(self, values: NDArray[Any]) -> None:
        self.values = values

    def __getitem__(self, index: Any) -> Any:
        return self.values[index]

    def __repr__(self) -> str:
        return f"Table({self.values.tolist()})"


@typeof_impl.register(Table)
def _typeof_table(value: Table, c: Any) -> Flat:
    return FLAT["int32"]


@lower_constant(Flat)
def _constant(context: Any, builder: Any, of: Flat, value: Table) -> Any:
    numbers = ir.Constant(ir.ArrayType(ir.IntType(32), len(value.values)), value.values.tolist())
    name = builder.module.get_unique_name("table")
    place = cgutils.global_constant(builder, name, numbers)
    flat = cgutils.create_struct_proxy(of)(context, builder)
    flat.data = builder.bitcast(place, flat.data.type)
    flat.n = ir.Constant(flat.n.type, len(value.values))
    return flat._getvalue()


# --- how Python passes them ----------------------------------------------------------------


class Passed:
    """An array on its way into compiled code; whoever calls often with one array makes this once.

    ``n`` may be lowered: compiled code then sees that many elements.
    """

    __slots__ = ("address", "array", "n")

    def __init__(self, array: NDArray[Any]) -> None:
        assert array.flags.c_contiguous
        self.array, self.address, self.n = array, array.__array_interface__["data"][0], array.size


@typeof_impl.register(Passed)
def _typeof_passed(value: Passed, c: Any) -> Flat:
    return FLAT[value.array.dtype.name]


@typeof_impl.register(Block)
def _typeof_block(value: Block, c: Any) -> BlockType:
    return BLOCK


def _integer(c: Any, of: Any, name: str) -> Any:
    value = c.pyapi.object_getattr_string(of, name)
    number = c.pyapi.number_as_ssize_t(value)
    c.pyapi.decref(value)
    return number


@unbox(BlockType)
def _unbox_block(of: BlockType, value: Any, c: Any) -> NativeValue:
    address = _integer(c, value, "address")
    return NativeValue(c.builder.inttoptr(address, ir.IntType(8).as_pointer()))


@unbox(Flat)
def _unbox_flat(of: Flat, value: Any, c: Any) -> NativeValue:
    flat = cgutils.create_struct_proxy(of)(c.context, c.builder)
    flat.data = c.builder.inttoptr(_integer(c, value, "address"), flat.data.type)
    flat.n = _integer(c, value, "n")
    return NativeValue(flat._getvalue())
