"""Learned heads from the base image and the ordered label log, after Dendron.

The heads are a cache of this function: undo, restart and a new label all come down to
running it again. The extractor is frozen; a head on no label's path keeps its base
weights to the bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.events import NO_CLASS
from odl.core.kernels.block import (
    BASE_ROWS,
    CENTRE,
    CHANCES,
    FEATURES,
    HEAD_PARENT,
    ITEMS,
    LEARNING,
    LOG,
    LOG_BYTES,
    LOG_CLASS,
    LOG_FEATURES,
    LOG_HEAD,
    LOG_KIND,
    LOG_WINDOW,
    MAX_LOG,
    N_LOG,
    N_STORED,
    ORDER,
    OWNERS,
    ROW_ACTIVE,
    ROW_HEAD,
    ROWS,
    STORED,
    TOUCHED,
    Block,
)  # fmt: skip
from odl.core.kernels.generator import shuffle
from odl.core.kernels.grow import add_head, add_row, load_base
from odl.core.kernels.imprint import imprint, mean_stored
from odl.core.kernels.jit import Int, jit
from odl.core.kernels.score import MAX_HEADS, MAX_ROWS, head_probabilities, row_of, weights_of
from odl.core.kernels.sgd import sgd
from odl.core.kernels.softmax import ONE
from odl.core.state import Entry

NOBODY = NO_CLASS
LABEL, CLASS, SPLIT = int(Entry.LABEL), int(Entry.CLASS), int(Entry.SPLIT)


@jit
def log_features(s: Block, i: Int) -> NDArray[np.uint8]:
    """The features of entry ``i`` of the log."""
    first = s.q[LOG] + i * s.q[LOG_BYTES] + LOG_FEATURES
    return s.b[first : first + s.q[FEATURES]]


@jit
def rebuild(s: Block) -> None:
    """Base heads, then the classes and splits that the log holds, in order."""
    at = s.q
    load_base(s)
    for i in range(np.int64(s.d[at[N_LOG]])):
        byte = at[LOG] + i * at[LOG_BYTES]
        if s.b[byte + LOG_KIND] == CLASS:
            add_row(s, np.int64(s.b[byte + LOG_CLASS]), np.int64(s.b[byte + LOG_HEAD]))
        elif s.b[byte + LOG_KIND] == SPLIT:
            add_head(s, np.int64(s.b[byte + LOG_CLASS]))


@jit
def labels_by_window(s: Block) -> NDArray[np.int32]:
    """Places of the log's labels, by window, whatever order the answers came in."""
    at, size = s.q, s.q[LOG_BYTES]
    order = s.d[at[ORDER] : at[ORDER] + at[MAX_LOG]]
    n = 0
    for i in range(np.int64(s.d[at[N_LOG]])):
        byte = at[LOG] + i * size
        if s.b[byte + LOG_KIND] == LABEL:
            place = n
            while place > 0 and window_of(s, order[place - 1]) > window_of(s, i):
                order[place] = order[place - 1]
                place -= 1
            order[place] = i
            n += 1
    return order[:n]


@jit
def window_of(s: Block, i: Int) -> Int:
    """The window of entry ``i`` of the log."""
    return s.q[((s.q[LOG] + i * s.q[LOG_BYTES]) >> 3) + LOG_WINDOW]


@jit
def start_rows(
    s: Block, labels: NDArray[np.int32],
    touched: NDArray[np.uint8],
) -> None:  # fmt: skip
    """Mark the heads that labels touch; imprint each new row from its first label."""
    at = s.q
    centre = s.b[at[CENTRE] : at[CENTRE] + at[FEATURES]]
    mean_stored(s, centre)
    for j in range(len(labels)):
        i = labels[j]
        cls = s.b[at[LOG] + i * at[LOG_BYTES] + LOG_CLASS]
        while cls != NOBODY:
            row = row_of(s, cls)
            if s.b[at[ROW_ACTIVE] + row] == 0:
                imprint(weights_of(s, row), log_features(s, i), centre, at[at[LEARNING] + 2])
                s.b[at[ROW_ACTIVE] + row] = 1
            head = s.b[at[ROW_HEAD] + row]
            touched[head] = 1
            cls = s.b[at[HEAD_PARENT] + head]


