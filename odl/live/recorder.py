"""Records the samples of a board or a sketch to a file, without predicting or asking."""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Any, Final

from odl.core.events import Gap, Samples
from odl.device.board import Board, BoardState
from odl.device.csv_state import CsvStreamState
from odl.device.csv_stream import CsvStream, CsvStreamError
from odl.evaluate.load_kernels import Progress
from odl.evaluate.option_table import OPTIONS
from odl.live.source_status import SourceNotices, source_status
from odl.live.status import LiveStatus
from odl.live.takes import Takes
from odl.recording import Writer

REPORT: Final = 10.0  # seconds between two lines of figures


class Recorder:
    """Writes a source's samples to a recording; `open_recorder` returns one.

    Attributes
    ----------
    recording : pathlib.Path
        The file that is written.
    takes : odl.live.takes.Takes or None
        The labels that the samples get, as truth.
    """

    def __init__(
        self, source: Board | CsvStream, writer: Writer, opened: ExitStack, rate_hz: float, shift: int,
        takes: Takes | None = None, speed: float = 1.0,
    ) -> None:  # fmt: skip
        self.recording, self.takes, self._shift, self._speed = writer.path, takes, shift, speed
        self._source, self._writer, self._opened, self._rate = source, writer, opened, rate_hz
        self._samples = 0
        self._ending = False
        try:
            writer.sync()
        except OSError:
            opened.close()
            writer.discard()  # so that the same name can be given again
            raise

    def stop(self) -> None:
        """End the recording soon; any thread or signal handler may call this."""
        self._ending = True
        self._source.line.wake()

    def run(self, seconds: float | None, progress: Progress) -> None:
        """Record until ``stop``, or for ``seconds`` of the stream; while nothing arrives, the clock counts.

        Raises
        ------
        ConfigError
            If ``seconds`` is not above 0.
        """
        OPTIONS["seconds"].check(seconds)
        clock = self._source.line.clock
        notices, heard = deque[str](), clock.monotonic()
        due, note, said = heard + REPORT, SourceNotices(notices, self._rate, self._speed), ""
        for event in self._source:
            if self._take(event):
                heard = clock.monotonic()
            if self.takes is not None and self.takes.words() != said:
                said = self.takes.words()
                progress(said)
            note.update(self._source)
            while notices:
                progress(notices.popleft())
            now, passed = clock.monotonic(), self._writer.position / self._rate
            if now >= due and self.takes is None:
                due = now + REPORT
                own = source_status(self._source)
                sketch = isinstance(self._source, CsvStream)
                what = "lines could not be used" if sketch else "frames damaged"
                bad = f", {own.damaged} {what}" if own.damaged else ""
                progress(f"{passed:.0f} s, {own.lost} samples lost{bad}")
            if self.takes is not None and self.takes.done:
                break
            if self._ending or (seconds is not None and passed + now - heard >= seconds):
                break
        if isinstance(self._source, CsvStream) and (why := self._source.useless):
            raise CsvStreamError(f"nothing could be recorded: {why}")

    def _take(self, event: object) -> bool:
        """Write ``event`` if it belongs into a recording; return True if it does."""
        rows = len(event.block) if isinstance(event, Samples) else 0
        if not (rows or isinstance(event, Gap)):
            return False
        assert isinstance(event, Samples | Gap)
        self._writer.write(replace(event, start=event.start - self._shift))
        for truth in self.takes.take(self._writer.position) if self.takes is not None else ():
            self._writer.write(truth)
        self._writer.flush()
        self._samples += rows
        return True

    @property
    def position(self) -> int:
        """Samples so far, lost ones included."""
        return self._writer.position

    def status(self) -> LiveStatus:
        """State and figures of the source; any thread may call this."""
        own = source_status(self._source, self._speed)
        running = self._source.state in (BoardState.STREAMING, CsvStreamState.STREAMING)
        return replace(
            own, state="recording" if running else own.state, port=self._source.line.url,
            declared=self._rate, position=self.position, recording=self.recording,
        )  # fmt: skip

    def figures(self) -> dict[str, Any]:
        """Return the figures of the recording, for JSON."""
        own = source_status(self._source)
        return {
            "recording": str(self.recording), "samples": self._samples, "lost": own.lost,
            "dropped": own.dropped, "damaged": own.damaged, "rate_hz": own.rate, "declared_hz": self._rate,
            "seconds": self._writer.position / self._rate, "problem": own.problem,
            **({} if self.takes is None else {"labels": self.takes.seconds_of}),
        }  # fmt: skip

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._opened:
            for truth in self.takes.end(self._writer.position) if self.takes is not None else ():
                self._writer.write(truth)
            self._writer.close()
        if isinstance(error, CsvStreamError) and not self._samples:
            self._writer.discard()
