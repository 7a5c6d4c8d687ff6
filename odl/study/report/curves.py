"""Learning curves: accuracy on the last third against the labels that were really spent."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any

from odl.evaluate.report.figure import as_svg, page_style
from odl.evaluate.report.style import GRID, INK, PALETTE, SOFT
from odl.study.report.analysis import MethodFigures

_MARKS = "osD^vPX*"


def draw_curves(entries: Sequence[MethodFigures], prefix: str) -> str:
    """One setting's curves as an ``<svg>`` element; each point is a mean over people with its interval."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    methods = list(dict.fromkeys(entry.method for entry in entries))
    with page_style():
        figure = Figure(figsize=(8.6, 3.6))
        FigureCanvasAgg(figure)
        axes = figure.subplots(gridspec_kw={"left": 0.07, "right": 0.7, "top": 0.97, "bottom": 0.14})
        for method, colour, mark in zip(methods, cycle(PALETTE), cycle(_MARKS), strict=False):
            _draw(axes, [entry for entry in entries if entry.method == method], colour, mark)
        axes.set_xlabel("questions asked, mean over people")
        axes.set_ylabel("accuracy on the last third (%)")
        axes.grid(axis="y", color=GRID, lw=0.6)
        axes.set_axisbelow(True)
        axes.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False, labelcolor=INK)
    return as_svg(figure, prefix)


def _draw(axes: Any, entries: Sequence[MethodFigures], colour: str, mark: str) -> None:
    plain = entries[0].mean("plain").mean
    ordered = sorted(entries, key=lambda entry: entry.mean("spent").mean)
    x = [0.0, *(entry.mean("spent").mean for entry in ordered)]
    means = [entry.mean("late") for entry in ordered]
    y = [plain, *(one.mean for one in means)]
    axes.plot(x, [100 * v for v in y], color=colour, marker=mark, ms=5, lw=1.8, label=entries[0].method)
    for at, one in zip(x[1:], means, strict=True):
        if one.low is not None and one.high is not None:
            axes.plot([at, at], [100 * one.low, 100 * one.high], color=colour, lw=1.0, alpha=0.6)
    axes.axhline(100 * plain, color=SOFT, lw=0.8, ls=(0, (1, 1.4)))
