"""The streaming extractor: each sample is convolved once, windows share the work.

Only the pooling is done per window. The result equals running each window on its own, for every
hop that is a multiple of the total stride, and any blocking of the stream.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.block import (
    COLUMNS,
    COUNTS,
    FEATURES,
    FILL,
    HOP,
    LAYERS,
    PHASE,
    PLAN,
    POSITION,
    POSITIONS,
    PRESENT,
    RING_AT,
    RING_N,
    STEPS,
    WINDOW,
    Block,
)  # fmt: skip
from odl.core.kernels.jit import Int, jit
from odl.core.kernels.layers import SATURATED, commit, forward, lay_out, outputs_of, scale
from odl.core.kernels.log import copy
from odl.core.kernels.packing import CHUNK, INPUT, OUT_WIDTH, OUTPUT, ROW
from odl.core.kernels.pool import pool
from odl.core.kernels.segment import end_segment
from odl.core.state import Count

GAPS = COUNTS + int(Count.GAPS)


@jit
def restart(s: Block, lost: Int) -> None:
    """A gap: ``lost`` samples pass unseen, the rings are emptied, the phase begins anew."""
    at = s.q
    s.q[POSITION] += lost
    s.q[PHASE] = 0
    end_segment(s)
    s.d[at[RING_AT]] = 0
    s.d[at[RING_N]] = 0
    for layer in range(at[LAYERS]):
        s.d[at[FILL] + layer] = 0
    s.q[GAPS] += 1


@jit
def present_features(s: Block) -> NDArray[np.uint8]:
    """The features of the window pooled last."""
    return s.b[s.q[PRESENT] : s.q[PRESENT] + s.q[FEATURES]]


@jit
def pool_window(s: Block, samples: Int) -> None:
    """Pool the window that ends with the first ``samples`` of the chunk into `present_features`."""
    at = s.q
    row = at[STEPS] + ROW * (at[LAYERS] - 1)
    width, positions = at[row + OUT_WIDTH], at[POSITIONS]
    first = at[row + OUTPUT] + (outputs_of(s, samples) - positions) * width
    if positions == 1:
        copy(s.b[first : first + at[FEATURES]], present_features(s))
        return
    sums = at[COLUMNS]
    tops = 4 * sums + 512
    pool(
        s.b[first : first + positions * width], width, positions,
        s.d[sums : sums + 128], s.b[tops : tops + 128], present_features(s),
    )  # fmt: skip


@jit
def to_window_end(s: Block, samples: Int) -> Int:
    """How many samples after the first ``samples`` of the chunk the next window ends; at least 1."""
    past = s.q[PHASE] + samples - s.q[WINDOW]
    return s.q[HOP] - past % s.q[HOP] if past >= 0 else -past


@jit
def open_chunk(s: Block, raw: NDArray[np.int16], first: Int) -> Int:
    """Take the next chunk of ``raw`` (n * channels,) through the layers; its number of samples."""
    channels = s.q[s.q[PLAN]]
    n = min(np.int64(CHUNK), len(raw) // channels - first)
    lay_out(s)
    if n > 0:
        s.q[SATURATED] += forward(s, raw[first * channels : (first + n) * channels])
    return n


@jit
def close_chunk(s: Block, raw: NDArray[np.int16], first: Int, n: Int, samples: Int) -> None:
    """Leave the state block as the first ``samples`` of the chunk's ``n`` leave it."""
    if samples < n:  # the clamped values of the rest count when it is consumed
        channels = s.q[s.q[PLAN]]
        rest = raw[(first + samples) * channels : (first + n) * channels]
        s.q[SATURATED] -= scale(s, rest, s.q[s.q[STEPS] + INPUT] + samples * channels)
    commit(s, samples)


@jit
def extract(s: Block, raw: NDArray[np.int16], first: Int) -> Int:
    """Consume ``raw`` (n * channels,) from row ``first`` on, up to the first window's end.

    Returns the row after the last one consumed. If a window is complete (`window_complete`),
    `present_features` are its features.
    """
    rows = len(raw) // s.q[s.q[PLAN]]
    while first < rows:
        n = open_chunk(s, raw, first)
        samples = to_window_end(s, 0)
        if samples <= n:
            pool_window(s, samples)
            close_chunk(s, raw, first, n, samples)
            return first + samples
        commit(s, n)
        first += n
    return first


@jit
def extract_windows(s: Block, raw: NDArray[np.int16], features: NDArray[np.uint8]) -> Int:
    """Features of windows that have nothing to do with each other; how many there are.

    ``raw`` (n * window * channels,); ``features`` (n * features,) is written. The stream starts
    anew with each window, and at the end.
    """
    at = s.q
    size, length = at[WINDOW] * at[at[PLAN]], at[FEATURES]
    n = len(raw) // size
    for i in range(n):
        s.q[PHASE] = 0
        for layer in range(at[LAYERS]):
            s.d[at[FILL] + layer] = 0
        window = raw[i * size : (i + 1) * size]
        if at[WINDOW] <= CHUNK:
            forward(s, window)
            pool_window(s, at[WINDOW])
        else:
            extract(s, window, 0)
        copy(present_features(s), features[i * length : (i + 1) * length])
    return n


@jit
def window_complete(s: Block) -> bool:
    """Whether a window ends with the sample consumed last."""
    past = s.q[PHASE] - s.q[WINDOW]
    return past >= 0 and past % s.q[HOP] == 0
