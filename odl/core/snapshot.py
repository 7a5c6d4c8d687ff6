"""Validate a session's state from untrusted bytes, such as a board's, and read parts of it.

Kernels, like the C core, use numbers of the state block as array indices without checks.
So every number is first checked against the image, and the heads against the label log.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.errors import OdlError
from odl.core.events import NO_CLASS, valid_name
from odl.core.image import Image
from odl.core.image_layout import REACHING
from odl.core.state import RECENT, WARM, Asked, Count, Entry, log_dtype, state_dtype_of

_FAR = 2**62  # above every index and counter
# Counters that change only with a command or a learned label.
_TAUGHT = [
    Count.ANSWERED, Count.SKIPPED, Count.LATE, Count.REPEATED, Count.UNKNOWN, Count.NO_SUCH_CLASS,
    Count.FULL, Count.NOTHING_TO_UNDO, Count.UNDONE, Count.REFITS, Count.TAUGHT, Count.GAVE_WAY,
]  # fmt: skip


class StateError(OdlError, ValueError):
    """Bytes are not a valid state of the image; the message says why."""


def state_of(image: Image, data: bytes) -> tuple[NDArray[Any], NDArray[Any]]:
    """State block (1,) and label log (max_log,) from a session's snapshot, checked.

    Parameters
    ----------
    data : bytes
        State block followed by the log; untrusted.

    Raises
    ------
    StateError
        If a value is invalid; the message names the field and the value.

    Examples
    --------
    >>> from odl.data import model_bytes
    >>> from odl.core.arrays import memory_of, net_of
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> state, log, *_ = memory_of(image, net_of(image))
    >>> state_of(image, state.tobytes() + log.tobytes())[0] == state
    array([ True])
    >>> state["ring_at"] = 100
    >>> state_of(image, state.tobytes() + log.tobytes())
    Traceback (most recent call last):
    odl.core.snapshot.StateError: not a state of this model: ring_at is 100; it can be 0 to 26
    """
    layout, entry = state_dtype_of(image), log_dtype(image.features)
    size = layout.itemsize + image.max_log * entry.itemsize
    if len(data) != size:
        raise StateError(f"a snapshot of {len(data)} bytes; this model's has {size}")
    state = np.frombuffer(data, layout, 1).copy()
    log = np.frombuffer(data, entry, image.max_log, offset=layout.itemsize).copy()
    _check_numbers(image, state[0])
    _check_tree(image, state[0], log)
    _check_labels(state[0], log)
    _check_questions(state[0])
    return state, log


def without_learning(image: Image, data: bytes) -> bytes:
    """The state at the same position of a session that never asked or learned; ``data`` is trusted."""
    layout, entry = state_dtype_of(image), log_dtype(image.features)
    state = np.zeros(1, layout)
    state[:] = np.frombuffer(data, layout, 1)
    s = state[0]
    rows, heads = len(image.row_class), len(image.parents)
    for name in ("weights", "next", "row_active", "next_active", "head_format", "touched", "learned",
                 "refitting", "refit_generator", "n_items", "epoch", "place", "items", "n_log", "n_ask",
                 "n_batch", "n_warm", "n_far", "n_recent", "recent_at", "points", "asked", "asked_at",
                 "issued", "answers", "period", "batch", "counts"):  # fmt: skip
        s[name] = 0
    for name in ("row_class", "row_head", "head_parent", "held", "held_said", "said"):
        s[name] = NO_CLASS
    s["n_rows"], s["n_heads"] = rows, heads
    s["weights"][:rows], s["row_active"][:rows] = image.base, 1
    s["row_class"][:rows], s["row_head"][:rows] = image.row_class, image.row_head
    s["head_parent"][:heads], s["head_format"][:heads] = image.parents, image.formats
    return state.tobytes() + bytes(image.max_log * entry.itemsize)


def without_weights(image: Image, snapshot: bytes) -> bytes:
    """The state block of a snapshot without its weights, the area `BRIEF` of a board.

    >>> from odl.data import model_bytes
    >>> from odl.core.arrays import memory_of, net_of
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> whole = b"".join(part.tobytes() for part in memory_of(image, net_of(image))[:2])
    >>> brief = without_weights(image, whole)
    >>> len(whole) // 1000, len(brief) // 1000, with_weights(image, whole, brief) == whole
    (64, 5, True)
    """
    first, last = weights_at(image)
    return snapshot[:first] + snapshot[last : state_dtype_of(image).itemsize]


def with_weights(image: Image, own: bytes, brief: bytes) -> bytes | None:
    """Complete ``brief``, of `without_weights`, with the weights and the log of ``own``.

    Returns None if ``brief`` has another size, or shows that it has learned something else, or is at
    another place of a refit.
    """
    layout = state_dtype_of(image)
    first, last = weights_at(image)
    if len(brief) != layout.itemsize - (last - first):
        return None
    whole = brief[:first] + own[first:last] + brief[first:] + own[layout.itemsize :]
    here, there = (np.frombuffer(data, layout, 1)[0] for data in (own, whole))
    numbers = ("n_log", "n_rows", "n_heads", "answers", "learned", "refitting", "epoch", "place", "n_items")
    same = all(here[name] == there[name] for name in numbers)
    return whole if same and np.array_equal(here["counts"][_TAUGHT], there["counts"][_TAUGHT]) else None


def entries_of(image: Image, data: bytes) -> int:
    """Number of used log entries; ``data`` is a state block, one without weights, or a snapshot."""
    layout = state_dtype_of(image)
    assert layout.fields is not None
    first, last = weights_at(image)
    brief = len(data) == layout.itemsize - (last - first)
    at = layout.fields["n_log"][1] - (last - first if brief else 0)
    return min(max(0, int.from_bytes(data[at : at + 4], "little", signed=True)), image.max_log)


def with_unused_log(image: Image, data: bytes) -> bytes | None:
    """Pad ``data``, a state block and the used log entries, to a snapshot; None if entries are missing.

    >>> from odl.data import model_bytes
    >>> from odl.core.arrays import memory_of, net_of
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> state, log, *_ = memory_of(image, net_of(image))
    >>> with_unused_log(image, state.tobytes()) == state.tobytes() + log.tobytes()
    True
    """
    size, entry = state_dtype_of(image).itemsize, log_dtype(image.features).itemsize
    rest = image.max_log * entry - (len(data) - size)
    if len(data) < size or (len(data) - size) // entry < entries_of(image, data):
        return None
    return data + bytes(max(0, rest))


def position_of(image: Image, snapshot: bytes) -> int:
    """The position of a snapshot, in samples."""
    return int(np.frombuffer(snapshot, state_dtype_of(image), 1)["position"][0])


def labels_of(image: Image, snapshot: bytes) -> set[tuple[int, int]]:
    """The labels in a snapshot's log, as (window, class)."""
    layout, entry = state_dtype_of(image), log_dtype(image.features)
    used = int(np.frombuffer(snapshot, layout, 1)["n_log"][0])
    log = np.frombuffer(snapshot, entry, image.max_log, offset=layout.itemsize)[:used]
    return {(int(e["window"]), int(e["cls"])) for e in log if e["kind"] == Entry.LABEL}


