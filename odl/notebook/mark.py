"""``odl.notebook.mark``: mark ranges of a finished recording with what was done in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

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
    """The signal of a recording, a range that two handles choose, and a button that marks it.

    `mark` returns one. Each mark is written into the recording at once.

    Parameters
    ----------
    path : path
        The recording.

    Raises
    ------
    RecordingError
        If it cannot be read, holds no samples, or does not say its rate and channels.
    """

    def __init__(self, path: str | Path) -> None:
        import ipywidgets as w

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
        self._plot = Picture([(name, unit) for name, unit, _ in channels], [_LABEL], "time (s)")
        seconds = end / self._rate
        self.picture = w.Image(format="png", layout=w.Layout(max_width="100%"))
        # As wide as the plot's axes, so that a handle lies under the place that it chooses.
        self.range = w.FloatRangeSlider(
            value=(0.0, min(10.0, seconds)), min=0.0, max=seconds, step=0.02, readout_format=".1f",
            continuous_update=False, tooltip="the seconds that are marked",
            layout=w.Layout(width="82%", margin="0 0 0 8%"),
        )  # fmt: skip
        self.name = labelled(
            w.Combobox, "what was done", "a name, used before or new", "24em", ensure_option=False
        )
        self.button = button("mark", "write into the recording what was done in this range", self._mark)
        self.clear = button("no label", "nothing is known of this range", self._clear)
        self.said = w.HTML()
        self.box = w.VBox([self.picture, self.range, w.HBox([self.name, self.button, self.clear]), self.said])
        self.range.observe(lambda _: self._draw(), "value")
        self._draw()

    def _draw(self) -> None:
        self._plot.signal(self._signal, self._times)
        names = list(dict.fromkeys(truth.name for truth in self._truths))
        runs = [(t.start / self._rate, t.end / self._rate, t.name) for t in self._truths]
        self._plot.strip(_LABEL, runs, styles_for(names, []))
        start, end = self.range.value
        self._plot.band(start, end, "range")
        self.picture.value = self._plot.png()
        self.name.options = tuple(names)

    def _mark(self, _: Any = None) -> None:
        if not self.name.value.strip():
            self._say("type or choose first what was done")
        else:
            self._write(" ".join(self.name.value.split()))

    def _clear(self, _: Any = None) -> None:
        self._write(None)

    def _write(self, name: str | None) -> None:
        start, end = self.range.value
        try:
            self._truths = mark_ranges(self._path, [Range(start, end, name)])
        except (ValueError, OSError) as error:
            self._say(str(error))
            return
        marked = sum(truth.end - truth.start for truth in self._truths) / self._rate
        classes = counted(len({truth.name for truth in self._truths}), "label")
        self._say(f"{start:.1f} to {end:.1f} s: {name or 'no label'}; {marked:.0f} s with {classes} in all")
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

    The cell shows the signal; drag the two handles under it, or what lies between them, choose or type a
    name, and click *mark*. As ``odl label`` does with ranges (see `odl.recording.mark.mark`).

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
    """
    return MarkSession(recording)
