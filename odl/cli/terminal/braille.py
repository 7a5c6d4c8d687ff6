"""A question's signal as a terminal can show it: lines of braille characters."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from odl._text import clean, width
from odl.labels.question import Question

_ROWS: Final = 3


@lru_cache(maxsize=4)  # a question's signal stays as it is
def plotted(question: Question, channels: tuple[tuple[str, str, float], ...], columns: int) -> list[str]:
    """Return the question's signal in braille, with a legend in the last line; an empty list without signal.

    It draws the channels that share the first one's unit, over each other.
    """
    unit = channels[0][1] if channels else "counts"
    same = [i for i, (_, other, _) in enumerate(channels) if other == unit]
    signal = question.signal[:, same] if same else question.signal
    if len(signal) < 2 or not np.isfinite(signal).any():
        return []
    low, high = float(np.nanmin(signal)), float(np.nanmax(signal))
    across = max(2, min(columns, 64, len(signal) // 2))
    edge = round(across * (question.since - question.start) / len(signal))
    names = " ".join(clean(channels[i][0], 8) for i in same) or f"{signal.shape[1]} channels"
    what = f"{names}, {low:.3g} to {high:.3g} {clean(unit, 12)}"
    left, right = "before" if edge > len("before") else "", f"asked: {what}"
    if edge + 1 + width(right) > columns and width(what) <= edge:  # the figures stand where there is room
        left, right = what, "asked"
    under = f"{left:{edge}}|{right}"
    return [*braille(signal, across, _ROWS), under if edge else under[1:]]


def braille(signal: NDArray[np.float32], across: int, rows: int) -> list[str]:
    """Return ``signal`` (n, channels) as ``rows`` lines of ``across`` braille characters, 2 by 4 dots each.

    Each column of dots spans the values of its samples and of the one before them; samples that
    are NaN leave no dots.

    >>> braille(np.array([[0], [1], [2], [3]], np.float32), 2, 1)
    ['⣠⠞']
    """
    wide, tall = 2 * across, 4 * rows
    finite = np.isfinite(signal)
    low = float(np.min(signal, where=finite, initial=np.inf))
    span = float(np.max(signal, where=finite, initial=-np.inf)) - low
    dots = np.zeros((tall, wide), bool)
    scaled = (signal - low) / (span or 1.0) * (tall - 1)
    column = np.arange(len(signal)) * wide // len(signal)
    for values in scaled.T:
        for x in np.unique(column):
            inside = np.flatnonzero(column == x)
            here = values[max(0, inside[0] - 1) : inside[-1] + 1]
            here = here[np.isfinite(here)]
            if len(here):
                dots[tall - 1 - round(float(here.max())) : tall - round(float(here.min())), x] = True
    bits = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
    cells = dots.reshape(rows, 4, across, 2)
    codes = 0x2800 + np.einsum("iajb,ab->ij", cells.astype(int), bits)
    return ["".join(map(chr, row)) for row in codes.tolist()]
