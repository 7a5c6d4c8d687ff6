"""What each operator of a network becomes: a layer of a model image.

What is multiplied and added stays the same, and so does every rounding: a layer gives the int8 values of
its operator, each plus 128. A kernel that also moves over a second axis becomes one over time whose
weights are zero where it does not reach; zero points of inputs go into the biases.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from odl.core.image_layout import Op
from odl.core.layer import MOST_KERNEL, MOST_OUTPUTS, MOST_TAPS, Layer
from odl.model.tflite.each import each
from odl.model.tflite.flat_tables import TfliteError
from odl.model.tflite.layout import Layout
from odl.model.tflite.moved import EACH
from odl.model.tflite.network import Operator
from odl.model.tflite.options import ends, scales, sides, steps
from odl.model.tflite.pooling import highest, mean, pooling
from odl.model.tflite.rounding import of_channels, without_dead

_LARGEST_LAYER = 2**22  # weights


def flattened(now: Layout, place: str) -> Layer:
    """A layer that hands on all positions as channels of one: twice each input, halved."""
    n = now.time * now.width
    if n > MOST_OUTPUTS:
        raise TfliteError(
            f"{place} ends in {n} values of {now.time} positions; up to {MOST_OUTPUTS} features can be used: "
            "pool over time before (a global average or maximum)"
        )
    weights = now.by_time(2 * np.eye(n, dtype=np.int8)).reshape(n, now.time, now.width)
    mults, shifts = np.full(n, 2**30, np.int32), np.full(n, 31, np.uint8)
    biases = np.full(n, -2 * now.stored_zero, np.int32)
    return Layer(weights, biases, mults, shifts, 1, Op.DENSE, now.stored_zero)


class _Spread(NamedTuple):
    """A kernel over one axis."""

    weights: NDArray[np.int8]  # (outputs, kernel, inputs)
    channel: NDArray[np.int64]  # whose bias and scale each output has
    stride: int
    left: int
    right: int
    after: Layout

    def layer(self, op: Op, weights: NDArray[np.int8], numbers: _Numbers, zero: int) -> Layer:
        """The layer with these numbers."""
        return Layer(weights, *numbers, self.stride, op, zero, self.left, self.right)


_Numbers = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.uint8]]


def _time_first(weights: NDArray[np.int8], now: Layout) -> NDArray[np.int8]:
    """Weights (out, time, wide, in), whichever axis of the tensors is time."""
    return weights.swapaxes(1, 2) if now.axis == 2 else weights


def _spread(
    operator: Operator, now: Layout, weights: NDArray[np.int8], pending: tuple[int, int]
) -> _Spread:  # fmt: skip
    """Weights (out, time, wide, in of each position) as those of a layer."""
    out, kernel, wide, cin = weights.shape
    stride, wide_stride = steps(operator, now, "stride")
    dilation, wide_dilation = steps(operator, now, "dilation")
    reach, wide_reach = (kernel - 1) * dilation + 1, (wide - 1) * wide_dilation + 1
    left, right = sides(operator, now.time + sum(pending), reach, stride)
    left, right = left + pending[0], right + pending[1]
    above, below = sides(operator, now.wide, wide_reach, wide_stride)
    time = (now.time + left + right - reach) // stride + 1
    across = (now.wide + above + below - wide_reach) // wide_stride + 1
    if time < 1 or across < 1:
        raise TfliteError(f"{operator.place}: its kernel is larger than its input")
    # Positions that a step leaves out get weights of 0.
    right += max(0, (time - 1) * stride + max(reach, stride) - (now.time + left + right))
    longer = max(reach, stride)
    size = across * out * longer * now.width
    if across * out > MOST_OUTPUTS or longer > MOST_KERNEL or size > _LARGEST_LAYER:
        raise TfliteError(
            f"{operator.place} would have {across * out} outputs, kernel {longer}: too large; up to "
            f"{MOST_OUTPUTS} outputs, kernel {MOST_KERNEL} and {_LARGEST_LAYER} weights can be run"
        )
    spread = np.zeros((across, out, longer, now.wide, cin), np.int8)
    for position in range(across):
        for k in range(wide):
            row = position * wide_stride + k * wide_dilation - above
            if 0 <= row < now.wide:
                spread[position, :, :reach:dilation, row] = weights[:, :, k]
    shape = (1, time, across, out) if now.axis == 1 else (1, across, time, out)
    if operator.output.shape != shape:
        raise TfliteError(f"{operator.place} has the shape {operator.output.shape}, not {shape}")
    after = replace(now, time=time, wide=across, channels=out, signed=False)
    numbers = spread.reshape(across * out, longer, now.width)
    return _Spread(numbers, np.tile(np.arange(out), across), stride, left, right, after)


def _numbers(
    operator: Operator, now: Layout, taken: NDArray[np.int8], channel: NDArray[np.int64],
    scales: NDArray[np.float32],
) -> tuple[NDArray[np.int8], _Numbers]:  # fmt: skip
    """Weights; and biases, multipliers and shifts: the input's zero point goes into the biases."""
    biases = np.zeros(int(channel.max()) + 1, np.int64)
    if len(operator.inputs) > 2 and operator.inputs[2] is not None:
        given = operator.tensor(2).values("int32").astype(np.int64).reshape(-1)
        if given.shape != biases.shape:
            raise TfliteError(f"{operator.place} has {len(given)} biases for {len(biases)} channels")
        biases = given
    factors = (now.scale * scales.astype(np.float64) / operator.output.scale)[channel]
    taken, biases, factors = without_dead(taken, biases[channel], factors)
    whole = biases - now.stored_zero * taken.reshape(len(taken), -1).astype(np.int64).sum(1)
    if np.any(np.abs(whole) >= 2**31):
        raise TfliteError(f"{operator.place} has a bias that 32 bits do not hold with its zero point")
    return taken, (whole.astype(np.int32), *of_channels(factors, operator.place))


