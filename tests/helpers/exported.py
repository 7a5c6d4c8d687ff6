"""An exported package as a library of this machine, with its board in Python: clock, line and store."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmware_sim import export, host
from odl.core.config import Config
from odl.core.image import Image
from tests.helpers import sanitised

_MICROS = ctypes.CFUNCTYPE(ctypes.c_uint32)
_WRITE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_size_t)
_STORE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint32, ctypes.c_void_p, ctypes.c_size_t)
AGREE, SKIP = 256, 255


class DeviceEvent(NamedTuple):
    """An event of ``odl.h``."""

    window: int
    expires: int
    share: int
    kind: int
    cls: int
    why: int


class _Event(ctypes.Structure):
    _fields_ = [
        ("window", ctypes.c_int64), ("expires", ctypes.c_int64), ("share", ctypes.c_uint16),
        ("kind", ctypes.c_uint8), ("cls", ctypes.c_uint8), ("why", ctypes.c_uint8),
    ]  # fmt: skip


class _Setup(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p), ("micros", _MICROS), ("write", _WRITE), ("store_read", _STORE),
        ("store_write", _STORE), ("fed_by_host", ctypes.c_int),
    ]  # fmt: skip


class Store:
    """Bytes that outlive the library; power fails in the ``fails_at``-th byte that is written."""

    def __init__(self, size: int) -> None:
        self.bytes = bytearray(size)
        self.written, self.fails_at = 0, -1

    def read(self, offset: int, to: int, n: int) -> int:
        """A callback: copy ``n`` bytes to the address ``to``."""
        ctypes.memmove(to, bytes(self.bytes[offset : offset + n]), n)
        return 0

    def write(self, offset: int, source: int, n: int) -> int:
        """A callback: copy ``n`` bytes from the address ``source``, as far as the power lasts."""
        data = ctypes.string_at(source, n)
        left = n if self.fails_at < 0 else max(0, min(n, self.fails_at - self.written))
        self.bytes[offset : offset + left] = data[:left]
        self.written += n
        return 0 if left == n else -1


def build(
    image: Image, config: Config, folder: Path, line: bool = True, program: Path | None = None
) -> Path:  # fmt: skip
    """Build the package of ``image`` as a shared library, or as a ``program`` with sanitisers."""
    source = folder / "src"
    export.write_source(source, image, config, "cmake", line)
    library = folder / "package.so"
    files = [*source.glob("*.c"), *(source / "core").glob("*.c")]
    if program is not None:
        command = [*host.compiler(), *host.WARNINGS, *sanitised.FLAGS, f"-I{source}"]
        subprocess.run([*command, "-o", folder / "program", *files, program], check=True)
        return folder / "program"
    command = [*host.compiler(), *host.WARNINGS, "-Werror", "-O1", "-shared", "-fPIC", f"-I{source}"]
    subprocess.run([*command, "-o", library, *files], check=True)
    return library


class ExportedDevice:
    """A freshly started board that runs a package.

    Parameters
    ----------
    library : Path
        From `build`; a copy of it is loaded, so that each device has memory of its own.
    store : Store, optional
    fed_by_host : bool
        Samples come over the line.
    """

    _copies = 0

    def __init__(self, library: Path, store: Store | None = None, fed_by_host: bool = False) -> None:
        ExportedDevice._copies += 1
        copy = library.with_name(f"copy{ExportedDevice._copies}.so")
        copy.write_bytes(library.read_bytes())
        self._code = ctypes.CDLL(str(copy))
        self._code.odl_device_question.restype = ctypes.c_int64
        self._code.odl_device_count.restype = ctypes.c_int16
        self.sent, self.now = bytearray(), 0
        self._setup = _Setup(
            b"test",
            _MICROS(lambda: self.now),
            _WRITE(lambda bytes_, n: self.sent.extend(ctypes.string_at(bytes_, n))),
            _STORE(store.read) if store else _STORE(),
            _STORE(store.write) if store else _STORE(),
            int(fed_by_host),
        )
        assert self._code.odl_device_init(ctypes.byref(self._setup)) == 0

    def push(self, block: NDArray[np.int16]) -> list[DeviceEvent]:
        """Push samples one by one; return the events."""
        found: list[DeviceEvent] = []
        for row in np.ascontiguousarray(block):
            self._code.odl_device_push(row.ctypes.data_as(ctypes.c_void_p))
            found += self.events()
        return found

    def count(self, channel: int, value: float) -> int:
        """A value in the model's unit as a count."""
        return int(self._code.odl_device_count(channel, ctypes.c_float(value)))

    def lose(self, n: int) -> None:
        """Samples are missing."""
        self._code.odl_device_lost(n)

    def events(self) -> list[DeviceEvent]:
        """The events that wait."""
        return list(self._poll())

    def _poll(self) -> Iterator[DeviceEvent]:
        event = _Event()
        while self._code.odl_device_poll(ctypes.byref(event)):
            yield DeviceEvent(*(getattr(event, name) for name in DeviceEvent._fields))

    def question(self) -> int:
        """The window of the oldest open question, or -1."""
        return int(self._code.odl_device_question())

    def answer(self, cls: int) -> bool:
        """Answer it; whether there was one."""
        return bool(self._code.odl_device_answer(cls))

    def teach(self, cls: int) -> bool:
        """What is worn now is of this class; whether that can be a class."""
        return bool(self._code.odl_device_teach(cls))

    def undo(self) -> None:
        """Take the newest answer back."""
        self._code.odl_device_undo()

    def save(self) -> int:
        """1: written, 0: nothing to write, -1: it failed."""
        return int(self._code.odl_device_save())

    def load(self) -> int:
        """The number of entries in the store, or -1."""
        return int(self._code.odl_device_load())

    def receive(self, data: bytes) -> None:
        """Bytes from the host."""
        self._code.odl_device_receive(data, len(data))

    def reply(self) -> bytes:
        """The bytes sent since the last time; some time passes."""
        self.now = (self.now + 10_000) % 2**32
        self._code.odl_device_tick()
        data = bytes(self.sent)
        self.sent.clear()
        return data
