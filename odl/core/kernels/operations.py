"""One output position of each operation but the convolution with ReLU (`odl.core.kernels.conv`).

``taps`` (kernel * channels,) are the last ``kernel`` inputs as int16, oldest first: -128 to 127 for the
first layer, 0 to 255 for others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.jit import Int, jit, jit_vectorised
from odl.core.kernels.requantise_zero import requantise_zero

BESIDE = -32768  # an input of `average` that lies beside the window: padding


@jit_vectorised
def conv_zero(
    weights: NDArray[np.int16], biases: NDArray[np.int32], mults: NDArray[np.int32],
    shifts: NDArray[np.uint8], taps: NDArray[np.int16], zero: Int, twice: Int, out: NDArray[np.uint8],
) -> None:  # fmt: skip
    """As `odl.core.kernels.conv.conv`, around a zero point: `requantise_zero`."""
    n = len(taps)
    for o in range(len(out)):
        acc = biases[o]
        for i in range(n):
            acc = np.int32(acc + np.int32(np.int32(weights[o * n + i]) * np.int32(taps[i])))
        out[o] = requantise_zero(acc, mults[o], shifts[o], zero, twice)


@jit
def depthwise(
    weights: NDArray[np.int16], biases: NDArray[np.int32], mults: NDArray[np.int32],
    shifts: NDArray[np.uint8], taps: NDArray[np.int16], zero: Int, out: NDArray[np.uint8],
) -> None:  # fmt: skip
    """Each output from every ``len(out)``-th input alone, rounded twice; ``weights`` (out, n).

    The image is refused on loading unless ``255 * sum |w| + |bias|`` is below 2**31 for each channel.
    """
    channels = len(out)
    kernel = len(taps) // channels
    for o in range(channels):
        acc = biases[o]
        for k in range(kernel):
            product = np.int32(np.int32(weights[o * kernel + k]) * np.int32(taps[k * channels + o]))
            acc = np.int32(acc + product)
        out[o] = requantise_zero(acc, mults[o], shifts[o], zero, np.int64(1))


@jit
def largest(taps: NDArray[np.int16], more: Int, out: NDArray[np.uint8]) -> None:
    """The largest of every ``len(out)``-th input, plus ``more``: 128 where inputs are signed, else 0."""
    channels = len(out)
    for o in range(channels):
        top = taps[o]
        for i in range(o, len(taps), channels):
            top = max(top, taps[i])
        out[o] = np.uint8(top + more)


@jit
def lookup(tables: NDArray[np.int16], taps: NDArray[np.int16], more: Int, out: NDArray[np.uint8]) -> None:
    """Each channel's input, plus ``more`` as in `largest`, in its table of 256 outputs less 128."""
    for o in range(len(out)):
        out[o] = np.uint8(tables[256 * o + np.int64(taps[o]) + more] + 128)


@jit
def average(taps: NDArray[np.int16], more: Int, out: NDArray[np.uint8]) -> None:
    """The mean of every ``len(out)``-th input, plus ``more`` as in `largest`.

    It is rounded as TensorFlow Lite rounds the mean of int8 values, which are these less 128: ties away
    from 128. At most 4096 inputs, so sums stay below 2**20. Positions of `BESIDE` do not count; there is
    another one.
    """
    channels = len(out)
    first, last = 0, len(taps)
    while taps[first] == BESIDE and first + channels < last:
        first += channels
    while taps[last - 1] == BESIDE and first + channels < last:
        last -= channels
    n = np.int32((last - first) // channels)
    half = np.int32(n // np.int32(2))
    for o in range(channels):
        total = np.int32(0)
        for i in range(first + o, last, channels):
            total = np.int32(total + np.int32(taps[i] + more) - np.int32(128))
        if total > 0:
            out[o] = np.uint8(128 + np.int32(total + half) // n)
        else:
            out[o] = np.uint8(128 - np.int32(half - total) // n)
