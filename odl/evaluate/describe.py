"""Descriptions of files and datasets, as plain values and as text."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from odl import data
from odl._files import open_regular
from odl.core.events import Prediction, Samples, Truth
from odl.core.ground_truth import TruthTrack
from odl.core.image import ROOT, Image, Layer
from odl.core.image_layout import MAGIC, VERSION, Op
from odl.data.streams import damage_of, load_model
from odl.evaluate.metrics import same_as_before
from odl.evaluate.predictability import predictability
from odl.evaluate.recorded import open_recording
from odl.model.memory import memory_of
from odl.recording import Reader, Recording, read
from odl.recording.format_1 import is_converted

_OPERATIONS = {
    Op.CONV_TWICE: "convolution, rounded twice", Op.DENSE: "dense", Op.DEPTHWISE: "depthwise",
    Op.MAX: "maximum", Op.AVERAGE: "average", Op.WINDOW: "whole windows",
    Op.TABLE: "tables", Op.BRANCH: "an earlier layer once more", Op.ADD: "sum", Op.CONCAT: "side by side",
}  # fmt: skip


def describe_file(path: str | Path) -> dict[str, Any]:
    """Describe a recording or a model image; the first bytes of the file say which it is."""
    with open_regular(path) as file:
        head = file.read(4)
    return describe_image(load_model(path)) if head == MAGIC else describe_recording(path)


def describe_image(image: Image) -> dict[str, Any]:
    """Sizes, tree, learning parameters and origin of a model image, as plain values."""
    parameters = sum(layer.weights.size + layer.biases.size for layer in image.layers)
    names = image.names
    tree = {}
    for head, parent in enumerate(image.parents.tolist()):
        rows = [names[c] for c in image.row_class[image.row_head == head].tolist()]
        tree["root task" if parent == ROOT else f"under {names[parent]}"] = rows
    return {
        "kind": "model image",
        "version": version_of(image),
        "checksum": f"{image.checksum:08x}",
        "channels": [f"{c.name} ({c.unit}, {c.scale:.6g} per step)" for c in image.channels],
        "rate_hz": image.rate_hz,
        "window": image.window,
        "hop": image.hop,
        "layers": [_layer_text(i, layer) for i, layer in enumerate(image.layers)],
        "runs_on": "whole windows" if image.windowed else "a stream",
        "parameters": parameters,
        "macs_per_window": image.macs,
        "tree": tree,
        "stored_vectors": len(image.owners),
        "learning": {
            "epochs": image.epochs,
            "rate_shift": image.rate_shift,
            "imprint": image.imprint,
        },
        "memory": memory_of(image),
        "card": dict(image.card),
    }


def _layer_text(number: int, layer: Layer) -> str:
    """One layer in words; a plain convolution with ReLU without its name."""
    text = f"{layer.outputs} outputs, kernel {layer.kernel}, stride {layer.stride}"
    if layer.left or layer.right:
        text += f", padding {layer.left} and {layer.right}"
    if layer.back:
        text = f"{layer.outputs} outputs, with layer {number - layer.back}"
    return text if layer.op == Op.CONV else f"{_OPERATIONS[layer.op]}: {text}"


def version_of(image: Image) -> str:
    """The version of the image's byte form, and whether it was converted when it was read.

    >>> version_of(load_model("shoulder"))
    '2.0'
    """
    own = "{}.{}".format(*image.version)
    now = "{}.{}".format(*VERSION)
    return (
        own if image.version[0] == VERSION[0] else f"{own}, by odl 0.1, converted to {now} when it was read"
    )


def describe_recording(path: str | Path) -> dict[str, Any]:
    """Settings, contents and damage of a recording, as plain values."""
    with Reader(path) as reader:
        if not reader.start.image:
            return _without_model(Path(path), read(path))
    opened = open_recording(path)
    recording, image, config = opened.recording, opened.image, opened.config
    return _contents(recording, opened.damage, image.rate_hz) | {
        "settings": config.to_dict(),
        "model": f"{image.checksum:08x}",
        "classes": list(image.names.values()),
        "same_as_before": _same_as_before(recording, image),
    }


def _same_as_before(recording: Recording, image: Image) -> float | None:
    """The share of windows whose truth is that of the one before; None without truth."""
    track = TruthTrack(e for e in recording.events if isinstance(e, Truth))
    windows = [e.window for e in recording.events if isinstance(e, Prediction)]
    truth = track.of_all(np.array(windows, np.int64), image.window)
    share = same_as_before(truth[truth >= 0])
    return None if share is None else round(share, 4)


def _without_model(path: Path, recording: Recording) -> dict[str, Any]:
    """Describe a recording with samples and truth only."""
    session = recording.start.config.get("session")
    rate = session.get("rate_hz") if isinstance(session, dict) else None
    rate = rate if isinstance(rate, int | float) and rate > 0 else None
    return _contents(recording, damage_of(path, recording), rate) | {"model": "none"}


def _contents(recording: Recording, damage: str, rate_hz: float | None) -> dict[str, Any]:
    kinds = Counter(type(event).__name__ for event in recording.events)
    samples = sum(len(e.block) for e in recording.events if isinstance(e, Samples))
    session = recording.start.config.get("session")
    session = dict(session) if isinstance(session, dict) else {}
    return {
        "kind": "recording",
        "session": session,
        "complete": recording.complete,
        "lost_frames": recording.lost_frames,
        "lost_bytes": recording.lost_bytes,
        "problems": list(recording.problems),
        "damage": damage,
        "samples": samples,
        "seconds": None if rate_hz is None else samples / rate_hz,
        "events": dict(sorted(kinds.items())),
        "predictability": {
            name: {what: round(value, 4) for what, value in figures.items()}
            for name, figures in predictability(recording.events, _channel_names(recording, session)).items()
        },
        "recorded_by": "odl 0.1, with another learner" if is_converted(recording.start) else "this version",
        "trace_sha256": recording.trace_sha256,
    }


def _channel_names(recording: Recording, session: dict[str, Any]) -> list[str]:
    """The channels' names, numbers where the recording does not say them."""
    width = next((e.block.shape[1] for e in recording.events if isinstance(e, Samples)), 0)
    written = session.get("channels")
    if isinstance(written, list) and len(written) == width:
        return [str(one[0]) if isinstance(one, list) and one else str(i) for i, one in enumerate(written)]
    return [str(i) for i in range(width)]


