"""The notebooks run from top to bottom, without network; what lies in the repository has no output."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from traitlets.config import Config

from tests.helpers.jupyter import ROOT, unix_sockets
from tests.helpers.waiting import LIMIT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NEEDS_TORCH = {"3-train-and-push.ipynb", "5-your-model.ipynb"}
# What a kernel runs first: only this machine can be reached.
ALONE = """
import socket
_connect = socket.socket.connect
def connect(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1"):
        raise OSError(f"no network here, but {address} was wanted")
    return _connect(self, address)
socket.socket.connect = connect
"""


def test_there_are_notebooks() -> None:
    assert [path.name[:2] for path in NOTEBOOKS] == [f"{n + 1}-" for n in range(len(NOTEBOOKS))]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_output_is_kept(path: Path) -> None:
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code and all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert "widgets" not in notebook.metadata
    assert path.stat().st_size < 20_000


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_picture_is_explained(path: Path) -> None:
    cells = nbformat.read(path, 4).cells
    drawn = [i for i, cell in enumerate(cells) if cell.cell_type == "code" and "timeline(" in cell.source]
    assert all("picture shows" in cells[i + 1].source for i in drawn)


def _params() -> list[Any]:
    return [
        pytest.param(path, id=path.stem, marks=[pytest.mark.train] if path.name in NEEDS_TORCH else [])
        for path in NOTEBOOKS
    ]


@pytest.mark.parametrize("path", _params())
def test_it_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(ALONE)
    (tmp_path / "work").mkdir()
    paths = [str(tmp_path / "site"), str(ROOT), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(path, 4)
    with unix_sockets() as sockets:
        NotebookClient(
            notebook, timeout=LIMIT, kernel_name="python3", startup_timeout=LIMIT,
            resources={"metadata": {"path": str(tmp_path / "work")}},
            config=Config({"KernelManager": sockets}),
        ).execute()  # fmt: skip
    outputs = [out for cell in notebook.cells if cell.cell_type == "code" for out in cell.outputs]
    assert any("image/png" in out.get("data", {}) for out in outputs)
    errors = [out.text for out in outputs if out.output_type == "stream" and out.name == "stderr"]
    assert errors == [], "what is written there is shown as an error, in red"
