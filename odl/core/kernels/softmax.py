"""Logits to Q15 probabilities by two small tables."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.flat import Table
from odl.core.kernels.jit import Int, jit

ONE = 32768  # 1.0 in Q15

# e**-n in Q30 and e**-(i / 256) in Q15, rounded to nearest. With e**-n in Q15 its error would
# be more than a step of the fraction, and a lower logit could get the higher probability.
WHOLE = np.round(2**30 * np.exp(-np.arange(16))).astype(np.int32)
FRACTION = np.round(ONE * np.exp(-np.arange(256) / 256)).astype(np.int32)
WHOLE_TABLE, FRACTION_TABLE = Table(WHOLE), Table(FRACTION)


@jit
def exp_q15(logit_below: Int, fmt: Int) -> Int:
    """``exp(-logit_below / 2**fmt)`` in Q15; ``logit_below`` >= 0, below 2**47.

    The exponent is cut to 1/256 and held below 16 (e**-16 < 2**-23 of one). Never rises
    with ``logit_below``. The product is at most 2**45.

    >>> int(exp_q15(0, 20)), int(exp_q15(2**20, 20))
    (32768, 12055)
    """
    steps = np.int64(np.int64(logit_below) >> np.int64(np.int64(fmt) - 8))
    if steps > 4095:
        steps = np.int64(4095)
    whole = np.int64(WHOLE_TABLE[steps >> np.int64(8)])
    fraction = np.int64(FRACTION_TABLE[steps & np.int64(255)])
    return np.int64((whole * fraction + np.int64(2**29)) >> np.int64(30))


@jit
def softmax(logits: NDArray[np.int64], n: Int, fmt: Int, out: NDArray[np.int64]) -> None:
    """Q15 probabilities of the first ``n`` logits (integers over 2**fmt, fmt 8 to 28).

    ``out[i] = (exp_i * 32768 + sum // 2) // sum``. The largest logit gives exp 32768, so
    the sum lies in [32768, 64 * 32768] and the product is below 2**31. Each quotient is
    off by at most one half, hence ``|sum(out) - 32768| <= n / 2``.

    One division serves all: with ``inverse = 2**47 // sum + 1``, at most 2**32 + 1, the product with a
    dividend below 2**30 + 2**20 is below 2**63 and exceeds ``2**47`` times the quotient by less than
    2**31, so it gives the quotient or, seen from the remainder, one more.
    """
    top = logits[0]
    for i in range(1, n):
        if logits[i] > top:
            top = logits[i]
    total = np.int64(0)
    for i in range(n):
        out[i] = exp_q15(np.int64(top - logits[i]), fmt)
        total = np.int64(total + out[i])
    inverse = np.int64(np.int64(2**47) // total + 1)
    half = np.int64(total >> np.int64(1))
    for i in range(n):
        dividend = np.int64(out[i] * np.int64(ONE) + half)
        quotient = np.int64(np.int64(dividend * inverse) >> np.int64(47))
        out[i] = np.int64(quotient - np.int64(quotient * total > dividend))
