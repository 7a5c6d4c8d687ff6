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
why     one byte, a member of ``odl.core.events.Why``
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

from odl.core.events import (
    AddClass,
    Adopt,
    Dropped,
    Event,
    Gap,
    Label,
    Learned,
    Origin,
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
    PLACE = 8  # Read or Upload means bytes that are not there
    STORE = 9  # the board could not keep it
    IMAGE = 10  # what was uploaded is no model image that this firmware can run


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
    """What a board is: in answer to `Hello`, when it starts, and every few seconds.

    ``image`` is the model image's checksum, ``image_size`` its bytes and ``image_room`` the
    most that `Upload` takes; ``state`` and ``log`` the sizes in bytes that `Read` can read,
    one after the other; ``frame`` the most bytes that a frame for the board may have before
    COBS, envelope and checksum included; ``session`` the number that the last `Configure`
    gave (0: none since the board started); ``frames`` how many frames the board had sent
    before this one since it started; ``position`` where its stream stands; ``version`` the
    firmware's.
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
    """A session begins: the settings of ``odl.core.config``, in the kernels' terms.

    ``rule`` numbers the policies as ``odl.core.kernels.rules.Rule`` does; flags are 0 or 1. With
    ``keep`` the board goes on from what its label log has taught, else the log is emptied.
    ``session`` is a number of the host's choice, not 0, that names this session from now on.
    The stream stands at ``position``, or behind all that the log knows if that is later, and
    ``issued`` questions have been spent of the period there. ``scaling`` has (multiplier,
    shift, offset) per channel.
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
    session: int
    issued: int
    patience: int
    seed: int
    position: int
    scaling: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Read:
    """Give ``size`` bytes from ``offset`` of an area.

    Areas: `STATE`, the state block with the label log behind it; `IMAGE`, the model image; `BRIEF`,
    the state block without its weights, which are most of it.
    """

    area: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Data:
    """What `Read` asked for, all of one moment."""

    area: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Ready:
    """The frame numbered ``reply`` has been dealt with: the stream stands at ``position``, and
    the board takes one more frame of at most ``room`` bytes before COBS.
    """  # fmt: skip

    position: int
    room: int
    reply: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The message of type ``message`` in frame ``reply`` was not done.

    Both are 0 where the frame came damaged.
    """

    message: int
    why: Refusal
    reply: int


@dataclass(frozen=True, slots=True)
class Description:
    """What a board's numbers mean, sent after each `Info`.

    ``board`` has "name", "sensor", "rate_hz" and "channels" ([name, unit, scale of a count]
    each); ``model`` is the JSON that closes the model image: its classes, channels, card.
    """

    board: dict[str, Any]
    model: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Status:
    """How a board is doing, about once a second while a session runs.

    ``session`` and ``position`` as in `Info`. Since the board started: ``frames`` it had sent
    before this one, samples its sensor ``dropped``, frames from the host that came
    ``damaged``, bytes from the host it ``missed``.
    """

    session: int
    frames: int
    dropped: int
    damaged: int
    missed: int
    position: int


@dataclass(frozen=True, slots=True)
class Upload:
    """Bytes of a new model image, kept beside the one in use."""

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Install:
    """Use the uploaded image of ``size`` bytes if it is whole and its checksum is ``image``.

    The board says `Ready`, then starts afresh with it.
    """

    size: int
    image: int


@dataclass(frozen=True, slots=True)
class Compact:
    """Drop what was undone from the stored label log. It may take a second."""


STATE: Final = 0  # areas of Read
IMAGE: Final = 1
BRIEF: Final = 2

Control: TypeAlias = (
    Hello | Info | Configure | Read | Data | Ready | Refused
    | Description | Status | Upload | Install | Compact
)  # fmt: skip
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
         rate_mhz="u32", image="u32", image_size="u32", image_room="u32", state="u32", log="u32",
         session="u32", frames="u32", position="u64", version="text"),
    _row(5, Configure, rule="u8", in_samples="u8", hold="u8", keep="u8", batch="u8", step="u8",
         change="u16", allowed="u32", period="u32", horizon="u32", session="u32", issued="u32",
         patience="u64", seed="u64", position="u64", scaling="scaling"),
    _row(6, Read, area="u8", offset="u32", size="u16"),
    _row(7, Data, area="u8", offset="u32", data="blob"),
    _row(8, Ready, position="u64", room="u16", reply="u16"),
    _row(9, Refused, message="u8", why="refusal", reply="u16"),
    _row(10, Description, board="json", model="json"),
    _row(11, Status, session="u32", frames="u32", dropped="u32", damaged="u32", missed="u32",
         position="u64"),
    _row(12, Upload, offset="u32", data="blob"),
    _row(13, Install, size="u32", image="u32"),
    _row(14, Compact),
    _row(16, Samples, start="u64", block="block"),
    _row(17, Gap, start="u64", lost="u64", why="text"),
    _row(18, Label, at="u64", window="u64", cls="opt"),
    _row(19, Undo, at="u64"),
    _row(20, AddClass, at="u64", cls="id", head="u8", name="name"),
    _row(21, Split, at="u64", leaf="id", head="u8"),
    _row(22, Truth, start="u64", end="u64", name="name"),
    _row(23, Origin, at="u64", took="u32", clock="u64", by="text"),
    _row(24, Adopt, start="u64", lost="u64", state="blob"),
    _row(32, Prediction, window="u64", held="opt", path="ids", scores="q15s"),
    _row(33, Query, window="u64", utility="u16", expires="u64"),
    _row(34, Learned, at="u64", window="u64", cls="id", head="u8"),
    _row(35, Dropped, at="u64", window="u64", why="why"),
)  # fmt: skip

CONTROL: Final = range(1, 16)
INPUTS: Final = range(16, 32)
OUTPUTS: Final = range(32, 48)
