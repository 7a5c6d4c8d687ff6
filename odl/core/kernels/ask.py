"""The open questions: asked, answered, skipped, expired, collected into the log.

Questions stand in ``ask_*`` in window order. A batch closes when it is full or the
period's budget is spent; it is collected when each of its questions is settled.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.events import NO_CLASS, Why
from odl.core.kernels.emit import emit_dropped, emit_learned, emit_query
from odl.core.kernels.jit import Int, jit
from odl.core.kernels.score import row_of
from odl.core.state import Asked, Count, Entry

NOBODY = NO_CLASS
OPEN, ANSWERED, SKIPPED, EXPIRED = (
    int(Asked.OPEN), int(Asked.ANSWERED), int(Asked.SKIPPED), int(Asked.EXPIRED),
)  # fmt: skip
LABEL = int(Entry.LABEL)
WHY_EXPIRED, WHY_LATE, WHY_REPEATED, WHY_UNKNOWN, WHY_NO_SUCH_CLASS, WHY_FULL, WHY_SKIPPED = (
    int(Why.EXPIRED), int(Why.LATE), int(Why.REPEATED), int(Why.UNKNOWN),
    int(Why.NO_SUCH_CLASS), int(Why.FULL), int(Why.SKIPPED),
)  # fmt: skip
N_QUERIES, N_ANSWERED, N_SKIPPED, N_EXPIRED, N_LATE, N_REPEATED, N_UNKNOWN, N_NO_SUCH, N_FULL = (
    int(Count.QUERIES), int(Count.ANSWERED), int(Count.SKIPPED), int(Count.EXPIRED),
    int(Count.LATE), int(Count.REPEATED), int(Count.UNKNOWN), int(Count.NO_SUCH_CLASS),
    int(Count.FULL),
)  # fmt: skip


@jit
def ask(
    state: NDArray[Any], settings: NDArray[Any], features: NDArray[np.uint8], window: Int,
    end: Int, utility: Int, out: NDArray[Any], n: Int,
) -> Int:  # fmt: skip
    """Issue a question about ``window``, which ended at ``end``; there is room for it."""
    s = state[0]
    i = s["n_ask"]
    s["ask_window"][i] = window
    s["ask_expires"][i] = end + settings[0]["patience"]
    s["ask_batch"][i] = s["batch"]
    s["ask_order"][i] = 0
    s["ask_segment"][i] = s["segment"]
    s["ask_status"][i] = OPEN
    s["ask_class"][i] = NOBODY
    s["ask_features"][i][:] = features
    s["n_ask"] = i + 1
    s["issued"] += 1
    s["counts"][N_QUERIES] += 1
    s["n_batch"] += 1
    if s["n_batch"] >= settings[0]["batch"] or s["issued"] >= settings[0]["allowed"]:
        s["batch"] += 1
        s["n_batch"] = 0
        s["n_far"] = 0
    return emit_query(out, n, window, utility, end + settings[0]["patience"])


@jit
def expire(state: NDArray[Any], now: Int, out: NDArray[Any], n: Int) -> Int:
    """Settle every open question whose time has passed at ``now``."""
    s = state[0]
    for i in range(s["n_ask"]):
        if s["ask_status"][i] == OPEN and s["ask_expires"][i] <= now:
            s["ask_status"][i] = EXPIRED
            s["counts"][N_EXPIRED] += 1
            n = emit_dropped(out, n, now, s["ask_window"][i], WHY_EXPIRED)
    return n


@jit
def answer(
    state: NDArray[Any], log: NDArray[Any], at: Int, window: Int, cls: Int,
    out: NDArray[Any], n: Int,
) -> Int:  # fmt: skip
    """Take an answer (``cls`` 255: a skip) about ``window`` at ``at``, after `expire`."""
    s = state[0]
    for i in range(s["n_ask"]):
        if s["ask_window"][i] != window:
            continue
        if s["ask_status"][i] == EXPIRED:
            s["counts"][N_LATE] += 1
            return emit_dropped(out, n, at, window, WHY_LATE)
        if s["ask_status"][i] != OPEN:
            s["counts"][N_REPEATED] += 1
            return emit_dropped(out, n, at, window, WHY_REPEATED)
        if cls == NOBODY:
            s["ask_status"][i] = SKIPPED
            s["counts"][N_SKIPPED] += 1
            return emit_dropped(out, n, at, window, WHY_SKIPPED)
        if row_of(state, cls) < 0:
            s["counts"][N_NO_SUCH] += 1
            return emit_dropped(out, n, at, window, WHY_NO_SUCH_CLASS)
        s["ask_status"][i] = ANSWERED
        s["ask_class"][i] = cls
        s["answers"] += 1
        s["ask_order"][i] = s["answers"]
        s["counts"][N_ANSWERED] += 1
        if s["ask_segment"][i] == s["segment"]:
            s["held"] = cls
        return n
    for i in range(s["n_log"]):
        if log[i]["kind"] == LABEL and log[i]["window"] == window:
            s["counts"][N_REPEATED] += 1
            return emit_dropped(out, n, at, window, WHY_REPEATED)
    s["counts"][N_UNKNOWN] += 1
    return emit_dropped(out, n, at, window, WHY_UNKNOWN)


@jit
def settled_batch(state: NDArray[Any]) -> Int:
    """The earliest closed batch whose questions are all settled, or -1."""
    s = state[0]
    found = np.int64(-1)
    i = s["n_ask"] - 1
    while i >= 0:
        batch = s["ask_batch"][i]
        if batch < s["batch"]:
            settled = True
            for j in range(s["n_ask"]):
                if s["ask_batch"][j] == batch and s["ask_status"][j] == OPEN:
                    settled = False
            if settled:
                found = np.int64(batch)
        i -= 1
    return found


@jit
def collect(state: NDArray[Any], log: NDArray[Any], batch: Int, now: Int, out: NDArray[Any], n: Int) -> Int:
    """Move the answers of ``batch`` to the log in window order and forget its questions."""
    s = state[0]
    kept = 0
    for i in range(s["n_ask"]):
        if s["ask_batch"][i] != batch:
            if kept != i:
                move(state, i, kept)
            kept += 1
        elif s["ask_status"][i] == ANSWERED:
            if s["n_log"] >= log.shape[0]:
                s["counts"][N_FULL] += 1
                n = emit_dropped(out, n, now, s["ask_window"][i], WHY_FULL)
                continue
            cls = s["ask_class"][i]
            head = s["row_head"][row_of(state, cls)]
            entry = log[s["n_log"]]
            entry["window"] = s["ask_window"][i]
            entry["order"] = s["ask_order"][i]
            entry["kind"] = LABEL
            entry["cls"] = cls
            entry["head"] = head
            entry["features"][: s["ask_features"].shape[1]] = s["ask_features"][i]
            s["n_log"] += 1
            n = emit_learned(out, n, now, s["ask_window"][i], cls, head)
    s["n_ask"] = kept
    return n


@jit
def move(state: NDArray[Any], source: Int, target: Int) -> None:
    """Copy question ``source`` to place ``target``."""
    s = state[0]
    s["ask_window"][target] = s["ask_window"][source]
    s["ask_expires"][target] = s["ask_expires"][source]
    s["ask_batch"][target] = s["ask_batch"][source]
    s["ask_order"][target] = s["ask_order"][source]
    s["ask_segment"][target] = s["ask_segment"][source]
    s["ask_status"][target] = s["ask_status"][source]
    s["ask_class"][target] = s["ask_class"][source]
    s["ask_features"][target][:] = s["ask_features"][source]
