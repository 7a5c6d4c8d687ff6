"""Each heading of the page of troubleshooting has the words of a message that the code can give."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
HEADINGS = re.findall(r"^### (.+)$", PAGE, re.MULTILINE)
FROM_THE_SYSTEM = {"odl: command not found", "Permission denied"}  # words of a shell, of an operating system


def literal(node: ast.expr) -> str:
    """The text of an expression, with a gap where something is put in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(literal(part) for part in node.values)
    if isinstance(node, ast.BinOp):
        return literal(node.left) + literal(node.right)
    return "\0"


def messages() -> Iterator[str]:
    """Every text but docstrings in the code of the package and its firmware tools, and the Makefile."""
    for path in [*(ROOT / "odl").rglob("*.py"), *(ROOT / "firmware_sim").glob("*.py")]:
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        for node in nodes:
            if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp) and id(node) not in docstrings:
                yield literal(node)
    yield re.sub(r"\$\([^)]*\)+|\" *\\\n\s*\"|\$\$", "\0", (ROOT / "Makefile").read_text(encoding="utf-8"))


TEXTS = list(dict.fromkeys(messages()))


def occurs(heading: str) -> bool:
    """Whether one text of the code has the words of ``heading`` in their order."""
    parts = [part for part in heading.replace("\\", "").split("…") if part.strip(" ,;:'`")]
    pattern = re.compile(".*".join(re.escape(part.strip()) for part in parts), re.DOTALL)
    return bool(parts) and any(pattern.search(text) for text in TEXTS)


@pytest.mark.parametrize("heading", [heading for heading in HEADINGS if heading not in FROM_THE_SYSTEM])
def test_the_code_can_say_it(heading: str) -> None:
    assert occurs(heading)


def test_words_that_nothing_says_are_noticed() -> None:
    assert not occurs("the moon is … full")
    assert not occurs("a budget fell off … dataset")
    assert len(HEADINGS) > 70