def describe_datasets() -> list[dict[str, Any]]:
    """The main entries of the cards of all known datasets."""
    facts = []
    for name in data.list_datasets():
        card = data.load_card(name)
        facts.append(
            {
                "name": card.name,
                "title": card.title,
                "people": {split: list(people) for split, people in card.splits.items()},
                "classes": list(card.classes),
                "rate_hz": card.rate_hz,
                "channels": [f"{c.name} ({c.unit})" for c in card.channels],
                "recordings": "bundled" if card.file else "not bundled; name their folder as `data`",
                "loader": "run on the real files"
                if card.about.get("run_on_real_files")
                else "written from the published layout, not run on the real files",
                "licence": card.licence,
                "origin": card.origin,
                "citation": card.citation,
            }
        )
    return facts


def as_text(facts: dict[str, Any], indent: str = "") -> str:
    """``facts`` as aligned lines, nested ones indented.

    >>> print(as_text({"a": 1, "list": ["x", "y"], "deep": {"b": 2}}))
    a     1
    list  x, y
    deep
      b  2
    """
    lines = []
    width = max((len(name) for name in facts), default=0)
    for name, value in facts.items():
        label = f"{indent}{name.replace('_', ' '):{width}}"
        if isinstance(value, dict):
            lines.append(label.rstrip())
            if value:
                lines.append(as_text(value, indent + "  "))
        elif isinstance(value, list) and any("," in str(item) for item in value):
            lines += [f"{label if i == 0 else '':{len(label)}}  {item}" for i, item in enumerate(value)]
        elif isinstance(value, list):
            lines.append(f"{label}  {', '.join(map(str, value)) or 'none'}")
        else:
            lines.append(f"{label}  {'none' if value == '' else value}")
    return "\n".join(lines)
