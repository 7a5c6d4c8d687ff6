"""The streaming extractor: each sample is convolved once, windows share the work.

With valid padding an output does not depend on the window that asks for it. So each
layer keeps its last ``kernel`` inputs, the last layer's outputs go round a ring that
holds one window's positions, and only the pooling is done per window. The result equals
running each window on its own, for every hop that is a multiple of the total stride.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.events import NO_CLASS
from odl.core.kernels.conv import conv
from odl.core.kernels.jit import Int, jit
from odl.core.kernels.net import Net
from odl.core.kernels.scale_input import scale_input
from odl.core.state import Count

SATURATED = int(Count.SATURATED)
GAPS = int(Count.GAPS)
NOBODY = NO_CLASS


@jit
def restart(state: NDArray[Any], lost: Int) -> None:
    """A gap: ``lost`` samples pass unseen, the rings are emptied, the phase begins anew."""
    s = state[0]
    s["position"] += lost
    s["phase"] = 0
    s["segment"] += 1
    s["held"] = NOBODY
    s["has_previous"] = 0
    s["ring_at"] = 0
    s["ring_n"] = 0
    s["fill"][:] = 0
    s["counts"][GAPS] += 1


@jit
def push(
    s: Any,
    plan: NDArray[np.int64],
    weights: NDArray[np.int16],
    biases: NDArray[np.int32],
    mults: NDArray[np.int32],
    shifts: NDArray[np.uint8],
    x: NDArray[np.int16],
    out: NDArray[np.int16],
) -> None:
    """Take one scaled sample ``x`` through the layers as far as it completes positions.

    ``x`` and ``out`` are scratch of 64; ``x`` holds the sample on entry.
    """
    all_taps = s["taps"]
    fills = s["fill"]
    for layer in range(plan.shape[0]):
        cin, cout, kernel, stride = plan[layer, 0], plan[layer, 1], plan[layer, 2], plan[layer, 3]
        at_w, at_c, at_t = plan[layer, 4], plan[layer, 5], plan[layer, 6]
        size = kernel * cin
        taps = all_taps[at_t : at_t + size]
        fill = fills[layer]
        for c in range(cin):
            taps[fill * cin + c] = x[c]
        if fill + 1 < kernel:
            fills[layer] = fill + 1
            return
        conv(
            weights[at_w : at_w + cout * size].reshape((cout, size)),
            biases[at_c : at_c + cout],
            mults[at_c : at_c + cout],
            shifts[at_c : at_c + cout],
            taps,
            out[:cout],
        )
        for k in range(size - stride * cin):
            taps[k] = taps[k + stride * cin]
        fills[layer] = kernel - stride
        for c in range(cout):
            x[c] = out[c]
    ring = s["ring"]
    at = s["ring_at"]
    positions, outputs = ring.shape
    for c in range(outputs):
        ring[at, c] = np.uint8(x[c])
    s["ring_at"] = at + 1 if at + 1 < positions else 0
    if s["ring_n"] < positions:
        s["ring_n"] += 1


@jit
def extract(
    state: NDArray[Any],
    net: Net,
    raw: NDArray[np.int16],
    first: Int,
    x: NDArray[np.int16],
    out: NDArray[np.int16],
) -> Int:
    """Consume ``raw`` (n, channels) from row ``first`` until a window is complete.

    Returns the row after the last one consumed; a window is complete when
    `window_complete` says so.
    """
    s = state[0]
    channels = raw.shape[1]
    window, hop = net.window, net.hop
    i = first
    while i < raw.shape[0]:
        for c in range(channels):
            value = scale_input(raw[i, c], net.scale_mult[c], net.scale_shift[c], net.scale_offset[c])
            if value > 127:
                value = np.int64(127)
                s["counts"][SATURATED] += 1
            elif value < -128:
                value = np.int64(-128)
                s["counts"][SATURATED] += 1
            x[c] = np.int16(value)
        push(s, net.plan, net.weights, net.biases, net.mults, net.shifts, x, out)
        s["position"] += 1
        s["phase"] += 1
        i += 1
        past = s["phase"] - window
        if past >= 0 and past % hop == 0:
            return i
    return i


@jit
def window_complete(state: NDArray[Any], net: Net) -> bool:
    """Whether a window ends with the sample consumed last."""
    past = state[0]["phase"] - net.window
    return past >= 0 and past % net.hop == 0
