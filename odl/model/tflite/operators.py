"""What each operator of a network becomes: a layer of a model image.

What is multiplied and added stays the same, and so does every rounding: a layer gives the int8 values of
its operator, each plus 128. A kernel that also moves over a second axis becomes one over time whose
weights are zero where it does not reach; zero points of inputs go into the biases.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from odl.core.image_layout import Op
from odl.core.layer import MOST_KERNEL, MOST_OUTPUTS, MOST_TAPS, Layer
from odl.model.tflite.flat_tables import TfliteError
from odl.model.tflite.layout import Layout
from odl.model.tflite.network import ACTIVATIONS, SAME, Operator, Tensor
from odl.model.tflite.rounding import of_channels, of_mean

VIEWS = ("RESHAPE", "EXPAND_DIMS", "SQUEEZE")
_LARGEST_LAYER = 2**22  # weights


def flattened(now: Layout) -> Layer:
    """A layer that hands on all positions as channels of one: twice each input, halved."""
    n = now.time * now.width
    weights = (2 * np.eye(n, dtype=np.int8)).reshape(n, now.time, now.width) if n <= 192 else None
    if weights is None:
        raise TfliteError(f"the features would be {n} values of {now.time} positions; up to 192 can be used")
    mults, shifts = np.full(n, 2**30, np.int32), np.full(n, 31, np.uint8)
    biases = np.full(n, -2 * now.stored_zero, np.int32)
    return Layer(weights, biases, mults, shifts, 1, Op.DENSE, now.stored_zero)


def _ends(operator: Operator) -> tuple[float, int]:
    """The output's scale and its zero point as an image stores it, if the activation is one of ours."""
    out, activation = operator.output, operator.options.get("activation", 0)
    if out.kind != "int8":
        raise TfliteError(f"{operator.place} gives {out.kind}, not int8")
    name = ACTIVATIONS.get(activation, str(activation))
    zero = out.zero + 128
    if name not in ("none", "ReLU", "ReLU6"):
        raise TfliteError(f"{operator.place} has the activation {name}; ReLU, ReLU6 or none can be run")
    if name != "none" and zero != 0:
        raise TfliteError(f"{operator.place} has {name} with the zero point {out.zero}; -128 can be run")
    if name == "ReLU6" and round(6 / out.scale) < 255:
        raise TfliteError(f"{operator.place} has ReLU6 with outputs beyond 6, up to {255 * out.scale:.3g}")
    return out.scale, zero


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


def _steps(operator: Operator, now: Layout, names: str) -> tuple[int, int]:
    """An option for time and for the second axis."""
    height, width = operator.options[f"{names}_h"], operator.options[f"{names}_w"]
    pair = (width, height) if now.axis == 2 else (height, width)
    if not all(1 <= n <= 4096 for n in pair):
        raise TfliteError(f"{operator.place} has a {names} of {pair}")
    return pair


