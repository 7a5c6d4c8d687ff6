"""A session's memory as the kernels see it: one block of bytes, as flat arrays by type.

`odl.core.state` describes the state block, the log and the output records as structs whose
sizes are the model's. Compiled code that took those structs would be compiled again for each
model. So the kernels take the very same bytes as plain arrays, and read at run time where a
field begins: they are compiled once, for every model.

The block begins with a table, ``s.q[HELD]`` and so on: where the field begins, counted in
elements of the field's type, and the model's sizes. A byte of the state is then
``s.b[at[HELD]]`` with ``at = s.q``. What stands at the same place for every model, the
settings and the state's first int64 fields, has a constant of its own: ``s.q[POSITION]``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.packing import LINE, PLAN_WORDS, channels_in, placed, weights_in
from odl.core.kernels.tiers import Tier, tier

# --- the table: where a field begins; the state's fields in the order of `state_dtype` -------

TABLE = 120  # int64 words
(
    ASK_WINDOW, ASK_EXPIRES, ASK_BATCH, ASK_ORDER, ASK_SEGMENT,
    WEIGHTS, NEXT, FILL, RING_AT, RING_N, N_ROWS, N_HEADS, N_LOG, N_ASK, N_BATCH, N_WARM, N_FAR,
    N_SUM, N_RECENT, RECENT_AT, N_ITEMS, EPOCH, PLACE,
    WARM_SCORES, RECENT_SCORES, SUMS, TAPS,
    ASK_STATUS, ASK_CLASS, ASK_SAID, ASK_FEATURES, RING, ROW_CLASS, ROW_HEAD, ROW_ACTIVE, NEXT_ACTIVE,
    HEAD_PARENT, HEAD_FORMAT, TOUCHED, HELD, HELD_SAID, SAID, ASKED, LEARNED, REFITTING, ITEMS,
) = range(46)  # fmt: skip
LOG, OUT = 46, 47  # first byte
# The model image, in the order of `odl.core.kernels.net.Net`.
(
    PLAN, CONV_WEIGHTS, BIASES, MULTS, SHIFTS, SCALE_MULT, SCALE_SHIFT, SCALE_OFFSET,
    BASE, BASE_CLASS, BASE_HEAD, BASE_PARENT, BASE_FORMAT, STORED, OWNERS, LEARNING,
) = range(48, 64)  # fmt: skip
(
    FEATURES, POSITIONS, OUTPUTS, LAYERS, MAX_HEADS, MAX_ROWS, MAX_PENDING, MAX_LOG, LOG_BYTES, OUT_BYTES,
    OUT_SCORES, BASE_ROWS, BASE_HEADS, N_STORED, WINDOW, HOP,
) = range(64, 80)  # fmt: skip
# Where kernels work; nothing in it outlives a call.
(
    PRESENT, CENTRE, MEAN, ROWS, LOGITS, CHANCES, BEST, ADAPTED, BASED, INNER, SCORES, PATH, ORDER,
) = range(80, 93)  # fmt: skip
OUT_RECORDS = 93  # how many there is room for
OWN_WORDS = 94  # the memory without what `odl.core.kernels.packing` adds:
(
    COLUMNS, SCALE_NARROW, SCALE_HALVES, SCALE_MULTS, SCALE_SHIFTS, SCALE_OFFSETS, STEPS,
) = range(95, 102)  # fmt: skip
# What `odl.core.kernels.score.score` found last: two leaves, and the class that the image's own path ends at.
BASE_SAYS, MIX_SAYS, BASE_ENDS = 102, 103, 104
GATHERED = 105  # an output's inputs, one behind the other
# Where a refit works on one task: its weights as int16 and the biases, two items' features, its rows in use,
# and which of them is on each class's path.
NARROW, NARROW_BIASES, SPREAD, TASK_ROWS, PLACES = range(106, 111)
LATE = 111  # the address of `ADDRESSES`
COUNTED = 112  # what each row counts as
CHANGED = 113  # whether `odl.core.kernels.changes.count_changes` found a changed class
MOST_CHANNELS, MOST_ROWS, MOST_HEADS, MOST_FEATURES = 64, 64, 8, 192
BULK = 128  # output records beyond those of one window
# In this process: the address of what loads a late kernel, and of those that are loaded.
ADDRESSES = np.zeros(64, np.int64)

# --- at the same place for every model -----------------------------------------------------

# The settings, in the order of `odl.core.kernels.net.SETTINGS`.
(
    RULE, ALLOWED, BUDGET_PERIOD, IN_SAMPLES, HORIZON, BATCH_SIZE, PATIENCE, STEP, HOLD, CHANGE,
    EVERY, FLOOR,
) = range(TABLE, TABLE + 12)  # fmt: skip
STATE = TABLE + 12
(
    POSITION, PHASE, SEGMENT, SINCE, LAST, AGE, DOUBT, GENERATOR, PERIOD, ISSUED, ASKED_AT, POINTS,
    RV_U, RV_D, BATCH, ANSWERS, REFIT_GENERATOR, COUNTS,
) = range(STATE, STATE + 18)  # fmt: skip

# --- inside a log entry (`log_dtype`) and an output record (`out_dtype`) ----------------------

LOG_WINDOW, LOG_ORDER = 0, 1  # int64 words
LOG_KIND, LOG_CLASS, LOG_HEAD, LOG_BASE, LOG_MIXED, LOG_FEATURES = 16, 17, 18, 19, 20, 24  # bytes
OUT_AT, OUT_WINDOW, OUT_VALUE, OUT_EXPIRES = range(4)
OUT_KIND, OUT_CLASS, OUT_HEAD, OUT_WHY, OUT_HELD, OUT_N_PATH, OUT_N_SCORES, OUT_PATH = range(32, 40)


class Block:
    """All of a session's memory, as arrays of one type each that share it.

    Compiled code sees the ``address`` alone (`odl.core.kernels.flat`).
    """

    __slots__ = ("address", "b", "d", "h", "q", "u")

    def __init__(self, words: NDArray[np.int64]) -> None:
        self.q = words
        self.d = words.view(np.int32)
        self.h = words.view(np.int16)
        self.u = words.view(np.uint16)
        self.b = words.view(np.uint8)
        self.address = int(words.ctypes.data)


class Memory(NamedTuple):
    """A session's memory by name; ``block`` is the kernels' view of the same bytes.

    Keep it whole: its parts share memory, and copies of single parts would not.
    """

    state: NDArray[Any]  # (1,) of `odl.core.state.state_dtype`
    log: NDArray[Any]  # of `odl.core.state.log_dtype`
    settings: NDArray[Any]  # (1,) of `odl.core.kernels.net.SETTINGS`
    out: NDArray[Any]  # records of `odl.core.kernels.net.out_dtype`
    block: Block

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles hold the bytes once, and the parts as views of them.

        What depends on the processor is worked out anew.
        """
        start = self.block.q.ctypes.data
        parts = [(part.ctypes.data - start, len(part), part.dtype) for part in self[:4]]
        return memory_in, (self.block.q[: self.block.q[OWN_WORDS]].copy(), parts)


