"""What an answer does: questions settled, labels learned, answers taken back.

One function for Python to call, so that all of it is compiled once, and only when the first
question is settled: a stream's first predictions do not wait for it.
"""

from __future__ import annotations

import numpy as np

from odl.core.kernels.ask import answer, collect, expire, open_here, settled_batch, taught
from odl.core.kernels.block import COUNTS, LEARNING, N_LOG, Block
from odl.core.kernels.grow import undo
from odl.core.kernels.jit import Int, jit
from odl.core.kernels.net import Act
from odl.core.kernels.refit import advance, refit, start_refit
from odl.core.state import Count

GAVE_WAY = COUNTS + int(Count.GAVE_WAY)
SETTLE, LABEL, UNDO, REFIT, TEACH, ADVANCE = (
    int(Act.SETTLE), int(Act.LABEL), int(Act.UNDO), int(Act.REFIT), int(Act.TEACH), int(Act.ADVANCE),
)  # fmt: skip
TO_THE_END = 2**40  # more items than any refit has


@jit
def logged(s: Block) -> Int:
    """How many entries the log has had: grows with each new one."""
    return s.d[s.q[N_LOG]] + s.q[GAVE_WAY]


@jit
def settle(s: Block, now: Int, n: Int) -> Int:
    """Expire questions, learn from every batch that is settled at ``now``."""
    n = expire(s, now, n)
    before = logged(s)
    batch = settled_batch(s)
    while batch >= 0:
        n = collect(s, batch, now, n)
        batch = settled_batch(s)
    if logged(s) != before:
        refit(s)
    return n


@jit
def label(s: Block, when: Int, window: Int, cls: Int) -> Int:
    """An answer about ``window`` arrives at ``when``; the number of output records."""
    n = expire(s, when, np.int64(0))
    n = answer(s, when, window, cls, n)
    return settle(s, when, n)


@jit
def teach(s: Block, when: Int, cls: Int) -> Int:
    """What somebody does is said at ``when``, asked for or not; the number of output records."""
    n = expire(s, when, np.int64(0))
    window = open_here(s)
    if window >= 0:
        n = answer(s, when, window, cls, n)
    else:
        before = logged(s)
        n = taught(s, when, cls, n)
        if logged(s) != before:
            refit(s)
    return settle(s, when, n)


@jit
def take_back(s: Block, when: Int) -> Int:
    """Take back the answer given last; the number of output records."""
    n = settle(s, when, np.int64(0))
    before = logged(s)
    n = undo(s, when, n)
    if logged(s) != before:
        refit(s)
    return n


@jit
def command(s: Block, act: Int, when: Int, window: Int, cls: Int) -> Int:
    """Carry out an `odl.core.kernels.net.Act` at ``when``; the number of output records.

    ``window`` and ``cls`` belong to a label, ``cls`` also to what is taught; else they are 0.
    """
    if act == SETTLE:
        n = settle(s, when, np.int64(0))
        advance(s, s.q[s.q[LEARNING] + 4])
        return n
    if act == LABEL:
        return label(s, when, window, cls)
    if act == TEACH:
        return teach(s, when, cls)
    if act == UNDO:
        return take_back(s, when)
    if act != ADVANCE:
        start_refit(s)
    if act == REFIT:
        advance(s, np.int64(TO_THE_END))
    elif act == ADVANCE:
        advance(s, s.q[s.q[LEARNING] + 4])
    return np.int64(0)
