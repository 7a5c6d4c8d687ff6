"""Firmware that was linked before: the same sources, compiler and flags give the same program.

A build takes two to three seconds, and each emulated session needs one. Programs are kept by a digest of all
that goes into them, in the folder of compiled kernels (``ODL_CACHE_DIR`` overrides where it stands).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import platformdirs

from odl._files import write_private

KEPT = 32  # programs, of up to 1 MB
_SOURCES = {".c", ".h", ".inc", ".ld", ".S"}


def folder() -> Path:
    """Where programs are kept."""
    return Path(os.environ.get("ODL_CACHE_DIR") or platformdirs.user_cache_dir("odl-stream")) / "firmware"


def digest(settings: Iterable[str], sources: Iterable[Path], includes: Iterable[Path], script: Path) -> str:
    """A name that changes with the sources, with the files beside them and with the included folders."""
    found, seen = hashlib.sha256(repr(tuple(settings)).encode()), set[Path]()
    for path in (script, *sources):
        found.update(f"\0{path.name}\0".encode() + path.read_bytes())
    for place in (*includes, *(path.parent for path in sources)):
        if place not in seen:
            seen.add(place)
            for path in sorted(place.iterdir()):
                if path.suffix in _SOURCES and path.is_file():
                    found.update(f"\0{path.name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def link_once(name: str, output: Path, make: Callable[[], None]) -> None:
    """Write the program called ``name`` to ``output``: the one that is kept, or what ``make`` writes."""
    kept = folder() / f"{name}.elf"
    with suppress(OSError):
        data = kept.read_bytes()
        if data[:4] == b"\x7fELF":
            output.write_bytes(data)
            os.utime(kept)
            return
    make()
    with suppress(OSError):  # a folder that cannot be written to
        write_private(kept, output.read_bytes())
        by_age = sorted(folder().glob("*.elf"), key=lambda path: path.stat().st_mtime)
        for old in by_age[:-KEPT]:
            old.unlink(missing_ok=True)
