"""Records the samples of a board or a sketch to a file, without predicting or asking."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import odl
from odl.core.config import Config, ConfigError
from odl.core.events import Gap, Samples
from odl.core.fixed_point import input_scaling
from odl.core.image import Image
from odl.data.streams import load_model
from odl.device.board import Board
from odl.device.csv_stream import FIRST_LINE, CsvStream, CsvStreamError
from odl.evaluate.load_kernels import Progress
from odl.evaluate.option_table import OPTIONS
from odl.live.find import GREETING, image_of, line_to, new_file, random_number
from odl.live.options import check_pseudonym
from odl.live.source_status import SourceNotices, source_status
from odl.live.with_csv import channels_of
from odl.recording import Writer
from odl.wire import Start

REPORT: Final = 10.0  # seconds between two lines of figures
COUNT: Final = 0.001  # size of a count in its unit, by default
COUNTS: Final = {"deg/s": 1 / 16, "dps": 1 / 16, "mdps": 62.5, "mg": 1.0}  # up to 2048 deg/s, 32 g


class Recorder:
    """Writes a source's samples to a recording; `open_recorder` returns one."""

    def __init__(
        self, source: Board | CsvStream, writer: Writer, opened: ExitStack, rate_hz: float, shift: int
    ) -> None:
        self.recording, self._shift = writer.path, shift
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
        due, note = heard + REPORT, SourceNotices(notices, self._rate)
        for event in self._source:
            if self._take(event):
                heard = clock.monotonic()
            note.update(self._source)
            while notices:
                progress(notices.popleft())
            now, passed = clock.monotonic(), self._writer.position / self._rate
            if now >= due:
                due = now + REPORT
                own = source_status(self._source)
                sketch = isinstance(self._source, CsvStream)
                what = "lines could not be used" if sketch else "frames damaged"
                bad = f", {own.damaged} {what}" if own.damaged else ""
                progress(f"{passed:.0f} s, {own.lost} samples lost{bad}")
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
        self._writer.flush()
        self._samples += rows
        return True

    def figures(self) -> dict[str, Any]:
        """Return the figures of the recording, for JSON."""
        own = source_status(self._source)
        return {
            "recording": str(self.recording), "samples": self._samples, "lost": own.lost,
            "dropped": own.dropped, "damaged": own.damaged, "rate_hz": own.rate, "declared_hz": self._rate,
            "seconds": self._writer.position / self._rate, "problem": own.problem,
        }  # fmt: skip

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._opened:
            self._writer.close()
        if isinstance(error, CsvStreamError) and not self._samples:
            self._writer.discard()


def open_recorder(
    port: str = "auto",
    *,
    format: str = OPTIONS["format"].default,
    rate: float | None = None,
    columns: Sequence[str] | None = None,
    model: str | Path | None = None,
    scale: float | None = None,
    units: Sequence[str] | None = None,
    out: str | Path | None = None,
    who: str | None = None,
    baud: int = OPTIONS["baud"].default,
    progress: Progress | None = None,
) -> Recorder:
    """Open a board or a sketch for recording; see `odl.live.LiveOptions` for the keywords.

    Parameters
    ----------
    scale : float
        For a sketch without a model: the size of one count, in the printed unit; default:
        0.001, or as `COUNTS` says.
    units : sequence of str, optional
        For a sketch without a model: the unit of all columns or of each, such as ``g`` or ``deg/s``.
        By default a replay takes those of its model.

    Raises
    ------
    ConfigError, BoardError, PortError, SerialPortError, OSError
        As `odl.live.open_live`.
    """
    sketch = format == "csv"
    for name, value in (("format", format), ("rate", rate), ("columns", columns), ("scale", scale),
                        ("units", units), ("baud", baud)):  # fmt: skip
        OPTIONS[name].check(value)
    check_pseudonym(who)
    for name, given in (("units", bool(units)), ("scale", scale is not None)):
        if given and (not sketch or model is not None):
            raise ConfigError(f"`{name}` is for a sketch without `model`: a board or a model has its own")
    for name, given in (("rate", rate is not None), ("columns", columns is not None)):
        if given and not sketch:
            raise ConfigError(f"`{name}` is for `format='csv'`: a board reports its own")
    progress = progress or (lambda sentence: None)
    path = new_file(out)
    about: dict[str, Any] = {"odl": odl.__version__} | ({} if who is None else {"subject": who})
    with ExitStack() as opened:
        line = opened.enter_context(line_to(port, baud, progress))
        image = None if model is None else load_model(model)
        source: Board | CsvStream
        shift = 0  # position of a board that counts on from an earlier session
        if sketch:
            if not columns or (rate is None and image is None):
                raise ConfigError("`format='csv'` needs `columns`, as in ax,ay,az, and `rate` or `model`")
            channels = _channels(columns, image, scale, units or [""])
            hertz = rate or (image.rate_hz if image else 0.0)
            source = CsvStream(line, scale=[c[2] for c in channels], rate_hz=hertz, columns=columns,
                            units=[c[1] for c in channels])  # fmt: skip
            progress("waiting for the sketch's first line")
            source.wait_for_line(FIRST_LINE)
        else:
            source = Board(line, seq=random_number(16))
            described = source.greet(GREETING)
            if described.channels is None:
                raise ConfigError("this board has no sensor, so it has nothing to record")
            image = image or image_of(source, line, progress)
            channels, hertz = described.channels, described.rate_hz or image.rate_hz
        config = None if image is None else _quiet(image, channels)
        if isinstance(source, Board):
            n = len(channels)
            quiet = config or Config(mult=(1,) * n, shift=(0,) * n, offset=(0,) * n)
            shift = source.configure(quiet, random_number(32), keep=True)
            board = source
            source.on_restart = lambda away: (board.position + round(away * hertz), 0)
        about |= {"channels": [list(c) for c in channels], "rate_hz": hertz}
        start: dict[str, Any] = {"session": about} | ({} if config is None else {"config": config.to_dict()})
        writer = Writer(path, Start(start, b"" if image is None else image.to_bytes()))
        return Recorder(source, writer, opened.pop_all(), hertz, shift)


def _channels(
    columns: Sequence[str], image: Image | None, scale: float | None, units: Sequence[str]
) -> tuple[tuple[str, str, float], ...]:
    if image is None:
        if len(units) not in (1, len(columns)):
            raise ConfigError(f"{len(units)} units for {len(columns)} columns; give one, or each")
        each = [*units] * len(columns) if len(units) == 1 else units
        return tuple((n, u, scale or COUNTS.get(u, COUNT)) for n, u in zip(columns, each, strict=True))
    return channels_of(image, columns)


def _quiet(image: Image, channels: Sequence[tuple[str, str, float]]) -> Config:
    """Return settings that ask nothing, so that the recording can be replayed."""
    scaling = input_scaling(channels, [(c.name, c.unit, c.scale) for c in image.channels], image.zeros)
    return Config(**scaling._asdict())
