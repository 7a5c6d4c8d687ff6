"""Operators on two activations or more as layers that take the outputs of an earlier one."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from odl.core.image_layout import Op
from odl.core.layer import MOST_OUTPUTS, Layer
from odl.model.tflite.flat_tables import TfliteError
from odl.model.tflite.layout import Layout
from odl.model.tflite.network import Operator
from odl.model.tflite.options import ends
from odl.model.tflite.rounding import multiplier

_LEFT = 20  # bits that an addition scales up by, see `odl.core.kernels.join`


def without_numbers(op: Op, outputs: int, zero: int, back: int) -> Layer:
    """A layer that hands on what it takes; its room for inputs that wait is made later."""
    nothing = np.zeros(0, np.int32)
    weights = np.zeros((outputs, 1, 0), np.int8)
    return Layer(weights, nothing, nothing, nothing.astype(np.uint8), 1, op, zero, back=back)


def added(operator: Operator, other: Layout, now: Layout, back: int) -> tuple[Layer, Layout]:
    """The sum of ``other``, outputs of the ``back``th layer before, and of ``now``, those of the last one."""
    scale, zero = ends(operator)
    shapes = {operator.output.shape, *(operator.tensor(n).shape for n in (0, 1))}
    if len(shapes) > 1 or _sizes(other) != _sizes(now):
        raise TfliteError(
            f"{operator.place} adds tensors of {sorted(shapes)}; those of one shape can be added"
        )
    twice = 2.0 * max(other.scale, now.scale)
    pairs = [
        *(multiplier(one.scale / twice, operator.place) for one in (other, now)),
        multiplier(twice / (2**_LEFT * scale), operator.place),
    ]
    layer = without_numbers(Op.ADD, now.width, zero, back)
    layer = replace(
        layer, biases=np.array([other.stored_zero, now.stored_zero, 0], np.int32),
        mults=np.array([mult for mult, _ in pairs], np.int32),
        shifts=np.array([shift for _, shift in pairs], np.uint8),
    )  # fmt: skip
    return layer, replace(now, scale=scale, zero=zero - 128)


def side_by_side(operator: Operator, first: Layout, second: Layout, back: int) -> tuple[Layer, Layout]:
    """Two of the inputs of a CONCATENATION as channels of one position, the first of the ``back``th layer."""
    width = first.width + second.width
    if width > MOST_OUTPUTS:
        raise TfliteError(
            f"{operator.place} makes {width} values at a position; up to {MOST_OUTPUTS} can be run"
        )
    layer = without_numbers(Op.CONCAT, width, first.stored_zero, back)
    return layer, replace(first, wide=1, channels=width)


def check_concatenation(operator: Operator, inputs: list[Layout]) -> None:
    """Raise `TfliteError` unless the inputs can lie side by side at each position."""
    out, first = operator.output, inputs[0]
    shape, rank = out.shape, len(out.shape)
    axis = operator.options["axis"] % rank if rank else 0
    time = first.axis if first.time > 1 else 0
    before = [n for i, n in enumerate(shape[:axis]) if i not in (0, time)]
    flat = any(one.axis == 0 and one.time > 1 for one in inputs) or (time > 0 and rank < 3)
    if axis in (0, time) or flat or math.prod(before) > 1 or operator.options["activation"]:
        raise TfliteError(
            f"{operator.place} joins its inputs along axis {axis}; channels of each position can be"
        )
    sizes = [(*t.shape[:axis], *t.shape[axis + 1 :]) for t in (*operator.inputs, out) if t is not None]
    for one in inputs:
        same = (one.time, one.axis) == (first.time, first.axis) and len(set(sizes)) == 1
        if not same or (one.scale, one.zero) != (out.scale, out.zero):
            raise TfliteError(f"{operator.place} joins tensors of different lengths or scales")


def _sizes(layout: Layout) -> tuple[int, int, int, int]:
    return layout.time, layout.wide, layout.channels, layout.axis if layout.time > 1 else 1
