"""The fused core: the straight line from a block of samples to predictions and questions.

It only composes the other kernels, as `odl.core.kernels.command` does for answers;
``odl.core.session`` can compose the same ones through Python objects, and a test holds the two equal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.events import NO_CLASS
from odl.core.kernels.ask import ask, speak, to_settle
from odl.core.kernels.block import (
    BASE_ENDS,
    COUNTS,
    HELD,
    HOLD,
    HOP,
    N_ROWS,
    OUT,
    OUT_BYTES,
    OUT_CLASS,
    OUT_HELD,
    OUT_KIND,
    OUT_N_PATH,
    OUT_N_SCORES,
    OUT_PATH,
    OUT_RECORDS,
    OUT_SCORES,
    OUT_WINDOW,
    PLAN,
    POSITION,
    REFITTING,
    WINDOW,
    Block,
)  # fmt: skip
from odl.core.kernels.decide import decide
from odl.core.kernels.extract import close_chunk, open_chunk, pool_window, present_features, to_window_end
from odl.core.kernels.jit import Int, jit, late
from odl.core.kernels.net import Emit
from odl.core.kernels.score import end_of, score, uncertainty
from odl.core.kernels.segment import notice
from odl.core.state import Count

PREDICTION = int(Emit.PREDICTION)
WINDOWS, QUERIES = COUNTS + int(Count.WINDOWS), COUNTS + int(Count.QUERIES)
NOBODY = NO_CLASS


@jit
def emit_prediction(s: Block, window: Int, length: Int, n: Int) -> Int:
    """Complete record ``n``, whose path and scores are written already.

    Its class is what the image's heads would have said without learning.
    """
    at = s.q
    byte = at[OUT] + n * at[OUT_BYTES]
    s.b[byte + OUT_KIND] = PREDICTION
    s.b[byte + OUT_CLASS] = at[BASE_ENDS]
    s.q[(byte >> 3) + OUT_WINDOW] = window
    s.b[byte + OUT_N_PATH] = length
    s.b[byte + OUT_N_SCORES] = s.d[at[N_ROWS]]
    s.b[byte + OUT_HELD] = s.b[at[HELD]] if s.q[HOLD] != 0 else NOBODY
    return n + 1


@late(37)  # not because it is rare: at a cold start another process compiles it, this one the rest
def predict(s: Block, end: Int, n: Int) -> Int:
    """The window that ended at ``end`` and is pooled: its prediction, and a question if the policy asks."""
    at = s.q
    features = present_features(s)
    window = end - at[WINDOW]
    notice(s, features, window)
    byte = at[OUT] + n * at[OUT_BYTES]
    scores = s.u[(byte >> 1) + at[OUT_SCORES] : (byte + at[OUT_BYTES]) >> 1]
    path = s.b[byte + OUT_PATH : byte + at[OUT_BYTES]]
    length = score(s, features, scores, path)
    speak(s, end_of(path, length))
    utility = uncertainty(s, scores)
    n = emit_prediction(s, window, length, n)
    if decide(s, features, utility, end, at[HOP]):
        n = ask(s, window, end, utility, n)
    s.q[WINDOWS] += 1
    return n


@jit
def run(
    s: Block, raw: NDArray[np.int16], first: Int, settled: bool, pause: bool
) -> tuple[Int, Int, bool]:  # fmt: skip
    """Consume ``raw`` (n * channels,) from row ``first`` on, all its windows included.

    Stops earlier where the output records are full, with ``pause`` behind a window that is asked
    about, and where questions must be settled or a refit goes on (`odl.core.kernels.command`) before a
    window that is complete is predicted: the next call, with ``settled``, then begins with that window.

    Returns the row after the last one consumed, the number of output records, and whether
    questions must be settled.
    """
    at = s.q
    rows = len(raw) // at[at[PLAN]]
    n: Int = np.int64(0)
    while True:
        chunk = open_chunk(s, raw, first)
        done: Int = np.int64(0)
        stop = False
        while not stop:
            if not settled:
                step = to_window_end(s, done)
                if step > chunk - done:
                    break
                done += step
                settled = s.b[at[REFITTING]] != 0 or to_settle(s, s.q[POSITION] + done)
                if settled:
                    close_chunk(s, raw, first, chunk, done)
                    return first + done, n, True
            settled = False
            pool_window(s, done)
            asked = s.q[QUERIES]
            n = predict(s, s.q[POSITION] + done, n)
            stop = n + 2 > at[OUT_RECORDS] or (pause and s.q[QUERIES] != asked)
        if not stop:
            done = chunk
        close_chunk(s, raw, first, chunk, done)
        first += done
        if stop or first >= rows:
            return first, n, False
