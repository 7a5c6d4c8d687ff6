# mypy: disable-error-code="untyped-decorator, no-untyped-call"
"""A gradient step of one task on weights of 16 bits, as machine code for one `Tier`.

What is computed, and why it is exact: `odl.core.kernels.narrow`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba.core import types

from odl.core.kernels.block import MOST_FEATURES
from odl.core.kernels.dense import BIAS
from odl.core.kernels.flat import BLOCK, machine_code
from odl.core.kernels.sgd import LIMIT
from odl.core.kernels.tiers import Tier
from odl.core.kernels.tile import I16, I32, I64, Loop, call, load, same, shuffled, store, vector


def products(b: Any, tier: Tier, one: Any, other: Any) -> Any:
    """The products of two vectors of int16, neighbours added, as int32."""
    n = tier.lanes
    if tier.dot.startswith("x86"):
        name = "x86.avx512.pmaddw.d.512" if n == 16 else "x86.avx2.pmadd.wd"
        return call(b, name, vector(I32, n), one, other)
    wide = b.mul(*(b.sext(of, vector(I32, 2 * n)) for of in (one, other)))
    return b.add(*(shuffled(b, wide, wide, list(range(k, 2 * n, 2))) for k in (0, 1)))


def rounded(b: Any, tier: Tier, one: Any, other: Any) -> Any:
    """``round(one * other / 2**15)`` of two vectors of int16, ties upwards; not for -32768 twice."""
    n = 2 * tier.lanes
    if tier.dot.startswith("x86"):
        name = "x86.avx512.pmul.hr.sw.512" if n == 32 else "x86.avx2.pmul.hr.sw"
        return call(b, name, one.type, one, other)
    wide = b.mul(*(b.sext(of, vector(I32, n)) for of in (one, other)))
    return b.trunc(b.ashr(b.add(wide, same(I32, n, 2**14)), same(I32, n, 15)), one.type)


def step_of(tier: Tier) -> Callable[..., None]:
    """For other kernels to call: ``step(s, rows, biases, n, errors, features, up, following, logits)``.

    All but ``n`` and ``up`` are bytes of the block ``s``. Each of ``rows`` (n, `MOST_FEATURES`) becomes less
    by ``round(error * (features << up) / 2**15)``, with ``errors`` (n,) in [-32768, 32768], and its bias by
    as much for a feature of `BIAS`, up to `LIMIT`. Then ``logits`` (n,) become those of ``following``. Rows,
    features and what follows are int16, biases int32, errors and logits int64; ``n`` is at least 1. int32 has
    to hold the sums of products, int16 the rest.
    """

    @machine_code(types.none, BLOCK, *[types.int64] * 8)
    def step(context: Any, b: Any, signature: Any, args: Any) -> Any:
        s, rows, biases, n, errors, features, up, following, logits = args
        of = vector(I16, 2 * tier.lanes)
        places = range(0, 2 * MOST_FEATURES, 2 * of.count)

        def spread(value: Any) -> Any:
            one = b.insert_element(ir.Constant(of, ir.Undefined), b.trunc(value, I16), I32(0))
            return shuffled(b, one, ir.Constant(of, ir.Undefined), [0] * of.count)

        def at(start: Any, number: Any, size: int) -> Any:
            return b.gep(s, [b.add(start, b.mul(number, I64(size)))])

        def moved(bias: Any, error: Any) -> Any:
            move = b.mul(error, b.shl(I64(BIAS), up))
            bias = b.sub(b.sext(bias, I64), b.ashr(b.add(move, I64(2**14)), I64(15)))
            for sign, limit in (">", -LIMIT), ("<", LIMIT):
                bias = b.select(b.icmp_signed(sign, bias, I64(limit)), bias, I64(limit))
            return bias

        lifted = spread(up)
        inputs = [b.shl(load(b, b.gep(s, [features]), place, of), lifted) for place in places]
        new_inputs = [load(b, b.gep(s, [following]), place, of) for place in places]
        loop = Loop(b, "rows", I64(0), b.gep(s, [rows]))
        i, row = loop.values
        error, place_of_bias = load(b, at(errors, i, 8), 0, I64), at(biases, i, 4)
        factor, bias = spread(error), moved(load(b, place_of_bias, 0, I32), error)
        store(b, b.trunc(bias, I32), place_of_bias)

        def taken(moves: Callable[[Any], Any]) -> Any:
            """Take the step; the sums."""
            sums = []
            for place, x, following_x in zip(places, inputs, new_inputs, strict=True):
                new = b.sub(load(b, row, place, of), moves(x))
                store(b, new, b.gep(row, [I64(place)]))
                sums.append(products(b, tier, new, following_x))
            while len(sums) > 2:  # two sums that wait for each other less than one
                sums = [*sums[1:2], b.add(sums[0], sums[2]), *sums[3:]]
            return b.add(*sums)

        with b.if_else(b.icmp_signed("==", error, I64(2**15)), likely=False) as (all_of_it, part):
            with all_of_it:  # which is more than int16 holds
                one = taken(lambda x: x), b.block
            with part:
                other = taken(lambda x: rounded(b, tier, x, factor)), b.block
        sums = b.phi(vector(I32, tier.lanes))
        for value, block in one, other:
            sums.add_incoming(value, block)
        total = call(b, f"vector.reduce.add.v{tier.lanes}i32", I32, sums)
        store(b, b.add(b.sext(total, I64), b.mul(bias, I64(BIAS))), at(logits, i, 8))
        i = b.add(i, I64(1))
        loop.repeat_while(b.icmp_signed("<", i, n), i, b.gep(row, [I64(2 * MOST_FEATURES)]))
        return context.get_dummy_value()

    return cast(Callable[..., None], step)
