"""All heads on one feature vector: what they say together with the image's own.

Learned heads can be wrong where the image's were right. So both are asked: known classes get the
mean of the two probabilities, and where the two name different leaves the answers so far decide
(`odl.core.kernels.gate`) whose word counts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.events import NO_CLASS
from odl.core.kernels.block import (
    ADAPTED,
    BASE,
    BASE_ENDS,
    BASE_HEADS,
    BASE_ROWS,
    BASE_SAYS,
    BASED,
    BEST,
    COUNTED,
    HEAD_PARENT,
    INNER,
    LEARNED,
    MIX_SAYS,
    N_HEADS,
    N_ROWS,
    ROW_ACTIVE,
    ROW_CLASS,
    ROW_HEAD,
    WEIGHTS,
    Block,
)  # fmt: skip
from odl.core.kernels.changes import count_changes, has_classes
from odl.core.kernels.gate import opened
from odl.core.kernels.heads import MAX_ROWS, REMOVED, head_under, products, row_of
from odl.core.kernels.jit import Int, jit, late
from odl.core.kernels.softmax import ONE

NOBODY = NO_CLASS


@jit
def mark_inner(s: Block) -> NDArray[np.uint8]:
    """Which rows (rows,) have a task under their class; the others are leaves."""
    at = s.q
    inner = s.b[at[INNER] : at[INNER] + MAX_ROWS]
    for r in range(np.int64(s.d[at[N_ROWS]])):
        inner[r] = 0
    for head in range(1, np.int64(s.d[at[N_HEADS]])):
        if has_classes(s, np.int64(head)):
            inner[row_of(s, np.int64(s.b[at[HEAD_PARENT] + head]))] = 1
    return inner


@jit
def routed(s: Block, path: NDArray[np.uint8]) -> Int:
    """The likeliest class of each task from the root down; how many there are."""
    at = s.q
    length = 0
    task: Int = 0
    while task >= 0 and s.b[at[BEST] + task] != NOBODY:
        path[length] = s.b[at[BEST] + task]
        length += 1
        task = head_under(s, np.int64(path[length - 1]))
    return length


@jit
def path_to(s: Block, row: Int, path: NDArray[np.uint8]) -> Int:
    """Classes from the root down to that of ``row``; how many there are."""
    at = s.q
    length = 0
    above = row
    while above >= 0:
        length += 1
        parent = np.int64(s.b[at[HEAD_PARENT] + s.b[at[ROW_HEAD] + above]])
        above = row_of(s, parent) if parent != NOBODY else np.int64(-1)
    place = length
    above = row
    while place > 0:
        place -= 1
        path[place] = s.b[at[ROW_CLASS] + above]
        parent = np.int64(s.b[at[HEAD_PARENT] + s.b[at[ROW_HEAD] + above]])
        above = row_of(s, parent) if parent != NOBODY else np.int64(-1)
    return length


@jit
def mix(s: Block, adapted: NDArray[np.int64], based: NDArray[np.int64], inner: NDArray[np.uint8]) -> None:
    """Both probabilities of each row in one, into ``adapted``.

    A known row gets the mean of the two, the image's less what the learned heads give to new
    leaves; a new one keeps its own. A row with a task below has the sum of that task's rows.
    """
    at = s.q
    known, rows = at[BASE_ROWS], np.int64(s.d[at[N_ROWS]])
    new = np.int64(0)
    for r in range(known, rows):
        if inner[r] == 0:
            new = np.int64(new + adapted[r])
    rest = np.int64(ONE) - min(new, np.int64(ONE))
    for r in range(known):
        image = np.int64((rest * based[r] + 16384) >> np.int64(15))
        adapted[r] = np.int64((adapted[r] + image + 1) >> np.int64(1))
    for i in range(1, np.int64(s.d[at[N_HEADS]])):
        head = s.d[at[N_HEADS]] - i
        total = np.int64(0)
        there = False
        for r in range(rows):
            part = s.b[at[ROW_ACTIVE] + r] != 0 and s.b[at[COUNTED] + r] != REMOVED
            if part and s.b[at[ROW_HEAD] + r] == head:
                total = np.int64(total + adapted[r])
                there = True
        if there:
            adapted[row_of(s, np.int64(s.b[at[HEAD_PARENT] + head]))] = min(total, np.int64(ONE))


@jit
def likeliest_leaf(s: Block, scores: NDArray[np.int64], inner: NDArray[np.uint8]) -> Int:
    """The leaf row with the highest score, the earlier one on a tie; -1 if all are 0."""
    best = np.int64(-1)
    top = np.int64(0)
    for r in range(np.int64(s.d[s.q[N_ROWS]])):
        if inner[r] == 0 and scores[r] > top:
            top = scores[r]
            best = np.int64(r)
    return best


@jit
def end_of(path: NDArray[np.uint8], length: Int) -> Int:
    """The last class of a path, 255 if it is empty."""
    return np.int64(path[length - 1]) if length > 0 else np.int64(NOBODY)


@jit
def leaf_of(s: Block, path: NDArray[np.uint8], length: Int) -> Int:
    """The last class of a path if it is a leaf, else 255."""
    if length == 0:
        return np.int64(NOBODY)
    head = head_under(s, np.int64(path[length - 1]))
    return np.int64(NOBODY) if head >= 0 and has_classes(s, np.int64(head)) else np.int64(path[length - 1])


@late(36)
def score_learned(
    s: Block, features: NDArray[np.uint8], scores: NDArray[np.uint16],
    path: NDArray[np.uint8],
) -> Int:  # fmt: skip
    """As `score`, behind the learned heads' own probabilities, where there are learned heads."""
    at = s.q
    rows = np.int64(s.d[at[N_ROWS]])
    adapted = s.q[at[ADAPTED] : at[ADAPTED] + MAX_ROWS]
    inner = mark_inner(s)
    based = s.q[at[BASED] : at[BASED] + MAX_ROWS]
    products(s, features, at[BASE], at[BASE_ROWS], at[BASE_HEADS], based)
    for r in range(at[BASE_ROWS], rows):
        based[r] = 0
    length = routed(s, path)
    at[BASE_ENDS] = end_of(path, length)
    base_leaf = leaf_of(s, path, length)
    mix(s, adapted, based, inner)
    row = likeliest_leaf(s, adapted, inner)
    leaf = np.int64(s.b[at[ROW_CLASS] + row]) if row >= 0 else np.int64(NOBODY)
    at[BASE_SAYS] = base_leaf
    at[MIX_SAYS] = leaf
    shown = based
    if row >= 0 and (leaf == base_leaf or opened(s, base_leaf, leaf)):
        length = path_to(s, row, path)
        shown = adapted
    for r in range(rows):
        scores[r] = np.uint16(shown[r])
    return length


