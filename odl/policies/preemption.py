"""Preemption: the best batch of a stretch of the stream, with swaps; host-only, and not for a session."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from odl.policies.informativeness import measure_of


class Preemption:
    """Keeps a batch that a window may enter in another's place until the batch is asked about.

    The batch is worth ``f(S) = sum of u over S + diversity * log2 det(I + K)``. ``u`` is the informativeness,
    ``K`` holds the cosines of the members' features: a member unlike all others adds 1 to the logarithm, one
    that is there already less and less, so f is monotone and submodular. The first ``batch`` windows are
    kept. A later one, ``w``, takes the place of the member ``v`` for which ``f(S - v + w)`` is highest if::

        f(S - v + w) - f(S) >= swap * f(S) / batch

    and there is a gain at all. With ``swap`` = 1 the batch is never worth less than a quarter of the best
    that could be chosen from the windows so far. With ``swap`` = 0 and ``diversity`` = 0 the batch
    holds the most informative windows, however alike: the strategy "informativeness".

    The questions come when the batch is taken, about windows that are past by then. A person who wears
    a sensor cannot be asked that way, so this is no policy of a session; it chooses from streams of things
    that can be kept, such as images.

    Parameters
    ----------
    batch : int
        Members, at least 1.
    informativeness : str
        ``least-confidence``, ``margin`` or ``entropy``.
    diversity : float
        Weight of the logarithm, at least 0.
    swap : float
        The gain for which a member gives way, as a share of the mean worth of a member; at least 0.

    Raises
    ------
    ValueError
        If a setting lies outside its range.

    References
    ----------
    N. Buchbinder, M. Feldman, R. Schwartz, "Online Submodular Maximization with Preemption", SODA 2015, ACM
    Transactions on Algorithms 15 (2019): the rule. Y. Senzaki, C. Hamelain, "Active Learning for Deep Neural
    Networks on Edge Devices", arXiv 2106.10836: its use to select on a device. This f is ours.

    Examples
    --------
    >>> kept = Preemption(batch=2)
    >>> one, other = np.array([9, 0], np.uint8), np.array([0, 9], np.uint8)
    >>> [kept.offer(n, x, [0.5, 0.5]) for n, x in enumerate([one, one, one, other])]
    [True, True, False, False]
    >>> kept.take()
    (0, 1)
    >>> kept = Preemption(batch=2, swap=0)
    >>> [kept.offer(n, x, [0.5, 0.5]) for n, x in enumerate([one, one, one, other])]
    [True, True, False, True]
    >>> kept.take(), kept.take()
    ((1, 3), ())
    """

    def __init__(
        self, batch: int, informativeness: str = "margin", diversity: float = 1.0, swap: float = 1.0
    ) -> None:
        self._measure = measure_of(informativeness)
        for name, value, least in (("batch", batch, 1), ("diversity", diversity, 0), ("swap", swap, 0)):
            if not value >= least:
                raise ValueError(f"{name} is {value}; it can be {least} or more")
        self.batch, self.informativeness, self.diversity, self.swap = batch, informativeness, diversity, swap
        self._clear()

    def offer(self, number: int, features: NDArray[np.uint8], leaves: Sequence[float]) -> bool:
        """Whether the window ``number`` enters the batch.

        Parameters
        ----------
        number : int
            Names the window; above those offered before.
        features : uint8 (features,)
        leaves : sequence of float
            Probabilities of the classes, with the sum 1.
        """
        length = float(np.linalg.norm(features.astype(np.float64)))
        direction = features / length if length else np.zeros(len(features))
        worth = self._measure(leaves)
        if len(self._numbers) < self.batch:
            self._numbers.append(number)
            self._directions.append(direction)
            self._worths.append(worth)
            self._present = float(self._values(np.array([self._directions]), np.array([self._worths]))[0])
            return True
        every = np.arange(self.batch)
        directions = np.repeat(np.array(self._directions)[None], self.batch, axis=0)
        worths = np.repeat(np.array(self._worths)[None], self.batch, axis=0)
        directions[every, every], worths[every, every] = direction, worth
        values = self._values(directions, worths)
        place = int(values.argmax())
        gain = float(values[place]) - self._present
        if gain <= 1e-9 or gain < self.swap * self._present / self.batch:  # below it is rounding
            return False
        self._numbers[place], self._directions[place], self._worths[place] = number, direction, worth
        self._present = float(values[place])
        return True

    def take(self) -> tuple[int, ...]:
        """The numbers of the batch's windows, in their order; an empty batch follows."""
        taken = tuple(sorted(self._numbers))
        self._clear()
        return taken

    def _clear(self) -> None:
        self._numbers: list[int] = []
        self._directions: list[NDArray[np.float64]] = []
        self._worths: list[float] = []
        self._present = 0.0

    def _values(self, directions: NDArray[np.float64], worths: NDArray[np.float64]) -> NDArray[np.float64]:
        """f of each set: (sets, members, features), (sets, members) -> (sets,)."""
        values: NDArray[np.float64] = worths.sum(axis=1)
        if self.diversity:
            cosines = directions @ directions.swapaxes(1, 2)
            every = np.arange(cosines.shape[1])
            cosines[:, every, every] = 1.0
            cosines[:, every, every] += 1.0
            values = values + self.diversity * np.linalg.slogdet(cosines)[1] / np.log(2)
        return values
