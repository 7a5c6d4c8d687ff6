"""Find frames among the bytes of a line or a file."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

import numpy as np

from odl.wire.framing import SHORTEST, WHOLE_CRC, Fault, FrameError, unframe

MAX_FRAME: Final = 4 * 2**20  # default for the longest frame, in bytes between two delimiters
_MANY: Final = 48  # chunks from which decoding them side by side is faster
_ROUNDS: Final = 256  # most groups of a chunk for that: a long run of zeros has thousands


def _unstuff_many(data: bytes) -> Iterator[tuple[int, int, bytes, int]]:
    """Decode all chunks between zero bytes in ``data``, which ends with a zero, side by side.

    Yields start, end, decoded bytes and their CRC-32 for each chunk. The decoded bytes are empty if
    the chunk is not COBS, has a full group, or has more than ``_ROUNDS`` groups; `cobs_decode` handles
    those. Each round moves every chunk to its next code.
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


class Deframer:
    """Finds the frames in bytes that arrive in pieces of any size.

    The sizes of the pieces do not affect the result. At most ``limit`` bytes of an unfinished frame
    are stored; a longer one is skipped and counted.

    Attributes
    ----------
    frames, bad_cobs, bad_crc, oversize : int
        Whole frames, and chunks between delimiters that are not frames, by fault.
    lost_bytes : int
        Bytes within those chunks, without delimiters.

    >>> from odl.wire.framing import frame
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
        self._skipped = 0  # bytes of it that were dropped: it is too long
        self._position = 0  # of its first byte

    @property
    def bad_cobs(self) -> int:
        """Chunks that are not COBS."""
        return self._faults[Fault.COBS]

    @property
    def bad_crc(self) -> int:
        """Chunks whose checksum does not match, or that are too short to have one."""
        return self._faults[Fault.CRC]

    @property
    def oversize(self) -> int:
        """Chunks longer than ``limit``."""
        return self._faults[Fault.OVERSIZE]

    @property
    def pending(self) -> int:
        """Bytes after the last delimiter."""
        return self._skipped + len(self._tail)

    def feed(self, data: bytes) -> list[bytes]:
        """Process ``data`` and return the payloads of the frames that it completes, in order."""
        return [found for _, _, found in self.scan(data) if isinstance(found, bytes)]

    def scan(self, data: bytes) -> list[tuple[int, int, bytes | Fault]]:
        """As `feed`, with positions and damage.

        Returns
        -------
        list of (start, end, found)
            ``start`` and ``end`` count from the first byte ever fed: the byte behind the opening
            delimiter, and the byte behind the closing one. ``found`` is the payload or a `Fault`.
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
        """As `scan`, for ``data`` that starts behind a delimiter and ends with one."""
        at, results = self._position, list[tuple[int, int, bytes | Fault]]()
        if data.count(b"\0") < _MANY:
            for chunk in data.split(b"\0")[:-1]:
                end = at + len(chunk) + 1
                if chunk:
                    results.append((at, end, self._judge(chunk, len(chunk))))
                at = end
            return results
        for begin, end, plain, crc in _unstuff_many(data):
            if crc == WHOLE_CRC and len(plain) > SHORTEST and end - begin <= self.limit:
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
