"""The tree: base heads, new classes, splits, and taking an answer back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.events import NO_CLASS, NO_WINDOW, Why
from odl.core.kernels.emit import emit_dropped
from odl.core.kernels.jit import Int, jit
from odl.core.kernels.net import Net
from odl.core.kernels.score import head_under, row_of
from odl.core.state import NAME_BYTES, Asked, Count, Entry

NOBODY = NO_CLASS
NOWHERE = -1  # NO_WINDOW as int64
assert np.uint64(NO_WINDOW).astype(np.int64) == NOWHERE
OPEN, ANSWERED = int(Asked.OPEN), int(Asked.ANSWERED)
UNDONE, LABEL, CLASS, SPLIT = (
    int(Entry.UNDONE), int(Entry.LABEL), int(Entry.CLASS), int(Entry.SPLIT),
)  # fmt: skip
WHY_NO_SUCH_CLASS, WHY_FULL, WHY_NOTHING_TO_UNDO = (
    int(Why.NO_SUCH_CLASS), int(Why.FULL), int(Why.NOTHING_TO_UNDO),
)  # fmt: skip
N_NO_SUCH, N_FULL, N_NOTHING, N_UNDONE = (
    int(Count.NO_SUCH_CLASS), int(Count.FULL), int(Count.NOTHING_TO_UNDO), int(Count.UNDONE),
)  # fmt: skip


@jit
def load_base(state: NDArray[Any], net: Net) -> None:
    """Heads as the image has them."""
    s = state[0]
    rows, heads = net.base.shape[0], net.head_parent.shape[0]
    s["n_rows"] = rows
    s["n_heads"] = heads
    s["weights"][:] = 0
    s["weights"][:rows] = net.base
    s["row_class"][:] = NOBODY
    s["row_head"][:] = NOBODY
    s["row_active"][:] = 0
    s["row_class"][:rows] = net.row_class
    s["row_head"][:rows] = net.row_head
    s["row_active"][:rows] = 1
    s["head_parent"][:] = NOBODY
    s["head_format"][:] = 0
    s["head_parent"][:heads] = net.head_parent
    s["head_format"][:heads] = net.head_format


@jit
def add_row(state: NDArray[Any], cls: Int, head: Int) -> None:
    """An inactive row of zeros for ``cls``; it takes part once a label has come."""
    s = state[0]
    row = s["n_rows"]
    s["row_class"][row] = cls
    s["row_head"][row] = head
    s["row_active"][row] = 0
    s["weights"][row][:] = 0
    s["n_rows"] = row + 1


@jit
def add_head(state: NDArray[Any], leaf: Int) -> None:
    """An empty task under ``leaf``, with the logit format of the task above."""
    s = state[0]
    head = s["n_heads"]
    s["head_parent"][head] = leaf
    s["head_format"][head] = s["head_format"][s["row_head"][row_of(state, leaf)]]
    s["n_heads"] = head + 1


@jit
def new_entry(state: NDArray[Any], log: NDArray[Any], kind: Int, at: Int, cls: Int, head: Int) -> Int:
    """Append an entry without features to the log; its place."""
    s = state[0]
    i = s["n_log"]
    entry = log[i]
    entry["window"] = at
    entry["order"] = 0
    entry["kind"] = kind
    entry["cls"] = cls
    entry["head"] = head
    entry["features"][:] = 0
    s["n_log"] = i + 1
    return i


@jit
def add_class(
    state: NDArray[Any], log: NDArray[Any], at: Int, cls: Int, head: Int, name: NDArray[np.uint8],
    out: NDArray[Any], n: Int,
) -> Int:  # fmt: skip
    """Add class ``cls`` called ``name`` (utf-8, up to 32 bytes) to task ``head``."""
    s = state[0]
    if head >= s["n_heads"] or cls == NOBODY or row_of(state, cls) >= 0:
        s["counts"][N_NO_SUCH] += 1
        return emit_dropped(out, n, at, NOWHERE, WHY_NO_SUCH_CLASS)
    if s["n_rows"] >= s["row_class"].shape[0] or s["n_log"] >= log.shape[0]:
        s["counts"][N_FULL] += 1
        return emit_dropped(out, n, at, NOWHERE, WHY_FULL)
    i = new_entry(state, log, CLASS, at, cls, head)
    for k in range(min(name.shape[0], NAME_BYTES)):
        log[i]["features"][k] = name[k]
    add_row(state, cls, head)
    return n


@jit
def split(
    state: NDArray[Any], log: NDArray[Any], at: Int, leaf: Int, head: Int,
    out: NDArray[Any], n: Int,
) -> Int:  # fmt: skip
    """Hang task ``head``, the next free number, under class ``leaf``."""
    s = state[0]
    if head < s["n_heads"] or row_of(state, leaf) < 0 or head_under(state, leaf) >= 0:
        s["counts"][N_NO_SUCH] += 1
        return emit_dropped(out, n, at, NOWHERE, WHY_NO_SUCH_CLASS)
    if head >= s["head_parent"].shape[0] or s["n_log"] >= log.shape[0]:
        s["counts"][N_FULL] += 1
        return emit_dropped(out, n, at, NOWHERE, WHY_FULL)
    if head > s["n_heads"]:
        s["counts"][N_NO_SUCH] += 1
        return emit_dropped(out, n, at, NOWHERE, WHY_NO_SUCH_CLASS)
    new_entry(state, log, SPLIT, at, leaf, head)
    add_head(state, leaf)
    return n


@jit
def undo(state: NDArray[Any], log: NDArray[Any], at: Int, out: NDArray[Any], n: Int) -> Int:
    """Take back the answer given last; ``state.counts`` tells whether the log changed.

    An answer that has not been learned from reopens its question; one that has is struck
    from the log, and the caller refits.
    """
    s = state[0]
    latest = np.int64(0)
    ask = np.int64(-1)
    entry = np.int64(-1)
    for i in range(s["n_ask"]):
        if s["ask_status"][i] == ANSWERED and s["ask_order"][i] > latest:
            latest = s["ask_order"][i]
            ask = np.int64(i)
    for i in range(s["n_log"]):
        if log[i]["kind"] == LABEL and log[i]["order"] > latest:
            latest = log[i]["order"]
            entry = np.int64(i)
    s["held"] = NOBODY
    if entry >= 0:
        log[entry]["kind"] = UNDONE
    elif ask >= 0:
        s["ask_status"][ask] = OPEN
        s["ask_class"][ask] = NOBODY
        s["ask_order"][ask] = 0
    else:
        s["counts"][N_NOTHING] += 1
        return emit_dropped(out, n, at, NOWHERE, WHY_NOTHING_TO_UNDO)
    s["counts"][N_UNDONE] += 1
    return n
