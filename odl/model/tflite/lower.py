"""A network as layers of a model image, a classifier, and the layout of the samples."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from odl.core.image_layout import MOST_ROWS, Op
from odl.core.layer import MOST_LAYERS, MOST_OUTPUTS, Layer
from odl.core.layer_spans import spans
from odl.model.tflite.each import bounded, joined
from odl.model.tflite.ends import split, start_of
from odl.model.tflite.flat_tables import TfliteError
from odl.model.tflite.joins import added, check_concatenation, side_by_side, without_numbers
from odl.model.tflite.layout import Layout
from odl.model.tflite.moved import CROPS, EACH, MOVES, check_axes, cropped, moved, padded, surrounded
from odl.model.tflite.network import Network, Operator, Tensor
from odl.model.tflite.operators import RULES, flattened, fully
from odl.model.tflite.pooling import unpooled

_PADDED = ("CONV_2D", "DEPTHWISE_CONV_2D")  # those that can bring the padding before them
_ABLE = (*RULES, *MOVES, *CROPS, "PAD", "CONCATENATION")
_MOST_WEIGHTS = 2**24


@dataclass(frozen=True)
class Classifier:
    """A fully connected layer at the end: real logits are ``scales * (weights @ (q - zero) + biases)``."""

    weights: NDArray[np.int8]  # (classes, features)
    biases: NDArray[np.int64]
    scales: NDArray[np.float64]  # (classes,)
    zero: int  # of the features as an image has them: 0 to 255
    logistic: bool  # one output, the probability of the second class


@dataclass(frozen=True)
class Activation:
    """What an operator gives: which layer computes it, and how its values lie."""

    layer: int  # -1: the samples
    layout: Layout
    pending: tuple[int, int] = (0, 0)  # padding before and behind, which no layer has brought yet
    shared: bool = False  # more than one operator takes it


@dataclass
class Lowered:
    """What the operators became."""

    start: Layout  # of the samples
    order: NDArray[np.int64]  # where each value of a window of samples stands in the network's input
    layers: list[Layer] = field(default_factory=list)
    features: Tensor | None = None  # the tensor that a window's features equal, less 128
    classifier: Classifier | None = None
    outputs: int = 0  # of the network's last layer, where that is one behind the features
    rows: int = 1  # of the features' tensor: each has all positions that an image pools
    too_many: int = (
        0  # values before the classifier, where they are more than features can be: its outputs are then
    )
    operators: list[str] = field(default_factory=list)  # names, in order, of those that compute

    def add(self, layer: Layer, alone: bool = True) -> None:
        """The next layer; tables that follow each other become one if the first is needed ``alone``."""
        both = joined(self.layers[-1], layer) if self.layers and alone else None
        if both is not None:
            self.layers.pop()
        if len(self.layers) >= MOST_LAYERS:
            raise TfliteError(f"it would have more than {MOST_LAYERS} layers; up to {MOST_LAYERS} can be run")
        self.layers.append(both or layer)
        if sum(one.weights.size for one in self.layers) > _MOST_WEIGHTS:
            raise TfliteError(f"it would have more than {_MOST_WEIGHTS} weights; up to that can be run")

    @property
    def last(self) -> int:
        """The number of the last layer."""
        return len(self.layers) - 1

    def fetch(self, now: Activation) -> None:
        """Let the last layer be the one that computes ``now``, or one that hands on what that gives."""
        if now.layer != self.last:
            zero = now.layout.stored_zero
            self.add(without_numbers(Op.BRANCH, now.layout.width, zero, len(self.layers) - now.layer))

    @property
    def windowed(self) -> bool:
        """Whether an output depends on the window that asks for it: padding, or branches of unequal reach."""
        if any(layer.left or layer.right for layer in self.layers):
            return True
        found = spans(self.layers, self.start.time)
        meeting = [i for i, layer in enumerate(self.layers) if layer.op in (Op.ADD, Op.CONCAT)]
        return any(found[i - 1] != found[i - self.layers[i].back] for i in meeting)


def lower(network: Network, head: bool = True) -> Lowered:
    """Turn a network into layers, and its last one into a classifier if a ``head`` is wanted.

    Raises
    ------
    TfliteError
        If something cannot be run; the message names the operator and its place.
    """
    operators, samples, order = start_of(network)
    body, tail, probable = split(operators)
    made = Lowered(samples, order)
    uses = Counter(t for o in operators for t in _activations(o))
    known = _samples(made, body, uses)
    for operator, following in zip(body, [*body[1:], tail], strict=False):
        if operator.name == "DEQUANTIZE" and following is not None:
            raise TfliteError(
                f"{operator.place} goes over to float32 before {following.place}: the converter had no "
                "int8 form of what stands there; leave that layer out, or take another"
            )
        with operator.named_in_errors():
            known[operator.output] = _lowered(made, operator, known, uses)
    if tail is not None and made.layers and (n := _too_many(tail, known[body[-1].output].layout)):
        known[tail.output] = _lowered(made, tail, known, uses)
        body, tail, made.too_many = [*body, tail], None, n
    if not made.layers:
        raise TfliteError("the network has no layer before its classifier: nothing makes features of samples")
    made.features = body[-1].output
    now = known[made.features]
    _check_ends(network, operators, body, uses)
    if now.layer != made.last or now.pending != (0, 0):
        raise TfliteError(f"{body[-1].place} is followed by nothing that can be run")
    layout = replace(now.layout, rows=now.layout.outer)
    if layout.time > 1 and (layout.axis == 0 or layout.width > 64 or _takes_all(tail, layout)):
        made.add(flattened(layout, body[-1].place))
        layout = replace(layout, time=1, channels=layout.time * layout.width, wide=1, rows=1)
    made.rows = layout.rows
    if tail is not None or probable or made.too_many:
        made.outputs = layout.width if tail is None else math.prod(tail.output.shape)
        made.classifier = _classifier(tail or body[-1], tail is not None, layout, probable) if head else None
    return made


def _too_many(tail: Operator, now: Layout) -> int:
    """How many values a fully connected layer takes, if they are more than features can be; or 0."""
    n = now.time * now.width
    return n if n > MOST_OUTPUTS and (now.axis == 0 or _takes_all(tail, now)) else 0


def _takes_all(tail: Operator | None, now: Layout) -> bool:
    """Whether a fully connected layer takes all positions of a tensor that is not flat."""
    return tail is not None and tail.tensor(1).shape[1:] == (now.time * now.width,)


def _activations(operator: Operator) -> list[Tensor]:
    """The inputs of an operator that other operators give."""
    return [t for i, t in enumerate(operator.inputs) if t is not None and (i == 0 or not len(t.data))]


def _samples(made: Lowered, body: Sequence[Operator], uses: Counter[Tensor]) -> dict[Tensor, Activation]:
    """What is known at the beginning; samples that are needed twice go through a layer that hands them on."""
    if not body:
        return {}
    first = body[0].tensor(0)
    alike = {first}  # the samples in any shape
    for operator in body:
        if operator.name in MOVES and operator.tensor(0) in alike:
            alike.add(operator.output)
    if any(uses[tensor] > 1 for tensor in alike):
        layer, layout = unpooled(made.start)
        made.add(layer)
        return {first: Activation(0, layout, shared=True)}
    return {first: Activation(-1, made.start)}


def _lowered(
    made: Lowered, operator: Operator, known: dict[Tensor, Activation], uses: Counter[Tensor]
) -> Activation:  # fmt: skip
    """Add the layers of one operator; what it gives."""
    if operator.name not in _ABLE:
        raise TfliteError(f"{operator.place} cannot be run; these can: {', '.join(sorted(_ABLE))}")
    inputs = []
    for tensor in _activations(operator):
        if tensor not in known:
            raise TfliteError(f"{operator.place} takes a tensor that no operator before it gives")
        inputs.append(known[tensor])
    if not inputs:
        raise TfliteError(f"{operator.place} takes nothing")
    shared = uses[operator.output] > 1
    if len(inputs) > 1 or operator.name == "CONCATENATION":
        return replace(_met(made, operator, [_settled(made, operator, one) for one in inputs]), shared=shared)
    (now,) = inputs
    if operator.name not in MOVES:
        check_axes(operator, now.layout)
    if operator.name == "PAD":
        layout, pending = padded(operator, now.layout, now.pending)
        return replace(now, layout=layout, pending=pending, shared=shared or now.shared)
    if operator.name in MOVES:
        beside = sum(now.pending)
        layout = moved(operator, replace(now.layout, time=now.layout.time + beside))
        if layout.axis != 0 or not beside:
            return replace(
                now, layout=replace(layout, time=layout.time - beside), shared=shared or now.shared
            )
        now = _settled(made, operator, now)
        return replace(now, layout=layout, shared=shared or now.shared)
    if max(now.pending) >= _reach(operator):
        now = _settled(made, operator, now)
    if made.layers:
        made.fetch(now)
    if operator.name in CROPS:
        layer, layout = cropped(operator, now.layout)
    else:
        layer, layout = RULES[operator.name](operator, now.layout, now.pending)
    made.add(layer, not now.shared)
    if operator.name not in EACH and (bounds := bounded(operator, layout)) is not None:
        made.add(bounds)
    made.operators.append(operator.name)
    return Activation(made.last, layout, shared=shared)


def _reach(operator: Operator) -> int:
    """Positions that an operator's kernel reaches over, if it can bring the padding before it."""
    if operator.name not in _PADDED or len(shape := operator.tensor(1).shape) != 4:
        return 0
    apart = operator.options["dilation_h"], operator.options["dilation_w"]
    return max((n - 1) * d + 1 for n, d in zip(shape[1:3], apart, strict=True))


