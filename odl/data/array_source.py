"""A stream from arrays, data frames and iterables, in physical units or in counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.adapters import described
from odl.core.config import ConfigError
from odl.core.events import Gap, Input, Samples, Truth, valid_name
from odl.core.fixed_point import UNITS
from odl.core.image import Image
from odl.data.streams import Channels, Stream

BLOCK = 512
# Counts for each step of the model's int8 input: int16 then holds twice the model's full range, so
# what is saturated is the model's input alone, and the session counts it.
COUNTS = 128
MISSING = "missing in the source"
UNKNOWN = {"", "None", "nan", "NaT", "<NA>"}  # labels that say nothing, as text


@dataclass(frozen=True)
class Form:
    """What the numbers of a source mean: rate in Hz, units and, of counts, the scale.

    ``units`` and ``scale`` are one for all channels, or one for each, by name or in order.
    """

    rate_hz: float | None = None
    units: str | Sequence[str] | Mapping[str, str] | None = None
    scale: float | Sequence[float] | Mapping[str, float] | None = None
    labels: Any = None


def stream_of(source: object, image: Image, form: Form, subject: str = "1") -> Stream:
    """Return ``source`` as a stream for a session of ``image``.

    Parameters
    ----------
    source : DataFrame, array (n, channels), or iterable
        Floats are in ``form.units``, integers are counts worth ``form.scale`` each. A DataFrame has
        a column for each channel of the image. An iterable gives rows, or blocks (n, channels), or
        events in counts (`odl.core.events.Samples` ...). A row with NaN is a gap.
    image : Image
        Its channels name the columns; its full range determines how floats become counts.
    form : Form
        The meaning of the numbers. ``form.labels`` gives the truth: the name of a column, or a sequence
        with a class name, or None, for each row.
    subject : str
        The person of the stream.

    Raises
    ------
    ConfigError
        If the source or its form does not fit; the message names the argument and what it can be.

    Examples
    --------
    >>> from odl.data import model_bytes
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> units = ["g"] * 3 + ["rad/s"] * 3
    >>> stream = stream_of(np.zeros((200, 6)), image, Form(50, units, labels=["sit"] * 200))
    >>> stream.windows(image), stream.truths
    (2, (Truth(start=0, end=200, name='sit'),))
    """
    names = [c.name for c in image.channels]
    labels = form.labels
    if is_frame(source):
        source, labels = _of_frame(source, labels, names)
    rate = _rate(form.rate_hz)
    if isinstance(labels, Iterator):
        labels = list(labels)
    truths = None if labels is None else truths_of(labels)
    stretches: tuple[int, ...] | None = None
    if isinstance(source, np.ndarray):
        _fits(source, labels, names)
        stretches, truths = _stretches(source), truths or ()
        source = [source[at : at + BLOCK] for at in range(0, len(source), BLOCK)]
    if isinstance(source, str | bytes | Mapping) or not isinstance(source, Iterable):
        raise ConfigError(
            f"source is {described(source)}; it can be a dataset's name, a path, a DataFrame, an array, or "
            "an iterable of rows, blocks or events"
        )
    first, items = _opened(source)
    if items is not source:  # it can be read once only, so nobody can look for truth in it
        truths = truths or ()
    if isinstance(first, Input) and truths is None:
        classes = [event.name for event in items if isinstance(event, Truth)]
    else:
        classes = [truth.name for truth in truths or ()]
    counts = isinstance(first, Input) or np.asarray(first).dtype.kind in "iu"
    channels = _channels(image, form, counts)
    steps = np.array([scale for _, _, scale in channels])

    def inputs() -> Iterator[Input]:
        yield from truths or ()
        if isinstance(first, Input):
            yield from items
        else:
            yield from events_of(_whole(items, len(names), image.hop), None if counts else steps, names)

    return Stream(
        subject=subject,
        inputs=inputs,
        stretches=stretches,
        classes=tuple(dict.fromkeys(classes)),
        channels=channels,
        rate_hz=rate,
        name=f"{subject}.odl",
        about={},
        known_truths=None if truths is None else tuple(truths),
    )


def is_frame(source: object) -> bool:
    """Whether ``source`` is a pandas DataFrame; pandas is not imported for it."""
    return type(source).__name__ == "DataFrame" and type(source).__module__.startswith("pandas")


def _of_frame(frame: Any, labels: Any, names: list[str]) -> tuple[NDArray[Any], Any]:
    """The channels' columns as an array, and the labels."""
    there = ", ".join(map(str, frame.columns))
    if missing := [name for name in names if name not in frame.columns]:
        wanted = ", ".join(names)
        raise ConfigError(f"source has no column '{missing[0]}' among {there}; the model wants {wanted}")
    if isinstance(labels, str):
        if labels not in frame.columns:
            raise ConfigError(f"labels is '{labels}'; there are the columns {there}")
        labels = frame[labels].astype(object).tolist()
    values = frame[names].to_numpy()
    try:
        return values if values.dtype.kind in "iuf" else frame[names].to_numpy(float, na_value=np.nan), labels
    except (TypeError, ValueError) as error:
        raise ConfigError(f"source: its columns cannot be read as numbers ({error})") from None


