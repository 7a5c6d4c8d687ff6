"""Recordings (.odl) as parts of a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from odl.core.events import Adopt, Gap, Samples, Truth
from odl.core.ground_truth import joined
from odl.data.bundled import Part
from odl.data.card import Card, DataError
from odl.recording import RecordingError, read


def recorded_parts(path: Path, card: Card) -> tuple[str, list[Part]]:
    """Who a recording is of, and its uninterrupted parts with what is known of them.

    Raises
    ------
    DataError
        If it cannot be read, or its channels or rate are not the card's: with both.
    """
    try:
        recording = read(path)
    except (RecordingError, OSError) as error:
        raise DataError(str(error)) from None
    session = recording.start.config.get("session", {})
    session = session if isinstance(session, dict) else {}
    wanted = [[c.name, c.unit, c.scale] for c in card.channels]
    for name, have, want in (("channels", session.get("channels"), wanted),
                             ("rate_hz", session.get("rate_hz"), card.rate_hz)):  # fmt: skip
        if have != want:
            raise DataError(f"{path}: {name} are {have}, but the card says {want}")
    blocks: list[list[Samples]] = [[]]
    lost = [0]
    for event in recording.events:
        if isinstance(event, Samples):
            blocks[-1].append(event)
        elif isinstance(event, Gap | Adopt) and blocks[-1]:
            blocks.append([])
            lost.append(event.lost)
        elif isinstance(event, Gap | Adopt):
            lost[-1] += event.lost
    truths = joined(e for e in recording.events if isinstance(e, Truth))
    parts = []
    for own, before in zip(blocks, lost, strict=True):
        if not own:
            continue
        start = own[0].start
        block = np.concatenate([s.block for s in own])
        block.flags.writeable = False
        end = start + len(block)
        known = tuple(
            (max(t.start, start) - start, min(t.end, end) - start, t.name)
            for t in truths
            if min(t.end, end) > max(t.start, start)
        )
        parts.append(Part(block, known, before))
    if not parts:
        raise DataError(f"{path}: the recording holds no samples")
    return str(session.get("subject", path.stem)), parts


@dataclass(frozen=True)
class Facts:
    """What a recording says of itself."""

    subject: str
    channels: tuple[tuple[str, str, float], ...]
    rate_hz: float
    classes: tuple[str, ...]


def recorded_facts(path: Path) -> Facts:
    """Read a recording for its facts; DataError if it does not tell its channels and rate."""
    try:
        recording = read(path)
    except (RecordingError, OSError) as error:
        raise DataError(str(error)) from None
    session = recording.start.config.get("session", {})
    try:
        channels = tuple((str(n), str(u), float(s)) for n, u, s in session["channels"])
        rate = float(session["rate_hz"])
    except (KeyError, TypeError, ValueError, OverflowError):
        raise DataError(f"{path}: the recording does not say what its channels and rate are") from None
    names = sorted({e.name for e in recording.events if isinstance(e, Truth)})
    return Facts(str(session.get("subject", path.stem)), channels, rate, tuple(names))
