"""The message table: one description from which both codecs come.

A message is a type byte and the fields of its row in ``TABLE``, in order, little-endian,
without padding. The Python codec is built from this table when it is imported and the C
header is generated from it, so neither can drift from the other. Type numbers come in
groups: control from 1, inputs from 16, outputs from 32.

======= ======================================================================
kind    bytes
======= ======================================================================
u8      one byte, 0 to 255
id      one byte, 0 to 254: a class id
opt     one byte, 255 for None
why     one byte, a member of ``odl.events.Why``
refusal one byte, a member of ``Refusal``
u16     two bytes
u32     four bytes
u64     eight bytes
name    u8 length, then 1 to 32 bytes of printable UTF-8: a class name
text    u8 length, then UTF-8
ids     u8 count, then that many ``id``
q15s    u8 count, then that many u16, each 0 to 32768
json    u32 length, then a JSON object: sorted keys, no spaces, ASCII
blob    u32 length, then bytes
scaling u8 count, then for each channel u32 multiplier, u8 shift, i16 offset
block   u8 channels (1 to 255), then int16 to the end of the message, sample by sample
======= ======================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, TypeAlias

from odl.events import (
    AddClass,
    Dropped,
    Event,
    Gap,
    Label,
    Learned,
    Prediction,
    Query,
    Samples,
    Split,
    Truth,
    Undo,
)

PROTOCOL: Final = (1, 0)  # major.minor of the serial line; Hello and Info carry it
FORMAT: Final = (1, 0)  # major.minor of this schema; Start's configuration carries it
MAX_INDEX: Final = 2**64 - 1

SCALARS: Final = {
    "u8": "B", "id": "B", "opt": "B", "why": "B", "refusal": "B", "u16": "H", "u32": "I", "u64": "Q",
}  # fmt: skip
TAILS: Final = ("name", "text", "ids", "q15s", "json", "blob", "scaling", "block")


class Refusal(IntEnum):
    """Why a board does not do what a message asks."""

    VERSION = 1  # another major version of the protocol
    HELLO = 2  # nothing is done before a Hello
    DAMAGED = 3  # a frame came broken: send it again
    MESSAGE = 4  # no message of this protocol, or one that only a board sends
    SETTINGS = 5  # Configure holds a value that cannot be used
    CONFIGURE = 6  # nothing is taken in before a Configure
    ORDER = 7  # the input does not begin where the stream stands
    PLACE = 8  # ReadState asks for bytes that are not there
    STORE = 9  # the board could not keep it


@dataclass(frozen=True, slots=True)
class Start:
    """What a session starts from: its full configuration and the initial model image.

    ``config`` holds only what JSON can (text keys, lists, finite numbers).

    >>> Start({"format": [1, 0]}, b"ODLM").config["format"]
    [1, 0]
    """

    config: dict[str, Any]
    image: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The recording was closed properly; ``position`` samples had passed by then.

    >>> End(512).position
    512
    """

    position: int


# --- between a host and a board (docs/protocol.md) -------------------------------------


@dataclass(frozen=True, slots=True)
class Hello:
    """Host to board, first of all: the protocol that the host speaks."""

    major: int = PROTOCOL[0]
    minor: int = PROTOCOL[1]


@dataclass(frozen=True, slots=True)
class Info:
    """What a board is, in answer to `Hello`.

    ``image`` is the model image's checksum, ``state`` and ``log`` the sizes in bytes that
    `ReadState` can read, one after the other; ``frame`` the most bytes that a frame for the
    board may have before COBS, envelope and checksum included; ``position`` where its
    stream stands; ``version`` the firmware's.
    """

    major: int
    minor: int
    channels: int
    window: int
    hop: int
    frame: int
    rate_mhz: int
    image: int
    state: int
    log: int
    position: int
    version: str


@dataclass(frozen=True, slots=True)
class Configure:
    """A session begins: the settings of ``odl.config``, in the kernels' terms.

    ``rule`` numbers the policies as ``odl.config.POLICIES`` does; flags are 0 or 1. With
    ``keep`` the board goes on from what its label log has taught, else the log is emptied.
    ``scaling`` has (multiplier, shift, offset) per channel.
    """

    rule: int
    in_samples: int
    hold: int
    keep: int
    batch: int
    step: int
    change: int
    allowed: int
    period: int
    horizon: int
    patience: int
    seed: int
    scaling: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class ReadState:
    """Give ``size`` bytes from ``offset`` of the state block with the label log behind it."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class StateBytes:
    """What `ReadState` asked for."""

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Ready:
    """An input has been dealt with: the stream stands at ``position``, and the board takes
    one more frame of at most ``room`` bytes before COBS.
    """  # fmt: skip

    position: int
    room: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The message of type ``message`` (0: a frame that came damaged) was not done."""

    message: int
    why: Refusal


Control: TypeAlias = Hello | Info | Configure | ReadState | StateBytes | Ready | Refused
Message: TypeAlias = Event | Start | End | Control


@dataclass(frozen=True, slots=True)
class Field:
    """One field: the attribute of the event that it carries, and its kind."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of message: its type number, its class, its fields, those of fixed size first."""

    number: int
    event: type[Any]
    fields: tuple[Field, ...]

    @property
    def name(self) -> str:
        """Name of the message, that of its Python class."""
        return self.event.__name__


def _row(number: int, event: type[Any], **fields: str) -> Row:
    return Row(number, event, tuple(Field(name, kind) for name, kind in fields.items()))


TABLE: Final[tuple[Row, ...]] = (
    _row(1, Start, config="json", image="blob"),
    _row(2, End, position="u64"),
    _row(3, Hello, major="u8", minor="u8"),
    _row(4, Info, major="u8", minor="u8", channels="u8", window="u16", hop="u16", frame="u16",
         rate_mhz="u32", image="u32", state="u32", log="u32", position="u64", version="text"),
    _row(5, Configure, rule="u8", in_samples="u8", hold="u8", keep="u8", batch="u8", step="u8",
         change="u16", allowed="u32", period="u32", horizon="u32", patience="u64", seed="u64",
         scaling="scaling"),
    _row(6, ReadState, offset="u32", size="u16"),
    _row(7, StateBytes, offset="u32", data="blob"),
    _row(8, Ready, position="u64", room="u16"),
    _row(9, Refused, message="u8", why="refusal"),
    _row(16, Samples, start="u64", block="block"),
    _row(17, Gap, start="u64", lost="u64", why="text"),
    _row(18, Label, at="u64", window="u64", cls="opt"),
    _row(19, Undo, at="u64"),
    _row(20, AddClass, at="u64", cls="id", head="u8", name="name"),
    _row(21, Split, at="u64", leaf="id", head="u8"),
    _row(22, Truth, start="u64", end="u64", name="name"),
    _row(32, Prediction, window="u64", held="opt", path="ids", scores="q15s"),
    _row(33, Query, window="u64", utility="u16", expires="u64"),
    _row(34, Learned, at="u64", window="u64", cls="id", head="u8"),
    _row(35, Dropped, at="u64", window="u64", why="why"),
)  # fmt: skip

CONTROL: Final = range(1, 16)
INPUTS: Final = range(16, 32)
OUTPUTS: Final = range(32, 48)
