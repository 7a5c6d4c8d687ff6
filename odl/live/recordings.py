"""Recordings of live sessions: numbered files in a folder, the newest of which may be unfinished."""

from __future__ import annotations

import time
from itertools import count
from pathlib import Path

from odl.recording import Reader, RecordingError

FOLDER = Path("recordings")


def recordings(stem: str, folder: str | Path = FOLDER) -> tuple[Path | None, Path]:
    """Return the newest recording called ``stem`` and the first free name: walk.odl, walk-2.odl, ...

    Examples
    --------
    >>> recordings("walk", "nowhere")[1].as_posix()
    'nowhere/walk.odl'
    """
    last = None
    for number in count(1):
        path = Path(folder) / (f"{stem}.odl" if number == 1 else f"{stem}-{number}.odl")
        if not path.exists():
            return last, path
        last = path
    raise AssertionError  # the counting has no end


def unfinished(path: Path, within: float | None = None) -> bool:
    """True if ``path`` is an unfinished recording, from which its session can resume.

    With ``within``, the last write must not be longer ago than so many seconds.
    """
    try:
        if within is not None and time.time() - path.stat().st_mtime > within:
            return False
        with Reader(path) as reader:
            for _ in reader:
                pass
            return not reader.complete
    except (RecordingError, OSError):
        return False
