"""Recordings of format 1, which odl 0.1 wrote, read as recordings of this version.

Three things differ. A `Query` has no ``since``: its window counts as all that it is about. The settings
have no ``every`` and ``floor``: both are 0. The model image, and the states that a session took over from
a board, are of version 1. Everything else is read as it is written. What the session's learner was, no
recording can say: a session that runs anew has the learner of this version.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any, Final

import numpy as np

from odl.core.events import NO_CLASS, Adopt, Query
from odl.core.image import Image
from odl.core.image_layout import ImageError
from odl.core.state import Entry, log_dtype, state_dtype_of
from odl.wire import CodecError, Message, Problem, Start, decode
from odl.wire.messages import FORMAT

LEARNER: Final = "odl 0.1 recorded it with another learner"

_QUERY: Final = struct.Struct("<BQHQ")  # type number, window, utility, expires
_STATE: Final = (
    "position", "phase", "segment", "generator", "period", "issued", "rv_u", "rv_d", "batch", "answers",
    "counts", "ask_window", "ask_expires", "ask_batch", "ask_order", "ask_segment", "weights", "fill",
    "ring_at", "ring_n", "n_rows", "n_heads", "n_log", "n_ask", "n_batch", "n_warm", "n_far", "warm", "taps",
    "ask_status", "ask_class", "ask_features", "ring", "previous", "row_class", "row_head", "row_active",
    "head_parent", "head_format", "held", "has_previous",
)  # fmt: skip
_COUNTS: Final = 16
_UNDONE: Final = 0  # kind of a log entry whose answer was taken back


def is_converted(start: Start) -> bool:
    """True if what ``start`` begins was recorded in format 1.

    >>> is_converted(converted(Start({"format": [1, 0]}, b""))), is_converted(Start({"format": [2, 0]}, b""))
    (True, False)
    """
    return "converted" in start.config


def converted(start: Start) -> Start:
    """A Start of format 1 in the form of this version; ``converted`` keeps the format it was written in.

    >>> converted(Start({"format": [1, 0], "config": {"seed": 3}}, b"")).config
    {'format': [2, 0], 'config': {'every': 0, 'floor': 0, 'seed': 3}, 'converted': [1, 0]}
    """
    config = start.config | {"format": list(FORMAT), "converted": start.config["format"]}
    if isinstance(config.get("config"), dict):
        config["config"] = {"every": 0, "floor": 0} | config["config"]
    try:
        image = Image.from_bytes(start.image).to_bytes() if start.image else b""
    except ImageError:
        image = start.image  # whoever needs it says what is wrong with it
    return Start(config, image)


def message_of(data: bytes, start: Start) -> Message:
    """The message of format 1 whose canonical bytes are ``data``; ``start`` is the converted Start.

    Raises
    ------
    CodecError
        As `odl.wire.decode`.
    """
    if len(data) == _QUERY.size and data[0] == 33:
        _, window, utility, expires = _QUERY.unpack(data)
        return Query(window, utility, expires, since=window)
    message = decode(data)
    if isinstance(message, Query):
        raise CodecError(Problem.LENGTH, f"Query of {len(data)} bytes", data)
    return replace(message, state=_state(message.state, start)) if isinstance(message, Adopt) else message


def _state(data: bytes, start: Start) -> bytes:
    """A board's state of version 1 as a snapshot of this version.

    The stream goes on in a new segment, nothing is held, and answers that were taken back leave the log.
    """
    try:
        image = Image.from_bytes(start.image)
    except ImageError:
        raise CodecError(Problem.RANGE, "a board's state without a model image") from None
    layout, entry = _layout(image), log_dtype(image.features)  # entries lie as they did
    entries, rest = divmod(len(data) - layout.itemsize, entry.itemsize)
    if rest or not 0 <= entries <= image.max_log:
        raise CodecError(Problem.LENGTH, f"a board's state of {len(data)} bytes")
    old = np.frombuffer(data, layout, 1)
    used = np.frombuffer(data, entry, entries, layout.itemsize)[: max(0, int(old["n_log"][0]))]
    used = used[used["kind"] != _UNDONE]
    log = np.zeros(image.max_log, entry)
    log[: len(used)] = used
    labels = log["kind"] == Entry.LABEL
    for name in ("base", "mixed"):  # nobody knows what was said of it, so it speaks for no class
        log[name][labels] = NO_CLASS
    state = np.zeros(1, state_dtype_of(image))
    for name in set(_STATE) & set(state.dtype.names or ()):
        state[name][..., : _COUNTS if name == "counts" else None] = old[name]
    for name in ("held", "held_said", "said", "ask_said"):
        state[name] = NO_CLASS
    state["segment"] += 1
    state["n_log"], state["learned"] = len(used), labels.any()
    return state.tobytes() + log.tobytes()


def _layout(image: Image) -> np.dtype[Any]:
    """The state block of version 1; fields that this version has, too, are of the same type."""
    now = state_dtype_of(image).fields
    assert now is not None
    own: dict[str, Any] = {
        "counts": ("<i8", (_COUNTS,)),
        "previous": ("u1", (image.features,)),
        "has_previous": "u1",
    }
    return np.dtype([(name, own[name] if name in own else now[name][0]) for name in _STATE], align=True)
