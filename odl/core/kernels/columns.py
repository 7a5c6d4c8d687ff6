# mypy: disable-error-code="untyped-decorator, no-untyped-call"
"""Sums and maxima of columns of bytes, 64 at a time, in vectors that LLVM cuts to the processor's."""

from __future__ import annotations

from typing import Any

from numba.core import types

from odl.core.kernels.flat import FLAT, machine_code
from odl.core.kernels.tile import I8, I32, Loop, load, same, store, vector

COLUMNS = 64


@machine_code(types.none, FLAT["uint8"], *[types.int64] * 3, FLAT["int32"], FLAT["uint8"], types.int64)
def add_columns(context: Any, b: Any, signature: Any, args: Any) -> Any:
    """Sum and maximum of 64 bytes each in ``n`` rows, at least one.

    Its arguments: ``(rows, first, width, n, sums, tops, place)``. Row ``r`` begins at byte
    ``first + r * width`` of ``rows``; the results go to ``sums`` and ``tops`` from element ``place`` on.
    All 64 bytes of a row are read, whatever ``width`` is.
    """
    rows, first, width, n, sums, tops, place = args
    start = b.gep(b.extract_value(rows, 0), [first])
    end = b.gep(start, [b.mul(n, width)])
    loop = Loop(b, "rows", start, same(I32, COLUMNS, 0), same(I8, COLUMNS, 0))
    row, total, top = loop.values
    value = load(b, row, 0, vector(I8, COLUMNS))
    total = b.add(total, b.zext(value, total.type))
    top = b.select(b.icmp_unsigned(">", value, top), value, top)
    row = b.gep(row, [width])
    loop.repeat_while(b.icmp_unsigned("<", row, end), row, total, top)
    store(b, total, b.gep(b.extract_value(sums, 0), [place]))
    store(b, top, b.gep(b.extract_value(tops, 0), [place]))
    return context.get_dummy_value()
