"""Detect values beyond the full scale that are so frequent that the unit must be wrong. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

_LIMITED: Final = 0.25  # share of samples at the limit that makes a problem
_ENOUGH: Final = 50  # samples before anything is said


class LimitCheck:
    """Watches the share of values that were cut to the range of int16.

    Parameters
    ----------
    columns, units : sequence of str
        Names and units of the channels, for the sentence.
    full : sequence of float
        Full scale of each channel, in its unit.
    samples : int
        Number of the last samples that count, 50 or more.

    Attributes
    ----------
    problem : str
        A sentence about the column that is cut most often, or empty.

    Examples
    --------
    >>> check = LimitCheck(["ax"], ["g"], [4.0], samples=100)
    >>> check.add(np.ones((60, 1), np.bool_))
    >>> check.problem
    'many samples are at the limit of column ax, 4 g: is it printed in g?'
    """

    def __init__(
        self, columns: Sequence[str], units: Sequence[str], full: Sequence[float], samples: int
    ) -> None:
        self.problem = ""
        self._columns, self._units, self._full = columns, units, full
        self._samples = max(_ENOUGH, samples)
        self._recent: NDArray[np.bool_] = np.zeros((0, len(full)), np.bool_)

    def add(self, cut: NDArray[np.bool_]) -> None:
        """Add a table of which values were cut, shape (samples, channels)."""
        recent = self._recent = np.concatenate([self._recent, cut])[-self._samples :]
        share = float(recent.any(axis=1).mean())
        if not self.problem and len(recent) >= _ENOUGH and share > _LIMITED:
            most = int(recent.sum(axis=0).argmax())
            unit = self._units[most]
            self.problem = (
                f"many samples are at the limit of column {self._columns[most]}, "
                f"{self._full[most]:.3g}{f' {unit}' if unit else ''}: "
                + (f"is it printed in {unit}?" if unit else "are its unit and the scale right?")
            )
        elif share < _LIMITED / 2:
            self.problem = ""
