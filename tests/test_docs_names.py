"""Files and dotted names that pages, docstrings and comments mention are there."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))),
]
SOURCES = [
    path.relative_to(ROOT).as_posix()
    for pattern in (
        "odl/**/*.py",
        "firmware_sim/*.py",
        "firmware_sim/**/*.[ch]",
        "tests/**/*.py",
        "benchmarks/**/*.py",
    )
    for path in sorted(ROOT.glob(pattern))
]
# Behind a folder of the project's root, or of odl (as in `core/state.py`).
FOLDERS = "|".join(
    sorted({path.name for parent in (ROOT, ROOT / "odl", ROOT / "firmware_sim") for path in parent.iterdir()})
)
FILE = re.compile(rf"(?<![\w./-])(?:{FOLDERS})/[\w./-]+\.(?:py|c|h|ld|md)\b")
DOTTED = re.compile(r"(?<![\w./-])(?:odl|firmware_sim)(?:\.[A-Za-z_]\w*)+")


def prose(path: str) -> Iterator[str]:
    """The text of a page; the docstrings and comments of a source."""
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.endswith(".md"):
        yield text
    elif path.endswith(".py"):
        yield from re.findall(r"(?<!\S)#.*$", text, re.MULTILINE)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                yield ast.get_docstring(node, clean=False) or ""
    else:
        yield from re.findall(r"/\*.*?\*/", text, re.DOTALL)


def is_there(path: str) -> bool:
    """Whether ``path`` names a file of the project, of ``odl/`` or of ``firmware_sim/``."""
    return any((parent / path).exists() for parent in (ROOT, ROOT / "odl", ROOT / "firmware_sim"))


def resolves(name: str) -> bool:
    """Whether a dotted name leads to a module, or to something in one."""
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:n]))
        except ImportError:
            continue
        for attribute in parts[n:]:
            if attribute in getattr(found, "__annotations__", {}):
                return True
            if not hasattr(found, attribute):
                return False
            found = getattr(found, attribute)
        return True
    return False


def wrong(text: str) -> list[str]:
    """The files and dotted names of ``text`` that lead nowhere."""
    files = [path for path in FILE.findall(text) if not is_there(path) and "NAME" not in path]
    names = [name for name in DOTTED.findall(text) if not name.endswith(".h") and not resolves(name)]
    return files + names


@pytest.mark.parametrize("path", [*PAGES, *SOURCES])
def test_what_is_mentioned_is_there(path: str) -> None:
    assert [found for text in prose(path) for found in wrong(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "see `odl/core/gone.py`",
        "see core/gone.py",
        "as in firmware_sim/core/gone.c",
        "`odl.core.gone` does it",
        "`odl.core.session.Gone`",
        "(docs/gone.md)",
    ],
)
def test_a_name_that_leads_nowhere_is_noticed(text: str) -> None:
    assert len(wrong(text)) == 1


def test_names_that_lead_somewhere_are_fine() -> None:
    assert (
        wrong("`odl/core/state.py`, core/state.py, `odl.core.config.Config.batch`, odl.h, `odl.replay`") == []
    )