def removals_of(image: Image, snapshot: bytes) -> int:
    """How many labels have left the log of a snapshot: taken back, or to make room for newer ones."""
    counts = np.frombuffer(snapshot, state_dtype_of(image), 1)["counts"][0]
    return int(counts[Count.UNDONE] + counts[Count.GAVE_WAY])


def state_sizes(image: Image) -> tuple[int, int, int]:
    """Sizes in bytes: the state block, the state block without weights, a log entry."""
    first, last = weights_at(image)
    size = state_dtype_of(image).itemsize
    return size, size - (last - first), log_dtype(image.features).itemsize


def weights_at(image: Image) -> tuple[int, int]:
    """First byte of the weights within the state block, a refit's included, and the byte behind them."""
    layout = state_dtype_of(image)
    assert layout.fields is not None
    kind, last = layout.fields["next"][:2]
    return layout.fields["weights"][1], last + kind.itemsize


def _need(good: bool, what: str) -> None:
    if not good:
        raise StateError(f"not a state of this model: {what}")


def _within(name: str, values: Any, low: int, high: int) -> None:
    """Require that each of ``values`` is in [low, high]."""
    flat = np.atleast_1d(values).ravel()
    bad = flat[(flat < low) | (flat > high)]
    _need(bad.size == 0, f"{name} is {bad[0] if bad.size else 0}; it can be {low} to {high}")


