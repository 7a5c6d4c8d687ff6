"""From a float net to the integer model, and that model in plain NumPy.

The arithmetic is that of the kernels (``docs/arithmetic.md``): int8 weights with one scale
per output channel, int32 biases, uint8 activations with zero point 0, one rounding. Sums
run in float64, which is exact here: every partial sum is an integer below 2**31.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from odl.core.fixed_point import Scaling
from odl.core.image import Layer
from odl.core.image_layout import Op

INPUT_UNIT = 32.0  # an int8 input of 32 is 1.0 to the net
FORMAT = 20  # fractional bits of the logits
CALIBRATION = 0.9999  # share of the training activations that a uint8 can say


def scale_raw(raw: NDArray[np.int16], scaling: Scaling) -> NDArray[np.int8]:
    """Raw counts (..., channels) to the int8 input, rounded half up, saturating.

    >>> scale_raw(np.array([[-100, 32767]], np.int16), Scaling((2**14,) * 2, (20,) * 2, (0, 0)))
    array([[ -2, 127]], dtype=int8)
    """
    mult, offset = np.array(scaling.mult, np.int64), np.array(scaling.offset, np.int64)
    shift = np.array(scaling.shift, np.int64)
    half = (np.int64(1) << shift) >> 1
    value = ((raw.astype(np.int64) * mult + half) >> shift) + offset
    return np.clip(value, -128, 127).astype(np.int8)


def conv_layer(layer: Layer, x: NDArray[np.integer]) -> NDArray[np.uint8]:
    """One layer on whole windows: (n, time, in) -> (n, positions, out).

    >>> ones = np.ones((1, 3, 1), np.int8)
    >>> one = Layer(ones, np.zeros(1, np.int32), np.array([2**30], np.int32), np.array([31], np.uint8), 1)
    >>> conv_layer(one, np.full((1, 4, 1), 100, np.uint8)).ravel()
    array([150, 150], dtype=uint8)
    """
    acc = _sums(x.astype(np.float64), layer.weights, layer.stride)
    positive = np.maximum(acc.astype(np.int64) + layer.biases, 0) * layer.mults.astype(np.int64)
    shift = layer.shifts.astype(np.int64)
    if layer.op == Op.DEPTHWISE:  # rounded twice; what is negative is 0 either way
        positive, shift = (positive + 2**30) >> 31, shift - 31
    value = (positive + (np.int64(1) << shift >> 1)) >> shift
    return np.minimum(value, 255).astype(np.uint8)


def pool(y: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """First half's mean, second half's mean, maximum: (n, positions, out) -> (n, 3 * out).

    >>> pool(np.array([[[0], [4], [7]]], np.uint8))
    array([[0, 6, 7]], dtype=uint8)
    """
    half = y.shape[1] // 2
    means = [
        (part.sum(1, dtype=np.int64) + part.shape[1] // 2) // part.shape[1]
        for part in (y[:, :half], y[:, half:])
    ]
    return np.concatenate([*means, y.max(1)], 1).astype(np.uint8)


def features(layers: Sequence[Layer], x: NDArray[np.int8]) -> NDArray[np.uint8]:
    """The integer extractor on scaled windows (n, window, channels) -> (n, features)."""
    y: NDArray[np.integer] = x
    for layer in layers:
        y = conv_layer(layer, y)
    return pool(y.astype(np.uint8))


def quantise(
    plain: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]],
    strides: Sequence[int],
    x: NDArray[np.int8],
    unit: float,
) -> tuple[tuple[Layer, ...], float]:
    """Integer layers for float ones.

    Parameters
    ----------
    plain : sequence of (weights (out, kernel, in), biases (out,))
        Float layers that expect ``x * unit``; one is depthwise if ``in`` is 1 and more arrive.
    strides : sequence of int
    x : int8 (n, window, channels)
        Windows of training people; each layer's output scale is fixed on them so that a
        share of CALIBRATION of its positive outputs fits.
    unit : float
        Real value of one step of ``x``.

    Returns
    -------
    layers : tuple of Layer
    scale : float
        Real value of one step of a feature.

    Raises
    ------
    ValueError
        If a channel's factor does not fit a 31-bit multiplier and a shift from 31 to 62.
    """
    layers: list[Layer] = []
    real = x.astype(np.float64) * unit
    for (weights, biases), stride in zip(plain, strides, strict=True):
        alone = weights.shape[2] < real.shape[2]
        real = np.maximum(_sums(real, weights, stride) + biases, 0)
        positive = real[real > 0]
        step = float(np.quantile(positive, CALIBRATION)) / 255 if positive.size else 1.0
        size = np.abs(weights).max((1, 2))
        steps = np.where(size > 0, size, unit) / 127
        pairs = [_multiplier(unit * float(s) / step) for s in steps]
        layers.append(
            Layer(
                np.rint(weights / steps[:, None, None]).astype(np.int8),
                np.rint(biases / (steps * unit)).astype(np.int32),
                np.array([m for m, _ in pairs], np.int32),
                np.array([s for _, s in pairs], np.uint8),
                stride,
                Op.DEPTHWISE if alone else Op.CONV,
            )
        )
        unit = step
    return tuple(layers), unit


def _multiplier(factor: float) -> tuple[int, int]:
    """``factor ~ mult / 2**shift`` with mult in [2**30, 2**31) and shift in [31, 62]."""
    fraction, exponent = math.frexp(factor)
    mult, shift = round(fraction * 2**31), 31 - exponent
    if mult == 2**31:
        mult, shift = 2**30, shift - 1
    if not 31 <= shift <= 62:
        raise ValueError(
            f"a layer's scale factor {factor:g} is outside 2**-32 to 1: its weights are degenerate"
        )
    return mult, shift


def _sums(
    x: NDArray[np.float64], weights: NDArray[np.floating | np.integer], stride: int
) -> NDArray[np.float64]:  # fmt: skip
    """Weighted sums over time: (n, time, in), (out, kernel, in or 1) -> (n, positions, out)."""
    out, kernel, cin = weights.shape
    taps = np.lib.stride_tricks.sliding_window_view(x, kernel, 1)[:, ::stride]  # (n, p, in, kernel)
    if cin < x.shape[2]:
        return np.einsum("npik,ik->npi", taps, weights[:, :, 0].astype(np.float64))
    flat = np.swapaxes(taps, 2, 3).reshape(len(x), taps.shape[1], -1)
    sums: NDArray[np.float64] = flat @ weights.reshape(out, kernel * cin).astype(np.float64).T
    return sums


@dataclass(frozen=True, eq=False)
class IntegerModel:
    """The integer extractor and heads of a fitted net; ``base`` is (rows, features + 1), bias last."""

    layers: tuple[Layer, ...]
    base: NDArray[np.int32]
    scaling: Scaling

    def features(self, raw: NDArray[np.int16]) -> NDArray[np.uint8]:
        """Raw windows (n, window, channels) -> (n, features)."""
        return features(self.layers, scale_raw(raw, self.scaling))

    def logits(self, raw: NDArray[np.int16]) -> NDArray[np.int64]:
        """Raw windows (n, window, channels) -> (n, rows)."""
        base = self.base.astype(np.int64)
        return self.features(raw).astype(np.int64) @ base[:, :-1].T + 128 * base[:, -1]
