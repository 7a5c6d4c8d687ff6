"""Recordings to tables and back, images of odl 0.1 to this version. docs/recording.md describes tables."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Final

import odl
from odl._files import in_private
from odl._text import clean
from odl.core.config import Config, ConfigError
from odl.core.events import Input
from odl.core.fixed_point import input_scaling
from odl.core.image import Image
from odl.core.image_layout import VERSION
from odl.data import DataError, open_dataset
from odl.data.conversion.converted import Converted, read_converted, side_card
from odl.data.conversion.restored import LAST, restore
from odl.data.conversion.rows import EVENTS, RESERVED, EventRows, SampleRows
from odl.data.conversion.table_writer import TableWriter, table_writer
from odl.data.inference.single_table import SingleTable, read_single_table
from odl.data.streams import load_model, replay_parts
from odl.recording import RecordingError, Writer, named
from odl.recording.format_1 import converted
from odl.recording.redact import Source
from odl.wire import CodecError, Start

TABLES: Final = (".csv", ".parquet")
MOST: Final = 2**14  # events written at a time
LONGEST: Final = 100  # letters of a column's name


def to_table(
    source: Source, path: Path, *, counts: bool = False, events: Path | None = None, force: bool = False
) -> int:
    """Write a recording as a table, one row per sample.

    Parameters
    ----------
    source : Source
        The recording.
    path : Path
        ``.csv``, which gets its card beside it, or ``.parquet``.
    counts : bool
        Raw counts instead of real values.
    events : Path, optional
        A second table, one row for each thing that happened.
    force : bool
        Replace files that are there.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    DataError, ValueError
        If the recording holds no samples or does not say what they are, or a file is there.

    Examples
    --------
    >>> import tempfile
    >>> from odl.evaluate.replay import replay
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     out = replay("shoulder", subjects=[7], policy="none", out=folder).outcomes[0].file
    ...     _ = to_table(Source(out), Path(folder, "walk.csv"))
    ...     print(Path(folder, "walk.csv").read_text().splitlines()[0])
    index,time,recording,subject,ax,ay,az,wx,wy,wz,truth,predicted,asked,answered,learned
    """
    card = _card(source, counts)
    window = 1 if source.image is None else source.image.window
    samples = SampleRows(card, source.names, window)
    log = EventRows(card.rate_hz, source.names, window)
    with ExitStack() as stack:
        stack.enter_context(named(source.path))

        def begin(file: Path, columns: tuple[tuple[str, str], ...], text: str = "") -> TableWriter:
            writer = table_writer(stack.enter_context(in_private(file, force)), file.suffix, columns, text)
            stack.callback(writer.close)
            return writer

        if path.suffix == ".csv":
            beside = stack.enter_context(in_private(side_card(path), force))
            beside.write_text(card.to_json() + "\n", encoding="utf-8")
        table = begin(path, samples.columns, card.to_json())
        happened = None if events is None else begin(events, EVENTS)
        for event in source.events():
            for rows in samples.take(event):
                table.write(rows)
            if happened is not None:
                log.take(event)
                if len(log.rows) >= MOST:
                    happened.write(log.columns())
        for rows in samples.rest():
            table.write(rows)
        if not samples.written:
            raise DataError(f"{source.path.name} holds no samples, so there is no table to write")
        if happened is not None:
            happened.write(log.columns())
    return samples.written


def redacted(source: Source, target: Path, force: bool = False) -> None:
    """Write what is left of a recording as a recording.

    Frames bear time 0. The outputs stay as they were recorded.

    Raises
    ------
    ValueError, OSError
        If it cannot be written, or is there already.
    """
    with in_private(target, force) as file, Writer(file, source.start) as writer:
        for event in source.events():
            writer.write(event)
        writer.position = max(writer.position, source.position)


def image_of_this_version(source: Path, target: Path, force: bool = False) -> str:
    """Write the model image of an older version as one of this version; return the older one's number.

    Raises
    ------
    ImageError, ValueError, OSError
        If it cannot be read or written, or is of this version already.
    """
    image = load_model(source)
    if image.version[0] == VERSION[0]:
        raise ValueError(f"{source.name} is a model image of this version already")
    with in_private(target, force) as file:
        file.write_bytes(image.to_bytes())
    return "{}.{}".format(*image.version)


def _card(source: Source, counts: bool) -> Converted:
    """What the rows do not say."""
    config, image = source.start.config, source.image
    session = config.get("session")
    session = session if isinstance(session, dict) else {}
    name = source.path.name
    try:
        channels = tuple((str(n), str(u), float(s)) for n, u, s in session["channels"])
        rate = float(session["rate_hz"])
    except (KeyError, TypeError, ValueError, OverflowError):
        if image is None or not counts:
            raise DataError(
                f"{name} does not say what its channels and rate are, so there are no real values; "
                "`counts=True` takes the counts as they are"
            ) from None
        channels = tuple((c.name, "count", 1.0) for c in image.channels)
        rate = image.rate_hz
    if source.position > LAST:
        raise DataError(f"{name} goes on to sample {source.position}, and tables end at {LAST}")
    try:
        return Converted(
            odl=odl.__version__, start=config,
            image=base64.b64encode(source.start.image).decode(),
            model="" if image is None else f"{image.checksum:08x}",
            rate_hz=rate, channels=channels, columns=_columns(channels), counts=counts,
            position=source.position,
            gaps=tuple((gap.start, gap.lost, gap.why) for gap in source.gaps),
            truths=tuple((truth.start, truth.end, truth.name) for truth in source.truths),
        )  # fmt: skip
    except ValueError as error:
        raise DataError(f"{name}: no table can be made of it: {error}") from None


def _columns(channels: Iterable[tuple[str, str, float]]) -> tuple[str, ...]:
    """The channels' names where they can be those of columns, else ``channel 1`` and so on."""
    columns: list[str] = []
    for i, (name, _, _) in enumerate(channels, 1):
        column = clean(name, None, empty="")
        if not column or len(column) > LONGEST or column in RESERVED or column in columns:
            column = next(other for n in count(i) if (other := f"channel {n}") not in columns)
        columns.append(column)
    return tuple(columns)


