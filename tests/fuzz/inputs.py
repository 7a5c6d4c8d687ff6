"""What Python targets make of a fuzzer's bytes: cards and recordings that are right but for some entries."""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from typing import Any, Final

import numpy as np

from odl.core.config import Config
from odl.core.events import Samples
from odl.core.image import Image
from odl.core.session import Session
from odl.wire import Start, encode, frame
from tests.fuzz.core import small_image
from tests.fuzz.draw import Draw

CARD: Final[dict[str, Any]] = {
    "name": "walk", "title": "Walks", "origin": "", "licence": "", "citation": "", "rate_hz": 50.0,
    "channels": [{"name": "ax", "unit": "g", "scale": 0.001, "column": "ax", "sign": 1}],
    "classes": ["sit", "walk"], "splits": {"train": ["1"], "test": ["2"]}, "window_s": 1, "hop_s": 0.5,
    "tree": {"still": ["sit"], "walk": []}, "notes": [], "checksums": {}, "unconfirmed": [], "model": "",
    "table": {"files": ["*.csv"], "skip": [], "join": [], "time": "t", "time_unit": "s", "resample": False,
              "subject_pattern": "{subject}_*.csv", "label_pattern": "*_{label}.csv", "people": {"1": "1"},
              "label": "", "label_file": "", "rename": {}, "recording": "", "columns": [], "separator": ""},
}  # fmt: skip
ROWS: Final = "t,ax,label\n" + "".join(f"{n / 50},{n % 7},{'sit' if n < 40 else 'walk'}\n" for n in range(80))
ODD: Final[tuple[Any, ...]] = (
    None, True, "", [], {}, 0, 1, -1, 2, 1e308, -0.5, 2**70, float("nan"), float("inf"), [[[]]], {"": {}},
    "*a*a*a*a*a*a*b.csv", "{label}{label}", "../1_sit.csv", "label", "ax", "sit", "\x1b[2J", "\ud800", "{",
    "[", ["1", "2", "1"], {"sit": "walk", "walk": "sit"}, {"1": ["2"]}, ["ax"] * 300, "a" * 5000,
    "/etc/hostname",
)  # fmt: skip


@cache
def model() -> Image:
    """The small model."""
    return small_image()


@cache
def block() -> bytes:
    """The state of a session with the small model after 60 samples."""
    session = Session(model(), config())
    session.step(Samples(0, np.full((60, 2), 2000, np.int16)))
    return session.snapshot()


@cache
def usual_start(minor: int) -> bytes:
    """The frame of a Start that can be used."""
    start = Start({"format": [2, minor], "config": config().to_dict(), "session": {}}, model().to_bytes())
    return frame(encode(start))


@cache
def config() -> Config:
    """Settings for it that ask often."""
    return Config(
        "periodic", 9, 0, False, 40, patience=60, mult=(16384,) * 2, shift=(21,) * 2, offset=(0,) * 2
    )


def changed(draw: Draw, entries: dict[str, Any]) -> Any:
    """``entries`` with up to three of them, at any depth, missing, odd, or any JSON."""
    root: Any = json.loads(json.dumps(entries))
    for _ in range(draw.number(1) % 4):
        holder = root
        while True:
            keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            if not keys:
                break
            key = draw.choice(keys)
            if isinstance(holder[key], dict | list) and holder[key] and draw.number(1) % 4:
                holder = holder[key]
                continue
            what = draw.number(1)
            if what < 16:
                del holder[key]
            elif what < 160:
                holder[key] = deepcopy(draw.choice(ODD))
            else:
                text = draw.piece().decode("latin-1")
                try:
                    holder[key] = json.loads(text)
                except (ValueError, RecursionError):
                    holder[key] = text
            break
    return root


def recording_of(draw: Draw) -> bytes:
    """A recording whose frames are whole, with a Start that can be used, or nearly."""
    kind = draw.number(1)
    if kind & 1:
        settings = changed(draw, config().to_dict())
        start = Start({"format": [2, kind >> 7], "config": settings, "session": {}}, model().to_bytes())
        parts = [frame(encode(start))]
    else:
        parts = [usual_start(kind >> 7)]
    at = 0
    seq = 0
    while draw:
        what, seq = draw.number(1), seq + 1
        if what < 90:  # a good block
            block = np.full((1 + what % 32, 2), 256 * (draw.number(1) - 128), np.int16)
            parts.append(frame(encode(Samples(at, block)), seq))
            at += len(block)
        elif what < 230:
            body = bytearray(draw.piece() or b"\x12")
            if what & 1 and len(body) > 9:
                body[1:9] = at.to_bytes(8, "little")
            parts.append(frame(bytes(body), seq))
        else:
            parts.append(b"\0" + draw.piece())
    return b"".join(parts)
