"""Pooling and reductions over time as layers of a model image."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from odl.core.image_layout import Op
from odl.core.layer import MOST_KERNEL, MOST_OUTPUTS, Layer
from odl.model.tflite.flat_tables import TfliteError
from odl.model.tflite.layout import Layout
from odl.model.tflite.network import Operator
from odl.model.tflite.options import ends, sides, steps
from odl.model.tflite.rounding import of_mean


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


def _reduced(operator: Operator, now: Layout) -> int:
    """How many values of each channel at a position a reduction over time takes: one, or all ``wide``."""
    shape = operator.tensor(0).shape
    rank = len(shape)
    axes = {int(a) % rank for a in operator.tensor(1).values("int32").reshape(-1)[:8]}
    single = {a for a in range(rank) if shape[a] == 1}
    beside = {a for a in range(1, rank - 1) if a != now.axis}
    across = math.prod(shape[a] for a in axes & beside)
    time_too = axes - single <= {now.axis} | beside and now.axis in axes | single
    if now.axis == 0 or not time_too or across not in (1, now.wide):
        raise TfliteError(f"{operator.place} is over the axes {sorted(axes)}; over time can be run")
    return across


def mean(operator: Operator, now: Layout, pending: tuple[int, int]) -> tuple[Layer, Layout]:
    scale, zero = ends(operator)
    across = _reduced(operator, now)
    n, outputs = now.time * across, now.width // across
    if n > MOST_KERNEL or outputs > MOST_OUTPUTS:
        raise TfliteError(f"{operator.place} takes means of {n} values of {outputs} channels: too large")
    weight, mult, shift = of_mean(now.scale, scale, n, operator.place)
    weights = np.full((outputs, now.time, across), weight, np.int8)
    biases = np.full(outputs, -now.stored_zero * n * weight, np.int32)
    mults, shifts = np.full(outputs, mult, np.int32), np.full(outputs, shift, np.uint8)
    layer = Layer(weights, biases, mults, shifts, 1, Op.DEPTHWISE, zero, wide=across)
    return layer, replace(_joined(now, outputs), scale=scale, zero=zero - 128)


def highest(operator: Operator, now: Layout, pending: tuple[int, int]) -> tuple[Layer, Layout]:
    scale, zero = ends(operator)
    across = _reduced(operator, now)
    if (scale, zero - 128) != (now.scale, now.zero):
        raise TfliteError(f"{operator.place} changes the scale")
    return _without_weights(Op.MAX, now, across, now.time, 1), _joined(now, now.width // across)


def _joined(now: Layout, outputs: int) -> Layout:
    """One position of all; as a vector."""
    return replace(now, time=1, wide=1, channels=outputs, axis=1, signed=False)
