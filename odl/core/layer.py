"""One layer of an image's extractor: its arrays, how it is read, and which layers can be run."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.image_layout import NEWER, WEIGHTLESS, Op, require

MOST_LAYERS, MOST_OUTPUTS, MOST_KERNEL, MOST_TAPS = 32, 192, 4096, 16384
_FULL = (Op.CONV, Op.CONV_TWICE, Op.DENSE)  # each output from all inputs
MULTIPLYING = (*_FULL, Op.DEPTHWISE)  # those with biases, multipliers and shifts


@dataclass(frozen=True, eq=False)
class Layer:
    """One operation over time, with outputs in uint8.

    By default a valid convolution with ReLU, whose outputs have the zero point 0. ``weights`` gives the
    sizes in any case: the last axis has the length ``wide`` for a depthwise convolution, 256 for tables and
    0 for a layer without weights. Layers that do not multiply have no numbers in the other arrays.
    """

    weights: NDArray[np.int8]  # (out, kernel, in)
    biases: NDArray[np.int32]  # (out,)
    mults: NDArray[np.int32]  # (out,), each in [2**30, 2**31)
    shifts: NDArray[np.uint8]  # (out,), each in [31, 62]
    stride: int
    op: Op = Op.CONV
    zero: int = 0  # the output that stands for a real 0
    left: int = 0  # padding, behind a layer WINDOW
    right: int = 0
    wide: int = 1  # inputs of each output at a position, where it has inputs of its own: every outputs-th

    @property
    def outputs(self) -> int:
        """Channels that it gives."""
        return int(self.weights.shape[0])

    @property
    def kernel(self) -> int:
        """Positions that an output is made from."""
        return int(self.weights.shape[1])

    @property
    def inputs(self) -> int:
        """Channels that it takes."""
        return int(self.weights.shape[2]) if self.op in _FULL else self.outputs * self.wide

    @property
    def taps(self) -> int:
        """Inputs that an output of all channels is made from."""
        return self.kernel * self.inputs


def read_layers(section: Callable[..., NDArray[Any]], records: NDArray[Any], source: str) -> list[Layer]:
    """The layers of these `odl.core.image_layout.LAYER` records; ``section`` gives arrays by name."""
    shapes, facts = [], list[tuple[int, Op, int, int, int, int]]()
    for i, s in enumerate(records):
        named = "op" in s.dtype.names
        number, zero, left, right = (int(s[n]) if named else 0 for n in ("op", "zero", "left", "right"))
        require(number <= max(Op), source, f"layer {i} is {NEWER}")
        op, cin, out = Op(number), int(s["cin"]), int(s["cout"])
        whole = op in _FULL or (out > 0 and cin % out == 0)
        require(whole, source, f"layer {i} makes {out} outputs of {cin} channels")
        wide = 1 if op in _FULL else cin // out
        per = cin if op in _FULL else 0 if op in WEIGHTLESS else 256 if op == Op.TABLE else wide
        shapes.append((out, int(s["kernel"]), per))
        facts.append((int(s["stride"]), op, zero, left, right, wide))
    weights = section("weights", "i1", sum(math.prod(shape) for shape in shapes))
    channels = [shape[0] if fact[1] in MULTIPLYING else 0 for shape, fact in zip(shapes, facts, strict=True)]
    outs = sum(channels)
    biases, mults = section("biases", "<i4", outs), section("mults", "<i4", outs)
    shifts = section("shifts", "u1", outs)
    layers, at_w, at_c = [], 0, 0
    for shape, fact, n in zip(shapes, facts, channels, strict=True):
        size, part = math.prod(shape), slice(at_c, at_c + n)
        own = weights[at_w : at_w + size].reshape(shape)
        layers.append(Layer(own, biases[part], mults[part], shifts[part], *fact))
        at_w, at_c = at_w + size, part.stop
    return layers


def check_layers(layers: Sequence[Layer], channels: int, window: int, hop: int, source: str) -> None:
    """Raise `ImageError` unless these layers can be run one after the other on ``channels``."""

    def need(condition: bool, what: str) -> None:
        require(condition, source, what)

    need(1 <= len(layers) <= MOST_LAYERS, f"{len(layers)} layers; 1 to {MOST_LAYERS} can be run")
    windowed, cin, size = layers[0].op == Op.WINDOW, channels, window
    for i, layer in enumerate(layers):
        out, kernel = layer.outputs, layer.kernel
        need(layer.inputs == cin, f"layer {i} takes {layer.inputs} channels where {cin} arrive")
        reach = kernel * layer.wide
        fits = 1 <= out <= MOST_OUTPUTS and 1 <= reach <= MOST_KERNEL and layer.taps <= MOST_TAPS
        need(fits, f"layer {i}: {out} outputs, kernel {kernel}, {layer.inputs} channels")
        if layer.op == Op.WINDOW:
            need(i == 0 and len(layers) > 1, f"layer {i} takes whole windows; only the first of several can")
            fits = kernel == window and layer.stride == hop and layer.wide == 1
            need(fits, f"layer 0 takes {kernel} samples at every {layer.stride}, not windows")
        else:
            need(1 <= layer.stride <= kernel, f"layer {i}: stride {layer.stride}, kernel {kernel}")
            size = (size + layer.left + layer.right - kernel) // layer.stride + 1
            need(size >= 1, f"layer {i}: no position of a window of {window} is left")
        padded = layer.left > 0 or layer.right > 0
        may = windowed and i > 0 and layer.op != Op.AVERAGE and max(layer.left, layer.right) < kernel
        need(may or not padded, f"layer {i}: padding of {layer.left} and {layer.right}; none can be there")
        need(layer.zero == 0 or layer.op != Op.CONV, f"layer {i}: zero point {layer.zero} with ReLU")
        _check_numbers(layer, i, need)
        cin = out
    need(not windowed or size == 1, f"{size} outputs for a window; layers that take whole windows give one")


def _check_numbers(layer: Layer, i: int, need: Callable[[bool, str], None]) -> None:
    if layer.op not in MULTIPLYING:
        need(layer.op != Op.TABLE or (layer.taps == layer.outputs), f"layer {i}: a table of several inputs")
        return
    least = 30 if layer.op == Op.CONV else 29
    need(bool(np.all(layer.mults >= 2**least)), f"layer {i}: a multiplier is below 2**{least}")
    shifts = bool(np.all((layer.shifts >= 31) & (layer.shifts <= 62)))
    need(shifts, f"layer {i}: a shift is outside 31 to 62")
    weights, biases = layer.weights.astype(np.int64), layer.biases.astype(np.int64)
    bound = 255 * np.abs(weights).sum((1, 2)) + np.abs(biases)
    need(bool(np.all(bound < 2**31)), f"layer {i}: an accumulator could overflow int32")
