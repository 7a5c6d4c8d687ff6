"""A .tflite file as a model image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from odl.core.image import ROOT, Channel, Image, Layer
from odl.core.image_layout import MOST_ROWS, ImageError, Op, room_for
from odl.core.layer_spans import LayerSpan, spans, waiting
from odl.model.tflite.flat_tables import TfliteError
from odl.model.tflite.layout import Layout
from odl.model.tflite.lower import Classifier, Lowered, lower
from odl.model.tflite.network import Network, Tensor, read_network

FORMAT = 20  # fractional bits of the logits
_LEARNING = {"epochs": 16, "rate_shift": 11, "imprint": 16}


@dataclass(frozen=True, eq=False)
class ConvertedNetwork:
    """An image made of a network, and what to compare it with.

    Attributes
    ----------
    image : Image
    network : Network
    features : Tensor
        What the image's features equal, less 128.
    start : Layout
        What a window of samples is.
    order : int (window * channels,)
        Where each value of a window stands in the network's input.
    classifier : Classifier or None
        What became the image's first head, if the network ends in one and a head was wanted.
    rows : int
        Of the features' tensor where an image pools them: each row has all positions.
    too_many : int
        Values before the classifier, where they are too many for features: these are its outputs then.
    """

    image: Image
    network: Network
    features: Tensor
    start: Layout
    order: NDArray[np.int64]
    classifier: Classifier | None
    rows: int
    too_many: int


def convert(
    data: bytes,
    *,
    rate_hz: float,
    hop: int | None = None,
    channels: Sequence[str] = (),
    units: Sequence[str] = (),
    classes: Sequence[str] = (),
    head: bool = True,
    name: str = "",
) -> ConvertedNetwork:
    """Turn an int8 network over time into a model image.

    Parameters
    ----------
    data : bytes
        A .tflite file.
    rate_hz : float
        Samples a second that the network was trained on.
    hop : int, optional
        Samples between the starts of two windows; default: half a window.
    channels, units : sequence of str
        Of the samples, in the network's order; one unit can stand for all.
    classes : sequence of str
        Names, in the order of the classifier's outputs; without it any that are to be learned.
    head : bool
        Let the network's classifier be the first head; otherwise the heads begin at zero.
    name : str
        Of the file, for the image's card.

    Raises
    ------
    TfliteError
        If the file is damaged, or something in it cannot be run; the message names the place.
    """
    network = read_network(data)
    lowered = lower(network, head)
    assert lowered.features is not None
    layers, step = _laid_out(lowered, hop)
    try:
        image = Image(
            channels=_channels(lowered.start, channels, units), rate_hz=rate_hz, window=lowered.start.time,
            hop=step, layers=layers, parents=np.array([ROOT], np.uint8),
            formats=np.array([FORMAT], np.uint8), row_class=np.zeros(0, np.uint8),
            row_head=np.zeros(0, np.uint8), base=np.zeros((0, 0), np.int32),
            stored=np.zeros((0, 0), np.uint8), owners=np.zeros(0, np.uint8), names={},
            card={"made": f"odl convert {name}".strip(), "operators": lowered.operators}, **_LEARNING,
        )  # fmt: skip
        named = _names(lowered, classes)
        if image.features > 192:
            raise TfliteError(f"{image.features} features of a window; up to 192 can be used")
        base = np.zeros((len(named), image.features + 1), np.int32)
        formats = image.formats
        if lowered.classifier is not None:
            base, fmt = _head(lowered.classifier)
            formats = np.array([fmt], np.uint8)
        image = replace(
            image, base=base, formats=formats, row_class=np.arange(len(named), dtype=np.uint8),
            row_head=np.zeros(len(named), np.uint8), names=dict(enumerate(named)),
            stored=np.zeros((0, image.features), np.uint8),
            max_rows=room_for(len(named)),
        )  # fmt: skip
        image.check()
    except ImageError as error:
        what = str(error).removeprefix("model image: ")
        raise TfliteError(f"it does not fit a model image: {what}") from None
    return ConvertedNetwork(
        image,
        network,
        lowered.features,
        lowered.start,
        lowered.order,
        lowered.classifier,
        lowered.rows,
        lowered.too_many,
    )


def _laid_out(lowered: Lowered, hop: int | None) -> tuple[tuple[Layer, ...], int]:
    """The layers as a stream or for whole windows, and the hop."""
    window, layers = lowered.start.time, list(lowered.layers)
    if lowered.windowed:
        step = max(1, window // 2) if hop is None else hop
        nothing = np.zeros(0, np.int32)
        blank = np.zeros((lowered.start.width, window, 0), np.int8)
        zero = lowered.start.zero + 128
        whole = Layer(blank, nothing, nothing, nothing.astype(np.uint8), step, Op.WINDOW, zero)
        _require_hop(step, window, 1)
        return _with_room((whole, *layers), window), step
    given = [LayerSpan(1, 1, window), *spans(layers, window)]  # what each layer takes, and gives
    jump, most = given[-1].stride, window
    for before, after, layer in zip(given, given[1:], layers, strict=False):
        if before.length > 1 and after.length == 1 and not layer.back:
            # It makes one position of a whole window, and moves on by a hop: it computes once for each.
            jump, most = before.stride, min(most, layer.kernel * before.stride)
    step = min(max(jump, window // 2 // jump * jump), most) if hop is None else hop
    _require_hop(step, most, jump)
    for i, layer in enumerate(layers):
        if given[i + 1].length == 1:
            single = given[i].length == 1 or layer.back
            layers[i] = replace(layer, stride=1 if single else step // given[i].stride)
    return _with_room(layers, window), step


def _with_room(layers: Sequence[Layer], window: int) -> tuple[Layer, ...]:
    """The layers with room for inputs that wait where two branches meet."""
    rooms = zip(layers, waiting(layers, window), strict=True)
    return tuple(
        replace(layer, weights=np.zeros((layer.outputs, room, 0), np.int8)) if layer.back else layer
        for layer, room in rooms
    )


def _require_hop(step: int, most: int, jump: int) -> None:
    if not (0 < step <= most and step % jump == 0):
        able = f"multiples of {jump} up to {most // jump * jump} can be used"
        raise TfliteError(f"a hop of {step} samples; {able}")


def _channels(start: Layout, names: Sequence[str], units: Sequence[str]) -> tuple[Channel, ...]:
    n = start.width
    given = list(names) or [f"c{i + 1}" for i in range(n)]
    kinds = list(units) * n if len(units) == 1 else list(units) or ["1"] * n
    if len(given) != n or len(kinds) != n:
        raise TfliteError(f"{len(given)} channels and {len(kinds)} units are named; the network takes {n}")
    if len(set(given)) < n or "" in given:
        raise TfliteError(f"the channels are called {', '.join(given)}; each needs a name of its own")
    pairs = zip(given, kinds, strict=True)
    return tuple(Channel(name, unit, start.scale, start.zero) for name, unit in pairs)


def _names(lowered: Lowered, classes: Sequence[str]) -> list[str]:
    classifier, known = lowered.classifier, lowered.outputs
    if classifier is not None:
        known = 2 if classifier.logistic else len(classifier.weights)
        if len(classes) not in (0, known):
            raise TfliteError(f"{len(classes)} classes are named; the network tells {known} apart")
    return list(classes) or [f"class {i + 1}" for i in range(known if 2 <= known <= MOST_ROWS else 2)]


def _head(classifier: Classifier) -> tuple[NDArray[np.int32], int]:
    """The classifier as a head's weights and format: logits to about 2**-20 of their size.

    A real logit is ``scale * (sum of w * (q - zero) + bias)``. The last column is fed by 128.
    """
    weights, scales = classifier.weights.astype(np.float64), classifier.scales[:, None]
    constant = classifier.biases[:, None] - classifier.zero * weights.sum(1, keepdims=True)
    real = np.hstack([weights, constant / 128]) * scales
    if classifier.logistic:
        real = np.vstack([np.zeros_like(real), real])
    largest = float(np.abs(real).max(initial=0.0))
    if not math.isfinite(largest):
        raise TfliteError("the classifier's weights are not finite")
    fmt = FORMAT if largest == 0 else max(8, min(FORMAT, 29 - math.frexp(largest)[1]))
    return np.clip(np.round(real * 2.0**fmt), -(2**30), 2**30).astype(np.int32), fmt
