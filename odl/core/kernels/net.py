"""What the kernels read and never write: the model image unpacked, and the settings."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Net(NamedTuple):
    """The model image and input scaling as flat arrays.

    ``plan`` has a row per layer: input channels, output channels, kernel, stride, where its weights,
    channels and taps begin, operation, zero point, padding left and right, whether its inputs are signed, how
    many layers back the other one is whose outputs it takes.
    """

    plan: NDArray[np.int64]  # (layers, 13)
    weights: NDArray[np.int16]
    biases: NDArray[np.int32]
    mults: NDArray[np.int32]
    shifts: NDArray[np.uint8]
    scale_mult: NDArray[np.int32]  # (channels,)
    scale_shift: NDArray[np.uint8]
    scale_offset: NDArray[np.int16]
    base: NDArray[np.int32]  # (rows, features + 1)
    row_class: NDArray[np.uint8]
    row_head: NDArray[np.uint8]
    head_parent: NDArray[np.uint8]
    head_format: NDArray[np.uint8]
    stored: NDArray[np.uint8]  # (stored, features)
    owners: NDArray[np.uint8]
    learning: NDArray[np.uint64]  # epochs, rate shift, imprint, seed, refit items per hop
    window: int
    hop: int


SETTINGS = np.dtype(
    [
        ("rule", "<i8"),
        ("allowed", "<i8"),  # questions per period
        ("period", "<i8"),  # its length, 0: the whole session is one period
        ("in_samples", "<i8"),  # the length counts samples (1) or windows (0)
        ("horizon", "<i8"),  # windows that the session is expected to have, 0: unknown
        ("batch", "<i8"),  # questions that are learned from together
        ("patience", "<i8"),  # samples until a question expires
        ("step", "<i8"),  # reference values move by 2**-step
        ("hold", "<i8"),  # let an answer stand until the stream changes
        ("change", "<i8"),  # Q15 distance from a segment's mean that begins a new one
        ("every", "<i8"),  # least distance of two questions in samples
        ("floor", "<i8"),  # lowest score that novel-segments asks for
    ]
)


class Act(IntEnum):
    """What `odl.core.kernels.command.command` can do."""

    SETTLE = 0  # expire questions, learn from batches that are settled, go on with a refit
    LABEL = 1
    UNDO = 2
    REFIT = 3  # to the end
    TEACH = 4
    START_REFIT = 5
    ADVANCE = 6  # a refit by one hop


class Emit(IntEnum):
    """Kinds of output records."""

    PREDICTION = 1
    QUERY = 2
    LEARNED = 3
    DROPPED = 4


def out_dtype(max_heads: int, max_rows: int) -> np.dtype[Any]:
    """One output event as the kernels write it."""
    return np.dtype(
        [
            ("at", "<i8"),
            ("window", "<i8"),
            ("value", "<i8"),  # a query's utility
            ("expires", "<i8"),
            ("kind", "u1"),
            ("cls", "u1"),  # of a prediction what the image alone says, on the host
            ("head", "u1"),
            ("why", "u1"),
            ("held", "u1"),
            ("n_path", "u1"),
            ("n_scores", "u1"),
            ("path", "u1", (max_heads,)),
            ("scores", "<u2", (max_rows,)),
        ],
        align=True,
    )