def _check_numbers(image: Image, s: Any) -> None:
    # Behind a layer that takes whole windows nothing waits, nor where two branches of a stream meet.
    kernels = [
        1 if (image.windowed and i) or layer.op in REACHING else layer.kernel
        for i, layer in enumerate(image.layers)
    ]
    limits = {
        "position": _FAR, "segment": _FAR, "period": _FAR, "issued": 2**31, "rv_u": 2**31, "rv_d": 2**31,
        "batch": _FAR, "answers": _FAR, "counts": _FAR, "phase": int(s["position"]),
        "ring_at": image.positions - 1, "ring_n": image.positions, "n_log": image.max_log,
        "n_ask": image.max_pending, "n_batch": 255, "n_warm": WARM, "n_far": 1, "warm": 2**15,
        "since": int(s["position"]), "last": int(s["position"]), "age": _FAR // 2**16, "points": 2**31,
        "asked_at": int(s["position"]), "n_recent": RECENT, "recent_at": RECENT - 1, "n_sum": 256,
        "n_items": image.max_items, "next_active": 1, "touched": 1, "asked": 1, "learned": 1, "refitting": 2,
    }  # fmt: skip
    for name, most in limits.items():
        _within(name, s[name], 0, most)
    _need(s["generator"] != 0, "generator is 0; it can be 1 to 2**64 - 1")
    for layer, kernel in enumerate(kernels):
        _within(f"fill of layer {layer}", s["fill"][layer], 0, kernel - 1)
    first = image.layers[0].taps
    _within("an input of the first layer", s["taps"][:first], -128, 127)
    _within("an input of a layer", s["taps"][first:], 0, 255)
    for name in ("weights", "next"):
        _within("a weight", s[name], -(2**30), 2**30)
    age, windows = int(s["age"]), int(s["n_sum"])
    _need(windows == min(age, 256), f"n_sum is {windows} in a segment of {age} windows")
    if age > 0:
        _within("sums", s["sums"], 0, 255 * windows)
        _within("doubt", s["doubt"], 0, age << 15)
    _check_refit(image, s)


def _check_refit(image: Image, s: Any) -> None:
    """Require that a refit that goes on has items that are there."""
    if int(s["refitting"]) == 0:
        return
    n, used = int(s["n_items"]), int(s["n_log"])
    _need(s["refit_generator"] != 0, "refit_generator is 0; it can be 1 to 2**64 - 1")
    _within("n_items", n, 1, image.max_items)
    _within("place", s["place"], 0, n - 1)
    _within("epoch", s["epoch"], 0, 2**16)
    items = s["items"][:n]
    stored = (items >= image.max_log) & (items < image.max_log + len(image.owners))
    bad = items[~(stored | (items < used))]
    _need(bad.size == 0, f"a refit learns from item {bad[0] if bad.size else 0}, which does not exist")


