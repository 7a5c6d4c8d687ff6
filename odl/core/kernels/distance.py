"""How far two feature vectors are apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.jit import Int, jit_vectorised


@jit_vectorised
def distance(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> Int:
    """Mean absolute difference in Q15: ``32768 * sum |a - b| // (255 * n)``.

    At most 192 features: the sum is below 2**16, the product below 2**31. One Cortex-M4
    instruction (USADA8) adds four absolute differences.

    >>> int(distance(np.array([0, 255], np.uint8), np.array([255, 255], np.uint8)))
    16384
    """
    total = np.int32(0)  # with 32 bits LLVM takes the processor's own sum of absolute differences
    for k in range(len(a)):
        delta = np.int32(np.int32(a[k]) - np.int32(b[k]))
        total = np.int32(total + (delta if delta >= 0 else np.int32(-delta)))
    return np.int64((np.int64(total) * np.int64(32768)) // np.int64(255 * len(a)))
