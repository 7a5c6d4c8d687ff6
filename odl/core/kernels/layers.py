"""A chunk of samples through the layers, one layer at a time.

With valid padding an output does not depend on the window that asks for it. Between calls the state
block holds, for each layer, the inputs that its next output needs (``taps``, ``fill``), and the last
layer's outputs of one window in a ring. A chunk begins with these in plain order before the new
samples (`lay_out`); then each layer computes all its outputs (`forward`), and at the end, or wherever in
the chunk the caller stops, the state block is left as taking the samples one by one leaves
it (`commit`), down to bytes that wait to be overwritten.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.image_layout import Op
from odl.core.kernels.block import (
    COUNTS,
    FILL,
    LAYERS,
    OUTPUTS,
    PHASE,
    PLAN,
    POSITION,
    POSITIONS,
    RING,
    RING_AT,
    RING_N,
    SCALE_HALVES,
    SCALE_MULTS,
    SCALE_NARROW,
    SCALE_OFFSETS,
    SCALE_SHIFTS,
    STEPS,
    TAPS,
    Block,
)  # fmt: skip
from odl.core.kernels.jit import Int, jit, jit_vectorised, late
from odl.core.kernels.log import copy
from odl.core.kernels.outputs import BYTES, SIZE, outputs
from odl.core.kernels.packing import (
    INPUT,
    NEW,
    OUT_WIDTH,
    OUTPUT,
    PATTERN,
    PLAN_WORDS,
    ROW,
    WIDTH,
)  # fmt: skip
from odl.core.state import Count

SATURATED = COUNTS + int(Count.SATURATED)
SIGN = 128 if BYTES else 0
WHOLE, HIGHEST, BRANCH = int(Op.WINDOW), int(Op.MAX), int(Op.BRANCH)


@jit_vectorised
def scale_narrow(s: Block, raw: NDArray[np.int16], to: Int) -> Int:
    """`scale` where int32 holds every product: multipliers up to 2**15, shifts up to 30."""
    period = PATTERN * s.q[s.q[PLAN]]
    halves, mults = s.q[SCALE_HALVES], s.q[SCALE_MULTS]
    shifts, offsets = s.q[SCALE_SHIFTS], s.q[SCALE_OFFSETS]
    clamped = np.int32(0)
    for first in range(0, len(raw), period):
        for k in range(min(period, len(raw) - first)):
            product = np.int32(np.int32(raw[first + k]) * s.d[mults + k])
            scaled = np.int32(
                np.int32(np.int32(product + s.d[halves + k]) >> s.d[shifts + k]) + s.d[offsets + k]
            )
            value = min(max(scaled, np.int32(-128)), np.int32(127))
            clamped = np.int32(clamped + np.int32(value != scaled))
            if BYTES:
                s.b[to + first + k] = np.uint8(value + np.int32(SIGN))
            else:
                s.h[to + first + k] = np.int16(value)
    return np.int64(clamped)


@late(35)
def scale_wide(s: Block, raw: NDArray[np.int16], to: Int) -> Int:
    """`scale` for any multiplier and shift."""
    period, mults = PATTERN * s.q[s.q[PLAN]], s.q[SCALE_MULTS]
    shifts, offsets = s.q[SCALE_SHIFTS], s.q[SCALE_OFFSETS]
    clamped = np.int64(0)
    for first in range(0, len(raw), period):
        for k in range(min(period, len(raw) - first)):
            shift = np.int64(s.d[shifts + k])
            half = np.int64(np.int64(1) << shift) >> np.int64(1)
            product = np.int64(raw[first + k]) * np.int64(s.d[mults + k]) + half
            scaled = (product >> shift) + np.int64(s.d[offsets + k])
            value = min(max(scaled, np.int64(-128)), np.int64(127))
            clamped += np.int64(value != scaled)
            if BYTES:
                s.b[to + first + k] = np.uint8(value + SIGN)
            else:
                s.h[to + first + k] = np.int16(value)
    return clamped


@jit
def scale(s: Block, raw: NDArray[np.int16], to: Int) -> Int:
    """Scale raw counts to the first layer's inputs, element ``to`` on; how many were clamped.

    As `odl.core.kernels.scale_input`, many at a time; with a shift of 0, zero is added for rounding.
    """
    return scale_narrow(s, raw, to) if s.q[SCALE_NARROW] != 0 else scale_wide(s, raw, to)


@jit_vectorised
def load_tap(s: Block, tap: Int, to: Int, n: Int, sign: Int) -> None:
    """An input of the state block as a stored input."""
    for k in range(n):
        if BYTES:
            s.b[to + k] = np.uint8(s.h[tap + k] + sign)
        else:
            s.h[to + k] = s.h[tap + k]


@jit_vectorised
def save_tap(s: Block, place: Int, tap: Int, n: Int, sign: Int) -> None:
    """A stored input as an input of the state block."""
    for k in range(n):
        if BYTES:
            s.h[tap + k] = np.int16(np.int16(s.b[place + k]) - np.int16(sign))
        else:
            s.h[tap + k] = s.h[place + k]


@jit
def copy_rows(
    s: Block, source: Int, source_width: Int, target: Int, target_width: Int, size: Int, n: Int
) -> None:  # fmt: skip
    """Copy ``n`` rows of ``size`` bytes between places whose rows lie further apart."""
    if source_width == target_width:
        copy(s.b[source : source + n * source_width], s.b[target : target + n * source_width])
        return
    for i in range(n):
        from_, to = source + i * source_width, target + i * target_width
        copy(s.b[from_ : from_ + size], s.b[to : to + size])


@jit
def positions_of(inputs: Int, kernel: Int, stride: Int) -> Int:
    """How many outputs so many inputs give."""
    return (inputs - kernel) // stride + 1 if inputs >= kernel else 0


@jit
def streaming(s: Block) -> Int:
    """How many layers keep inputs: all, or only the first where that takes whole windows."""
    return np.int64(1) if s.q[s.q[PLAN] + 7] == WHOLE else s.q[LAYERS]


@jit
def count(s: Block, layer: Int, inputs: Int) -> Int:
    """How many outputs a layer has of ``inputs``; those that reach back to it find the number noted."""
    at = s.q
    plan, row = at[PLAN] + PLAN_WORDS * layer, at[STEPS] + ROW * layer
    if at[plan + 7] < BRANCH:
        inputs = positions_of(inputs, at[plan + 2], at[plan + 3])
    elif at[plan + 7] == BRANCH:
        inputs = at[row - ROW * at[plan + 12] + NEW]
    s.q[row + NEW] = inputs
    return inputs


@jit
def outputs_of(s: Block, samples: Int) -> Int:
    """How many outputs of the last layer the next ``samples`` give."""
    new = samples
    for layer in range(streaming(s)):
        new = count(s, layer, s.d[s.q[FILL] + layer] + new)
    return new


@jit
def lay_out(s: Block) -> None:
    """Lay out what the state block holds: each layer's inputs, and the last one's outputs."""
    at = s.q
    for layer in range(at[LAYERS]):
        plan, row = at[PLAN] + PLAN_WORDS * layer, at[STEPS] + ROW * layer
        cin, tap, width, fill = at[plan], at[TAPS] + at[plan + 6], at[row + WIDTH], s.d[at[FILL] + layer]
        to = at[row + INPUT] - fill * width
        for i in range(np.int64(fill)):
            load_tap(s, tap + i * cin, to + i * width, cin, SIGN if layer == 0 else 0)
    row = at[STEPS] + ROW * (at[LAYERS] - 1)
    width, positions, outputs, oldest = at[row + OUT_WIDTH], at[POSITIONS], at[OUTPUTS], s.d[at[RING_AT]]
    to = at[row + OUTPUT] - positions * width
    copy_rows(s, at[RING] + oldest * outputs, outputs, to, width, outputs, positions - oldest)
    copy_rows(s, at[RING], outputs, to + (positions - oldest) * width, width, outputs, oldest)


@jit_vectorised
def pad(s: Block, first: Int, n: Int, value: Int) -> None:
    """``n`` elements from ``first`` on become ``value``, as inputs are stored."""
    for k in range(n):
        if BYTES:
            s.b[first + k] = np.uint8(value)
        else:
            s.h[first + k] = np.int16(value)


@late(34)
def whole_window(s: Block, source: Int, i: Int) -> None:
    """The last layer's ``i``-th output of the chunk, from a window whose samples begin at ``source``."""
    at = s.q
    rows, width = at[at[PLAN] + 2], at[at[STEPS] + WIDTH]
    to = at[at[STEPS] + ROW + INPUT] + at[at[PLAN] + PLAN_WORDS + 9] * width
    copy(s.b[SIZE * source : SIZE * (source + rows * width)], s.b[SIZE * to : SIZE * (to + rows * width)])
    for layer in range(1, at[LAYERS]):
        plan, row = at[PLAN] + PLAN_WORDS * layer, at[STEPS] + ROW * layer
        first, left, right, width = at[row + INPUT], at[plan + 9], at[plan + 10], at[row + WIDTH]
        # Padding is what stands for 0 among the inputs; a maximum has the lowest value instead.
        value = np.int64(0) if at[plan + 7] == HIGHEST else at[plan - PLAN_WORDS + 8]
        if not BYTES:
            value -= 128 * at[plan + 11]
        pad(s, first, left * width, value)
        pad(s, first + (left + rows) * width, right * width, value)
        rows = count(s, layer, left + rows + right)
        target = at[row + OUTPUT]
        if layer + 1 == at[LAYERS]:
            target += i * at[row + OUT_WIDTH]
        outputs(s, layer, first, target, rows)


