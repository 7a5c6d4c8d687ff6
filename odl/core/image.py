"""The model image: extractor, heads and stored vectors that a session starts from."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.events import valid_name
from odl.core.image_layout import (
    HEAD,
    HEADER,
    LAYER,
    MOST_ROWS,
    NEWER,
    ROW,
    VERSION,
    ImageError,
    Op,
    join_sections,
    layout_of,
    read_header,
    read_section,
    require,
)
from odl.core.layer import Layer as Layer
from odl.core.layer import read_layers
from odl.core.layer_check import check_layers
from odl.core.layer_spans import LayerSpan, spans

ROOT = 255  # parent of the root task


@dataclass(frozen=True)
class Channel:
    """One input channel: a real value is the int8 input less ``zero``, times ``scale``, in ``unit``."""

    name: str
    unit: str
    scale: float
    zero: int = 0


@dataclass(frozen=True, eq=False)
class Image:
    """Everything a session starts from; `odl.core.image_layout` describes the byte form.

    An image of version 1 is read as one of version 2 with the same weights: at least 16 epochs, and a log
    that has room for a label beside all classes and tasks. ``version`` tells what was read; checksum
    and bytes are those of version 2.

    Features are the last layer's outputs pooled over the first half, the second half
    and (as a maximum) the whole window: three times its output channels, uint8. Where a window has one
    output of the last layer, this is the features.

    Examples
    --------
    >>> from odl.data.streams import load_model
    >>> image = load_model("shoulder")
    >>> image.rate_hz, image.window, image.hop, image.features, len(image.names)
    (50.0, 128, 64, 192, 5)
    """

    channels: tuple[Channel, ...]
    rate_hz: float
    window: int
    hop: int
    layers: tuple[Layer, ...]
    parents: NDArray[np.uint8]  # (heads,) parent class of each task, ROOT for the first
    formats: NDArray[np.uint8]  # (heads,) fractional bits of the logits
    row_class: NDArray[np.uint8]  # (rows,)
    row_head: NDArray[np.uint8]  # (rows,)
    base: NDArray[np.int32]  # (rows, features + 1)
    stored: NDArray[np.uint8]  # (stored, features)
    owners: NDArray[np.uint8]  # (stored,)
    names: dict[int, str]  # class id -> name
    epochs: int = 16
    rate_shift: int = 12
    imprint: int = 16
    seed: int = 1
    max_heads: int = 8
    max_rows: int = 20
    max_pending: int = 8
    max_log: int = 128
    card: dict[str, Any] = field(default_factory=dict)
    version: tuple[int, int] = field(default=VERSION, init=False)  # of the bytes that it was read from
    _data: bytes = field(default=b"", init=False, repr=False)  # these bytes, unless they were converted

    @property
    def features(self) -> int:
        """Length of a feature vector."""
        return self.layers[-1].outputs * (3 if self.positions > 1 else 1)

    @property
    def zeros(self) -> tuple[int, ...]:
        """The inputs that stand for a real 0, by channel."""
        return tuple(channel.zero for channel in self.channels)

    @property
    def windowed(self) -> bool:
        """Each window is computed as a whole, instead of each sample once."""
        return self.layers[0].op == Op.WINDOW

    @property
    def stride(self) -> int:
        """Samples between two outputs of the last layer; a hop is a multiple of it."""
        return self._stream.stride

    @property
    def receptive(self) -> int:
        """Receptive field of one output of the last layer, in samples."""
        return self._stream.receptive

    @property
    def positions(self) -> int:
        """Outputs of the last layer within one window."""
        return (self.window - self.receptive) // self.stride + 1

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the convolutions for one window on its own."""
        return sum(n * layer.macs for n, layer in zip(self.lengths, self.layers, strict=True))

    @property
    def lengths(self) -> list[int]:
        """Outputs of each layer for one window on its own; below 1 where a window is too short."""
        return [span.length for span in spans(self.layers, self.window)]

    @property
    def _stream(self) -> LayerSpan:
        """What an output of the last layer comes from, a whole window or less."""
        if self.windowed:
            return LayerSpan(self.layers[0].kernel, self.layers[0].stride, 1)
        return spans(self.layers, self.window)[-1]

    @property
    def max_items(self) -> int:
        """Most vectors that an epoch of a refit has.

        Each label and stored vector once, and a class's labels together up to as often as a trained
        class has stored vectors.
        """
        stored = len(self.owners)
        share = max(1, stored // max(1, len(self.row_class)))
        return self.max_log + share * self.max_rows + stored

    @property
    def refit_items(self) -> int:
        """Vectors that a refit learns from at each hop: 1600 a second."""
        return min(max(1, 1_600_000 * self.hop // round(self.rate_hz * 1000)), 65535)

    @property
    def checksum(self) -> int:
        """The CRC-32 that the byte form carries."""
        return int(np.frombuffer(self.to_bytes()[4:8], "<u4")[0])

    def to_bytes(self) -> bytes:
        """The byte form: the bytes that it was read from; equal new or converted images give equal bytes."""
        if self._data:
            return self._data
        self.check()
        card = dict(self.card)
        card["classes"] = {str(k): v for k, v in sorted(self.names.items())}
        card["channels"] = [
            {"name": c.name, "unit": c.unit, "scale": c.scale} | ({"zero": c.zero} if c.zero else {})
            for c in self.channels
        ]
        text = json.dumps(card, sort_keys=True, separators=(",", ":")).encode()
        layers = np.zeros(len(self.layers), LAYER)
        for row, layer in zip(layers, self.layers, strict=True):
            row["cin"], row["cout"], row["kernel"] = layer.inputs, layer.outputs, layer.kernel
            for name in ("stride", "op", "zero", "left", "right"):
                row[name] = getattr(layer, name)
            row["left"] += layer.back
        heads = np.zeros(len(self.parents), HEAD)
        heads["parent"], heads["format"] = self.parents, self.formats
        rows = np.zeros(len(self.row_class), ROW)
        rows["cls"], rows["head"] = self.row_class, self.row_head
        sections = {
            "layers": layers.tobytes(),
            "weights": b"".join(x.weights.tobytes() for x in self.layers),
            "biases": b"".join(x.biases.astype("<i4").tobytes() for x in self.layers),
            "mults": b"".join(x.mults.astype("<i4").tobytes() for x in self.layers),
            "shifts": b"".join(x.shifts.tobytes() for x in self.layers),
            "heads": heads.tobytes(),
            "rows": rows.tobytes(),
            "base": self.base.astype("<i4").tobytes(),
            "stored": self.stored.tobytes(),
            "owners": self.owners.tobytes(),
            "card": text,
        }
        header = np.zeros((), HEADER)
        for name in ("window", "hop", "features", "epochs", "rate_shift", "imprint", "seed",
                     "max_heads", "max_rows", "max_pending", "max_log"):  # fmt: skip
            header[name] = getattr(self, name)
        header["channels"], header["n_layers"] = len(self.channels), len(self.layers)
        header["n_heads"], header["n_rows"] = len(heads), len(rows)
        header["n_stored"], header["rate_mhz"] = len(self.owners), round(self.rate_hz * 1000)
        return join_sections(header, sections)

    @classmethod
    def from_bytes(cls, data: bytes, source: str = "model image") -> Image:
        """Read the byte form and check every size, offset and range.

        Raises
        ------
        ImageError
            If the bytes are not a valid image; the message names ``source``.
        """
        image = _read(data, source)
        if image.version[0] == VERSION[0]:
            object.__setattr__(image, "_data", bytes(data))
        return image

    def check(self, source: str = "model image") -> None:
        """Raise `ImageError` if shapes, ranges or the tree are inconsistent."""
        _check(self, source)


def _read(data: bytes, source: str) -> Image:
    header = read_header(data, source)
    section = partial(read_section, data, header, source)
    major = int(header["major"])
    layers = read_layers(section, section("layers", layout_of(major, LAYER), int(header["n_layers"])), source)
    heads = section("heads", layout_of(major, HEAD), int(header["n_heads"]))
    for i, head in enumerate(heads if major > 1 else ()):
        require(not head["kind"] and not head["spare"], source, f"task {i} is {NEWER}")
    rows = section("rows", ROW, int(header["n_rows"]))
    features, stored = int(header["features"]), int(header["n_stored"])
    try:
        text = section("card", "u1", int(header["card_size"])).tobytes()
        card = json.loads(text, parse_constant=_no_constant)
        names = {int(k): str(v) for k, v in card.pop("classes").items()}
        channels = tuple(
            Channel(str(c["name"]), str(c["unit"]), float(c["scale"]), int(c.get("zero", 0)))
            for c in card.pop("channels")
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ImageError(f"{source}: its card cannot be read ({type(error).__name__}: {error})") from None
    require(len(channels) == int(header["channels"]), source, "channel count and card differ")
    epochs, max_log = int(header["epochs"]), int(header["max_log"])
    if major == 1:
        epochs = max(epochs, 16)
        max_log = max(max_log, int(header["max_rows"]) + int(header["max_heads"]) + 1)
    image = Image(
        channels=channels, rate_hz=int(header["rate_mhz"]) / 1000,
        window=int(header["window"]), hop=int(header["hop"]), layers=tuple(layers),
        parents=heads["parent"].copy(), formats=heads["format"].copy(),
        row_class=rows["cls"].copy(), row_head=rows["head"].copy(),
        base=section("base", "<i4", len(rows), features + 1),
        stored=section("stored", "u1", stored, features), owners=section("owners", "u1", stored),
        names=names, epochs=epochs, rate_shift=int(header["rate_shift"]),
        imprint=int(header["imprint"]), seed=int(header["seed"]),
        max_heads=int(header["max_heads"]), max_rows=int(header["max_rows"]),
        max_pending=int(header["max_pending"]), max_log=max_log, card=card,
    )  # fmt: skip
    object.__setattr__(image, "version", (major, int(header["minor"])))
    image.check(source)
    return image


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _check(image: Image, source: str) -> None:
    def need(condition: bool, what: str) -> None:
        require(condition, source, what)

    need(1 <= len(image.channels) <= 9, f"{len(image.channels)} channels; 1 to 9 can be read")
    need(all(c.scale > 0 and np.isfinite(c.scale) for c in image.channels), "a scale is not positive")
    texts = [text for c in image.channels for text in (c.name, c.unit)]
    printable = all(text.isprintable() and len(text) <= 64 for text in texts)
    need(printable, "a channel's name or unit is over 64 characters, or not printable")
    need(0 < image.rate_hz < 4e6, f"sampling rate {image.rate_hz} Hz")
    need(all(-128 <= c.zero <= 127 for c in image.channels), "a channel's zero point is outside -128 to 127")
    check_layers(image.layers, len(image.channels), image.window, image.hop, source)
    need(
        image.hop > 0 and image.hop % image.stride == 0,
        f"hop {image.hop} is not a multiple of the extractor's stride {image.stride}",
    )
    need(
        image.receptive <= image.window <= 4096,
        f"window {image.window}; {image.receptive} to 4096 can be run",
    )
    width = image.layers[-1].outputs
    need(width <= 64 or image.positions == 1, f"the last layer has {width} outputs; up to 64 can be pooled")
    need(image.hop <= image.window, f"hop {image.hop} is longer than the window {image.window}")
    heads, rows, width = len(image.parents), len(image.row_class), image.features + 1
    need(image.base.shape == (rows, width), f"heads of shape {image.base.shape}, not {(rows, width)}")
    need(bool(np.all(np.abs(image.base.astype(np.int64)) <= 2**30)), "a head weight is beyond 2**30")
    need(image.stored.shape == (len(image.owners), width - 1), "stored vectors of the wrong length")
    need(1 <= heads <= image.max_heads <= 8, f"{heads} tasks, room for {image.max_heads}, at most 8")
    need(
        2 <= rows <= image.max_rows <= MOST_ROWS,
        f"{rows} rows, room for {image.max_rows}, at most {MOST_ROWS}",
    )
    need(2 <= image.max_pending <= 16, f"{image.max_pending} pending windows; 2 to 16 can be kept")
    need(1 <= image.max_log <= 1024, f"a log of {image.max_log} entries; 1 to 1024 can be kept")
    kinds = image.max_rows + image.max_heads
    need(image.max_log > kinds, f"a log of {image.max_log} entries, but {kinds} classes and tasks")
    items = image.max_log + len(image.owners)
    need(items <= 2**16, f"{items} labels and stored vectors; at most 65536 can be learned from")
    need(1 <= image.epochs <= 255, f"{image.epochs} epochs; 1 to 255 can be learned for")
    need(bool(np.all(image.formats <= 28)) and len(image.formats) == heads, "a logit format is above 28")
    need(bool(np.all(image.formats >= 8)), "a logit format is below 8")
    need(1 <= image.epochs <= 255, f"{image.epochs} epochs; 1 to 255 can be run")
    need(1 <= image.rate_shift <= 24, f"rate shift {image.rate_shift}; 1 to 24 can be used")
    need(0 < image.seed < 2**64, "the learner's seed is zero")
    need(int(image.parents[0]) == ROOT, "the first task is not the root")
    classes = [int(c) for c in image.row_class]
    need(len(set(classes)) == rows and ROOT not in classes, "a class id is doubled or 255")
    need(set(classes) == set(image.names), "class names and rows differ")
    need(len(set(image.names.values())) == rows, "two classes have one name")
    need(
        all(valid_name(n) for n in image.names.values()),
        "a class name is empty, over 32 bytes, or not printable",
    )
    need(bool(np.all(image.row_head < heads)), "a row belongs to no task")
    need(int((image.row_head == 0).sum()) >= 2, "the root task has fewer than two classes")
    need(len({int(p) for p in image.parents}) == heads, "two tasks hang under one class")
    for h in range(1, heads):
        parent = int(image.parents[h])
        need(parent in classes, f"task {h} hangs under class {parent}, which does not exist")
        above = int(image.row_head[classes.index(parent)])
        need(above < h, f"task {h} hangs under a later task")
    need(set(map(int, image.owners)) <= set(classes), "a stored vector belongs to no class")