@jit
def score(
    s: Block, features: NDArray[np.uint8], scores: NDArray[np.uint16],
    path: NDArray[np.uint8],
) -> Int:  # fmt: skip
    """Run every task on ``features``; the length of the path.

    ``scores`` (rows,) receives the Q15 probability of each row that is shown, ``path`` the class
    ids from the root down. ``s.q[BASE_SAYS]`` and ``s.q[MIX_SAYS]`` are the leaves that the image's
    heads name and that both name together, ``s.q[BASE_ENDS]`` is the class, leaf or not, that the image's
    path ends at; 255 for none.
    """
    at = s.q
    rows = np.int64(s.d[at[N_ROWS]])
    count_changes(s)
    adapted = s.q[at[ADAPTED] : at[ADAPTED] + MAX_ROWS]
    products(s, features, at[WEIGHTS], rows, np.int64(s.d[at[N_HEADS]]), adapted)
    if s.b[at[LEARNED]] == 0:
        length = routed(s, path)
        at[BASE_ENDS] = end_of(path, length)
        leaf = leaf_of(s, path, length)
        at[BASE_SAYS] = leaf
        at[MIX_SAYS] = leaf
        for r in range(rows):
            scores[r] = np.uint16(adapted[r])
        return length
    return score_learned(s, features, scores, path)


@jit
def uncertainty(s: Block, scores: NDArray[np.uint16]) -> Int:
    """``1 - (p1 - p2)`` in Q15 over the leaves, 0 to 32768 (TActiLE's informativeness).

    What a task without classes would get counts for no leaf, and so as doubt.
    """
    inner = mark_inner(s)
    first = np.int64(0)
    second = np.int64(0)
    for r in range(np.int64(s.d[s.q[N_ROWS]])):
        if inner[r] != 0:
            continue
        value = np.int64(scores[r])
        if value > first:
            second = first
            first = value
        elif value > second:
            second = value
    return np.int64(np.int64(ONE) - (first - second))
