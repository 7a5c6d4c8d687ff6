"""Multipliers and shifts as TensorFlow Lite works them out from its scales in float32."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from odl.model.tflite.flat_tables import TfliteError


def exact_multiplier(real: float) -> tuple[int, int]:
    """``(mult, exponent)`` with ``real ~ mult / 2**31 * 2**exponent``, as ``QuantizeMultiplier`` rounds.

    >>> exact_multiplier(3.0)
    (1610612736, 2)

    Raises
    ------
    TfliteError
        If ``real`` is not finite: scales so far apart that float32 does not hold their ratio.
    """
    if not math.isfinite(real):
        raise TfliteError("damaged: two scales are so far apart that their ratio is no number")
    fraction, exponent = math.frexp(real)
    mult = math.floor(fraction * 2**31 + 0.5)
    if mult == 2**31:
        mult, exponent = 2**30, exponent + 1
    return (0, 0) if exponent < -31 else (mult, exponent)


def scaled(value: int, mult: int, exponent: int) -> int:
    """``value`` times a multiplier of `exact_multiplier`, rounded twice.

    >>> scaled(-6, 2**30, -1), scaled(6, 2**30, -1)
    (-2, 2)
    """
    first = ((value << max(0, exponent)) * mult + 2**30) >> 31
    rest = max(0, -exponent)
    if rest == 0:
        return first
    size = (abs(first) + (1 << rest >> 1)) >> rest
    return size if first >= 0 else -size


def multiplier(real: float, place: str) -> tuple[int, int]:
    """``(mult, shift)`` with ``real ~ mult / 2**shift``, as a layer of an image has them.

    Raises
    ------
    TfliteError
        If the shift is outside 31 to 62: the factor is 1 or more, or next to nothing.

    >>> multiplier(0.5, "here")
    (1073741824, 31)
    """
    mult, exponent = exact_multiplier(real)
    if mult == 0 or exponent > 0:
        raise TfliteError(f"{place}: a factor of {real:.3g} from its sums to its outputs; below 1 can be run")
    return mult, 31 - exponent


def of_channels(
    factors: NDArray[np.float64], place: str
) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:  # fmt: skip
    """Multipliers and shifts of all outputs of a layer."""
    pairs = [multiplier(factor, place) for factor in factors.tolist()]
    return np.array([m for m, _ in pairs], np.int32), np.array([s for _, s in pairs], np.uint8)


def without_dead(
    weights: NDArray[np.int8], biases: NDArray[np.int64], factors: NDArray[np.float64]
) -> tuple[NDArray[np.int8], NDArray[np.int64], NDArray[np.float64]]:  # fmt: skip
    """Outputs that nothing moves as a bias alone, whatever their factors.

    Training can leave a channel whose weights are zero, or so small that its factor is next to nothing. A
    converter gives it any scale, even 0.
    """
    weights, biases, factors = weights.copy(), biases.copy(), factors.copy()
    for i, factor in enumerate(factors.tolist()):
        mult, exponent = exact_multiplier(factor)
        if mult == 0 or (exponent > 0 and not weights[i].any()):
            always = scaled(int(biases[i]), mult, exponent)
            # Twice its output, halved: beyond 255 from the zero point an output is at its bound.
            weights[i], biases[i], factors[i] = 0, 2 * min(max(always, -255), 255), 0.5
    return weights, biases, factors


def of_mean(scale_in: float, scale_out: float, n: int, place: str) -> tuple[int, int, int]:
    """Weight, multiplier and shift of a mean over ``n`` values: the division is part of the multiplier."""
    mult, exponent = exact_multiplier(scale_in / scale_out)
    more = max(0, min(n.bit_length() - 1, 32, 31 + exponent))
    mult, shift = (mult << more) // n, 31 - exponent + more
    weight = 1 << max(0, 31 - shift)  # a factor of 1 or more
    shift = max(31, shift)
    if not (shift <= 62 and 2**29 <= mult < 2**31 and weight <= 64):
        raise TfliteError(f"{place}: a mean over {n} values with a factor of {scale_in / scale_out:.3g}")
    return weight, mult, shift
