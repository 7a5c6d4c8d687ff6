"""Both ends of a network: what only brings its samples into order, and its classifier."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from odl.core.layer import MOST_KERNEL
from odl.model.tflite.dilated import dilated
from odl.model.tflite.flat_tables import TfliteError
from odl.model.tflite.layout import MOST_CHANNELS, Layout, input_layout
from odl.model.tflite.moved import MOVES, VIEWS, permutation
from odl.model.tflite.network import Network, Operator, Tensor
from odl.model.tflite.shapes import with_shapes
from odl.model.tflite.swish import with_swish
from odl.model.tflite.tables import constant_second

_ENDS = ("SOFTMAX", "LOGISTIC", "DEQUANTIZE", "QUANTIZE", "RESHAPE")


def start_of(network: Network) -> tuple[list[Operator], Layout, NDArray[np.int64]]:
    """The operators behind what only converts the input, the samples' layout, and their order in it."""
    if len(network.inputs) != 1 or len(network.outputs) != 1:
        ends = f"{_named('input', network.inputs)} and {_named('output', network.outputs)}"
        raise TfliteError(
            f"it has {ends}; a network with one each can be run: several sensors as channels of one input, "
            "and the output that tells the classes apart alone"
        )
    operators, tensor = dilated(with_shapes(network.operators)), network.inputs[0]
    operators = with_swish([constant_second(operator) for operator in operators])
    if not operators:
        raise TfliteError("the network has no operators")
    if operators[0].name == "QUANTIZE" and tensor.kind == "float32":
        tensor = operators.pop(0).output
    elif operators[0].name == "QUANTIZE" and tensor.kind == "uint8":
        tensor = replace(tensor, kind="int8", zeros=tensor.zeros - 128)  # each value less 128
        if (tensor.scale, tensor.zero) == (operators[0].output.scale, operators[0].output.zero):
            tensor = operators.pop(0).output
        else:
            operators[0] = replace(operators[0], inputs=(tensor,))
    if tensor.kind != "int8":
        raise TfliteError(
            f"its input is {tensor.kind}: convert with full integer quantisation (int8), "
            "with a representative dataset"
        )
    order, place = _reordered(operators, tensor.shape)
    shape = order.shape
    if len(shape) == 2 and operators and operators[0].name == "FULLY_CONNECTED":
        raise TfliteError(
            f"its input is a vector of {math.prod(shape)} values that goes straight into "
            f"{operators[0].place}: the output of a feature block (spectral features, statistics), or a "
            "window that has lost its order. Sessions take samples; train the network on the samples "
            "themselves, with convolutions over time first"
        )
    samples = input_layout(shape, tensor.scale, tensor.zero, place)
    if samples.time > MOST_KERNEL:
        raise TfliteError(
            f"its input has {samples.time} steps; windows of up to {MOST_KERNEL} samples can be run"
        )
    if samples.width > MOST_CHANNELS:
        raise TfliteError(
            f"its input has {samples.width} values at each of {samples.time} steps. If these are channels, "
            f"they are too many: up to {MOST_CHANNELS} can be run. If they are the output of a feature block "
            "(a spectrogram, MFCC), no session computes it: train the network on the samples themselves"
        )
    if samples.axis == 2:
        order = order.swapaxes(1, 2)
    return operators, samples, order.reshape(-1)


def _reordered(operators: list[Operator], shape: tuple[int, ...]) -> tuple[NDArray[np.int64], str]:
    """Take off operators at the beginning that only bring the input into another order or shape.

    Returns the places of its values in the shape that they have then, and what gave it that shape.
    """
    if math.prod(shape) > MOST_CHANNELS * MOST_KERNEL * 16:
        raise TfliteError(f"its input has the shape {shape}: too large")
    order, place, moved = np.arange(math.prod(shape)).reshape(shape), "the input", 0
    for i, operator in enumerate(operators):
        if operator.name not in MOVES:
            break
        moved = i + 1 if operator.name == "TRANSPOSE" else moved
    while operators and (moved > 0 or (operators[0].name in VIEWS and order.ndim < 3)):
        operator = operators.pop(0)
        moved, place = moved - 1, operator.place
        if operator.name == "TRANSPOSE":
            order = order.transpose(permutation(operator))
        elif math.prod(operator.output.shape) != order.size:
            raise TfliteError(f"{place} makes {operator.output.shape} of {order.size} values")
        else:
            order = order.reshape(operator.output.shape)
        if order.shape != operator.output.shape:
            raise TfliteError(f"{place} has the shape {operator.output.shape}, not {order.shape}")
    return order, place


def _named(what: str, tensors: Sequence[Tensor]) -> str:
    """How many tensors there are, and their names."""
    names = ", ".join(tensor.name[:40] or str(tensor.number) for tensor in tensors[:4])
    rest = ", ..." if len(tensors) > 4 else ""
    return f"{len(tensors)} {what}{'' if len(tensors) == 1 else 's'}" + (
        f" ({names}{rest})" if tensors else ""
    )


def split(operators: list[Operator]) -> tuple[list[Operator], Operator | None, str]:
    """The operators up to the features, the classifier behind them, and what makes probabilities, or "".

    A fully connected layer with an activation of its own and no probabilities behind it gives features.
    Behind anything else that probabilities are made of there is no classifier.
    """
    last = len(operators)
    while last and operators[last - 1].name in _ENDS:
        last -= 1
    ends = [operator.name for operator in operators[last:]]
    probable = next((name for name in ends if name in ("LOGISTIC", "SOFTMAX")), "")
    if last and operators[last - 1].name == "FULLY_CONNECTED":
        if probable or not operators[last - 1].options["activation"]:
            return operators[: last - 1], operators[last - 1], probable
    elif last and probable and (connected := _connected(operators[last - 1])) is not None:
        return operators[: last - 1], connected, probable
    return operators[:last], None, probable


def _connected(operator: Operator) -> Operator | None:
    """A convolution of a single position, as MobileNet ends in, as a fully connected layer."""
    if operator.name != "CONV_2D":
        return None
    weights = operator.tensor(1)
    size = math.prod(operator.tensor(0).shape)
    if weights.shape[1:] != (1, 1, size):
        return None
    flat = replace(weights, shape=(weights.shape[0], size))
    inputs = (operator.inputs[0], flat, *operator.inputs[2:])
    return replace(operator, inputs=inputs, options=operator.options | {"format": 0, "keep": 1})
