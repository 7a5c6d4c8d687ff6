"""Pictures of the stream and of a question, as PNG, without a window system or pyplot's state."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from odl._text import clean
from odl.evaluate.report.style import BAND, GRID, INK, SOFT, ClassStyle

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from odl.labels.question import Question

Channel = tuple[str, str]  # name, unit

WIDTH, DPI = 8.6, 110  # inches, pixels per inch
_LEFT, _RIGHT = 0.78, 0.95  # inches beside the axes
# Different in lightness and in stroke, so that they differ in grey as well.
_STROKES = (("#0072B2", "-"), ("#D55E00", (0, (5, 1.5))), ("#1a1c1f", (0, (1.2, 1.2))))
_LONG = 20_000  # channels times samples: beyond this the lines are thinned


class Picture:
    """Curves of a few channels, an axis for each unit, and strips of classes below them.

    Parameters
    ----------
    channels : sequence of (name, unit)
        Name and unit of each column of a signal.
    strips : sequence of str
        Names of the strips, from top to bottom; may be empty.
    label : str
        Label of the x axis, with its unit.
    height : float
        Of each axis, in inches.

    Attributes
    ----------
    curves : str
        What the curves are, for screen readers.
    margins : tuple of float
        Around its axes, to the left, above, to the right and below, as shares of the picture.

    Examples
    --------
    >>> from odl.evaluate.report.style import styles_for
    >>> picture = Picture([("ax", "g"), ("gx", "deg/s")], ["predicted"], "time (s)")
    >>> picture.signal(np.zeros((100, 2), np.float32), np.arange(100) / 50)
    >>> picture.strip("predicted", [(0.0, 2.0, "walk")], styles_for(["walk"], []))
    >>> picture.png()[1:4]
    b'PNG'
    >>> picture.curves
    'ax in g; gx in deg/s'
    """

    def __init__(
        self, channels: Sequence[Channel], strips: Sequence[str], label: str, height: float = 1.0
    ) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        units = [list(group) for _, group in groupby(sorted(range(len(channels)), key=_by_unit(channels)),
                                                     key=_by_unit(channels))]  # fmt: skip
        heights = [height] * len(units) + [0.24 + 0.2 * len(strips)] * bool(strips)
        tall = sum(heights) + 0.12 * len(heights) + 0.5
        self._figure: Figure = Figure(figsize=(WIDTH, tall), dpi=DPI, facecolor="white")
        FigureCanvasAgg(self._figure)
        self.curves = "; ".join(
            f"{', '.join(clean(channels[i][0], 12) for i in group)} in {clean(channels[group[0]][1], 12)}"
            for group in units
        )
        self.margins = left, top, right, bottom = _LEFT / WIDTH, 0.06 / tall, _RIGHT / WIDTH, 0.42 / tall
        grid: Any = {"height_ratios": heights, "hspace": 0.14, "left": left, "right": 1 - right,
                     "top": 1 - top, "bottom": bottom}  # fmt: skip
        axes = list(
            self._figure.subplots(len(heights), 1, sharex=True, squeeze=False, gridspec_kw=grid)[:, 0]
        )
        for ax in axes:
            ax.tick_params(colors=SOFT, labelsize=8, length=3)
            ax.spines[["top", "right"]].set_visible(False)
            ax.spines[["left", "bottom"]].set_color(GRID)
            ax.tick_params(labelbottom=ax is axes[-1], bottom=ax is axes[-1])
        axes[-1].set_xlabel(label, fontsize=8.5, color=SOFT, labelpad=3)
        self._last = axes[-1]
        self._columns: list[tuple[Axes, int, Any]] = []
        for ax, columns in zip(axes, units, strict=False):
            self._make_curves(ax, columns, channels)
        self._curves = axes[: len(units)]
        self._strips = {name: i for i, name in enumerate(reversed(strips))}
        self._lanes = axes[-1] if strips else None
        self._moving: list[Any] = []  # removed after each picture
        if self._lanes is not None:
            self._lanes.set_ylim(-0.12, len(strips) + 0.12)
            self._lanes.set_yticks([i + 0.5 for i in range(len(strips))], list(self._strips), color=INK)
            self._lanes.tick_params(axis="y", length=0)
            self._lanes.spines[["left"]].set_visible(False)

    def _make_curves(self, ax: Axes, columns: Sequence[int], channels: Sequence[Channel]) -> None:
        unit = clean(channels[columns[0]][1], 12)
        ax.set_ylabel(unit, fontsize=8.5, color=SOFT, labelpad=2, parse_math=False)
        ax.grid(axis="y", color=GRID, lw=0.6)
        ax.set_axisbelow(True)
        # Ticks at fixed distances from the axis, so that the axes of a picture line up.
        ax.yaxis.set_label_coords(-0.068, 0.5)
        for i, column in enumerate(columns):
            colour, stroke = _STROKES[i % len(_STROKES)]
            (line,) = ax.plot([], [], color=colour, ls=stroke, lw=1.25, solid_joinstyle="round")
            self._columns.append((ax, column, line))
            y = 0.86 - 0.27 * i
            ax.plot([1.012, 1.05], [y, y], color=colour, ls=stroke, lw=1.6, transform=ax.transAxes,
                    clip_on=False)  # fmt: skip
            ax.text(1.06, y, clean(channels[column][0], 9), transform=ax.transAxes, fontsize=8, color=INK,
                    va="center", parse_math=False)  # fmt: skip

    def signal(self, signal: NDArray[Any], times: NDArray[Any]) -> None:
        """Show ``signal`` (n, channels), NaN where samples were lost, at ``times`` (n,)."""
        step = max(1, signal.size // _LONG)
        for ax in self._curves:
            ax.set_ylim(_limits(signal[:, [column for on, column, _ in self._columns if on is ax]]))
        for _, column, line in self._columns:
            line.set_data(times[::step], signal[::step, column])
        if len(times) > 1:
            self._last.set_xlim(times[0], times[-1] + (times[-1] - times[0]) / (len(times) - 1))

    def strip(
        self, name: str, runs: Sequence[tuple[float, float, str]], styles: Mapping[str, ClassStyle]
    ) -> None:
        """Fill the strip ``name`` with runs (start, end, class)."""
        if self._lanes is None or name not in self._strips:
            return
        low = self._strips[name] + 0.06
        left, right = self._last.get_xlim()
        per_inch = (right - left) / (WIDTH - _LEFT - _RIGHT)
        for start, end, each in runs:
            colour, hatch = styles.get(each, ClassStyle(BAND, ""))
            bar = self._lanes.broken_barh([(start, end - start)], (low, 0.88), facecolors=colour,
                                          hatch=hatch or None, edgecolor="white", lw=0.8)  # fmt: skip
            self._moving.append(bar)
            start, end = max(start, left), min(end, right)
            text = clean(each, max(1, int((end - start) / per_inch / 0.085)))
            if (end - start) / per_inch > 0.3:
                self._moving.append(self._lanes.text(
                    (start + end) / 2, low + 0.42, text, ha="center", va="center", fontsize=7.5,
                    color=_on(colour), parse_math=False, clip_on=True))  # fmt: skip

    def band(self, start: float, end: float, text: str = "") -> None:
        """Shade the time from ``start`` to ``end``, with a word at its top."""
        for ax in self._curves:
            self._moving.append(ax.axvspan(start, end, facecolor="#fff3c4", edgecolor="#b58900", lw=0.8,
                                           zorder=0))  # fmt: skip
        left, right = self._last.get_xlim()
        start, end = max(start, left), min(end, right)
        if text and self._curves and end - start > (right - left) / 10:  # room for a word
            self._moving.append(self._curves[0].text(
                (start + end) / 2, 0.97, clean(text), transform=self._curves[0].get_xaxis_transform(),
                ha="center", va="top", fontsize=8, color="#6b5200", parse_math=False,
                clip_on=True))  # fmt: skip

    def question(self, question: Question, rate_hz: float, text: str) -> None:
        """Show a question's signal against the time since what it is about began, which is shaded."""
        times = (np.arange(len(question.signal)) + question.start - question.since) / rate_hz
        if np.isfinite(question.signal).any():
            self.signal(question.signal, times)
            self.band(0, times[-1], text)
        else:
            self.signal(question.signal[:0], times[:0])
            self.note("the signal of this question was not stored")

    def note(self, text: str) -> None:
        """Write ``text`` in the middle of an empty picture."""
        self._moving.append(self._figure.text(0.47, 0.6, clean(text, 90), ha="center", fontsize=10,
                                              color=SOFT, parse_math=False))  # fmt: skip

    def png(self) -> bytes:
        """Return the picture, and remove all that `strip`, `band` and `note` added."""
        file = io.BytesIO()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            self._figure.savefig(file, format="png", metadata={"Software": None})
        for artist in self._moving:
            artist.remove()
        self._moving.clear()
        return file.getvalue()


def _by_unit(channels: Sequence[Channel]) -> Any:
    units = list(dict.fromkeys(unit for _, unit in channels))
    return lambda column: units.index(channels[column][1])


def _limits(values: NDArray[Any]) -> tuple[float, float]:
    """Return limits of an axis around ``values``, in whole steps of a round size, so that they are steady."""
    values = values[np.isfinite(values)]
    if values.size == 0:
        return -1.0, 1.0
    low, high = float(values.min()), float(values.max())
    size = max(high - low, 1e-3 * max(abs(low), abs(high)), 1e-9)
    step = 10.0 ** np.floor(np.log10(size)) / 2
    return float(np.floor(low / step) * step - step / 4), float(np.ceil(high / step) * step + step / 4)


def _on(colour: str) -> str:
    """Return black or white, whichever is readable on ``colour``."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#000000" if 0.299 * red + 0.587 * green + 0.114 * blue > 128 else "#ffffff"
