"""Learned heads from the base image and the ordered label log, after Dendron.

The heads are a cache of this function: undo, restart and a new label all come down to
running it again. The extractor is frozen; a head on no label's path keeps its base
weights to the bit.

A refit works on a second set of weights, a fixed number of items at each hop, so that no hop takes
longer than a board has. The heads in use change when it is done, before a window is scored.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.events import NO_CLASS
from odl.core.kernels.block import (
    BASE,
    BASE_ROWS,
    CENTRE,
    CHANCES,
    COUNTS,
    EPOCH,
    FEATURES,
    ITEMS,
    LEARNED,
    LEARNING,
    LOG,
    LOG_BYTES,
    LOG_KIND,
    MAX_LOG,
    N_HEADS,
    N_ITEMS,
    N_LOG,
    N_ROWS,
    N_STORED,
    NEXT,
    NEXT_ACTIVE,
    ORDER,
    PLACE,
    REFIT_GENERATOR,
    REFITTING,
    ROW_ACTIVE,
    ROW_HEAD,
    TOUCHED,
    WEIGHTS,
    Block,
)  # fmt: skip
from odl.core.kernels.block import (
    MAX_HEADS as HEAD_CAPACITY,
)
from odl.core.kernels.block import (
    MAX_ROWS as ROW_CAPACITY,
)
from odl.core.kernels.changes import count_changes
from odl.core.kernels.generator import shuffle
from odl.core.kernels.heads import MAX_ROWS, above, row_of, weights_of
from odl.core.kernels.imprint import imprint, mean_stored
from odl.core.kernels.jit import Int, jit
from odl.core.kernels.learn import class_of, learn_items
from odl.core.kernels.log import log_features, window_of
from odl.core.state import Count, Entry

NOBODY = NO_CLASS
LABEL = int(Entry.LABEL)
REFITS = COUNTS + int(Count.REFITS)
MORE = 4000  # items that a task without trained rows learns from in all, or somewhat more


@jit
def base_weights(s: Block, weights: Int, active: Int) -> None:
    """The image's rows into the weights and marks that begin there; new rows are zero and inactive."""
    at = s.q
    size = at[FEATURES] + 1
    trained = at[BASE_ROWS] * size
    for k in range(trained):
        s.d[weights + k] = s.d[at[BASE] + k]
    for k in range(trained, at[ROW_CAPACITY] * size):
        s.d[weights + k] = 0
    for r in range(at[ROW_CAPACITY]):
        s.b[active + r] = r < at[BASE_ROWS]


@jit
def labels_by_window(s: Block) -> NDArray[np.int32]:
    """Places of the log's labels that count, by window, whatever order the answers came in."""
    at, size = s.q, s.q[LOG_BYTES]
    order = s.d[at[ORDER] : at[ORDER] + at[MAX_LOG]]
    n = 0
    for i in range(np.int64(s.d[at[N_LOG]])):
        if s.b[at[LOG] + i * size + LOG_KIND] == LABEL and class_of(s, np.int64(i)) != NOBODY:
            place = n
            while place > 0 and window_of(s, order[place - 1]) > window_of(s, i):
                order[place] = order[place - 1]
                place -= 1
            order[place] = i
            n += 1
    return order[:n]


@jit
def start_rows(s: Block, labels: NDArray[np.int32]) -> None:
    """Mark the heads that labels touch; imprint each new row from its first label."""
    at = s.q
    for head in range(at[HEAD_CAPACITY]):
        s.b[at[TOUCHED] + head] = 0
    centre = s.b[at[CENTRE] : at[CENTRE] + at[FEATURES]]
    mean_stored(s, centre)
    for j in range(len(labels)):
        i = np.int64(labels[j])
        cls = class_of(s, i)
        while cls != NOBODY:
            row = row_of(s, cls)
            if s.b[at[NEXT_ACTIVE] + row] == 0:
                imprint(weights_of(s, at[NEXT], row), log_features(s, i), centre, at[at[LEARNING] + 2])
                s.b[at[NEXT_ACTIVE] + row] = 1
            s.b[at[TOUCHED] + s.b[at[ROW_HEAD] + row]] = 1
            cls = above(s, cls)


