"""Frames, which let a message pass a line that loses or changes bytes.

``0x00 COBS(payload crc32) 0x00`` with ``payload = seq u16, time u32, message``. COBS
(Cheshire and Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Trans. Networking 7(2),
1999) removes every zero byte, so 0x00 only ever stands between frames and a reader finds
the next frame after any damage. The CRC-32 is zlib's, little-endian, over the payload.
"""

from __future__ import annotations

import struct
import zlib
from enum import Enum
from typing import Final

import numpy as np

from odl.core.errors import OdlError

ENVELOPE: Final = struct.Struct("<HI")  # sequence number, device microseconds
_CRC: Final = struct.Struct("<I")
WHOLE_CRC: Final = 0x2144DF1C  # CRC-32 of any bytes with their own CRC-32 behind them
SHORTEST: Final = ENVELOPE.size + _CRC.size  # an envelope and its checksum, without a message
_CODES: Final = [bytes([n]) for n in range(256)]


class Fault(Enum):
    """What is wrong with the bytes between two delimiters."""

    COBS = "not COBS"
    CRC = "checksum does not match"
    OVERSIZE = "longer than a frame may be"


class FrameError(OdlError, ValueError):
    """Bytes are not a frame; ``fault`` says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


def cobs_encode(data: bytes) -> bytes:
    """COBS form of ``data``: no zero byte, one byte longer and one more per 254.

    >>> cobs_encode(b"\\x01\\x00\\x02").hex()
    '02010202'
    """
    if len(data) < 254:
        return b"".join([_CODES[len(run) + 1] + run for run in data.split(b"\0")])
    # Every zero (and a slot before the data) becomes the distance to the next zero, the
    # one behind the data included; that is all of COBS where no run reaches 254.
    n = len(data)
    out = np.zeros(n + 2, np.uint8)
    out[1:-1] = np.frombuffer(data, np.uint8)
    slots = np.flatnonzero(out == 0)
    steps = np.diff(slots)
    out[slots[:-1]] = np.minimum(steps, 255)
    raw = out.tobytes()
    pieces, done = [], 0
    for k in np.flatnonzero(steps > 254):
        end = int(slots[k + 1])
        for cut in range(int(slots[k]) + 255, end + 1, 254):
            if cut > n:  # the data ends with a full group: nothing follows it
                break
            pieces += [raw[done:cut], _CODES[min(end - cut + 1, 255)]]
            done = cut
    return b"".join([*pieces, raw[done:-1]])


def cobs_decode(data: bytes) -> bytes:
    """The bytes whose COBS form is ``data``.

    Raises
    ------
    FrameError
        ``Fault.COBS`` if ``data`` is empty, holds a zero or ends within a group.

    >>> cobs_decode(bytes.fromhex("02010202"))
    b'\\x01\\x00\\x02'
    """
    return bytes(_unstuff(data))


def _unstuff(data: bytes) -> bytearray:
    if not data or b"\0" in data:
        raise FrameError(Fault.COBS)
    n = len(data)
    out = bytearray(data)
    i = 0
    if n < 255:  # no group can be full
        while i < n:
            step = out[i]
            out[i] = 0
            i += step
        if i != n:
            raise FrameError(Fault.COBS)
        del out[0]
        return out
    full = []  # codes that follow a full group and stand for no zero
    while i < n:
        step = data[i]
        out[i] = 0
        i += step
        if step == 255:
            full.append(i)
    if i != n:
        raise FrameError(Fault.COBS)
    pieces, done = bytearray(), 1
    for cut in full:
        pieces += out[done:cut]
        done = cut + 1
    pieces += out[done:]
    return pieces


def frame(message: bytes, seq: int = 0, time: int = 0) -> bytes:
    """Put ``message`` into a frame, with a delimiter before and after.

    Parameters
    ----------
    seq : sequence number, taken modulo 65536.
    time : device microseconds, taken modulo 2**32; 0 in replay.

    >>> frame(b"\\x13" + bytes(8)).hex(" ")
    '00 01 01 01 01 01 01 02 13 01 01 01 01 01 01 01 05 53 7d 9e 42 00'
    """
    payload = ENVELOPE.pack(seq & 0xFFFF, time & 0xFFFFFFFF) + message
    return b"\0%b\0" % cobs_encode(payload + _CRC.pack(zlib.crc32(payload)))


def unframe(chunk: bytes) -> bytes:
    """Return the payload (envelope and message) of the bytes between two delimiters.

    Raises
    ------
    FrameError
        If the bytes are not COBS or the checksum does not match.

    >>> unframe(frame(b"\\x13")[1:-1])
    b'\\x00\\x00\\x00\\x00\\x00\\x00\\x13'
    """
    data = _unstuff(chunk)
    if len(data) <= SHORTEST or zlib.crc32(data) != WHOLE_CRC:
        raise FrameError(Fault.CRC)
    del data[-4:]
    return bytes(data)


def open_envelope(payload: bytes) -> tuple[int, int, bytes]:
    """Sequence number, device microseconds and message of a payload.

    >>> open_envelope(unframe(frame(b"\\x13", seq=65537, time=9)[1:-1]))
    (1, 9, b'\\x13')
    """
    seq, time = ENVELOPE.unpack_from(payload)
    return seq, time, payload[ENVELOPE.size :]
