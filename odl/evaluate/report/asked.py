"""The questions of one person as small cards: the signal that was asked about, the answer, the truth."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from odl._text import clock_time
from odl.core.events import Input, Samples
from odl.evaluate import Evaluation, QuestionOutcome
from odl.evaluate.timeline import QuestionRow

MOST: Final = 60  # cards of a person; of more questions the first are shown
WIDTH, HEIGHT = 200, 44  # the drawing's own units
_SECONDS: Final = 10.0  # of a stretch that are drawn, its last ones
_POINTS: Final = 90  # of a curve at most
_WORDS: Final = {
    QuestionOutcome.SKIPPED: "skipped", QuestionOutcome.EXPIRED: "no answer in time",
    QuestionOutcome.UNDONE: "answer taken back", QuestionOutcome.OPEN: "open at the end",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class AskedCard:
    """One question.

    Attributes
    ----------
    time : str
        When it was asked, in stream time.
    said : str
        The answer's class, or how the question ended without one.
    truth : str or None
        The truth of its window.
    seconds : float
        Length of the signal that is drawn.
    curves : tuple
        For each unit, the SVG paths of its channels.
    """

    time: str
    said: str
    answered: bool
    truth: str | None
    seconds: float
    curves: tuple[tuple[str, tuple[str, ...]], ...]


def cards_of(
    evaluation: Evaluation, inputs: Iterable[Input], channels: Sequence[tuple[str, str]]
) -> list[AskedCard]:
    """A card for each of the first `MOST` questions.

    Parameters
    ----------
    evaluation : Evaluation
        One person's session.
    inputs : iterable of events
        What went into the session; its `Samples` are drawn.
    channels : sequence of (name, unit)
        Of the samples. Channels of one unit share a drawing and, over all cards, a scale.

    Examples
    --------
    >>> from odl.core.events import Prediction, Query
    >>> from odl.evaluate import evaluate
    >>> block = np.arange(128, dtype=np.int16).reshape(-1, 1)
    >>> events = [Samples(0, block), Prediction(0, (0,), ()), Query(0, 9, 500)]
    >>> one = evaluate(events, [], {0: "sit"}, subject="7", window=128, rate_hz=50)
    >>> card, = cards_of(one, events, [("ax", "g")])
    >>> card.time, card.said, card.seconds, card.curves[0][1][0][:12]
    ('0:02', 'open at the end', 2.56, 'M0,44.0 3,43')
    """
    questions = evaluation.timeline.questions[:MOST]
    blocks = [one for one in inputs if isinstance(one, Samples) and len(one.block)]
    starts = [one.start for one in blocks]
    drawn = [_signal(blocks, starts, *_stretch(evaluation, question)) for question in questions]
    columns = dict[str, list[int]]()
    for i, (_, unit) in enumerate(channels):
        columns.setdefault(unit, []).append(i)
    limits = {unit: _limits(drawn, indices) for unit, indices in columns.items()}
    cards = []
    for question, (times, signal) in zip(questions, drawn, strict=True):
        start, end = _stretch(evaluation, question)
        curves = tuple(
            (unit, tuple(_path(times, signal[:, i], end - start, limits[unit]) for i in indices))
            for unit, indices in columns.items()
            if len(signal)
        )
        answered = question.outcome is QuestionOutcome.ANSWERED
        said = question.answer if answered else _WORDS[question.outcome]
        cards.append(
            AskedCard(clock_time(question.asked / evaluation.rate_hz), said or "", answered, question.truth,
                 (end - start) / evaluation.rate_hz, curves)
        )  # fmt: skip
    return cards


def _stretch(evaluation: Evaluation, question: QuestionRow) -> tuple[int, int]:
    """The samples that are drawn: those asked about, cut to the last `_SECONDS`."""
    end = question.window + evaluation.timeline.window
    return max(min(question.since, question.window), end - round(_SECONDS * evaluation.rate_hz)), end


def _signal(
    blocks: Sequence[Samples], starts: Sequence[int], start: int, end: int
) -> tuple[NDArray[np.int64], NDArray[np.int16]]:
    """Places from ``start`` and values of the samples between ``start`` and ``end`` that came."""
    places, values = [], []
    for block in blocks[max(0, bisect_right(starts, start) - 1) : bisect_right(starts, end)]:
        first, last = max(start, block.start), min(end, block.start + len(block.block))
        if first < last:
            places.append(np.arange(first, last) - start)
            values.append(block.block[first - block.start : last - block.start])
    if not places:
        return np.empty(0, np.int64), np.empty((0, 0), np.int16)
    step = -(-(end - start) // _POINTS)
    return np.concatenate(places)[::step], np.concatenate(values)[::step]


def _limits(
    drawn: Sequence[tuple[NDArray[np.int64], NDArray[np.int16]]], indices: Sequence[int]
) -> tuple[int, int]:
    values = [signal[:, indices] for _, signal in drawn if len(signal)]
    if not values:
        return 0, 1
    low, high = min(int(v.min()) for v in values), max(int(v.max()) for v in values)
    return low, max(high, low + 1)


def _path(places: NDArray[np.int64], values: NDArray[np.int16], length: int, limits: tuple[int, int]) -> str:
    """An SVG path; a sample that is missing breaks it."""
    low, high = limits
    x = WIDTH * places / max(length - 1, 1)
    y = HEIGHT * (1 - (values.astype(np.float64) - low) / (high - low))
    usual = int(np.median(np.diff(places))) if len(places) > 1 else 1
    broken = np.diff(places, prepend=places[:1] - 2 * usual - 2) > 2 * usual
    points = [f"{'M' if cut else ''}{a:.0f},{b:.1f}" for a, b, cut in zip(x, y, broken, strict=True)]
    return " ".join(points)
