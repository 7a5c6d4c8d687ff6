"""An emulated board in a process of its own, which ends with the process that started it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Final

import odl

PROGRESS: Final = "... "  # begins each line of progress of a command
SO_FAR: Final = " s so far)"  # ends a sign that a command still works; who started it gives its own
_PATIENCE: Final = 10.0  # seconds that the process has to end by itself


class EmulatedBoard:
    """Starts ``odl board`` and waits for its port; leaving ``with`` ends the process.

    Parameters
    ----------
    arguments : str
        Further arguments of ``odl board``.
    progress : callable, optional
        Called with the board's progress lines until its port is open; its firmware may have to be compiled.

    Attributes
    ----------
    url : str
        The board's port, for pyserial.

    Raises
    ------
    RuntimeError
        If the process ends before it opens a port; the message holds the last line that it printed.
    """

    def __init__(self, *arguments: str, progress: Callable[[str], None] | None = None) -> None:
        folder = str(Path(odl.__file__).resolve().parent.parent)
        path = os.pathsep.join([folder, *filter(None, [os.environ.get("PYTHONPATH")])])
        # In a session of its own, so that Ctrl-C reaches this process alone; its input closes when this ends.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "odl", "board", "--socket", "--with-input", *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            encoding="utf-8", errors="replace", env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        self._progress, self._last_line = progress, deque[str](maxlen=1)
        self._listener = Thread(target=self._listen, daemon=True)
        self._listener.start()
        try:
            line = self._process.stdout.readline()
        except BaseException:  # interrupted: the board would finish compiling first
            self._process.kill()
            self.close()
            raise
        self._progress = None
        if not line.startswith("port: "):
            self.close()
            raise RuntimeError(self._why_not())
        self.url = line.removeprefix("port: ").strip()

    @classmethod
    def playing(
        cls, play: str, subject: str, model: str | Path, *, seed: int = 0, data: str | Path | None = None,
        speed: float = 1.0, board: str | None = None, progress: Callable[[str], None] | None = None,
    ) -> EmulatedBoard:  # fmt: skip
        """Start a board whose sensor plays a person's recordings; see `odl.live.LiveOptions`."""
        words = ["--model", str(model), "--play", play, "--subject", subject, "--seed", str(seed)]
        words += ["--data", str(data)] if data is not None else []
        words += ["--board", board] if board is not None else []
        return cls(*words, "--speed", f"{speed:g}", progress=progress)

    def _listen(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as errors:
            for line in map(str.strip, errors):
                if line:
                    self._last_line.append(line)
                progress = self._progress
                if progress is not None and line.startswith(PROGRESS) and not line.endswith(SO_FAR):
                    progress(line.removeprefix(PROGRESS))

    def _why_not(self) -> str:
        self._listener.join(_PATIENCE)
        why = self._last_line[-1].removeprefix("odl: ") if self._last_line else "it printed nothing"
        return f"the emulated board did not start: {why}"

    @property
    def running(self) -> bool:
        """True while the process runs."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the process; one that does not end by itself is killed."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> EmulatedBoard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