@jit
def forward(s: Block, raw: NDArray[np.int16]) -> Int:
    """Take ``raw``, a chunk (n * channels,), through the layers; how many values were clamped."""
    at = s.q
    clamped = scale(s, raw, at[at[STEPS] + INPUT])
    new = len(raw) // at[at[PLAN]]
    for layer in range(at[LAYERS]):
        plan, row, fill = at[PLAN] + PLAN_WORDS * layer, at[STEPS] + ROW * layer, s.d[at[FILL] + layer]
        new = count(s, layer, fill + new)
        source = at[row + INPUT] - fill * at[row + WIDTH]
        if at[plan + 7] == WHOLE:
            for i in range(new):
                whole_window(s, source + i * at[plan + 3] * at[row + WIDTH], i)
            break
        if new > 0:
            outputs(s, layer, source, at[row + OUTPUT], new)
    return clamped


@jit
def save_joined(s: Block, layer: Int, n: Int) -> None:
    """Leave a layer that reaches back as ``n`` new outputs leave it: with the last inputs of both."""
    at = s.q
    plan, row = at[PLAN] + PLAN_WORDS * layer, at[STEPS] + ROW * layer
    back, tap, cin = at[plan + 12], at[TAPS] + at[plan + 6], at[plan]
    for k in range(at[plan + 2] if n > 0 else 0):
        back = back if k == 0 else 1
        of = row - ROW * back
        place = at[of + OUTPUT] + (n - 1) * at[of + OUT_WIDTH]
        for c in range(min(cin, at[plan - PLAN_WORDS * back + 1])):
            s.h[tap + k * cin + c] = np.int16(s.b[place + c])


