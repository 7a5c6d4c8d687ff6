"""What setup.cfg and the documents say is so."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

import odl


@pytest.fixture(scope="module")
def setup_cfg(root: Path) -> configparser.ConfigParser:
    config = configparser.ConfigParser()
    config.read(root / "setup.cfg", encoding="utf-8")
    return config


def test_every_package_is_listed(root: Path, setup_cfg: configparser.ConfigParser) -> None:
    folders = {path.parent for path in (root / "odl").rglob("*.py")}
    packages = {".".join(folder.relative_to(root).parts) for folder in folders}
    assert set(setup_cfg["options"]["packages"].split()) == packages | {"odl.bundled", "firmware_sim"}


def test_every_bundled_dataset_is_in_the_wheel(root: Path, setup_cfg: configparser.ConfigParser) -> None:
    listed = setup_cfg["options.package_data"]["odl.bundled"].split()
    files = {path for path in (root / "datasets").glob("*/*") if path.is_file()}
    assert {path for line in listed for path in (root / "datasets").glob(line)} == files


def test_every_data_file_of_the_package_is_in_the_wheel(
    root: Path, setup_cfg: configparser.ConfigParser
) -> None:
    listed = setup_cfg["options.package_data"]["odl"].split()
    data = {path for path in (root / "odl").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    data = {path for path in data if path.suffix != ".py"}
    assert data == {path for line in listed for path in (root / "odl").glob(line)}


def test_every_c_file_is_in_the_wheel(root: Path, setup_cfg: configparser.ConfigParser) -> None:
    listed = setup_cfg["options.package_data"]["firmware_sim"].split()
    files = {path for path in (root / "firmware_sim").rglob("*") if path.suffix in (".c", ".h", ".ld")}
    assert files <= {path for line in listed for path in (root / "firmware_sim").glob(line)}


def test_each_package_has_one_lower_bound(root: Path) -> None:
    """What matplotlib 3.8.0 and numpy 2.0 want excluded each other; `.ci/oldest.py` asks pip."""
    done = subprocess.run(
        [sys.executable, "-c", "import oldest; print(*oldest.oldest(*oldest.groups()))"],
        cwd=root / ".ci", capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {"numpy==2.0", "matplotlib==3.8.4"} <= set(done.stdout.split())


def test_one_version_everywhere(root: Path) -> None:
    assert f"\nversion: {odl.__version__}\n" in (root / "CITATION.cff").read_text(encoding="utf-8")
    assert re.fullmatch(r"\d+\.\d+\.\d+", odl.__version__)


ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))),
]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_relative_links_lead_somewhere(root: Path, document: str) -> None:
    page = root / document
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_layout_in_the_architecture_page_is_there(root: Path) -> None:
    page = (root / "docs" / "architecture.md").read_text(encoding="utf-8")
    listed, folder = set(), root
    for line in page.split("<!-- layout -->")[1].split("```")[1].splitlines():
        match = re.match(r"( *)(\S+)", line)
        if match:
            folder = folder if match[1] else root / match[2]
            listed.add(folder / match[2] if match[1] else folder)
    assert {path for path in listed if not path.exists()} == set()
    # Nor may a part of odl be missing from the page.
    parts = {
        path for path in (root / "odl").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert parts - listed <= {root / "odl" / "__init__.py"}


def test_every_page_is_in_the_navigation(root: Path) -> None:
    start = (root / "docs" / "index.md").read_text(encoding="utf-8")
    listed = set(" ".join(re.findall(r"```\{toctree\}(.*?)```", start, re.DOTALL)).split())
    pages = {path.stem for path in (root / "docs").glob("*.md")} - {"index"}
    notebooks = {f"../notebooks/{path.stem}" for path in (root / "notebooks").glob("*.ipynb")}
    assert (pages | notebooks) - listed == set()


def test_nothing_listens_beyond_this_computer(root: Path) -> None:
    listening = re.compile(r"create_server\(|\.bind\(|HTTPServer\(|start_server\(")
    lines = [
        line
        for folder in ("odl", "firmware_sim")
        for path in (root / folder).rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if listening.search(line)
    ]
    assert lines and [line for line in lines if "127.0.0.1" not in line] == []


def test_what_the_page_of_promises_names_is_there(root: Path) -> None:
    page = (root / "docs" / "promises.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:tests|benchmarks)/[\w/]+(?:\.py)?)(?:::(\w+))?", page)
    assert len(named) > 40
    for path, test in named:
        assert (root / path).exists(), path
        assert not test or f"def {test}(" in (root / path).read_text(encoding="utf-8"), test
