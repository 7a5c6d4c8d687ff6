"""Hashes of what a session's result depends on: odl's sources, images, streams, a user's own files."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from odl.core.events import Gap, Samples, Truth
from odl.data.streams import Stream
from odl.evaluate.named_parts import import_own
from odl.model.host_learners import HOST_LEARNERS

# The rooms whose code a session runs or is evaluated with; pages, lines and boards are not among them.
_ROOMS = ("core", "wire", "model", "policies", "labels", "data", "evaluate", "study")
_NOT = ("evaluate/report", "evaluate/relabel", "data/inference", "data/conversion", "study/report")


def digest_of(value: Any) -> str:
    """SHA-256 of plain values, in hexadecimal.

    >>> digest_of({"b": 1, "a": 2}) == digest_of({"a": 2, "b": 1})
    True
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def kernels_digest() -> str:
    """Hash of the kernels and of all other code of odl that a result depends on."""
    home = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    files = {path for room in _ROOMS for path in (home / room).rglob("*.py")}
    for path in sorted(files):
        name = path.relative_to(home).as_posix()
        if not name.startswith(_NOT):
            digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def code_digest(name: str) -> str:
    """Hash of the code behind ``package.module:Class``: every source file of its package, and its version.

    Built-in names, which have no colon, are part of `kernels_digest`; learners made of scikit-learn's
    depend on its version too.

    >>> code_digest("random"), len(code_digest("json:JSONDecoder"))
    ('', 64)
    """
    if ":" not in name:
        there = find_spec("sklearn") is not None and name in HOST_LEARNERS
        return f"scikit-learn {metadata.version('scikit-learn')}" if there else ""
    top = name.split(":")[0].split(".")[0]
    module = import_own(top)
    digest = hashlib.sha256()
    places = [Path(place) for place in getattr(module, "__path__", ())]
    files = [path for place in places for path in place.rglob("*.py")]
    if not places and module.__file__:
        files = [Path(module.__file__)]
    for path in sorted(files):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    for distribution in sorted(metadata.packages_distributions().get(top, ())):
        digest.update(f"{distribution} {metadata.version(distribution)}".encode())
    return digest.hexdigest()


def stream_digest(stream: Stream) -> str:
    """Hash of a person's samples, gaps and truth."""
    digest = hashlib.sha256()
    for event in stream.inputs():
        match event:
            case Samples(start, block):
                digest.update(f"samples {start} {block.shape}".encode() + block.tobytes())
            case Gap(start, lost, _):
                digest.update(f"gap {start} {lost}".encode())
            case Truth(start, end, name):
                digest.update(f"truth {start} {end} {name}\0".encode())
    about = [stream.subject, list(stream.classes), [list(c) for c in stream.channels or ()], stream.rate_hz]
    digest.update(json.dumps(about).encode())
    return digest.hexdigest()