@jit
def lesson(s: Block, labels: NDArray[np.int32]) -> None:
    """What one epoch learns from: each label, repeated, then each stored vector once.

    A label's repeats are ``share // labels of its class``, at least one, with ``share``
    the stored vectors per trained class: a class that the person has labelled weighs as
    much as a trained one. Numbers below the log's size are places in the log, the others
    (less that size) stored vectors.
    """
    at = s.q
    stored, items = at[N_STORED], at[ITEMS]
    share = max(np.int64(1), np.int64(stored // at[BASE_ROWS]))
    count = at[at[CHANCES] : at[CHANCES] + MAX_ROWS]
    for row in range(MAX_ROWS):
        count[row] = 0
    for k in range(len(labels)):
        count[row_of(s, class_of(s, np.int64(labels[k])))] += 1
    n = np.int64(0)
    for k in range(len(labels)):
        labels_of_class = count[row_of(s, class_of(s, np.int64(labels[k])))]
        for _ in range(max(np.int64(1), share // labels_of_class)):
            s.u[items + n] = labels[k]
            n += 1
    for j in range(stored):
        s.u[items + n] = at[MAX_LOG] + j
        n += 1
    s.d[at[N_ITEMS]] = n


@jit
def start_refit(s: Block) -> None:
    """Begin to set the heads to what the image and the log say.

    Rows of the image start from its weights, new rows from an imprint. Without a label the heads
    are the image's at once.
    """
    at = s.q
    count_changes(s)
    labels = labels_by_window(s)
    s.d[at[EPOCH]] = 0
    s.d[at[PLACE]] = 0
    if len(labels) == 0:
        base_weights(s, at[WEIGHTS], at[ROW_ACTIVE])
        s.b[at[LEARNED]] = 0
        s.b[at[REFITTING]] = 0
        return
    base_weights(s, at[NEXT], at[NEXT_ACTIVE])
    start_rows(s, labels)
    lesson(s, labels)
    at[REFIT_GENERATOR] = at[at[LEARNING] + 3]
    s.b[at[REFITTING]] = 1


@jit
def refit(s: Block) -> None:
    """Begin a refit because an input has changed the log."""
    start_refit(s)
    s.q[REFITS] += 1


@jit
def only_new_tasks(s: Block) -> Int:
    """Keep the tasks without trained rows, and the items that they learn from; how many are left."""
    at = s.q
    for head in range(np.int64(s.d[at[N_HEADS]])):
        active = 0
        for r in range(np.int64(s.d[at[N_ROWS]])):
            if s.b[at[ROW_HEAD] + r] == head and s.b[at[NEXT_ACTIVE] + r] != 0:
                active += 1
                if r < at[BASE_ROWS]:
                    s.b[at[TOUCHED] + head] = 0
        if active < 2:
            s.b[at[TOUCHED] + head] = 0
    n = np.int64(0)
    for k in range(np.int64(s.d[at[N_ITEMS]])):
        i = np.int64(s.u[at[ITEMS] + k])
        if i >= at[MAX_LOG]:
            continue
        cls = class_of(s, i)
        there = False
        while cls != NOBODY:
            if s.b[at[TOUCHED] + s.b[at[ROW_HEAD] + row_of(s, cls)]] != 0:
                there = True
            cls = above(s, cls)
        if there:
            s.u[at[ITEMS] + n] = i
            n += 1
    s.d[at[N_ITEMS]] = n
    return n


@jit
def finish(s: Block) -> None:
    """The heads in use are those of the refit."""
    at = s.q
    for k in range(at[ROW_CAPACITY] * (at[FEATURES] + 1)):
        s.d[at[WEIGHTS] + k] = s.d[at[NEXT] + k]
    for r in range(at[ROW_CAPACITY]):
        s.b[at[ROW_ACTIVE] + r] = s.b[at[NEXT_ACTIVE] + r]
    s.b[at[LEARNED]] = 1
    s.b[at[REFITTING]] = 0


@jit
def more_epochs(s: Block) -> Int:
    """Epochs of the present phase of a refit.

    The first has those of the image. The second, for tasks without trained rows alone, as many more
    as make `MORE` items of theirs.
    """
    epochs = s.q[s.q[LEARNING]]
    if s.b[s.q[REFITTING]] == 1:
        return epochs
    n = np.int64(s.d[s.q[N_ITEMS]])
    return (MORE + n - 1) // n - epochs


@jit
def advance(s: Block, most: Int) -> None:
    """Go on with a refit for at most so many items, single gradient steps in an order shuffled anew
    for each epoch by a generator of its own, which starts from the image's seed at every refit.
    """  # fmt: skip
    at = s.q
    count_changes(s)
    while most > 0 and s.b[at[REFITTING]] != 0:
        n = np.int64(s.d[at[N_ITEMS]])
        place = np.int64(s.d[at[PLACE]])
        if place == 0:
            order = s.u[at[ITEMS] : at[ITEMS] + n]
            at[REFIT_GENERATOR] = np.int64(shuffle(order, n, np.uint64(at[REFIT_GENERATOR])))
        stop = min(n, place + most)
        most -= stop - place
        learn_items(s, place, stop)
        if stop < n:
            s.d[at[PLACE]] = stop
            return
        s.d[at[PLACE]] = 0
        s.d[at[EPOCH]] += 1
        if s.d[at[EPOCH]] < more_epochs(s):
            continue
        s.d[at[EPOCH]] = 0
        if s.b[at[REFITTING]] == 1 and only_new_tasks(s) > 0:
            s.b[at[REFITTING]] = 2
            if more_epochs(s) > 0:
                continue
        finish(s)
