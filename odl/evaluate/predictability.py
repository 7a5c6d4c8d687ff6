"""Permutation entropy and statistical complexity of a stream's channels.

Both are of the ordinal patterns of neighbouring samples: in which order `ORDER` of them stand by size (Bandt
and Pompe, "Permutation Entropy", Physical Review Letters 88, 2002). White noise has entropy 1 and complexity
0; a straight line has 0 and 0; what has structure lies between, with complexity above 0 (Rosso et al.,
"Distinguishing Noise from Chaos", Physical Review Letters 99, 2007). Puoti, Pittorino and Roveri (arXiv
2502.09079) set both beside the naive forecast, as is done here with "the same as before".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from odl.core.events import Adopt, Event, Gap, Samples

ORDER = 5  # samples in a pattern: 120 patterns, which a minute at 50 Hz fills
PIECE = 2**16  # samples that are looked at together
LEAST = 5 * math.factorial(ORDER)  # patterns, below which the figures would be of chance


def pattern_counts(values: NDArray[np.integer], order: int = ORDER) -> NDArray[np.int64]:
    """Count each ordinal pattern in ``values`` (n,): (order!,); of equal values the earlier is first.

    Examples
    --------
    >>> pattern_counts(np.array([4, 7, 9, 10, 6, 11, 3]), 2).tolist()
    [4, 2]
    """
    n = len(values) - order + 1
    if n < 1:
        return np.zeros(math.factorial(order), np.int64)
    code = np.zeros(n, np.int64)
    for i in range(order):  # the permutation's Lehmer code: how many of the later ones are smaller
        code *= order - i
        for j in range(i + 1, order):
            code += values[j : j + n] < values[i : i + n]
    return np.bincount(code, minlength=math.factorial(order))


def entropy_and_complexity(shares: Sequence[float] | NDArray[np.floating]) -> tuple[float, float]:
    """Normalised entropy and Jensen-Shannon complexity of a distribution over all patterns, each from 0 to 1.

    The complexity is the entropy times the Jensen-Shannon divergence from the uniform distribution, as a
    share of the largest such divergence (Rosso et al. 2007).

    Examples
    --------
    >>> [round(value, 6) for value in entropy_and_complexity([4 / 6, 2 / 6])]
    [0.918296, 0.061128]
    """
    p = np.asarray(shares, np.float64)
    n = len(p)
    even, single = np.full(n, 1 / n), np.eye(1, n)[0]
    entropy = _shannon(p) / math.log(n)
    return entropy, entropy * _divergence(p, even) / _divergence(single, even)


def _divergence(p: NDArray[np.floating], q: NDArray[np.floating]) -> float:
    return _shannon((p + q) / 2) - (_shannon(p) + _shannon(q)) / 2


def _shannon(p: NDArray[np.floating]) -> float:
    p = p[p > 0]
    return abs(float(np.sum(p * np.log(p))))  # not -0.0


def predictability(events: Iterable[Event], names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Entropy and complexity of each channel of the samples among ``events``; no pattern spans a gap.

    Parameters
    ----------
    events : iterable of Event
        A session's inputs, in order.
    names : sequence of str
        The channels' names.

    Returns
    -------
    dict
        By channel ``{"entropy": 0 to 1, "complexity": 0 to 1}``; empty below `LEAST` patterns.

    Examples
    --------
    >>> noise = np.random.default_rng(0).integers(-9999, 9999, (5000, 1), np.int16)
    >>> {k: round(v, 2) for k, v in predictability([Samples(0, noise)], ["ax"])["ax"].items()}
    {'entropy': 1.0, 'complexity': 0.0}
    """
    counts = np.zeros((len(names), math.factorial(ORDER)), np.int64)
    for block in _pieces(events):
        for k, column in enumerate(np.ascontiguousarray(block.T)[: len(names)]):
            counts[k] += pattern_counts(column)
    if not len(names) or counts[0].sum() < LEAST:
        return {}
    pairs = [entropy_and_complexity(one / one.sum()) for one in counts]
    return {name: {"entropy": h, "complexity": c} for name, (h, c) in zip(names, pairs, strict=True)}


def _pieces(events: Iterable[Event]) -> Iterable[NDArray[np.int16]]:
    """The samples in pieces, so that memory stays small; one begins with the last few of the one before."""
    blocks, rows = list[NDArray[np.int16]](), 0
    for event in events:
        if isinstance(event, Samples):
            if blocks and event.block.shape[1] != blocks[0].shape[1]:  # of a damaged or hostile file
                yield np.concatenate(blocks)
                blocks, rows = [], 0
            blocks.append(event.block)
            rows += len(event.block)
            if rows >= PIECE:
                whole = np.concatenate(blocks)
                yield whole
                blocks, rows = [whole[1 - ORDER :].copy()], 0
        elif isinstance(event, Gap | Adopt) and blocks:
            yield np.concatenate(blocks)
            blocks, rows = [], 0
    if blocks:
        yield np.concatenate(blocks)
