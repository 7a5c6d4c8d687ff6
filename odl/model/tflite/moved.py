"""Operators that compute nothing: another shape, another order, positions more or less."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from odl.core.image_layout import Op
from odl.core.layer import MOST_KERNEL, MOST_OUTPUTS, Layer
from odl.model.tflite.flat_tables import TfliteError
from odl.model.tflite.layout import Layout
from odl.model.tflite.network import Operator

VIEWS = ("RESHAPE", "EXPAND_DIMS", "SQUEEZE")
MOVES = (*VIEWS, "TRANSPOSE")
CROPS = ("SLICE", "STRIDED_SLICE")
SWISH = "LOGISTIC and MUL"  # see `odl.model.tflite.swish`
# Of a value, and maybe a constant.
EACH = ("MUL", "ADD", "SUB", "RELU", "RELU6", "LEAKY_RELU", "PRELU", "QUANTIZE", "LOGISTIC", "TANH",
        "HARD_SWISH", "GELU", SWISH)  # fmt: skip
_ANY_AXES = (*EACH, "FULLY_CONNECTED")  # each looks at its constant, or its weights
_ALONG_TIME = (*CROPS, "PAD", "MEAN", "REDUCE_MAX")


def permutation(operator: Operator) -> list[int]:
    """The axes of a TRANSPOSE in their new order."""
    axes = [int(a) for a in operator.tensor(1).values("int32").reshape(-1)[:9]]
    if sorted(axes) != list(range(len(operator.tensor(0).shape))):
        raise TfliteError(f"{operator.place} has the axes {axes}")
    return axes


def moved(operator: Operator, now: Layout) -> Layout:
    """The layout behind one of `VIEWS` or a TRANSPOSE."""
    shape, given = operator.output.shape, operator.tensor(0).shape
    if operator.name != "TRANSPOSE":
        return now.reshaped(shape, operator.place)
    axes = permutation(operator)
    if shape != (made := tuple(given[a] for a in axes)):
        raise TfliteError(f"{operator.place} has the shape {shape}, not {made}")
    return now.transposed(given, axes, operator.place)


def check_axes(operator: Operator, now: Layout) -> None:
    """Raise `TfliteError` if a kernel, a reduction or a crop would take something else for time."""
    shape = operator.tensor(0).shape
    if now.axis == 0 or now.time == 1 or operator.name in _ANY_AXES:
        return
    if len(shape) < 3:
        raise TfliteError(f"{operator.place} takes each position of {shape} as a window of its own")
    if operator.name in _ALONG_TIME:
        return
    if now.axis == len(shape) - 1 or shape[-1] != now.channels:
        raise TfliteError(f"{operator.place} takes time, the last axis of {shape}, for channels")


def padded(operator: Operator, now: Layout, pending: tuple[int, int]) -> tuple[Layout, tuple[int, int]]:
    """Padding over time, which the layer that follows has to bring."""
    pads = operator.tensor(1).values("int32")
    wanted = pads.shape == (len(operator.tensor(0).shape), 2) and now.axis != 0
    others = [i for i in range(len(pads)) if i != now.axis]
    if not wanted or np.any(pads[others] != 0) or not 0 <= pads.min() <= pads.max() < 4096:
        raise TfliteError(f"{operator.place} pads other axes than time")
    left, right = pads[now.axis].tolist()
    if operator.output.scale != now.scale or operator.output.zero != now.zero:
        raise TfliteError(f"{operator.place} changes the scale")
    return now, (pending[0] + left, pending[1] + right)


def cropped(operator: Operator, now: Layout) -> tuple[Layer, Layout]:
    """Positions left out at both ends, or between those that stay: SLICE and STRIDED_SLICE."""
    shape = operator.tensor(0).shape
    begin, other = (operator.tensor(n).values("int32").reshape(-1)[:8].tolist() for n in (1, 2))
    if len(begin) != len(shape) or len(other) != len(shape) or now.axis == 0:
        raise TfliteError(f"{operator.place} is over other axes than those of {shape}, or of a flat tensor")
    if operator.name == "SLICE":
        ends = [n if size == -1 else b + size for n, b, size in zip(shape, begin, other, strict=True)]
        parts = [range(n)[b:e] for n, b, e in zip(shape, begin, ends, strict=True)]
    else:
        steps = operator.tensor(3).values("int32").reshape(-1)[:8].tolist()
        added = operator.options["ellipsis"] or operator.options["new"]
        if len(steps) != len(shape) or min(steps) < 1 or added:
            raise TfliteError(f"{operator.place} adds axes, or goes backwards")
        parts = []
        for i, (n, b, e, s) in enumerate(zip(shape, begin, other, steps, strict=True)):
            first, last, single = (operator.options[name] >> i & 1 for name in ("begin", "end", "shrink"))
            b = 0 if first else b
            parts.append(range(n)[b : b + 1 or None] if single else range(n)[b : None if last else e : s])
    part, out = parts[now.axis] if now.time > 1 else range(1), operator.output
    gone = operator.options.get("shrink", 0)
    left = tuple(len(one) for i, one in enumerate(parts) if not gone >> i & 1)
    if not all(parts) or gone & 1 or out.shape != left or (out.scale, out.zero) != (now.scale, now.zero):
        raise TfliteError(f"{operator.place} has the shape {out.shape}, or another scale")
    time = now.axis if now.time > 1 else 0
    layer, after = picked(now, part, operator.place)
    if any(parts[a] != range(n) for a, n in enumerate(shape) if a not in (0, time)):
        if len(part) < now.time:
            raise TfliteError(
                f"{operator.place} takes a part of time and of the values of a position; one of them can be"
            )
        layer, after = _some_values(now, shape, parts, time)
    if gone == 0:
        return layer, after.resized(shape=left)
    if len(part) == 1:
        return layer, replace(after, axis=1, wide=1, channels=after.width)
    after = replace(after, axis=time - sum(gone >> a & 1 for a in range(time))).resized(left)
    return layer, after if len(left) > 2 else replace(after, axis=0)


def _some_values(now: Layout, shape: tuple[int, ...], parts: list[range], time: int) -> tuple[Layer, Layout]:
    """A layer that hands on some of the values of each position: twice each, halved."""
    beside = [a for a in range(1, len(shape)) if a != time]
    values = np.arange(now.width).reshape([shape[a] for a in beside])
    kept = values[np.ix_(*(list(parts[a]) for a in beside))].reshape(-1)
    n = len(kept)
    mults, shifts = np.full(n, 2**30, np.int32), np.full(n, 31, np.uint8)
    biases = np.full(n, -2 * now.stored_zero, np.int32)
    weights = 2 * np.eye(now.width, dtype=np.int8)[kept][:, None, :]
    layer = Layer(weights, biases, mults, shifts, 1, Op.DENSE, now.zero + 128)
    return layer, replace(now, wide=1, channels=n, signed=False)


def picked(now: Layout, part: range, place: str) -> tuple[Layer, Layout]:
    """A layer that hands on the positions ``part`` alone, and what it gives."""
    last = (len(part) - 1) * part.step
    kernel = max(now.time - last, part.step)
    layer = _same_values(now, kernel, part.start, place)
    layer = replace(layer, stride=part.step, right=max(0, last + kernel - now.time))
    return layer, replace(now, time=len(part), signed=False)


def surrounded(now: Layout, left: int, right: int, place: str) -> tuple[Layer, Layout]:
    """A layer that hands on all positions with others before and behind, of a real 0."""
    layer = _same_values(now, left + right + 1, right, place)
    layer = replace(layer, left=left + right, right=left + right)
    return layer, replace(now, time=left + now.time + right, signed=False)


def _same_values(now: Layout, kernel: int, tap: int, place: str) -> Layer:
    """A layer that hands on one of ``kernel`` positions: twice each input, halved."""
    if kernel > MOST_KERNEL or now.width > MOST_OUTPUTS:
        raise TfliteError(f"{place} would have {now.width} outputs, kernel {kernel}: too large")
    n = now.width
    weights = np.zeros((n, kernel, 1), np.int8)
    weights[:, tap] = 2
    biases = np.full(n, -2 * now.stored_zero, np.int32)
    mults, shifts = np.full(n, 2**30, np.int32), np.full(n, 31, np.uint8)
    return Layer(weights, biases, mults, shifts, 1, Op.DEPTHWISE, now.zero + 128)
