"""The fused core: the straight line from a block of samples to predictions and questions.

It only composes the other kernels, as `odl.core.kernels.command` does for answers;
``odl.core.session`` can compose the same ones through Python objects, and a test holds the two equal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.events import NO_CLASS
from odl.core.kernels.ask import ask, copy, to_settle
from odl.core.kernels.block import (
    CHANGE,
    COUNTS,
    FEATURES,
    FORWARD,
    HAS_PREVIOUS,
    HELD,
    HOLD,
    HOP,
    MOST_CHANNELS,
    N_ROWS,
    OUT,
    OUT_BYTES,
    OUT_HELD,
    OUT_KIND,
    OUT_N_PATH,
    OUT_N_SCORES,
    OUT_PATH,
    OUT_SCORES,
    OUT_WINDOW,
    OUTPUTS,
    POSITION,
    POSITIONS,
    PRESENT,
    PREVIOUS,
    RING,
    RING_AT,
    SAMPLE,
    SEGMENT,
    WINDOW,
    Block,
)  # fmt: skip
from odl.core.kernels.decide import decide
from odl.core.kernels.distance import distance
from odl.core.kernels.extract import extract, window_complete
from odl.core.kernels.jit import Int, jit
from odl.core.kernels.net import Emit
from odl.core.kernels.pool import pool
from odl.core.kernels.score import score, uncertainty
from odl.core.state import Count

PREDICTION = int(Emit.PREDICTION)
WINDOWS = COUNTS + int(Count.WINDOWS)
NOBODY = NO_CLASS


@jit
def previous_features(s: Block) -> NDArray[np.uint8]:
    """The features of the window before."""
    return s.b[s.q[PREVIOUS] : s.q[PREVIOUS] + s.q[FEATURES]]


@jit
def start_window(s: Block, features: NDArray[np.uint8]) -> None:
    """Pool the ring into ``features`` and notice whether the stream has changed."""
    at = s.q
    positions, outputs = at[POSITIONS], at[OUTPUTS]
    ring = s.b[at[RING] : at[RING] + positions * outputs]
    pool(ring, positions, s.d[at[RING_AT]], features)
    previous = previous_features(s)
    if s.b[at[HAS_PREVIOUS]] != 0 and distance(features, previous) > s.q[CHANGE]:
        s.q[SEGMENT] += 1
        s.b[at[HELD]] = NOBODY
    copy(features, previous)
    s.b[at[HAS_PREVIOUS]] = 1


@jit
def emit_prediction(s: Block, window: Int, length: Int, n: Int) -> Int:
    """Complete record ``n``, whose path and scores are written already."""
    at = s.q
    byte = at[OUT] + n * at[OUT_BYTES]
    s.b[byte + OUT_KIND] = PREDICTION
    s.q[(byte >> 3) + OUT_WINDOW] = window
    s.b[byte + OUT_N_PATH] = length
    s.b[byte + OUT_N_SCORES] = s.d[at[N_ROWS]]
    s.b[byte + OUT_HELD] = s.b[at[HELD]] if s.q[HOLD] != 0 else NOBODY
    return n + 1


@jit
def run(s: Block, raw: NDArray[np.int16], first: Int, settled: bool) -> tuple[Int, Int, bool]:
    """Consume ``raw`` (n * channels,) from row ``first`` on, up to the first window's end.

    Returns the row after the last one consumed, the number of output records, and whether
    questions must be settled (`odl.core.kernels.command`) before the window that is complete
    is predicted: the next call, with ``settled``, then begins with that window.
    """
    at = s.q
    x = s.h[at[SAMPLE] : at[SAMPLE] + MOST_CHANNELS]
    y = s.h[at[FORWARD] : at[FORWARD] + MOST_CHANNELS]
    n: Int = np.int64(0)
    i = first
    if not settled:
        i = extract(s, raw, first, x, y)
        if i == first or not window_complete(s):
            return i, n, False
    end = s.q[POSITION]
    if not settled and to_settle(s, end):
        return i, n, True
    features = s.b[at[PRESENT] : at[PRESENT] + at[FEATURES]]
    start_window(s, features)
    byte = at[OUT] + n * at[OUT_BYTES]
    scores = s.u[(byte >> 1) + at[OUT_SCORES] : (byte + at[OUT_BYTES]) >> 1]
    length = score(s, features, scores, s.b[byte + OUT_PATH : byte + at[OUT_BYTES]])
    utility = uncertainty(s, scores)
    window = end - at[WINDOW]
    n = emit_prediction(s, window, length, n)
    if decide(s, features, utility, end, at[HOP]):
        n = ask(s, features, window, end, utility, n)
    s.q[WINDOWS] += 1
    return i, n, False
