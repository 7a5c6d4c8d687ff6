"""The open questions: asked, answered, skipped, expired, collected into the log.

Questions stand in ``ask_*`` in window order. A batch closes when it is full or the
period's budget is spent; it is collected when each of its questions is settled.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.events import NO_CLASS, Why
from odl.core.kernels.block import (
    ALLOWED,
    ANSWERS,
    ASK_BATCH,
    ASK_CLASS,
    ASK_EXPIRES,
    ASK_FEATURES,
    ASK_ORDER,
    ASK_SEGMENT,
    ASK_STATUS,
    ASK_WINDOW,
    BATCH,
    BATCH_SIZE,
    COUNTS,
    FEATURES,
    HELD,
    ISSUED,
    LOG,
    LOG_BYTES,
    LOG_CLASS,
    LOG_FEATURES,
    LOG_HEAD,
    LOG_KIND,
    LOG_ORDER,
    LOG_WINDOW,
    MAX_LOG,
    N_ASK,
    N_BATCH,
    N_FAR,
    N_LOG,
    PATIENCE,
    ROW_HEAD,
    SEGMENT,
    Block,
)  # fmt: skip
from odl.core.kernels.emit import emit_dropped, emit_learned, emit_query
from odl.core.kernels.jit import Int, jit, jit_vectorised
from odl.core.kernels.score import row_of
from odl.core.state import Asked, Count, Entry

NOBODY = NO_CLASS
OPEN, ANSWERED, SKIPPED, EXPIRED = (
    int(Asked.OPEN), int(Asked.ANSWERED), int(Asked.SKIPPED), int(Asked.EXPIRED),
)  # fmt: skip
LABEL = int(Entry.LABEL)
WHY_EXPIRED, WHY_LATE, WHY_REPEATED, WHY_UNKNOWN, WHY_NO_SUCH_CLASS, WHY_FULL, WHY_SKIPPED = (
    np.int64(Why.EXPIRED), np.int64(Why.LATE), np.int64(Why.REPEATED), np.int64(Why.UNKNOWN),
    np.int64(Why.NO_SUCH_CLASS), np.int64(Why.FULL), np.int64(Why.SKIPPED),
)  # fmt: skip
N_QUERIES, N_ANSWERED, N_SKIPPED, N_EXPIRED = (
    COUNTS + int(Count.QUERIES), COUNTS + int(Count.ANSWERED), COUNTS + int(Count.SKIPPED),
    COUNTS + int(Count.EXPIRED),
)  # fmt: skip
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


@jit_vectorised
def copy(source: NDArray[np.uint8], target: NDArray[np.uint8]) -> None:
    """Copy features, one by one."""
    for k in range(len(source)):
        target[k] = source[k]


@jit
def ask(s: Block, features: NDArray[np.uint8], window: Int, end: Int, utility: Int, n: Int) -> Int:
    """Issue a question about ``window``, which ended at ``end``; there is room for it."""
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
    copy(features, question_features(s, i))
    s.d[at[N_ASK]] = i + 1
    s.q[ISSUED] += 1
    s.q[N_QUERIES] += 1
    s.d[at[N_BATCH]] += 1
    if s.d[at[N_BATCH]] >= s.q[BATCH_SIZE] or s.q[ISSUED] >= s.q[ALLOWED]:
        s.q[BATCH] += 1
        s.d[at[N_BATCH]] = 0
        s.d[at[N_FAR]] = 0
    return emit_query(s, n, window, utility, expires)


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
        if row_of(s, cls) < 0:
            s.q[N_NO_SUCH] += 1
            return emit_dropped(s, n, when, window, WHY_NO_SUCH_CLASS)
        s.b[at[ASK_STATUS] + i] = ANSWERED
        s.b[at[ASK_CLASS] + i] = cls
        s.q[ANSWERS] += 1
        s.q[at[ASK_ORDER] + i] = s.q[ANSWERS]
        s.q[N_ANSWERED] += 1
        if s.q[at[ASK_SEGMENT] + i] == s.q[SEGMENT]:
            s.b[at[HELD]] = cls
        return n
    for i in range(np.int64(s.d[at[N_LOG]])):
        byte = at[LOG] + i * at[LOG_BYTES]
        if s.b[byte + LOG_KIND] == LABEL and s.q[(byte >> 3) + LOG_WINDOW] == window:
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
            place = np.int64(s.d[at[N_LOG]])
            if place >= at[MAX_LOG]:
                s.q[N_FULL] += 1
                n = emit_dropped(s, n, now, window, WHY_FULL)
                continue
            cls = s.b[at[ASK_CLASS] + i]
            head = s.b[at[ROW_HEAD] + row_of(s, cls)]
            byte = at[LOG] + place * at[LOG_BYTES]
            s.q[(byte >> 3) + LOG_WINDOW] = window
            s.q[(byte >> 3) + LOG_ORDER] = s.q[at[ASK_ORDER] + i]
            s.b[byte + LOG_KIND] = LABEL
            s.b[byte + LOG_CLASS] = cls
            s.b[byte + LOG_HEAD] = head
            features = byte + LOG_FEATURES
            copy(question_features(s, i), s.b[features : features + at[FEATURES]])
            s.d[at[N_LOG]] = place + 1
            n = emit_learned(s, n, now, window, cls, head)
    s.d[at[N_ASK]] = kept
    return n


@jit
def move(s: Block, source: Int, target: Int) -> None:
    """Copy question ``source`` to place ``target``."""
    at = s.q
    for field in (ASK_WINDOW, ASK_EXPIRES, ASK_BATCH, ASK_ORDER, ASK_SEGMENT):
        s.q[at[field] + target] = s.q[at[field] + source]
    for field in (ASK_STATUS, ASK_CLASS):
        s.b[at[field] + target] = s.b[at[field] + source]
    copy(question_features(s, source), question_features(s, target))
