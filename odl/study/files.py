"""The folder of a study: the store, the table of all cells, and what the report says about the run."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import odl
from odl._files import in_private, write_private
from odl.study.description import Study, StudyError
from odl.study.digests import kernels_digest
from odl.study.report.tables import csv_text
from odl.study.store import COLUMNS, read_rows, write_rows

_LIBRARIES: Final = ("numpy", "numba", "scipy", "river", "scikit-learn", "scikit-activeml", "joblib", "dask")


def write_table(folder: Path, study: Study, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write ``table.csv``, ``table.parquet`` and ``study.json``.

    The tables hold no time and no machine: the same study gives the same bytes wherever it ran.
    """
    write_private(folder / "table.csv", csv_text(list(COLUMNS), [[row[n] for n in COLUMNS] for row in rows]))
    with in_private(folder / "table.parquet", force=True) as file:
        write_rows(file, [dict(row) for row in rows])
    about = {
        "name": study.name, "baseline": study.compared_with, "averaged": study.averaged,
        "about": about_run(study),
    }  # fmt: skip
    write_private(folder / "study.json", json.dumps(about, indent=1) + "\n")


def read_table(folder: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows of ``table.parquet`` and the contents of ``study.json``.

    Raises
    ------
    StudyError
        If the folder holds no finished study.
    """
    try:
        about = json.loads((folder / "study.json").read_text(encoding="utf-8"))
        rows = read_rows(folder / "table.parquet")
    except OSError:
        raise StudyError(f"{folder}: there is no finished study here; run one with `out={folder}`") from None
    except (ValueError, RecursionError):
        about, rows = None, []
    kinds = {"name": str, "baseline": str, "averaged": list, "about": dict}
    whole = isinstance(about, dict) and all(isinstance(about.get(n), kind) for n, kind in kinds.items())
    if not whole or not rows:
        raise StudyError(f"{folder}: the study there is damaged or of another version of odl; run it again")
    return rows, about


def about_run(study: Study) -> dict[str, str]:
    """Versions, seeds and machine."""
    versions = {}
    for name in _LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    seeds = study.seeds
    in_order = list(seeds) == list(range(seeds[0], seeds[0] + len(seeds)))
    return {
        "odl": f"{odl.__version__}, code {kernels_digest()[:16]}",
        "python": platform.python_version(),
        "libraries": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "seeds": f"{seeds[0]} to {seeds[-1]}" if in_order and len(seeds) > 1 else ", ".join(map(str, seeds)),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }
