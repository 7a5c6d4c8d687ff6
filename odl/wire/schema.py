"""The message table: one description from which both codecs come.

A message is a type byte and the fields of its row in ``TABLE``, in order, little-endian,
without padding. The Python codec is built from this table when it is imported and the C
header is generated from it, so neither can drift from the other. Type numbers come in
groups: control from 1, inputs from 16, outputs from 32.

====== ======================================================================
kind   bytes
====== ======================================================================
u8     one byte, 0 to 255
id     one byte, 0 to 254: a class id
opt    one byte, 255 for None
why    one byte, a member of ``odl.events.Why``
u16    two bytes
u64    eight bytes
name   u8 length, then 1 to 32 bytes of printable UTF-8: a class name
text   u8 length, then UTF-8
ids    u8 count, then that many ``id``
q15s   u8 count, then that many u16, each 0 to 32768
json   u32 length, then a JSON object: sorted keys, no spaces, ASCII
blob   u32 length, then bytes
block  u8 channels (1 to 255), then int16 to the end of the message, sample by sample
====== ======================================================================
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

SCALARS: Final = {"u8": "B", "id": "B", "opt": "B", "why": "B", "u16": "H", "u64": "Q"}
TAILS: Final = ("name", "text", "ids", "q15s", "json", "blob", "block")


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


Message: TypeAlias = Event | Start | End


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
)

CONTROL: Final = range(1, 16)
INPUTS: Final = range(16, 32)
OUTPUTS: Final = range(32, 48)
