"""Whose word counts where the image's heads and the learned ones differ: the answers decide.

Every label in the log says what the image's heads thought of it before it was learned, and what
both thought together. So there is a record for each pair of leaves, and undoing a label undoes its
part in it.
"""

from __future__ import annotations

import numpy as np

from odl.core.events import NO_CLASS
from odl.core.kernels.block import (
    BASE_ROWS,
    LOG,
    LOG_BASE,
    LOG_BYTES,
    LOG_CLASS,
    LOG_KIND,
    LOG_MIXED,
    N_LOG,
    Block,
)  # fmt: skip
from odl.core.kernels.changes import counts_as
from odl.core.kernels.heads import above, row_of
from odl.core.kernels.jit import Int, jit
from odl.core.state import Entry

NOBODY = NO_CLASS
LABEL = int(Entry.LABEL)
ENOUGH = 2  # answers that let a known class in without a test


@jit
def right(s: Block, said: Int, cls: Int) -> Int:
    """1 if ``said`` is class ``cls`` or stands above it, else 0."""
    while cls != NOBODY:
        if cls == said:
            return np.int64(1)
        cls = above(s, cls)
    return np.int64(0)


@jit
def opened(s: Block, base: Int, mixed: Int) -> bool:
    """Whether ``mixed`` is shown where the image's heads name ``base``; the two differ.

    A class that the image does not know is shown while it has not done worse than ``base`` on the
    labels where these two stood against each other. A known one must have done better, or have been
    the answer where the image said ``base`` at least twice, and as often as ``base`` itself.
    """
    at = s.q
    won = np.int64(0)
    answers = np.int64(0)
    kept = np.int64(0)
    for i in range(np.int64(s.d[at[N_LOG]])):
        byte = at[LOG] + i * at[LOG_BYTES]
        if s.b[byte + LOG_KIND] != LABEL or counts_as(s, np.int64(s.b[byte + LOG_BASE])) != base:
            continue
        cls = counts_as(s, np.int64(s.b[byte + LOG_CLASS]))
        if cls == NOBODY:
            continue
        if cls == mixed:
            answers += 1
        if cls == base:
            kept += 1
        if counts_as(s, np.int64(s.b[byte + LOG_MIXED])) == mixed:
            won = np.int64(won + right(s, mixed, cls) - right(s, base, cls))
    if won < 0:
        return False
    if row_of(s, mixed) >= at[BASE_ROWS] or won > 0:
        return True
    return bool(answers >= ENOUGH and answers >= kept)
