"""One picture per person: timeline, accuracy along the stream, questions spent.

The picture is an SVG whose colours are CSS variables, so that it follows the page's light
or dark look. Text becomes outlines, and no name in it is read as mathematics or markup.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from odl.evaluate import Evaluation, Outcome, Row, last_third
from odl.report.text import percent, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# After Okabe and Ito (jfly.uni-koeln.de/color, 2008), some made lighter or darker: any two
# differ by at least 6 in lightness L* and by 17 in CIELAB, for three kinds of colour blindness.
PALETTE = ("#56B4E9", "#D55E00", "#005A43", "#F0E442", "#CC79A7", "#0072B2", "#F2B8D6", "#332288")
HATCHES = ("", "////", "....", "xxxx")

# Stand-ins that become CSS variables in the SVG; see page.STYLE for their values.
_INK, _SOFT, _GRID, _CARD, _BAND = "#1a1c1f", "#6b7076", "#d9dce0", "#fefdfd", "#f1f2f4"
_WITH, _WITHOUT, _WRONG = "#0a5c8f", "#c25a0b", "#1b1b1d"
_VARIABLES = {
    _INK: "ink", _SOFT: "soft", _GRID: "grid", _CARD: "card", _BAND: "band",
    _WITH: "with", _WITHOUT: "without", _WRONG: "ink",
}  # fmt: skip

SLIDING = 60  # windows in the running accuracy
_WIDTH, _HEIGHT, _LEFT, _RIGHT = 11.0, 6.3, 0.98, 1.08  # inches
# Lanes from top to bottom: (label, bottom, height).
_TRUTH, _STRIP, _PLAIN = (6.0, 0.8), (4.75, 0.8), (3.2, 0.8)
_STRIP_WRONG, _PLAIN_WRONG = (4.42, 0.24), (2.87, 0.24)
_ASKED, _LEARNED, _TOP = 1.62, 0.62, 8.25


class Look(NamedTuple):
    """How a class is drawn."""

    colour: str
    hatch: str


def looks(evaluations: Sequence[Evaluation]) -> dict[str, Look]:
    """A colour, and past eight classes a hatch, for every class, the same for all people.

    >>> looks([])
    {}
    """
    names = dict.fromkeys(name for one in evaluations for name in one.timeline.names.values())
    for one in evaluations:
        line = one.timeline
        names |= dict.fromkeys(one.classes)
        names |= dict.fromkeys(name for _, _, name in line.truths)
        names |= dict.fromkeys(row.predicted for row in line.rows)
        names |= dict.fromkeys(row.without for row in line.rows if row.without is not None)
        names |= dict.fromkeys(q.answer for q in line.questions if q.answer is not None)
    sizes = len(PALETTE), len(HATCHES)
    return {
        name: Look(PALETTE[i % sizes[0]], HATCHES[i // sizes[0] % sizes[1]]) for i, name in enumerate(names)
    }


def sliding_accuracy(right: Sequence[bool], width: int = SLIDING) -> list[float]:
    """The share of True among the last ``width`` values, of fewer at the beginning.

    >>> sliding_accuracy([True, False, True], width=2)
    [1.0, 0.5, 0.5]
    """
    total = np.concatenate([[0], np.cumsum(np.asarray(right, dtype=np.int64))])
    stop = np.arange(1, len(total))
    start = np.maximum(0, stop - width)
    return [float(share) for share in (total[stop] - total[start]) / (stop - start)]


def draw(evaluation: Evaluation, look: Mapping[str, Look], *, prefix: str) -> str:
    """The picture as an ``<svg>`` element to stand in an HTML page.

    Parameters
    ----------
    evaluation
        One person's session.
    look
        From :func:`looks`.
    prefix
        Put before every id, so that several pictures fit on one page: letters and digits.

    Examples
    --------
    >>> from odl.evaluate import evaluate
    >>> nobody = evaluate([], [], {}, subject="1", window=128, rate_hz=50)
    >>> draw(nobody, {}, prefix="a")[:5]
    '<svg '
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    settings: Any = {
        "svg.fonttype": "path", "svg.hashsalt": "odl", "path.simplify": True, "hatch.linewidth": 0.6,
        "font.family": "DejaVu Sans", "font.size": 8, "axes.edgecolor": _GRID, "axes.linewidth": 0.8,
        "text.color": _INK, "xtick.color": _SOFT, "ytick.color": _SOFT, "axes.labelcolor": _SOFT,
        "axes.spines.top": False, "axes.spines.right": False, "text.parse_math": False,
        "xtick.major.size": 3, "ytick.major.size": 0, "xtick.labelsize": 8, "ytick.labelsize": 8,
        "hatch.color": _CARD,
    }  # fmt: skip
    with rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = Figure(figsize=(_WIDTH, _HEIGHT))
        FigureCanvasSVG(figure)
        lanes, accuracy, spent = figure.subplots(
            3, 1, sharex=True,
            gridspec_kw={"height_ratios": [4.1, 2.3, 1.0], "hspace": 0.27, "left": _LEFT / _WIDTH,
                         "right": 1 - _RIGHT / _WIDTH, "top": 0.995, "bottom": 0.075},
        )  # fmt: skip
        unit, divisor = _unit(evaluation)
        lanes.set_xlim(0, max(evaluation.timeline.end, 1) / evaluation.rate_hz / divisor)
        _draw_lanes(lanes, evaluation, look, divisor)
        _draw_accuracy(accuracy, evaluation, divisor)
        _draw_spent(spent, evaluation, divisor)
        for axes in (lanes, accuracy):
            axes.tick_params(labelbottom=False, bottom=False)
        spent.set_xlabel(f"time since the session's start ({unit})")
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _for_html(file.getvalue(), prefix)


