"""Frames: how a message survives a line that loses and garbles bytes.

``0x00 COBS(payload crc32) 0x00`` with ``payload = seq u16, time u32, message``. COBS
(Cheshire and Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Trans. Networking 7(2),
1999) removes every zero byte, so 0x00 only ever stands between frames and a reader finds
the next frame after any damage. The CRC-32 is zlib's, little-endian, over the payload.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from enum import Enum
from typing import Final

import numpy as np

from odl.core.errors import OdlError

MAX_FRAME: Final = 4 * 2**20  # bytes between two delimiters that a reader keeps, by default
ENVELOPE: Final = struct.Struct("<HI")  # sequence number, device microseconds
_CRC: Final = struct.Struct("<I")
_WHOLE: Final = 0x2144DF1C  # CRC-32 of any bytes with their own CRC-32 behind them
_LEAST: Final = ENVELOPE.size + _CRC.size  # an envelope and its checksum, without a message
_MANY: Final = 48  # chunks from which decoding them side by side is faster
_ROUNDS: Final = 256  # groups of a chunk up to which that is so: long ones of zeros have thousands
_CODES: Final = [bytes([n]) for n in range(256)]


class Fault(Enum):
    """What is wrong with the bytes between two delimiters."""

    COBS = "not COBS"
    CRC = "checksum does not match"
    OVERSIZE = "longer than a frame may be"


class FrameError(OdlError, ValueError):
    """Bytes that are no frame; ``fault`` says why."""

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


def _unstuff_many(data: bytes) -> Iterator[tuple[int, int, bytes, int]]:
    """The stretches between zero bytes in ``data``, which ends with one: where each begins and
    ends, what ``cobs_decode`` makes of it, and the CRC-32 of that; nothing where it refuses or
    a group is full.

    All are decoded at once, group by group: each round takes every stretch to its next code. A
    stretch that is not at its end after some rounds is left to ``cobs_decode`` as well.
    """
    n = len(data)
    plain = np.zeros(n + 255, np.uint8)  # a step beyond the end finds a zero and stays there
    plain[:n] = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(plain[:n] == 0)
    begins = np.concatenate([[0], ends[:-1] + 1])
    begins, ends = begins[ends > begins], ends[ends > begins]
    at = begins
    codes = [at]
    while len(codes) < _ROUNDS and plain.take(at).any():
        for _ in range(8):
            at = at + plain.take(at)
            codes.append(at)
    places = np.array(codes)
    usual = (at == ends) & (np.diff(places, axis=0) < 255).all(axis=0)
    plain[places[:, usual]] = 0
    raw = plain.tobytes()
    whole = zip(begins.tolist(), np.where(usual, ends, 0).tolist(), strict=True)
    plains = [raw[begin + 1 : end] for begin, end in whole]
    return zip(begins.tolist(), ends.tolist(), plains, map(zlib.crc32, plains), strict=True)


def frame(message: bytes, seq: int = 0, time: int = 0) -> bytes:
    """``message`` as it goes on the line, a delimiter before and after.

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
    """Payload (envelope and message) of the bytes between two delimiters.

    Raises
    ------
    FrameError
        If they are not COBS or the checksum does not match.

    >>> unframe(frame(b"\\x13")[1:-1])
    b'\\x00\\x00\\x00\\x00\\x00\\x00\\x13'
    """
    data = _unstuff(chunk)
    if len(data) <= _LEAST or zlib.crc32(data) != _WHOLE:
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


class Deframer:
    """Finds the frames in bytes that come in pieces of any size.

    How the bytes are cut into pieces changes nothing. At most ``limit`` bytes of an
    unfinished frame are kept; what is longer is skipped and counted.

    Attributes
    ----------
    frames, bad_cobs, bad_crc, oversize : int
        Whole frames, and stretches between delimiters that were none, by fault.
    lost_bytes : int
        Bytes within those stretches, delimiters not counted.

    >>> deframer = Deframer()
    >>> deframer.feed(b"noise" + frame(b"\\x13")[:4]), deframer.feed(frame(b"\\x13")[4:])
    ([], [b'\\x00\\x00\\x00\\x00\\x00\\x00\\x13'])
    >>> deframer.frames, deframer.bad_cobs, deframer.lost_bytes
    (1, 1, 5)
    """

    def __init__(self, limit: int = MAX_FRAME) -> None:
        self.limit = limit
        self.frames = 0
        self.lost_bytes = 0
        self._faults = dict.fromkeys(Fault, 0)
        self._tail = bytearray()  # the unfinished frame
        self._skipped = 0  # bytes of it that were let go, being too many
        self._position = 0  # where it began

    @property
    def bad_cobs(self) -> int:
        """Stretches that are not COBS."""
        return self._faults[Fault.COBS]

    @property
    def bad_crc(self) -> int:
        """Stretches whose checksum does not match, or too short to have one."""
        return self._faults[Fault.CRC]

    @property
    def oversize(self) -> int:
        """Stretches longer than ``limit``."""
        return self._faults[Fault.OVERSIZE]

    @property
    def pending(self) -> int:
        """Bytes after the last delimiter."""
        return self._skipped + len(self._tail)

    def feed(self, data: bytes) -> list[bytes]:
        """Take ``data`` in; return the payloads of the frames that it completes, in order."""
        return [found for _, _, found in self.scan(data) if isinstance(found, bytes)]

    def scan(self, data: bytes) -> list[tuple[int, int, bytes | Fault]]:
        """As ``feed``, with places and damage.

        Returns
        -------
        list of (start, end, found)
            ``start`` and ``end`` are positions in all that was ever fed, of the first byte
            behind the opening delimiter and the first behind the closing one; ``found`` is
            the payload, or what is wrong.
        """
        results: list[tuple[int, int, bytes | Fault]] = []
        last = data.rfind(b"\0") + 1
        if last and self.pending:
            first = data.index(b"\0")
            self._tail += data[:first]
            size, end = self._skipped + len(self._tail), self._position + self.pending + 1
            results.append((self._position, end, self._judge(bytes(self._tail), size)))
            self._tail.clear()
            self._skipped, self._position = 0, end
            data, last = data[first + 1 :], last - first - 1
        if last:
            results += self._scan_whole(data[:last])
            self._position += last
            data = data[last:]
        self._tail += data
        if len(self._tail) > self.limit:
            self._skipped += len(self._tail)
            self._tail.clear()
        return results

    def _scan_whole(self, data: bytes) -> list[tuple[int, int, bytes | Fault]]:
        """``data`` begins behind a delimiter and ends with one."""
        at, results = self._position, list[tuple[int, int, bytes | Fault]]()
        if data.count(b"\0") < _MANY:
            for chunk in data.split(b"\0")[:-1]:
                end = at + len(chunk) + 1
                if chunk:
                    results.append((at, end, self._judge(chunk, len(chunk))))
                at = end
            return results
        for begin, end, plain, crc in _unstuff_many(data):
            if crc == _WHOLE and len(plain) > _LEAST and end - begin <= self.limit:
                self.frames += 1
                results.append((at + begin, at + end + 1, plain[:-4]))
            else:
                judged = self._judge(data[begin:end], end - begin)
                results.append((at + begin, at + end + 1, judged))
        return results

    def _judge(self, chunk: bytes, size: int) -> bytes | Fault:
        try:
            if size > self.limit:
                raise FrameError(Fault.OVERSIZE)
            payload = unframe(chunk)
        except FrameError as error:
            self._faults[error.fault] += 1
            self.lost_bytes += size
            return error.fault
        self.frames += 1
        return payload
