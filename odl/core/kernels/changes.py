"""Classes that were renamed, merged or removed: what each counts as, by the label log.

Nothing of a head changes by it. The image's rows speak as they did; what they say of a merged class is
added to the other one, and a removed class takes no part. Labels count as their class does.
"""

from __future__ import annotations

import numpy as np

from odl.core.events import NO_CLASS
from odl.core.kernels.block import (
    CHANGED,
    COUNTED,
    HEAD_PARENT,
    LOG,
    LOG_BYTES,
    LOG_CLASS,
    LOG_HEAD,
    LOG_KIND,
    N_LOG,
    N_ROWS,
    ROW_CLASS,
    ROW_HEAD,
    Block,
)  # fmt: skip
from odl.core.kernels.heads import REMOVED, row_of
from odl.core.kernels.jit import Int, jit
from odl.core.state import Entry

NOBODY = NO_CLASS
CHANGE = int(Entry.CHANGE)


@jit
def count_changes(s: Block) -> None:
    """Find for each row the row that it counts as, or `REMOVED`: in ``COUNTED``, for what follows.

    The last change of a class decides. ``CHANGED`` tells whether the log has any.
    """
    at = s.q
    counted, rows = at[COUNTED], np.int64(s.d[at[N_ROWS]])
    at[CHANGED] = 0
    for r in range(rows):
        s.b[counted + r] = r
    for i in range(np.int64(s.d[at[N_LOG]])):
        byte = at[LOG] + i * at[LOG_BYTES]
        if s.b[byte + LOG_KIND] == CHANGE:
            row = row_of(s, np.int64(s.b[byte + LOG_CLASS]))
            into = row_of(s, np.int64(s.b[byte + LOG_HEAD]))
            if row >= 0:
                s.b[counted + row] = into if into >= 0 else REMOVED
                at[CHANGED] = 1
    if at[CHANGED] == 0:
        return
    for r in range(rows):
        to = np.int64(s.b[counted + r])
        for _ in range(rows):
            if to != REMOVED:
                to = np.int64(s.b[counted + to])
        s.b[counted + r] = to


@jit
def counts_as(s: Block, cls: Int) -> Int:
    """The class that ``cls`` counts as, after `count_changes`; 255 if it, or what it lies under, was removed.

    Where a class above has been merged, it is the class which that counts as.
    """
    at = s.q
    if at[CHANGED] == 0:
        return np.int64(cls)
    found = np.int64(cls)
    above = np.int64(cls)
    while above != NOBODY:
        row = row_of(s, above)
        if row < 0 or s.b[at[COUNTED] + row] == REMOVED:
            return np.int64(NOBODY)
        if s.b[at[COUNTED] + row] != row:
            found = np.int64(s.b[at[ROW_CLASS] + s.b[at[COUNTED] + row]])
        above = np.int64(s.b[at[HEAD_PARENT] + s.b[at[ROW_HEAD] + row]])
    return found


@jit
def has_classes(s: Block, head: Int) -> bool:
    """Whether a task is one: not all of its classes have been removed, after `count_changes`."""
    at = s.q
    if at[CHANGED] == 0:
        return True
    there = False
    empty = True
    for row in range(np.int64(s.d[at[N_ROWS]])):
        if s.b[at[ROW_HEAD] + row] == head:
            empty = False
            there = there or s.b[at[COUNTED] + row] != REMOVED
    return there or empty
