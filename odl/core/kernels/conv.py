"""One output position of a convolution over time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.jit import jit_vectorised
from odl.core.kernels.requantise import requantise_relu_u8


@jit_vectorised
def conv(
    weights: NDArray[np.int16],
    biases: NDArray[np.int32],
    mults: NDArray[np.int32],
    shifts: NDArray[np.uint8],
    taps: NDArray[np.int16],
    out: NDArray[np.uint8],
) -> None:
    """``out[o] = requantise(biases[o] + weights[o] . taps)`` for every output channel.

    ``weights`` (out * n,) row by row in [-127, 127], ``taps`` (n,) in [-128, 255]: the last ``kernel``
    inputs, oldest first. The image is refused on loading unless ``255 * sum |w| + |bias|``
    is below 2**31 for each channel, so no partial sum leaves int32. Both factors are kept
    as int16 because processors multiply and add pairs of those (VPMADDWD, SMLAD).
    """
    n = len(taps)
    for o in range(len(out)):
        acc = biases[o]
        for i in range(n):
            acc = np.int32(acc + np.int32(np.int32(weights[o * n + i]) * np.int32(taps[i])))
        out[o] = requantise_relu_u8(acc, mults[o], shifts[o])
