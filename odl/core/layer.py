"""One layer of an image's extractor: its arrays, and how it is read."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.image_layout import NEWER, REACHING, WEIGHTLESS, Op, require

MOST_LAYERS, MOST_OUTPUTS, MOST_KERNEL, MOST_TAPS = 64, 192, 4096, 16384
_FULL = (Op.CONV, Op.CONV_TWICE, Op.DENSE)  # each output from all inputs
MULTIPLYING = (*_FULL, Op.DEPTHWISE)  # those with biases, multipliers and shifts of each output
SUMMED = 3  # biases, multipliers and shifts of ADD: its two inputs' and the sum's


@dataclass(frozen=True, eq=False)
class Layer:
    """One operation over time, with outputs in uint8.

    By default a valid convolution with ReLU, whose outputs have the zero point 0. ``weights`` gives the
    sizes in any case: the last axis has the length ``wide`` for a depthwise convolution, 256 for tables and
    0 for a layer without weights. Layers that do not multiply have no numbers in the other arrays; ADD has
    three: zero points of both inputs (and 0) as biases, multipliers and shifts of both and of the sum. The
    kernel of ADD and CONCAT is how many inputs can wait for the other branch's
    (`odl.core.layer_spans.waiting`).
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
    back: int = 0  # how many layers before it the one is whose outputs it takes (too), if it reaches back

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
    def macs(self) -> int:
        """Multiply-accumulates of one output of all channels; a look-up is none."""
        return 0 if self.op == Op.TABLE else int(self.weights.size)

    @property
    def taps(self) -> int:
        """Inputs that an output of all channels is made from."""
        return self.kernel * self.inputs


def read_layers(section: Callable[..., NDArray[Any]], records: NDArray[Any], source: str) -> list[Layer]:
    """The layers of these `odl.core.image_layout.LAYER` records; ``section`` gives arrays by name."""
    shapes, facts = [], list[tuple[int, Op, int, int, int, int, int]]()
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
        left, back = (0, left) if op in REACHING else (left, 0)
        facts.append((int(s["stride"]), op, zero, left, right, wide, back))
    weights = section("weights", "i1", sum(math.prod(shape) for shape in shapes))
    channels = [numbers_of(fact[1], shape[0]) for shape, fact in zip(shapes, facts, strict=True)]
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


def numbers_of(op: Op, outputs: int) -> int:
    """How many biases, multipliers and shifts each a layer has.

    >>> numbers_of(Op.DENSE, 8), numbers_of(Op.ADD, 8), numbers_of(Op.MAX, 8)
    (8, 3, 0)
    """
    return outputs if op in MULTIPLYING else SUMMED if op == Op.ADD else 0
