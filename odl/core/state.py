"""The integer state of a session: two flat structs, described once.

A board keeps ``state`` in RAM and appends ``log`` to flash. The log holds the ordered labels,
new classes, splits and changes of classes that determine the learned heads. Kernels work on these
bytes and the C core has the same layout, so a snapshot is a copy and twins are compared byte for
byte. Fields are naturally aligned.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from odl.core.events import NO_CLASS, NO_HEAD

if TYPE_CHECKING:
    from odl.core.image import Image

WARM = 16  # scores that set TActiLE's first reference value
RECENT = 64  # scores that novel-segments compares with
NAME_BYTES = 32


class Asked(IntEnum):
    """Status of a stored question."""

    OPEN = 1
    ANSWERED = 2
    SKIPPED = 3
    EXPIRED = 4


class Entry(IntEnum):
    """Kind of a log entry."""

    LABEL = 1
    CLASS = 2
    SPLIT = 3
    CHANGE = 4  # of a class: renamed, merged or removed


class Count(IntEnum):
    """Counters of a session, one int64 each."""

    WINDOWS = 0
    SATURATED = 1
    QUERIES = 2
    ANSWERED = 3
    SKIPPED = 4
    EXPIRED = 5
    LATE = 6
    REPEATED = 7
    UNKNOWN = 8
    NO_SUCH_CLASS = 9
    FULL = 10
    NOTHING_TO_UNDO = 11
    UNDONE = 12
    REFITS = 13
    GAPS = 14
    BLOCKED = 15  # windows not asked about because too many questions were open
    TAUGHT = 16  # labels that nobody asked for
    GAVE_WAY = 17  # labels that left a full log for a newer one, a class or a task


def state_dtype(
    *,
    features: int,
    positions: int,
    outputs: int,
    taps: int,
    layers: int,
    max_heads: int,
    max_rows: int,
    max_pending: int,
    items: int,
) -> np.dtype[Any]:
    """The layout of the RAM state for one model's sizes.

    Parameters
    ----------
    features : int
        Length of a feature vector.
    positions, outputs : int
        Positions of the last layer in a window, and its channels.
    taps, layers : int
        int16 inputs kept for all layers together, and their number.
    max_heads, max_rows, max_pending : int
        Capacities, from the model image.
    items : int
        Most vectors that one epoch of a refit can have.

    Examples
    --------
    >>> sizes = dict(features=192, positions=27, outputs=64, taps=206, layers=3)
    >>> state_dtype(**sizes, max_heads=8, max_rows=20, max_pending=8, items=476).itemsize
    36864
    """
    return np.dtype(
        [
            # the stream
            ("position", "<i8"),  # samples consumed, gaps included
            ("phase", "<i8"),  # samples since the stream last (re)started
            # the segment: the stretch of unchanged stream that the last window belongs to
            ("segment", "<i8"),  # its number
            ("since", "<i8"),  # its first sample
            ("last", "<i8"),  # first sample of the last window
            ("age", "<i8"),  # its windows so far
            ("doubt", "<i8"),  # sum of their uncertainties, Q15
            # the policy
            ("generator", "<u8"),
            ("period", "<i8"),  # current budget period
            ("issued", "<i8"),  # questions issued in it
            ("asked_at", "<i8"),  # end of the window asked about last, 0: none
            ("points", "<i8"),  # segments that novel-segments has given a score
            ("rv_u", "<i8"),  # reference values, Q31
            ("rv_d", "<i8"),
            ("batch", "<i8"),  # number of the open batch
            ("answers", "<i8"),  # answers received and classes changed, orders them for undo
            ("refit_generator", "<u8"),
            ("counts", "<i8", (len(Count),)),
            # the questions
            ("ask_window", "<i8", (max_pending,)),
            ("ask_expires", "<i8", (max_pending,)),
            ("ask_batch", "<i8", (max_pending,)),
            ("ask_order", "<i8", (max_pending,)),
            ("ask_segment", "<i8", (max_pending,)),
            # 32 bits
            ("weights", "<i4", (max_rows, features + 1)),  # of the heads in use
            ("next", "<i4", (max_rows, features + 1)),  # of those that a refit is working on
            ("fill", "<i4", (layers,)),  # inputs waiting in each layer's taps
            ("ring_at", "<i4"),  # the oldest position in the ring
            ("ring_n", "<i4"),
            ("n_rows", "<i4"),
            ("n_heads", "<i4"),
            ("n_log", "<i4"),
            ("n_ask", "<i4"),  # questions kept, in window order
            ("n_batch", "<i4"),  # members of the open batch so far
            ("n_warm", "<i4"),
            ("n_far", "<i4"),  # distances seen since the batch opened
            ("n_sum", "<i4"),  # windows in the segment's sums
            ("n_recent", "<i4"),
            ("recent_at", "<i4"),  # where the next score goes
            ("n_items", "<i4"),  # vectors in an epoch of the refit
            ("epoch", "<i4"),
            ("place", "<i4"),  # items learned in this epoch
            # 16 bits
            ("warm", "<u2", (WARM,)),
            ("recent", "<u2", (RECENT,)),
            ("sums", "<u2", (features,)),
            ("taps", "<i2", (taps,)),
            # bytes
            ("ask_status", "u1", (max_pending,)),
            ("ask_class", "u1", (max_pending,)),
            ("ask_said", "u1", (max_pending,)),  # what was shown when asking
            ("ask_features", "u1", (max_pending, features)),
            ("ring", "u1", (positions, outputs)),
            ("row_class", "u1", (max_rows,)),
            ("row_head", "u1", (max_rows,)),
            ("row_active", "u1", (max_rows,)),
            ("next_active", "u1", (max_rows,)),
            ("head_parent", "u1", (max_heads,)),
            ("head_format", "u1", (max_heads,)),
            ("touched", "u1", (max_heads,)),  # tasks that the refit trains
            ("held", "u1"),  # an answer that is shown until the stream changes
            ("held_said", "u1"),  # what was shown when it was asked for
            ("said", "u1"),  # what was shown at the last window
            ("asked", "u1"),  # the segment has been asked about
            ("learned", "u1"),  # the heads in use are not the image's
            ("refitting", "u1"),  # 0: no; 1: all tasks; 2: new ones, further epochs
            # Last, because a board that was built for more of them has all else at the same place.
            ("items", "<u2", (items,)),  # places in the log; from max_log on, stored vectors
        ],
        align=True,
    )


def state_dtype_of(image: Image) -> np.dtype[Any]:
    """The layout of the state block for this image's sizes."""
    return state_dtype(
        features=image.features,
        positions=image.positions,
        outputs=image.layers[-1].outputs,
        taps=sum(layer.taps for layer in image.layers),
        layers=len(image.layers),
        max_heads=image.max_heads,
        max_rows=image.max_rows,
        max_pending=image.max_pending,
        items=image.max_items,
    )


def log_dtype(features: int) -> np.dtype[Any]:
    """One entry of the label log; an entry for a class has its name in place of features."""
    return np.dtype(
        [
            ("window", "<i8"),  # a label's window; the sample index of anything else
            ("order", "<i8"),
            ("kind", "u1"),
            ("cls", "u1"),
            ("head", "u1"),
            ("base", "u1"),  # of a label: what the image's heads said of it when it was collected
            ("mixed", "u1"),  # and what they said together with those in use
            ("spare", "u1", (3,)),
            ("features", "u1", (max(features, NAME_BYTES),)),
        ],
        align=True,
    )


def init_state(state: NDArray[Any], seed: int) -> None:
    """Clear ``state``, shape (1,), to a fresh state block without heads."""
    state[:] = np.zeros(1, state.dtype)
    state["generator"] = seed
    for name in ("held", "held_said", "said"):
        state[name] = NO_CLASS
    state["head_parent"] = NO_HEAD
    state["row_class"] = NO_CLASS
    state["row_head"] = NO_HEAD
