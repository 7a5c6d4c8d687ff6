"""Load the compiled kernels before a session starts, and report a long compilation."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from odl.core.config import Config
from odl.core.events import AddClass, Label, Samples, Split, Undo
from odl.core.image import Image
from odl.core.kernels.jit import cache_folder, compiling_alone
from odl.core.session import Session

Progress = Callable[[str], None]


def load_kernels(image: Image, progress: Progress) -> None:
    """Compile the kernels, or read them from the cache, before anything is timed.

    They are compiled once for all images. A file in the cache marks that, so that ``progress`` is only
    called if a compilation is needed.
    """
    note = cache_folder() / "compiled"
    if note.exists():
        _touch_kernels(image)
        return
    with _reminding("compiling the kernels, once on this machine", progress), compiling_alone():
        _touch_kernels(image)
        note.touch()


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


@contextmanager
def _reminding(sentence: str, progress: Progress) -> Iterator[None]:
    """Report ``sentence`` at once, and again every five seconds while the block runs."""
    start, done = time.monotonic(), threading.Event()

    def remind() -> None:
        while not done.wait(5):
            progress(f"{sentence} ({time.monotonic() - start:.0f} s so far)")

    progress(f"{sentence} (half a minute or so)")
    thread = threading.Thread(target=remind, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
