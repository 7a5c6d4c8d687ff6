"""Plots of the accuracy along the stream and of the questions asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from odl._text import percent
from odl.evaluate import Evaluation, last_third
from odl.evaluate.report.style import BAND, GRID, INK, SOFT, WITH, WITHOUT, sliding_window, stride

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_accuracy(axes: Axes, evaluation: Evaluation, divisor: float) -> None:
    """Draw the sliding accuracies; ``divisor`` is the number of seconds in a unit of x."""
    per_unit = evaluation.rate_hz * divisor
    rows = evaluation.timeline.rows.where(evaluation.timeline.rows.truth >= 0)
    times = (rows.window + evaluation.timeline.window) / per_unit
    _title(axes, f"accuracy over the last {sliding_window(evaluation)} windows (%)")
    axes.set_ylim(-3, 103)
    axes.set_yticks([0, 25, 50, 75, 100])
    axes.grid(axis="y", color=GRID, lw=0.6)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set_axisbelow(True)
    if not len(rows):
        axes.text(0.5, 0.5, "no window has a truth, so none is scored", transform=axes.transAxes, ha="center")
        return
    begin = times[last_third(len(rows))]
    axes.axvspan(begin, times[-1], facecolor=BAND, lw=0, zorder=0)
    ends, late, every = [], [], stride(evaluation)
    for name, predicted, colour, width, dash in (
        ("last answer", rows.persistence, SOFT, 1.0, (0, (1, 1.4))),
        ("no learning", rows.without, WITHOUT, 1.7, (0, (4.5, 1.8))),
        ("with learning", rows.predicted, WITH, 2.4, "-"),
    ):
        if (predicted < 0).all():
            continue
        right = predicted == rows.truth
        curve = 100 * sliding_accuracy(right, sliding_window(evaluation))
        axes.plot(times[::every], curve[::every], color=colour, lw=width, ls=dash, solid_capstyle="round")
        ends.append((curve[-1], name, colour))
        late.append(f"{name} {percent(float(right[last_third(len(rows)) :].mean()))}")
    axes.set_title("last third:  " + "   ".join(reversed(late)), loc="right", fontsize=8, color=SOFT, pad=4)
    for y, (_, name, colour) in zip(_apart([e[0] for e in ends], 11), ends, strict=True):
        axes.annotate(
            name, (1, y), xycoords=("axes fraction", "data"), xytext=(7, 0),
            textcoords="offset points", va="center", fontsize=8, color=colour, annotation_clip=False,
            weight="bold" if name == "with learning" else "normal",
        )  # fmt: skip


def draw_spent(axes: Axes, evaluation: Evaluation, divisor: float) -> None:
    """Draw the number of questions asked so far, the number allowed, and an even pace to it."""
    per_unit, budget = evaluation.rate_hz * divisor, evaluation.budget
    asked = sorted(q.asked / per_unit for q in evaluation.timeline.questions)
    stop = axes.get_xlim()[1]
    x, y = [0.0, *asked, stop], [*range(len(asked) + 1), len(asked)]
    _title(axes, "questions asked so far")
    top = max(len(asked), budget or 0, 1)
    axes.set_ylim(0, 1.12 * top)
    axes.set_yticks([0, top])
    axes.spines["left"].set_visible(False)
    axes.fill_between(x, y, step="post", color=WITH, alpha=0.16, lw=0)
    axes.step(x, y, where="post", color=WITH, lw=1.8)
    texts = [(len(asked), f"asked {len(asked)}", WITH)]
    if budget is not None:
        axes.plot([0, stop], [budget, budget], color=INK, lw=1.0)
        axes.plot([0, stop], [0, budget], color=SOFT, lw=1.0, ls=(0, (1, 1.4)))
        texts.append((budget, f"allowed in all {budget}", INK))
    for at, (_, text, colour) in zip(_apart([t[0] for t in texts], 0.3 * top), texts, strict=True):
        axes.annotate(
            text, (1, at), xycoords=("axes fraction", "data"), xytext=(7, 0), fontsize=8, color=colour,
            textcoords="offset points", va="center", annotation_clip=False,
        )  # fmt: skip


def sliding_accuracy(right: NDArray[np.bool_], width: int) -> NDArray[np.float64]:
    """The share of True among the last ``width`` values, of fewer at the beginning.

    >>> sliding_accuracy(np.array([True, False, True]), width=2).tolist()
    [1.0, 0.5, 0.5]
    """
    total = np.concatenate([[0], np.cumsum(right)])
    stop = np.arange(1, len(total))
    start = np.maximum(0, stop - width)
    shares: NDArray[np.float64] = (total[stop] - total[start]) / (stop - start)
    return shares


def _title(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=8.5, color=INK, pad=4)


def _apart(values: Sequence[float], least: float) -> list[float]:
    """The values moved so that any two are ``least`` apart, in their order, near where they were."""
    order = np.argsort(values, kind="stable")
    moved = np.asarray(values, dtype=float)[order]
    for _ in range(50):
        for i in range(len(moved) - 1):
            if (short := least - (moved[i + 1] - moved[i])) > 1e-9:
                moved[i] -= short / 2
                moved[i + 1] += short / 2
    result = np.empty(len(moved))
    result[order] = moved
    return [float(value) for value in result]
