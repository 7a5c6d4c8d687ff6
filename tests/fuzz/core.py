"""The three fuzz targets in C: whole sessions, the line, the loader of model images; a small model first.

Each runs on a model so small that a session of many windows takes microseconds, so that executions count.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from firmware_sim import headers, host
from firmware_sim.toolchain import BuildError
from odl.core.config import Config
from odl.core.events import AddClass, Gap, Label, Samples, Split, Teach, Truth, Undo
from odl.core.image import Image, Layer
from odl.wire import IMAGE, STATE, Compact, Hello, Install, Message, Read, Upload, encode
from odl.wire.messages import BRIEF
from odl.wire.session_messages import configure_message
from tests.helpers.images import random_image

TARGETS = ("session", "line", "image")
HERE = Path(__file__).parent / "c"
SANITISERS = ("-g", "-O2", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all")
CHECKS = "address,undefined"


def small_image() -> Image:
    """Two channels, one layer, windows of 12 samples that begin every 4, two tasks, a log of 20."""
    draw = np.random.default_rng(5)
    layer = Layer(
        draw.integers(-127, 128, (3, 4, 2)).astype(np.int8),
        draw.integers(-3000, 3000, 3).astype(np.int32),
        draw.integers(2**30, 2**31, 3).astype(np.int32),
        np.full(3, 39, np.uint8),
        2,
    )
    whole = random_image(3, tree=True)
    return random_image(
        3,
        tree=True,
        channels=whole.channels[:2],
        layers=(layer,),
        window=12,
        hop=4,
        base=draw.integers(-9000, 9000, (5, 10)).astype(np.int32),
        stored=draw.integers(0, 256, (5, 9)).astype(np.uint8),
        owners=np.arange(5, dtype=np.uint8),
        max_pending=4,
        max_log=20,
    )


def build(target: str, folder: Path, fuzzer: bool = True) -> Path:
    """The program of ``target``: a libFuzzer (needs clang), or one that runs the files it is given.

    Raises
    ------
    firmware_sim.toolchain.BuildError
        If there is no compiler for it, or it fails.
    """
    clang = shutil.which("clang")
    command = [*host.compiler(), f"-fsanitize={CHECKS}"]
    if fuzzer:
        if clang is None:
            raise BuildError("fuzzing C needs clang and its runtime: apt install clang libclang-rt-14-dev")
        # Tracing comparisons takes half the time, and the inputs are small numbers anyway.
        command = [clang, f"-fsanitize=fuzzer,{CHECKS}", "-fno-sanitize-coverage=trace-cmp"]
    files = [*host.sources(headers.CORE, "host.c"), HERE / "fuzz.c", HERE / f"{target}.c"]
    if not fuzzer:
        files.append(HERE / "files.c")
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / f"{target}{'' if fuzzer else '-files'}"
    with tempfile.TemporaryDirectory() as work:
        headers.write(Path(work), headers.sizes_of(small_image()))
        places = [f"-I{folder}" for folder in (work, headers.CORE, host.HOST, HERE)]
        done = subprocess.run(
            [*map(str, command), *host.WARNINGS, "-Wno-conversion", *SANITISERS, *places, "-o", str(program),
             *map(str, files)],
            capture_output=True, text=True,
        )  # fmt: skip
    if done.returncode != 0:
        raise BuildError(f"the fuzz target {target} cannot be built:\n{done.stderr}")
    return program


def first(target: str) -> list[bytes]:
    """Inputs to begin with: the model's own bytes, a session's messages, a few acts."""
    image = small_image()
    if target == "image":
        return [image.to_bytes()]
    if target == "session":
        settings = bytes([3, 40, 0, 0, 90, 0, 1, 0, 50, 4, 1, 0xB0, 4, 0, 60, 0])
        scaling = bytes([0, 64, 0, 0, 21, 0, 0]) * len(image.channels)
        acts = b"".join(
            bytes([7, 32, base, 9, 2 + 9 * cls, 0]) for base, cls in ((90, 1), (160, 3), (120, 0))
        )
        return [settings + scaling + bytes([0, 0, 7, 0]) + acts * 4 + bytes([3, 1, 4, 5 + 9 * 9, 0, 5, 6, 2])]
    config = Config("periodic", 40, 0, False, 90, mult=(16384,) * 2, shift=(21,) * 2, offset=(0,) * 2)
    block = np.full((16, 2), 999, np.int16)
    data = image.to_bytes()
    messages: list[Message] = [
        Hello(), configure_message(config, 77), *[Samples(0, block)] * 3, Label(2**64 - 1, 0, 1),
        Teach(2**64 - 1, 2), AddClass(2**64 - 1, 9, "nine", 0), Split(2**64 - 1, 9, 2), Undo(2**64 - 1),
        Gap(0, 5, ""), Read(STATE, 0, 200), Read(IMAGE, 0, 200), Read(BRIEF, 0, 60), Compact(),
        Truth(0, 9, "a"),
    ]  # fmt: skip
    uploads = [Upload(at, data[at : at + 200]) for at in range(0, len(data), 200)]
    return [said(messages), said([Hello(), *uploads, Install(len(data), image.checksum)])]


def said(messages: Sequence[Message]) -> bytes:
    """The input of the target ``line`` in which a host sends ``messages``."""
    return b"".join(bytes([2, len(body)]) + body for body in (encode(message) for message in messages))
