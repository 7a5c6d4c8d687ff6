"""Messages to bytes and back, built from the table in ``odl.wire.schema``.

The bytes of a message (type and body, no sequence number, no time) are its canonical
form: equal events have equal bytes, and ``trace_sha256`` is taken over them. Decoding is
total: any bytes give a message or a ``CodecError`` that says what is wrong with them.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Callable
from enum import Enum
from operator import attrgetter
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from odl.events import NO_CLASS, Adopt, Gap, Output, Samples, Truth, Why, valid_name
from odl.wire.framing import open_envelope
from odl.wire.schema import MAX_INDEX, OUTPUTS, SCALARS, TABLE, Message, Refusal, Row

_U32: Final = struct.Struct("<I")
_TEXT_LIMIT: Final = 255
_ONE_Q15: Final = 32768
_I2: Final = np.dtype("<i2")
_MANY: Final = 20  # payloads from which opening them together is faster
# Envelope and message of Samples, up to the block.
_HEAD: Final = np.dtype(
    [("seq", "<u2"), ("time", "<u4"), ("number", "u1"), ("start", "<u8"), ("channels", "u1")]
)
_ONE: Final = struct.Struct("<HIBQB")  # the same


class Problem(Enum):
    """What can be wrong with a message."""

    TYPE = "unknown type"
    LENGTH = "wrong length"
    RANGE = "value out of range"
    TEXT = "not text"
    NAME = "not a class name"
    JSON = "not a JSON object"


class CodecError(ValueError):
    """A message that has no byte form, or bytes (``data``) that are no message; ``problem`` says why."""

    def __init__(self, problem: Problem, what: str, data: bytes = b"") -> None:
        super().__init__(f"{what}: {problem.value}")
        self.problem, self.data = problem, data


class _Bad(Exception):  # noqa: N818 - never leaves this file
    def __init__(self, problem: Problem) -> None:
        self.problem = problem


# --- fields of variable size: (value -> bytes) and (message, offset -> value, end) ------


def _counted(message: bytes, at: int, head: int = 1, size: int = 1) -> tuple[bytes, int]:
    """The bytes behind a count of ``head`` bytes, each counted thing ``size`` bytes long."""
    body = at + head
    end = body + size * int.from_bytes(message[at:body], "little")
    if body > len(message) or end > len(message):
        raise _Bad(Problem.LENGTH)
    return message[body:end], end


def _put_text(text: str) -> bytes:
    try:
        data = text.encode()
    except UnicodeError:
        raise _Bad(Problem.TEXT) from None
    if len(data) > _TEXT_LIMIT:
        raise _Bad(Problem.LENGTH)
    return bytes([len(data)]) + data


def _get_text(message: bytes, at: int) -> tuple[str, int]:
    data, end = _counted(message, at)
    try:
        return data.decode(), end
    except UnicodeError:
        raise _Bad(Problem.TEXT) from None


def _put_name(name: str) -> bytes:
    if not valid_name(name):
        raise _Bad(Problem.NAME)
    return _put_text(name)


def _get_name(message: bytes, at: int) -> tuple[str, int]:
    name, end = _get_text(message, at)
    if not valid_name(name):
        raise _Bad(Problem.NAME)
    return name, end


def _put_ids(ids: tuple[int, ...]) -> bytes:
    data = bytes((*ids,))  # ValueError above 255
    if NO_CLASS in data:
        raise _Bad(Problem.RANGE)
    return bytes([len(data)]) + data


def _get_ids(message: bytes, at: int) -> tuple[tuple[int, ...], int]:
    data, end = _counted(message, at)
    if NO_CLASS in data:
        raise _Bad(Problem.RANGE)
    return tuple(data), end


def _put_q15s(values: tuple[int, ...]) -> bytes:
    if values and max(values) > _ONE_Q15:
        raise _Bad(Problem.RANGE)
    return struct.pack(f"<B{len(values)}H", len(values), *values)


def _get_q15s(message: bytes, at: int) -> tuple[tuple[int, ...], int]:
    data, end = _counted(message, at, size=2)
    values = struct.unpack(f"<{len(data) // 2}H", data)
    if values and max(values) > _ONE_Q15:
        raise _Bad(Problem.RANGE)
    return values, end


def _put_blob(data: bytes) -> bytes:
    return _U32.pack(len(data)) + data


def _get_blob(message: bytes, at: int) -> tuple[bytes, int]:
    return _counted(message, at, head=4)


def _put_json(value: dict[str, Any]) -> bytes:
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
        if not isinstance(value, dict):
            raise _Bad(Problem.JSON)
        return _put_blob(text.encode())
    except (ValueError, TypeError, RecursionError):
        raise _Bad(Problem.JSON) from None


def _no_constant(text: str) -> None:
    raise ValueError(text)  # NaN and the infinities are not JSON


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(text)
    return value


def _get_json(message: bytes, at: int) -> tuple[dict[str, Any], int]:
    data, end = _get_blob(message, at)
    try:
        value = json.loads(data.decode(), parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        raise _Bad(Problem.JSON) from None
    if not isinstance(value, dict):
        raise _Bad(Problem.JSON)
    return value, end


_SCALE: Final = struct.Struct("<IBh")


def _put_scaling(channels: tuple[tuple[int, int, int], ...]) -> bytes:
    return bytes([len(channels)]) + b"".join(_SCALE.pack(*channel) for channel in channels)


def _get_scaling(message: bytes, at: int) -> tuple[tuple[tuple[int, int, int], ...], int]:
    data, end = _counted(message, at, size=_SCALE.size)
    return tuple(_SCALE.iter_unpack(data)), end


def _put_block(block: NDArray[np.int16]) -> bytes:
    if block.dtype != np.int16 or block.ndim != 2 or not 1 <= block.shape[1] <= 255:
        raise _Bad(Problem.RANGE)
    return bytes([block.shape[1]]) + block.astype("<i2", copy=False).tobytes()


def _get_block(message: bytes, at: int) -> tuple[NDArray[np.int16], int]:
    channels = message[at] if at < len(message) else 0
    if channels == 0 or (len(message) - at - 1) % (2 * channels):
        raise _Bad(Problem.LENGTH)
    return _block(message, at + 1, channels), len(message)


def _block(message: bytes, at: int, channels: int) -> NDArray[np.int16]:
    shape = (len(message) - at) // (2 * channels), channels
    block: NDArray[np.int16] = np.ndarray(shape, _I2, message, at)
    return block if _I2.isnative else block.astype(np.int16)


_REASONS: Final[dict[str, type[Why] | type[Refusal]]] = {"why": Why, "refusal": Refusal}
_PUT: Final[dict[str, Callable[[Any], bytes]]] = {
    "text": _put_text, "name": _put_name, "ids": _put_ids, "q15s": _put_q15s,
    "json": _put_json, "blob": _put_blob, "scaling": _put_scaling, "block": _put_block,
}  # fmt: skip
_GET: Final[dict[str, Callable[[bytes, int], tuple[Any, int]]]] = {
    "text": _get_text, "name": _get_name, "ids": _get_ids, "q15s": _get_q15s,
    "json": _get_json, "blob": _get_blob, "scaling": _get_scaling, "block": _get_block,
}  # fmt: skip


def _check_span(message: Message) -> None:
    """Refuse what would end beyond the largest index, or before it began."""
    if isinstance(message, Samples):
        fits = message.start + len(message.block) <= MAX_INDEX
    elif isinstance(message, Gap | Adopt):
        fits = message.start + message.lost <= MAX_INDEX
    elif isinstance(message, Truth):
        fits = message.start <= message.end
    else:
        return
    if not fits:
        raise _Bad(Problem.RANGE)


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
        self.put = [(attrgetter(field.name), _PUT[field.kind]) for field in tails]
        self.get = [_GET[field.kind] for field in tails]
        self.opts = [i for i, field in enumerate(scalars) if field.kind == "opt"]
        self.ids = [i for i, field in enumerate(scalars) if field.kind == "id"]
        self.reasons = [(i, _REASONS[f.kind]) for i, f in enumerate(scalars) if f.kind in _REASONS]
        self.spans = row.event in (Samples, Gap, Truth, Adopt)

    def encode(self, message: Message) -> bytes:
        values = [get(message) for get in self.scalars]
        for i in self.ids:
            if values[i] == NO_CLASS:
                raise _Bad(Problem.RANGE)
        for i in self.opts:
            if values[i] is None:
                values[i] = NO_CLASS
            elif values[i] == NO_CLASS:
                raise _Bad(Problem.RANGE)
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
            raise _Bad(Problem.LENGTH)
        values: list[Any] = list(self.head.unpack_from(data))[1:]
        for i in self.ids:
            if values[i] == NO_CLASS:
                raise _Bad(Problem.RANGE)
        for i in self.opts:
            if values[i] == NO_CLASS:
                values[i] = None
        for i, reason in self.reasons:
            values[i] = reason(values[i])
        for get in self.get:
            value, at = get(data, at)
            values.append(value)
        if at != len(data):
            raise _Bad(Problem.LENGTH)
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
        If a value has no place in the byte form (see the kinds in ``odl.wire.schema``).

    >>> from odl.events import Undo
    >>> encode(Undo(at=258)).hex(" ")
    '13 02 01 00 00 00 00 00 00'
    """
    codec = _BY_EVENT.get(type(message))
    if codec is None:
        raise CodecError(Problem.TYPE, f"a {type(message).__name__} cannot be encoded")
    try:
        return codec.encode(message)
    except _Bad as bad:
        raise CodecError(bad.problem, f"{codec.row.name} cannot be encoded") from None
    except (struct.error, ValueError, TypeError, AttributeError):
        raise CodecError(Problem.RANGE, f"{codec.row.name} cannot be encoded") from None