def _fits(array: NDArray[Any], labels: Any, names: list[str]) -> None:
    if array.ndim != 2 or array.shape[1] != len(names):
        wanted = f"(n, {len(names)}): {', '.join(names)}"
        raise ConfigError(f"source is an array of shape {array.shape}; the model wants {wanted}")
    if labels is not None and len(labels) != len(array):
        raise ConfigError(f"labels has {len(labels)} entries, but the source has {len(array)} rows")


def _rate(rate_hz: object) -> float:
    if isinstance(rate_hz, bool) or not isinstance(rate_hz, int | float | np.number) or not rate_hz > 0:
        raise ConfigError(
            f"rate_hz is {described(rate_hz)}; it can be the source's samples per second, such as 50"
        )
    return float(rate_hz)


def truths_of(labels: Any) -> tuple[Truth, ...]:
    """Return labels per sample as stretches of truth; None, NaN and '' are unknown.

    >>> truths_of(["sit", "sit", None, "walk"])
    (Truth(start=0, end=2, name='sit'), Truth(start=3, end=4, name='walk'))
    """
    if isinstance(labels, str) or not isinstance(labels, Iterable) or getattr(labels, "ndim", 1) != 1:
        raise ConfigError(f"labels is {described(labels)}; it can be a class name, or None, for each row")
    names = [None if (name := str(label)) in UNKNOWN else name for label in labels]
    if bad := [name for name in dict.fromkeys(names) if name is not None and not valid_name(name)]:
        raise ConfigError(f"labels holds {bad[0]!r}; a class name is printable and has up to 32 bytes")
    edges = [0, *(i for i in range(1, len(names)) if names[i] != names[i - 1]), len(names)]
    runs = [(a, b, names[a]) for a, b in zip(edges, edges[1:], strict=False) if a < b]
    return tuple(Truth(start, end, name) for start, end, name in runs if name is not None)


def _channels(image: Image, form: Form, counts: bool) -> Channels:
    """Return name, unit and scale of a count for each of the image's channels."""
    names = [c.name for c in image.channels]
    units = _each("units", form.units, names, "such as 'g', or ['g', 'g', 'g', 'rad/s', ...]")
    if counts:
        what = "what one count is worth: these are counts; floats would be in units"
        scales = [_positive(scale) for scale in _each("scale", form.scale, names, what)]
    elif form.scale is not None:
        raise ConfigError(f"scale is {described(form.scale)}; it is for counts, and the source holds floats")
    else:
        scales = [
            c.scale * UNITS.get(c.unit, ("", 1.0))[1] / UNITS.get(str(unit), ("", 1.0))[1] / COUNTS
            for c, unit in zip(image.channels, units, strict=True)
        ]
    return tuple((name, str(unit), scale) for name, unit, scale in zip(names, units, scales, strict=True))


def _positive(scale: object) -> float:
    if isinstance(scale, bool) or not isinstance(scale, int | float | np.number) or not 0 < scale < np.inf:
        raise ConfigError(f"scale is {described(scale)}; what one count is worth is a number above 0")
    return float(scale)


