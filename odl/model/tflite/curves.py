"""Sigmoid, tanh and hard swish of int8 values, as TensorFlow Lite's reference kernels work them out.

A sigmoid and a tanh are float32 functions there, looked up; a hard swish has integers of 16 bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from odl.model.tflite.rounding import exact_multiplier

Curve = Callable[
    [int, float, float], int
]  # an input less its zero point, both scales: an output less its own


def _looked_up(function: Callable[[np.float32], np.float32]) -> Curve:
    def curve(value: int, scale: float, scale_out: float) -> int:
        real = function(np.float32(np.float32(scale) * np.float32(value)))
        steps = float(np.float32(real * np.float32(np.float32(1) / np.float32(scale_out))))
        return math.floor(abs(steps) + 0.5) * (1 if steps >= 0 else -1)

    return curve


def _sigmoid(value: np.float32) -> np.float32:
    power = np.float32(math.exp(min(-float(value), 88.7)))  # above it float32 has no such number
    return np.float32(np.float32(1) / (np.float32(1) + power))


def _hard_swish(value: int, scale: float, scale_out: float) -> int:
    fine = np.float32(np.float32(1 / 128) * np.float32(scale))
    slope, move = _narrow(float(fine / np.float32(scale_out)))
    gate, shift = _narrow(float(fine / np.float32(np.float32(3) / np.float32(32768))))
    high = value << 7
    open_to = _within(high << max(0, shift - 1))
    open_to = _within(_high(open_to, gate) << min(1, max(0, shift)))
    open_to = (_shifted(open_to, max(0, -shift)) + 2**15) >> 1
    product = open_to * _high(high, slope)
    return _shifted((abs(product) >> 15) * (1 if product >= 0 else -1), max(0, -move))


def _narrow(real: float) -> tuple[int, int]:
    """A multiplier of 16 bits, and its exponent."""
    mult, exponent = exact_multiplier(real)
    return min((mult + 2**15) >> 16, 2**15 - 1), exponent


def _high(a: int, b: int) -> int:
    """``a * b / 2**15``, rounded to the nearest, ties upwards."""
    return min((a * b + 2**14) >> 15, 2**15 - 1)


def _shifted(value: int, shift: int) -> int:
    """``value / 2**shift``, rounded to the nearest, ties away from zero."""
    size = (abs(value) + (1 << shift >> 1)) >> shift
    return size if value >= 0 else -size


def _within(value: int) -> int:
    return min(max(value, -(2**15)), 2**15 - 1)


def _gelu(value: np.float32) -> np.float32:
    inner = np.float32(math.erf(float(np.float32(value * np.float32(math.sqrt(0.5))))))
    return np.float32(np.float32(np.float32(0.5) * value) * np.float32(np.float32(1) + inner))


def _gelu_by_tanh(value: np.float32) -> np.float32:
    cube = np.float32(np.float32(np.float32(np.float32(0.044715) * value) * value) * value)
    inner = np.float32(np.float32(math.sqrt(2 / math.pi)) * np.float32(value + cube))
    outer = np.float32(np.float32(1) + np.float32(math.tanh(float(inner))))
    return np.float32(np.float32(np.float32(0.5) * value) * outer)


CURVES: Final[dict[str, Curve]] = {
    "LOGISTIC": _looked_up(_sigmoid),
    "TANH": _looked_up(lambda value: np.float32(math.tanh(float(value)))),
    "HARD_SWISH": _hard_swish,
    "GELU": _looked_up(_gelu),
    "GELU by tanh": _looked_up(_gelu_by_tanh),
}
