"""``odl.notebook.mark``: mark ranges of a finished recording with what was done in them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from odl._extras import needing
from odl._text import counted
from odl.core.events import Samples, Truth
from odl.core.ground_truth import joined
from odl.evaluate.report.style import styles_for
from odl.notebook.buttons import button, close_all, labelled
from odl.notebook.html import line
from odl.notebook.pictures import Picture
from odl.recording import RecordingError, read
from odl.recording.mark import Range
from odl.recording.mark import mark as mark_ranges

_LABEL = "label"


class MarkSession:
    """The signal of a recording, a range that is dragged over it, and a button that marks it.

    `mark` returns one. Each mark is written into the recording at once.

    Parameters
    ----------
    path : path
        The recording.

    Raises
    ------
    RecordingError
        If it cannot be read, holds no samples, or does not say its rate and channels.
    ModuleNotFoundError
        If the extra "notebook" is not installed.
    """

    def __init__(self, path: str | Path) -> None:
        with needing("notebook", "marking in a notebook"):
            import ipywidgets as w
            from traitlets import link

            from odl.notebook.range_plot import RangePlot

        self._path = Path(path)
        recording = read(path)
        session = recording.start.config.get("session", {})
        blocks = [e for e in recording.events if isinstance(e, Samples)]
        try:
            self._rate = float(session["rate_hz"])
            channels = [(str(name), str(unit), float(scale)) for name, unit, scale in session["channels"]]
        except (KeyError, TypeError, ValueError):
            raise RecordingError(f"{path}: the recording does not say its rate and channels") from None
        if not blocks or not 0 < self._rate < 1e6 or blocks[0].block.shape[1] != len(channels):
            raise RecordingError(f"{path}: the recording holds no samples of its channels")
        end = max(e.start + len(e.block) for e in blocks)
        self._signal = np.full((end, len(channels)), np.nan, np.float32)
        for e in blocks:
            self._signal[e.start : e.start + len(e.block)] = e.block
        self._signal *= np.array([scale for _, _, scale in channels], np.float32)
        self._times = np.arange(end) / self._rate
        self._truths = joined(e for e in recording.events if isinstance(e, Truth))
        self._picture = Picture([(name, unit) for name, unit, _ in channels], [_LABEL], "time (s)")
        seconds = math.ceil(1000 * end / self._rate) / 1000  # short in a field; the last sample is within
        self.plot = RangePlot(
            about=f"The whole recording, {seconds:.1f} seconds: {self._picture.curves}; below, its labels",
            margins=self._picture.margins, seconds=seconds, end=min(10.0, seconds),
        )  # fmt: skip
        limits = {"min": 0.0, "max": seconds, "step": 0.1}
        self.start = labelled(w.BoundedFloatText, "from (s)", "first second of the range", "11em", **limits)
        self.end = labelled(w.BoundedFloatText, "to (s)", "last second of the range", "10em", **limits)
        link((self.plot, "start"), (self.start, "value"))
        link((self.plot, "end"), (self.end, "value"))
        self.name = labelled(
            w.Combobox, "what was done", "a name, used before or new", "24em", ensure_option=False
        )
        self.button = button("mark", "write into the recording what was done in this range", self._mark)
        self.clear = button("no label", "nothing is known of this range", self._clear)
        self.said = w.HTML()
        fields = [self.start, self.end, self.name, self.button, self.clear]
        self.box = w.VBox([self.plot, w.HBox(fields, layout=w.Layout(flex_flow="row wrap")), self.said])
        self._draw()

    def _draw(self) -> None:
        self._picture.signal(self._signal, self._times)
        names = list(dict.fromkeys(truth.name for truth in self._truths))
        runs = [(t.start / self._rate, t.end / self._rate, t.name) for t in self._truths]
        self._picture.strip(_LABEL, runs, styles_for(names, []))
        self.plot.picture = self._picture.png()
        self.name.options = tuple(names)

    def _mark(self, _: Any = None) -> None:
        if not self.name.value.strip():
            self._say("type or choose first what was done")
        else:
            self._write(" ".join(self.name.value.split()))

    def _clear(self, _: Any = None) -> None:
        self._write(None)

    def _write(self, name: str | None) -> None:
        start, end = self.plot.start, self.plot.end
        try:
            self._truths = mark_ranges(self._path, [Range(start, end, name)])
        except (ValueError, OSError) as error:
            self._say(str(error))
            return
        marked = sum(truth.end - truth.start for truth in self._truths) / self._rate
        classes = counted(len({truth.name for truth in self._truths}), "label")
        self._say(f"{start:.2f} to {end:.2f} s: {name or 'no label'}; {marked:.0f} s with {classes} in all")
        self._draw()

    def _say(self, sentence: str) -> None:
        self.said.value = line(sentence)

    def close(self) -> None:
        """Remove the widgets."""
        close_all((self.box,))

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.box)

    def __repr__(self) -> str:
        return f"<ranges of {self._path}>"


def mark(recording: str | Path) -> MarkSession:
    """Mark ranges of a finished recording with what was done in them: its truth, for training.

    The cell shows the signal: drag over it, choose or type a name, and click *mark*. The range's edges can be
    dragged, moved with the arrow keys, or typed. As ``odl label`` does with ranges (see
    `odl.recording.mark.mark`).

    Parameters
    ----------
    recording : path
        A recording that nobody writes.

    Returns
    -------
    MarkSession
        A cell that ends with it shows it.

    Raises
    ------
    RecordingError
        If it cannot be read, or holds no samples.
    ModuleNotFoundError
        If the extra "notebook" is not installed.
    """
    return MarkSession(recording)
