"""The tree: base heads, new classes, splits, changes of classes, and taking back what was given last."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.events import NO_CLASS, NO_WINDOW, Why
from odl.core.kernels.block import (
    ANSWERS,
    ASK_CLASS,
    ASK_ORDER,
    ASK_STATUS,
    ASKED,
    BASE_ROWS,
    COUNTED,
    COUNTS,
    HEAD_FORMAT,
    HEAD_PARENT,
    HELD,
    HELD_SAID,
    LOG,
    LOG_BYTES,
    LOG_CLASS,
    LOG_FEATURES,
    LOG_HEAD,
    LOG_KIND,
    LOG_ORDER,
    LOG_WINDOW,
    MAX_HEADS,
    MAX_ROWS,
    N_ASK,
    N_HEADS,
    N_LOG,
    N_ROWS,
    REFITTING,
    ROW_ACTIVE,
    ROW_CLASS,
    ROW_HEAD,
    SINCE,
    WEIGHTS,
    Block,
)  # fmt: skip
from odl.core.kernels.changes import count_changes
from odl.core.kernels.emit import emit_dropped
from odl.core.kernels.heads import head_under, row_of, weights_of
from odl.core.kernels.jit import Int, jit
from odl.core.kernels.log import N_GAVE_WAY, make_room, remove_entry
from odl.core.kernels.refit import refit
from odl.core.state import NAME_BYTES, Asked, Count, Entry

NOBODY = NO_CLASS
NOWHERE = np.int64(-1)  # NO_WINDOW as int64
assert np.uint64(NO_WINDOW).astype(np.int64) == NOWHERE
OPEN, ANSWERED = int(Asked.OPEN), int(Asked.ANSWERED)
LABEL, CLASS, SPLIT, CHANGE = (
    np.int64(Entry.LABEL), np.int64(Entry.CLASS), np.int64(Entry.SPLIT), np.int64(Entry.CHANGE),
)  # fmt: skip
WHY_NO_SUCH_CLASS, WHY_FULL, WHY_NOTHING_TO_UNDO = (
    np.int64(Why.NO_SUCH_CLASS), np.int64(Why.FULL), np.int64(Why.NOTHING_TO_UNDO),
)  # fmt: skip
N_NO_SUCH, N_FULL, N_NOTHING, N_UNDONE = (
    COUNTS + int(Count.NO_SUCH_CLASS), COUNTS + int(Count.FULL), COUNTS + int(Count.NOTHING_TO_UNDO),
    COUNTS + int(Count.UNDONE),
)  # fmt: skip


@jit
def regrow(s: Block) -> None:
    """Add the classes and splits that the log holds to the image's tree, in order."""
    at = s.q
    for i in range(np.int64(s.d[at[N_LOG]])):
        byte = at[LOG] + i * at[LOG_BYTES]
        if s.b[byte + LOG_KIND] == CLASS:
            add_row(s, np.int64(s.b[byte + LOG_CLASS]), np.int64(s.b[byte + LOG_HEAD]))
        elif s.b[byte + LOG_KIND] == SPLIT:
            add_head(s, np.int64(s.b[byte + LOG_CLASS]))


@jit
def add_row(s: Block, cls: Int, head: Int) -> None:
    """An inactive row of zeros for ``cls``; it takes part once a label has come."""
    at = s.q
    row = np.int64(s.d[at[N_ROWS]])
    s.b[at[ROW_CLASS] + row] = cls
    s.b[at[ROW_HEAD] + row] = head
    s.b[at[ROW_ACTIVE] + row] = 0
    weights = weights_of(s, at[WEIGHTS], row)
    for k in range(len(weights)):
        weights[k] = 0
    s.d[at[N_ROWS]] = row + 1


@jit
def add_head(s: Block, leaf: Int) -> None:
    """An empty task under ``leaf``, with the logit format of the task above."""
    at = s.q
    head = s.d[at[N_HEADS]]
    above = s.b[at[ROW_HEAD] + row_of(s, leaf)]
    s.b[at[HEAD_PARENT] + head] = leaf
    s.b[at[HEAD_FORMAT] + head] = s.b[at[HEAD_FORMAT] + above]
    s.d[at[N_HEADS]] = head + 1


@jit
def new_entry(s: Block, kind: Int, when: Int, cls: Int, head: Int) -> Int:
    """Append an entry without features to the log; its first byte."""
    i = np.int64(s.d[s.q[N_LOG]])
    size = s.q[LOG_BYTES]
    byte = s.q[LOG] + i * size
    s.q[(byte >> 3) + LOG_WINDOW] = when
    s.q[(byte >> 3) + LOG_ORDER] = 0
    s.b[byte + LOG_KIND] = kind
    s.b[byte + LOG_CLASS] = cls
    s.b[byte + LOG_HEAD] = head
    for k in range(LOG_FEATURES, size):
        s.b[byte + k] = 0
    s.d[s.q[N_LOG]] = i + 1
    return byte


@jit
def grown(s: Block, gave_way: Int) -> None:
    """The tree has grown: a refit begins anew if one is under way, or if a label has given way for it."""
    if s.b[s.q[REFITTING]] != 0 or s.q[N_GAVE_WAY] != gave_way:
        refit(s)


