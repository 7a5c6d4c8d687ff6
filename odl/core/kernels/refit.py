"""Learned heads from the base image and the ordered label log, after Dendron.

The heads are a cache of this function: undo, restart and a new label all come down to
running it again. The extractor is frozen; a head on no label's path keeps its base
weights to the bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.events import NO_CLASS
from odl.core.kernels.generator import shuffle
from odl.core.kernels.grow import add_head, add_row, load_base
from odl.core.kernels.imprint import imprint, mean_stored
from odl.core.kernels.jit import Int, jit
from odl.core.kernels.net import Net
from odl.core.kernels.score import MAX_HEADS, MAX_ROWS, head_probabilities, row_of
from odl.core.kernels.sgd import sgd
from odl.core.kernels.softmax import ONE
from odl.core.state import Entry

NOBODY = NO_CLASS
LABEL, CLASS, SPLIT = int(Entry.LABEL), int(Entry.CLASS), int(Entry.SPLIT)


@jit
def rebuild(state: NDArray[Any], log: NDArray[Any], net: Net) -> None:
    """Base heads, then the classes and splits that the log holds, in order."""
    s = state[0]
    load_base(state, net)
    for i in range(s["n_log"]):
        if log[i]["kind"] == CLASS:
            add_row(state, log[i]["cls"], log[i]["head"])
        elif log[i]["kind"] == SPLIT:
            add_head(state, log[i]["cls"])


@jit
def labels_by_window(state: NDArray[Any], log: NDArray[Any]) -> NDArray[np.int32]:
    """Places of the log's labels, by window, whatever order the answers came in."""
    order = np.empty(log.shape[0], np.int32)
    n = 0
    for i in range(state[0]["n_log"]):
        if log[i]["kind"] == LABEL:
            at = n
            while at > 0 and log[order[at - 1]]["window"] > log[i]["window"]:
                order[at] = order[at - 1]
                at -= 1
            order[at] = i
            n += 1
    return order[:n]


@jit
def start_rows(
    state: NDArray[Any], log: NDArray[Any], net: Net, labels: NDArray[np.int32],
    touched: NDArray[np.uint8],
) -> None:  # fmt: skip
    """Mark the heads that labels touch; imprint each new row from its first label."""
    s = state[0]
    features = s["previous"].shape[0]
    centre = np.zeros(features, np.uint8)
    mean_stored(net, centre)
    for i in labels:
        cls = log[i]["cls"]
        while cls != NOBODY:
            row = row_of(state, cls)
            if s["row_active"][row] == 0:
                imprint(s["weights"][row], log[i]["features"][:features], centre, net.learning[2])
                s["row_active"][row] = 1
            touched[s["row_head"][row]] = 1
            cls = s["head_parent"][s["row_head"][row]]


@jit
def lesson(state: NDArray[Any], log: NDArray[Any], net: Net, labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """What one epoch learns from: each label, repeated, then each stored vector once.

    A label's repeats are ``share // labels of its class``, at least one, with ``share``
    the stored vectors per trained class: a class that the person has labelled weighs as
    much as a trained one. Numbers below the log's size are places in the log, the others
    (less that size) stored vectors.
    """
    stored = net.owners.shape[0]
    share = max(np.int64(1), np.int64(stored // net.base.shape[0]))
    count = np.zeros(MAX_ROWS, np.int64)
    for i in labels:
        count[row_of(state, log[i]["cls"])] += 1
    items = np.empty(labels.shape[0] + share * MAX_ROWS + stored, np.int32)
    n = 0
    for i in labels:
        for _ in range(max(np.int64(1), share // count[row_of(state, log[i]["cls"])])):
            items[n] = i
            n += 1
    for j in range(stored):
        items[n] = log.shape[0] + j
        n += 1
    return items[:n]


@jit
def learn_one(
    state: NDArray[Any], features: NDArray[np.uint8], cls: Int, touched: NDArray[np.uint8],
    shift: Int,
) -> None:  # fmt: skip
    """One gradient step for each touched head on the path of ``cls``."""
    s = state[0]
    rows = np.empty(MAX_ROWS, np.int32)
    chances = np.empty(MAX_ROWS, np.int64)
    while cls != NOBODY:
        row = row_of(state, cls)
        head = s["row_head"][row]
        if touched[head] != 0:
            n = head_probabilities(state, head, features, rows, chances)
            for i in range(n):
                error = chances[i]
                if rows[i] == row:
                    error = np.int64(error - ONE)
                if error != 0:
                    sgd(s["weights"][rows[i]], features, error, shift)
        cls = s["head_parent"][head]


@jit
def refit(state: NDArray[Any], log: NDArray[Any], net: Net) -> None:
    """Set the heads to what the image and the log say.

    Rows of the image start from its weights, new rows from an imprint; then the image's
    number of epochs of single gradient steps, the items shuffled anew for each by the
    learner's own generator, which starts from the image's seed at every refit.
    """
    s = state[0]
    rebuild(state, log, net)
    labels = labels_by_window(state, log)
    if labels.shape[0] == 0:
        return
    touched = np.zeros(MAX_HEADS, np.uint8)
    start_rows(state, log, net, labels, touched)
    items = lesson(state, log, net, labels)
    features = s["previous"].shape[0]
    generator = np.uint64(net.learning[3])
    shift = np.int64(net.learning[1])
    for _ in range(np.int64(net.learning[0])):
        generator = shuffle(items, items.shape[0], generator)
        for i in items:
            if i < log.shape[0]:
                learn_one(state, log[i]["features"][:features], log[i]["cls"], touched, shift)
            else:
                j = i - log.shape[0]
                learn_one(state, net.stored[j], net.owners[j], touched, shift)
