# mypy: disable-error-code="untyped-decorator, no-untyped-call"
"""A layer's outputs for many positions, as machine code for one `Tier`.

The code is made as LLVM's own, so that a tile's accumulators stay in registers: for each group of
inputs, each position's group is spread over a vector and multiplied with each vector of weights.
What is written here is one tile of any size for any tier; LLVM chooses registers and order.

Requantising is exact (`odl.core.kernels.requantise`). With ``h = (acc * mult) >> 32``, the upper half of
a signed product, and a shift of at least 33, ``t = h >> (shift - 33)`` is ``acc * mult`` over
``2**(shift - 1)``, rounded down, and ``(t + 1) >> 1`` is what requantising rounds to. Narrowing ``t`` to
16 and then 8 bits with saturation makes the negative ones 0 and the large ones 255: from 32767, the
most that 16 bits hold, rounding gives 16384, which is 255.

Rounding twice, as TensorFlow Lite does, is the same with ``2**30`` added to the product, where no negative
result is wanted (`odl.core.kernels.requantise_zero` with a zero point of 0 and a shift of at least 32).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any, cast

from llvmlite import ir
from numba.core import cgutils, types

from odl.core.kernels.flat import BLOCK, machine_code
from odl.core.kernels.tiers import Tier

I8, I16, I32, I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
BYTES = I8.as_pointer()


def vector(of: ir.Type, n: int) -> ir.VectorType:
    """``n`` elements."""
    return ir.VectorType(of, n)


def same(of: ir.Type, n: int, value: int) -> ir.Constant:
    """``n`` times one number."""
    return ir.Constant(vector(of, n), [value] * n)


def call(b: Any, name: str, result: ir.Type, *args: Any) -> Any:
    """One of LLVM's own functions."""
    kind = ir.FunctionType(result, [arg.type for arg in args])
    return b.call(cgutils.get_or_insert_function(b.module, kind, f"llvm.{name}"), args)


def shuffled(b: Any, one: Any, other: Any, order: list[int]) -> Any:
    """Elements of both, by number."""
    return b.shuffle_vector(one, other, ir.Constant(vector(I32, len(order)), order))


def load(b: Any, start: Any, offset: int, of: ir.Type) -> Any:
    """What lies ``offset`` bytes after ``start``, wherever that is."""
    found = b.load(b.bitcast(b.gep(start, [I64(offset)]), of.as_pointer()))
    found.align = 1
    return found


def store(b: Any, value: Any, start: Any) -> None:
    """Put ``value`` at ``start``."""
    b.store(value, b.bitcast(start, value.type.as_pointer())).align = 1


def multiplied(b: Any, tier: Tier, acc: Any, inputs: Any, weights: Any) -> Any:
    """``acc`` plus, in each lane, a group of inputs times a group of weights."""
    factor = vector(I8 if tier.size == 1 else I16, tier.lanes * tier.group)
    x, w = b.bitcast(inputs, factor), b.bitcast(weights, factor)
    if tier.size == 2:
        return b.add(acc, call(b, tier.dot, acc.type, x, w))
    return call(b, tier.dot, acc.type, acc, x, w)