def _sides(operator: Operator, size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Positions of padding before and behind ``size``."""
    if operator.options["padding"] != SAME:
        return 0, 0
    total = max(0, (-(-size // stride) - 1) * stride + kernel - size)
    return total // 2, total - total // 2


def _spread(
    operator: Operator, now: Layout, weights: NDArray[np.int8], pending: tuple[int, int]
) -> _Spread:  # fmt: skip
    """Weights (out, time, wide, in of each position) as those of a layer."""
    out, kernel, wide, cin = weights.shape
    stride, wide_stride = _steps(operator, now, "stride")
    dilation, wide_dilation = _steps(operator, now, "dilation")
    reach, wide_reach = (kernel - 1) * dilation + 1, (wide - 1) * wide_dilation + 1
    left, right = _sides(operator, now.time + sum(pending), reach, stride)
    left, right = left + pending[0], right + pending[1]
    above, below = _sides(operator, now.wide, wide_reach, wide_stride)
    time = (now.time + left + right - reach) // stride + 1
    across = (now.wide + above + below - wide_reach) // wide_stride + 1
    if time < 1 or across < 1:
        raise TfliteError(f"{operator.place}: its kernel is larger than its input")
    size = across * out * reach * now.width
    if across * out > MOST_OUTPUTS or reach > MOST_KERNEL or size > _LARGEST_LAYER:
        raise TfliteError(f"{operator.place} would have {across * out} outputs, kernel {reach}: too large")
    spread = np.zeros((across, out, reach, now.wide, cin), np.int8)
    for position in range(across):
        for k in range(wide):
            row = position * wide_stride + k * wide_dilation - above
            if 0 <= row < now.wide:
                spread[position, :, ::dilation, row] = weights[:, :, k]
    shape = (1, time, across, out) if now.axis == 1 else (1, across, time, out)
    if operator.output.shape != shape:
        raise TfliteError(f"{operator.place} has the shape {operator.output.shape}, not {shape}")
    after = replace(now, time=time, wide=across, channels=out, signed=False)
    numbers = spread.reshape(across * out, reach, now.width)
    return _Spread(numbers, np.tile(np.arange(out), across), stride, left, right, after)


def _numbers(
    operator: Operator, now: Layout, taken: NDArray[np.int8], channel: NDArray[np.int64],
    scales: NDArray[np.float32],
) -> _Numbers:  # fmt: skip
    """Biases, multipliers and shifts; the input's zero point goes into the biases."""
    biases = np.zeros(int(channel.max()) + 1, np.int64)
    if len(operator.inputs) > 2 and operator.inputs[2] is not None:
        given = operator.tensor(2).values("int32").astype(np.int64).reshape(-1)
        if given.shape != biases.shape:
            raise TfliteError(f"{operator.place} has {len(given)} biases for {len(biases)} channels")
        biases = given
    whole = biases[channel] - now.stored_zero * taken.reshape(len(taken), -1).astype(np.int64).sum(1)
    if np.any(np.abs(whole) >= 2**31):
        raise TfliteError(f"{operator.place} has a bias that 32 bits do not hold with its zero point")
    mults, shifts = of_channels(now.scale, scales, operator.output.scale, operator.place)
    return whole.astype(np.int32), mults[channel], shifts[channel]


def _scales(operator: Operator, tensor: Tensor, channels: int) -> NDArray[np.float32]:
    """A scale for each output channel."""
    scales = tensor.scales
    positive = bool(np.all(np.isfinite(scales) & (scales > 0)))
    if len(scales) not in (1, channels) or np.any(tensor.zeros != 0) or not positive:
        raise TfliteError(f"{operator.place}: {len(scales)} scales of its weights, or a zero point beside 0")
    return np.broadcast_to(scales, (channels,))


def _convolution(operator: Operator, now: Layout, pending: tuple[int, int]) -> tuple[Layer, Layout]:
    scale, zero = _ends(operator)
    tensor = operator.tensor(1)
    weights = tensor.values("int8")
    if weights.ndim != 4 or weights.shape[3] != now.channels or now.axis == 0:
        raise TfliteError(
            f"{operator.place} has weights {weights.shape} for {now.channels} channels; no groups"
        )
    of = _spread(operator, now, _time_first(weights, now), pending)
    numbers = _numbers(operator, now, of.weights, of.channel, _scales(operator, tensor, len(weights)))
    layer = of.layer(Op.CONV_TWICE, of.weights, numbers, zero)
    return layer, replace(of.after, scale=scale, zero=zero - 128)


def _depthwise(operator: Operator, now: Layout, pending: tuple[int, int]) -> tuple[Layer, Layout]:
    scale, zero = _ends(operator)
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
    numbers = _numbers(operator, now, of.weights, of.channel, _scales(operator, tensor, out))
    layer, outputs = of.layer(Op.CONV_TWICE, of.weights, numbers, zero), np.arange(len(of.weights))
    if len(outputs) == now.width:
        own = of.weights[outputs, :, outputs]
        if np.count_nonzero(own) == np.count_nonzero(of.weights):  # each output from its own channel alone
            layer = of.layer(Op.DEPTHWISE, own[:, :, None], numbers, zero)
    return layer, replace(of.after, scale=scale, zero=zero - 128)


def _pooling(operator: Operator, now: Layout, pending: tuple[int, int]) -> tuple[Layer, Layout]:
    scale, zero = _ends(operator)
    if now.axis == 0 or (scale, zero - 128) != (now.scale, now.zero):
        raise TfliteError(f"{operator.place} changes the scale, or pools a flat tensor")
    kernel, across = _steps(operator, now, "filter")
    stride, _ = _steps(operator, now, "stride")
    if across not in (1, now.wide):
        raise TfliteError(f"{operator.place} pools {across} of {now.wide} beside time; one or all can be run")
    wide = now.wide // across
    left, right = _sides(operator, now.time, kernel, stride)
    op = Op.MAX if operator.name == "MAX_POOL_2D" else Op.AVERAGE
    if op == Op.AVERAGE and (left or right):
        raise TfliteError(f"{operator.place} takes means with padding; without can be run")
    time = (now.time + left + right - kernel) // stride + 1
    shape = (1, time, wide, now.channels) if now.axis == 1 else (1, wide, time, now.channels)
    if operator.output.shape != shape or time < 1:
        raise TfliteError(f"{operator.place} has the shape {operator.output.shape}, not {shape}")
    if stride > kernel:
        raise TfliteError(f"{operator.place} moves on by {stride}, more than its {kernel} positions")
    layer = _without_weights(op, now, across, kernel, stride, left, right)
    return layer, replace(now, time=time, wide=wide, signed=False)


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
    rank = len(operator.tensor(0).shape)
    axes = {int(a) % rank for a in operator.tensor(1).values("int32").reshape(-1)[:8]}
    single = {a for a in range(rank) if operator.tensor(0).shape[a] == 1}
    beside = {a for a in range(1, rank - 1) if a != now.axis}
    if now.axis == 0 or not axes - single <= {now.axis} | beside or now.axis not in axes | single:
        raise TfliteError(f"{operator.place} is over the axes {sorted(axes)}; over time can be run")
    return now.wide if beside & (axes - single) else 1


def _mean(operator: Operator, now: Layout, pending: tuple[int, int]) -> tuple[Layer, Layout]:
    scale, zero = _ends(operator)
    across = _reduced(operator, now)
    n, outputs = now.time * across, now.width // across
    if n > MOST_KERNEL or outputs > MOST_OUTPUTS:
        raise TfliteError(f"{operator.place} takes means of {n} values of {outputs} channels: too large")
    mult, shift = of_mean(now.scale, scale, n, operator.place)
    weights = np.ones((outputs, now.time, across), np.int8)
    biases = np.full(outputs, -now.stored_zero * n, np.int32)
    mults, shifts = np.full(outputs, mult, np.int32), np.full(outputs, shift, np.uint8)
    layer = Layer(weights, biases, mults, shifts, 1, Op.DEPTHWISE, zero, wide=across)
    return layer, replace(_joined(now, outputs), scale=scale, zero=zero - 128)


def _highest(operator: Operator, now: Layout, pending: tuple[int, int]) -> tuple[Layer, Layout]:
    scale, zero = _ends(operator)
    across = _reduced(operator, now)
    if (scale, zero - 128) != (now.scale, now.zero):
        raise TfliteError(f"{operator.place} changes the scale")
    return _without_weights(Op.MAX, now, across, now.time, 1), _joined(now, now.width // across)


def _joined(now: Layout, outputs: int) -> Layout:
    """One position of all; as a vector."""
    return replace(now, time=1, wide=1, channels=outputs, axis=1, signed=False)


def _connected(operator: Operator, now: Layout, pending: tuple[int, int]) -> tuple[Layer, Layout]:
    scale, zero = _ends(operator)
    weights, scales, biases = fully(operator, now)
    each = weights.shape[1] == now.width and now.time > 1 and now.axis != 0
    kernel = 1 if each else now.time
    numbers = weights.reshape(len(weights), kernel, now.width)
    channel = np.arange(len(weights))
    more = _numbers(operator, now, numbers, channel, scales)
    after = replace(now, time=now.time // kernel, wide=1, channels=len(weights), axis=now.axis or 1)
    after = replace(after, scale=scale, zero=zero - 128, signed=False)
    return Layer(numbers, *more, 1, Op.DENSE, zero), after


def fully(operator: Operator, now: Layout) -> tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.int64]]:
    """Weights (out, in), a scale for each output, biases."""
    tensor = operator.tensor(1)
    weights = tensor.values("int8")
    sizes = (now.width, now.time * now.width)
    if operator.options["format"] != 0 or weights.ndim != 2 or weights.shape[1] not in sizes:
        raise TfliteError(f"{operator.place} has weights {weights.shape} for {now.time * now.width} values")
    if weights.shape[1] > MOST_TAPS or weights.size > _LARGEST_LAYER or len(weights) > MOST_OUTPUTS:
        raise TfliteError(f"{operator.place} has weights {weights.shape}; too large")
    biases = np.zeros(len(weights), np.int64)
    if len(operator.inputs) > 2 and operator.inputs[2] is not None:
        biases = operator.tensor(2).values("int32").astype(np.int64).reshape(-1)
        if len(biases) != len(weights):
            raise TfliteError(f"{operator.place} has {len(biases)} biases for {len(weights)} outputs")
    return weights, _scales(operator, tensor, len(weights)), biases


def padded(operator: Operator, now: Layout, pending: tuple[int, int]) -> tuple[Layout, tuple[int, int]]:
    """Padding over time, for the convolution that follows."""
    pads = operator.tensor(1).values("int32")
    wanted = pads.shape == (len(operator.tensor(0).shape), 2) and now.axis != 0
    others = [i for i in range(len(pads)) if i != now.axis]
    if not wanted or np.any(pads[others] != 0) or not 0 <= pads.min() <= pads.max() < 4096:
        raise TfliteError(f"{operator.place} pads other axes than time")
    left, right = pads[now.axis].tolist()
    if operator.output.scale != now.scale or operator.output.zero != now.zero:
        raise TfliteError(f"{operator.place} changes the scale")
    return now, (pending[0] + left, pending[1] + right)


_Rule = Callable[[Operator, Layout, tuple[int, int]], tuple[Layer, Layout]]
RULES: dict[str, _Rule] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "MAX_POOL_2D": _pooling,
    "AVERAGE_POOL_2D": _pooling,
    "MEAN": _mean,
    "REDUCE_MAX": _highest,
    "FULLY_CONNECTED": _connected,
}
