"""The open questions: asked, answered, skipped, expired, collected into the log.

Questions stand in ``ask_*`` in window order. A batch closes when it is full or the
period's budget is spent; it is collected when each of its questions is settled.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.events import NO_CLASS, NO_WINDOW, Why
from odl.core.kernels.block import (
    AGE,
    ALLOWED,
    ANSWERS,
    ASK_BATCH,
    ASK_CLASS,
    ASK_EXPIRES,
    ASK_FEATURES,
    ASK_ORDER,
    ASK_SAID,
    ASK_SEGMENT,
    ASK_STATUS,
    ASK_WINDOW,
    ASKED,
    ASKED_AT,
    BASE_ROWS,
    BATCH,
    BATCH_SIZE,
    COUNTS,
    FEATURES,
    HELD,
    HELD_SAID,
    ISSUED,
    LAST,
    N_ASK,
    N_BATCH,
    N_FAR,
    PATIENCE,
    SAID,
    SEGMENT,
    SINCE,
    Block,
)  # fmt: skip
from odl.core.kernels.changes import count_changes, counts_as
from odl.core.kernels.emit import emit_dropped, emit_learned, emit_query
from odl.core.kernels.heads import row_of
from odl.core.kernels.jit import Int, jit
from odl.core.kernels.log import append_label, copy, labelled, make_room
from odl.core.kernels.segment import segment_mean
from odl.core.state import Asked, Count

NOBODY = NO_CLASS
OPEN, ANSWERED, SKIPPED, EXPIRED = (
    int(Asked.OPEN), int(Asked.ANSWERED), int(Asked.SKIPPED), int(Asked.EXPIRED),
)  # fmt: skip
NOWHERE = np.int64(-1)  # NO_WINDOW as int64
assert np.uint64(NO_WINDOW).astype(np.int64) == NOWHERE
WHY_EXPIRED, WHY_LATE, WHY_REPEATED, WHY_UNKNOWN, WHY_NO_SUCH_CLASS, WHY_FULL, WHY_SKIPPED = (
    np.int64(Why.EXPIRED), np.int64(Why.LATE), np.int64(Why.REPEATED), np.int64(Why.UNKNOWN),
    np.int64(Why.NO_SUCH_CLASS), np.int64(Why.FULL), np.int64(Why.SKIPPED),
)  # fmt: skip
N_QUERIES, N_ANSWERED, N_SKIPPED, N_EXPIRED = (
    COUNTS + int(Count.QUERIES), COUNTS + int(Count.ANSWERED), COUNTS + int(Count.SKIPPED),
    COUNTS + int(Count.EXPIRED),
)  # fmt: skip
N_TAUGHT = COUNTS + int(Count.TAUGHT)
N_LATE, N_REPEATED, N_UNKNOWN, N_NO_SUCH, N_FULL = (
    COUNTS + int(Count.LATE), COUNTS + int(Count.REPEATED), COUNTS + int(Count.UNKNOWN),
    COUNTS + int(Count.NO_SUCH_CLASS), COUNTS + int(Count.FULL),
)  # fmt: skip


@jit
def question_features(s: Block, i: Int) -> NDArray[np.uint8]:
    """The features of question ``i``."""
    size = s.q[FEATURES]
    first = s.q[ASK_FEATURES] + i * size
    return s.b[first : first + size]


@jit
def ask(s: Block, window: Int, end: Int, utility: Int, n: Int) -> Int:
    """Issue a question about ``window``, which ended at ``end``; there is room for it.

    What its answer teaches is the mean of the segment so far.
    """
    at = s.q
    i = np.int64(s.d[at[N_ASK]])
    expires = end + s.q[PATIENCE]
    s.q[at[ASK_WINDOW] + i] = window
    s.q[at[ASK_EXPIRES] + i] = expires
    s.q[at[ASK_BATCH] + i] = s.q[BATCH]
    s.q[at[ASK_ORDER] + i] = 0
    s.q[at[ASK_SEGMENT] + i] = s.q[SEGMENT]
    s.b[at[ASK_STATUS] + i] = OPEN
    s.b[at[ASK_CLASS] + i] = NOBODY
    s.b[at[ASK_SAID] + i] = s.b[at[SAID]]
    copy(segment_mean(s), question_features(s, i))
    s.d[at[N_ASK]] = i + 1
    s.b[at[ASKED]] = 1
    s.q[ASKED_AT] = end
    s.q[ISSUED] += 1
    s.q[N_QUERIES] += 1
    s.d[at[N_BATCH]] += 1
    if s.d[at[N_BATCH]] >= s.q[BATCH_SIZE] or s.q[ISSUED] >= s.q[ALLOWED]:
        s.q[BATCH] += 1
        s.d[at[N_BATCH]] = 0
        s.d[at[N_FAR]] = 0
    return emit_query(s, n, window, utility, expires, s.q[SINCE])


@jit
def expire(s: Block, now: Int, n: Int) -> Int:
    """Settle every open question whose time has passed at ``now``."""
    at = s.q
    for i in range(np.int64(s.d[at[N_ASK]])):
        if s.b[at[ASK_STATUS] + i] == OPEN and s.q[at[ASK_EXPIRES] + i] <= now:
            s.b[at[ASK_STATUS] + i] = EXPIRED
            s.q[N_EXPIRED] += 1
            n = emit_dropped(s, n, now, s.q[at[ASK_WINDOW] + i], WHY_EXPIRED)
    return n


@jit
def hold(s: Block, cls: Int, said: Int) -> None:
    """Let ``cls`` stand for the rest of the segment if the image does not know it; else nothing stands."""
    new = row_of(s, cls) >= s.q[BASE_ROWS]
    s.b[s.q[HELD]] = cls if new else NOBODY
    s.b[s.q[HELD_SAID]] = said if new else NOBODY


@jit
def speak(s: Block, said: Int) -> None:
    """The heads say ``said``: a held class falls where that is neither it nor what was said before."""
    at = s.q
    s.b[at[SAID]] = said
    if s.b[at[HELD]] != NOBODY and said != s.b[at[HELD]] and said != s.b[at[HELD_SAID]]:
        s.b[at[HELD]] = NOBODY
        s.b[at[HELD_SAID]] = NOBODY


@jit
def is_shown(s: Block, cls: Int) -> bool:
    """Whether ``cls`` is a class that can be the answer: it is there, and has not been removed."""
    count_changes(s)
    return bool(row_of(s, cls) >= 0 and counts_as(s, cls) != NOBODY)


@jit
def answer(s: Block, when: Int, window: Int, cls: Int, n: Int) -> Int:
    """Take an answer (``cls`` 255: a skip) about ``window`` at ``when``, after `expire`."""
    at = s.q
    for i in range(np.int64(s.d[at[N_ASK]])):
        if s.q[at[ASK_WINDOW] + i] != window:
            continue
        status = s.b[at[ASK_STATUS] + i]
        if status == EXPIRED:
            s.q[N_LATE] += 1
            return emit_dropped(s, n, when, window, WHY_LATE)
        if status != OPEN:
            s.q[N_REPEATED] += 1
            return emit_dropped(s, n, when, window, WHY_REPEATED)
        if cls == NOBODY:
            s.b[at[ASK_STATUS] + i] = SKIPPED
            s.q[N_SKIPPED] += 1
            return emit_dropped(s, n, when, window, WHY_SKIPPED)
        if not is_shown(s, cls):
            s.q[N_NO_SUCH] += 1
            return emit_dropped(s, n, when, window, WHY_NO_SUCH_CLASS)
        s.b[at[ASK_STATUS] + i] = ANSWERED
        s.b[at[ASK_CLASS] + i] = cls
        s.q[ANSWERS] += 1
        s.q[at[ASK_ORDER] + i] = s.q[ANSWERS]
        s.q[N_ANSWERED] += 1
        if s.q[at[ASK_SEGMENT] + i] == s.q[SEGMENT]:
            hold(s, counts_as(s, cls), np.int64(s.b[at[ASK_SAID] + i]))
        return n
    if labelled(s, window):
        s.q[N_REPEATED] += 1
        return emit_dropped(s, n, when, window, WHY_REPEATED)
    s.q[N_UNKNOWN] += 1
    return emit_dropped(s, n, when, window, WHY_UNKNOWN)


@jit
def settled_batch(s: Block) -> Int:
    """The earliest closed batch whose questions are all settled, or -1."""
    at = s.q
    found = np.int64(-1)
    i = s.d[at[N_ASK]] - 1
    while i >= 0:
        batch = s.q[at[ASK_BATCH] + i]
        if batch < s.q[BATCH]:
            settled = True
            for j in range(np.int64(s.d[at[N_ASK]])):
                if s.q[at[ASK_BATCH] + j] == batch and s.b[at[ASK_STATUS] + j] == OPEN:
                    settled = False
            if settled:
                found = np.int64(batch)
        i -= 1
    return found


@jit
def to_settle(s: Block, now: Int) -> bool:
    """Whether at ``now`` a question expires or a batch is settled."""
    at = s.q
    for i in range(np.int64(s.d[at[N_ASK]])):
        if s.b[at[ASK_STATUS] + i] == OPEN and s.q[at[ASK_EXPIRES] + i] <= now:
            return True
    return bool(settled_batch(s) >= 0)


@jit
def collect(s: Block, batch: Int, now: Int, n: Int) -> Int:
    """Move the answers of ``batch`` to the log in window order and forget its questions."""
    at = s.q
    kept = np.int64(0)
    for i in range(np.int64(s.d[at[N_ASK]])):
        window = s.q[at[ASK_WINDOW] + i]
        if s.q[at[ASK_BATCH] + i] != batch:
            if kept != i:
                move(s, i, kept)
            kept += 1
        elif s.b[at[ASK_STATUS] + i] == ANSWERED:
            if not make_room(s):
                s.q[N_FULL] += 1
                n = emit_dropped(s, n, now, window, WHY_FULL)
                continue
            cls = np.int64(s.b[at[ASK_CLASS] + i])
            head = append_label(s, window, s.q[at[ASK_ORDER] + i], cls, question_features(s, i))
            n = emit_learned(s, n, now, window, cls, head)
    s.d[at[N_ASK]] = kept
    return n


@jit
def move(s: Block, source: Int, target: Int) -> None:
    """Copy question ``source`` to place ``target``."""
    at = s.q
    for field in (ASK_WINDOW, ASK_EXPIRES, ASK_BATCH, ASK_ORDER, ASK_SEGMENT):
        s.q[at[field] + target] = s.q[at[field] + source]
    for field in (ASK_STATUS, ASK_CLASS, ASK_SAID):
        s.b[at[field] + target] = s.b[at[field] + source]
    copy(question_features(s, source), question_features(s, target))


@jit
def open_here(s: Block) -> Int:
    """The window of the first open question about the present segment, or -1."""
    at = s.q
    for i in range(np.int64(s.d[at[N_ASK]])):
        if s.b[at[ASK_STATUS] + i] == OPEN and s.q[at[ASK_SEGMENT] + i] == s.q[SEGMENT]:
            return s.q[at[ASK_WINDOW] + i]
    return np.int64(-1)


@jit
def asked_about(s: Block, window: Int) -> bool:
    """Whether there is a question about ``window``, settled or not."""
    at = s.q
    there = False
    for i in range(np.int64(s.d[at[N_ASK]])):
        there = there or s.q[at[ASK_WINDOW] + i] == window
    return there


@jit
def taught(s: Block, when: Int, cls: Int, n: Int) -> Int:
    """Log a label of the present segment that nobody asked for, at ``when``."""
    at = s.q
    window = s.q[LAST]
    if s.q[AGE] == 0:
        s.q[N_UNKNOWN] += 1
        return emit_dropped(s, n, when, NOWHERE, WHY_UNKNOWN)
    if not is_shown(s, cls):
        s.q[N_NO_SUCH] += 1
        return emit_dropped(s, n, when, window, WHY_NO_SUCH_CLASS)
    if asked_about(s, window) or labelled(s, window):
        s.q[N_REPEATED] += 1
        return emit_dropped(s, n, when, window, WHY_REPEATED)
    if not make_room(s):
        s.q[N_FULL] += 1
        return emit_dropped(s, n, when, window, WHY_FULL)
    s.q[ANSWERS] += 1
    head = append_label(s, window, s.q[ANSWERS], cls, segment_mean(s))
    s.q[N_TAUGHT] += 1
    s.b[at[ASKED]] = 1
    hold(s, counts_as(s, cls), np.int64(s.b[at[SAID]]))
    return emit_learned(s, n, when, window, cls, head)
