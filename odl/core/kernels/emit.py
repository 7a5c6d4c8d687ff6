"""Write one output record."""

from __future__ import annotations

from odl.core.kernels.block import (
    OUT,
    OUT_AT,
    OUT_BYTES,
    OUT_CLASS,
    OUT_EXPIRES,
    OUT_HEAD,
    OUT_KIND,
    OUT_VALUE,
    OUT_WHY,
    OUT_WINDOW,
    Block,
)  # fmt: skip
from odl.core.kernels.jit import Int, jit
from odl.core.kernels.net import Emit

QUERY, LEARNED, DROPPED = int(Emit.QUERY), int(Emit.LEARNED), int(Emit.DROPPED)


@jit
def emit_query(s: Block, n: Int, window: Int, utility: Int, expires: Int, since: Int) -> Int:
    """Record ``n`` says that everything from ``since`` to the end of ``window`` is asked about; the next
    free record.
    """  # fmt: skip
    byte = s.q[OUT] + n * s.q[OUT_BYTES]
    word = byte >> 3
    s.b[byte + OUT_KIND] = QUERY
    s.q[word + OUT_WINDOW] = window
    s.q[word + OUT_VALUE] = utility
    s.q[word + OUT_EXPIRES] = expires
    s.q[word + OUT_AT] = since
    return n + 1


@jit
def emit_learned(s: Block, n: Int, at: Int, window: Int, cls: Int, head: Int) -> Int:
    """Record ``n`` says that a label was learned from; the next free record."""
    byte = s.q[OUT] + n * s.q[OUT_BYTES]
    word = byte >> 3
    s.b[byte + OUT_KIND] = LEARNED
    s.q[word + OUT_AT] = at
    s.q[word + OUT_WINDOW] = window
    s.b[byte + OUT_CLASS] = cls
    s.b[byte + OUT_HEAD] = head
    return n + 1


@jit
def emit_dropped(s: Block, n: Int, at: Int, window: Int, why: Int) -> Int:
    """Record ``n`` says that something had no effect; the next free record."""
    byte = s.q[OUT] + n * s.q[OUT_BYTES]
    word = byte >> 3
    s.b[byte + OUT_KIND] = DROPPED
    s.q[word + OUT_AT] = at
    s.q[word + OUT_WINDOW] = window
    s.b[byte + OUT_WHY] = why
    return n + 1
