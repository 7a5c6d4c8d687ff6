"""An Arduino sketch on this machine: compiled with stand-ins for the board's headers, run step by step."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

STAND_INS = Path(__file__).parents[1] / "firmware" / "stand_ins"
ARDUINO = STAND_INS / "arduino"


def cplusplus() -> tuple[str, ...]:
    """The command of a C++ compiler for this machine."""
    for name in ("c++", "g++", "clang++"):
        if path := shutil.which(name):
            return (path,)
    if find_spec("ziglang"):
        return (sys.executable, "-m", "ziglang", "c++")
    pytest.skip("there is no C++ compiler: apt install g++")


def compile_sketch(
    sketch: Path, folder: Path, sources: Iterable[Path] = (), flags: Sequence[str] = ()
) -> Path:
    """Build ``sketch`` with the C ``sources`` of its library as a shared library in ``folder``."""
    from firmware_sim import host

    objects = []
    for number, source in enumerate(sources):
        objects.append(str(folder / f"{number}.o"))
        command = [*host.compiler(), *host.WARNINGS, "-Werror", "-O1", "-fPIC", "-c", str(source)]
        subprocess.run([*command, "-o", objects[-1]], check=True)
    library = folder / "sketch.so"
    subprocess.run(
        [
            *cplusplus(), "-std=c++17", "-Wall", "-Wextra", "-Werror", "-O1", "-fPIC", "-shared",
            f"-I{ARDUINO}", f'-DSKETCH="{sketch}"', *flags, ARDUINO / "shim.cpp", *objects, "-o", library,
        ],
        check=True,
    )  # fmt: skip
    return library


class SketchMachine:
    """The board that runs a compiled sketch; each has memory of its own."""

    _copies = 0

    def __init__(self, library: Path, file: bytes = b"") -> None:
        SketchMachine._copies += 1
        copy = library.with_name(f"sketch{SketchMachine._copies}.so")
        copy.write_bytes(library.read_bytes())
        self._code = ctypes.CDLL(str(copy))
        self._code.shim_take.restype = self._code.shim_file.restype = ctypes.c_size_t
        self.micros = 0
        if file:
            self._code.shim_restore(file, len(file))
        self.imu([0.0] * 6)
        self._code.shim_setup()

    def imu(self, values: Sequence[float], there: bool = True) -> None:
        """What the sensor measures from now on: g, then degrees a second."""
        data = np.array(values, np.float32)
        self._code.shim_imu(data.ctypes.data_as(ctypes.c_void_p), int(there))

    def run(self, micros: int, step: int = 1000) -> None:
        """Let time pass, the sketch's loop running every ``step`` microseconds."""
        for _ in range(0, micros, step):
            self.micros += step
            self._code.shim_loop(ctypes.c_uint32(self.micros & 0xFFFFFFFF))

    def send(self, data: bytes) -> None:
        """Bytes to the board."""
        self._code.shim_send(data, len(data))

    def take(self) -> bytes:
        """The bytes that the board has sent."""
        room = ctypes.create_string_buffer(1 << 20)
        n = self._code.shim_take(room, len(room))
        return room.raw[:n]

    def press(self, pin: int, seconds: float) -> None:
        """Connect a pin to ground for a while."""
        self._code.shim_press(pin, 0)
        self.run(round(seconds * 1e6))
        self._code.shim_press(pin, 1)

    def lit(self, pin: int) -> bool:
        """Whether an output is high."""
        return bool(self._code.shim_pin(pin))

    def file(self) -> bytes:
        """The file that outlives the power."""
        room = ctypes.create_string_buffer(1 << 20)
        n = self._code.shim_file(room, len(room))
        return room.raw[:n]