# What the extractor is made from: plan, weights, biases, multipliers, shifts, and the input's scaling.
_PARTS = (np.int64, np.int16, np.int32, np.int32, np.uint8, np.int32, np.uint8, np.int16)


@lru_cache(maxsize=4)
def _placed(
    of: Tier, first: int, positions: int, plan: bytes, *parts: bytes
) -> tuple[list[int], NDArray[np.uint8]]:
    """As `odl.core.kernels.packing.placed`, kept for the next sessions of the same models."""
    kinds = zip((plan, *parts), _PARTS, strict=True)
    arrays: Any = [np.frombuffer(data, kind) for data, kind in kinds]
    given: Any = (of, first, arrays[0].reshape(-1, PLAN_WORDS), *arrays[1:], positions)
    return placed(*given)


def _with_extractor(own: NDArray[np.int64]) -> NDArray[np.int64]:
    """A copy of ``own``, and behind it what the extractor needs on this processor."""
    raw = own.view(np.uint8)

    def part(field: int, kind: type[np.generic], size: int) -> NDArray[Any]:
        first = int(own[field]) * np.dtype(kind).itemsize
        return raw[first : first + size * np.dtype(kind).itemsize].view(kind)

    plan = part(PLAN, np.int64, PLAN_WORDS * int(own[LAYERS])).reshape(-1, PLAN_WORDS)
    inputs, outputs = int(plan[:1, 0].sum()), channels_in(plan)
    parts = (
        plan, part(CONV_WEIGHTS, np.int16, weights_in(plan)),
        part(BIASES, np.int32, outputs), part(MULTS, np.int32, outputs), part(SHIFTS, np.uint8, outputs),
        part(SCALE_MULT, np.int32, inputs), part(SCALE_SHIFT, np.uint8, inputs),
        part(SCALE_OFFSET, np.int16, inputs),
    )  # fmt: skip
    where, data = _placed(tier(), 8 * len(own), int(own[POSITIONS]), *(array.tobytes() for array in parts))
    room = np.zeros(len(own) + (len(data) + LINE) // 8, np.int64)
    first = -room.ctypes.data % LINE // 8  # vectors that cross a cache line are slow
    words = room[first : first + len(own) + len(data) // 8]
    words[: len(own)] = own
    words[len(own) :] = data.view(np.int64)
    *words[COLUMNS : STEPS + 1], words[GATHERED] = where
    return words


def memory_in(words: NDArray[np.int64], parts: list[tuple[int, int, np.dtype[Any]]]) -> Memory:
    """The memory that begins with ``words``: state, log, settings and out as (first byte, length, dtype)."""
    words = _with_extractor(words)
    words[LATE] = ADDRESSES.ctypes.data
    raw = words.view(np.uint8)
    state, log, settings, out = (
        raw[first : first + n * kind.itemsize].view(kind) for first, n, kind in parts
    )
    return Memory(
        state,
        log,
        settings,
        out,
        Block(words),
    )


def new_memory(
    image: list[NDArray[Any]], sizes: tuple[int, int],
    state: np.dtype[Any], log: np.dtype[Any], max_log: int, settings: np.dtype[Any], out: np.dtype[Any],
) -> Memory:  # fmt: skip
    """Memory for a model, all zero apart from the table and the model image.

    Parameters
    ----------
    image : list of array
        The first fields of `odl.core.kernels.net.Net`, in its order.
    sizes : (int, int)
        Window and hop.
    state, log, settings, out : dtype
        The layout of each part; ``max_log`` entries of the log.
    """
    assert state.fields is not None and out.fields is not None and settings.itemsize == 96
    pending = state.fields["ask_window"][0].shape[0]
    n_out = BULK + 4 + 2 * pending
    begins, at = [], 8 * STATE
    shape = {name: state.fields[name][0].shape for name in state.fields}
    (features,), most_rows = shape["sums"], MOST_ROWS
    stored = len(image[OWNERS - PLAN])
    # Element size and number, in the order of `PRESENT` and so on.
    work = [
        (1, features), (1, features), (1, features),
        (4, most_rows), (8, most_rows), (8, most_rows), (1, MOST_HEADS), (8, most_rows), (8, most_rows),
        (1, most_rows), (2, most_rows), (1, MOST_HEADS), (4, max_log),
        (2, most_rows * MOST_FEATURES), (4, most_rows), (2, 2 * MOST_FEATURES), (4, most_rows), (1, 256),
        (1, most_rows),
    ]  # fmt: skip
    image_sizes, work_sizes = [a.nbytes for a in image], [size * n for size, n in work]
    for size in (state.itemsize, max_log * log.itemsize, n_out * out.itemsize, *image_sizes, *work_sizes):
        begins.append(at)
        at = -(-(at + size) // LINE) * LINE
    words = np.zeros(at // 8, np.int64)
    raw = words.view(np.uint8)
    first, first_log, first_out = begins[:3]
    first_image, first_work = begins[3 : 3 + len(image)], begins[3 + len(image) :]
    for array, begin in zip(image, first_image, strict=True):
        raw[begin : begin + array.nbytes] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)

    fields = list(state.fields.values())[COUNTS - STATE + 1 :]
    words[ASK_WINDOW : LOG + 2] = [
        *((first + offset) // kind.base.itemsize for kind, offset, *_ in fields), first_log, first_out,
    ]  # fmt: skip
    pairs = zip(image, first_image, strict=True)
    words[PLAN:FEATURES] = [begin // array.itemsize for array, begin in pairs]
    words[FEATURES : HOP + 1] = [
        features, *shape["ring"], shape["fill"][0],
        shape["head_parent"][0], shape["row_class"][0],
        pending, max_log, log.itemsize, out.itemsize, out.fields["scores"][1] // 2,
        len(image[BASE - PLAN]), len(image[BASE_PARENT - PLAN]), stored, *sizes,
    ]  # fmt: skip
    *places, words[COUNTED] = (begin // size for (size, _), begin in zip(work, first_work, strict=True))
    n_first = ORDER + 1 - PRESENT
    words[PRESENT : ORDER + 1], words[NARROW : PLACES + 1] = places[:n_first], places[n_first:]
    words[OUT_RECORDS], words[OWN_WORDS] = n_out, len(words)
    parts = [(first, 1, state), (first_log, max_log, log), (8 * TABLE, 1, settings), (first_out, n_out, out)]
    return memory_in(words, parts)