def _convolution(operator: Operator, now: Layout, pending: tuple[int, int]) -> tuple[Layer, Layout]:
    scale, zero = ends(operator)
    tensor = operator.tensor(1)
    weights = tensor.values("int8")
    if weights.ndim != 4 or now.axis == 0 or now.channels % weights.shape[3]:
        raise TfliteError(f"{operator.place} has weights {weights.shape} for {now.channels} channels")
    weights = _ungrouped(operator, weights, now.channels)
    of = _spread(operator, now, _time_first(weights, now), pending)
    rows, numbers = _numbers(operator, now, of.weights, of.channel, scales(operator, tensor, len(weights)))
    layer = of.layer(Op.CONV_TWICE, rows, numbers, zero)
    return layer, replace(of.after, scale=scale, zero=zero - 128)


def _ungrouped(operator: Operator, weights: NDArray[np.int8], channels: int) -> NDArray[np.int8]:
    """Weights of all channels, where a group of outputs takes a group of channels alone: 0 for the others."""
    out, *kernel, each = weights.shape
    groups = channels // each
    if groups == 1:
        return weights
    if out % groups or weights.size * groups > _LARGEST_LAYER:
        raise TfliteError(f"{operator.place} has {groups} groups for {out} outputs, or is too large")
    full = np.zeros((groups, out // groups, *kernel, groups, each), np.int8)
    for g in range(groups):
        full[g, :, :, :, g] = weights[g * out // groups :][: out // groups]
    return full.reshape(out, *kernel, channels)


def _depthwise(operator: Operator, now: Layout, pending: tuple[int, int]) -> tuple[Layer, Layout]:
    scale, zero = ends(operator)
    tensor = operator.tensor(1)
    weights = tensor.values("int8")
    if weights.ndim != 4 or weights.shape[0] != 1 or weights.shape[3] % now.channels or now.axis == 0:
        raise TfliteError(f"{operator.place} has weights {weights.shape} for {now.channels} channels")
    out, each = weights.shape[3], weights.shape[3] // now.channels
    if out > MOST_OUTPUTS or weights.size * now.channels > _LARGEST_LAYER:
        raise TfliteError(f"{operator.place} has weights {weights.shape}: too large")
    full = np.zeros((out, *weights.shape[1:3], now.channels), np.int8)
    full[np.arange(out), :, :, np.arange(out) // each] = weights[0].transpose(2, 0, 1)
    of = _spread(operator, now, _time_first(full, now), pending)
    rows, numbers = _numbers(operator, now, of.weights, of.channel, scales(operator, tensor, out))
    layer, outputs = of.layer(Op.CONV_TWICE, rows, numbers, zero), np.arange(len(rows))
    if len(outputs) == now.width:
        own = rows[outputs, :, outputs]
        if np.count_nonzero(own) == np.count_nonzero(rows):  # each output from its own channel alone
            layer = of.layer(Op.DEPTHWISE, own[:, :, None], numbers, zero)
    return layer, replace(of.after, scale=scale, zero=zero - 128)


def _connected(operator: Operator, now: Layout, pending: tuple[int, int]) -> tuple[Layer, Layout]:
    scale, zero = ends(operator)
    weights, scales, biases = fully(operator, now)
    outputs, kernel, apart = len(weights), now.time, 1
    if weights.shape[1] < now.time * now.width:  # at each position, or at each of the ``wide`` in it
        kernel, apart = 1, now.width // weights.shape[1]
    if apart * outputs > MOST_OUTPUTS:
        raise TfliteError(f"{operator.place} would have {apart * outputs} outputs: too large")
    rows = np.kron(np.eye(apart, dtype=np.int8), weights).reshape(apart * outputs, kernel, now.width)
    rows, numbers = _numbers(operator, now, rows, np.tile(np.arange(outputs), apart), scales)
    after = replace(now, time=now.time // kernel, wide=apart, channels=outputs, axis=now.axis or 1)
    after = replace(after, scale=scale, zero=zero - 128, signed=False, rows=1)
    return Layer(rows, *numbers, 1, Op.DENSE, zero), after


def fully(operator: Operator, now: Layout) -> tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.int64]]:
    """Weights (out, in), a scale for each output, biases."""
    tensor = operator.tensor(1)
    weights = tensor.values("int8")
    whole = now.time * now.width
    sizes = (now.channels, now.width, whole) if now.axis else (whole,)
    if operator.options["format"] != 0 or weights.ndim != 2 or weights.shape[1] not in sizes:
        raise TfliteError(f"{operator.place} has weights {weights.shape} for {whole} values")
    given, n = operator.tensor(0).shape, weights.shape[1]
    shape = (*given[:-1], len(weights)) if operator.options["keep"] else (math.prod(given) // n, len(weights))
    if operator.output.shape != shape:
        raise TfliteError(f"{operator.place} has the shape {operator.output.shape}, not {shape}")
    if now.axis == 0:
        weights = now.by_time(weights)
    elif n > now.channels:
        now.check_order(operator.place)
    if weights.shape[1] > MOST_TAPS or weights.size > _LARGEST_LAYER or len(weights) > MOST_OUTPUTS:
        raise TfliteError(
            f"{operator.place} has {len(weights)} outputs of {weights.shape[1]} values: too large; up to "
            f"{MOST_OUTPUTS} outputs of {MOST_TAPS} values can be run"
        )
    biases = np.zeros(len(weights), np.int64)
    if len(operator.inputs) > 2 and operator.inputs[2] is not None:
        biases = operator.tensor(2).values("int32").astype(np.int64).reshape(-1)
        if len(biases) != len(weights):
            raise TfliteError(f"{operator.place} has {len(biases)} biases for {len(weights)} outputs")
    return weights, scales(operator, tensor, len(weights)), biases


_Rule = Callable[[Operator, Layout, tuple[int, int]], tuple[Layer, Layout]]
RULES: dict[str, _Rule] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "MAX_POOL_2D": pooling,
    "AVERAGE_POOL_2D": pooling,
    "MEAN": mean,
    "REDUCE_MAX": highest,
    "FULLY_CONNECTED": _connected,
    **dict.fromkeys(EACH, each),
}
