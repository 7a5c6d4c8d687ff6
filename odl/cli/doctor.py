"""The command ``odl doctor``: what this installation has, what it lacks, and how to get it."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import asdict
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import odl
from firmware_sim import toolchain
from firmware_sim.toolchain import Tool
from odl._extras import how_to_install, packages_of_extras
from odl._text import clean, counted
from odl.cli.arguments import add_options
from odl.cli.output import Progress, write_json

PURPOSES: Final = {
    "train": "odl train",
    "firmware": "firmware and the emulated board",
    "notebook": "label prompts in a notebook",
    "study": "odl study and odl compare on all cores",
    "files": "MATLAB, HDF5, Excel and CBOR files",
    "fetch": "odl fetch",
    "ble": "--port ble:NAME",
    "sklearn": "odl.sklearn",
    "peers": "learners and policies of other libraries",
    "tflite": "odl convert --check of an int8 network",
    "images": "the image experiment on CIFAR-10",
}
_NEEDED_FOR_WORK_ON_ODL: Final = ("test", "lint", "docs", "fuzz", "sbom")


def add_commands(commands: Any) -> None:
    """Add the command to ``odl``'s parser."""
    doctor = commands.add_parser(
        "doctor", help="what is installed, what is missing and how to get it, ports included"
    )
    add_options(doctor, "json")
    doctor.set_defaults(run=_doctor)


def _doctor(args: argparse.Namespace, progress: Progress) -> str:
    groups = examined()
    write_json(
        args.json, lambda: [{"group": group, **asdict(row)} for group, rows in groups.items() for row in rows]
    )
    if args.json != "-":
        print(as_text(groups))
    return ""


def examined() -> dict[str, list[Tool]]:
    """What was found, in groups.

    A row's ``version`` is None for what is missing or of no use yet; its ``advice`` then says what to do.

    Examples
    --------
    >>> list(examined())
    ['this installation', 'extras', 'firmware', 'notebooks', 'serial ports']
    """
    return {
        "this installation": list(_installation()),
        "extras": list(_extras()),
        "firmware": list(toolchain.find()),
        "notebooks": list(_notebooks()),
        "serial ports": list(_ports()),
    }


def as_text(groups: dict[str, list[Tool]]) -> str:
    """The rows for a terminal; what to do stands under what is missing.

    Examples
    --------
    >>> print(as_text({"extras": [Tool("train", "odl train", None, "pip install torch")]}))
    extras
      train                missing: odl train
                           -> pip install torch
    """
    width = max([20, *(len(clean(row.name, 60)) for rows in groups.values() for row in rows)])
    lines: list[str] = []
    for group, rows in groups.items():
        lines.append(group)
        for row in rows:
            name = f"  {clean(row.name, 60):{width}} "
            if row.there:
                lines.append(f"{name}{clean(row.version, 100)}" + f"  ({row.purpose})" * bool(row.purpose))
            else:
                lines += [f"{name}missing: {row.purpose}", f"{'':{width + 3}}-> {clean(row.advice, 200)}"]
    return "\n".join(lines)


def _installation() -> Iterator[Tool]:
    from odl.core.kernels.kernel_cache import cache_folder, wanted_folder
    from odl.core.kernels.tiers import described

    yield Tool("odl", "", f"{odl.__version__}, {Path(odl.__file__).parent}", "")
    yield Tool("Python", "", f"{platform.python_version()}, {sys.executable}", "")
    for name in ("numpy", "numba", "river", "pyserial"):
        yield _package(name, "")
    yield Tool("kernels", "instructions", described(), "ODL_TIER=plain runs on any processor")
    files = [path for path in cache_folder().rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files) / 1e6
    kept = cache_folder() == wanted_folder()
    yield Tool(
        "compiled kernels",
        f"{counted(len(files), 'file')}, {size:.1f} MB"
        if kept
        else "they are compiled anew in every process",
        str(cache_folder()) if kept else None,
        f"{wanted_folder()} cannot be written to; set ODL_CACHE_DIR to a folder that can",
    )


def _extras() -> Iterator[Tool]:
    """A row for each extra, with each of its packages."""
    for extra, names in packages_of_extras().items():
        if extra in _NEEDED_FOR_WORK_ON_ODL:
            continue
        rows = [_package(name, "") for name in names]
        lacking = [row.name for row in rows if not row.there]
        purpose = PURPOSES.get(extra, "") + f"; without {', '.join(lacking)}" * bool(lacking)
        version = ", ".join(f"{row.name} {row.version}" for row in rows)
        yield Tool(extra, purpose, None if lacking else version, how_to_install(extra))


def _notebooks() -> Iterator[Tool]:
    lab = next((row for row in map(_package, ("jupyterlab", "notebook")) if row.there), None)
    yield lab or Tool("jupyterlab", "opens notebooks in a browser", None, "pip install jupyterlab")
    there = find_spec("ipykernel") is not None
    spec = Path(sys.prefix, "share/jupyter/kernels/python3/kernel.json")
    yield Tool(
        "ipykernel", "" if there else "runs a notebook's cells with this odl",
        str(spec) if there and spec.is_file() else "found by Jupyter in this environment" if there else None,
        how_to_install("notebook"),
    )  # fmt: skip


def _ports() -> Iterator[Tool]:
    from odl.device.discovery import list_ports

    ports = list_ports()
    if not ports:
        yield Tool("none plugged in", "'odl live --emulated' needs none", "", "")
    for port in ports:
        allowed = os.name == "nt" or os.access(port.name, os.R_OK | os.W_OK)
        purpose = port.description if allowed else f"{port.description}: you may not open it"
        yield Tool(
            port.name,
            clean(purpose, 60, empty=""),
            "may be opened" if allowed else None,
            _permission(port.name),
        )


def _permission(device: str) -> str:
    """How to get the right to open ``device``: its group, where that is all that lacks."""
    try:
        import grp

        group = grp.getgrgid(os.stat(device).st_gid).gr_name
    except (ImportError, OSError, KeyError):
        return "ask who looks after this machine for the right to open it"
    return f"sudo usermod -aG {group} $USER, then log out and in again"


def _package(name: str, purpose: str = "") -> Tool:
    try:
        version: str | None = metadata.version(name)
    except metadata.PackageNotFoundError:
        version = None
    return Tool(name, purpose, version, f"pip install {name}")