def _settled(made: Lowered, operator: Operator, now: Activation) -> Activation:
    """``now`` with its padding brought by a layer, if it has any."""
    if now.pending == (0, 0):
        return now
    if made.layers:
        made.fetch(now)
    layer, layout = surrounded(now.layout, *now.pending, f"the padding before {operator.place}")
    made.add(layer)
    return Activation(made.last, layout, shared=now.shared)


def _met(made: Lowered, operator: Operator, inputs: list[Activation]) -> Activation:
    """Add the layers of an operator on several activations; what it gives."""
    layouts = [one.layout for one in inputs]
    if operator.name == "ADD" and len(inputs) == 2:
        one, other = inputs if inputs[1].layer == made.last else inputs[::-1]
        made.fetch(other)
        layer, layout = added(operator, one.layout, other.layout, len(made.layers) - one.layer)
        made.add(layer)
        if (bounds := bounded(operator, layout)) is not None:
            made.add(bounds)
    elif operator.name == "CONCATENATION" and len(operator.inputs) == len(inputs):
        check_concatenation(operator, layouts)
        one, layout = inputs[0], layouts[0]
        at = one.layer
        if len(inputs) == 1:
            made.fetch(one)
        for other in inputs[1:]:
            made.fetch(other)
            layer, layout = side_by_side(operator, layout, other.layout, len(made.layers) - at)
            made.add(layer)
            at = made.last
        layout = layout.resized(operator.output.shape)
    else:
        raise TfliteError(
            f"{operator.place} takes more than one activation; ADD and CONCATENATION can be run"
        )
    made.operators.append(operator.name)
    return Activation(made.last, layout)


