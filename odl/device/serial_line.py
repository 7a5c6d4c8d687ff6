"""The line that boards and CSV streams read: chunks of bytes, changes of state, a clock."""

from __future__ import annotations

from enum import Enum
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from odl.core.clock import Clock


class SerialState(Enum):
    """The state of a line, each value a sentence for people."""

    OPENING = "the port is being opened"
    OPEN = "the port is open"
    LOST = "the port is gone; it is tried again until it is back"
    CLOSED = "the port has been closed"


class SerialChunk(NamedTuple):
    """Bytes that came over a line, or a change of its state.

    Attributes
    ----------
    time : float
        Time of reading, in seconds of the line's monotonic clock.
    data : bytes
    lost : int
        Bytes dropped just before it, because nobody fetched them in time.
    state : SerialState or None
        The line's new state, if it changed.
    """

    time: float
    data: bytes = b""
    lost: int = 0
    state: SerialState | None = None


class SerialLine(Protocol):
    """A line that is read all the time and may disappear and return; `SerialPort` is one.

    Attributes
    ----------
    url : str
        Its name, for sentences.
    baud : int
        Bits per second.
    clock : Clock
        The clock of the chunks' times, by which the line's users wait too.
    state : SerialState
        The state now; `get` returns the changes in their order among the bytes.
    """

    url: str
    baud: int
    clock: Clock
    state: SerialState

    def get(self, timeout: float) -> SerialChunk | None:
        """Return the next chunk, or None after ``timeout`` seconds without one, or after `wake`."""
        ...

    def wake(self) -> None:
        """Make a waiting `get` return at once; any thread may call this."""
        ...

    def write(self, data: bytes) -> bool:
        """Send ``data``; return False if the port is gone or takes nothing."""
        ...

    def close(self) -> None:
        """Close the line. Bytes that have arrived can still be fetched."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
