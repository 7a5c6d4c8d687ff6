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

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# --- the table: where a field begins; the state's fields in the order of `state_dtype` -------

TABLE = 80  # int64 words
(
    ASK_WINDOW, ASK_EXPIRES, ASK_BATCH, ASK_ORDER, ASK_SEGMENT,
    WEIGHTS, FILL, RING_AT, RING_N, N_ROWS, N_HEADS, N_LOG, N_ASK, N_BATCH, N_WARM, N_FAR,
    WARM_SCORES, TAPS,
    ASK_STATUS, ASK_CLASS, ASK_FEATURES, RING, PREVIOUS, ROW_CLASS, ROW_HEAD, ROW_ACTIVE,
    HEAD_PARENT, HEAD_FORMAT, HELD, HAS_PREVIOUS,
) = range(30)  # fmt: skip
LOG, OUT = 30, 31  # first byte
# The model image, in the order of `odl.core.kernels.net.Net`.
(
    PLAN, CONV_WEIGHTS, BIASES, MULTS, SHIFTS, SCALE_MULT, SCALE_SHIFT, SCALE_OFFSET,
    BASE, BASE_CLASS, BASE_HEAD, BASE_PARENT, BASE_FORMAT, STORED, OWNERS, LEARNING,
) = range(32, 48)  # fmt: skip
(
    FEATURES, POSITIONS, OUTPUTS, LAYERS, MAX_HEADS, MAX_ROWS, MAX_PENDING, MAX_LOG, LOG_BYTES, OUT_BYTES,
    OUT_SCORES, BASE_ROWS, BASE_HEADS, N_STORED, WINDOW, HOP,
) = range(48, 64)  # fmt: skip

# --- at the same place for every model -----------------------------------------------------

# The settings, in the order of `odl.core.kernels.net.SETTINGS`.
(
    RULE, ALLOWED, BUDGET_PERIOD, IN_SAMPLES, HORIZON, BATCH_SIZE, PATIENCE, STEP, HOLD, CHANGE,
) = range(TABLE, TABLE + 10)  # fmt: skip
STATE = TABLE + 10
(
    POSITION, PHASE, SEGMENT, GENERATOR, PERIOD, ISSUED, RV_U, RV_D, BATCH, ANSWERS, COUNTS,
) = range(STATE, STATE + 11)  # fmt: skip

# --- inside a log entry (`log_dtype`) and an output record (`out_dtype`) ----------------------

LOG_WINDOW, LOG_ORDER = 0, 1  # int64 words
LOG_KIND, LOG_CLASS, LOG_HEAD, LOG_FEATURES = 16, 17, 18, 24  # bytes
OUT_AT, OUT_WINDOW, OUT_VALUE, OUT_EXPIRES = range(4)
OUT_KIND, OUT_CLASS, OUT_HEAD, OUT_WHY, OUT_HELD, OUT_N_PATH, OUT_N_SCORES, OUT_PATH = range(32, 40)


class Block(NamedTuple):
    """All of a session's memory, as arrays of one type each that share it."""

    q: NDArray[np.int64]
    d: NDArray[np.int32]
    h: NDArray[np.int16]
    u: NDArray[np.uint16]
    b: NDArray[np.uint8]


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
        """Copies and pickles hold the bytes once, and the parts as views of them."""
        start = self.block.q.ctypes.data
        parts = [(part.ctypes.data - start, len(part), part.dtype) for part in self[:4]]
        return memory_in, (self.block.q.copy(), parts)


def memory_in(words: NDArray[np.int64], parts: list[tuple[int, int, np.dtype[Any]]]) -> Memory:
    """The memory that lies in ``words``: state, log, settings and out as (first byte, length, dtype)."""
    raw = words.view(np.uint8)
    state, log, settings, out = (
        raw[first : first + n * kind.itemsize].view(kind) for first, n, kind in parts
    )
    return Memory(
        state,
        log,
        settings,
        out,
        Block(words, words.view(np.int32), words.view(np.int16), words.view(np.uint16), raw),
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
    assert state.fields is not None and out.fields is not None and settings.itemsize == 80
    pending = state.fields["ask_window"][0].shape[0]
    n_out = 4 + 2 * pending
    begins, at = [], 8 * STATE
    for size in (state.itemsize, max_log * log.itemsize, n_out * out.itemsize, *(a.nbytes for a in image)):
        begins.append(at)
        at += -(-size // 8) * 8
    words = np.zeros(at // 8, np.int64)
    raw = words.view(np.uint8)
    first, first_log, first_out, *first_image = begins
    for array, begin in zip(image, first_image, strict=True):
        raw[begin : begin + array.nbytes] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)

    fields = list(state.fields.values())[COUNTS - STATE + 1 :]
    words[ASK_WINDOW : LOG + 2] = [
        *((first + offset) // kind.base.itemsize for kind, offset, *_ in fields), first_log, first_out,
    ]  # fmt: skip
    pairs = zip(image, first_image, strict=True)
    words[PLAN:FEATURES] = [begin // array.itemsize for array, begin in pairs]
    shape = {name: state.fields[name][0].shape for name in state.fields}
    words[FEATURES : HOP + 1] = [
        shape["previous"][0], *shape["ring"], shape["fill"][0],
        shape["head_parent"][0], shape["row_class"][0],
        pending, max_log, log.itemsize, out.itemsize, out.fields["scores"][1] // 2,
        len(image[BASE - PLAN]), len(image[BASE_PARENT - PLAN]), len(image[OWNERS - PLAN]), *sizes,
    ]  # fmt: skip
    parts = [(first, 1, state), (first_log, max_log, log), (8 * TABLE, 1, settings), (first_out, n_out, out)]
    return memory_in(words, parts)
