"""The timeline plot: strips of truth and predictions, and the questions, answers and lessons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from odl._text import clean
from odl.evaluate import Evaluation, QuestionOutcome
from odl.evaluate.report.style import (
    BAND,
    CARD,
    GRID,
    INK,
    SOFT,
    ClassStyle,
    points_per_unit,
    stride,
    text_width,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Lanes from top to bottom: (bottom, height).
_TRUTH, _STRIP, _PLAIN = (6.0, 0.8), (4.75, 0.8), (3.2, 0.8)
_STRIP_WRONG, _PLAIN_WRONG = (4.42, 0.24), (2.87, 0.24)
_ASKED, _LEARNED, _TOP = 1.62, 0.62, 8.25
_MOST_SEAMS = 100  # more seams would cover the strip


def draw_timeline(
    axes: Axes, evaluation: Evaluation, styles: Mapping[str, ClassStyle], divisor: float
) -> None:
    """Draw all lanes; ``divisor`` is the number of seconds in a unit of x."""
    line, per_unit = evaluation.timeline, evaluation.rate_hz * divisor
    axes.set_ylim(0.1, _TOP)
    axes.spines[["left", "bottom"]].set_visible(False)
    labels = {
        "truth": _middle(_TRUTH), "with learning": _middle(_STRIP), "wrong": _middle(_STRIP_WRONG),
        "no learning": _middle(_PLAIN), "wrong ": _middle(_PLAIN_WRONG),
        "asked": _ASKED, "learned": _LEARNED,
    }  # fmt: skip
    axes.set_yticks(list(labels.values()), list(labels))
    for text in axes.get_yticklabels():
        quiet = text.get_text().startswith("wrong")
        text.set(fontsize=6.5 if quiet else 8.5, color=SOFT if quiet else INK)

    gaps = _bars([(start, start + lost) for start, lost in line.gaps if lost], axes, per_unit)
    axes.broken_barh(gaps, (0.2, 6.6), facecolors=BAND, hatch="////", edgecolor=GRID, zorder=0)
    _strip(axes, line.truths, _TRUTH, styles, per_unit)
    seams = [start for start, lost in line.gaps if not lost and start]
    for start in seams if len(seams) <= _MOST_SEAMS else []:
        axes.plot([start / per_unit] * 2, [_TRUTH[0], sum(_TRUTH)], color=CARD, lw=1.4, zorder=3)

    rows = line.rows
    for classes, lane, ribbon in (
        (rows.predicted, _STRIP, _STRIP_WRONG), (rows.without, _PLAIN, _PLAIN_WRONG),
    ):  # fmt: skip
        runs = [(a, b, rows.names[cls]) for a, b, cls in _runs(evaluation, classes)]
        _strip(axes, runs, lane, styles, per_unit)
        differs = (rows.truth >= 0) & (classes >= 0) & (classes != rows.truth)
        wrong = _runs(evaluation, np.where(differs, 0, -1))
        axes.broken_barh([(0, axes.get_xlim()[1])], ribbon, facecolors=BAND, zorder=1)
        bars = [(a / per_unit, (b - a) / per_unit) for a, b, _ in wrong]
        axes.broken_barh(bars, ribbon, facecolors=INK, zorder=2)

    _questions(axes, evaluation, styles, per_unit)
    _marks(axes, [at for at, _ in line.lessons], _LEARNED, per_unit, marker="D", s=19, color=INK, lw=0)
    _counts(axes, evaluation, per_unit)
    for y in (_ASKED, _LEARNED):
        axes.axhline(y, color=GRID, lw=0.8, zorder=0)
    for at, _ in line.added:
        axes.plot([at / per_unit] * 2, [_LEARNED, 7.05], color=INK, lw=0.9, ls=(0, (3, 2)), zorder=2)
    fresh = [(at / per_unit, f"new: {clean(name)}") for at, name in line.added]
    style: Any = {"ha": "left", "va": "bottom", "fontsize": 7.5, "color": INK, "weight": "bold"}
    for y in (7.1, 7.65):
        fresh = _spaced(axes, fresh, y, shift=-2, **style)


def _counts(axes: Axes, evaluation: Evaluation, per_unit: float) -> None:
    """Write the number of labels learned at once, if there are several and it fits."""
    lessons = evaluation.timeline.lessons
    behind = [*(at for at, _ in lessons[1:]), float("inf")]
    room = points_per_unit(axes) / per_unit
    texts = [
        (at / per_unit, str(count))
        for (at, count), after in zip(lessons, behind, strict=False)
        if count > 1 and (after - at) * room > 5.5 + text_width(str(count), 7) + 3
    ]
    _spaced(axes, texts, _LEARNED, shift=5.5, ha="left", va="center", fontsize=7, color=SOFT)


def _questions(axes: Axes, evaluation: Evaluation, styles: Mapping[str, ClassStyle], per_unit: float) -> None:
    asked = evaluation.timeline.questions
    waits = [(q.asked, q.at) for q in asked if q.at is not None]  # from the question to its answer
    bars = _bars(waits, axes, per_unit)
    axes.hlines(
        [_ASKED] * len(bars), [x for x, _ in bars], [x + size for x, size in bars],
        color=SOFT, lw=1.6, zorder=2, capstyle="projecting",
    )  # fmt: skip
    answered: dict[str, list[int]] = {}
    for q in asked:
        if q.outcome is QuestionOutcome.ANSWERED:
            answered.setdefault(styles[q.answer or ""].colour, []).append(q.asked)
    for colour, at in answered.items():
        _marks(axes, at, _ASKED, per_unit, marker="^", s=46, color=colour, edgecolor=INK, lw=0.7)
    skipped = [q.asked for q in asked if q.outcome is QuestionOutcome.SKIPPED]
    _marks(axes, skipped, _ASKED, per_unit, marker="x", s=24, color=INK, lw=1.3)
    ended = (QuestionOutcome.ANSWERED, QuestionOutcome.SKIPPED)
    others = [q.asked for q in asked if q.outcome not in ended]
    _marks(axes, others, _ASKED, per_unit, marker="o", s=22, color=CARD, edgecolor=INK, lw=0.9)
    texts = [
        (q.asked / per_unit, clean(q.answer or "")) for q in asked if q.outcome is QuestionOutcome.ANSWERED
    ]
    _spaced(axes, texts, _ASKED + 0.38, ha="center", va="bottom", fontsize=6.5, color=INK)


def _strip(
    axes: Axes,
    runs: Sequence[tuple[int, int, str]],
    lane: tuple[float, float],
    styles: Mapping[str, ClassStyle],
    per_unit: float,
) -> None:
    points, free = points_per_unit(axes), 0
    alike: dict[ClassStyle, list[tuple[int, int]]] = {}
    for start, end, name in runs:
        alike.setdefault(styles.get(name, ClassStyle(GRID, "")), []).append((start, end))
    for (colour, hatch), stretches in alike.items():
        bars = _bars(stretches, axes, per_unit)
        # The edge is what carries the hatch, so without one there is no edge.
        axes.broken_barh(bars, lane, facecolors=colour, hatch=hatch or None, lw=0, zorder=1)
    for start, end, name in runs:
        if start < free:  # a damaged recording can have thousands of truths on top of each other
            continue
        text, size = _fitting(clean(name), (end - start) / per_unit * points - 4)
        if text:
            free = end
            dark = _lightness(styles[name].colour if name in styles else GRID) < 0.5
            axes.text(
                (start + end) / 2 / per_unit, _middle(lane) - 0.02, text, fontsize=size, ha="center",
                va="center", color="#ffffff" if dark else "#000000", zorder=3, linespacing=1.05,
            )  # fmt: skip


def _marks(axes: Axes, at: Sequence[int], y: float, per_unit: float, **style: Any) -> None:
    """A mark at each of the samples ``at``; of those on one place of the page, one."""
    least, kept = per_unit / points_per_unit(axes) / 4, list[int]()
    for one in sorted(at):
        if not kept or one - kept[-1] >= least:
            kept.append(one)
    axes.scatter([one / per_unit for one in kept], [y] * len(kept), zorder=4, **style)


def _bars(stretches: Sequence[tuple[int, int]], axes: Axes, per_unit: float) -> list[tuple[float, float]]:
    """(start, length) on the page; what overlaps or nearly touches there is one bar."""
    joined = _joined(stretches, per_unit / points_per_unit(axes) / 4)
    return [(start / per_unit, (end - start) / per_unit) for start, end in joined]


def _joined(stretches: Sequence[tuple[int, int]], gap: float) -> list[tuple[int, int]]:
    """Stretches in order, those that overlap or are less than ``gap`` apart as one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(stretches):
        if found and start - found[-1][1] < gap:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def _runs(evaluation: Evaluation, classes: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """Runs of windows of one class, -1 left out; each window is drawn as the hop in its middle."""
    line, every = evaluation.timeline, stride(evaluation)
    hop = line.hop * every
    starts, classes = line.rows.window[::every] + (line.window - line.hop) // 2, classes[::every]
    if not len(starts):
        return []
    first = np.flatnonzero(np.append(True, (np.diff(classes) != 0) | (np.diff(starts) != hop)))
    last = np.append(first[1:], len(starts)) - 1
    runs = zip(starts[first].tolist(), (starts[last] + hop).tolist(), classes[first].tolist(), strict=True)
    return [run for run in runs if run[2] >= 0]


def _middle(lane: tuple[float, float]) -> float:
    return lane[0] + lane[1] / 2


def _fitting(text: str, points: float) -> tuple[str, float]:
    """The text that fits into ``points`` and its font size: whole, in two lines, or empty.

    A colour without a name is in the legend; half a name is none.
    """
    if text_width(text, 7.5) <= points:
        return text, 7.5
    spaces = [i for i, character in enumerate(text) if character == " "]
    if spaces:
        half = min(spaces, key=lambda i: max(i, len(text) - i))
        if text_width(text[:half], 6) <= points and text_width(text[half + 1 :], 6) <= points:
            return f"{text[:half]}\n{text[half + 1 :]}", 6
    return (text if text_width(text, 6) <= points else "", 6)


def _spaced(
    axes: Axes, texts: Sequence[tuple[float, str]], y: float, *, shift: float = 0, **style: Any
) -> list[tuple[float, str]]:
    """Write the texts at their x from left to right; return those that would overlap."""
    points = points_per_unit(axes)
    free = float("-inf")
    left_out = []
    for x, text in sorted(texts):
        width = text_width(text, style["fontsize"])
        left = x * points + shift - (width / 2 if style["ha"] == "center" else 0)
        if left >= free:
            axes.annotate(text, (x, y), xytext=(shift, 0), textcoords="offset points", **style)
            free = left + width + 2
        else:
            left_out.append((x, text))
    return left_out


def _lightness(colour: str) -> float:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue
