"""A fuzzer's bytes as numbers, pieces and choices, so that what a change of a byte does is small."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Draw:
    """Values from the front of ``data``; behind its end all of them are 0 or empty.

    >>> draw = Draw(bytes([1, 7, 3]) + b"abc")
    >>> draw.choice("xyz"), draw.number(1), draw.piece(), draw.number(8), bool(draw)
    ('y', 7, b'abc', 0, False)
    """

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def __bool__(self) -> bool:
        """Whether bytes are left."""
        return self._at < len(self._data)

    def number(self, size: int) -> int:
        """An unsigned number of ``size`` bytes."""
        return int.from_bytes(self.take(size), "little")

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        self._at += size
        return self._data[self._at - size : self._at]

    def piece(self) -> bytes:
        """Up to 255 bytes behind a byte with their number."""
        return self.take(self.number(1))

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self._data))

    def choice(self, of: Sequence[T]) -> T:
        """One of several."""
        return of[self.number(1) % len(of)]

    def at(self) -> int:
        """A place in a stream: near its beginning, or near 2**31, 2**32, 2**53, 2**62 or 2**63."""
        kind, near = self.number(1), self.number(1)
        return near if kind < 200 else (2**31, 2**32, 2**53, 2**62, 2**63)[kind % 5] + near - 128
