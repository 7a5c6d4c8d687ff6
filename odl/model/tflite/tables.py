"""Operators on each value alone, as a table of 256 outputs for each channel.

The tables are worked out with the integers of TensorFlow Lite's reference kernels, on Python's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from odl.model.tflite.curves import CURVES
from odl.model.tflite.flat_tables import TfliteError
from odl.model.tflite.layout import Layout
from odl.model.tflite.moved import SWISH
from odl.model.tflite.network import Operator, Tensor
from odl.model.tflite.rounding import exact_multiplier, scaled

_LEFT = 20  # bits that an addition scales up by
TURNED = "turned"  # a constant less a value
_Function = Callable[[int], int]


def table_of(operator: Operator, now: Layout) -> NDArray[np.int8]:
    """The outputs of ``operator`` for int8 inputs from -128 on, (channels, or values of a position, 256).

    Raises
    ------
    TfliteError
        If the second operand is no constant, or one that differs from position to position.
    """
    out = operator.output
    if out.kind != "int8" or operator.options.get("activation", 0) not in (0, 1, 3):
        raise TfliteError(f"{operator.place} gives {out.kind}, or has an activation that cannot be run")
    with np.errstate(over="ignore", invalid="ignore"):  # an infinite factor is refused
        functions = _functions(operator, now)
    low, high = _range(operator, out)
    rows = [[min(max(f(q - now.zero) + out.zero, low), high) for q in range(-128, 128)] for f in functions]
    return np.broadcast_to(np.array(rows, np.int8), (max(len(rows), now.channels), 256))


def _functions(operator: Operator, now: Layout) -> list[_Function]:
    """What becomes of an input less its zero point, before the output's: one for all, or one for each."""
    out, scale = operator.output, now.scale
    if operator.name in CURVES:
        curve = CURVES["GELU by tanh" if operator.options.get("approximate") else operator.name]
        return [lambda x: curve(x, scale, out.scale)]
    if operator.name == SWISH:
        sigmoid, part = CURVES["LOGISTIC"], np.float32(1 / 256)
        whole = exact_multiplier(float(np.float32(scale) * part / np.float32(out.scale)))
        return [lambda x: scaled(x * min(sigmoid(x, scale, float(part)), 255), *whole)]
    if operator.name in ("RELU", "RELU6", "QUANTIZE"):
        # A ReLU works its factor out in float32, a requantisation in float64.
        narrow = float(np.float32(scale) / np.float32(out.scale))
        mult, exponent = exact_multiplier(scale / out.scale if operator.name == "QUANTIZE" else narrow)
        return [lambda x: scaled(x, mult, exponent)]
    if operator.name == "LEAKY_RELU":
        slope = np.uint32(operator.options["alpha"]).view(np.float32)
        if not np.isfinite(slope) or slope < 0:
            raise TfliteError(f"{operator.place} has the slope {slope}")
        above = exact_multiplier(float(np.float32(scale) / np.float32(out.scale)))
        below = exact_multiplier(float(np.float32(scale) * slope / np.float32(out.scale)))
        return [lambda x: scaled(x, *(above if x >= 0 else below))]
    other = _constant(operator)
    values = [int(v) - other.zero for v in _at_a_position(operator, other, now)]
    s1, s2, s3 = np.float32(scale), np.float32(other.scale), np.float32(out.scale)
    if operator.name == "PRELU":
        above, below = exact_multiplier(float(s1 / s3)), exact_multiplier(float(s1 * s2 / s3))
        return [
            lambda x, w=w: scaled(x, *above) if x >= 0 else scaled(x * w, *below)  # type: ignore[misc]
            for w in values
        ]
    if operator.name == "MUL":
        mult, exponent = exact_multiplier(float(s1 * s2 / s3))
        return [lambda x, w=w: scaled(x * w, mult, exponent) for w in values]  # type: ignore[misc]
    twice = 2.0 * float(max(s1, s2))
    one, two = exact_multiplier(float(s1) / twice), exact_multiplier(float(s2) / twice)
    whole = exact_multiplier(twice / float(np.float32(2**_LEFT) * s3))
    sign = -1 if operator.name == "SUB" else 1

    def added(constant: int) -> _Function:
        moved = sign * scaled(constant << _LEFT, *two)
        return lambda x: scaled(scaled(x << _LEFT, *one) + moved, *whole)

    if operator.options.get(TURNED):
        fixed = [scaled(w << _LEFT, *two) for w in values]
        return [lambda x, w=w: scaled(w - scaled(x << _LEFT, *one), *whole) for w in fixed]  # type: ignore[misc]
    return [added(w) for w in values]


def constant_second(operator: Operator) -> Operator:
    """The operator with its activation first, where a converter has written the constant first."""
    taken = operator.inputs
    if operator.name not in ("ADD", "MUL", "SUB") or len(taken) != 2 or None in taken:
        return operator
    if not len(operator.tensor(0).data) or len(operator.tensor(1).data):
        return operator
    return replace(operator, inputs=taken[::-1], options=operator.options | {TURNED: operator.name == "SUB"})


def _constant(operator: Operator) -> Tensor:
    if len(operator.inputs) != 2:
        raise TfliteError(f"{operator.place} has {len(operator.inputs)} operands")
    return operator.tensor(1)


def _at_a_position(operator: Operator, other: Tensor, now: Layout) -> list[int]:
    """The constant as one value, one for each channel, or one for each value of a position."""
    values, given = other.values("int8"), operator.tensor(0).shape
    n, rank = values.size, len(given)
    if n == 1 or (n == now.channels and values.shape[-1] == n):
        return [int(v) for v in values.reshape(-1)]
    sizes = (1,) * (rank - values.ndim) + values.shape
    time = now.axis if now.time > 1 else 0
    over = [1 if a == time else size for a, size in enumerate(given)]
    if rank < 3 or len(sizes) != rank or any(s not in (1, o) for s, o in zip(sizes, over, strict=True)):
        raise TfliteError(
            f"{operator.place} has a second operand of {other.shape} for {given}: one value, or one for each "
            "channel can be run, the same at each position"
        )
    return [int(v) for v in np.broadcast_to(values.reshape(sizes), over).reshape(-1)]


def _range(operator: Operator, out: Tensor) -> tuple[int, int]:
    """Where the activation bounds int8 outputs."""
    activation = {"RELU": 1, "RELU6": 3}.get(operator.name, operator.options.get("activation", 0))
    return activation_range(activation, out)


def activation_range(activation: int, out: Tensor) -> tuple[int, int]:
    """The int8 outputs that an activation of number 0 (none), 1 (ReLU) or 3 (ReLU6) leaves."""
    low = out.zero if activation else -128
    six = 127
    if activation == 3 and out.scale > 2**-10:  # with a finer scale 6 is beyond 255 steps
        six = out.zero + math.floor(np.float32(6) / np.float32(out.scale) + 0.5)
    return low, max(low, min(127, six))
