"""Multipliers and shifts as TensorFlow Lite works them out from its scales in float32."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from odl.model.tflite.flat_tables import TfliteError


def multiplier(real: float, place: str, least: int = 2**30) -> tuple[int, int]:
    """``(mult, shift)`` with ``real ~ mult / 2**shift``, as its ``QuantizeMultiplier`` rounds.

    Raises
    ------
    TfliteError
        If the shift is outside 31 to 62: the factor is 1 or more, or next to nothing.

    >>> multiplier(0.5, "here")
    (1073741824, 31)
    """
    if not (math.isfinite(real) and real > 0):
        raise TfliteError(f"{place}: its scales give the factor {real}")
    fraction, exponent = math.frexp(real)
    mult = math.floor(fraction * 2**31 + 0.5)
    if mult == 2**31:
        mult, exponent = 2**30, exponent + 1
    if not 31 <= 31 - exponent <= 62:
        raise TfliteError(f"{place}: a factor of {real:.3g} from its sums to its outputs; below 1 can be run")
    return mult, 31 - exponent


def of_channels(
    scale_in: float, scales: NDArray[np.float32], scale_out: float, place: str
) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Multipliers and shifts of all output channels of a layer."""
    pairs = [multiplier(scale_in * float(scale) / scale_out, place) for scale in scales]
    return np.array([m for m, _ in pairs], np.int32), np.array([s for _, s in pairs], np.uint8)


def of_mean(scale_in: float, scale_out: float, n: int, place: str) -> tuple[int, int]:
    """Of a mean over ``n`` values: the division is part of the multiplier."""
    fraction, exponent = math.frexp(scale_in / scale_out)
    mult = math.floor(fraction * 2**31 + 0.5)
    if mult == 2**31:
        mult, exponent = 2**30, exponent + 1
    more = max(0, min(n.bit_length() - 1, 32, 31 + exponent))
    mult, shift = (mult << more) // n, 31 - exponent + more
    if not (31 <= shift <= 62 and 2**29 <= mult < 2**31):
        raise TfliteError(f"{place}: a mean over {n} values with a factor of {scale_in / scale_out:.3g}")
    return mult, shift