def _unit(evaluation: Evaluation) -> tuple[str, float]:
    seconds = evaluation.timeline.end / evaluation.rate_hz
    return ("s", 1.0) if seconds <= 7200 else ("min", 60.0) if seconds <= 36_000 else ("h", 3600.0)


# --- the timeline -----------------------------------------------------------------------------


def _draw_lanes(axes: Axes, evaluation: Evaluation, look: Mapping[str, Look], divisor: float) -> None:
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
        text.set(fontsize=6.5 if quiet else 8.5, color=_SOFT if quiet else _INK)

    for start, lost in line.gaps:
        if lost:
            x = start / per_unit, lost / per_unit
            axes.broken_barh([x], (0.2, 6.6), facecolors=_BAND, hatch="////", edgecolor=_GRID, zorder=0)
    _strip(axes, [(a, b, name) for a, b, name in line.truths], _TRUTH, look, per_unit)
    for start, lost in line.gaps:
        if not lost and start:
            axes.plot([start / per_unit] * 2, [_TRUTH[0], sum(_TRUTH)], color=_CARD, lw=1.4, zorder=3)

    def said(row: Row) -> str:
        return row.predicted

    def said_without(row: Row) -> str | None:
        return row.without

    for say, lane, ribbon in ((said, _STRIP, _STRIP_WRONG), (said_without, _PLAIN, _PLAIN_WRONG)):
        _strip(axes, _runs(evaluation, say), lane, look, per_unit)

        def error(row: Row, say: Callable[[Row], str | None] = say) -> str | None:
            return "wrong" if row.truth is not None and say(row) not in (None, row.truth) else None

        bars = [(a / per_unit, (b - a) / per_unit) for a, b, _ in _runs(evaluation, error)]
        axes.broken_barh([(0, axes.get_xlim()[1])], ribbon, facecolors=_BAND, zorder=1)
        axes.broken_barh(bars, ribbon, facecolors=_WRONG, zorder=2)

    _questions(axes, evaluation, look, per_unit)
    for at, _ in line.lessons:
        axes.scatter(at / per_unit, _LEARNED, marker="D", s=19, color=_INK, lw=0, zorder=4)
    counts = [(at / per_unit, str(count)) for at, count in line.lessons]
    _spaced(axes, counts, _LEARNED, shift=5.5, ha="left", va="center", fontsize=7, color=_SOFT)
    for y in (_ASKED, _LEARNED):
        axes.axhline(y, color=_GRID, lw=0.8, zorder=0)
    for at, _ in line.added:
        axes.plot([at / per_unit] * 2, [_LEARNED, 7.05], color=_INK, lw=0.9, ls=(0, (3, 2)), zorder=2)
    fresh = [(at / per_unit, f"new: {shown(name, 16)}") for at, name in line.added]
    style: Any = {"ha": "left", "va": "bottom", "fontsize": 7.5, "color": _INK, "weight": "bold"}
    for y in (7.1, 7.65):
        fresh = _spaced(axes, fresh, y, shift=-2, **style)


