"""Encode and decode messages, by the table in `odl.wire.schema`.

The bytes of a message (type and body, no sequence number, no time) are its canonical
form: equal events have equal bytes, and ``trace_sha256`` is taken over them. Decoding is
total: any bytes give a message or a ``CodecError`` that says what is wrong with them.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final, TypeAlias

import numpy as np

from odl.core.errors import OdlError
from odl.core.events import NO_CLASS, Adopt, Gap, Output, Samples, Truth, Why
from odl.core.records import Outputs
from odl.wire.field_types import GET, PUT, Bad, Problem, block
from odl.wire.framing import open_envelope
from odl.wire.messages import MAX_INDEX, Message, Refusal
from odl.wire.output_columns import encode_outputs
from odl.wire.schema import OUTPUTS, SCALARS, TABLE, Row

_U32: Final = struct.Struct("<I")
_MANY: Final = 20  # payloads from which opening them together is faster
# Envelope and message of Samples, up to the block.
_HEAD: Final = np.dtype(
    [("seq", "<u2"), ("time", "<u4"), ("number", "u1"), ("start", "<u8"), ("channels", "u1")]
)
_BLOCK: Final = struct.Struct("<BQB")  # of a message of Samples what is before the block
_ONE: Final = struct.Struct("<HIBQB")  # the same layout


class CodecError(OdlError, ValueError):
    """A message cannot be encoded, or the bytes ``data`` decoded; ``problem`` says why."""

    def __init__(self, problem: Problem, what: str, data: bytes = b"") -> None:
        super().__init__(f"{what}: {problem.value}")
        self.problem, self.data = problem, data


_REASONS: Final[dict[str, type[Why] | type[Refusal]]] = {"why": Why, "refusal": Refusal}


def _check_span(message: Message) -> None:
    """Raise for a span that ends beyond the largest index, or before its start."""
    if isinstance(message, Samples):
        fits = message.start + len(message.block) <= MAX_INDEX
    elif isinstance(message, Gap | Adopt):
        fits = message.start + message.lost <= MAX_INDEX
    elif isinstance(message, Truth):
        fits = message.start <= message.end
    else:
        return
    if not fits:
        raise Bad(Problem.RANGE)


class _Codec:
    """Encoder and decoder of one row of the table."""

    def __init__(self, row: Row) -> None:
        scalars = [field for field in row.fields if field.kind in SCALARS]
        tails = row.fields[len(scalars) :]
        if any(field.kind in SCALARS for field in tails):
            raise TypeError(f"{row.name}: fields of fixed size come first")
        self.row = row
        self.head = struct.Struct("<B" + "".join(SCALARS[field.kind] for field in scalars))
        self.names = [field.name for field in row.fields]
        self.scalars = [attrgetter(field.name) for field in scalars]
        self.put = [(attrgetter(field.name), PUT[field.kind]) for field in tails]
        self.get = [GET[field.kind] for field in tails]
        self.opts = [i for i, field in enumerate(scalars) if field.kind == "opt"]
        self.ids = [i for i, field in enumerate(scalars) if field.kind == "id"]
        self.reasons = [(i, _REASONS[f.kind]) for i, f in enumerate(scalars) if f.kind in _REASONS]
        self.spans = row.event in (Samples, Gap, Truth, Adopt)

    def encode(self, message: Message) -> bytes:
        values = [get(message) for get in self.scalars]
        for i in self.ids:
            if values[i] == NO_CLASS:
                raise Bad(Problem.RANGE)
        for i in self.opts:
            if values[i] is None:
                values[i] = NO_CLASS
            elif values[i] == NO_CLASS:
                raise Bad(Problem.RANGE)
        for i, reason in self.reasons:
            values[i] = reason(values[i])
        if self.spans:
            _check_span(message)
        data = self.head.pack(self.row.number, *values)
        for get, put in self.put:
            data += put(get(message))
        return data

    def decode(self, data: bytes) -> Message:
        at = self.head.size
        if len(data) < at:
            raise Bad(Problem.LENGTH)
        values: list[Any] = list(self.head.unpack_from(data))[1:]
        for i in self.ids:
            if values[i] == NO_CLASS:
                raise Bad(Problem.RANGE)
        for i in self.opts:
            if values[i] == NO_CLASS:
                values[i] = None
        for i, reason in self.reasons:
            values[i] = reason(values[i])
        for get in self.get:
            value, at = get(data, at)
            values.append(value)
        if at != len(data):
            raise Bad(Problem.LENGTH)
        message: Message = self.row.event(**dict(zip(self.names, values, strict=True)))
        if self.spans:
            _check_span(message)
        return message


_BY_NUMBER: Final = {row.number: _Codec(row) for row in TABLE}
_BY_EVENT: Final = {codec.row.event: codec for codec in _BY_NUMBER.values()}
_SAMPLES: Final = _BY_EVENT[Samples].row.number


def encode(message: Message) -> bytes:
    """Canonical bytes of a message: an event, ``Start``, ``End``, or one between host and board.

    Raises
    ------
    CodecError
        If a value does not fit its field (see the kinds in `odl.wire.schema`).

    >>> from odl.core.events import Undo
    >>> encode(Undo(at=258)).hex(" ")
    '13 02 01 00 00 00 00 00 00'
    """
    codec = _BY_EVENT.get(type(message))
    if codec is None:
        raise CodecError(Problem.TYPE, f"a {type(message).__name__} cannot be encoded")
    try:
        return codec.encode(message)
    except Bad as bad:
        raise CodecError(bad.problem, f"{codec.row.name} cannot be encoded") from None
    except (struct.error, ValueError, TypeError, AttributeError):
        raise CodecError(Problem.RANGE, f"{codec.row.name} cannot be encoded") from None


def encode_heads(samples: Samples, ends: Sequence[int]) -> list[bytes]:
    """What stands before the counts in the canonical bytes of ``samples`` in parts that end at these rows.

    >>> block = np.arange(6, dtype=np.int16).reshape(3, 2)
    >>> decode(encode_heads(Samples(7, block), [2, 3])[1] + block[2:].tobytes()).start
    9
    """
    number, start, channels = _BLOCK.unpack(encode(Samples(samples.start, samples.block[:0])))
    if start + len(samples.block) > MAX_INDEX:
        raise CodecError(Problem.RANGE, f"{_BY_EVENT[Samples].row.name} cannot be encoded")
    return [_BLOCK.pack(number, start + at, channels) for at in (0, *ends[:-1])]


def decode(data: bytes) -> Message:
    """The message whose canonical bytes are ``data``.

    The block of ``Samples`` is a read-only view of ``data``.

    Raises
    ------
    CodecError
        For any other bytes: an unknown type, a length that does not fit, bytes left over,
        a value out of range, invalid text. Nothing else is raised.

    >>> decode(bytes.fromhex("130201000000000000"))
    Undo(at=258)
    >>> decode(b"")
    Traceback (most recent call last):
    odl.wire.codec.CodecError: empty message: wrong length
    """
    if not data:
        raise CodecError(Problem.LENGTH, "empty message")
    codec = _BY_NUMBER.get(data[0])
    if codec is None:
        raise CodecError(Problem.TYPE, f"message of type {data[0]}", data)
    try:
        return codec.decode(data)
    except Bad as bad:
        raise CodecError(bad.problem, f"{codec.row.name} of {len(data)} bytes", data) from None
    except ValueError:  # not a member of Why or Refusal
        raise CodecError(Problem.RANGE, f"{codec.row.name} of {len(data)} bytes", data) from None


Opened: TypeAlias = tuple[int, int, Message | CodecError]


def open_messages(payloads: list[bytes]) -> list[Opened]:
    """Sequence number, device microseconds and message of each payload; a `CodecError` for a bad one.

    >>> open_messages([bytes.fromhex("0100 09000000 130201000000000000")])
    [(1, 9, Undo(at=258))]
    """
    if len(payloads) < _MANY:
        return [_open(payload) for payload in payloads]
    sizes = list(map(len, payloads))
    usual = max(set(sizes), key=sizes.count)
    alike = iter(_open_alike([payload for payload in payloads if len(payload) == usual]))
    return [next(alike) if size == usual else _open(payloads[i]) for i, size in enumerate(sizes)]


def _open(payload: bytes) -> Opened:
    if len(payload) > _ONE.size:  # a fast path for Samples, the usual message
        seq, time, number, start, channels = _ONE.unpack_from(payload)
        rows, rest = divmod(len(payload) - _ONE.size, 2 * channels or 1)
        if number == _SAMPLES and channels and not rest and start + rows <= MAX_INDEX:
            return seq, time, Samples(start, block(payload, _ONE.size, channels))
    seq, time, message = open_envelope(payload)
    try:
        return seq, time, decode(message)
    except CodecError as error:
        return seq, time, error


def _open_alike(payloads: list[bytes]) -> list[Opened]:
    """As `_open`, for payloads of one size; Samples, the usual message, are decoded together."""
    size = len(payloads[0])
    if size <= _HEAD.itemsize:
        return [_open(payload) for payload in payloads]
    table = np.frombuffer(b"".join(payloads), np.uint8).reshape(-1, size)
    head = table[:, : _HEAD.itemsize].copy().view(_HEAD)[:, 0]
    channels = max(1, int(head["channels"][0]))
    rows, rest = divmod(size - _HEAD.itemsize, 2 * channels)
    fits = (head["number"] == _SAMPLES) & (head["channels"] == channels) & (head["start"] <= MAX_INDEX - rows)
    if rest or not fits.all():
        return [_open(payload) for payload in payloads]
    counts = np.ascontiguousarray(table[:, _HEAD.itemsize :]).view("<i2").astype(np.int16, copy=False)
    counts.flags.writeable = False
    samples = map(Samples, head["start"].tolist(), counts.reshape(-1, rows, channels))
    return list(zip(head["seq"].tolist(), head["time"].tolist(), samples, strict=True))


def is_output(message: Message) -> bool:
    """True if ``message`` is an output of a session, and so part of its trace.

    >>> from odl.core.events import Query, Undo
    >>> is_output(Query(0, 9, 640)), is_output(Undo(0))
    (True, False)
    """
    codec = _BY_EVENT.get(type(message))
    return codec is not None and codec.row.number in OUTPUTS


class TraceHash:
    """SHA-256 over a session's outputs: each as its u32 length and its canonical bytes.

    >>> from odl.core.events import Query
    >>> trace = TraceHash()
    >>> trace.add(Query(window=0, utility=9, expires=640))
    >>> trace.hexdigest()[:16], trace.count
    ('051e3b2ff1bddd5b', 1)
    """

    def __init__(self) -> None:
        self.count = 0
        self._hash = hashlib.sha256()

    def add(self, output: Output | bytes) -> None:
        """Add the next output, as an event or as its canonical bytes."""
        data = output if isinstance(output, bytes) else encode(output)
        self._hash.update(_U32.pack(len(data)) + data)
        self.count += 1

    def add_encoded(self, data: bytes, count: int) -> None:
        """Add ``count`` outputs as `odl.wire.output_columns.encode_outputs` encodes them."""
        self._hash.update(data)
        self.count += count

    def add_all(self, outputs: Sequence[Output]) -> None:
        """Add the next outputs; from their records where they are there, without making events of them."""
        if not isinstance(outputs, Outputs):
            for output in outputs:
                self.add(output)
        elif outputs:
            self.add_encoded(encode_outputs(outputs)[0], len(outputs))

    def hexdigest(self) -> str:
        """The hash of all outputs so far, as 64 hexadecimal digits."""
        return self._hash.hexdigest()
