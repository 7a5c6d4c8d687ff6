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
_PATIENCE: Final = 10.0  # seconds in which it may end by itself


class EmulatedBoard:
    """Starts ``odl board`` and waits until its port is there; leaving ``with`` ends it.

    Parameters
    ----------
    arguments : str
        Further arguments of ``odl board``.
    progress : callable, optional
        Told what it says until its port is there: the first time its firmware is compiled.

    Attributes
    ----------
    url : str
        Its port, for pyserial.

    Raises
    ------
    RuntimeError
        If it ends before it has a port; with the last line that it printed.
    """

    def __init__(self, *arguments: str, progress: Callable[[str], None] | None = None) -> None:
        folder = str(Path(odl.__file__).resolve().parent.parent)
        path = os.pathsep.join([folder, *filter(None, [os.environ.get("PYTHONPATH")])])
        # Its own session: a Ctrl-C is for us, and its standard input closes when we are gone.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "odl", "board", "--socket", "--with-input", *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            encoding="utf-8", errors="replace", env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        self._progress, self._words = progress, deque[str](maxlen=1)
        self._listener = Thread(target=self._listen, daemon=True)
        self._listener.start()
        try:
            line = self._process.stdout.readline()
        except BaseException:  # interrupted while it is compiled, which it would do to the end
            self._process.kill()
            self.close()
            raise
        self._progress = None
        if not line.startswith("port: "):
            self.close()
            raise RuntimeError(self._last_words())
        self.url = line.removeprefix("port: ").strip()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as words:
            for line in map(str.strip, words):
                if line:
                    self._words.append(line)
                progress = self._progress
                if progress is not None and line.startswith(PROGRESS):
                    progress(line.removeprefix(PROGRESS))

    def _last_words(self) -> str:
        self._listener.join(_PATIENCE)
        said = self._words[-1].removeprefix("odl: ") if self._words else "it said nothing"
        return f"the emulated board did not start: {said}"

    @property
    def running(self) -> bool:
        """True while the process runs."""
        return self._process.poll() is None

    def close(self) -> None:
        """End it."""
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