def _questions(axes: Axes, evaluation: Evaluation, look: Mapping[str, Look], per_unit: float) -> None:
    texts = []
    for q in evaluation.timeline.questions:
        x = q.asked / per_unit
        if q.at is not None:  # from the question to its answer
            axes.plot([x, q.at / per_unit], [_ASKED, _ASKED], color=_SOFT, lw=1.6, zorder=2)
        if q.outcome is Outcome.ANSWERED:
            colour = look[q.answer or ""].colour
            axes.scatter(x, _ASKED, marker="^", s=46, color=colour, edgecolor=_INK, lw=0.7, zorder=4)
            texts.append((x, shown(q.answer or "", 12)))
        elif q.outcome is Outcome.SKIPPED:
            axes.scatter(x, _ASKED, marker="x", s=24, color=_INK, lw=1.3, zorder=4)
        else:
            axes.scatter(x, _ASKED, marker="o", s=22, color=_CARD, edgecolor=_INK, lw=0.9, zorder=4)
    _spaced(axes, texts, _ASKED + 0.38, ha="center", va="bottom", fontsize=6.5, color=_INK)


def _strip(
    axes: Axes,
    runs: Sequence[tuple[int, int, str]],
    lane: tuple[float, float],
    look: Mapping[str, Look],
    per_unit: float,
) -> None:
    for name in dict.fromkeys(run[2] for run in runs):
        colour, hatch = look.get(name, Look(_GRID, ""))
        bars = [(a / per_unit, (b - a) / per_unit) for a, b, each in runs if each == name]
        # The edge is what carries the hatch, so without one there is no edge.
        axes.broken_barh(bars, lane, facecolors=colour, hatch=hatch or None, lw=0, zorder=1)
    points = _points_per_unit(axes)
    for start, end, name in runs:
        text = _fitting(shown(name), (end - start) / per_unit * points - 5, 7.5)
        if text:
            dark = _lightness(look[name].colour if name in look else _GRID) < 0.5
            axes.text(
                (start + end) / 2 / per_unit, _middle(lane) - 0.02, text, fontsize=7.5, ha="center",
                va="center", color="#ffffff" if dark else "#000000", zorder=3, clip_on=True,
            )  # fmt: skip


def _runs(evaluation: Evaluation, say: Callable[[Row], str | None]) -> list[tuple[int, int, str]]:
    """Neighbouring windows with the same word, each window drawn as the hop in its middle."""
    line = evaluation.timeline
    inset = (line.window - line.hop) // 2
    runs: list[tuple[int, int, str]] = []
    for name, group in groupby(line.rows, key=say):
        if name is None:
            continue
        for row in group:
            start = row.window + inset
            if runs and runs[-1][2] == name and runs[-1][1] == start:
                runs[-1] = (runs[-1][0], start + line.hop, name)
            else:
                runs.append((start, start + line.hop, name))
    return runs


# --- the curves -------------------------------------------------------------------------------


def _draw_accuracy(axes: Axes, evaluation: Evaluation, divisor: float) -> None:
    per_unit = evaluation.rate_hz * divisor
    rows = [row for row in evaluation.timeline.rows if row.truth is not None]
    times = [(row.window + evaluation.timeline.window) / per_unit for row in rows]
    _title(axes, f"accuracy over the last {SLIDING} windows (%)")
    axes.set_ylim(-3, 103)
    axes.set_yticks([0, 25, 50, 75, 100])
    axes.grid(axis="y", color=_GRID, lw=0.6)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set_axisbelow(True)
    if not rows:
        axes.text(0.5, 0.5, "no window has a truth to score it by", transform=axes.transAxes, ha="center")
        return
    begin = times[last_third(len(rows))]
    axes.axvspan(begin, times[-1], facecolor=_BAND, lw=0, zorder=0)
    ends, late = [], []
    for name, say, colour, width, dash in (
        ("last answer", [row.persistence for row in rows], _SOFT, 1.0, (0, (1, 1.4))),
        ("no learning", [row.without for row in rows], _WITHOUT, 1.7, (0, (4.5, 1.8))),
        ("with learning", [row.predicted for row in rows], _WITH, 2.4, "-"),
    ):
        if all(word is None for word in say):
            continue
        right = [word == row.truth for word, row in zip(say, rows, strict=True)]
        curve = [100 * share for share in sliding_accuracy(right)]
        axes.plot(times, curve, color=colour, lw=width, ls=dash, solid_capstyle="round")
        ends.append((curve[-1], name, colour))
        late.append(f"{name} {percent(fmean(right[last_third(len(rows)) :]))}")
    axes.set_title("last third:  " + "   ".join(reversed(late)), loc="right", fontsize=8, color=_SOFT, pad=4)
    for y, (_, name, colour) in zip(_apart([e[0] for e in ends], 11), ends, strict=True):
        axes.annotate(
            name, (1, y), xycoords=("axes fraction", "data"), xytext=(7, 0),
            textcoords="offset points", va="center", fontsize=8, color=colour, annotation_clip=False,
            weight="bold" if name == "with learning" else "normal",
        )  # fmt: skip


