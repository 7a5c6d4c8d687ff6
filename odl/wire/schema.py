"""The message table: one description from which both codecs come.

A message is a type byte and the fields of its row in ``TABLE``, in order, little-endian,
without padding. The Python codec is built from this table when it is imported and the C
header is generated from it, so neither can drift from the other. Type numbers come in
groups: control from 1 and from 48, inputs from 16, outputs from 32.

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
from typing import Any, Final

from odl.core.events import (
    AddClass,
    Adopt,
    ChangeClass,
    Dropped,
    Gap,
    Label,
    Learned,
    Origin,
    Prediction,
    Query,
    Samples,
    Split,
    Teach,
    Truth,
    Undo,
)
from odl.wire.messages import (
    Compact,
    Configure,
    Data,
    Description,
    End,
    Held,
    Hello,
    Info,
    Install,
    Read,
    Ready,
    Refused,
    Remember,
    Start,
    Status,
    Upload,
)

SCALARS: Final = {
    "u8": "B", "id": "B", "opt": "B", "why": "B", "refusal": "B", "u16": "H", "u32": "I", "u64": "Q",
}  # fmt: skip
TAILS: Final = ("name", "text", "ids", "q15s", "json", "blob", "scaling", "block")


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
         change="u16", floor="u16", allowed="u32", period="u32", horizon="u32", every="u32",
         session="u32", issued="u32",
         patience="u64", seed="u64", position="u64", scaling="scaling"),
    _row(6, Read, area="u8", offset="u32", size="u16"),
    _row(7, Data, area="u8", offset="u32", reply="u16", data="blob"),
    _row(8, Ready, position="u64", room="u16", reply="u16"),
    _row(9, Refused, message="u8", why="refusal", reply="u16"),
    _row(10, Description, board="json", model="json"),
    _row(11, Status, session="u32", frames="u32", dropped="u32", damaged="u32", missed="u32",
         position="u64"),
    _row(12, Upload, offset="u32", data="blob"),
    _row(13, Install, size="u32", image="u32"),
    _row(14, Compact),
    _row(15, Remember, data="blob"),
    _row(16, Samples, start="u64", block="block"),
    _row(17, Gap, start="u64", lost="u64", why="text"),
    _row(18, Label, at="u64", window="u64", cls="opt"),
    _row(19, Undo, at="u64"),
    _row(20, AddClass, at="u64", cls="id", head="u8", name="name"),
    _row(21, Split, at="u64", leaf="id", head="u8"),
    _row(22, Truth, start="u64", end="u64", name="name"),
    _row(23, Origin, at="u64", took="u32", clock="u64", by="text"),
    _row(24, Adopt, start="u64", lost="u64", state="blob"),
    _row(25, Teach, at="u64", cls="id"),
    _row(26, ChangeClass, at="u64", cls="id", into="opt", name="name"),
    _row(32, Prediction, window="u64", held="opt", path="ids", scores="q15s"),
    _row(33, Query, window="u64", utility="u16", expires="u64", since="u64"),
    _row(34, Learned, at="u64", window="u64", cls="id", head="u8"),
    _row(35, Dropped, at="u64", window="u64", why="why"),
    _row(48, Held),
)  # fmt: skip

CONTROL: Final = (*range(1, 16), *range(48, 64))
INPUTS: Final = range(16, 32)
OUTPUTS: Final = range(32, 48)
