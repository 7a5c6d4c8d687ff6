"""The tree of heads: its rows and tasks, and one set of weights on one feature vector."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.events import NO_CLASS
from odl.core.kernels.block import (
    BEST,
    CHANCES,
    CHANGED,
    COUNTED,
    FEATURES,
    HEAD_FORMAT,
    HEAD_PARENT,
    LOGITS,
    MOST_HEADS,
    MOST_ROWS,
    N_HEADS,
    N_ROWS,
    ROW_ACTIVE,
    ROW_CLASS,
    ROW_HEAD,
    ROWS,
    Block,
)  # fmt: skip
from odl.core.kernels.dense import dense
from odl.core.kernels.jit import Int, jit
from odl.core.kernels.softmax import ONE, softmax

NOBODY = NO_CLASS
MAX_ROWS, MAX_HEADS = MOST_ROWS, MOST_HEADS
REMOVED = 255  # in `COUNTED`: the row counts as none


@jit
def weights_of(s: Block, first: Int, row: Int) -> NDArray[np.int32]:
    """The weights of a row, (features + 1,), of those that begin at ``first``."""
    size = s.q[FEATURES] + 1
    begin = first + row * size
    return s.d[begin : begin + size]


@jit
def head_probabilities(
    s: Block, head: Int, features: NDArray[np.uint8], weights: Int, active: Int, n_rows: Int,
    rows: NDArray[np.int32], out: NDArray[np.int64],
) -> Int:  # fmt: skip
    """Softmax of one task over its active rows; how many there are.

    ``weights`` and ``active`` are where the weights and the marks of active rows begin, of which
    the first ``n_rows`` count. ``rows`` and ``out`` (64,) receive the row numbers and their Q15
    probabilities. A row alone gets 32768. Rows of removed classes take no part.
    """
    at = s.q
    logits = s.q[at[LOGITS] : at[LOGITS] + MAX_ROWS]
    n = 0
    for r in range(n_rows):
        part = s.b[active + r] != 0 and s.b[at[COUNTED] + r] != REMOVED
        if part and s.b[at[ROW_HEAD] + r] == head:
            rows[n] = r
            logits[n] = dense(weights_of(s, weights, r), features)
            n += 1
    if n > 0:
        softmax(logits, n, s.b[at[HEAD_FORMAT] + head], out)
    return n


@jit
def fold(s: Block, rows: NDArray[np.int32], chances: NDArray[np.int64], n: Int) -> Int:
    """Add the chances of merged classes to those that they count as; how many rows are left, in order."""
    at = s.q
    sums = s.q[at[LOGITS] : at[LOGITS] + MAX_ROWS]
    for r in range(MAX_ROWS):
        sums[r] = -1
    for i in range(n):
        to = s.b[at[COUNTED] + rows[i]]
        sums[to] = max(sums[to], np.int64(0)) + chances[i]
    left = 0
    for r in range(MAX_ROWS):
        if sums[r] >= 0:
            rows[left] = r
            chances[left] = min(sums[r], np.int64(ONE))
            left += 1
    return left


@jit
def row_of(s: Block, cls: Int) -> Int:
    """The row of class ``cls``, or -1."""
    at = s.q
    for r in range(np.int64(s.d[at[N_ROWS]])):
        if s.b[at[ROW_CLASS] + r] == cls:
            return r
    return -1


@jit
def head_under(s: Block, cls: Int) -> Int:
    """The task that hangs under class ``cls``, or -1."""
    at = s.q
    for head in range(np.int64(s.d[at[N_HEADS]])):
        if s.b[at[HEAD_PARENT] + head] == cls:
            return head
    return -1


@jit
def above(s: Block, cls: Int) -> Int:
    """The class that the task of ``cls`` hangs under, 255 at the root."""
    at = s.q
    return np.int64(s.b[at[HEAD_PARENT] + s.b[at[ROW_HEAD] + row_of(s, cls)]])


@jit
def products(
    s: Block, features: NDArray[np.uint8], weights: Int, n_rows: Int, n_heads: Int,
    out: NDArray[np.int64],
) -> None:  # fmt: skip
    """For each row the Q15 probability of its class, and in ``BEST`` each task's likeliest class.

    The product of the probabilities along its path, each product rounded; rows that take no part
    get 0. A task without an active row has no likeliest class (255); of equals it is the earlier row.
    A task's parent stands in an earlier task, so one pass is enough.
    """
    at = s.q
    rows = s.d[at[ROWS] : at[ROWS] + MAX_ROWS]
    chances = s.q[at[CHANCES] : at[CHANCES] + MAX_ROWS]
    best = s.b[at[BEST] : at[BEST] + MAX_HEADS]
    for head in range(MAX_HEADS):
        best[head] = NOBODY
    for r in range(n_rows):
        out[r] = 0
    for head in range(n_heads):
        share = np.int64(ONE)
        if s.b[at[HEAD_PARENT] + head] != NOBODY:
            share = out[row_of(s, np.int64(s.b[at[HEAD_PARENT] + head]))]
        n = head_probabilities(s, head, features, weights, at[ROW_ACTIVE], n_rows, rows, chances)
        if n == 0:
            continue
        if at[CHANGED] != 0:
            n = fold(s, rows, chances, n)
        top = 0
        for i in range(n):
            if chances[i] > chances[top]:
                top = i
            out[rows[i]] = np.int64((chances[i] * share + 16384) >> np.int64(15))
        best[head] = s.b[at[ROW_CLASS] + rows[top]]
