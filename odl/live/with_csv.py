"""A live session with a sketch that prints samples; the host predicts, asks and learns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from odl.core.config import ConfigError
from odl.core.events import Gap
from odl.core.image import Image
from odl.data.streams import load_model
from odl.device.csv_stream import FIRST_LINE, CsvStream
from odl.live.modes import HostLearns
from odl.live.plan import OFF, Channels, SessionPlan, SourceSetup

FINE: Final = 256  # counts to a step of the model's input, as a sketch prints real numbers


def with_sketch(plan: SessionPlan) -> SourceSetup:
    """Set up a session with a sketch: its learning mode, entries in Start, and channels.

    Raises
    ------
    ConfigError
        If rate or columns do not fit the model.
    CsvStreamError
        If no line that the sketch prints can be used.
    """
    options = plan.live
    image = plan.resumed.session.image if plan.resumed else load_model(str(options.model))
    rate = options.rate or image.rate_hz
    if abs(rate - image.rate_hz) > OFF * image.rate_hz:
        raise ConfigError(f"the sketch prints at {rate:g} Hz, but the model wants {image.rate_hz:g} Hz")
    if abs(rate - image.rate_hz) > 1e-3:
        plan.notes.append(f"samples come at {rate:g} Hz; the model was made for {image.rate_hz:g} Hz")
    columns = tuple(options.columns or ())
    channels = channels_of(image, columns)
    sketch = CsvStream(
        plan.line, scale=[c[2] for c in channels], rate_hz=rate, columns=columns,
        units=[c.unit for c in image.channels],
    )  # fmt: skip
    plan.progress("waiting for the sketch's first line")
    sketch.wait_for_line(FIRST_LINE)
    lost = round(plan.idle * image.rate_hz)  # before that line
    session = plan.session(image, channels, rate)
    gap, shift = None, 0
    if plan.resumed is not None:
        # The sketch counts from 0, the session from its position after the gap.
        gap = Gap(session.position, lost, "nobody listened")
        shift = -session.position - lost
    live = {"learn": "host", "form": "csv"}
    return SourceSetup(HostLearns(session, sketch, gap, shift=shift, rate_hz=rate), live, channels)


def channels_of(image: Image, columns: Sequence[str]) -> Channels:
    """Return the channels of a sketch that prints ``columns`` for a model: name, unit and count of each.

    Raises
    ------
    ConfigError
        If the model has another number of channels.
    """
    if len(columns) != len(image.channels):
        raise ConfigError(f"{len(columns)} columns, but the model wants {len(image.channels)}: "
                          + ", ".join(f"{c.name} in {c.unit}" for c in image.channels))  # fmt: skip
    return tuple((c.name, c.unit, c.scale / FINE) for c in image.channels)
