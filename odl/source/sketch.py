"""Any sketch that prints CSV, as a source of samples."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from odl.events import Gap, Samples
from odl.source.clock import Clock
from odl.source.columns import Columns
from odl.source.line import Line, LineState, Piece

MAX_LINE: Final = 4096  # bytes without a line's end that are kept
_ROWS: Final = 10
_TOGETHER: Final = 0.05  # seconds that samples wait for others
_SILENT: Final = 1.0  # seconds without a line that are told, and called a gap


class SketchState(Enum):
    """How a sketch is doing, with a sentence for people."""

    WAITING = "no line has come yet"
    STREAMING = "samples are coming"
    SILENT = "no line has come for a while"
    UNREADABLE = "what comes cannot be used"
    UNPLUGGED = "the port is gone; it is tried again until it is back"
    CLOSED = "the port has been closed"


class Sketch:
    """Samples from printed lines: iterate for `Samples` and `Gap`.

    Positions count lines. Where lines are missing (unplugged, silent for a second, dropped
    because nobody fetched them) a `Gap` says how many, from the host's clock and the rate.
    When nothing comes, `Samples` of no rows does.

    Parameters
    ----------
    line : Line
        Where the lines come from.
    scale : sequence of float
        Per column what one count is, in the unit that is printed: a column in g with 0.00025 is
        multiplied by 4000. Values beyond int16 are saturated and counted.
    rate_hz : float
        Samples per second that the sketch is said to print. It is measured too.
    columns : sequence of str
        As in `odl.source.columns.Columns`, in the order of ``scale``.
    strict : bool
        Likewise.
    position : int
        Index of the first sample.

    Attributes
    ----------
    wait : float
        Seconds that the next event may take while nothing comes.
    state : SketchState
    position : int
        Where the stream stands.
    clock : Clock
        The measured rate, ``clock.rate_hz`` and ``clock.complaint``.
    lost, saturated : int
        Samples in gaps, and values cut to the range of int16.

    Examples
    --------
    >>> with Line("loop://") as line:
    ...     sketch = Sketch(line, scale=(0.5, 1.0), rate_hz=50.0, columns=("ax", "ay"))
    ...     sent = line.write(b"ax,ay\\r\\n1.5,-2\\r\\n40000,1\\r\\n")
    ...     block = next(event.block for event in sketch if len(event.block))
    >>> block.tolist(), sketch.saturated
    ([[3, -2], [32767, 1]], 1)
    """

    def __init__(
        self,
        line: Line,
        *,
        scale: Sequence[float],
        rate_hz: float,
        columns: Sequence[str],
        strict: bool = False,
        position: int = 0,
    ) -> None:
        if len(scale) != len(columns):
            raise ValueError(f"{len(columns)} columns, but a scale for {len(scale)}; give one for each")
        self._per_unit = [1 / s for s in scale]
        self.line, self.position, self.wait = line, position, 0.2
        self.columns = Columns(columns, strict)
        self.clock = Clock(rate_hz)
        self.lost = self.saturated = 0
        self.state = SketchState.WAITING
        self._rate = rate_hz
        self._text = bytearray()  # of an unfinished line
        self._whole = False  # whether it has its beginning
        self._rows: list[list[float]] = []
        self._since = 0.0  # when the first of them came
        self._last: float | None = None  # when the last line of numbers came
        self._cause = ""  # why lines may be missing

    def __iter__(self) -> Iterator[Samples | Gap]:
        while self.state is not SketchState.CLOSED:
            wait = self.wait
            if self._rows:
                wait = max(0.0, min(wait, self._since + _TOGETHER - time.monotonic()))
            piece = self.line.get(wait)
            if piece is not None:
                yield from self._take(piece)
            elif not self._rows:
                if self._last is not None and time.monotonic() - self._last > self._patience():
                    self._turn(SketchState.SILENT)
                yield Samples(self.position, np.zeros((0, len(self._per_unit)), np.int16))
            if self._rows and (len(self._rows) >= _ROWS or time.monotonic() >= self._since + _TOGETHER):
                yield self._block()

    @property
    def note(self) -> str:
        """What a person should know now, in one sentence, or nothing."""
        return self.columns.problem or self.clock.complaint(self._rate)

    def _patience(self) -> float:
        return max(_SILENT, 20 / self._rate)

    def _turn(self, state: SketchState) -> None:
        if self.state is not SketchState.UNPLUGGED or state is not SketchState.SILENT:
            self.state = state

    def _take(self, piece: Piece) -> Iterator[Samples | Gap]:
        if piece.lost:
            self._cut("nobody fetched the samples in time")
        if piece.state is LineState.LOST:
            self._cut("unplugged")
            self.state = SketchState.UNPLUGGED
        elif piece.state is LineState.OPEN:
            self._turn(SketchState.WAITING)
        elif piece.state is LineState.CLOSED:
            self.state = SketchState.CLOSED
            if self._rows:
                yield self._block()
        lines = self._lines(piece.data)
        for number, line in enumerate(lines):
            headers = self.columns.headers
            row = self.columns.take(line, self._whole)
            self._whole = True
            if self.columns.headers > headers and self._last is not None:
                self._cause = self._cause or "the sketch started anew"
            if row is None:
                continue
            if self._last is not None and (gap := self._missing(piece.time, len(lines) - number)) is not None:
                if self._rows:
                    yield self._block()
                yield gap
                self.position += gap.lost
                self.lost += gap.lost
                self.clock.recount()
            if not self._rows:
                self._since = piece.time
            self._rows.append(row)
            self._last = piece.time
            self.state = SketchState.STREAMING
        if self.columns.problem:
            self.state = SketchState.UNREADABLE
        if self._last == piece.time:
            self.clock.add(None, piece.time, self.position + len(self._rows))

    def _cut(self, cause: str) -> None:
        """Bytes are missing: the line that is under way goes too."""
        self._cause = cause
        self._text.clear()
        self._whole = False

    def _lines(self, data: bytes) -> list[str]:
        *ended, self._text[:] = (bytes(self._text) + data).split(b"\n")
        if len(self._text) > MAX_LINE:
            ended.append(bytes(self._text[:MAX_LINE]))
            self._text.clear()
        return [line.decode("utf-8", "replace") for line in ended]

    def _missing(self, now: float, here: int) -> Gap | None:
        """The gap before a line read at ``now``, of which ``here`` came at once."""
        cause, self._cause = self._cause, ""
        silence = now - (self._last or now)
        if not cause and silence <= self._patience():
            return None
        # Lines that were only held up come all at once.
        lost = max(0, round(silence * (self.clock.rate_hz or self._rate)) - here)
        if not cause and lost < self._rate / 2:
            return None
        return Gap(self.position + len(self._rows), lost, cause or "the sketch was silent")

    def _block(self) -> Samples:
        scaled = np.rint(np.array(self._rows) * self._per_unit)
        self.saturated += int(np.count_nonzero(np.abs(scaled + 0.5) > 32768))
        block: NDArray[np.int16] = np.clip(scaled, -32768, 32767).astype(np.int16)
        made = Samples(self.position, block)
        self.position += len(block)
        self._rows = []
        return made
