"""Any sketch that prints CSV, as a source of samples."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from odl.core.errors import OdlError
from odl.core.events import Gap, Samples
from odl.device.csv_columns import CsvColumns
from odl.device.csv_limits import LimitCheck
from odl.device.csv_state import CsvStreamState
from odl.device.device_clock import DeviceClock
from odl.device.serial_line import SerialChunk, SerialLine, SerialState
from odl.wire import Deframer

MAX_LINE: Final = 4096  # bytes without a line's end that are kept
_ROWS: Final = 10
_TOGETHER: Final = 0.05  # seconds that samples wait for others
_SILENT: Final = 1.0  # seconds without a line that are told, and called a gap
FIRST_LINE: Final = 3.0  # seconds that one is waited for: a board restarts when its port is opened
BAD_LINES: Final = "lines that cannot be used"  # why a Gap
_ABSURD: Final = 1000  # times the full scale: no sensor prints that
_RECENT: Final = 4.0  # seconds of them that are looked at, and that a problem stands once it is over
_OFF: Final = 0.02  # share of the rate: what a sketch prints is seldom exact, and nobody else says so
_A_BOARD: Final = "what comes is what a board of odl's own says; leave out `format='csv'`"


class CsvStreamError(OdlError, RuntimeError):
    """No line of a sketch can be used; the message says why."""


class CsvStream:
    """Samples from printed lines: iterate for `Samples` and `Gap`.

    Positions count lines. Where lines are missing (unplugged, silent for a second, dropped
    because nobody fetched them) a `Gap` counts them, from the host's clock and the rate. A line
    that was meant as a sample and cannot be used is a lost one; text beside the stream is left out.
    While nothing arrives, the stream yields `Samples` of no rows.

    Parameters
    ----------
    line : SerialLine
        The source of the lines.
    scale : sequence of float
        Size of one count per column, in the printed unit: a column in g with 0.00025 is
        multiplied by 4000. Values beyond int16 are saturated and counted; a line with one that is
        beyond 1000 times that cannot be used.
    rate_hz : float
        Samples per second that the sketch should print. The stream measures the rate too.
    columns : sequence of str
        As in `odl.device.csv_columns.CsvColumns`, in the order of ``scale``.
    strict : bool
        Likewise.
    position : int
        Index of the first sample.
    units : sequence of str, optional
        Units of the columns, for sentences.

    Raises
    ------
    CsvStreamError
        While iterating: if 25 lines cannot be used for a reason that does not go away by itself,
        and none ever could; or if frames of a board come and no lines.

    Attributes
    ----------
    wait : float
        Seconds that a ``next`` may block while nothing arrives.
    state : CsvStreamState
    position : int
        Position of the stream.
    clock : DeviceClock
        The measured rate, ``clock.rate_hz`` and ``clock.complaint``.
    lost, saturated : int
        Samples in gaps, and values cut to the range of int16.
    news : deque of str
        Sentences that a person should see, each once.

    Examples
    --------
    >>> from odl.device.serial_port import SerialPort
    >>> with SerialPort("loop://") as line:
    ...     sketch = CsvStream(line, scale=(0.5, 1.0), rate_hz=50.0, columns=("ax", "ay"))
    ...     sent = line.write(b"ax,ay\\r\\n1.5,-2\\r\\n40000,1\\r\\n")
    ...     block = next(event.block for event in sketch if len(event.block))
    >>> block.tolist(), sketch.saturated
    ([[3, -2], [32767, 1]], 1)
    """

    def __init__(
        self,
        line: SerialLine,
        *,
        scale: Sequence[float],
        rate_hz: float,
        columns: Sequence[str],
        strict: bool = False,
        position: int = 0,
        units: Sequence[str] = (),
    ) -> None:
        if len(scale) != len(columns):
            raise ValueError(f"{len(columns)} columns, but a scale for {len(scale)}; give one for each")
        self._per_unit = [1 / s for s in scale]
        self.line, self.position, self.wait = line, position, 0.2
        full, units = [32768 * s for s in scale], tuple(units) or ("",) * len(scale)
        self.columns = CsvColumns(columns, strict, [_ABSURD * value for value in full], units)
        self.clock = DeviceClock(rate_hz, _OFF)
        self.lost = self.saturated = 0
        self.state = CsvStreamState.WAITING
        self._rate, self._patience = rate_hz, max(_SILENT, 20 / rate_hz)
        self._text = bytearray()  # of an unfinished line
        self._whole = False  # whether it has its beginning
        self._ahead: deque[Samples | Gap] = deque()
        self._rows: list[list[float]] = []
        self._since = 0.0  # when the first of them came
        self._last: float | None = None  # when the last line of numbers came
        self._cause = ""  # why lines may be missing
        self.news: deque[str] = deque()
        self._noticed_bad, self._due_bad, self._due_text = False, 1, 1  # counts at which a note is due
        self._trouble, self._troubled = "", 0.0  # with the columns, and when it was so last
        self._frames = Deframer(MAX_LINE)
        self._limits = LimitCheck(self.columns.wanted, units, full, round(_RECENT * rate_hz))

    def __iter__(self) -> Iterator[Samples | Gap]:
        now = self.line.clock.monotonic
        gave = now()
        while self._ahead or self.state is not CsvStreamState.CLOSED:
            if self._ahead:  # an attribute, so that iteration can stop and continue later
                yield self._ahead.popleft()
                gave = now()
                continue
            wait = self.wait
            if self._rows:
                wait = max(0.0, min(wait, self._since + _TOGETHER - now()))
            chunk = self.line.get(wait)
            if chunk is not None:
                self._take(chunk)
            else:
                self._look_for_silence()
            # Lines that cannot be used may arrive all the time.
            late = now() >= gave + self.wait
            if (chunk is None and (not self._rows or self.wait == 0)) or (not self._rows and late):
                yield Samples(self.position, np.zeros((0, len(self._per_unit)), np.int16))
                gave = now()
            if len(self._rows) >= _ROWS or now() >= self._since + _TOGETHER:
                self._flush()

    def wait_for_line(self, seconds: float) -> None:
        """Wait for the first line that can be used, for ``limit`` seconds at most; it is yielded later.

        Raises
        ------
        CsvStreamError
            As while iterating.
        """
        until = self.line.clock.monotonic() + seconds
        while not (self._rows or self._ahead or self.state is CsvStreamState.CLOSED):
            left = until - self.line.clock.monotonic()
            if left <= 0:
                break
            if (chunk := self.line.get(min(left, self.wait))) is not None:
                self._take(chunk)

    @property
    def problem(self) -> str:
        """What is wrong with the lines, in one sentence, or empty."""
        return self._trouble or self._limits.problem

    @property
    def note(self) -> str:
        """What a person should know now, in one sentence, or empty."""
        return self.problem or self.clock.complaint(self._rate)

    @property
    def damaged(self) -> int:
        """Lines that could not be used, without text beside the stream."""
        return self.columns.bad - self.columns.text

    @property
    def useless(self) -> str:
        """Why no line could be used so far; empty once one could."""
        return "" if self._last is not None else self.columns.problem or self.state.value

    def _look_for_silence(self) -> None:
        quiet = self._last is None or self.line.clock.monotonic() - self._last <= self._patience
        if not quiet and self.state in (CsvStreamState.STREAMING, CsvStreamState.LIMITED):
            self.state = CsvStreamState.SILENT

    def _take(self, chunk: SerialChunk) -> None:
        if chunk.lost:
            self._cut("nobody fetched the samples in time")
        if chunk.state is SerialState.LOST:
            self._cut("unplugged")
            self.state, self._trouble = CsvStreamState.UNPLUGGED, ""
        elif chunk.state is SerialState.OPEN:
            self.state = CsvStreamState.WAITING
        elif chunk.state is SerialState.CLOSED:
            self.state = CsvStreamState.CLOSED
            self._flush()
        lines = self._lines(chunk.data)
        for number, line in enumerate(lines):
            headers, missed = self.columns.headers, self.columns.missed
            row = self.columns.take(line, self._whole)
            self._whole = True
            if self.columns.headers > headers and self._last is not None:
                self._cause = self._cause or "the sketch started anew"
            if row is not None:
                self._add(row, chunk.time, len(lines) - number, missed)
        if self.columns.hopeless:
            raise CsvStreamError(self.columns.problem)
        if self._last is None and self._frames.feed(chunk.data):
            raise CsvStreamError(_A_BOARD)
        if problem := self.columns.problem:
            self.state, self._troubled = CsvStreamState.UNREADABLE, chunk.time
            self._trouble = self._trouble or problem
        elif chunk.time - self._troubled > _RECENT:
            self._trouble = ""
        self._report_left_out()
        if self._last == chunk.time:
            self.clock.add(None, chunk.time, self.position + len(self._rows) + self.columns.missed)

    def _add(self, row: list[float], now: float, here: int, bad: int) -> None:
        """Add a line of numbers read at ``now``, one of ``here`` at once, after ``bad`` unusable ones."""
        if self._last is None and self.columns.in_order:
            self.news.append(
                "the sketch prints no names, so its columns are used in their order: "
                + ", ".join(self.columns.wanted)
            )
        lost = 0 if self._last is None else self._missing(now - self._last, here)
        why = self._cause or "the sketch was silent"
        if bad and not self._cause and lost < 2 * bad + self._rate / 2:
            lost, why = bad, BAD_LINES  # their number says more than the clock
        if self._cause or lost:
            self._flush()
            if self._last is not None:
                self._ahead.append(Gap(self.position, lost, why))
                self.position += lost
                self.lost += lost
                if why != BAD_LINES:
                    self.clock.recount()
                elif not self._noticed_bad:
                    self._noticed_bad = True
                    self.news.append(
                        "a line that cannot be used is a lost sample: a new window starts after it"
                    )
            self._cause = ""
        if not self._rows:
            self._since = now
        self._rows.append(row)
        self._last = now
        self.state = CsvStreamState.LIMITED if self._limits.problem else CsvStreamState.STREAMING

    def _report_left_out(self) -> None:
        """Add a sentence at the first, the tenth, ... line that is left out."""
        text, bad = self.columns.text, self.damaged
        if bad >= self._due_bad:
            self._due_bad = 10 ** len(str(bad))
            many = "a line" if bad == 1 else f"{bad} lines"
            self.news.append(f"{many} could not be used, the last was: {self.columns.last_bad}")
        if text >= self._due_text:
            self._due_text = 10 ** len(str(text))
            many = "a line of text is left out" if text == 1 else f"{text} lines of text left out, the last"
            self.news.append(f"{many}: {self.columns.last_text}")

    def _missing(self, silence: float, here: int) -> int:
        """Return the number of missing lines after ``silence`` seconds without one."""
        if not self._cause and silence <= self._patience:
            return 0
        # Lines that were only delayed arrive all at once.
        lost = max(0, round(silence * (self.clock.rate_hz or self._rate)) - here)
        return lost if self._cause or lost >= self._rate / 2 else 0

    def _cut(self, cause: str) -> None:
        """Drop the unfinished line, because bytes are missing."""
        self._cause = cause
        self._text.clear()
        self._whole = False

    def _lines(self, data: bytes) -> list[str]:
        *ended, self._text[:] = (bytes(self._text) + data).split(b"\n")
        del self._text[MAX_LINE:]  # drop the rest of such a line up to its end
        return [line.decode("utf-8", "replace") for line in ended]

    def _flush(self) -> None:
        """Pass on the samples that wait."""
        if not self._rows:
            return
        scaled = np.rint(np.array(self._rows) * self._per_unit)
        cut = np.abs(scaled + 0.5) > 32768
        self.saturated += int(np.count_nonzero(cut))
        self._limits.add(cut)
        block: NDArray[np.int16] = np.clip(scaled, -32768, 32767).astype(np.int16)
        self._ahead.append(Samples(self.position, block))
        self.position += len(block)
        self._rows = []
