"""Recordings to be converted, and what of them has to come back."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from odl.core.config import Config
from odl.core.events import Event, Gap, Samples, Truth
from odl.core.fixed_point import input_scaling
from odl.core.image import Image
from odl.data import model_bytes
from odl.recording import Writer, read
from odl.wire import Start

CHANNELS = (("ax", "g", 2**-12), ("ay", "g", 2**-12), ("az", "g", 2**-12),
            ("wx", "rad/s", 2**-10), ("wy", "rad/s", 2**-10), ("wz", "rad/s", 2**-10))  # fmt: skip
IMAGE = Image.from_bytes(model_bytes("shoulder"))
FORMS = [".csv", ".parquet"]


def start_of(image: Image | None = IMAGE, **session: Any) -> Start:
    config = Config()
    if image is not None:
        scaling = input_scaling(CHANNELS, [(c.name, c.unit, c.scale) for c in image.channels])
        config = Config(mult=scaling.mult, shift=scaling.shift, offset=scaling.offset)
    about = {"subject": "P3", "rate_hz": 50.0, "channels": [list(c) for c in CHANNELS]} | session
    return Start({"config": config.to_dict(), "session": about}, b"" if image is None else image.to_bytes())


def written(path: Path, events: list[Event], start: Start | None = None) -> Path:
    with Writer(path, start or start_of()) as writer:
        for event in events:
            writer.write(event)
    return path


def block(n: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.int16]]:
    return np.random.default_rng(seed).integers(-(2**15), 2**15, (n, 6)).astype(np.int16)


def needs(form: str) -> None:
    if form == ".parquet":
        pytest.importorskip("pandas", reason="Parquet is compared by pandas (extra 'pandas')")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def facts(path: Path) -> tuple[list[tuple[int, bytes]], list[Event], list[Event], int | None]:
    """Uninterrupted samples, gaps, truth, end: what a round trip keeps."""
    stretches: list[tuple[int, bytes]] = []
    recording = read(path)
    now = -1
    for event in recording.events:
        if isinstance(event, Samples) and len(event.block):
            data = event.block.tobytes()
            if event.start == now:
                stretches[-1] = (stretches[-1][0], stretches[-1][1] + data)
            else:
                stretches.append((event.start, data))
            now = event.start + len(event.block)
        elif isinstance(event, Gap):
            now = -1
    gaps: list[Event] = [e for e in recording.events if isinstance(e, Gap)]
    truths: list[Event] = [e for e in recording.events if isinstance(e, Truth)]
    return stretches, gaps, truths, recording.position


def walk_csv(path: Path, **columns: Any) -> None:
    """Four seconds at 50 Hz, a second missing after the first 100 rows."""
    t = np.r_[0:100, 150:250] / 50
    own = {"time_ms": t * 1000, "acc_x": np.sin(t), "acc_y": np.cos(t), "acc_z": 9.81 + 0 * t} | columns
    lines = [",".join(own)] + [",".join(map(str, row)) for row in zip(*own.values(), strict=True)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
