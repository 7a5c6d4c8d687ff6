"""Output records as messages, many at once: `odl.wire.codec.encode` is what they have to equal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.frames import LENGTH, put_number
from odl.core.kernels.jit import Int, jit
from odl.core.kernels.log import copy

FIELD = 3  # numbers of a plan for each field
ROW = 2 + 5 * FIELD  # and for each kind of record


@jit
def put_messages(
    records: NDArray[np.uint8], size: Int, kind_at: Int, plan: NDArray[np.int64], ends: NDArray[np.int64],
    out: NDArray[np.uint8],
) -> Int:  # fmt: skip
    """The messages of records of ``size`` bytes, each behind its length; how many bytes of ``out`` they take.

    Byte ``kind_at`` of a record is its kind, whose row of ``plan`` holds the message's type number, the
    number of fields, and for each of them where its count stands, -1 if it is no list, where its first byte
    stands, and the bytes of the field or of each item. ``ends[i]`` becomes the end of message ``i``.
    """
    at: Int = np.int64(0)
    for i in range(len(ends)):
        record, begin = i * size, at
        row = ROW * np.int64(records[record + kind_at])
        at += LENGTH
        out[at] = plan[row]
        at += 1
        for field in range(row + 2, row + 2 + FIELD * plan[row + 1], FIELD):
            n = plan[field + 2]
            if plan[field] >= 0:
                count = records[record + plan[field]]
                out[at] = count
                at += 1
                n *= np.int64(count)
            first = record + plan[field + 1]
            copy(records[first : first + n], out[at : at + n])
            at += n
        put_number(out, begin, at - begin - LENGTH, np.int64(LENGTH))
        ends[i] = at
    return at
