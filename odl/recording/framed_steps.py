"""Steps of a session as frames, many at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.events import Samples
from odl.core.records import Outputs
from odl.core.trace import Step
from odl.wire.codec import encode, encode_heads
from odl.wire.deframer import MAX_FRAME
from odl.wire.output_columns import encode_outputs

_AROUND = 16  # bytes of a frame beside its message, apart from one for every 254


class FramedSteps:
    """Frames of steps whose outputs are, all together, ``outputs``.

    Attributes
    ----------
    count : int
        Outputs of the steps so far.
    number : int
        Frames of the steps so far.

    Examples
    --------
    >>> from odl.core.events import Truth
    >>> from odl.core.records import outputs_of
    >>> from odl.wire.framing import frame
    >>> truth, framed = Truth(0, 9, "walk"), FramedSteps(outputs_of([]))
    >>> framed.add(Step(truth, []))
    >>> bytes(framed.frames(7)) == frame(encode(truth), 7)
    True
    """

    def __init__(self, outputs: Outputs) -> None:
        self._outputs, ends = encode_outputs(outputs)
        self._starts = np.concatenate([[0], ends])
        self._heads: list[bytes] = []  # what stands before each piece's counts, or a message
        self._counts: list[NDArray[np.uint8]] = []
        self._ends: list[int] = []  # of each input's counts
        self._behind: list[int] = []  # how many outputs there are up to the next input
        self._size = self.count = self.number = 0

    def add(self, step: Step) -> None:
        """Take in the next step.

        Raises
        ------
        CodecError
            If its input cannot be encoded; the step is then left out.
        """
        event, outputs = step.input, len(step.outputs)
        if isinstance(event, Samples):
            cuts = step.cuts()
            rows = fitting(event, cuts)
            self._heads += encode_heads(event, rows)
            counts: Any = np.ascontiguousarray(event.block, "<i2").reshape(-1).view(np.uint8)
            size = 2 * event.block.shape[1]
            self._counts.append(counts)
            self._ends += [self._size + row * size for row in rows]
            self._size += len(counts)
            passed = 0
            for row in rows:
                passed = cuts.get(row, passed)
                self._behind.append(self.count + passed)
            self._behind[-1] = self.count + outputs
            self.number += len(rows) + outputs
        else:
            self._heads.append(b"" if event is None else encode(event))
            self._ends.append(self._size)
            self._behind.append(self.count + outputs)
            self.number += (event is not None) + outputs
        self.count += outputs

    def frames(self, seq: int) -> memoryview:
        """The frames, the first one with sequence number ``seq``."""
        from odl.core.kernels.frames import (
            put_frames,  # brings Numba, which readers of files need not wait for
        )

        heads = np.frombuffer(b"".join(self._heads), np.uint8)
        counts = np.concatenate([*self._counts, np.zeros(0, np.uint8)])
        sizes = np.cumsum(list(map(len, self._heads)), dtype=np.int64)
        size = len(heads) + len(counts) + int(self._starts[self.count])
        out = np.empty(size + size // 254 + _AROUND * (self.number + 1), np.uint8)
        n = put_frames(
            heads, counts, np.frombuffer(self._outputs, np.uint8), sizes, np.array(self._ends, np.int64),
            np.array(self._behind, np.int64), self._starts, seq, out,
        )  # fmt: skip
        return out.data[: int(n)]

    @property
    def outputs(self) -> bytes:
        """The outputs, each behind its length."""
        return self._outputs[: self._starts[self.count]]


def fitting(samples: Samples, ends: Iterable[int]) -> list[int]:
    """``ends`` of parts, in rows, and ends between them where a part would not fit a frame; usually none."""
    row = max(1, samples.block[:1].nbytes)
    if row * len(samples.block) <= MAX_FRAME // 2:
        return list(ends)
    most, fitting, at = MAX_FRAME // 2 // row, list[int](), 0
    for end in ends:
        fitting += [*range(at + most, end, most), end]
        at = end
    return fitting