def requantised(b: Any, tier: Tier, accs: list[Any], scales: list[tuple[Any, Any]], twice: bool) -> Any:
    """Four vectors of accumulators as bytes, put together 128 bits at a time."""
    n = tier.lanes
    whole, half, wide = vector(I32, n), vector(I16, 2 * n), vector(I64, n // 2)
    upper = same(I64, n // 2, 32)

    def factor(of: Any, odd: int) -> Any:
        of = b.bitcast(of, wide)
        return b.ashr(of if odd else b.shl(of, upper), upper)

    # The product of lane k fills that lane and the one beside it; its upper half is in the odd one.
    upper_halves = [4 * i + (k + 1 if k % 2 == 0 else n + k) for i in range(n // 4) for k in tier.order]
    steps = []
    for acc, (mult, shift) in zip(accs, scales, strict=True):
        wide_products = [b.mul(factor(acc, k), factor(mult, k)) for k in (0, 1)]
        if twice:
            wide_products = [b.add(one, same(I64, n // 2, 2**30)) for one in wide_products]
        even, odd = (b.bitcast(one, whole) for one in wide_products)
        high = shuffled(b, even, odd, upper_halves)
        steps.append(b.ashr(high, shift))
    if not tier.dot.startswith("x86"):
        return b.bitcast(joined(b, [narrowed(b, step, n) for step in steps]), vector(I8, 4 * n))
    name = "x86.avx512.{}.512" if n == 16 else "x86.avx2.{}"
    pairs = [call(b, name.format("packssdw"), half, *steps[k : k + 2]) for k in (0, 2)]
    pairs = [call(b, name.format("pmul.hr.sw"), half, pair, same(I16, 2 * n, 2**14)) for pair in pairs]
    return call(b, name.format("packuswb"), vector(I8, 4 * n), *pairs)


def narrowed(b: Any, steps: Any, n: int) -> Any:
    """``min(255, max(0, (steps + 1) >> 1))`` as bytes, in LLVM's plain operations."""
    value = b.ashr(b.add(steps, same(I32, n, 1)), same(I32, n, 1))
    for sign, bound in (">", 0), ("<", 255):
        limit = same(I32, n, bound)
        value = b.select(b.icmp_signed(sign, value, limit), value, limit)
    return b.trunc(value, vector(I8, n))


def joined(b: Any, parts: list[Any]) -> Any:
    """Vectors end to end."""
    while len(parts) > 1:
        size = 2 * parts[0].type.count
        parts = [
            shuffled(b, one, other, list(range(size)))
            for one, other in zip(parts[::2], parts[1::2], strict=True)
        ]
    return parts[0]


def not_unrolled(branch: Any) -> None:
    """Mark a loop: unrolled, a tile has more values than there are registers."""
    module = branch.module
    mark = module.add_metadata([ir.MetaDataString(module, "llvm.loop.unroll.disable")])
    loop = module.add_metadata([mark, ir.MetaDataString(module, f"loop {len(module.metadata)}")])
    loop.operands = (loop, mark)  # LLVM knows a loop's node by its pointing to itself
    branch.set_metadata("llvm.loop", loop)


class Loop:
    """``for`` in LLVM's form: values that a round hands to the next."""

    def __init__(self, b: Any, name: str, *values: Any) -> None:
        before, self.block = b.block, b.append_basic_block(name)
        b.branch(self.block)
        b.position_at_end(self.block)
        self.b, self.values = b, [b.phi(value.type) for value in values]
        for phi, value in zip(self.values, values, strict=True):
            phi.add_incoming(value, before)

    def repeat_while(self, condition: Any, *values: Any) -> None:
        """Close the loop; code goes on after it."""
        after = self.b.append_basic_block("after")
        for phi, value in zip(self.values, values, strict=True):
            phi.add_incoming(value, self.b.block)
        not_unrolled(self.b.cbranch(condition, self.block, after))
        self.b.position_at_end(after)


def tile_function(module: Any, tier: Tier, positions: int, vectors: int, twice: bool) -> Any:
    """The function in ``module`` that computes one tile's channels for all positions.

    Results are rounded ``twice`` or once. Its arguments: the first input, bytes from a position to the next,
    groups, the packed channels and their end, the first output, bytes of an output position, and the end
    of the outputs.
    """
    name = f"odl.{tier.name}.{positions}x{vectors}{'.twice' * twice}"
    if name in module.globals:
        return module.globals[name]
    arguments = [BYTES, I64, I64, BYTES, BYTES, BYTES, I64, BYTES]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    source, step, groups, channels, end, target, row, last = function.args
    b = ir.IRBuilder(function.append_basic_block())
    size, whole = 4 * tier.lanes, vector(I32, tier.lanes)
    if len(tier.tiles) > 1:
        row = I64(tier.lanes * vectors)  # one tile is as wide as the layer, so positions join
    first = b.gep(channels, [I64(3 * vectors * size)])
    places = [(p, v) for p in range(positions) for v in range(vectors)]

    outer = Loop(b, "positions", source, target)
    source, target = outer.values
    biases = [load(b, channels, v * size, whole) for v in range(vectors)]
    repeat = Loop(b, "repeats", first, *(biases[v] for _, v in places))
    inner = Loop(b, "groups", I64(0), *repeat.values)
    group, at, *accs = inner.values
    weights = [load(b, at, v * size, whole) for v in range(vectors)]
    for p in range(positions):
        offset = b.add(b.mul(step, I64(p)), b.mul(group, I64(4)))
        one = b.insert_element(
            ir.Constant(whole, ir.Undefined), load(b, b.gep(source, [offset]), 0, I32), I32(0)
        )
        inputs = shuffled(b, one, ir.Constant(whole, ir.Undefined), [0] * tier.lanes)
        for v in range(vectors):
            k = p * vectors + v
            accs[k] = multiplied(b, tier, accs[k], inputs, weights[v])
    group, at = b.add(group, I64(1)), b.gep(at, [I64(vectors * size)])
    inner.repeat_while(b.icmp_signed("<", group, groups), group, at, *accs)
    repeat.repeat_while(b.icmp_unsigned("!=", at, end), at, *accs)

    scales = [
        tuple(load(b, channels, (k * vectors + v) * size, whole) for k in (1, 2)) for v in range(vectors)
    ]
    for k in range(0, len(places), 4):
        four = requantised(b, tier, accs[k : k + 4], [scales[v] for _, v in places[k : k + 4]], twice)
        words = b.bitcast(four, whole)  # each of four channels of a vector
        rows = [
            [4 * i + r + v for i in range(tier.lanes // 4) for v in range(vectors)]
            for r in range(0, 4, vectors)
        ]
        if isinstance(row, ir.Constant):
            rows = [sum(rows, [])]
        for r, order in enumerate(rows):
            position = places[k + r * vectors][0]
            store(b, shuffled(b, words, words, order), b.gep(target, [b.mul(row, I64(position))]))
    source = b.gep(source, [b.mul(step, I64(positions))])
    target = b.gep(target, [b.mul(row, I64(positions))])
    outer.repeat_while(b.icmp_unsigned("<", target, last), source, target)
    b.ret_void()
    return function


def span_of(tier: Tier) -> Callable[..., None]:
    """For other kernels to call: a layer's outputs for a number of positions.

    ``span(s, source, positions, step, groups, channels, block, width, target, twice)``, in bytes of the
    block ``s``: the first position's first input, from a position to the next, groups of inputs, where the
    packed layer begins, the size of one tile's part of it, and where the outputs go, ``width`` bytes
    for a position; 1 to round twice, else 0. At least one position; up to a tile's positions more are
    read and written.
    """

    @machine_code(types.none, BLOCK, *[types.int64] * 9)
    def span(context: Any, b: Any, signature: Any, args: Any) -> Any:
        s, source, positions, step, groups, channels, block, width, target, often = args
        last = b.gep(s, [b.add(target, b.mul(positions, width))])
        for twice, tile in product((False, True), tier.tiles):
            part = I64(tier.lanes * tile[1])
            fits = b.icmp_signed("==", often, I64(int(twice)))
            if len(tier.tiles) > 1:
                fits = b.and_(fits, b.icmp_signed("==", width, part))
            with b.if_then(fits):
                tiles = Loop(b, "tiles", I64(0), channels)
                column, begin = tiles.values
                end = b.add(begin, block)
                first_output = b.gep(s, [b.add(target, column)])
                b.call(
                    tile_function(b.module, tier, *tile, twice),
                    [
                        b.gep(s, [source]),
                        step,
                        groups,
                        b.gep(s, [begin]),
                        b.gep(s, [end]),
                        first_output,
                        width,
                        last,
                    ],
                )
                column = b.add(column, part)
                tiles.repeat_while(b.icmp_signed("<", column, width), column, end)
        return context.get_dummy_value()

    return cast(Callable[..., None], span)
