"""A live session whose samples a sketch prints; the host predicts, asks and learns."""

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
    """How a session with a sketch is led.

    Raises
    ------
    ConfigError
        If rate or columns are not the model's.
    CsvStreamError
        If nothing that it prints can be used.
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
        # The sketch counts from 0, wherever the session stands behind the gap.
        gap = Gap(session.position, lost, "nobody listened")
        shift = -session.position - lost
    live = {"learn": "host", "form": "csv"}
    return SourceSetup(HostLearns(session, sketch, gap, shift=shift, rate_hz=rate), live, channels)


def channels_of(image: Image, columns: Sequence[str]) -> Channels:
    """The channels of a sketch that prints ``columns`` for a model: name, unit and count of each.

    Raises
    ------
    ConfigError
        If the model wants more of them, or fewer.
    """
    if len(columns) != len(image.channels):
        raise ConfigError(f"{len(columns)} columns, but the model wants {len(image.channels)}: "
                          + ", ".join(f"{c.name} in {c.unit}" for c in image.channels))  # fmt: skip
    return tuple((c.name, c.unit, c.scale / FINE) for c in image.channels)
