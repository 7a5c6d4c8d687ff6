"""Novel segments: ask once about each segment that is unlike what was answered, where the heads doubt."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.ask import ANSWERED, OPEN, question_features
from odl.core.kernels.block import (
    AGE,
    ALLOWED,
    ASK_STATUS,
    ASKED,
    COUNTS,
    DOUBT,
    FLOOR,
    ISSUED,
    LOG,
    LOG_BYTES,
    LOG_KIND,
    N_ASK,
    N_LOG,
    N_RECENT,
    POINTS,
    RECENT_AT,
    RECENT_SCORES,
    Block,
)  # fmt: skip
from odl.core.kernels.distance import distance
from odl.core.kernels.jit import Int, jit
from odl.core.kernels.log import LABEL, log_features
from odl.core.kernels.segment import segment_mean
from odl.core.state import RECENT, Count

WINDOWS = COUNTS + int(Count.WINDOWS)
FIRST, AGAIN = 6, 16  # a segment gets a score at age 6, 22, 38, ...
UNSEEN = 6554  # novelty where nothing was answered: 0.2
CALM = 3277  # doubt that is added to a segment's own: 0.1
FRONT = 2  # how much earlier than evenly the budget is spent


@jit
def novelty(s: Block, features: NDArray[np.uint8]) -> Int:
    """Distance (Q15) to the nearest item that was answered or is being asked about."""
    at = s.q
    least = np.int64(-1)
    for i in range(np.int64(s.d[at[N_LOG]])):
        if s.b[at[LOG] + i * at[LOG_BYTES] + LOG_KIND] == LABEL:
            d = distance(features, log_features(s, i))
            if least < 0 or d < least:
                least = np.int64(d)
    for i in range(np.int64(s.d[at[N_ASK]])):
        status = s.b[at[ASK_STATUS] + i]
        if status == OPEN or status == ANSWERED:  # noqa: SIM109 - kernels have no tuples
            d = distance(features, question_features(s, i))
            if least < 0 or d < least:
                least = np.int64(d)
    return np.int64(UNSEEN) if least < 0 else least


@jit
def keep_score(s: Block, score: Int) -> None:
    """Put ``score`` in place of the oldest of the last 64."""
    at = s.q
    place = np.int64(s.d[at[RECENT_AT]])
    s.u[at[RECENT_SCORES] + place] = score
    s.d[at[RECENT_AT]] = (place + 1) % RECENT
    if s.d[at[N_RECENT]] < RECENT:
        s.d[at[N_RECENT]] += 1
    at[POINTS] += 1


@jit
def at_most(s: Block, score: Int) -> Int:
    """How many of the last scores are no higher than ``score``."""
    n = np.int64(0)
    for k in range(np.int64(s.d[s.q[N_RECENT]])):
        if s.u[s.q[RECENT_SCORES] + k] <= score:
            n += 1
    return n


@jit
def novel_segments(
    s: Block, features: NDArray[np.uint8], utility: Int,
    rate: Int, left: Int, hop: Int,
) -> bool:  # fmt: skip
    """Whether the segment's score is among those on which the budget should be spent.

    A segment is given a score at age 6, 22, 38, ... until it has been asked about: its novelty times
    its mean doubt. Scores are compared with the last 64; how many will still come is told from how
    many there were. This goes on where no question is left, so that the next period knows.
    """
    at = s.q
    at[DOUBT] += utility
    age = at[AGE]
    if age < FIRST or (age - FIRST) % AGAIN != 0 or s.b[at[ASKED]] != 0:
        return False
    score = np.int64((novelty(s, segment_mean(s)) * (CALM + at[DOUBT] // age)) >> np.int64(15))
    keep_score(s, score)
    n = np.int64(s.d[at[N_RECENT]])
    purse = max(np.int64(0), at[ALLOWED] - at[ISSUED])
    rest = max(np.int64(1), (at[POINTS] + 2) * left // (at[WINDOWS] + AGAIN + 1))
    rank = min(max(np.int64(0), n - FRONT * purse * n // rest), n - 1)
    # Among the sorted scores, the one at ``rank`` is no higher than this one.
    return bool(at_most(s, score) > rank and score >= at[FLOOR])