def decode(data: bytes) -> Message:
    """The message whose canonical bytes are ``data``.

    The block of ``Samples`` is a view of ``data`` that cannot be written to.

    Raises
    ------
    CodecError
        For any other bytes: an unknown type, a length that does not fit, bytes left over,
        a value out of range, a text that is none. Nothing else is ever raised.

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
    except _Bad as bad:
        raise CodecError(bad.problem, f"{codec.row.name} of {len(data)} bytes", data) from None
    except ValueError:  # a number that is no reason
        raise CodecError(Problem.RANGE, f"{codec.row.name} of {len(data)} bytes", data) from None


Opened: TypeAlias = tuple[int, int, Message | CodecError]


def open_messages(payloads: list[bytes]) -> list[Opened]:
    """Sequence number, device microseconds and message of each payload; or what is wrong with it.

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
    if len(payload) > _ONE.size:  # most are Samples, and for those there is a short way
        seq, time, number, start, channels = _ONE.unpack_from(payload)
        rows, rest = divmod(len(payload) - _ONE.size, 2 * channels or 1)
        if number == _SAMPLES and channels and not rest and start + rows <= MAX_INDEX:
            return seq, time, Samples(start, _block(payload, _ONE.size, channels))
    seq, time, message = open_envelope(payload)
    try:
        return seq, time, decode(message)
    except CodecError as error:
        return seq, time, error


