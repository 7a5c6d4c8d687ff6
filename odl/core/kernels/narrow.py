"""A refit's steps on weights of 16 bits, many of which one instruction takes.

The weights that labels lead to are small, so a task learns on a copy of 16 bits as long as all of its rows
fit. The integers are those of `odl.core.kernels.dense` and `odl.core.kernels.sgd`:

- Up to 192 products of an int16 with a uint8 add up to less than 2**31.
- ``round(error * x / 2**shift)`` is ``round(error * (x << up) / 2**15)`` with ``up = 15 - shift``, for which
  processors have an instruction. With shifts from 8 on, ``x << up`` and the result are int16.
- No weight leaves int16: with an error of at most ``e`` it moves by at most ``(255 * e >> shift) + 1``. Where
  there may be no room for that, the task goes on with 32 bits.

The biases have 32 bits anyway.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.block import (
    CHANCES,
    FEATURES,
    HEAD_FORMAT,
    LEARNING,
    LOGITS,
    MOST_FEATURES,
    NARROW,
    NARROW_BIASES,
    NEXT,
    SPREAD,
    TASK_ROWS,
    Block,
)  # fmt: skip
from odl.core.kernels.heads import weights_of
from odl.core.kernels.jit import Int, jit, jit_vectorised
from odl.core.kernels.softmax import ONE, softmax
from odl.core.kernels.tiers import compiled_tier

TIER = compiled_tier()
VECTORS = TIER.lanes > 0
WIDTH = MOST_FEATURES  # weights of a narrow row, those that are missing being 0
LEAST_SHIFT, MOST_SHIFT = 8, 15
MOST = 2**15 - 1

if VECTORS:
    from odl.core.kernels.narrow_code import step_of

    step = step_of(TIER)

else:

    @jit
    def step(
        s: Block, rows: Int, biases: Int, n: Int, errors: Int, features: Int, up: Int, following: Int,
        logits: Int,
    ) -> None:  # fmt: skip
        """Nothing: without vectors no task is narrow."""


@jit_vectorised
def largest(row: NDArray[np.int32], n: Int) -> Int:
    """The largest size of the first ``n`` weights, which are below 2**31."""
    most = np.int32(0)
    for k in range(n):
        most = max(most, max(row[k], np.int32(-row[k])))
    return np.int64(most)


@jit_vectorised
def largest_narrow(rows: NDArray[np.int16]) -> Int:
    """The largest size of weights."""
    most = np.int32(0)
    for k in range(len(rows)):
        most = max(most, max(np.int32(rows[k]), np.int32(-np.int32(rows[k]))))
    return np.int64(most)


@jit_vectorised
def narrowed(row: NDArray[np.int32], to: NDArray[np.int16]) -> None:
    """The first weights of ``row`` as int16."""
    for k in range(len(to)):
        to[k] = np.int16(row[k])


@jit_vectorised
def widened(row: NDArray[np.int16], to: NDArray[np.int32]) -> None:
    """The first weights of ``to`` from int16."""
    for k in range(len(row)):
        to[k] = np.int32(row[k])


@jit_vectorised
def spread(features: NDArray[np.uint8], to: NDArray[np.int16]) -> None:
    """Features as int16."""
    for k in range(len(features)):
        to[k] = np.int16(features[k])


@jit
def spread_features(s: Block, features: NDArray[np.uint8], which: Int) -> None:
    """Put features in place 0 or 1 for narrow weights."""
    first = s.q[SPREAD] + which * WIDTH
    spread(features, s.h[first : first + len(features)])


@jit
def narrow_row(s: Block, place: Int) -> NDArray[np.int16]:
    """The narrow weights at ``place``, as many as there are features."""
    first = s.q[NARROW] + place * WIDTH
    return s.h[first : first + s.q[FEATURES]]


@jit
def start_narrow(s: Block, n: Int) -> bool:
    """Copy the next weights of the ``n`` rows of `TASK_ROWS`; False if they have to stay as they are."""
    at = s.q
    size, shift = at[FEATURES], at[at[LEARNING] + 1]
    if not VECTORS or size > WIDTH or shift < LEAST_SHIFT or shift > MOST_SHIFT:
        return False
    for place in range(n):
        if largest(weights_of(s, at[NEXT], np.int64(s.d[at[TASK_ROWS] + place])), size) > MOST:
            return False
    for which in range(2):
        for k in range(size, WIDTH):
            s.h[at[SPREAD] + which * WIDTH + k] = 0
    for place in range(n):
        row = weights_of(s, at[NEXT], np.int64(s.d[at[TASK_ROWS] + place]))
        narrowed(row, narrow_row(s, np.int64(place)))
        for k in range(size, WIDTH):
            s.h[at[NARROW] + place * WIDTH + k] = 0
        s.d[at[NARROW_BIASES] + place] = row[size]
    return True


@jit
def end_narrow(s: Block, n: Int) -> None:
    """The next weights become what the narrow ones are."""
    at = s.q
    for place in range(n):
        row = weights_of(s, at[NEXT], np.int64(s.d[at[TASK_ROWS] + place]))
        widened(narrow_row(s, np.int64(place)), row)
        row[at[FEATURES]] = s.d[at[NARROW_BIASES] + place]


@jit
def narrow_errors(s: Block, head: Int, right: Int, n: Int) -> Int:
    """A task's logits to errors, row ``right`` of ``n`` being right; no error is larger than the result."""
    at = s.q
    errors = at[at[CHANCES] : at[CHANCES] + n]
    softmax(at[at[LOGITS] : at[LOGITS] + n], n, np.int64(s.b[at[HEAD_FORMAT] + head]), errors)
    if right >= n:
        return np.int64(ONE)
    errors[right] -= ONE
    return n - errors[right]  # the others add up to as much, within n / 2


@jit
def narrow_step(s: Block, which: Int, n: Int) -> None:
    """Take a step by the errors and the features at place ``which``; the logits of those at the other."""
    at = s.q
    step(
        s, 2 * at[NARROW], 4 * at[NARROW_BIASES], n, 8 * at[CHANCES], 2 * (at[SPREAD] + which * WIDTH),
        MOST_SHIFT - at[at[LEARNING] + 1], 2 * (at[SPREAD] + (1 - which) * WIDTH), 8 * at[LOGITS],
    )  # fmt: skip


@jit
def first_logits(s: Block, n: Int) -> None:
    """The logits of the features at place 0, without a step."""
    for i in range(n):
        s.q[s.q[CHANCES] + i] = 0
    narrow_step(s, np.int64(1), n)


@jit
def room_of(s: Block, n: Int) -> Int:
    """By how much each narrow weight can move."""
    return MOST - largest_narrow(s.h[s.q[NARROW] : s.q[NARROW] + n * WIDTH])


@jit
def farthest(s: Block, error: Int) -> Int:
    """By how much a weight moves at most if no error is larger than ``error``."""
    return ((error * 255) >> s.q[s.q[LEARNING] + 1]) + 1
