"""The description that a board sends of itself, checked, since it comes from outside. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from odl._text import clean
from odl.wire import PROTOCOL, Description, Info
from odl.wire.client import BoardError

MAX_RATE_HZ: Final = 10_000.0
_SHOWN: Final = 64  # characters of a board's own text

ChannelOf = tuple[str, str, float]  # name, unit, what one count is


@dataclass(frozen=True)
class BoardDescription:
    """A board as it describes itself.

    Attributes
    ----------
    name, sensor, version : str
        Names of board and sensor ("link": the host feeds it), and the firmware's version, made printable.
    channels : tuple of (name, unit, scale), or None
        The sensor's channels with the size of a count; None if the host feeds the board.
    rate_hz : float or None
        The sensor's samples per second, by the board's own account.
    model : dict
        The card of the model image that the board runs, unchecked.
    """

    name: str
    sensor: str
    version: str
    channels: tuple[ChannelOf, ...] | None
    rate_hz: float | None
    model: dict[str, Any]


def check_description(info: Info, description: Description) -> BoardDescription:
    """Check a description.

    Raises
    ------
    BoardError
        If the description contradicts ``info``, or is impossible for a sensor.

    Examples
    --------
    >>> info = Info(1, 0, 1, 128, 64, 768, 50_000, 7, 0, 0, 0, 0, 0, 0, 0, "0.1")
    >>> board = {"name": "wrist", "sensor": "imu", "rate_hz": 52, "channels": [["ax", "g", 0.001]]}
    >>> check_description(info, Description(board, {})).channels
    (('ax', 'g', 0.001),)
    """
    board = description.board
    name = shown(board.get("name", "")) or "a board without a name"
    sensor = shown(board.get("sensor", ""))
    channels = board.get("channels")
    rate = board.get("rate_hz")
    if channels is not None:
        if not isinstance(channels, list) or len(channels) != info.channels:
            raise BoardError(f"{name} describes other channels than the {info.channels} that it sends")
        if not all(map(_is_channel, channels)):
            raise BoardError(
                f"{name} describes a channel without name, unit and scale above 0, in printable text"
            )
        channels = tuple((shown(c[0]), shown(c[1]), float(c[2])) for c in channels)
    if rate is not None and not (_is_number(rate) and 0 < rate <= MAX_RATE_HZ):
        raise BoardError(f"{name} says that it samples at {shown(rate)} Hz; above 0 up to 10000 can be used")
    return BoardDescription(
        name, sensor, shown(info.version), channels, None if rate is None else float(rate), description.model
    )


def _is_number(value: object) -> bool:
    # No isfinite: JSON has whole numbers that no float can hold.
    return isinstance(value, int | float) and not isinstance(value, bool) and -1e300 < value < 1e300


def _is_channel(given: object) -> bool:
    if not isinstance(given, list) or len(given) != 3:
        return False
    name, unit, scale = given
    texts = isinstance(name, str) and isinstance(unit, str) and (name + unit).isprintable()
    return texts and _is_number(scale) and 0 < scale < 1e9


def shown(value: object) -> str:
    """Text of a board, cleaned and cut to 64 characters."""
    return clean(str(value)[:_SHOWN], _SHOWN, empty="")


def mismatch(info: Info, image: int | None, channels: int | None) -> str:
    """Return why ``info`` is of another board than the one wanted, in a sentence; empty if it is not."""
    if info.major != PROTOCOL[0]:
        return (
            f"the board speaks protocol {info.major}.{info.minor} and this odl {PROTOCOL[0]}.{PROTOCOL[1]}: "
            "put firmware of this odl's version on it, or use the odl that its firmware is from"
        )
    if channels is not None and info.channels != channels:
        return f"another board is on this port: it has {info.channels} channels, not {channels}"
    if image is not None and info.image != image:
        return (
            f"the board runs another model image (checksum {info.image:08x}, not {image:08x}): "
            "put this one on it with 'odl push', or take the board's with 'odl pull'"
        )
    return ""
