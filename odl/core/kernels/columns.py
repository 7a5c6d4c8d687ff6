# mypy: disable-error-code="untyped-decorator, no-untyped-call"
"""Sums, maxima and means of columns of bytes, in vectors that LLVM cuts to the processor's."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types

from odl.core.kernels.flat import FLAT, machine_code
from odl.core.kernels.tile import I8, I16, I32, I64, Loop, load, same, store, vector

COLUMNS = 64
MOST_BYTES = 257  # so many bytes add up to less than 2**16
MEANS = 32


def smaller(b: Any, one: Any, other: Any) -> Any:
    """The smaller of two unsigned numbers or addresses."""
    return b.select(b.icmp_unsigned("<", one, other), one, other)


@machine_code(types.none, FLAT["uint8"], *[types.int64] * 3, FLAT["int32"], FLAT["uint8"], types.int64)
def add_columns(context: Any, b: Any, signature: Any, args: Any) -> Any:
    """Sum and maximum of 64 bytes each in ``n`` rows, at least one.

    Its arguments: ``(rows, first, width, n, sums, tops, place)``. Row ``r`` begins at byte
    ``first + r * width`` of ``rows``; the results go to ``sums`` and ``tops`` from element ``place`` on.
    All 64 bytes of a row are read, whatever ``width`` is. Sums have 16 bits for as many rows as fit.
    """
    rows, first, width, n, sums, tops, place = args
    start = b.gep(b.extract_value(rows, 0), [first])
    end = b.gep(start, [b.mul(n, width)])
    outer = Loop(b, "some", start, same(I32, COLUMNS, 0), same(I8, COLUMNS, 0))
    row, total, top = outer.values
    stop = smaller(b, end, b.gep(row, [b.mul(width, I64(MOST_BYTES))]))
    loop = Loop(b, "rows", row, same(I16, COLUMNS, 0), top)
    row, some, top = loop.values
    value = load(b, row, 0, vector(I8, COLUMNS))
    some = b.add(some, b.zext(value, some.type))
    top = b.select(b.icmp_unsigned(">", value, top), value, top)
    row = b.gep(row, [width])
    loop.repeat_while(b.icmp_unsigned("<", row, stop), row, some, top)
    total = b.add(total, b.zext(some, total.type))
    outer.repeat_while(b.icmp_unsigned("<", row, end), row, total, top)
    store(b, total, b.gep(b.extract_value(sums, 0), [place]))
    store(b, top, b.gep(b.extract_value(tops, 0), [place]))
    return context.get_dummy_value()


def _means_of(size: str) -> Any:
    @machine_code(types.none, FLAT[size], *[types.int64] * 3, FLAT["uint8"], types.int64)
    def means(context: Any, b: Any, signature: Any, args: Any) -> Any:
        """``out[to + k] = (sums[first + k] + n // 2) // n`` for k below ``size``, 32 or more.

        Its arguments: ``(sums, first, size, n, out, to)``, with n in [1, 256] and sums of n bytes.
        ``f = 2**24 // n + 1`` exceeds ``2**24 / n`` by at most 1. A dividend is at most ``255.5 * n``, so
        its product with ``f`` is below 2**32 and exceeds ``2**24`` times the quotient by at most
        ``255.5 * n``, less than the ``2**24 / n`` that are between it and the next whole number.
        """
        sums, first, size, n, out, to = args
        source = b.gep(b.extract_value(sums, 0), [first])
        target = b.gep(b.extract_value(out, 0), [to])
        wide = vector(I32, MEANS)

        def everywhere(value: Any) -> Any:
            one = b.insert_element(ir.Constant(wide, ir.Undefined), value, I32(0))
            order = ir.Constant(vector(I32, MEANS), [0] * MEANS)
            return b.shuffle_vector(one, ir.Constant(wide, ir.Undefined), order)

        n = b.trunc(n, I32)
        factor = everywhere(b.add(b.udiv(I32(2**24), n), I32(1)))
        half = everywhere(b.lshr(n, I32(1)))
        last = b.sub(size, I64(MEANS))  # the last ones are divided again, rather than any beyond
        loop = Loop(b, "means", I64(0))
        (at,) = loop.values
        at = smaller(b, at, last)
        kind = source.type.pointee
        dividend = load(b, b.bitcast(b.gep(source, [at]), I8.as_pointer()), 0, vector(kind, MEANS))
        dividend = dividend if kind == I32 else b.zext(dividend, wide)
        quotient = b.lshr(b.mul(b.add(dividend, half), factor), same(I32, MEANS, 24))
        store(b, b.trunc(quotient, vector(I8, MEANS)), b.gep(target, [at]))
        loop.repeat_while(b.icmp_signed("<", at, last), b.add(at, I64(MEANS)))
        return context.get_dummy_value()

    return means


means_of_uint16, means_of_int32 = _means_of("uint16"), _means_of("int32")