def to_recording(
    path: Path,
    target: Path,
    *,
    model: str | Path | None = None,
    subject: str | None = None,
    rate_hz: float | None = None,
    columns: Sequence[str] = (),
    units: Sequence[str] = (),
    label: str = "",
    force: bool = False,
    progress: Callable[[str], None] | None = None,
) -> list[str]:
    """Write a table as a recording: samples, gaps and truth, nothing that anybody said.

    A table that `to_table` wrote brings its card: counts, gaps, truth, settings and model are
    those of the recording that it came from. Of any other, ``card.json`` beside it says how to
    read it, or else the names and sizes of its columns, and what is given here.

    Parameters
    ----------
    path, target : Path
        The table and the recording.
    model : str or path, optional
        Model image of the session; default: the one in the table's card, or none. A recording
        without one can be trained on, but replayed only with a model named.
    subject : str, optional
        Who was recorded: a pseudonym.
    rate_hz, columns, units, label
        See `odl.data.inference.single_table.read_single_table`; for tables without a card.
    force : bool
        Replace a recording that is there.
    progress : callable, optional
        Called with a short sentence about what is being done.

    Returns
    -------
    list of str
        What had to be changed or guessed.

    Raises
    ------
    DataError, ConfigError, ValueError
        If the table cannot be read so, with file and row; or the model does not fit.
    """
    if subject is not None and not (subject.isprintable() and 0 < len(subject) <= 64):
        raise ConfigError("`subject` is a pseudonym of 1 to 64 printable characters")
    card = read_converted(path)
    image = None if model is None else load_model(model)
    events: Iterable[Input]
    if card is not None:
        if rate_hz is not None or columns or units or label:
            raise ConfigError(f"{path.name} has a card that says what it holds; say nothing about columns")
        restored = restore(path, card, _counting(path, progress))
        events, notes = restored.events, restored.notes
        start = _start_again(card, path)
        if image is not None:
            start = _start(image, card.rate_hz, card.channels, start.config.get("session"))
    else:
        table = _single_table(path, rate_hz, columns, units, label)
        events = replay_parts(table.parts)
        notes = [f"{sure}: {what}" for what, sure in table.provenance]
        start = _start(image, table.rate_hz, table.channels, {"subject": table.subject})
    if subject is not None:
        start.config["session"] = {**start.config.get("session", {}), "subject": subject}
    try:
        with in_private(target, force) as file, Writer(file, start) as writer:
            for event in events:
                writer.write(event)
    except (CodecError, RecordingError) as error:
        raise DataError(f"{path}: this cannot be made a recording ({error})") from None
    return notes


def _counting(path: Path, progress: Callable[[str], None] | None) -> Callable[[int], None]:
    """Return a callback that reports the rows read, at most every two seconds."""
    last = time.monotonic()

    def count_rows(rows: int) -> None:
        nonlocal last
        if progress is not None and time.monotonic() - last > 2:
            last = time.monotonic()
            progress(f"reading {path.name}: {rows} rows")

    return count_rows


def _single_table(
    path: Path, rate_hz: float | None, columns: Sequence[str], units: Sequence[str], label: str
) -> SingleTable:
    described = rate_hz is not None or columns or units or label
    if described or not (path.parent / "card.json").is_file():
        return read_single_table(path, rate_hz, columns, units, label)
    dataset = open_dataset(path)
    if len(dataset.subjects) != 1:
        raise DataError(f"{path}: {len(dataset.subjects)} people; a recording is one person's")
    person = dataset.subjects[0]
    channels = tuple((c.name, c.unit, c.scale) for c in dataset.card.channels)
    parts = dataset.session(person)
    said = (("columns as card.json says", "sure"), *((part.note, "sure") for part in parts if part.note))
    return SingleTable(person, dataset.card.rate_hz, channels, parts, said)


def _start_again(card: Converted, path: Path) -> Start:
    try:
        image = base64.b64decode(card.image, validate=True)
    except ValueError:
        raise DataError(f"{path}: the model image in its card is damaged") from None
    if image:
        Image.from_bytes(image, f"{path}: the model image in its card")
    start = Start(card.start, image)
    version = start.config.get("format")
    return converted(start) if isinstance(version, list) and version[:1] == [1] else start


def _start(
    image: Image | None, rate_hz: float, channels: tuple[tuple[str, str, float], ...], session: object
) -> Start:
    """A session that only predicts; with no model it cannot even do that."""
    config = Config()
    if image is not None:
        if abs(rate_hz - image.rate_hz) > 1e-3:
            raise ConfigError(f"the table runs at {rate_hz:g} Hz, but the model wants {image.rate_hz:g} Hz")
        scaling = input_scaling(channels, [(c.name, c.unit, c.scale) for c in image.channels], image.zeros)
        config = Config(**scaling._asdict())
    about = {"rate_hz": rate_hz, "channels": [list(c) for c in channels], "odl": odl.__version__}
    about |= {k: v for k, v in (session if isinstance(session, dict) else {}).items() if k not in about}
    return Start({"config": config.to_dict(), "session": about}, b"" if image is None else image.to_bytes())


__all__ = ["TABLES", "Source", "redacted", "to_recording", "to_table"]
