"""The picture of a recording as a widget: a range of seconds is dragged over it (range_plot.js)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from anywidget import AnyWidget
from traitlets import Bytes, Float, Tuple, Unicode, observe, validate

_HERE = Path(__file__)


class RangePlot(AnyWidget):
    """A picture, and the range from `start` to `end` that is chosen on it; the range is shaded.

    What is chosen in the browser and what is set here stay equal. An edge that is set behind the other one
    takes that with it.

    Parameters
    ----------
    picture : bytes
        A PNG.
    about : str
        What it shows, for screen readers.
    margins : tuple of float
        Around its axes, to the left, above, to the right and below, as shares of the picture.
    seconds : float
        How long the axis is, from 0.
    start, end : float
        The range, in seconds.

    Examples
    --------
    >>> plot = RangePlot(seconds=30.0, end=10.0)
    >>> plot.start = 20.0
    >>> plot.start, plot.end
    (20.0, 20.0)
    >>> plot.end = 99.0
    >>> plot.end
    30.0
    """

    _esm = _HERE.with_suffix(".js").read_text(encoding="utf-8")
    _css = _HERE.with_suffix(".css").read_text(encoding="utf-8")
    picture = Bytes().tag(sync=True)
    about = Unicode().tag(sync=True)
    margins = Tuple(Float(), Float(), Float(), Float(), default_value=(0.0, 0.0, 0.0, 0.0)).tag(sync=True)
    seconds = Float().tag(sync=True)
    start = Float().tag(sync=True)
    end = Float().tag(sync=True)

    @validate("start", "end")
    def _within(self, proposal: Any) -> float:
        seconds: float = proposal["value"]
        return min(max(0.0, seconds), float(self.seconds))

    @observe("start")
    def _take_end_along(self, _: Any) -> None:
        self.end = max(self.start, self.end)

    @observe("end")
    def _take_start_along(self, _: Any) -> None:
        self.start = min(self.start, self.end)
