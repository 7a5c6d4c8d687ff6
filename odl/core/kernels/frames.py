"""Messages in frames, many at once, for a recording: `odl.wire.framing.frame` is what it has to equal."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.flat import Table
from odl.core.kernels.jit import Int, jit

MOST = 255  # a full COBS group: its code, and 254 bytes
LENGTH = 4  # bytes of the length before each output's message


def _crc_table() -> NDArray[np.int32]:
    """For each byte the CRC-32 that it adds; 256 more for each zero byte behind it, up to seven."""
    own = np.array([zlib.crc32(bytes([n]), 0xFFFFFFFF) ^ 0xFFFFFFFF for n in range(256)], np.uint32)
    tables = [own]
    for _ in range(7):
        tables.append((tables[-1] >> 8) ^ own[tables[-1] & 255])
    return np.concatenate(tables).view(np.int32)


CRC = Table(_crc_table())


@jit
def crc_of(data: NDArray[np.uint8], crc: Int) -> Int:
    """zlib's CRC-32 of ``data``, ``crc`` being that of what stands before it; eight bytes at a time."""
    crc = crc ^ 0xFFFFFFFF
    n = np.int64(len(data))
    whole = n - n % 8
    for i in range(0, whole, 8):
        low = crc ^ (
            np.int64(data[i]) | np.int64(data[i + 1]) << 8 | np.int64(data[i + 2]) << 16
            | np.int64(data[i + 3]) << 24
        )  # fmt: skip
        crc = 0xFFFFFFFF & np.int64(
            CRC[1792 + (low & 255)] ^ CRC[1536 + (low >> 8 & 255)] ^ CRC[1280 + (low >> 16 & 255)]
            ^ CRC[1024 + (low >> 24)] ^ CRC[768 + np.int64(data[i + 4])] ^ CRC[512 + np.int64(data[i + 5])]
            ^ CRC[256 + np.int64(data[i + 6])] ^ CRC[np.int64(data[i + 7])]
        )  # fmt: skip
    for i in range(whole, n):
        crc = (crc >> 8) ^ (0xFFFFFFFF & np.int64(CRC[(crc ^ np.int64(data[i])) & 255]))
    return crc ^ 0xFFFFFFFF


@jit
def stuff(data: NDArray[np.uint8], out: NDArray[np.uint8], code: Int, at: Int) -> tuple[Int, Int]:
    """Go on with COBS at ``at`` of ``out``, where the present group's code stands at ``code``.

    That code is written anew at each byte, which is faster than a jump that nobody can foresee.
    """
    for i in range(len(data)):
        if at - code == MOST:
            code = at
            at += 1
        out[at] = data[i]
        out[code] = at - code if data[i] == 0 else at - code + 1
        code = at if data[i] == 0 else code
        at += 1
    return code, at


@jit
def put_number(out: NDArray[np.uint8], at: Int, value: Int, n: Int) -> None:
    """``value`` in ``n`` bytes, the lowest first."""
    for i in range(n):
        out[at + i] = (value >> 8 * i) & 255


@jit
def put_frame(seq: Int, head: NDArray[np.uint8], body: NDArray[np.uint8], out: NDArray[np.uint8],
              at: Int) -> Int:  # fmt: skip
    """The frame of a message in two halves, at time 0, from ``at`` on; where it ends."""
    last = np.int64(len(out)) - 10  # room for what goes through COBS beside the message
    put_number(out, last, seq, np.int64(6))
    envelope, checksum = out[last : last + 6], out[last + 6 : last + 10]
    put_number(out, last + 6, crc_of(body, crc_of(head, crc_of(envelope, np.int64(0)))), np.int64(4))
    out[at] = 0
    code, at = stuff(envelope, out, at + 1, at + 2)
    code, at = stuff(head, out, code, at)
    code, at = stuff(body, out, code, at)
    code, at = stuff(checksum, out, code, at)
    out[code] = at - code
    out[at] = 0
    return at + 1


@jit
def put_frames(
    heads: NDArray[np.uint8], counts: NDArray[np.uint8], outputs: NDArray[np.uint8],
    head_ends: NDArray[np.int64], count_ends: NDArray[np.int64], behind: NDArray[np.int64],
    starts: NDArray[np.int64], seq: Int, out: NDArray[np.uint8],
) -> Int:  # fmt: skip
    """The frames of inputs and of their outputs, in order; how many bytes of ``out`` they take.

    Input ``k`` is ``heads`` up to byte ``head_ends[k]`` and ``counts`` up to ``count_ends[k]``; where that is
    nothing, there is no input. After it come the outputs up to ``behind[k]``. The
    message of output ``i`` is ``outputs`` from byte ``starts[i]`` to the next one, behind its length.
    """
    at: Int = np.int64(0)
    head = row = first = np.int64(0)
    for k in range(len(behind)):
        if head < head_ends[k]:
            at = put_frame(seq & 0xFFFF, heads[head : head_ends[k]], counts[row : count_ends[k]], out, at)
            head, row = head_ends[k], count_ends[k]
            seq += 1
        while first < behind[k]:
            message = outputs[starts[first] + LENGTH : starts[first + 1]]
            at = put_frame(seq & 0xFFFF, message, message[:0], out, at)
            first += 1
            seq += 1
    return at
