"""Load the compiled kernels before a session starts, and report what takes long."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from odl.core.config import Config
from odl.core.events import AddClass, Gap, Label, Samples, Split, Undo
from odl.core.image import Image
from odl.core.kernels.command import command
from odl.core.kernels.decide import decide
from odl.core.kernels.kernel_cache import cache_folder, compilation, wanted_folder
from odl.core.kernels.run import predict, run
from odl.core.kernels.score import score_learned
from odl.core.records import outputs_of
from odl.core.session import Session
from odl.data.streams import load_model
from odl.recording.framed_steps import FramedSteps

Progress = Callable[[str], None]
_loaded = set[str]()  # what this process has
PATIENCE = 2.0  # seconds without a word
INTERVAL = 5.0  # seconds between two reports


def load_kernels(image: Image, progress: Progress, learning: bool = True) -> None:
    """Read the kernels from the cache, or compile them, before anything is timed.

    They are compiled once, for all images and all checkouts of the same code. ``progress`` is called
    when that takes longer than two seconds, and then every five. Without ``learning``, only the kernels that
    predict and ask are loaded. Where the cache is empty, another process compiles half of these
    meanwhile, and then those that learn, for which the first predictions do not wait.
    """
    if not (_loaded or _is_stored(run) or _is_stored(command)):
        _compile_apart()
    # Networks from elsewhere have operations whose kernels others do without.
    touched = {
        "network" if image.windowed else "predict": _predict,
        **({"learn": _learn} if learning else {}),
    }
    for what, touch in touched.items():
        if what not in _loaded:
            with _reporting(progress):
                touch(image)
            _loaded.add(what)


def _session(image: Image) -> Session:
    none = (0,) * len(image.channels)
    return Session(image, Config(mult=none, shift=none, offset=none))


def _predict(image: Image) -> None:
    """Call each kernel that a session needs until its first question is settled."""
    _load(decide)  # before the first step, which needs what the other process compiles
    session = _session(image)
    session.step(Samples(0, np.zeros((image.window, len(image.channels)), np.int16)))
    session.step(Gap(image.window, 0, ""))


def _learn(image: Image) -> None:
    """Call each kernel that an answer needs, and the one that records many steps at once."""
    session = _session(image)
    session.step(AddClass(0, 254, "new", 0))
    session.step(Split(0, 0, len(image.parents)))
    session.step(Label(0, 0, None))
    session.step(Undo(0))
    _load(score_learned)
    FramedSteps(outputs_of([])).frames(0)


def _load(late: Any) -> None:
    """Load or compile a kernel that is compiled by itself; nothing where nothing is compiled."""
    if hasattr(late, "load"):
        late.load()


def _is_stored(kernel: Any) -> bool:
    """Whether the cache has the kernel; True as well where nothing is compiled."""
    return not hasattr(kernel, "entry") or bool(kernel.entry._cache.is_stored())


def compile_apart() -> None:
    """Compile half of what predicts, then the kernels that learn, for another process to load."""
    _load(predict)
    _learn(load_model("shoulder"))


def _compile_apart() -> None:
    """Start a process for `compile_apart`, where that is possible; nobody waits for it.

    What it compiles is loaded when it is needed, and compiled here if the other process failed.
    """
    if cache_folder() != wanted_folder() or not sys.executable:
        return
    package = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    with suppress(OSError):
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", "from odl.evaluate.load_kernels import compile_apart as c; c()"],
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        threading.Thread(target=process.wait, daemon=True).start()


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
            pause = INTERVAL

    thread = threading.Thread(target=report, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
