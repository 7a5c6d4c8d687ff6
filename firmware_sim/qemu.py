"""The Nucleo's firmware on QEMU's ``netduinoplus2``: an STM32F405, most peripherals at the same addresses.

It has no flash controller, no watchdog and no I2C. Its RAM is larger, so only the linker script
limits the firmware to the board's. Its clock is the computer's.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from firmware_sim import elf, toolchain
from firmware_sim.nucleo_f401re import SPEC
from odl.core.errors import OdlError

START_LIMIT = 60.0  # seconds that QEMU may take to open its line


class QemuError(OdlError, RuntimeError):
    """QEMU did not start, or ended by itself; the message holds its output."""


class QemuBoard:
    """A running board with ``firmware`` in its flash.

    Parameters
    ----------
    firmware : bytes
        The .elf or the .bin.
    count_instructions : bool
        Time advances by one step of TIM2's clock per instruction, equal in every run.

    Raises
    ------
    ToolError
        If ``qemu-system-arm`` is not installed.

    Notes
    -----
    Bytes before the firmware enables its receiver are lost, as on the real board: repeat the greeting
    until it answers. Close the board, or use it in ``with``.
    """

    def __init__(self, firmware: bytes, count_instructions: bool = False) -> None:
        toolchain.tool("qemu-system-arm")
        program = shutil.which("qemu-system-arm") or "qemu-system-arm"
        self._folder = tempfile.TemporaryDirectory()
        kernel = Path(self._folder.name) / "firmware.bin"
        kernel.write_bytes(elf.read(firmware, SPEC.memory).flash)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(1)
            listener.settimeout(START_LIMIT)
            port = listener.getsockname()[1]
            self._process = subprocess.Popen(
                [program, "-M", "netduinoplus2", "-display", "none", "-monitor", "none",
                 "-chardev", f"socket,id=u,host=127.0.0.1,port={port},server=off,nodelay=on",
                 "-serial", "null", "-serial", "chardev:u",
                 "-kernel", str(kernel), *(["-icount", "shift=0"] if count_instructions else [])],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )  # fmt: skip
            try:
                self._line, _ = listener.accept()
            except TimeoutError:
                raise QemuError(f"QEMU did not open its line: {self._last_words()}") from None
        self._line.setblocking(False)

    def write(self, data: bytes) -> None:
        """Send bytes to the board's serial line."""
        self._line.setblocking(True)
        self._line.sendall(data)
        self._line.setblocking(False)

    def run(self, seconds: float = 0.2) -> bytes:
        """The bytes that it sends within ``seconds`` of real time; empty if none."""
        self._line.settimeout(max(seconds, 0.0001))
        try:
            data = self._line.recv(65536)
        except (TimeoutError, BlockingIOError):
            return b""
        if not data:
            raise QemuError(f"QEMU has ended: {self._last_words()}")
        return data

    def read_until(self, done: Callable[[bytes], bool], limit: float = 10.0) -> bytes:
        """The bytes that it sends until ``done(received)`` or for ``limit`` seconds."""
        received, end = b"", time.monotonic() + limit
        while not done(received) and time.monotonic() < end:
            received += self.run(0.05)
        return received

    def close(self) -> None:
        """End QEMU."""
        self._line.close()
        self._process.kill()
        self._process.wait()
        if self._process.stderr:
            self._process.stderr.close()
        self._folder.cleanup()

    def __enter__(self) -> QemuBoard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _last_words(self) -> str:
        self._process.kill()
        _, said = self._process.communicate()
        self._folder.cleanup()
        return said.decode(errors="replace").strip() or "it said nothing"
