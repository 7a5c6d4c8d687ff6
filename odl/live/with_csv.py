"""A live session with a sketch that prints samples; the host predicts, asks and learns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from odl.core.config import ConfigError
from odl.core.events import Adopt, Gap
from odl.core.fixed_point import unit_ratio
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
    channels = channels_of(image, columns, options.units or (), options.scale)
    sketch = CsvStream(
        plan.line, scale=[c[2] for c in channels], rate_hz=rate, columns=columns,
        units=[unit for _, unit, _ in channels],
    )  # fmt: skip
    plan.progress("waiting for the sketch's first line")
    sketch.wait_for_line(FIRST_LINE)
    lost = round(plan.idle * image.rate_hz)  # before that line
    session = plan.session(image, channels, rate)
    first: Gap | Adopt | None = None
    shift, state = 0, plan.start_state(session)
    if plan.resumed is not None:
        # The sketch counts from 0, the session from its position after the gap.
        first = Gap(session.position, lost, "nobody listened")
        shift = -session.position - lost
    elif state is not None:
        first = Adopt(0, 0, state)
    live = {"learn": "host", "form": "csv"}
    return SourceSetup(HostLearns(session, sketch, first, shift=shift, rate_hz=rate), live, channels)


def unit_of_each(units: Sequence[str], columns: Sequence[str]) -> list[str]:
    """The unit of each column, where ``units`` has one for all, one for each, or none.

    Raises
    ------
    ConfigError
        If there are not as many units as columns.

    >>> unit_of_each(["g"], ["ax", "ay"])
    ['g', 'g']
    """
    if len(units) not in (0, 1, len(columns)):
        raise ConfigError(f"{len(units)} units for {len(columns)} columns; give one, or each")
    return [*units] * len(columns) if len(units) == 1 else list(units)


def channels_of(
    image: Image, columns: Sequence[str], units: Sequence[str] = (), scale: float | None = None
) -> Channels:
    """Return the channels of a sketch that prints ``columns`` for a model: name, unit and count of each.

    Parameters
    ----------
    units : sequence of str
        The printed unit of all columns or of each; default: the model's.
    scale : float, optional
        The size of one count in the printed unit; default: a 256th of a step of the model's input.

    Raises
    ------
    ConfigError
        If the model has another number of channels, there are not as many units, or a unit is not one of
        those that can be converted into the model's.

    Examples
    --------
    >>> from odl.data.streams import load_model
    >>> units = ("m/s2",) * 3 + ("deg/s",) * 3
    >>> channels_of(load_model("shoulder"), "ax ay az wx wy wz".split(), units, 0.01)[0]
    ('ax', 'm/s2', 0.01)
    """
    if len(columns) != len(image.channels):
        raise ConfigError(f"{len(columns)} columns, but the model wants {len(image.channels)}: "
                          + ", ".join(f"{c.name} in {c.unit}" for c in image.channels))  # fmt: skip
    each = unit_of_each(units, columns) or [c.unit for c in image.channels]
    found = []
    for channel, unit in zip(image.channels, each, strict=True):
        ratio = unit_ratio(channel.name, unit, channel.unit)
        found.append((channel.name, unit, scale or channel.scale / FINE / ratio))
    return tuple(found)
