"""Pooling and reductions over time as layers of a model image."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from odl.core.image_layout import Op
from odl.core.layer import MOST_KERNEL, MOST_OUTPUTS, MOST_TAPS, Layer
from odl.model.tflite.flat_tables import TfliteError
from odl.model.tflite.layout import Layout
from odl.model.tflite.network import Operator
from odl.model.tflite.options import ends, sides, steps
from odl.model.tflite.rounding import of_mean

_REDUCIBLE = "over time, and over axes of the values at a position, it can be"


def pooling(operator: Operator, now: Layout, pending: tuple[int, int]) -> tuple[Layer, Layout]:
    scale, zero = ends(operator)
    if now.axis == 0 or (scale, zero - 128) != (now.scale, now.zero):
        raise TfliteError(f"{operator.place} changes the scale, or pools a flat tensor")
    kernel, across = steps(operator, now, "filter")
    stride, _ = steps(operator, now, "stride")
    if across not in (1, now.wide):
        raise TfliteError(f"{operator.place} pools {across} of {now.wide} beside time; one or all can be run")
    wide = now.wide // across
    left, right = sides(operator, now.time, kernel, stride)
    op = Op.MAX if operator.name == "MAX_POOL_2D" else Op.AVERAGE
    time = (now.time + left + right - kernel) // stride + 1
    shape = (1, time, wide, now.channels) if now.axis == 1 else (1, wide, time, now.channels)
    if operator.output.shape != shape or time < 1:
        raise TfliteError(f"{operator.place} has the shape {operator.output.shape}, not {shape}")
    if stride > kernel:
        raise TfliteError(f"{operator.place} moves on by {stride}, more than its {kernel} positions")
    layer = _without_weights(op, now, across, kernel, stride, left, right)
    return layer, replace(now, time=time, wide=wide, signed=False)


def unpooled(now: Layout) -> tuple[Layer, Layout]:
    """A layer that hands on samples as what they are, but stored as all other values."""
    return _without_weights(Op.MAX, now, 1, 1, 1), replace(now, signed=False)


def _without_weights(
    op: Op, now: Layout, across: int, kernel: int, stride: int, left: int = 0, right: int = 0
) -> Layer:  # fmt: skip
    """A layer that pools ``across`` of each channel's values at a position."""
    nothing = np.zeros(0, np.int32)
    weights = np.zeros((now.width // across, kernel, 0), np.int8)
    shifts = nothing.astype(np.uint8)
    return Layer(weights, nothing, nothing, shifts, stride, op, now.zero + 128, left, right, across)


def _reduced(operator: Operator, now: Layout) -> tuple[NDArray[np.int64], int, Layout]:
    """What a reduction makes each output from: values of a position, (outputs, n), and how many positions.

    And the layout behind it, of the scale before it.
    """
    shape, given = operator.output.shape, operator.tensor(0).shape
    rank = len(given)
    axes = {int(a) % rank for a in operator.tensor(1).values("int32").reshape(-1)[:8]}
    time = now.axis if now.time > 1 else 0
    if now.axis == 0 or (0 in axes and given[0] > 1):
        raise TfliteError(f"{operator.place} is over the axes {sorted(axes)} of {given}; {_REDUCIBLE}")
    beside = [a for a in range(1, rank) if a != time]
    kept = [i for i, a in enumerate(beside) if a not in axes]
    gone = [i for i, a in enumerate(beside) if a in axes]
    values = np.arange(now.width).reshape([given[a] for a in beside]).transpose(kept + gone)
    outputs = math.prod(given[beside[i]] for i in kept)
    values = values.reshape(outputs, -1)
    if time == 0 or time in axes:
        return values, now.time, replace(now, time=1, wide=1, channels=outputs, axis=1, signed=False)
    left = [1 if a in axes else n for a, n in enumerate(given) if a not in axes or len(shape) == rank]
    if shape != tuple(left) or 0 in axes and len(shape) < rank:
        raise TfliteError(f"{operator.place} has the shape {shape}, not {tuple(left)}")
    axis = time if len(shape) == rank else time - sum(a < time for a in axes)
    after = replace(now, signed=False, axis=axis).resized(shape)
    return values, 1, after if len(shape) > 2 else replace(after, axis=0)


def _every(values: NDArray[np.int64]) -> bool:
    """Whether each output is made from every outputs-th value, as layers without weights take them."""
    return np.array_equal(values, np.arange(values.size).reshape(-1, len(values)).T)


def mean(operator: Operator, now: Layout, pending: tuple[int, int]) -> tuple[Layer, Layout]:
    scale, zero = ends(operator)
    values, positions, after = _reduced(operator, now)
    outputs, across = values.shape
    n = positions * across
    if n > MOST_KERNEL or outputs > MOST_OUTPUTS or positions * now.width > MOST_TAPS:
        raise TfliteError(f"{operator.place} takes means of {n} values of {outputs} channels: too large")
    weight, mult, shift = of_mean(now.scale, scale, n, operator.place)
    biases = np.full(outputs, -now.stored_zero * n * weight, np.int32)
    mults, shifts = np.full(outputs, mult, np.int32), np.full(outputs, shift, np.uint8)
    if _every(values):
        weights = np.full((outputs, positions, across), weight, np.int8)
        layer = Layer(weights, biases, mults, shifts, 1, Op.DEPTHWISE, zero, wide=across)
    else:
        weights = np.zeros((outputs, positions, now.width), np.int8)
        np.put_along_axis(weights, values[:, None, :], np.int8(weight), axis=2)
        layer = Layer(weights, biases, mults, shifts, 1, Op.CONV_TWICE, zero)
    return layer, replace(after, scale=scale, zero=zero - 128)


def highest(operator: Operator, now: Layout, pending: tuple[int, int]) -> tuple[Layer, Layout]:
    scale, zero = ends(operator)
    values, positions, after = _reduced(operator, now)
    if not _every(values):
        raise TfliteError(
            f"{operator.place} is over the last axes of {operator.tensor(0).shape}; {_REDUCIBLE}"
        )
    if (scale, zero - 128) != (now.scale, now.zero):
        raise TfliteError(f"{operator.place} changes the scale")
    return _without_weights(Op.MAX, now, values.shape[1], positions, 1), after
