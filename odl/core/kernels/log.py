"""The label log: ordered labels, new classes and splits, from which the heads follow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.events import NO_CLASS
from odl.core.kernels.block import (
    BASE_SAYS,
    CHANCES,
    COUNTS,
    FEATURES,
    LOG,
    LOG_BASE,
    LOG_BYTES,
    LOG_CLASS,
    LOG_FEATURES,
    LOG_HEAD,
    LOG_KIND,
    LOG_MIXED,
    LOG_ORDER,
    LOG_WINDOW,
    MAX_LOG,
    MIX_SAYS,
    N_LOG,
    N_ROWS,
    PATH,
    ROW_HEAD,
    SCORES,
    Block,
)  # fmt: skip
from odl.core.kernels.heads import MAX_HEADS, MAX_ROWS, row_of
from odl.core.kernels.jit import Int, jit, jit_vectorised
from odl.core.kernels.score import score
from odl.core.state import Count, Entry

NOBODY = NO_CLASS
LABEL = int(Entry.LABEL)
N_GAVE_WAY = COUNTS + int(Count.GAVE_WAY)


@jit_vectorised
def copy(source: NDArray[np.uint8], target: NDArray[np.uint8]) -> None:
    """Copy features, one by one."""
    for k in range(len(source)):
        target[k] = source[k]


@jit
def log_features(s: Block, i: Int) -> NDArray[np.uint8]:
    """The features of entry ``i`` of the log."""
    first = s.q[LOG] + i * s.q[LOG_BYTES] + LOG_FEATURES
    return s.b[first : first + s.q[FEATURES]]


@jit
def window_of(s: Block, i: Int) -> Int:
    """The window of entry ``i`` of the log."""
    return s.q[((s.q[LOG] + i * s.q[LOG_BYTES]) >> 3) + LOG_WINDOW]


@jit
def labelled(s: Block, window: Int) -> bool:
    """Whether the log has a label of ``window``."""
    for i in range(np.int64(s.d[s.q[N_LOG]])):
        if s.b[s.q[LOG] + i * s.q[LOG_BYTES] + LOG_KIND] == LABEL and window_of(s, i) == window:
            return True
    return False


@jit
def remove_entry(s: Block, place: Int) -> None:
    """Take entry ``place`` out; later ones move up."""
    size = s.q[LOG_BYTES]
    n = np.int64(s.d[s.q[N_LOG]]) - 1
    begin, end = s.q[LOG] + place * size, s.q[LOG] + n * size
    for k in range(begin, end):
        s.b[k] = s.b[k + size]
    for k in range(end, end + size):
        s.b[k] = 0
    s.d[s.q[N_LOG]] = n


@jit
def make_room(s: Block) -> bool:
    """See to it that the log has room for a label; False if it cannot.

    In a full log the first label of the class that has most of them gives way; of equals it is the
    class of the earlier row.
    """
    at = s.q
    entries = np.int64(s.d[at[N_LOG]])
    if entries < at[MAX_LOG]:
        return True
    count = at[at[CHANCES] : at[CHANCES] + MAX_ROWS]
    for row in range(MAX_ROWS):
        count[row] = 0
    for i in range(entries):
        byte = at[LOG] + i * at[LOG_BYTES]
        if s.b[byte + LOG_KIND] == LABEL:
            count[row_of(s, np.int64(s.b[byte + LOG_CLASS]))] += 1
    most = 0
    for row in range(np.int64(s.d[at[N_ROWS]])):
        if count[row] > count[most]:
            most = row
    for i in range(entries):
        byte = at[LOG] + i * at[LOG_BYTES]
        if s.b[byte + LOG_KIND] == LABEL and row_of(s, np.int64(s.b[byte + LOG_CLASS])) == most:
            remove_entry(s, np.int64(i))
            at[N_GAVE_WAY] += 1
            return True
    return False


@jit
def append_label(s: Block, window: Int, order: Int, cls: Int, features: NDArray[np.uint8]) -> Int:
    """Log a label, for which there is room; its task.

    It says what the image's heads and both together think of it now, before it is learned.
    """
    at = s.q
    scores = s.u[at[SCORES] : at[SCORES] + MAX_ROWS]
    score(s, features, scores, s.b[at[PATH] : at[PATH] + MAX_HEADS])
    place = np.int64(s.d[at[N_LOG]])
    byte = at[LOG] + place * at[LOG_BYTES]
    head = np.int64(s.b[at[ROW_HEAD] + row_of(s, cls)])
    s.q[(byte >> 3) + LOG_WINDOW] = window
    s.q[(byte >> 3) + LOG_ORDER] = order
    s.b[byte + LOG_KIND] = LABEL
    s.b[byte + LOG_CLASS] = cls
    s.b[byte + LOG_HEAD] = head
    s.b[byte + LOG_BASE] = at[BASE_SAYS]
    s.b[byte + LOG_MIXED] = at[MIX_SAYS]
    copy(features, log_features(s, place))
    s.d[at[N_LOG]] = place + 1
    return head
