"""All heads on one feature vector: path, scores, uncertainty."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.events import NO_CLASS
from odl.core.kernels.block import (
    BEST,
    CHANCES,
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
    WEIGHTS,
    Block,
)  # fmt: skip
from odl.core.kernels.dense import dense
from odl.core.kernels.jit import Int, jit
from odl.core.kernels.softmax import ONE, softmax

NOBODY = NO_CLASS
MAX_ROWS, MAX_HEADS = MOST_ROWS, MOST_HEADS


@jit
def weights_of(s: Block, row: Int) -> NDArray[np.int32]:
    """The weights of a row, (features + 1,)."""
    size = s.q[FEATURES] + 1
    first = s.q[WEIGHTS] + row * size
    return s.d[first : first + size]


@jit
def head_probabilities(
    s: Block, head: Int, features: NDArray[np.uint8], rows: NDArray[np.int32],
    out: NDArray[np.int64],
) -> Int:  # fmt: skip
    """Softmax of one task over its active rows; how many there are.

    ``rows`` and ``out`` (64,) receive the row numbers and their Q15 probabilities.
    """
    at = s.q
    logits = s.q[at[LOGITS] : at[LOGITS] + MAX_ROWS]
    n = 0
    for r in range(np.int64(s.d[at[N_ROWS]])):
        if s.b[at[ROW_HEAD] + r] == head and s.b[at[ROW_ACTIVE] + r] != 0:
            rows[n] = r
            logits[n] = dense(weights_of(s, r), features)
            n += 1
    if n > 0:
        softmax(logits, n, s.b[at[HEAD_FORMAT] + head], out)
    return n


@jit
def row_of(s: Block, cls: Int) -> Int:
    """The row of class ``cls``, or -1."""
    at = s.q
    for r in range(np.int64(s.d[at[N_ROWS]])):
        if s.b[at[ROW_CLASS] + r] == cls:
            return r
    return -1


@jit
def score(
    s: Block, features: NDArray[np.uint8], scores: NDArray[np.uint16],
    path: NDArray[np.uint8],
) -> Int:  # fmt: skip
    """Run every task on ``features``; the length of the path.

    ``scores`` (rows,) receives for each row the Q15 probability of its class, the product
    of the probabilities along its path, each product rounded; rows that take no part get
    0. ``path`` receives class ids by hard routing from the root (ties: the earlier row).
    A task takes part when it has at least two active rows, so a new one waits for its
    second class. A task's parent stands in an earlier task, so one pass is enough.
    """
    at = s.q
    rows = s.d[at[ROWS] : at[ROWS] + MAX_ROWS]
    chances = s.q[at[CHANCES] : at[CHANCES] + MAX_ROWS]
    best = s.b[at[BEST] : at[BEST] + MAX_HEADS]
    for head in range(MAX_HEADS):
        best[head] = NOBODY
    for r in range(np.int64(s.d[at[N_ROWS]])):
        scores[r] = 0
    for head in range(np.int64(s.d[at[N_HEADS]])):
        above = np.int64(ONE)
        if s.b[at[HEAD_PARENT] + head] != NOBODY:
            parent = row_of(s, s.b[at[HEAD_PARENT] + head])
            above = np.int64(scores[parent]) if parent >= 0 else np.int64(0)
        n = head_probabilities(s, head, features, rows, chances)
        if n < 2:
            continue
        top = 0
        for i in range(n):
            if chances[i] > chances[top]:
                top = i
            scores[rows[i]] = np.uint16((chances[i] * above + 16384) >> np.int64(15))
        best[head] = s.b[at[ROW_CLASS] + rows[top]]
    length = 0
    task: Int = 0
    while task >= 0 and best[task] != NOBODY:
        path[length] = best[task]
        length += 1
        task = head_under(s, path[length - 1])
    return length


@jit
def head_under(s: Block, cls: Int) -> Int:
    """The task that hangs under class ``cls``, or -1."""
    at = s.q
    for head in range(np.int64(s.d[at[N_HEADS]])):
        if s.b[at[HEAD_PARENT] + head] == cls:
            return head
    return -1


@jit
def uncertainty(s: Block, scores: NDArray[np.uint16]) -> Int:
    """``1 - (p1 - p2)`` in Q15 over the leaves, 0 to 32768 (TActiLE's informativeness).

    A leaf is a row without a task below it that takes part.
    """
    at = s.q
    first = np.int64(0)
    second = np.int64(0)
    for r in range(np.int64(s.d[at[N_ROWS]])):
        below = head_under(s, s.b[at[ROW_CLASS] + r])
        if below >= 0:
            children = 0
            for q in range(np.int64(s.d[at[N_ROWS]])):
                if s.b[at[ROW_HEAD] + q] == below and s.b[at[ROW_ACTIVE] + q] != 0:
                    children += 1
            if children >= 2:
                continue
        value = np.int64(scores[r])
        if value > first:
            second = first
            first = value
        elif value > second:
            second = value
    return np.int64(np.int64(ONE) - (first - second))
