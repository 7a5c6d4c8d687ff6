"""Encode and decode the kinds of fields whose size varies.

An encoder takes a value and returns bytes; a decoder takes a message and an offset and returns the
value and the offset behind it.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from enum import Enum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from odl.core.events import NO_CLASS, valid_name

_U32: Final = struct.Struct("<I")
_TEXT_LIMIT: Final = 255
_ONE_Q15: Final = 32768
_I2: Final = np.dtype("<i2")


class Problem(Enum):
    """Reasons for which a message cannot be encoded or decoded."""

    TYPE = "unknown type"
    LENGTH = "wrong length"
    RANGE = "value out of range"
    TEXT = "not text"
    NAME = "not a class name"
    JSON = "not a JSON object"


class Bad(Exception):  # noqa: N818 - never leaves this package
    """A value cannot be encoded, or bytes cannot be decoded."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem


def _counted(message: bytes, at: int, head: int = 1, size: int = 1) -> tuple[bytes, int]:
    """The bytes behind a count of ``head`` bytes; each counted item has ``size`` bytes."""
    body = at + head
    end = body + size * int.from_bytes(message[at:body], "little")
    if body > len(message) or end > len(message):
        raise Bad(Problem.LENGTH)
    return message[body:end], end


def _put_text(text: str) -> bytes:
    try:
        data = text.encode()
    except UnicodeError:
        raise Bad(Problem.TEXT) from None
    if len(data) > _TEXT_LIMIT:
        raise Bad(Problem.LENGTH)
    return bytes([len(data)]) + data


def _get_text(message: bytes, at: int) -> tuple[str, int]:
    data, end = _counted(message, at)
    try:
        return data.decode(), end
    except UnicodeError:
        raise Bad(Problem.TEXT) from None


def _put_name(name: str) -> bytes:
    if not valid_name(name):
        raise Bad(Problem.NAME)
    return _put_text(name)


def _get_name(message: bytes, at: int) -> tuple[str, int]:
    name, end = _get_text(message, at)
    if not valid_name(name):
        raise Bad(Problem.NAME)
    return name, end


def _put_ids(ids: tuple[int, ...]) -> bytes:
    data = bytes((*ids,))  # ValueError above 255
    if NO_CLASS in data:
        raise Bad(Problem.RANGE)
    return bytes([len(data)]) + data


def _get_ids(message: bytes, at: int) -> tuple[tuple[int, ...], int]:
    data, end = _counted(message, at)
    if NO_CLASS in data:
        raise Bad(Problem.RANGE)
    return tuple(data), end


def _put_q15s(values: tuple[int, ...]) -> bytes:
    if values and max(values) > _ONE_Q15:
        raise Bad(Problem.RANGE)
    return struct.pack(f"<B{len(values)}H", len(values), *values)


def _get_q15s(message: bytes, at: int) -> tuple[tuple[int, ...], int]:
    data, end = _counted(message, at, size=2)
    values = struct.unpack(f"<{len(data) // 2}H", data)
    if values and max(values) > _ONE_Q15:
        raise Bad(Problem.RANGE)
    return values, end


def _put_blob(data: bytes) -> bytes:
    return _U32.pack(len(data)) + data


def _get_blob(message: bytes, at: int) -> tuple[bytes, int]:
    return _counted(message, at, head=4)


def _put_json(value: dict[str, Any]) -> bytes:
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
        if not isinstance(value, dict):
            raise Bad(Problem.JSON)
        return _put_blob(text.encode())
    except (ValueError, TypeError, RecursionError):
        raise Bad(Problem.JSON) from None


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
        raise Bad(Problem.JSON) from None
    if not isinstance(value, dict):
        raise Bad(Problem.JSON)
    return value, end


_SCALE: Final = struct.Struct("<IBh")


def _put_scaling(channels: tuple[tuple[int, int, int], ...]) -> bytes:
    return bytes([len(channels)]) + b"".join(_SCALE.pack(*channel) for channel in channels)


def _get_scaling(message: bytes, at: int) -> tuple[tuple[tuple[int, int, int], ...], int]:
    data, end = _counted(message, at, size=_SCALE.size)
    return tuple(_SCALE.iter_unpack(data)), end


def _put_block(block: NDArray[np.int16]) -> bytes:
    if block.dtype != np.int16 or block.ndim != 2 or not 1 <= block.shape[1] <= 255:
        raise Bad(Problem.RANGE)
    return bytes([block.shape[1]]) + block.astype("<i2", copy=False).tobytes()


def _get_block(message: bytes, at: int) -> tuple[NDArray[np.int16], int]:
    channels = message[at] if at < len(message) else 0
    if channels == 0 or (len(message) - at - 1) % (2 * channels):
        raise Bad(Problem.LENGTH)
    return block(message, at + 1, channels), len(message)


def block(message: bytes, at: int, channels: int) -> NDArray[np.int16]:
    """The samples from ``at`` to the end; a view on little-endian machines."""
    shape = (len(message) - at) // (2 * channels), channels
    counts: NDArray[np.int16] = np.ndarray(shape, _I2, message, at)
    return counts if _I2.isnative else counts.astype(np.int16)


PUT: Final[dict[str, Callable[[Any], bytes]]] = {
    "text": _put_text, "name": _put_name, "ids": _put_ids, "q15s": _put_q15s,
    "json": _put_json, "blob": _put_blob, "scaling": _put_scaling, "block": _put_block,
}  # fmt: skip
GET: Final[dict[str, Callable[[bytes, int], tuple[Any, int]]]] = {
    "text": _get_text, "name": _get_name, "ids": _get_ids, "q15s": _get_q15s,
    "json": _get_json, "blob": _get_blob, "scaling": _get_scaling, "block": _get_block,
}  # fmt: skip
