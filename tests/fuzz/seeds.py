"""The stored inputs of each target: a zip per target, whose members are inputs."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path

SEEDS = Path(__file__).parent / "corpus"
MOST = 60_000  # bytes of a target's inputs that are stored,
EACH = 120  # and what the zip takes beside each


def read_seeds(name: str) -> list[bytes]:
    """The inputs of target ``name``, in order of their hashes."""
    path = SEEDS / f"{name}.zip"
    if not path.exists():
        return []
    with zipfile.ZipFile(path) as packed:
        return [packed.read(member) for member in packed.namelist()]


def write_seeds(name: str, inputs: Sequence[bytes]) -> None:
    """Store ``inputs``, short ones first, up to `MOST` bytes; equal inputs give an equal file."""
    chosen, size = {}, 0
    for data in sorted(set(inputs), key=lambda data: (len(data), data)):
        size += len(data) + EACH
        if size > MOST:
            break
        chosen[hashlib.sha256(data).hexdigest()[:12]] = data
    SEEDS.mkdir(exist_ok=True)
    with zipfile.ZipFile(SEEDS / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for member, data in sorted(chosen.items()):
            packed.writestr(zipfile.ZipInfo(member), data, zipfile.ZIP_DEFLATED, 9)