def _open_alike(payloads: list[bytes]) -> list[Opened]:
    """As `_open`, for payloads of one size: most of a line is Samples, and those open together."""
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
    """Whether ``message`` is something a session says, so part of its trace.

    >>> from odl.events import Query, Undo
    >>> is_output(Query(0, 9, 640)), is_output(Undo(0))
    (True, False)
    """
    codec = _BY_EVENT.get(type(message))
    return codec is not None and codec.row.number in OUTPUTS


class TraceHash:
    """SHA-256 over a session's outputs: each as its u32 length and its canonical bytes.

    >>> from odl.events import Query
    >>> trace = TraceHash()
    >>> trace.add(Query(window=0, utility=9, expires=640))
    >>> trace.hexdigest()[:16], trace.count
    ('a2b9e398318b850f', 1)
    """

    def __init__(self) -> None:
        self.count = 0
        self._hash = hashlib.sha256()

    def add(self, output: Output | bytes) -> None:
        """Take in the next output, or its canonical bytes where they are at hand."""
        data = output if isinstance(output, bytes) else encode(output)
        self._hash.update(_U32.pack(len(data)) + data)
        self.count += 1

    def hexdigest(self) -> str:
        """The hash of all outputs so far, as 64 hexadecimal digits."""
        return self._hash.hexdigest()
