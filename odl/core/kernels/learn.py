"""The gradient steps of a refit: each task learns from the items on whose path it is, in their order.

Tasks know nothing of each other, so one learns from all items before the next one does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.events import NO_CLASS
from odl.core.kernels.block import (
    CHANCES,
    COUNTED,
    FEATURES,
    HEAD_PARENT,
    ITEMS,
    LEARNING,
    LOG,
    LOG_BYTES,
    LOG_CLASS,
    MAX_LOG,
    N_HEADS,
    N_ROWS,
    NEXT,
    NEXT_ACTIVE,
    OWNERS,
    PLACES,
    ROW_CLASS,
    ROW_HEAD,
    ROWS,
    STORED,
    TASK_ROWS,
    TOUCHED,
    Block,
)  # fmt: skip
from odl.core.kernels.changes import counts_as
from odl.core.kernels.heads import MAX_ROWS, REMOVED, head_probabilities, row_of, weights_of
from odl.core.kernels.jit import Int, jit
from odl.core.kernels.log import log_features
from odl.core.kernels.narrow import (
    end_narrow,
    farthest,
    first_logits,
    narrow_errors,
    narrow_step,
    room_of,
    spread_features,
    start_narrow,
)
from odl.core.kernels.sgd import sgd
from odl.core.kernels.softmax import ONE

NOBODY = NO_CLASS


@jit
def class_of(s: Block, i: Int) -> Int:
    """The class that the label in entry ``i`` of the log counts as, 255 for none."""
    return counts_as(s, np.int64(s.b[s.q[LOG] + i * s.q[LOG_BYTES] + LOG_CLASS]))


@jit
def place_rows(s: Block, head: Int) -> Int:
    """Write the rows of a task in use to `TASK_ROWS`, and to `PLACES` which of them is on the path of each
    class, 255 if none is; how many rows are in use.
    """  # fmt: skip
    at = s.q
    n = np.int64(0)
    s.b[at[PLACES] + NOBODY] = NOBODY  # what counts as no class teaches nothing
    for r in range(np.int64(s.d[at[N_ROWS]])):
        part = s.b[at[NEXT_ACTIVE] + r] != 0 and s.b[at[COUNTED] + r] != REMOVED
        if part and s.b[at[ROW_HEAD] + r] == head:
            s.d[at[TASK_ROWS] + n] = r
            n += 1
    for r in range(np.int64(s.d[at[N_ROWS]])):
        cls = np.int64(s.b[at[ROW_CLASS] + r])
        place = np.int64(NOBODY)
        above = cls
        while above != NOBODY:
            row = row_of(s, above)
            if s.b[at[ROW_HEAD] + row] == head:
                place = n  # no row in use
                for i in range(n):
                    if s.d[at[TASK_ROWS] + i] == row:
                        place = np.int64(i)
            above = np.int64(s.b[at[HEAD_PARENT] + s.b[at[ROW_HEAD] + row]])
        s.b[at[PLACES] + cls] = place
    return n


@jit
def features_of(s: Block, place: Int) -> NDArray[np.uint8]:
    """The features of the item at ``place`` of `lesson`."""
    at = s.q
    i = np.int64(s.u[at[ITEMS] + place])
    if i < at[MAX_LOG]:
        return log_features(s, i)
    first = at[STORED] + (i - at[MAX_LOG]) * at[FEATURES]
    return s.b[first : first + at[FEATURES]]


@jit
def right_row(s: Block, place: Int) -> Int:
    """Which of the task's rows is right for the item at ``place`` of `lesson`; 255 if the item is not its."""
    at = s.q
    i = np.int64(s.u[at[ITEMS] + place])
    if i < at[MAX_LOG]:
        return np.int64(s.b[at[PLACES] + class_of(s, i)])
    return np.int64(s.b[at[PLACES] + counts_as(s, np.int64(s.b[at[OWNERS] + i - at[MAX_LOG]]))])


@jit
def next_item(s: Block, place: Int, stop: Int) -> Int:
    """The first item of the task from ``place`` on, or ``stop``."""
    while place < stop and right_row(s, place) == NOBODY:
        place += 1
    return place


@jit
def learn_one(s: Block, head: Int, place: Int) -> None:
    """One gradient step of a task, on the next weights, for the item at ``place`` of `lesson`."""
    at = s.q
    rows = s.d[at[ROWS] : at[ROWS] + MAX_ROWS]
    chances = s.q[at[CHANCES] : at[CHANCES] + MAX_ROWS]
    features, right = features_of(s, place), right_row(s, place)
    n_rows = np.int64(s.d[at[N_ROWS]])
    n = head_probabilities(s, head, features, at[NEXT], at[NEXT_ACTIVE], n_rows, rows, chances)
    for i in range(n):
        error = chances[i]
        if i == right:
            error = np.int64(error - ONE)
        if error != 0:
            sgd(weights_of(s, at[NEXT], np.int64(rows[i])), features, error, at[at[LEARNING] + 1])


@jit
def learn_narrow(s: Block, head: Int, place: Int, stop: Int, n: Int) -> Int:
    """Learn as `learn_one` does as long as narrow weights have room; the item that they have none for."""
    if place >= stop or n == 0 or not start_narrow(s, n):
        return place
    which = np.int64(0)
    room: Int = np.int64(0)
    spread_features(s, features_of(s, place), which)
    first_logits(s, n)
    while place < stop:
        far = farthest(s, narrow_errors(s, head, right_row(s, place), n))
        if far > room:
            room = room_of(s, n)
            if far > room:
                break
        room -= far
        following = next_item(s, place + 1, stop)
        if following < stop:
            spread_features(s, features_of(s, following), 1 - which)
        narrow_step(s, which, n)
        place, which = following, 1 - which
    end_narrow(s, n)
    return place


@jit
def learn_items(s: Block, place: Int, stop: Int) -> None:
    """Learn from the items of `lesson` from ``place`` to ``stop``: tasks know nothing of each other."""
    for head in range(np.int64(s.d[s.q[N_HEADS]])):
        if s.b[s.q[TOUCHED] + head] == 0:
            continue
        n = place_rows(s, np.int64(head))
        at = learn_narrow(s, np.int64(head), next_item(s, place, stop), stop, n)
        while at < stop:
            learn_one(s, np.int64(head), at)
            at = next_item(s, at + 1, stop)
