"""All heads on one feature vector: path, scores, uncertainty."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.events import NO_CLASS
from odl.core.kernels.dense import dense
from odl.core.kernels.jit import Int, jit
from odl.core.kernels.softmax import ONE, softmax

NOBODY = NO_CLASS
MAX_ROWS = 20
MAX_HEADS = 8


@jit
def head_probabilities(
    state: NDArray[Any], head: Int, features: NDArray[np.uint8], rows: NDArray[np.int32],
    out: NDArray[np.int64],
) -> Int:  # fmt: skip
    """Softmax of one task over its active rows; how many there are.

    ``rows`` and ``out`` (20,) receive the row numbers and their Q15 probabilities.
    """
    s = state[0]
    logits = np.empty(MAX_ROWS, np.int64)
    n = 0
    for r in range(s["n_rows"]):
        if s["row_head"][r] == head and s["row_active"][r] != 0:
            rows[n] = r
            logits[n] = dense(s["weights"][r], features)
            n += 1
    if n > 0:
        softmax(logits, n, s["head_format"][head], out)
    return n


@jit
def row_of(state: NDArray[Any], cls: Int) -> Int:
    """The row of class ``cls``, or -1."""
    s = state[0]
    for r in range(s["n_rows"]):
        if s["row_class"][r] == cls:
            return r
    return -1


@jit
def score(
    state: NDArray[Any], features: NDArray[np.uint8], scores: NDArray[np.uint16],
    path: NDArray[np.uint8],
) -> Int:  # fmt: skip
    """Run every task on ``features``; the length of the path.

    ``scores`` (rows,) receives for each row the Q15 probability of its class, the product
    of the probabilities along its path, each product rounded; rows that take no part get
    0. ``path`` receives class ids by hard routing from the root (ties: the earlier row).
    A task takes part when it has at least two active rows, so a new one waits for its
    second class. A task's parent stands in an earlier task, so one pass is enough.
    """
    s = state[0]
    rows = np.empty(MAX_ROWS, np.int32)
    chances = np.empty(MAX_ROWS, np.int64)
    best = np.full(MAX_HEADS, NOBODY, np.uint8)
    for r in range(s["n_rows"]):
        scores[r] = 0
    for head in range(s["n_heads"]):
        above = np.int64(ONE)
        if s["head_parent"][head] != NOBODY:
            parent = row_of(state, s["head_parent"][head])
            above = np.int64(scores[parent]) if parent >= 0 else np.int64(0)
        n = head_probabilities(state, head, features, rows, chances)
        if n < 2:
            continue
        top = 0
        for i in range(n):
            if chances[i] > chances[top]:
                top = i
            scores[rows[i]] = np.uint16((chances[i] * above + 16384) >> np.int64(15))
        best[head] = s["row_class"][rows[top]]
    length = 0
    at: Int = 0
    while at >= 0 and best[at] != NOBODY:
        path[length] = best[at]
        length += 1
        at = head_under(state, path[length - 1])
    return length


@jit
def head_under(state: NDArray[Any], cls: Int) -> Int:
    """The task that hangs under class ``cls``, or -1."""
    s = state[0]
    for head in range(s["n_heads"]):
        if s["head_parent"][head] == cls:
            return head
    return -1


@jit
def uncertainty(state: NDArray[Any], scores: NDArray[np.uint16]) -> Int:
    """``1 - (p1 - p2)`` in Q15 over the leaves, 0 to 32768 (TActiLE's informativeness).

    A leaf is a row without a task below it that takes part.
    """
    s = state[0]
    first = np.int64(0)
    second = np.int64(0)
    for r in range(s["n_rows"]):
        below = head_under(state, s["row_class"][r])
        if below >= 0:
            children = 0
            for q in range(s["n_rows"]):
                if s["row_head"][q] == below and s["row_active"][q] != 0:
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
