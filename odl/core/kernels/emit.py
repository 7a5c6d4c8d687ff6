"""Write one output record."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from odl.core.kernels.jit import Int, jit
from odl.core.kernels.net import Emit

QUERY, LEARNED, DROPPED = int(Emit.QUERY), int(Emit.LEARNED), int(Emit.DROPPED)


@jit
def emit_query(out: NDArray[Any], n: Int, window: Int, utility: Int, expires: Int) -> Int:
    """Record ``n`` says that ``window`` is asked about; the next free record."""
    record = out[n]
    record["kind"] = QUERY
    record["window"] = window
    record["value"] = utility
    record["expires"] = expires
    return n + 1


@jit
def emit_learned(out: NDArray[Any], n: Int, at: Int, window: Int, cls: Int, head: Int) -> Int:
    """Record ``n`` says that a label was learned from; the next free record."""
    record = out[n]
    record["kind"] = LEARNED
    record["at"] = at
    record["window"] = window
    record["cls"] = cls
    record["head"] = head
    return n + 1


@jit
def emit_dropped(out: NDArray[Any], n: Int, at: Int, window: Int, why: Int) -> Int:
    """Record ``n`` says that something had no effect; the next free record."""
    record = out[n]
    record["kind"] = DROPPED
    record["at"] = at
    record["window"] = window
    record["why"] = why
    return n + 1
