"""Messages of recordings and of the serial line that are not events of a session."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, TypeAlias

from odl.core.events import Event

PROTOCOL: Final = (2, 0)  # major.minor of the serial line; Hello and Info carry it
FORMAT: Final = (2, 0)  # major.minor of this schema; Start's configuration carries it
MAX_INDEX: Final = 2**64 - 1


class Refusal(IntEnum):
    """Why a board refuses a message."""

    VERSION = 1  # another major version of the protocol
    HELLO = 2  # the board has not received a Hello yet
    DAMAGED = 3  # the frame arrived damaged: send it again
    MESSAGE = 4  # unknown to this protocol, or only sent by boards
    SETTINGS = 5  # Configure holds an invalid value
    CONFIGURE = 6  # the board has not received a Configure yet
    ORDER = 7  # the input does not start at the stream's position
    PLACE = 8  # Read or Upload is outside the area, or Upload not at a whole word
    STORE = 9  # the board could not store it
    IMAGE = 10  # this firmware cannot run the uploaded model image


@dataclass(frozen=True, slots=True)
class Start:
    """What a session starts from: its full configuration and the initial model image.

    ``config`` holds only what JSON can (text keys, lists, finite numbers).

    >>> Start({"format": [2, 0]}, b"ODLM").config["format"]
    [2, 0]
    """

    config: dict[str, Any]
    image: bytes


@dataclass(frozen=True, slots=True)
class End:
    """End of a recording that was closed properly, after ``position`` samples.

    >>> End(512).position
    512
    """

    position: int


# --- between a host and a board (docs/protocol.md) -------------------------------------


@dataclass(frozen=True, slots=True)
class Hello:
    """First message of a host: the protocol version that it speaks."""

    major: int = PROTOCOL[0]
    minor: int = PROTOCOL[1]


@dataclass(frozen=True, slots=True)
class Info:
    """Sizes and state of a board: its answer to `Hello`, also sent at the start and every few seconds.

    ``image`` is the model image's checksum, ``image_size`` its size in bytes and ``image_room`` the
    largest size for `Upload`. ``state`` and ``log`` are the sizes in bytes of the two parts of area
    `STATE`. ``frame`` is the largest size of a frame for the board before COBS, with envelope and
    checksum. ``session`` is the number of the last `Configure`, 0 if there was none since the start.
    ``frames`` counts the frames that the board has sent before this one since its start;
    ``position`` is its position in the stream, ``version`` the firmware's version.
    """

    major: int
    minor: int
    channels: int
    window: int
    hop: int
    frame: int
    rate_mhz: int
    image: int
    image_size: int
    image_room: int
    state: int
    log: int
    session: int
    frames: int
    position: int
    version: str


@dataclass(frozen=True, slots=True)
class Configure:
    """Start a session with the settings of `odl.core.config`, in the kernels' form.

    ``rule`` numbers the policies as ``odl.core.kernels.rules.Rule`` does; flags are 0 or 1. With
    ``keep`` the board continues with its label log and the heads fitted to it, else the log is
    emptied. ``session`` is a number other than 0, chosen by the host, that names the session. The
    stream starts at ``position``, or behind the last log entry if that is later; ``issued``
    questions of that budget period are spent. ``scaling`` has (multiplier, shift, offset) per channel.
    """

    rule: int
    in_samples: int
    hold: int
    keep: int
    batch: int
    step: int
    change: int
    floor: int
    allowed: int
    period: int
    horizon: int
    every: int
    session: int
    issued: int
    patience: int
    seed: int
    position: int
    scaling: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Read:
    """Request ``size`` bytes from ``offset`` of an area.

    Areas: `STATE`, the state block with the label log behind it; `IMAGE`, the model image; `BRIEF`,
    the state block without its weights, which are most of it.
    """

    area: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Data:
    """The answer to the `Read` in frame ``reply``; its bytes are consistent."""

    area: int
    offset: int
    data: bytes
    reply: int = 0


@dataclass(frozen=True, slots=True)
class Ready:
    """The board has executed frame ``reply`` and is at ``position`` in the stream.

    It can receive one more frame of at most ``room`` bytes before COBS.
    """

    position: int
    room: int
    reply: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The board did not execute the message of type ``message`` in frame ``reply``.

    Both are 0 if the frame arrived damaged.
    """

    message: int
    why: Refusal
    reply: int


@dataclass(frozen=True, slots=True)
class Description:
    """Sensor, channels and model of a board, sent after each `Info`.

    ``board`` has "name", "sensor", "rate_hz" and "channels" ([name, unit, scale of a count]
    each); ``model`` is the JSON at the end of the model image: classes, channels, card.
    """

    board: dict[str, Any]
    model: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Status:
    """Counters of a board, sent about once a second while a session runs.

    ``session`` and ``position`` as in `Info`. Counted since the start of the board: ``frames``
    sent before this one, samples ``dropped`` by the sensor, ``damaged`` frames from the host, and
    ``missed`` bytes from the host.
    """

    session: int
    frames: int
    dropped: int
    damaged: int
    missed: int
    position: int


@dataclass(frozen=True, slots=True)
class Upload:
    """Bytes of a new model image, stored beside the one in use."""

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Install:
    """Use the uploaded image of ``size`` bytes if it is complete and its checksum is ``image``.

    The board answers `Ready`, then restarts with it.
    """

    size: int
    image: int


@dataclass(frozen=True, slots=True)
class Compact:
    """Remove undone entries from the stored label log; takes up to a second."""


@dataclass(frozen=True, slots=True)
class Held:
    """A person held the board's button: the host asks what they are doing now."""


@dataclass(frozen=True, slots=True)
class Remember:
    """Put ``data``, a log entry of an earlier session, behind the stored ones, where no session runs."""

    data: bytes


STATE: Final = 0  # areas of Read
IMAGE: Final = 1
BRIEF: Final = 2

Control: TypeAlias = (
    Hello | Info | Configure | Read | Data | Ready | Refused
    | Description | Status | Upload | Install | Compact | Remember | Held
)  # fmt: skip
Message: TypeAlias = Event | Start | End | Control
