"""The continuity of a board's stream: each loss becomes a gap. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from odl.core.events import (
    AddClass,
    ChangeClass,
    Command,
    Dropped,
    Gap,
    Label,
    Learned,
    Output,
    Prediction,
    Query,
    Samples,
    Split,
    Teach,
    Undo,
)
from odl.device.description import shown
from odl.wire.client import BoardError

LEAP: Final = 7 * 86400  # seconds of samples that can be missing at once; more is an error
ON_THE_LINE: Final = "lost on the line"
OUTPUTS: Final = (Prediction, Query, Learned, Dropped)
COMMANDS: Final = (Label, Teach, Undo, AddClass, Split, ChangeClass)


class BoardState(Enum):
    """The state of a board, each value a sentence for people."""

    GREETING = "the host asks the board for its description"
    READY = "the board waits for a session"
    STREAMING = "the board runs the session"
    SILENT = "nothing has come from the board for a while"
    UNPLUGGED = "the port is gone; it is tried again until it is back"
    RESTARTED = "the board has restarted; the host configures it again"
    OTHER_BOARD = "another board is on this port"
    FAULTY = "the board cannot be used any further"
    CLOSED = "the port has been closed"


@dataclass(frozen=True, slots=True)
class LostFrames:
    """``frames`` frames of the board were lost, because of ``cause``.

    A `Gap` follows for the samples in them.
    """

    frames: int
    cause: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """The board had restarted; it runs the session again, its stream from ``position`` on."""

    position: int


@dataclass(frozen=True, slots=True)
class StateRead:
    """The requested part of the session's state, after all earlier events; see `Board.ask_state`."""

    state: bytes


BoardEvent = Samples | Gap | Command | Output | LostFrames | Restarted | StateRead


class Continuity:
    """Checks that each input starts where the last one ended; missing samples become a `Gap`.

    Attributes
    ----------
    position : int
        Position of the stream.
    cause : str
        Why samples may be missing next.
    lost_samples, lost_frames : int
        Samples and frames lost so far.

    Examples
    --------
    >>> import numpy as np
    >>> stream = Continuity(channels=1, rate_hz=50.0)
    >>> for event in stream.take(Samples(7, np.zeros((3, 1), np.int16))):
    ...     print(type(event).__name__, event.start)
    Gap 0
    Samples 7
    >>> stream.position, stream.lost_samples
    (10, 7)
    """

    def __init__(self, channels: int, rate_hz: float) -> None:
        self._channels, self._leap = channels, round(LEAP * max(1.0, rate_hz))
        self.position = self.lost_samples = self.lost_frames = 0
        self.cause = ON_THE_LINE

    def frames(self, lost: int) -> list[BoardEvent]:
        """Count ``frames`` lost frames."""
        self.lost_frames += lost
        return [LostFrames(lost, self.cause)] if lost else []

    def take(self, event: Samples | Gap | Command) -> list[BoardEvent]:
        """Return an input as the board sent it, after the gap that leads to it, if there is one.

        Raises
        ------
        BoardError
            If it has other channels than the board, or its place in the stream is impossible.
        """
        if isinstance(event, Samples):
            channels = event.block.shape[1]
            if channels != self._channels:
                raise BoardError(
                    f"the board sends {channels} channels, but says that it has {self._channels}"
                )
            passed = self.reach(event.start)
            self.position += len(event.block)
            self.cause = ON_THE_LINE
            return [*passed, event]
        if isinstance(event, Gap):
            passed = self.reach(event.start)
            self._check(event.start + event.lost)
            self.position = event.start + event.lost
            return [*passed, Gap(event.start, event.lost, shown(event.why))]
        return [*self.reach(event.at), event]

    def reach(self, position: int) -> list[BoardEvent]:
        """Return the gap up to ``position``, if there is one.

        Raises
        ------
        BoardError
            If ``position`` lies behind, or too far ahead for any interruption.
        """
        if position == self.position:
            return []
        self._check(position)
        gap = Gap(self.position, position - self.position, self.cause)
        self.lost_samples += gap.lost
        self.position = position
        return [gap]

    def _check(self, position: int) -> None:
        if not 0 <= position - self.position <= self._leap:
            raise BoardError(
                f"the board's stream leapt from sample {self.position} to {position}: restart the board"
            )
