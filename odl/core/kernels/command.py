"""What an answer does: questions settled, labels learned, answers taken back.

One function for Python to call, so that all of it is compiled once, and only when the first
question is settled: a stream's first predictions do not wait for it.
"""

from __future__ import annotations

import numpy as np

from odl.core.kernels.ask import answer, collect, expire, settled_batch
from odl.core.kernels.block import COUNTS, N_LOG, Block
from odl.core.kernels.grow import undo
from odl.core.kernels.jit import Int, jit
from odl.core.kernels.net import Act
from odl.core.kernels.refit import refit
from odl.core.state import Count

UNDONE, REFITS = COUNTS + int(Count.UNDONE), COUNTS + int(Count.REFITS)
SETTLE, LABEL, UNDO = int(Act.SETTLE), int(Act.LABEL), int(Act.UNDO)


@jit
def settle(s: Block, now: Int, n: Int) -> Int:
    """Expire questions, learn from every batch that is settled at ``now``."""
    n = expire(s, now, n)
    before = s.d[s.q[N_LOG]]
    batch = settled_batch(s)
    while batch >= 0:
        n = collect(s, batch, now, n)
        batch = settled_batch(s)
    if s.d[s.q[N_LOG]] != before:
        refit(s)
        s.q[REFITS] += 1
    return n


@jit
def label(s: Block, when: Int, window: Int, cls: Int) -> Int:
    """An answer about ``window`` arrives at ``when``; the number of output records."""
    n = expire(s, when, np.int64(0))
    n = answer(s, when, window, cls, n)
    return settle(s, when, n)


@jit
def take_back(s: Block, when: Int) -> Int:
    """Take back the answer given last; the number of output records."""
    n = settle(s, when, np.int64(0))
    done = s.q[UNDONE]
    n = undo(s, when, n)
    if s.q[UNDONE] != done:
        refit(s)
        s.q[REFITS] += 1
    return n


@jit
def command(s: Block, act: Int, when: Int, window: Int, cls: Int) -> Int:
    """Carry out an `odl.core.kernels.net.Act` at ``when``; the number of output records.

    ``window`` and ``cls`` belong to a label, and are 0 otherwise.
    """
    if act == SETTLE:
        return settle(s, when, np.int64(0))
    if act == LABEL:
        return label(s, when, window, cls)
    if act == UNDO:
        return take_back(s, when)
    refit(s)
    return np.int64(0)
