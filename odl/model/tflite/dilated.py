"""Convolutions that a converter has written as ones on every d-th position, as dilated ones.

Between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND a convolution runs on every d-th position alone, d times. That
is one convolution of all positions with dilation d.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from odl.model.tflite.flat_tables import TfliteError
from odl.model.tflite.moved import VIEWS
from odl.model.tflite.network import VALID, Operator, Tensor

APART, TOGETHER = "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"


def dilated(operators: Sequence[Operator]) -> list[Operator]:
    """The operators with dilated convolutions in place of such groups.

    Raises
    ------
    TfliteError
        If there is something else between the two operators, or they are over several axes.
    """
    made, i = list[Operator](), 0
    while i < len(operators):
        if operators[i].name != APART:
            made.append(operators[i])
            i += 1
            continue
        between = [o for o in operators[i + 1 : i + 9] if o.name not in VIEWS]
        if len(between) < 2 or not between[0].name.endswith("CONV_2D") or between[1].name != TOGETHER:
            raise TfliteError(f"{operators[i].place} can be run around one convolution, up to {TOGETHER}")
        last = operators.index(between[1])
        chain = operators[i : last + 1]
        if any(b.tensor(0) is not a.output for a, b in zip(chain, chain[1:], strict=False)):
            raise TfliteError(f"{operators[i].place} gives its output to others than the next operator")
        made += _as_one(operators[i], *between[:2])
        i = last + 1
    return made


def _as_one(apart: Operator, conv: Operator, together: Operator) -> list[Operator]:
    """Padding, another shape, the convolution, and the shape that it had."""
    source, inner, out = apart.tensor(0), conv.tensor(0), together.output
    blocks, other = (o.tensor(1).values("int32").reshape(-1).tolist() for o in (apart, together))
    pads, crops = (o.tensor(2).values("int32") for o in (apart, together))
    axes = [n + 1 for n, block in enumerate(blocks) if block != 1]
    fits = 1 <= len(blocks) <= 2 and pads.shape == crops.shape == (len(blocks), 2) and blocks == other
    if not fits or len(axes) != 1 or len(inner.shape) != 4 or len(source.shape) != len(out.shape):
        raise TfliteError(f"{apart.place} is over {len(axes)} axes, or in other blocks than {together.place}")
    axis, block = axes[0], blocks[axes[0] - 1]
    left, right = (pads[axis - 1] - crops[axis - 1]).tolist()
    along = axis if len(source.shape) == 4 else 2 if inner.shape[1] == 1 else 1  # time in the convolution
    if (
        len(source.shape) <= axis
        or not 1 < block <= 4096
        or not 0 <= min(left, right) <= max(left, right) < 4096
    ):
        raise TfliteError(f"{apart.place} leaves out more than it adds, or is over an axis that is not there")
    if np.count_nonzero(pads) > np.count_nonzero(pads[axis - 1]) or conv.options["padding"] != VALID:
        raise TfliteError(f"{apart.place} pads another axis, or {conv.place} pads itself")
    time = source.shape[axis] + left + right

    def shaped(tensor: Tensor, size: int, at: int) -> Tensor:
        return replace(tensor, shape=(*tensor.shape[:at], size, *tensor.shape[at + 1 :]))

    wide = shaped(inner, time, along)
    wide = replace(wide, shape=(1, *wide.shape[1:]))
    given = replace(conv.output, shape=(1, *shaped(conv.output, out.shape[axis], along).shape[1:]))
    dilation = {"dilation_w" if along == 2 else "dilation_h": block}
    found = [
        Operator(apart.number, "RESHAPE", (source,), (wide,), {}),
        replace(conv, inputs=(wide, *conv.inputs[1:]), outputs=(given,), options=conv.options | dilation),
        Operator(together.number, "RESHAPE", (given,), (out,), {}),
    ]
    if left or right:
        amounts = np.zeros((len(source.shape), 2), "<i4")
        amounts[axis] = left, right
        constant = Tensor(-1, "", amounts.shape, "int32", np.zeros(0, np.float32), np.zeros(0, np.int64),
                          amounts.reshape(-1).view(np.uint8))  # fmt: skip
        padded = shaped(source, time, axis)
        found[0] = replace(found[0], inputs=(padded,))
        found.insert(0, Operator(apart.number, "PAD", (source, constant), (padded,), {}))
    return found
