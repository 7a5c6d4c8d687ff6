"""The fused core: a session's step, whole, in one call.

``run`` is the straight line for a block of samples; ``command_*`` the effect of each
command. They only compose the other kernels; ``odl.core.session`` can compose the same ones
through Python objects, and a test holds the two equal.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.events import NO_CLASS
from odl.core.kernels.ask import answer, ask, collect, expire, settled_batch
from odl.core.kernels.decide import decide
from odl.core.kernels.distance import distance
from odl.core.kernels.extract import extract, window_complete
from odl.core.kernels.grow import undo
from odl.core.kernels.jit import Int, jit
from odl.core.kernels.net import Emit, Net
from odl.core.kernels.pool import pool
from odl.core.kernels.refit import refit
from odl.core.kernels.score import score, uncertainty
from odl.core.state import Count

PREDICTION = int(Emit.PREDICTION)
WINDOWS, UNDONE, REFITS = int(Count.WINDOWS), int(Count.UNDONE), int(Count.REFITS)
NOBODY = NO_CLASS


@jit
def begin_window(state: NDArray[Any], settings: NDArray[Any], features: NDArray[np.uint8]) -> None:
    """Pool the ring into ``features`` and notice whether the stream has changed."""
    s = state[0]
    pool(s["ring"], s["ring_at"], features)
    if s["has_previous"] != 0 and distance(features, s["previous"]) > settings[0]["change"]:
        s["segment"] += 1
        s["held"] = NOBODY
    s["previous"][:] = features
    s["has_previous"] = 1


@jit
def emit_prediction(
    state: NDArray[Any], settings: NDArray[Any], window: Int, length: Int, out: NDArray[Any], n: Int
) -> Int:
    """Complete record ``n``, whose path and scores are written already."""
    record = out[n]
    record["kind"] = PREDICTION
    record["window"] = window
    record["n_path"] = length
    record["n_scores"] = state[0]["n_rows"]
    record["held"] = state[0]["held"] if settings[0]["hold"] != 0 else NOBODY
    return n + 1


@jit
def settle(state: NDArray[Any], log: NDArray[Any], net: Net, now: Int, out: NDArray[Any], n: Int) -> Int:
    """Expire questions, learn from every batch that is settled at ``now``."""
    n = expire(state, now, out, n)
    before = state[0]["n_log"]
    batch = settled_batch(state)
    while batch >= 0:
        n = collect(state, log, batch, now, out, n)
        batch = settled_batch(state)
    if state[0]["n_log"] != before:
        refit(state, log, net)
        state[0]["counts"][REFITS] += 1
    return n


@jit
def run(
    state: NDArray[Any], log: NDArray[Any], settings: NDArray[Any], net: Net,
    raw: NDArray[np.int16], first: Int, out: NDArray[Any],
) -> tuple[Int, Int]:  # fmt: skip
    """Consume ``raw`` (n, channels) from row ``first`` on, up to the first window's end.

    Returns the row after the last one consumed and the number of output records.
    """
    s = state[0]
    x = np.empty(64, np.int16)
    y = np.empty(64, np.int16)
    n: Int = 0
    i = extract(state, net, raw, first, x, y)
    if i == first or not window_complete(state, net):
        return i, n
    end = s["position"]
    n = settle(state, log, net, end, out, n)
    features = np.empty(s["previous"].shape[0], np.uint8)
    begin_window(state, settings, features)
    scores = out[n]["scores"]
    length = score(state, features, scores, out[n]["path"])
    utility = uncertainty(state, scores)
    window = end - net.window
    n = emit_prediction(state, settings, window, length, out, n)
    if decide(state, settings, features, utility, end, net.hop):
        n = ask(state, settings, features, window, end, utility, out, n)
    s["counts"][WINDOWS] += 1
    return i, n


@jit
def command_label(
    state: NDArray[Any], log: NDArray[Any], net: Net, at: Int, window: Int, cls: Int,
    out: NDArray[Any],
) -> Int:  # fmt: skip
    """An answer about ``window`` arrives at ``at``; the number of output records."""
    n = expire(state, at, out, 0)
    n = answer(state, log, at, window, cls, out, n)
    return settle(state, log, net, at, out, n)


@jit
def command_undo(state: NDArray[Any], log: NDArray[Any], net: Net, at: Int, out: NDArray[Any]) -> Int:
    """Take back the answer given last; the number of output records."""
    n = settle(state, log, net, at, out, 0)
    done = state[0]["counts"][UNDONE]
    n = undo(state, log, at, out, n)
    if state[0]["counts"][UNDONE] != done:
        refit(state, log, net)
        state[0]["counts"][REFITS] += 1
    return n
