"""One picture per person: timeline, accuracy along the stream, questions asked.

The picture is an SVG whose colours are CSS variables, so that it follows the page's light
or dark styles. Text is drawn as outlines, and names are never parsed as mathematics or markup.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odl._files import write_private
from odl.evaluate import Evaluation
from odl.evaluate.report.curves import draw_accuracy, draw_spent
from odl.evaluate.report.style import CARD, GRID, HEIGHT, INK, LEFT, RIGHT, SOFT, VARIABLES, WIDTH, ClassStyle
from odl.evaluate.report.timeline_plot import draw_timeline

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(evaluation: Evaluation, styles: Mapping[str, ClassStyle], *, prefix: str) -> str:
    """The picture as an ``<svg>`` element for an HTML page.

    Parameters
    ----------
    evaluation
        One person's session.
    styles
        From :func:`class_styles`.
    prefix
        Put before every id, so that several pictures fit on one page: letters and digits.

    Examples
    --------
    >>> from odl.evaluate import evaluate
    >>> nobody = evaluate([], [], {}, subject="1", window=128, rate_hz=50)
    >>> draw(nobody, {}, prefix="a")[:5]
    '<svg '
    """
    return as_svg(figure_of(evaluation, styles), prefix)


def as_svg(figure: Figure, prefix: str) -> str:
    """``figure``, drawn within `page_style`, as an ``<svg>`` element for an HTML page; see `draw`."""
    file = io.BytesIO()
    with page_style():
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _for_html(file.getvalue().decode(), prefix)


def write_figure(path: Path, figure: Figure) -> None:
    """Write ``figure`` as a whole or not at all; the suffix of ``path`` decides its format, PNG without one.

    Raises
    ------
    ValueError
        If matplotlib does not know the format.
    """
    file, suffix = io.BytesIO(), path.suffix[1:]
    figure.savefig(file, format=suffix or "png", metadata={"Date": None} if suffix == "svg" else None)
    write_private(path, file.getvalue())


def draw_png(evaluation: Evaluation, styles: Mapping[str, ClassStyle]) -> bytes:
    """The same picture as a PNG, on white.

    Examples
    --------
    >>> from odl.evaluate import evaluate
    >>> nobody = evaluate([], [], {}, subject="1", window=128, rate_hz=50)
    >>> draw_png(nobody, {})[1:4]
    b'PNG'
    """
    file, figure = io.BytesIO(), figure_of(evaluation, styles)
    with page_style():
        figure.savefig(file, format="png", dpi=100, metadata={"Software": None})
    return file.getvalue()


def figure_of(evaluation: Evaluation, styles: Mapping[str, ClassStyle]) -> Figure:
    """The same picture as a matplotlib Figure.

    Examples
    --------
    >>> from odl.evaluate import evaluate
    >>> len(figure_of(evaluate([], [], {}, subject="1", window=128, rate_hz=50), {}).axes)
    3
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with page_style():
        figure = Figure(figsize=(WIDTH, HEIGHT))
        FigureCanvasAgg(figure)
        lanes, accuracy, spent = figure.subplots(
            3, 1, sharex=True,
            gridspec_kw={"height_ratios": [4.1, 2.3, 1.0], "hspace": 0.27, "left": LEFT / WIDTH,
                         "right": 1 - RIGHT / WIDTH, "top": 0.995, "bottom": 0.075},
        )  # fmt: skip
        unit, divisor = _unit(evaluation)
        lanes.set_xlim(0, max(evaluation.timeline.end, 1) / evaluation.rate_hz / divisor)
        draw_timeline(lanes, evaluation, styles, divisor)
        draw_accuracy(accuracy, evaluation, divisor)
        draw_spent(spent, evaluation, divisor)
        for axes in (lanes, accuracy):
            axes.tick_params(labelbottom=False, bottom=False)
        spent.set_xlabel(f"time since the session's start ({unit})")
    return figure


@contextmanager
def page_style() -> Iterator[None]:
    """Use the page's fonts, lines and colours while drawing or saving."""
    from matplotlib import rc_context

    settings: Any = {
        "svg.fonttype": "path", "svg.hashsalt": "odl", "path.simplify": True, "hatch.linewidth": 0.6,
        "font.family": "DejaVu Sans", "font.size": 8, "axes.edgecolor": GRID, "axes.linewidth": 0.8,
        "text.color": INK, "xtick.color": SOFT, "ytick.color": SOFT, "axes.labelcolor": SOFT,
        "axes.spines.top": False, "axes.spines.right": False, "text.parse_math": False,
        "xtick.major.size": 3, "ytick.major.size": 0, "xtick.labelsize": 8, "ytick.labelsize": 8,
        "hatch.color": CARD,
    }  # fmt: skip
    with rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def _unit(evaluation: Evaluation) -> tuple[str, float]:
    seconds = evaluation.timeline.end / evaluation.rate_hz
    return ("s", 1.0) if seconds <= 7200 else ("min", 60.0) if seconds <= 36_000 else ("h", 3600.0)


def _for_html(svg: str, prefix: str) -> str:
    """Only the ``<svg>`` element, with unique ids, without comments, metadata and namespaces."""
    svg = re.sub(r"<!--.*?-->\n?", "", svg, flags=re.DOTALL)
    svg = svg[svg.index("<svg ") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\s(?:xmlns(?::\w+)?|version|width|height)="[^"]*"', "", svg.partition(">")[0]) + (
        ' aria-hidden="true" focusable="false">' + svg.partition(">")[2]
    )
    svg = re.sub(r'(\sid="|href="#|url\(#)', rf"\g<1>{prefix}-", svg)
    for colour, name in VARIABLES.items():
        svg = svg.replace(colour, f"var(--{name})")
    return svg.strip()
