"""A question's signal as a terminal can show it: lines of braille characters."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from odl._text import clean, width
from odl.labels.question import Question

_ROWS: Final = 3
_LEAST: Final = 36  # characters of a plot that has others beside it
_APART: Final = 2  # characters between two plots


@lru_cache(maxsize=4)  # a question's signal stays as it is
def plotted(question: Question, channels: tuple[tuple[str, str, float], ...], columns: int) -> list[str]:
    """Return the question's signal in braille; an empty list without signal.

    Each sensor, which is the channels of one unit, has a plot of its own: a line with names, range and unit,
    the curves over each other, and where the part begins that the question is about. Plots
    stand beside each other where there is room.
    """
    if len(question.signal) < 2 or not np.isfinite(question.signal).any():
        return []
    sensors: dict[str, list[int]] = {}
    for i in range(question.signal.shape[1]):
        sensors.setdefault(channels[i][1] if channels else "counts", []).append(i)
    beside = max(1, min(len(sensors), (columns + _APART) // (_LEAST + _APART)))
    across = max(2, min((columns + _APART) // beside - _APART, 64, len(question.signal) // 2))
    plots = [_plot(question, channels, one, unit, across) for unit, one in sensors.items()]
    lines = []
    for k in range(0, len(plots), beside):
        for row in zip(*plots[k : k + beside], strict=True):
            padded = (text + " " * (across + _APART - width(text)) for text in row)
            lines.append("".join(padded).rstrip(" "))
    return lines


def _plot(
    question: Question,
    channels: tuple[tuple[str, str, float], ...],
    sensor: list[int],
    unit: str,
    across: int,
) -> list[str]:
    """Return the plot of the channels numbered ``sensor``, ``across`` characters wide."""
    signal = question.signal[:, sensor]
    finite = np.isfinite(signal)
    low = float(np.min(signal, where=finite, initial=np.inf))
    high = float(np.max(signal, where=finite, initial=-np.inf))
    names = " ".join(clean(channels[i][0], 8) for i in sensor) if channels else f"{len(sensor)} channels"
    values = f"{low:.3g} to {high:.3g} {clean(unit, 12)}" if finite.any() else "no samples"
    head = f"{names}, {values}"
    edge = round(across * (question.since - question.start) / len(signal))
    left = "before" if edge > len("before") else ""
    under = f"{left:{edge}}|asked" if edge else "asked"
    return [clean(head if width(head) <= across else values, across), *braille(signal, across, _ROWS),
            clean(under, across)]  # fmt: skip


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