def _each(argument: str, value: Any, names: list[str], can: str) -> list[Any]:
    """``value`` for each channel: one for all, one for each in order, or by name."""
    if isinstance(value, Mapping) and set(value) >= set(names):
        return [value[name] for name in names]
    if isinstance(value, str | int | float | np.number) and not isinstance(value, bool):
        return [value] * len(names)
    if (
        isinstance(value, Iterable)
        and not isinstance(value, Mapping)
        and len(each := list(value)) == len(names)
    ):
        return each
    raise ConfigError(f"{argument} is {described(value)}; it can be {can}, for {', '.join(names)}")


def _opened(source: Iterable[Any]) -> tuple[object, Iterable[Any]]:
    """The first item, and the whole source: itself, unless it is an iterator."""
    items = iter(source)
    try:
        first = next(items)
    except StopIteration:
        raise ConfigError("source is empty: it gave no row, block or event") from None
    return first, chain([first], items) if items is source else source


def _whole(items: Iterable[Any], width: int, size: int) -> Iterator[NDArray[Any]]:
    """Blocks (n, width): rows are gathered, ``size`` of them to a block."""
    rows: list[NDArray[Any]] = []
    for number, item in enumerate(items):
        block = np.asarray(item)
        if block.dtype.kind not in "iuf" or block.ndim not in (1, 2) or block.shape[-1] != width:
            raise ConfigError(
                f"item {number} of the source is {described(item)} of shape {block.shape}; it can be a row "
                f"of {width} numbers or a block (n, {width})"
            )
        if block.ndim == 1:
            rows.append(block)
        if rows and (block.ndim == 2 or len(rows) == size):
            yield np.stack(rows)
            rows = []
        if block.ndim == 2:
            yield block
    if rows:
        yield np.stack(rows)


def events_of(
    blocks: Iterable[NDArray[Any]], steps: NDArray[np.float64] | None, names: Sequence[str]
) -> Iterator[Samples | Gap]:
    """Blocks as events: floats are divided by ``steps``, a run of rows with NaN is one gap.

    >>> blocks = [np.array([[1.0], [2.0]]), np.array([[np.nan], [3.0]])]
    >>> for event in events_of(blocks, np.array([0.5]), ["ax"]):
    ...     print(event)
    Samples(start=0, block=array([[2],
           [4]], dtype=int16))
    Gap(start=2, lost=1, why='missing in the source')
    Samples(start=3, block=array([[6]], dtype=int16))
    """
    position = lost = 0
    for block in blocks:
        for start, end, there in _runs(~np.isnan(block).any(axis=1)):
            if not there:
                lost += end - start
                continue
            if lost:
                yield Gap(position, lost, MISSING)
                position, lost = position + lost, 0
            counts = _counts(block[start:end], steps, position, names)
            yield Samples(position, counts)
            position += end - start
    if lost:
        yield Gap(position, lost, MISSING)


def _counts(
    block: NDArray[Any], steps: NDArray[np.float64] | None, position: int, names: Sequence[str]
) -> NDArray[np.int16]:
    if steps is None:
        if block.dtype.kind == "f":
            raise ConfigError(f"source: row {position} holds floats, but the rows before it are counts")
        bad = (block < -(2**15)) | (block >= 2**15)
        why = "counts are int16, -32768 to 32767"
    else:
        bad, why = np.isinf(block), "it has to be finite, or NaN for a gap"
    if bad.any():
        row, column = np.argwhere(bad)[0].tolist()
        raise ConfigError(f"source: row {position + row}, {names[column]} is {block[row, column]}; {why}")
    if steps is not None:
        block = np.clip(np.floor(block / steps + 0.5), -(2**15), 2**15 - 1)
    return block.astype(np.int16)


def _stretches(values: NDArray[Any]) -> tuple[int, ...]:
    there = ~np.isnan(values).any(axis=1) if values.dtype.kind == "f" else np.ones(len(values), bool)
    return tuple(end - start for start, end, good in _runs(there) if good)


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int, bool]]:
    """(start, end exclusive, flag) of each run of equal flags."""
    edges = [0, *(np.flatnonzero(np.diff(flags)) + 1).tolist(), len(flags)]
    return [(a, b, bool(flags[a])) for a, b in zip(edges, edges[1:], strict=False) if a < b]
