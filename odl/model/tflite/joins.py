"""Operators on two activations or more as layers that take the outputs of an earlier one."""

from __future__ import annotations

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
    if first.wide > 1 or second.wide > 1:
        return layer, replace(first, wide=first.wide + second.wide)
    return layer, replace(first, channels=width)


def check_concatenation(operator: Operator, inputs: list[Layout]) -> None:
    """Raise `TfliteError` unless the inputs can lie side by side at each position."""
    out, rank = operator.output, len(operator.output.shape)
    axis = operator.options["axis"] % rank if rank else 0
    first = inputs[0]
    beside = 1 if first.axis == 2 else 2  # the axis of what is `wide`
    wide = any(one.wide > 1 for one in inputs)
    along = axis == beside and rank == 4 if wide else axis == rank - 1
    other = any((one.axis == 0 and one.time > 1) or one.axis == 3 for one in inputs)
    if not along or other or axis == first.axis * (first.time > 1) or operator.options["activation"]:
        raise TfliteError(
            f"{operator.place} joins its inputs along axis {axis}; channels of each position can be"
        )
    for one in inputs:
        same = (one.time, one.axis) == (first.time, first.axis) and (
            not wide or one.channels == first.channels
        )
        if not same or (one.scale, one.zero) != (out.scale, out.zero):
            raise TfliteError(f"{operator.place} joins tensors of different lengths or scales")


def _sizes(layout: Layout) -> tuple[int, int, int, int]:
    return layout.time, layout.wide, layout.channels, layout.axis if layout.time > 1 else 1
