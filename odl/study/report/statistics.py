"""Statistics over people: bootstrapped intervals, paired tests, correction for many comparisons, areas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

DRAWS = 2000  # resamples of a bootstrapped interval
FEWEST = 3  # people, below which there is no interval


class Interval(NamedTuple):
    """A mean over people and its 95 % interval; the ends are None below three people."""

    mean: float
    low: float | None
    high: float | None


def mean_interval(values: ArrayLike, seed: int = 0) -> Interval:
    """The mean over people with a percentile bootstrap over people.

    Parameters
    ----------
    values : array (people,)
        One value for each person; NaN is left out.
    seed : int
        Seed of the resampling.

    References
    ----------
    B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.

    Examples
    --------
    >>> mean_interval([0.5, 0.5, 0.5, 0.5])
    Interval(mean=0.5, low=0.5, high=0.5)
    >>> mean_interval([0.25, 0.75])
    Interval(mean=0.5, low=None, high=None)
    """
    there = _there(values)
    if not len(there):
        return Interval(float("nan"), None, None)
    if len(there) < FEWEST:
        return Interval(float(there.mean()), None, None)
    draws = np.random.default_rng(seed).choice(there, size=(DRAWS, len(there))).mean(axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(float(there.mean()), float(low), float(high))


def paired_p(differences: ArrayLike) -> float:
    """Two-sided p of the Wilcoxon signed-rank test over people; 1 if nobody differs.

    References
    ----------
    F. Wilcoxon, "Individual Comparisons by Ranking Methods", Biometrics Bulletin 1 (1945).

    Examples
    --------
    >>> paired_p([1, 2, 3, 4, 5, 6, 7, 8]), paired_p([0, 0, 0])
    (0.0078125, 1.0)
    """
    from scipy.stats import wilcoxon

    there = np.round(_there(differences), 12)  # a rounding error would get a rank
    if not np.any(there):
        return 1.0
    method = "exact" if len(there) <= 25 and len(set(np.abs(there))) == np.count_nonzero(there) else "auto"
    if np.any(there == 0):
        method = "auto"
    return float(
        wilcoxon(there, zero_method="pratt" if np.any(there == 0) else "wilcox", method=method).pvalue
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values corrected for their number, in the given order.

    References
    ----------
    S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6
    (1979).

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    corrected, highest = [1.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        corrected[int(i)] = highest
    return corrected


def at_labels(spent: Sequence[float], values: Sequence[float], labels: float) -> float:
    """The value of a learning curve at a number of labels; beyond its ends, that of the end.

    >>> at_labels([0, 10], [0.5, 0.75], 5), at_labels([0, 10], [0.5, 0.75], 20)
    (0.625, 0.75)
    """
    x, y = _curve(spent, values)
    return float(np.interp(labels, x, y))


def area(spent: Sequence[float], values: Sequence[float], upto: float) -> float:
    """Mean height of a learning curve from 0 to ``upto`` labels: its area over its width.

    >>> area([0, 10], [0.5, 0.75], 10)
    0.625
    """
    x, y = _curve(spent, values)
    if upto <= 0:
        return float(y[0])
    inside = (x > 0) & (x < upto)
    points = np.concatenate([[0.0], x[inside], [upto]])
    return float(np.trapezoid(np.interp(points, x, y), points) / upto)


def _curve(
    spent: Sequence[float], values: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The points in order of the labels; of points with the same number, their mean."""
    x, y = np.asarray(spent, float), np.asarray(values, float)
    unique = np.unique(x)
    return unique, np.array([y[x == one].mean() for one in unique])


def _there(values: ArrayLike) -> NDArray[np.float64]:
    found = np.asarray(values, float)
    there: NDArray[np.float64] = found[~np.isnan(found)]
    return there
