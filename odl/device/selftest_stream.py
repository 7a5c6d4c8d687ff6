"""What a self-test plays to a board: a stream and a session that are the same everywhere and for ever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from odl.core.config import Config
from odl.core.events import AddClass, Gap, Input, Label, Samples, Teach, Undo
from odl.core.image import Image

HOPS: Final = 30


def golden_config(image: Image, **settings: Any) -> Config:
    """Settings for counts of 128 to a step of the model's input."""
    n = len(image.channels)
    return Config(mult=(1 << 14,) * n, shift=(21,) * n, offset=(0,) * n, **settings)


def golden_stream(image: Image) -> NDArray[np.int16]:
    """Counts that reach every corner: rest, both ends of the range, jumps, noise of all sizes.

    They are integers of a fixed recurrence, so that they are the same everywhere and for ever
    (Park and Miller, CACM 31(10), 1988: ``x * 16807 mod 2**31 - 1``).

    >>> from odl.data import model_bytes
    >>> golden_stream(Image.from_bytes(model_bytes("shoulder")))[1000:1003, 0].tolist()
    [-97, 96, -25]
    """
    n, channels = image.window + (HOPS - 1) * image.hop, len(image.channels)
    out = np.zeros((n, channels), np.int16)
    x = 1
    for i in range(n):
        part = i * 10 // n
        for c in range(channels):
            x = x * 16807 % (2**31 - 1)
            if part == 1:
                out[i, c] = 32767 if c % 2 else -32768
            elif part == 2:
                out[i, c] = 32767 if (i + c) % 2 else -32768
            elif part > 2:
                size = 2 ** (2 * part - 3)
                out[i, c] = x % (2 * size) - size
    return out


def uneven_blocks(raw: NDArray[np.int16]) -> Iterator[Input]:
    """Blocks of uneven sizes."""
    at, turn = 0, 0
    while at < len(raw):
        size = (7, 64, 31, 128, 1)[turn % 5]
        yield Samples(at, raw[at : at + size])
        at, turn = min(at + size, len(raw)), turn + 1


def session_script(image: Image) -> Iterator[Input]:
    """A session with a new class, a gap, an undo, a label unasked, and commands that have no effect."""
    raw = golden_stream(image)
    half = len(raw) // 2
    yield AddClass(0, 200, "self-test", 0)
    yield from uneven_blocks(raw[:half])
    yield Label(half, 1, 0)  # a window that was never asked about
    yield Gap(half, 17, "self-test")
    for event in uneven_blocks(raw[half:]):
        assert isinstance(event, Samples)
        yield Samples(event.start + half + 17, event.block)
    yield Undo(len(raw) + 17)
    yield Teach(len(raw) + 17, 200)
    yield Teach(len(raw) + 17, 201)  # there is no such class
    yield Label(len(raw) + 17, 0, None)


def nth_answer(image: Image, number: int) -> int | None:
    """The answer to a question: classes in turn, the new one and a skip among them."""
    leaves = sorted(set(image.names) - {int(parent) for parent in image.parents})
    choices: list[int | None] = [leaves[0], 200, leaves[-1], None, 201]
    return choices[number % len(choices)]
