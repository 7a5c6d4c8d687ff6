"""Which layers can be run, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from odl.core.image_layout import REACHING, Op, require
from odl.core.layer import MOST_KERNEL, MOST_LAYERS, MOST_OUTPUTS, MOST_TAPS, MULTIPLYING, SUMMED, Layer
from odl.core.layer_spans import LayerSpan, spans, waiting

_Need = Callable[[bool, str], None]


def check_layers(layers: Sequence[Layer], channels: int, window: int, hop: int, source: str) -> None:
    """Raise `ImageError` unless these layers can be run one after the other on ``channels``."""

    def need(condition: bool, what: str) -> None:
        require(condition, source, what)

    need(1 <= len(layers) <= MOST_LAYERS, f"{len(layers)} layers; 1 to {MOST_LAYERS} can be run")
    windowed = layers[0].op == Op.WINDOW
    for i, layer in enumerate(layers):
        out, kernel, reach = layer.outputs, layer.kernel, layer.kernel * layer.wide
        fits = 1 <= out <= MOST_OUTPUTS and 1 <= reach <= MOST_KERNEL and layer.taps <= MOST_TAPS
        need(fits, f"layer {i}: {out} outputs, kernel {kernel}, {layer.inputs} channels")
        arriving = _arriving(layers, i, channels, need) if layer.op in REACHING else channels
        need(layer.inputs == arriving, f"layer {i} takes {layer.inputs} channels where {arriving} arrive")
        if layer.op == Op.WINDOW:
            need(i == 0 and len(layers) > 1, f"layer {i} takes whole windows; only the first of several can")
            fits = kernel == window and layer.stride == hop and layer.wide == 1
            need(fits, f"layer 0 takes {kernel} samples at every {layer.stride}, not windows")
        else:
            need(1 <= layer.stride <= kernel, f"layer {i}: stride {layer.stride}, kernel {kernel}")
        padded = layer.left > 0 or layer.right > 0
        most = min(kernel - 1, 255)
        may = windowed and i > 0 and layer.op not in REACHING and max(layer.left, layer.right) <= most
        need(may or not padded, f"layer {i}: padding of {layer.left} and {layer.right}; none can be there")
        need(layer.zero == 0 or layer.op != Op.CONV, f"layer {i}: zero point {layer.zero} with ReLU")
        _check_numbers(layer, i, need)
        channels = out
    _check_spans(layers, window, windowed, need)


def _arriving(layers: Sequence[Layer], i: int, before: int, need: _Need) -> int:
    """Channels that arrive at layer ``i``, which takes those of an earlier layer too."""
    layer, first = layers[i], 1 if layers[0].op == Op.WINDOW else 0
    known = 1 <= layer.back <= i - first and layer.stride == 1 and layer.wide == 1
    need(known, f"layer {i} takes the outputs of the {layer.back}th layer before it, stride {layer.stride}")
    other = layers[i - layer.back].outputs
    if layer.op == Op.ADD:
        need(before == other, f"layer {i} adds {other} channels to {before}")
    return before + other if layer.op == Op.CONCAT else other


def _check_spans(layers: Sequence[Layer], window: int, windowed: bool, need: _Need) -> None:
    """Each layer has outputs; where two branches meet, both have as many, of the same samples."""
    found, room = spans(layers, window), waiting(layers, window)
    before = LayerSpan(1, 1, window)
    for i, (layer, span) in enumerate(zip(layers, found, strict=True)):
        need(span.length >= 1, f"layer {i}: no position of a window of {window} is left")
        if layer.op in (Op.ADD, Op.CONCAT):
            other = found[i - layer.back]
            same = other.length == before.length if windowed else other == before
            need(same, f"layer {i}: its branches have {other.length} and {before.length} positions")
        if layer.op in REACHING:
            need(layer.kernel >= room[i], f"layer {i}: room for {layer.kernel} inputs where {room[i]} wait")
            need(windowed or layer.kernel == room[i], f"layer {i}: room for {layer.kernel}, not {room[i]}")
        if layer.op == Op.AVERAGE and (layer.left or layer.right):
            rest = (before.length + layer.left + layer.right - layer.kernel) % layer.stride
            need(rest == 0, f"layer {i}: {rest} positions of its padding are never used")
        before = span
    one = not windowed or before.length == 1
    need(one, f"{before.length} outputs for a window; layers that take whole windows give one")


def _check_numbers(layer: Layer, i: int, need: _Need) -> None:
    if layer.op == Op.TABLE:
        need(layer.taps == layer.outputs, f"layer {i}: a table of several inputs")
    if layer.op not in (*MULTIPLYING, Op.ADD):
        return
    least = 30 if layer.op == Op.CONV else 29
    need(bool(np.all(layer.mults >= 2**least)), f"layer {i}: a multiplier is below 2**{least}")
    shifts = bool(np.all((layer.shifts >= 31) & (layer.shifts <= 62)))
    need(shifts, f"layer {i}: a shift is outside 31 to 62")
    weights, biases = layer.weights.astype(np.int64), layer.biases.astype(np.int64)
    if layer.op == Op.ADD:
        zeros = len(biases) == SUMMED and bool(np.all((biases >= 0) & (biases <= 255)))
        need(zeros, f"layer {i}: a zero point of what is added is outside 0 to 255")
        return
    bound = 255 * np.abs(weights).sum((1, 2)) + np.abs(biases)
    need(bool(np.all(bound < 2**31)), f"layer {i}: an accumulator could overflow int32")
