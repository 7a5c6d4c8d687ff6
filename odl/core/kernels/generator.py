"""The one source of chance: xorshift64 (Marsaglia 2003, triple 13, 7, 17)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.kernels.jit import Int, jit


@jit
def next_state(state: np.uint64) -> np.uint64:
    """The next state; zero is never reached from a state that is not zero.

    >>> int(next_state(np.uint64(1)))
    1082269761
    """
    x = np.uint64(state)
    x = np.uint64(x ^ np.uint64(x << np.uint64(13)))
    x = np.uint64(x ^ np.uint64(x >> np.uint64(7)))
    return np.uint64(x ^ np.uint64(x << np.uint64(17)))


@jit
def below(state: np.uint64, n: Int) -> Int:
    """A number in [0, n) from the state's upper half; ``n`` in [1, 2**31).

    ``(upper * n) >> 32``: each number has the same chance within n / 2**32.

    >>> int(below(np.uint64(2**63), 10))
    5
    """
    upper = np.uint64(np.uint64(state) >> np.uint64(32))
    return np.int64(np.uint64(upper * np.uint64(n)) >> np.uint64(32))


@jit
def shuffle(order: NDArray[np.uint16], n: Int, state: np.uint64) -> np.uint64:
    """Shuffle ``order[:n]`` in place (Fisher and Yates, from the end); the new state."""
    for i in range(n - 1, 0, -1):
        state = next_state(state)
        j = below(state, i + 1)
        swap = order[i]
        order[i] = order[j]
        order[j] = swap
    return state
