"""Hashes of what a session's result depends on: odl's sources, images, streams, a user's own files."""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from odl.core.events import Gap, Samples, Truth
from odl.data.streams import Stream
from odl.evaluate.named_parts import import_own
from odl.model.host_learners import HOST_LEARNERS
from odl.study.description import StudyError

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
    """Hash of the code behind ``package.module:Class``, as it was when this process first asked.

    It is taken over every source file of the package. For a package that is not installed, it includes the
    sources of the modules beside it that it imports, and the versions of the installed ones. Built-in
    names, which have no colon, are part of `kernels_digest`; learners made of scikit-learn's depend on its
    version too.

    >>> code_digest("random"), len(code_digest("json:JSONDecoder"))
    ('', 64)
    """
    if ":" not in name:
        there = find_spec("sklearn") is not None and name in HOST_LEARNERS
        return f"scikit-learn {metadata.version('scikit-learn')}" if there else ""
    top = name.split(":")[0].split(".")[0]
    import_own(top)
    distributions = metadata.packages_distributions()
    found: dict[str, list[str]] = {}
    left = [top]
    while left:
        module = left.pop()
        if module in found or module == "odl" or (module != top and module in sys.stdlib_module_names):
            continue
        home, files = _sources(module)
        found[module] = [
            f"{one} {metadata.version(one)}" for one in sorted(set(distributions.get(module, ())))
        ]
        installed = home is None or bool({"site-packages", "dist-packages"} & set(home.parts))
        if home is not None and (module == top or not installed):
            found[module] += [f"{name} {_hash(path)}" for path, name in files.items()]
        if not installed and module not in sys.stdlib_module_names:
            left += sorted({imported for path in files for imported in _imported(path)})
    return digest_of(found)


def unchanged_code(name: str) -> str:
    """`code_digest`, if the files are still as they were when this process first loaded them.

    Raises
    ------
    StudyError
        If they have changed: Python keeps the code that it has loaded.
    """
    first = code_digest(name)
    if code_digest.__wrapped__(name) != first:
        raise StudyError(
            f"the code of {name} has changed since this process loaded it; start Python anew to run it"
        )
    return first


def _sources(module: str) -> tuple[Path | None, dict[Path, str]]:
    """The folder of a top-level module and its source files with their names in it; None if it has no file.

    A package without ``__init__.py`` can have several folders.
    """
    try:
        spec = find_spec(module)
    except ValueError:  # such as __main__
        return None, {}
    if spec is None:
        return None, {}
    if spec.submodule_search_locations:
        folders = [Path(folder) for folder in spec.submodule_search_locations]
        files = sorted((path, folder.parent) for folder in folders for path in folder.rglob("*.py"))
        return folders[0].parent, {path: path.relative_to(above).as_posix() for path, above in files}
    if spec.origin is None or not Path(spec.origin).is_file():
        return None, {}
    path = Path(spec.origin)
    return path.parent, {path: path.name}


def _imported(path: Path) -> set[str]:
    """The top-level modules that a source file imports anywhere."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return set()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
    return {name.split(".")[0] for name in names}


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


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
