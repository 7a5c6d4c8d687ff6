"""Learned heads from the base image and the ordered label log, after Dendron.

The heads are a cache of this function: undo, restart and a new label all come down to
running it again. The extractor is frozen; a head on no label's path keeps its base
weights to the bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.events import NO_CLASS
from odl.kernels.generator import shuffle
from odl.kernels.grow import add_head, add_row, load_base
from odl.kernels.jit import jit
from odl.kernels.net import Net
from odl.kernels.score import MAX_HEADS, MAX_ROWS, head_probabilities, row_of
from odl.kernels.sgd import sgd
from odl.kernels.softmax import ONE
from odl.state import Entry

NOBODY = NO_CLASS
LABEL, CLASS, SPLIT = int(Entry.LABEL), int(Entry.CLASS), int(Entry.SPLIT)


@jit
def rebuild(state: NDArray[Any], log: NDArray[Any], net: Net, touched: NDArray[np.uint8]) -> int:
    """Base heads, then the log's classes and splits; which heads and rows labels touch."""
    s = state[0]
    load_base(state, net)
    for i in range(s["n_log"]):
        if log[i]["kind"] == CLASS:
            add_row(state, log[i]["cls"], log[i]["head"])
        elif log[i]["kind"] == SPLIT:
            add_head(state, log[i]["cls"])
    labels = 0
    for i in range(s["n_log"]):
        if log[i]["kind"] == LABEL:
            labels += 1
            cls = log[i]["cls"]
            while cls != NOBODY:
                row = row_of(state, cls)
                s["row_active"][row] = 1
                touched[s["row_head"][row]] = 1
                cls = s["head_parent"][s["row_head"][row]]
    return labels


@jit
def learn_one(
    state: NDArray[Any], features: NDArray[np.uint8], cls: int, touched: NDArray[np.uint8],
    shift: int,
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
    """Set the heads to what the image and the log say."""
    s = state[0]
    touched = np.zeros(MAX_HEADS, np.uint8)
    labels = rebuild(state, log, net, touched)
    if labels == 0:
        return
    features = s["previous"].shape[0]
    order = np.empty(labels + net.owners.shape[0], np.int32)
    n = 0
    for i in range(s["n_log"]):
        if log[i]["kind"] == LABEL:
            at = n  # by window, whatever order the answers came in
            while at > 0 and log[order[at - 1]]["window"] > log[i]["window"]:
                order[at] = order[at - 1]
                at -= 1
            order[at] = i
            n += 1
    for i in range(net.owners.shape[0]):
        order[n] = log.shape[0] + i
        n += 1
    generator = np.uint64(net.learning[3])
    shift = np.int64(net.learning[1])
    for _ in range(np.int64(net.learning[0])):
        generator = shuffle(order, n, generator)
        for k in range(n):
            i = order[k]
            if i < log.shape[0]:
                learn_one(state, log[i]["features"][:features], log[i]["cls"], touched, shift)
            else:
                j = i - log.shape[0]
                learn_one(state, net.stored[j], net.owners[j], touched, shift)
