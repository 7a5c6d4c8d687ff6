"""The segment: the stretch of unchanged stream that a question is about."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.events import NO_CLASS
from odl.core.kernels.block import (
    AGE,
    ASKED,
    CHANGE,
    DOUBT,
    FEATURES,
    HELD,
    HELD_SAID,
    LAST,
    MEAN,
    N_SUM,
    SEGMENT,
    SINCE,
    SUMS,
    Block,
)  # fmt: skip
from odl.core.kernels.distance import distance
from odl.core.kernels.jit import Int, jit, jit_vectorised
from odl.core.kernels.means import means

NOBODY = NO_CLASS
MOST = 256  # windows that a mean is taken over: their sum is below 2**16


@jit_vectorised
def add(sums: NDArray[np.uint16], features: NDArray[np.uint8]) -> None:
    """Add ``features`` to ``sums``."""
    for k in range(len(features)):
        sums[k] = np.uint16(sums[k] + np.uint16(features[k]))


@jit
def sums_of(s: Block) -> NDArray[np.uint16]:
    """The sums of the segment's features."""
    first = s.q[SUMS]
    return s.u[first : first + s.q[FEATURES]]


@jit
def segment_mean(s: Block) -> NDArray[np.uint8]:
    """The mean features of the segment, which has a window."""
    at = s.q
    out = s.b[at[MEAN] : at[MEAN] + at[FEATURES]]
    means(sums_of(s), np.int64(s.d[at[N_SUM]]), out)
    return out


@jit
def end_segment(s: Block) -> None:
    """The stream has changed: no answer stands any longer."""
    at = s.q
    at[SEGMENT] += 1
    at[AGE] = 0
    s.d[at[N_SUM]] = 0
    s.b[at[HELD]] = NOBODY
    s.b[at[HELD_SAID]] = NOBODY


@jit
def notice(s: Block, features: NDArray[np.uint8], window: Int) -> None:
    """Add ``window`` to the segment, or begin a new one with it if the stream has changed.

    From the mean of n windows the next one is as far as from its own expectation times the root of
    (n + 1) / n, so that much more is allowed while the segment is young.
    """
    at = s.q
    if at[AGE] > 0:
        far, n = distance(features, segment_mean(s)), np.int64(s.d[at[N_SUM]])
        if far * far * n > at[CHANGE] * at[CHANGE] * (n + 1):
            end_segment(s)
    sums = sums_of(s)
    if at[AGE] == 0:
        for k in range(len(sums)):
            sums[k] = 0
        at[SINCE] = window
        at[DOUBT] = 0
        s.b[at[ASKED]] = 0
    at[AGE] += 1
    at[LAST] = window
    if s.d[at[N_SUM]] < MOST:
        add(sums, features)
        s.d[at[N_SUM]] += 1
