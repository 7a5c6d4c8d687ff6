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
_STRIDE: Final = 8  # rounds between two looks at which chunks are finished
_WHOLE, _BROKEN, _LATER = range(3)  # what a chunk turned out to be: COBS, not COBS, for `unframe`


def _unstuff_many(data: bytes) -> Iterator[tuple[int, int, int, bytes, int]]:
    """Decode all chunks between zero bytes in ``data``, which ends with a zero, side by side.

    Yields start, end, what the chunk is, its decoded bytes and their CRC-32. A chunk that has a full
    group or more than ``_ROUNDS`` groups is left to `unframe`. Each round moves every unfinished chunk to
    its next code. So time is linear in the bytes, and memory in the bytes and the number of chunks.
    """
    n = len(data)
    plain = np.zeros(n + 255, np.uint8)  # a step beyond the end finds a zero and stays there
    plain[:n] = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(plain[:n] == 0)
    begins = np.concatenate([[0], ends[:-1] + 1])
    begins, ends = begins[ends > begins], ends[ends > begins]
    state = np.full(len(begins), _LATER, np.uint8)
    on, at, limit = np.arange(len(begins)), begins, ends  # the unfinished chunks
    for _ in range(_ROUNDS // _STRIDE):
        places, full = [at], np.zeros(len(on), bool)
        for _ in range(_STRIDE):
            step = plain.take(at)
            at = at + step
            full |= (step == 255) & (at <= limit)
            places.append(at)
        for place in places[:-1]:
            plain[place[place < limit]] = 0  # codes within their own chunk
        done = full | (at >= limit)
        state[on[done]] = np.where(full, _LATER, np.where(at == limit, _WHOLE, _BROKEN))[done]
        on, at, limit = on[~done], at[~done], limit[~done]
        if not len(on):
            break
    raw = plain.tobytes()
    for begin, end, found in zip(begins.tolist(), ends.tolist(), state.tolist(), strict=True):
        decoded = raw[begin + 1 : end] if found == _WHOLE else b""
        yield begin, end, found, decoded, zlib.crc32(decoded)


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
        for begin, end, what, plain, crc in _unstuff_many(data):
            found: bytes | Fault
            if what == _LATER or end - begin > self.limit:
                found = self._judge(data[begin:end], end - begin)
            elif crc == WHOLE_CRC and len(plain) > SHORTEST:
                self.frames += 1
                found = plain[:-4]
            else:
                found = self._count(Fault.CRC if what == _WHOLE else Fault.COBS, end - begin)
            results.append((at + begin, at + end + 1, found))
        return results

    def _judge(self, chunk: bytes, size: int) -> bytes | Fault:
        try:
            if size > self.limit:
                raise FrameError(Fault.OVERSIZE)
            payload = unframe(chunk)
        except FrameError as error:
            return self._count(error.fault, size)
        self.frames += 1
        return payload

    def _count(self, fault: Fault, size: int) -> Fault:
        self._faults[fault] += 1
        self.lost_bytes += size
        return fault
