"""Opens a recorder: its source, the channels, the labels, the file."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import odl
from odl.core.config import Config, ConfigError
from odl.core.fixed_point import input_scaling
from odl.core.image import Image
from odl.data import open_dataset
from odl.data.card import subject_name
from odl.data.streams import load_model
from odl.device.board import Board
from odl.device.csv_stream import FIRST_LINE, CsvStream
from odl.device.serial_line import SerialLine
from odl.device.serial_port import SerialPort
from odl.evaluate.load_kernels import Progress
from odl.evaluate.option_table import OPTIONS
from odl.live.emulated import EmulatedBoard
from odl.live.find import GREETING, image_of, line_to, new_file, random_number
from odl.live.options import check_pseudonym
from odl.live.recorder import Recorder
from odl.live.takes import COUNTDOWN, Takes
from odl.live.with_csv import channels_of, unit_of_each
from odl.recording import Writer
from odl.wire import Start

COUNT: Final = 0.001  # size of a count in its unit, by default
COUNTS: Final = {"deg/s": 1 / 16, "dps": 1 / 16, "mdps": 62.5, "mg": 1.0}  # up to 2048 deg/s, 32 g


def open_recorder(
    port: str | None = None,
    *,
    emulated: bool = False,
    play: str | None = None,
    subject: str | int | None = None,
    data: str | Path | None = None,
    speed: float | None = None,
    label: Sequence[str] | None = None,
    seconds: float | None = None,
    repeat: int | None = None,
    countdown: float | None = None,
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
    label : sequence of str, optional
        What is done, as truth of the recording: one label, or several that are switched between.
    seconds, repeat, countdown : float, int, float, optional
        With ``label``: length and number of takes, and the seconds before each (see `odl.live.takes.Takes`).
    scale : float
        For a sketch: the size of one count, in the printed unit; default: one that fits ``model``, without
        one 0.001, or as `COUNTS` says.
    units : sequence of str, optional
        For a sketch: the unit of all columns or of each, such as ``g`` or ``deg/s``; default: those of
        ``model``, and without one a replay takes those of its model.

    Raises
    ------
    ConfigError, BoardError, PortError, SerialPortError, OSError
        As `odl.live.open_live`.
    """
    sketch = format == "csv"
    for name, value in (("format", format), ("rate", rate), ("columns", columns), ("scale", scale),
                        ("units", units), ("baud", baud)):  # fmt: skip
        OPTIONS[name].check(value)
    for name, value in (("label", label), ("seconds", seconds), ("repeat", repeat), ("countdown", countdown),
                        ("speed", speed)):  # fmt: skip
        OPTIONS[name].check(value)
    check_pseudonym(who)
    for fits, sentence in (
        (emulated == (play is not None),
         "`emulated=True` and `play='shoulder'` go together: an emulated board whose sensor plays a person"),
        (not emulated or port is None, "`emulated=True` starts a board of its own: leave out `port`"),
        (emulated or (subject is None and data is None and speed is None),
         "`subject`, `data` and `speed` are for `play`"),
        (label is not None or seconds is None, "`seconds` is the length of a take: it needs `label`"),
        (seconds is not None or (repeat is None and countdown is None),
         "`repeat` and `countdown` are for takes of a fixed length: they need `label` and `seconds`"),
        (not (emulated and sketch), "`format='csv'` is for a sketch on a port"),
    ):  # fmt: skip
        if not fits:
            raise ConfigError(sentence)
    for name, given in (("rate", rate is not None), ("columns", columns is not None),
                        ("units", bool(units)), ("scale", scale is not None)):  # fmt: skip
        if given and not sketch:
            raise ConfigError(f"`{name}` is for `format='csv'`: a board reports its own")
    progress = progress or (lambda sentence: None)
    path = new_file(out)
    about: dict[str, Any] = {"odl": odl.__version__} | ({} if who is None else {"subject": who})
    with ExitStack() as opened:
        if play is not None:
            line = opened.enter_context(_played(opened, play, subject, data, model, speed, baud, progress))
        else:
            line = opened.enter_context(line_to(port or "auto", baud, progress))
        image = None if model is None else load_model(model)
        source: Board | CsvStream
        shift = 0  # position of a board that counts on from an earlier session
        if sketch:
            if not columns or (rate is None and image is None):
                raise ConfigError("`format='csv'` needs `columns`, as in ax,ay,az, and `rate` or `model`")
            channels = _channels(columns, image, scale, units or [])
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
        takes = None
        if label is not None:
            takes = Takes(label, hertz, seconds, repeat or 1, COUNTDOWN if countdown is None else countdown)
        writer = Writer(path, Start(start, b"" if image is None else image.to_bytes()))
        return Recorder(source, writer, opened.pop_all(), hertz, shift, takes, speed or 1.0)


def _played(
    opened: ExitStack, play: str, subject: str | int | None, data: str | Path | None,
    model: str | Path | None, speed: float | None, baud: int, progress: Progress,
) -> SerialLine:  # fmt: skip
    """Start an emulated board that plays a person, and open its port."""
    dataset = open_dataset(play, data)
    person = dataset.someone if subject is None else subject_name(subject)
    progress("starting an emulated board")
    board = EmulatedBoard.playing(
        play, person, dataset.model_path() if model is None else model, data=data, speed=speed or 1.0,
        progress=progress,
    )  # fmt: skip
    return SerialPort(opened.enter_context(board).url, baud)


def _channels(
    columns: Sequence[str], image: Image | None, scale: float | None, units: Sequence[str]
) -> tuple[tuple[str, str, float], ...]:
    if image is None:
        each = unit_of_each(units, columns) or [""] * len(columns)
        return tuple((n, u, scale or COUNTS.get(u, COUNT)) for n, u in zip(columns, each, strict=True))
    return channels_of(image, columns, units, scale)


def _quiet(image: Image, channels: Sequence[tuple[str, str, float]]) -> Config:
    """Return settings that ask nothing, so that the recording can be replayed."""
    scaling = input_scaling(channels, [(c.name, c.unit, c.scale) for c in image.channels], image.zeros)
    return Config(**scaling._asdict())
