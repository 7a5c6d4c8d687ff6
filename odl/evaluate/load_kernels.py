"""Load the compiled kernels before a session starts, and report what takes long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from odl.core.config import Config
from odl.core.events import AddClass, Gap, Label, Samples, Split, Undo
from odl.core.image import Image
from odl.core.kernels.kernel_cache import cache_folder, compilation, wanted_folder
from odl.core.session import Session

Progress = Callable[[str], None]
_loaded = False  # whether this process has them
PATIENCE = 2.0  # seconds without a word
AGAIN = 5.0  # seconds between two reports


def load_kernels(image: Image, progress: Progress) -> None:
    """Read the kernels from the cache, or compile them, before anything is timed.

    They are compiled once, for all images and all checkouts of the same code. ``progress`` is called
    when that takes longer than two seconds, and then every five.
    """
    global _loaded
    if _loaded:
        return
    with _reporting(progress), compilation.alone():
        _touch_kernels(image)
    _loaded = True


def _touch_kernels(image: Image) -> None:
    """Call each kernel that a replay may need."""
    channels, at = len(image.channels), image.window
    none = (0,) * channels
    session = Session(image, Config(mult=none, shift=none, offset=none))
    session.step(Samples(0, np.zeros((at, channels), np.int16)))
    session.step(AddClass(at, 254, "new", 0))
    session.step(Split(at, 0, len(image.parents)))
    session.step(Label(at, 0, None))
    session.step(Undo(at))
    session.step(Gap(at, 0, ""))


def _sentence() -> str:
    """What the process is doing now."""
    if compilation.state == "waiting":
        return "waiting for another process to compile the kernels"
    if compilation.state == "loading":
        return "loading the compiled kernels"
    if cache_folder() != wanted_folder():
        return f"compiling the kernels, for this process alone: {wanted_folder()} cannot be written to"
    return "compiling the kernels, which the next start will load"


@contextmanager
def _reporting(progress: Progress) -> Iterator[None]:
    """Report what happens while the block runs, unless it is over soon."""
    start, done = time.monotonic(), threading.Event()

    def report() -> None:
        pause = PATIENCE
        while not done.wait(pause):
            progress(f"{_sentence()} ({time.monotonic() - start:.0f} s so far)")
            pause = AGAIN

    thread = threading.Thread(target=report, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
