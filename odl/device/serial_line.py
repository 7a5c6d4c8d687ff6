"""What a board or a CSV stream needs of a line: chunks of bytes, changes of its state, a clock."""

from __future__ import annotations

from enum import Enum
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from odl.core.clock import Clock


class SerialState(Enum):
    """The state of a line, with a sentence for people."""

    OPENING = "the port is being opened"
    OPEN = "the port is open"
    LOST = "the port is gone; it is tried again until it is back"
    CLOSED = "the port has been closed"


class SerialChunk(NamedTuple):
    """Bytes that came over a line, or a change of its state.

    Attributes
    ----------
    time : float
        When it was read, in seconds of the line's monotonic clock.
    data : bytes
    lost : int
        Bytes that are missing just before it, because nobody fetched them in time.
    state : SerialState or None
        What the line has just become.
    """

    time: float
    data: bytes = b""
    lost: int = 0
    state: SerialState | None = None


class SerialLine(Protocol):
    """A line that is read all the time and may vanish and come back; `SerialPort` is one.

    Attributes
    ----------
    url : str
        Its name, for sentences.
    baud : int
        Bits per second.
    clock : Clock
        The clock of its chunks' times, on which whoever uses the line waits, too.
    state : SerialState
        At this moment; `get` gives the changes in their order among the bytes.
    """

    url: str
    baud: int
    clock: Clock
    state: SerialState

    def get(self, timeout: float) -> SerialChunk | None:
        """Return the next chunk, or None after ``timeout`` seconds without one, or after `wake`."""
        ...

    def wake(self) -> None:
        """Let a `get` that waits return at once; may be called from any thread."""
        ...

    def write(self, data: bytes) -> bool:
        """Send ``data``; False where the port is gone or takes nothing."""
        ...

    def close(self) -> None:
        """Close the line. What has come can still be fetched."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