def _check_tree(image: Image, s: Any, log: NDArray[Any]) -> None:
    """Require the rows and tasks of the image, followed by those that the log adds."""
    classes, homes = image.row_class.tolist(), image.row_head.tolist()
    parents, formats = image.parents.tolist(), image.formats.tolist()
    for i, entry in enumerate(log[: int(s["n_log"])]):
        kind, cls, head = int(entry["kind"]), int(entry["cls"]), int(entry["head"])
        if kind == Entry.CLASS:
            fits = cls != NO_CLASS and cls not in classes and head < len(parents)
            _need(fits and len(classes) < image.max_rows, f"log entry {i} cannot add class {cls}")
            _need(_named(entry), f"log entry {i} gives class {cls} no name")
            classes.append(cls)
            homes.append(head)
        elif kind == Entry.SPLIT:
            fits = cls in classes and cls not in parents and head == len(parents)
            _need(fits and len(parents) < image.max_heads, f"log entry {i} cannot split class {cls}")
            formats.append(formats[homes[classes.index(cls)]])
            parents.append(cls)
        elif kind == Entry.CHANGE:
            task = homes[classes.index(cls)] if cls in classes else None
            fits = head == NO_CLASS or (head in classes and homes[classes.index(head)] == task)
            _need(task is not None and fits, f"log entry {i} cannot change class {cls}")
            _need(_named(entry), f"log entry {i} gives class {cls} no name")
        else:
            _within(f"the kind of log entry {i}", kind, Entry.LABEL, Entry.LABEL)
    for name, count, wanted in (
        ("row_class", "n_rows", classes), ("row_head", "n_rows", homes),
        ("head_parent", "n_heads", parents), ("head_format", "n_heads", formats),
    ):  # fmt: skip
        there = s[name][: int(s[count])].tolist() if 0 <= s[count] <= len(s[name]) else None
        _need(there == wanted, f"{name} is not what image and label log give")
    _within("row_active", s["row_active"][: len(classes)], 0, 1)
    for name in ("held", "held_said", "said"):
        _need(int(s[name]) in (*classes, NO_CLASS), f"{name} is class {s[name]}, which does not exist")


def _named(entry: Any) -> bool:
    try:
        name = entry["features"].tobytes().rstrip(b"\0").decode()
    except UnicodeDecodeError:
        return False
    return valid_name(name)


def _check_labels(s: Any, log: NDArray[Any]) -> None:
    classes = s["row_class"][: int(s["n_rows"])].tolist()
    used = log[: int(s["n_log"])]
    _within("the window of a log entry", used["window"], -1, int(s["position"]))  # -1: an earlier session
    _within("the order of a log entry", used["order"], 0, int(s["answers"]))
    for i, entry in enumerate(used):
        if entry["kind"] == Entry.LABEL:
            cls = int(entry["cls"])
            _need(cls in classes, f"log entry {i} is of class {cls}, which does not exist")
            row = classes.index(cls)
            _need(entry["head"] == s["row_head"][row], f"log entry {i} is of another task than its class")
            for name in ("base", "mixed"):
                said = int(entry[name])
                _need(said in (*classes, NO_CLASS), f"{name} of log entry {i} is {said}, which is no class")


def _check_questions(s: Any) -> None:
    n = int(s["n_ask"])
    classes = s["row_class"][: int(s["n_rows"])].tolist()
    _within("a question's window", s["ask_window"][:n], 0, int(s["position"]))
    _need(bool(np.all(np.diff(s["ask_window"][:n]) > 0)), "its questions are not in window order")
    _within("the end of a question", s["ask_expires"][:n], 0, _FAR + 2**40)  # the most patience
    _within("a question's batch", s["ask_batch"][:n], 0, int(s["batch"]))
    _within("the order of an answer", s["ask_order"][:n], 0, int(s["answers"]))
    _within("a question's segment", s["ask_segment"][:n], 0, int(s["segment"]))
    for said in s["ask_said"][:n].tolist():
        _need(said in (*classes, NO_CLASS), f"a question was about class {said}, which does not exist")
    _within("a question's status", s["ask_status"][:n], Asked.OPEN, Asked.EXPIRED)
    for status, cls in zip(s["ask_status"][:n].tolist(), s["ask_class"][:n].tolist(), strict=True):
        fine = cls in classes if status == Asked.ANSWERED else cls == NO_CLASS
        _need(fine, f"a question was answered with class {cls}, which does not exist")