@jit
def lesson(s: Block, labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """What one epoch learns from: each label, repeated, then each stored vector once.

    A label's repeats are ``share // labels of its class``, at least one, with ``share``
    the stored vectors per trained class: a class that the person has labelled weighs as
    much as a trained one. Numbers below the log's size are places in the log, the others
    (less that size) stored vectors.
    """
    stored = s.q[N_STORED]
    share = max(np.int64(1), np.int64(stored // s.q[BASE_ROWS]))
    count = s.q[s.q[CHANCES] : s.q[CHANCES] + MAX_ROWS]
    for row in range(MAX_ROWS):
        count[row] = 0
    for k in range(len(labels)):
        i = labels[k]
        count[row_of(s, s.b[s.q[LOG] + i * s.q[LOG_BYTES] + LOG_CLASS])] += 1
    items = s.d[s.q[ITEMS] : s.q[ITEMS] + len(labels) + share * MAX_ROWS + stored]
    n = 0
    for k in range(len(labels)):
        i = labels[k]
        labels_of_class = count[row_of(s, s.b[s.q[LOG] + i * s.q[LOG_BYTES] + LOG_CLASS])]
        for _ in range(max(np.int64(1), share // labels_of_class)):
            items[n] = i
            n += 1
    for j in range(stored):
        items[n] = s.q[MAX_LOG] + j
        n += 1
    return items[:n]


@jit
def learn_one(
    s: Block, features: NDArray[np.uint8], cls: Int, touched: NDArray[np.uint8],
    shift: Int,
) -> None:  # fmt: skip
    """One gradient step for each touched head on the path of ``cls``."""
    at = s.q
    rows = s.d[at[ROWS] : at[ROWS] + MAX_ROWS]
    chances = s.q[at[CHANCES] : at[CHANCES] + MAX_ROWS]
    while cls != NOBODY:
        row = row_of(s, cls)
        head = s.b[at[ROW_HEAD] + row]
        if touched[head] != 0:
            n = head_probabilities(s, head, features, rows, chances)
            for i in range(n):
                error = chances[i]
                if rows[i] == row:
                    error = np.int64(error - ONE)
                if error != 0:
                    sgd(weights_of(s, np.int64(rows[i])), features, error, shift)
        cls = s.b[at[HEAD_PARENT] + head]


@jit
def refit(s: Block) -> None:
    """Set the heads to what the image and the log say.

    Rows of the image start from its weights, new rows from an imprint; then the image's
    number of epochs of single gradient steps, the items shuffled anew for each by the
    learner's own generator, which starts from the image's seed at every refit.
    """
    at = s.q
    rebuild(s)
    labels = labels_by_window(s)
    if len(labels) == 0:
        return
    touched = s.b[at[TOUCHED] : at[TOUCHED] + MAX_HEADS]
    for head in range(MAX_HEADS):
        touched[head] = 0
    start_rows(s, labels, touched)
    items = lesson(s, labels)
    most_log = at[MAX_LOG]
    generator = np.uint64(at[at[LEARNING] + 3])
    shift = at[at[LEARNING] + 1]
    for _ in range(at[at[LEARNING]]):
        generator = shuffle(items, len(items), generator)
        for k in range(len(items)):
            i = items[k]
            if i < most_log:
                cls = s.b[at[LOG] + i * at[LOG_BYTES] + LOG_CLASS]
                learn_one(s, log_features(s, i), cls, touched, shift)
            else:
                j = i - most_log
                vector = at[STORED] + j * at[FEATURES]
                learn_one(s, s.b[vector : vector + at[FEATURES]], s.b[at[OWNERS] + j], touched, shift)