@jit
def add_class(s: Block, when: Int, cls: Int, head: Int, name: NDArray[np.uint8], n: Int) -> Int:
    """Add class ``cls`` called ``name`` (utf-8, up to 32 bytes) to task ``head``."""
    at = s.q
    if head >= s.d[at[N_HEADS]] or cls == NOBODY or row_of(s, cls) >= 0:
        s.q[N_NO_SUCH] += 1
        return emit_dropped(s, n, when, NOWHERE, WHY_NO_SUCH_CLASS)
    before = at[N_GAVE_WAY]
    if s.d[at[N_ROWS]] >= at[MAX_ROWS] or not make_room(s):
        s.q[N_FULL] += 1
        return emit_dropped(s, n, when, NOWHERE, WHY_FULL)
    byte = new_entry(s, CLASS, when, cls, head)
    for k in range(min(len(name), NAME_BYTES)):
        s.b[byte + LOG_FEATURES + k] = name[k]
    add_row(s, cls, head)
    grown(s, before)
    return n


@jit
def split(s: Block, when: Int, leaf: Int, head: Int, n: Int) -> Int:
    """Hang task ``head``, the next free number, under class ``leaf``."""
    at = s.q
    heads = np.int64(s.d[at[N_HEADS]])
    if head < heads or row_of(s, leaf) < 0 or head_under(s, leaf) >= 0:
        s.q[N_NO_SUCH] += 1
        return emit_dropped(s, n, when, NOWHERE, WHY_NO_SUCH_CLASS)
    if head > heads and head < at[MAX_HEADS]:
        s.q[N_NO_SUCH] += 1
        return emit_dropped(s, n, when, NOWHERE, WHY_NO_SUCH_CLASS)
    before = at[N_GAVE_WAY]
    if head >= at[MAX_HEADS] or not make_room(s):
        s.q[N_FULL] += 1
        return emit_dropped(s, n, when, NOWHERE, WHY_FULL)
    new_entry(s, SPLIT, when, leaf, head)
    add_head(s, leaf)
    grown(s, before)
    return n


@jit
def can_change(s: Block, cls: Int, into: Int) -> bool:
    """Whether class ``cls`` can count as ``into`` (255: as none), after `count_changes`.

    Both are of one task, and ``into`` counts as itself. A class of the image counts as one of the image:
    what the image's heads say goes to a class that they know. One of those stays in the root task.
    """
    at = s.q
    row, to, known = row_of(s, cls), row_of(s, into), at[BASE_ROWS]
    if row < 0 or (into != NOBODY and to < 0):
        return False
    if into == NOBODY:
        left = 0
        for r in range(known):
            if r != row and s.b[at[ROW_HEAD] + r] == 0 and s.b[at[COUNTED] + r] == r:
                left += 1
        return bool(left > 0 or row >= known or s.b[at[ROW_HEAD] + row] != 0)
    if to == row:
        return True
    same = s.b[at[ROW_HEAD] + row] == s.b[at[ROW_HEAD] + to] and s.b[at[COUNTED] + to] == to
    return bool(same and (row >= known or to < known))


@jit
def change_class(s: Block, when: Int, cls: Int, into: Int, name: NDArray[np.uint8], n: Int) -> Int:
    """Let ``cls``, called ``name``, count as ``into`` (255: as none), and its labels too: a refit begins."""
    at = s.q
    count_changes(s)
    if not can_change(s, cls, into):
        s.q[N_NO_SUCH] += 1
        return emit_dropped(s, n, when, NOWHERE, WHY_NO_SUCH_CLASS)
    before = at[N_GAVE_WAY]
    row = row_of(s, cls)
    renamed = into == cls and s.b[at[COUNTED] + row] == row
    if not make_room(s):
        s.q[N_FULL] += 1
        return emit_dropped(s, n, when, NOWHERE, WHY_FULL)
    byte = new_entry(s, CHANGE, when, cls, into)
    for k in range(min(len(name), NAME_BYTES)):
        s.b[byte + LOG_FEATURES + k] = name[k]
    s.q[ANSWERS] += 1
    s.q[(byte >> 3) + LOG_ORDER] = s.q[ANSWERS]
    if renamed:
        grown(s, before)
        return n
    s.b[at[HELD]] = NOBODY
    s.b[at[HELD_SAID]] = NOBODY
    refit(s)
    return n


@jit
def undo(s: Block, when: Int, n: Int) -> Int:
    """Take back the answer or change of a class given last; ``state.counts`` tells whether there was one.

    An answer that has not been learned from reopens its question; what is in the log leaves it,
    and the caller refits. If it was about the present segment, that may be asked about again.
    """
    at = s.q
    latest = np.int64(0)
    ask = np.int64(-1)
    entry = np.int64(-1)
    for i in range(np.int64(s.d[at[N_ASK]])):
        order = s.q[at[ASK_ORDER] + i]
        if s.b[at[ASK_STATUS] + i] == ANSWERED and order > latest:
            latest = order
            ask = np.int64(i)
    for i in range(np.int64(s.d[at[N_LOG]])):
        byte = at[LOG] + i * at[LOG_BYTES]
        order = s.q[(byte >> 3) + LOG_ORDER]
        kind = s.b[byte + LOG_KIND]
        if kind in (LABEL, CHANGE) and order > latest:
            latest = order
            entry = np.int64(i)
    s.b[at[HELD]] = NOBODY
    s.b[at[HELD_SAID]] = NOBODY
    if entry >= 0:
        byte = at[LOG] + entry * at[LOG_BYTES]
        if s.b[byte + LOG_KIND] == LABEL and s.q[(byte >> 3) + LOG_WINDOW] >= at[SINCE]:
            s.b[at[ASKED]] = 0
        remove_entry(s, entry)
    elif ask >= 0:
        s.b[at[ASK_STATUS] + ask] = OPEN
        s.b[at[ASK_CLASS] + ask] = NOBODY
        s.q[at[ASK_ORDER] + ask] = 0
    else:
        s.q[N_NOTHING] += 1
        return emit_dropped(s, n, when, NOWHERE, WHY_NOTHING_TO_UNDO)
    s.q[N_UNDONE] += 1
    return n
