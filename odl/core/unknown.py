"""Windows that are like nothing the image knows: a least score for each class, from the image's card.

A softmax names one of its classes whatever it sees. So training notes how high the score of the class that
is named usually is, over people that the model has not seen. Where it stays below nearly all of these, the
window is unknown. It is one comparison of integers that a prediction carries already: traces and boards do
not change, and the state needs no byte more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from odl.core.events import NO_CLASS, Prediction

LEVELS = (1, 2, 5, 10, 20, 50)  # of 100 windows of known classes, how many are taken for unknown
LEVEL = 5
ONE = 32768


class KnownClasses(Protocol):
    """The properties of a model image that tell what it knows."""

    @property
    def names(self) -> Mapping[int, str]: ...
    @property
    def row_class(self) -> NDArray[np.uint8]: ...
    @property
    def card(self) -> Mapping[str, Any]: ...


class Rejection:
    """Tells predictions that name a class from those that are unknown.

    Parameters
    ----------
    image : KnownClasses
        A model image. Its card's entry ``unknown`` maps each class to its least scores (Q15), one for each
        of `LEVELS`. Without it, and for classes without an entry, such as those that a person adds, nothing
        is unknown.
    level : int
        One of `LEVELS`.

    Raises
    ------
    ValueError
        If ``level`` is another number.

    Attributes
    ----------
    least : int64 array, (256,)
        By class id the lowest score (Q15) with which it is named; 0 for a class without an entry.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from odl.data.streams import load_model
    >>> image = load_model("shoulder")
    >>> card = image.card | {"unknown": {"pendulum": [900, 2000, 9000, 12000, 20000, 32000]}}
    >>> rejection = Rejection(replace(image, card=card))
    >>> weak, strong = ((score, 0, 32768 - score, 0, 0) for score in (8000, 9000))
    >>> [rejection.is_unknown(Prediction(0, (0,), scores)) for scores in (weak, strong)]
    [True, False]
    """

    def __init__(self, image: KnownClasses, level: int = LEVEL) -> None:
        if level not in LEVELS:
            raise ValueError(
                f"{level} is not a level of false alarms; there are {', '.join(map(str, LEVELS))} %"
            )
        place = LEVELS.index(level)
        self.least = np.zeros(NO_CLASS + 1, np.int64)
        self._row = np.zeros(NO_CLASS + 1, np.int64)
        self._row[image.row_class] = np.arange(len(image.row_class))
        named = least_scores(image)
        for cls, name in image.names.items():
            if name in named:
                self.least[cls] = named[name][place]

    def is_unknown(self, prediction: Prediction) -> bool:
        """Whether the class that ``prediction`` names has too low a score; a held answer is known."""
        if prediction.held is not None or not prediction.path:
            return False
        cls = prediction.path[-1]
        row = int(self._row[cls])
        return row < len(prediction.scores) and prediction.scores[row] < int(self.least[cls])

    def of_records(self, predictions: NDArray[Any]) -> NDArray[np.bool_]:
        """`is_unknown` for each of `odl.core.trace.Trace.predictions`, (n,)."""
        length, paths, scores = predictions["n_path"], predictions["path"], predictions["scores"]
        found = np.zeros(len(predictions), np.bool_)
        n = np.flatnonzero((length > 0) & (predictions["held"] == NO_CLASS))
        cls = paths[n, length[n].astype(np.int64) - 1]
        row = self._row[cls]
        there = row < predictions["n_scores"][n]
        n, row, cls = n[there], row[there], cls[there]
        found[n] = scores[n, row] < self.least[cls]
        return found


def least_scores(image: KnownClasses) -> dict[str, list[int]]:
    """By class the least score at each of `LEVELS`, from the card's entry ``unknown``, if it is valid."""
    written = image.card.get("unknown")
    return {
        name: scores
        for name, scores in (written.items() if isinstance(written, dict) else ())
        if isinstance(scores, list)
        and len(scores) == len(LEVELS)
        and all(type(score) is int and 0 <= score <= ONE for score in scores)
    }
