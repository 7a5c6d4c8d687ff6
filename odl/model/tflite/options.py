"""What an operator's options and tensors say, along time and along the axis beside it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.model.tflite.flat_tables import TfliteError
from odl.model.tflite.layout import Layout
from odl.model.tflite.network import ACTIVATIONS, SAME, Operator, Tensor


def ends(operator: Operator) -> tuple[float, int]:
    """The output's scale and its zero point as an image stores it, if the activation is one of ours."""
    out, activation = operator.output, operator.options.get("activation", 0)
    if out.kind != "int8":
        raise TfliteError(f"{operator.place} gives {out.kind}, not int8")
    name = ACTIVATIONS.get(activation, str(activation))
    if name not in ("none", "ReLU", "ReLU6"):
        raise TfliteError(f"{operator.place} has the activation {name}; ReLU, ReLU6 or none can be run")
    return out.scale, out.zero + 128


def steps(operator: Operator, now: Layout, names: str) -> tuple[int, int]:
    """An option for time and for the second axis."""
    height, width = operator.options[f"{names}_h"], operator.options[f"{names}_w"]
    pair = (width, height) if now.axis == 2 else (height, width)
    if not all(1 <= n <= 4096 for n in pair):
        raise TfliteError(f"{operator.place} has a {names} of {pair}")
    return pair


def sides(operator: Operator, size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Positions of padding before and behind ``size``."""
    if operator.options["padding"] != SAME:
        return 0, 0
    total = max(0, (-(-size // stride) - 1) * stride + kernel - size)
    return total // 2, total - total // 2


def scales(operator: Operator, tensor: Tensor, channels: int) -> NDArray[np.float32]:
    """A scale for each output channel."""
    scales = tensor.scales
    if len(scales) not in (1, channels):
        raise TfliteError(f"{operator.place} has {len(scales)} scales of its weights for {channels} outputs")
    if np.any(tensor.zeros != 0):
        raise TfliteError(f"{operator.place} has weights with a zero point beside 0")
    if not np.all(np.isfinite(scales) & (scales >= 0)):
        raise TfliteError(f"{operator.place} has a scale of its weights that is negative or not finite")
    return np.broadcast_to(scales, (channels,))