def _draw_spent(axes: Axes, evaluation: Evaluation, divisor: float) -> None:
    per_unit, budget = evaluation.rate_hz * divisor, evaluation.budget
    asked = sorted(q.asked / per_unit for q in evaluation.timeline.questions)
    stop = axes.get_xlim()[1]
    x, y = [0.0, *asked, stop], [*range(len(asked) + 1), len(asked)]
    _title(axes, "questions asked so far")
    top = max(len(asked), budget or 0, 1)
    axes.set_ylim(0, 1.12 * top)
    axes.set_yticks([0, top])
    axes.spines["left"].set_visible(False)
    axes.fill_between(x, y, step="post", color=_WITH, alpha=0.16, lw=0)
    axes.step(x, y, where="post", color=_WITH, lw=1.8)
    texts = [(len(asked), f"asked {len(asked)}", _WITH)]
    if budget is not None:
        axes.plot([0, stop], [budget, budget], color=_INK, lw=1.0)
        axes.plot([0, stop], [0, budget], color=_SOFT, lw=1.0, ls=(0, (1, 1.4)))
        texts.append((budget, f"allowed {budget}", _INK))
    for at, (_, text, colour) in zip(_apart([t[0] for t in texts], 0.3 * top), texts, strict=True):
        axes.annotate(
            text, (1, at), xycoords=("axes fraction", "data"), xytext=(7, 0), fontsize=8, color=colour,
            textcoords="offset points", va="center", annotation_clip=False,
        )  # fmt: skip


# --- small things -----------------------------------------------------------------------------


def _middle(lane: tuple[float, float]) -> float:
    return lane[0] + lane[1] / 2


def _title(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=8.5, color=_INK, pad=4)


def _points_per_unit(axes: Axes) -> float:
    low, high = axes.get_xlim()
    return (_WIDTH - _LEFT - _RIGHT) * 72 / (high - low)


def _text_width(text: str, size: float) -> float:
    return 0.66 * size * len(text)  # points; on the safe side for DejaVu Sans


def _fitting(text: str, points: float, size: float) -> str:
    """``text``, a beginning of it, or nothing, whatever fits into ``points``."""
    if _text_width(text, size) <= points:
        return text
    room = int(points / _text_width("m", size)) - 1
    return text[:room] + "…" if room >= 3 else ""


def _spaced(
    axes: Axes, texts: Sequence[tuple[float, str]], y: float, *, shift: float = 0, **style: Any
) -> list[tuple[float, str]]:
    """Write the texts at their x from left to right; those that would overlap are given back."""
    points = _points_per_unit(axes)
    free = -np.inf
    left_out = []
    for x, text in sorted(texts):
        width = _text_width(text, style["fontsize"])
        left = x * points + shift - (width / 2 if style["ha"] == "center" else 0)
        if left >= free:
            axes.annotate(text, (x, y), xytext=(shift, 0), textcoords="offset points", **style)
            free = left + width + 2
        else:
            left_out.append((x, text))
    return left_out


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


def _lightness(colour: str) -> float:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue


def _for_html(svg: str, prefix: str) -> str:
    """Only the ``<svg>`` element, with unique ids, without comments, metadata and namespaces."""
    svg = re.sub(r"<!--.*?-->\n?", "", svg, flags=re.DOTALL)
    svg = svg[svg.index("<svg ") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\s(?:xmlns(?::\w+)?|version|width|height)="[^"]*"', "", svg.partition(">")[0]) + (
        ' aria-hidden="true" focusable="false">' + svg.partition(">")[2]
    )
    svg = re.sub(r'(\sid="|href="#|url\(#)', rf"\g<1>{prefix}-", svg)
    for colour, name in _VARIABLES.items():
        svg = svg.replace(colour, f"var(--{name})")
    return svg.strip()