@jit
def save_taps(s: Block, layer: Int, inputs: Int) -> Int:
    """Leave a layer as ``inputs``, those held before included, leave it; how many outputs they give."""
    at = s.q
    plan, row, fill = at[PLAN] + PLAN_WORDS * layer, at[STEPS] + ROW * layer, s.d[at[FILL] + layer]
    cin, kernel, stride, width = at[plan], at[plan + 2], at[plan + 3], at[row + WIDTH]
    tap, first, sign = at[TAPS] + at[plan + 6], at[row + INPUT] - fill * width, SIGN if layer == 0 else 0
    n = count(s, layer, inputs)
    if at[plan + 7] >= BRANCH:
        save_joined(s, layer, n)
        return n
    if n == 0:
        for i in range(fill, inputs):
            save_tap(s, first + i * width, tap + i * cin, cin, sign)
        s.d[at[FILL] + layer] = inputs
        return n
    left = inputs - n * stride
    # What waits for the next output; behind it, the last output's inputs where they lay for it.
    for i in range(kernel):
        source = n * stride + i if i < left else (n - 1) * stride + i
        save_tap(s, first + source * width, tap + i * cin, cin, sign)
    s.d[at[FILL] + layer] = left
    return n


@jit
def commit(s: Block, samples: Int) -> None:
    """Leave the state block as the first ``samples`` of the chunk leave it."""
    at = s.q
    new = samples
    for layer in range(streaming(s)):
        new = save_taps(s, layer, s.d[at[FILL] + layer] + new)
    row = at[STEPS] + ROW * (at[LAYERS] - 1)
    width, positions, outputs, place = at[row + OUT_WIDTH], at[POSITIONS], at[OUTPUTS], s.d[at[RING_AT]]
    first = max(np.int64(0), new - positions)
    while first < new:
        to = (place + first) % positions
        n = min(positions - to, new - first)
        source = at[row + OUTPUT] + first * width
        copy_rows(s, source, width, at[RING] + to * outputs, outputs, outputs, n)
        first += n
    s.d[at[RING_AT]] = (place + new) % positions
    s.d[at[RING_N]] = min(positions, s.d[at[RING_N]] + new)
    s.q[POSITION] += samples
    s.q[PHASE] += samples
