"""The generator of `odl.core.kernels.generator` in plain Python, for code that should not load Numba.

One algorithm everywhere: xorshift64 (Marsaglia 2003, triple 13, 7, 17), seeded through
splitmix64 so that neighbouring seeds give unrelated streams.
"""

from __future__ import annotations

_MASK = 2**64 - 1


def seed_of(*parts: int) -> int:
    """Derive a generator state, never zero, from integers such as a seed and a subject.

    >>> seed_of(0, 7) != seed_of(7, 0)
    True
    """
    state = 0
    for part in parts:
        state = (state + (part & _MASK) + 0x9E3779B97F4A7C15) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    return state or 1


class Chance:
    """A random generator that gives the same draws on every machine, from a state of `seed_of`.

    Examples
    --------
    >>> Chance(1).below(100), Chance(seed_of(3)).shuffled(4)
    (0, [2, 1, 3, 0])
    """

    def __init__(self, state: int) -> None:
        if not 0 < state <= _MASK:
            raise ValueError(f"a generator's state lies in 1 to 2**64 - 1, not {state}")
        self.state = state

    def below(self, n: int) -> int:
        """A number in [0, n); ``n`` below 2**31."""
        x = self.state
        x ^= (x << 13) & _MASK
        x ^= x >> 7
        x ^= (x << 17) & _MASK
        self.state = x
        return ((x >> 32) * n) >> 32

    def shuffled(self, n: int) -> list[int]:
        """0 to n - 1 in a drawn order (Fisher and Yates, from the end)."""
        order = list(range(n))
        for last in range(n - 1, 0, -1):
            other = self.below(last + 1)
            order[last], order[other] = order[other], order[last]
        return order
