"""CONTRIBUTING.md: ten recipes whose files are there, and no more files than promised."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
FEW = {"a policy": 5, "a board": 3, "a loader": 3, "a metric": 2, "the retry rule": 1}  # files, at most
RECIPES = [
    "Add a policy",
    "Add a head type",
    "Add a field to a message",
    "Add a board",
    "Add a kernel with its C twin",
    "Add a loader",
    "Add a metric",
    "Change the question card",
    "Change the retry rule",
    "Change the training loss",
]


def recipes(page: str) -> dict[str, list[str]]:
    """The numbered lines under each heading of the third level."""
    parts = re.split(r"^### (.+)$", page, flags=re.MULTILINE)[1:]
    return {
        title: re.findall(r"^\d+\. (.+)$", text, re.MULTILINE)
        for title, text in zip(parts[::2], parts[1::2], strict=True)
    }


def files_named(page: str) -> list[str]:
    """Every path with a folder that stands in backquotes."""
    return re.findall(r"`([\w.-]+/[\w./-]*)`", page)


def missing(page: str) -> list[str]:
    """The files of the page that are gone, but for those that a reader is to write."""
    return [path for path in files_named(page) if "NAME" not in path and not (ROOT / path).exists()]


def test_the_ten_recipes_are_there() -> None:
    assert list(recipes(PAGE)) == RECIPES


@pytest.mark.parametrize("title", RECIPES)
def test_each_line_of_a_recipe_begins_with_its_file(title: str) -> None:
    lines = recipes(PAGE)[title]
    assert lines and all(re.match(r"`[\w./-]+\.\w+`", line) for line in lines)


def test_every_file_that_is_named_is_there() -> None:
    assert missing(PAGE) == []
    assert len(files_named(PAGE)) > 40


@pytest.mark.parametrize(("subject", "most"), FEW.items())
def test_a_recipe_keeps_to_its_number_of_files(subject: str, most: int) -> None:
    (lines,) = [lines for title, lines in recipes(PAGE).items() if title.endswith(subject)]
    assert 1 <= len(lines) <= most


def test_a_file_that_is_gone_is_noticed() -> None:
    assert missing("1. `odl/core/gone.py`: not there") == ["odl/core/gone.py"]


def test_the_readme_leads_here() -> None:
    assert "(CONTRIBUTING.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
