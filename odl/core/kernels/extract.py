"""The streaming extractor: each sample is convolved once, windows share the work.

With valid padding an output does not depend on the window that asks for it. So each
layer keeps its last ``kernel`` inputs, the last layer's outputs go round a ring that
holds one window's positions, and only the pooling is done per window. The result equals
running each window on its own, for every hop that is a multiple of the total stride.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.events import NO_CLASS
from odl.core.kernels.block import (
    BIASES,
    CONV_WEIGHTS,
    COUNTS,
    FILL,
    HAS_PREVIOUS,
    HELD,
    HOP,
    LAYERS,
    MULTS,
    OUTPUTS,
    PHASE,
    PLAN,
    POSITION,
    POSITIONS,
    RING,
    RING_AT,
    RING_N,
    SCALE_MULT,
    SCALE_OFFSET,
    SCALE_SHIFT,
    SEGMENT,
    SHIFTS,
    TAPS,
    WINDOW,
    Block,
)  # fmt: skip
from odl.core.kernels.conv import conv
from odl.core.kernels.jit import Int, jit
from odl.core.kernels.scale_input import scale_input
from odl.core.state import Count

SATURATED, GAPS = COUNTS + int(Count.SATURATED), COUNTS + int(Count.GAPS)
NOBODY = NO_CLASS


@jit
def restart(s: Block, lost: Int) -> None:
    """A gap: ``lost`` samples pass unseen, the rings are emptied, the phase begins anew."""
    at = s.q
    s.q[POSITION] += lost
    s.q[PHASE] = 0
    s.q[SEGMENT] += 1
    s.b[at[HELD]] = NOBODY
    s.b[at[HAS_PREVIOUS]] = 0
    s.d[at[RING_AT]] = 0
    s.d[at[RING_N]] = 0
    for layer in range(at[LAYERS]):
        s.d[at[FILL] + layer] = 0
    s.q[GAPS] += 1


@jit
def push(s: Block, x: NDArray[np.int16], out: NDArray[np.int16]) -> None:
    """Take one scaled sample ``x`` through the layers as far as it completes positions.

    ``x`` and ``out`` are scratch of 64; ``x`` holds the sample on entry.
    """
    at = s.q
    first_tap, first_fill = at[TAPS], at[FILL]
    for layer in range(at[LAYERS]):
        plan = at[PLAN] + 7 * layer
        cin, cout, kernel, stride = at[plan], at[plan + 1], at[plan + 2], at[plan + 3]
        size = kernel * cin
        tap = first_tap + at[plan + 6]
        taps = s.h[tap : tap + size]
        fill = s.d[first_fill + layer]
        for c in range(cin):
            taps[fill * cin + c] = x[c]
        if fill + 1 < kernel:
            s.d[first_fill + layer] = fill + 1
            return
        weight, channel = at[CONV_WEIGHTS] + at[plan + 4], at[plan + 5]
        bias, mult, shift = at[BIASES] + channel, at[MULTS] + channel, at[SHIFTS] + channel
        conv(
            s.h[weight : weight + cout * size],
            s.d[bias : bias + cout],
            s.d[mult : mult + cout],
            s.b[shift : shift + cout],
            taps,
            out[:cout],
        )
        for k in range(size - stride * cin):
            taps[k] = taps[k + stride * cin]
        s.d[first_fill + layer] = kernel - stride
        for c in range(cout):
            x[c] = out[c]
    positions, outputs = at[POSITIONS], at[OUTPUTS]
    place = s.d[at[RING_AT]]
    row = at[RING] + place * outputs
    for c in range(outputs):
        s.b[row + c] = np.uint8(x[c])
    s.d[at[RING_AT]] = place + 1 if place + 1 < positions else 0
    if s.d[at[RING_N]] < positions:
        s.d[at[RING_N]] += 1


@jit
def extract(
    s: Block, raw: NDArray[np.int16], first: Int, x: NDArray[np.int16], out: NDArray[np.int16]
) -> Int:
    """Consume ``raw`` (n * channels,) from row ``first`` until a window is complete.

    Returns the row after the last one consumed; a window is complete when
    `window_complete` says so.
    """
    channels = s.q[s.q[PLAN]]
    rows = len(raw) // channels
    mult, shift, offset = s.q[SCALE_MULT], s.q[SCALE_SHIFT], s.q[SCALE_OFFSET]
    window, hop = s.q[WINDOW], s.q[HOP]
    i = first
    while i < rows:
        for c in range(channels):
            value = scale_input(raw[i * channels + c], s.d[mult + c], s.b[shift + c], s.h[offset + c])
            if value > 127:
                value = np.int64(127)
                s.q[SATURATED] += 1
            elif value < -128:
                value = np.int64(-128)
                s.q[SATURATED] += 1
            x[c] = np.int16(value)
        push(s, x, out)
        s.q[POSITION] += 1
        s.q[PHASE] += 1
        i += 1
        past = s.q[PHASE] - window
        if past >= 0 and past % hop == 0:
            return i
    return i


@jit
def window_complete(s: Block) -> bool:
    """Whether a window ends with the sample consumed last."""
    past = s.q[PHASE] - s.q[WINDOW]
    return past >= 0 and past % s.q[HOP] == 0