def _check_ends(
    network: Network, operators: list[Operator], body: Sequence[Operator], uses: Counter[Tensor]
) -> None:  # fmt: skip
    """What each operator gives is taken by another, and at the end by the next one alone."""
    for operator in operators[:-1]:
        if not uses[operator.output]:
            raise TfliteError(f"{operator.place} gives what no operator takes")
    before = body[-1]
    for operator in operators[len(body) :]:
        if operator.tensor(0) is not before.output or uses[before.output] != 1:
            raise TfliteError(f"{operator.place} does not take the output of the operator before it alone")
        before = operator
    if network.outputs[0] is not before.output:
        raise TfliteError("the network's output is not that of its last operator")


def _classifier(operator: Operator, connected: bool, now: Layout, probable: str) -> Classifier:
    """A fully connected layer, or without one the features themselves, as logits."""
    other = "without its head (--no-head) the network can be run"
    weights, scales = np.eye(now.width, dtype=np.int8), np.ones(now.width, np.float32)
    biases = np.zeros(now.width, np.int64)
    if connected:
        with operator.named_in_errors():
            weights, scales, biases = fully(operator, now)
    n, logistic = len(weights), probable == "LOGISTIC"
    if now.time > 1:
        said = f"gives {n} values at each of {now.time} positions, not one class of a window"
    elif weights.shape[1] != now.width:
        raise TfliteError(f"{operator.place} takes {weights.shape[1]} values of {now.width}")
    elif n > 1 and logistic:
        said = f"has {n} outputs with a LOGISTIC each, of which several can be true; a head chooses one"
    elif n == 1 and not logistic:
        said = "has one output, a number; a head chooses one of two classes or more"
    elif n > MOST_ROWS:
        said = f"has {n} outputs; a head has room for {MOST_ROWS} classes"
    else:
        return Classifier(weights, biases, now.scale * scales.astype(np.float64), now.zero + 128, logistic)
    raise TfliteError(f"{operator.place} {said}; {other}")
