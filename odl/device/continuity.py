"""What passes when a board is followed, and that nothing is missing without being told. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from odl.core.events import (
    AddClass,
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
    Undo,
)
from odl.device.description import shown
from odl.wire.client import BoardError

LEAP: Final = 7 * 86400  # seconds of samples that can be missing at once; more is nonsense
ON_THE_LINE: Final = "lost on the line"
OUTPUTS: Final = (Prediction, Query, Learned, Dropped)
COMMANDS: Final = (Label, Undo, AddClass, Split)


class BoardState(Enum):
    """How a board is doing, with a sentence for people."""

    GREETING = "the board is being asked what it is"
    READY = "the board waits for a session"
    STREAMING = "the board runs the session"
    SILENT = "nothing has come from the board for a while"
    UNPLUGGED = "the port is gone; it is tried again until it is back"
    RESTARTED = "the board has started anew and is being set up again"
    OTHER_BOARD = "another board is on this port"
    FAULTY = "the board cannot be used any further"
    CLOSED = "the port has been closed"


@dataclass(frozen=True, slots=True)
class LostFrames:
    """``frames`` frames of the board never came, because of ``cause``.

    Samples that were in them come as a `Gap`, which follows.
    """

    frames: int
    cause: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """The board had started anew; it runs the session again, its stream from ``position`` on."""

    position: int


@dataclass(frozen=True, slots=True)
class StateRead:
    """What was asked of the session's state, after all that passed before; see `Board.ask_state`."""

    state: bytes


BoardEvent = Samples | Gap | Command | Output | LostFrames | Restarted | StateRead


class Continuity:
    """Sees to it that each input begins where the one before ended; what is missing is a `Gap`.

    Attributes
    ----------
    position : int
        Where the stream stands.
    cause : str
        Why something may be missing next.
    lost_samples, lost_frames : int
        What never came.

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
        """So many frames never came."""
        self.lost_frames += lost
        return [LostFrames(lost, self.cause)] if lost else []

    def take(self, event: Samples | Gap | Command) -> list[BoardEvent]:
        """An input as the board sent it, behind the gap that leads to it, if there is one.

        Raises
        ------
        BoardError
            If it has other channels than the board, or its place in the stream cannot be.
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
        """The gap up to ``position``, if there is one.

        Raises
        ------
        BoardError
            If it lies behind, or farther ahead than anybody can have been away.
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
