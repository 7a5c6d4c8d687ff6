"""A network as layers of a model image, a classifier, and the layout of the samples."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from odl.core.layer import MOST_KERNEL, Layer
from odl.model.tflite.each import bounded, joined
from odl.model.tflite.flat_tables import TfliteError
from odl.model.tflite.layout import Layout, input_layout
from odl.model.tflite.network import Network, Operator, Tensor
from odl.model.tflite.operators import EACH, RULES, VIEWS, flattened, fully, is_view, padded, permutation

MOST_CHANNELS = 9
_ENDS = ("SOFTMAX", "LOGISTIC", "DEQUANTIZE", "QUANTIZE", "RESHAPE")


@dataclass(frozen=True)
class Classifier:
    """A fully connected layer at the end: real logits are ``scales * (weights @ (q - zero) + biases)``."""

    weights: NDArray[np.int8]  # (classes, features)
    biases: NDArray[np.int64]
    scales: NDArray[np.float64]  # (classes,)
    zero: int  # of the features as an image has them: 0 to 255
    logistic: bool  # one output, the probability of the second class


@dataclass
class Lowered:
    """What the operators became."""

    start: Layout  # of the samples
    order: NDArray[np.int64]  # where each value of a window of samples stands in the network's input
    layers: list[Layer] = field(default_factory=list)
    features: Tensor | None = None  # the tensor that a window's features equal, less 128
    classifier: Classifier | None = None
    operators: list[str] = field(default_factory=list)  # names, in order, of those that compute

    def add(self, layer: Layer) -> None:
        """The next layer; tables that follow each other become one."""
        both = joined(self.layers[-1], layer) if self.layers else None
        if both is not None:
            self.layers.pop()
        self.layers.append(both or layer)

    @property
    def windowed(self) -> bool:
        """Padding over time makes an output depend on the window that asks for it."""
        return any(layer.left or layer.right for layer in self.layers)


def lower(network: Network) -> Lowered:
    """Turn a network into layers.

    Raises
    ------
    TfliteError
        If something cannot be run; the message names the operator and its place.
    """
    operators, samples, order = _begin(network)
    body, tail, logistic = _split(operators)
    _check_order(network, operators)
    made = Lowered(samples, order)
    now, pending = samples, (0, 0)
    made.features = body[-1].output if body else None
    for operator in body:
        if operator.name == "PAD":
            now, pending = padded(operator, now, pending)
            continue
        if pending != (0, 0) and operator.name not in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            raise TfliteError(f"{operator.place} follows padding; a convolution can")
        if operator.name in VIEWS or is_view(operator):
            now = now.reshaped(operator.output.shape, operator.place)
            continue
        rule = RULES.get(operator.name)
        if rule is None:
            able = ", ".join(sorted((*RULES, *VIEWS, "PAD")))
            raise TfliteError(f"{operator.place} cannot be run; these can: {able}")
        layer, now = rule(operator, now, pending)
        made.add(layer)
        if operator.name not in EACH and (bounds := bounded(operator, now)) is not None:
            made.add(bounds)
        made.operators.append(operator.name)
        pending = (0, 0)
    if not made.layers:
        raise TfliteError("the network has no layer before its classifier: nothing makes features of samples")
    if now.time > 1 and (now.axis == 0 or now.width > 64):
        made.layers.append(flattened(now))
        now = replace(now, time=1, channels=now.time * now.width, wide=1)
    if tail is not None:
        made.classifier = _classifier(tail, now, logistic)
    return made


def _begin(network: Network) -> tuple[list[Operator], Layout, NDArray[np.int64]]:
    """The operators behind what only converts the input, the samples' layout, and their order in it."""
    if len(network.inputs) != 1 or len(network.outputs) != 1:
        ends = f"{len(network.inputs)} inputs and {len(network.outputs)} outputs"
        raise TfliteError(f"{ends}; a network with one each can be run")
    operators, tensor = list(network.operators), network.inputs[0]
    if not operators:
        raise TfliteError("the network has no operators")
    if operators[0].name == "QUANTIZE" and tensor.kind != "int8":
        tensor = operators.pop(0).output
        given = network.inputs[0]
        if given.kind not in ("float32", "uint8") or (given.kind == "uint8" and not _same(given, tensor)):
            raise TfliteError(f"its input is {given.kind} of another scale than the int8 that it becomes")
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
    if samples.width > MOST_CHANNELS:
        raise TfliteError(
            f"its input has {samples.width} values at each of {samples.time} steps: the output of a feature "
            f"block (a spectrogram, MFCC), not samples of up to {MOST_CHANNELS} channels. No session "
            "computes such features; train the network on the samples themselves"
        )
    return operators, samples, order.reshape(-1)


def _reordered(operators: list[Operator], shape: tuple[int, ...]) -> tuple[NDArray[np.int64], str]:
    """Take off operators at the beginning that only bring the input into another order or shape.

    Returns the places of its values in the shape that they have then, and what gave it that shape.
    """
    if math.prod(shape) > MOST_CHANNELS * MOST_KERNEL * 16:
        raise TfliteError(f"its input has the shape {shape}: too large")
    order, place, moved = np.arange(math.prod(shape)).reshape(shape), "the input", 0
    for i, operator in enumerate(operators):
        if operator.name not in (*VIEWS, "TRANSPOSE"):
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


def _same(given: Tensor, tensor: Tensor) -> bool:
    """Whether uint8 values are the int8 ones plus 128."""
    return given.scale == tensor.scale and int(given.zeros[:1].sum()) == tensor.zero + 128


def _split(operators: list[Operator]) -> tuple[list[Operator], Operator | None, bool]:
    """The operators up to the features, the classifier behind them, and whether that ends in a logistic."""
    last = len(operators)
    while last and operators[last - 1].name in _ENDS:
        last -= 1
    ends = [operator.name for operator in operators[last:]]
    if last and operators[last - 1].name == "FULLY_CONNECTED":
        return operators[: last - 1], operators[last - 1], "LOGISTIC" in ends
    if "SOFTMAX" in ends or "LOGISTIC" in ends:
        what = operators[last - 1].place if last else "the input"
        raise TfliteError(f"{what} is followed by {ends[0]}; a fully connected layer can be the classifier")
    return operators[:last], None, False


def _check_order(network: Network, operators: list[Operator]) -> None:
    """Each operator has to take what the one before it gave."""
    before: Tensor | None = None
    for operator in operators:
        first = operator.inputs[0] if operator.inputs else None
        if before is not None and first is not before:
            raise TfliteError(f"{operator.place} does not take the output of the operator before it")
        for other in operator.inputs[1:]:
            if other is not None and not len(other.data):
                raise TfliteError(f"{operator.place} takes more than one activation; sequences can be run")
        before = operator.output
    if before is not None and network.outputs[0] is not before:
        raise TfliteError("the network's output is not that of its last operator")


def _classifier(operator: Operator, now: Layout, logistic: bool) -> Classifier:
    weights, scales, biases = fully(operator, now)
    if weights.shape[1] != now.time * now.width or now.time > 1:
        raise TfliteError(f"{operator.place} takes {weights.shape[1]} values of {now.time * now.width}")
    if (len(weights) == 1) != logistic:
        raise TfliteError(f"{operator.place} has {len(weights)} outputs; two or more classes can be learned")
    return Classifier(weights, biases, now.scale * scales.astype(np.float64), now.zero + 128, logistic)
