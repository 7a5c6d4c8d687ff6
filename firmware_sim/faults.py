"""Damage the bytes of a line as bad cables and full buffers do, for tests.

`Faults` is one direction of a line: bytes in, damaged bytes out. `faulty` adds it to a pair of
callables, `FaultyPort` to an open port of pyserial.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from enum import Enum
from typing import Any, Final

import numpy as np

from odl.core.clock import SYSTEM_CLOCK, Clock

_FRAME: Final = re.compile(rb"\0*[^\0]+\0")
_LONGEST: Final = 2**17  # more bytes without a delimiter are passed on unchanged


class Kind(Enum):
    """Kinds of faults of a byte or a frame."""

    DROP = "drop"  # it never arrives
    FLIP = "flip"  # one of its bits arrives inverted
    DUPLICATE = "duplicate"  # it arrives twice
    DELAY = "delay"  # it arrives later, after bytes sent behind it
    STALL = "stall"  # it and all behind it wait, then arrive at once
    CUT = "cut"  # it and some behind it never arrive


_KINDS: Final = list(Kind)


class Faults:
    """One direction of a line.

    Parameters
    ----------
    seed : int
        Seed of the faults: the same seed and bytes have the same faults, whatever the sizes of the
        pieces.
    frames : bool
        True: a fault affects a frame, from one delimiter to the next; False: a byte.
    drop, flip, duplicate, delay, stall, cut : float
        Probability of each kind, per frame or byte; at most one affects it.
    late, still : float
        Seconds of a delay and of a stall.
    longest : int
        Most frames or bytes in a cut; at least 1.
    clock : Clock
        Times delays and stalls.

    Attributes
    ----------
    counts : Counter of str
        Number of faults by kind, and "lost": frames or bytes that were cut.

    Examples
    --------
    >>> faults = Faults(seed=3, frames=False, drop=0.1, duplicate=0.1)
    >>> faults.feed(b"a line that loses its bytes"), dict(faults.counts)
    (b' lie tthaat loses it bytes', {'drop': 3, 'duplicate': 2})
    """

    def __init__(
        self, seed: int, *, frames: bool = True, drop: float = 0.0, flip: float = 0.0,
        duplicate: float = 0.0, delay: float = 0.0, stall: float = 0.0, cut: float = 0.0,
        late: float = 0.05, still: float = 0.2, longest: int = 20,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:  # fmt: skip
        rates = [drop, flip, duplicate, delay, stall, cut]
        if min(rates) < 0 or sum(rates) > 1:
            raise ValueError(f"rates of faults are at least 0 and at most 1 together, not {rates}")
        self.counts: Counter[str] = Counter()
        self._bounds = np.cumsum(rates)
        self._which, self._how = (np.random.default_rng([seed, part]) for part in range(2))
        self._by_frame, self._late, self._still, self._longest = frames, late, still, longest
        self._clock = clock
        self._part = b""  # an incomplete frame
        self._cut = 0  # frames or bytes still to be lost
        self._delayed: list[tuple[float, bytes]] = []
        self._stalled: list[bytes] = []
        self._until: float | None = None  # when the stall ends
        self._out: list[bytes] = []

    def feed(self, data: bytes = b"") -> bytes:
        """Send ``data`` and return the bytes that arrive now; late ones may arrive without ``data``."""
        now = self._clock.monotonic()
        if self._until is not None and now >= self._until:
            self._out, self._stalled, self._until = self._stalled, [], None
        self._pass(self._frames(data) if self._by_frame else data, now)
        while self._delayed and self._delayed[0][0] <= now:
            self._emit(self._delayed.pop(0)[1])
        out, self._out = self._out, []
        return b"".join(out)

    def flush(self) -> bytes:
        """Return all bytes that have not arrived yet."""
        rest = [*self._stalled, *(data for _, data in self._delayed), self._part]
        self._stalled, self._delayed, self._part, self._until = [], [], b"", None
        return b"".join(rest)

    def _frames(self, data: bytes) -> list[bytes]:
        """The frames that ``data`` completes, with delimiters and the bytes before them."""
        data = self._part + data
        frames = _FRAME.findall(data, 0, data.rfind(b"\0") + 1)
        self._part = data[sum(map(len, frames)) :]
        if len(self._part) > _LONGEST:  # no frames at all
            frames.append(self._part)
            self._part = b""
        return frames

    def _pass(self, units: list[bytes] | bytes, now: float) -> None:
        draws = self._which.random(len(units))
        done = min(self._cut, len(units))
        self._cut -= done
        for at in np.flatnonzero(draws < self._bounds[-1]).tolist():
            if at < done:
                continue  # within a cut
            self._emit(units[done:at])
            kind = _KINDS[int(np.searchsorted(self._bounds, draws[at], side="right"))]
            self.counts[kind.value] += 1
            unit = units[at : at + 1]
            done = at + 1
            if kind is Kind.FLIP:
                self._emit(self._flipped(_bytes(unit)))
            elif kind is Kind.DUPLICATE:
                self._emit(unit)
                self._emit(unit)
            elif kind is Kind.DELAY:
                self._delayed.append((now + self._late, _bytes(unit)))
            elif kind is Kind.STALL:
                self._until = now + self._still
                self._emit(unit)
            elif kind is Kind.CUT:
                lost = int(self._how.integers(1, self._longest + 1))
                self.counts["lost"] += lost
                done = min(at + lost, len(units))
                self._cut = at + lost - done
        self._emit(units[done:])

    def _emit(self, units: list[bytes] | bytes) -> None:
        (self._out if self._until is None else self._stalled).append(_bytes(units))

    def _flipped(self, unit: bytes) -> bytes:
        bit = int(self._how.integers(8 * len(unit)))
        hurt = bytearray(unit)
        hurt[bit // 8] ^= 1 << bit % 8
        return bytes(hurt)


def _bytes(units: list[bytes] | bytes) -> bytes:
    return units if isinstance(units, bytes) else b"".join(units)


def faulty(
    write: Callable[[bytes], Any], read: Callable[[], bytes], *,
    sent: Faults | None = None, received: Faults | None = None,
) -> tuple[Callable[[bytes], None], Callable[[], bytes]]:  # fmt: skip
    """Add faults to ``write``, ``read`` or both.

    >>> line = bytearray()
    >>> write, read = faulty(line.extend, lambda: bytes(line), sent=Faults(1, frames=False, drop=1))
    >>> write(b"gone"), read()
    (None, b'')
    """

    def write_some(data: bytes) -> None:
        data = sent.feed(data) if sent else data
        if data:
            write(data)

    def read_some() -> bytes:
        if sent:
            write_some(b"")  # delayed bytes
        data = read()
        return received.feed(data) if received else data

    return write_some, read_some


class FaultyPort:
    """An open port with faults of sent bytes, received bytes, or both.

    The port is pyserial's, or has its ``read``, ``write`` and ``in_waiting``. All other attributes are
    the port's.
    """

    def __init__(self, port: Any, *, sent: Faults | None = None, received: Faults | None = None) -> None:
        self._port = port
        self._write, self._read = faulty(port.write, self._take, sent=sent, received=received)
        self._arrived = b""

    def _take(self) -> bytes:
        data: bytes = self._port.read(max(1, self._port.in_waiting))
        return data

    @property
    def in_waiting(self) -> int:
        """Bytes that can be read without waiting, before faults."""
        return len(self._arrived) + int(self._port.in_waiting)

    def read(self, size: int = 1) -> bytes:
        """At most ``size`` bytes, as soon as there are any or the port's timeout has passed."""
        if not self._arrived:
            self._arrived = self._read()
        data, self._arrived = self._arrived[:size], self._arrived[size:]
        return data

    def write(self, data: bytes) -> int:
        """Send ``data``; faults may affect it."""
        self._write(bytes(data))
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)
