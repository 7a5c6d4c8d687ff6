"""Public names and help texts use the terms of docs/glossary.md, not the words that it rules out."""

from __future__ import annotations

import argparse
import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from odl.cli.main import make_parser

ROOT = Path(__file__).resolve().parent.parent
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
SOURCES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for folder in ("odl", "firmware_sim", "tests/helpers")
    for path in sorted((ROOT / folder).rglob("*.py"))
}


def terms(page: str) -> list[tuple[str, list[str]]]:
    """(term, words that are ruled out for it) for each line of the glossary."""
    lines = re.findall(r"^- \*\*(.+?)\*\*: (.+)$", page, re.MULTILINE)
    return [(term, re.findall(r"[\w-]+", text.partition("Not: ")[2])) for term, text in lines]


TERMS = terms(GLOSSARY)
INSTEAD = {word: term for term, words in TERMS for word in words}


def words_of(name: str) -> list[str]:
    """``LabelLog_of2`` is label, log, of2."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)]


def public_names(source: str) -> Iterator[str]:
    """Classes, functions, arguments of public functions and annotated fields, each with its owner."""

    def inside(node: ast.AST, owner: str) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                if child.name.startswith("_") and child.name != "__init__":
                    continue
                whole = f"{owner}.{child.name}"
                yield whole
                if isinstance(child, ast.ClassDef):
                    yield from inside(child, whole)
                else:
                    for argument in ast.walk(child.args):
                        if isinstance(argument, ast.arg):
                            yield f"{whole}({argument.arg})"
            elif isinstance(child, ast.AnnAssign) and not ast.unparse(child.target).startswith("_"):
                yield f"{owner}.{ast.unparse(child.target)}"

    yield from inside(ast.parse(source), "")


def wrong_names(module: str, source: str) -> list[str]:
    """One sentence for each name of ``source`` that uses a word that is ruled out."""
    names = [module, *(module + name for name in public_names(source))]
    return [
        f"{name}: not '{word}' but '{INSTEAD[word]}' (docs/glossary.md)"
        for name in names
        for word in words_of(re.split(r"[./(]", name.removesuffix(".py"))[-1])
        if word in INSTEAD
    ]


def help_texts(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    """(command or option, its name and its help) for all there are."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for row in action._choices_actions:
                yield f"{parser.prog} {row.dest}", f"{row.dest} {row.help}"
            for command in action.choices.values():
                yield from help_texts(command)
        else:
            name = " ".join(action.option_strings) or action.dest
            yield f"{parser.prog} {name}", f"{name} {action.help} {action.metavar}"


def test_the_glossary_is_in_order() -> None:
    names = [term.lower() for term, _ in TERMS]
    assert names == sorted(set(names))
    assert len(names) == GLOSSARY.count("\n- ") > 80


def test_no_term_is_ruled_out_for_another() -> None:
    assert INSTEAD.keys() & {term.lower() for term, _ in TERMS} == set()
    assert len(INSTEAD) == sum(len(words) for _, words in TERMS)


@pytest.mark.parametrize("module", SOURCES)
def test_public_names_use_the_terms(module: str) -> None:
    assert wrong_names(module, SOURCES[module]) == []


def test_words_of_the_command_line_use_the_terms() -> None:
    wrong = [
        f"{name}: not '{word}' but '{INSTEAD[word]}'"
        for name, text in help_texts(make_parser())
        for word in re.findall(r"[a-z]+", text.lower())
        if word in INSTEAD
    ]
    assert wrong == []


def classes(sources: dict[str, str]) -> dict[str, list[str]]:
    """The modules in which each class name is defined."""
    found = defaultdict(list)
    for module, source in sources.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(module)
    return found


def test_no_class_name_means_two_things() -> None:
    shipped = {name: source for name, source in SOURCES.items() if not name.startswith("tests/")}
    assert {name: where for name, where in classes(shipped).items() if len(where) > 1} == {}


@pytest.mark.parametrize(
    "source",
    [
        "class Journal:\n    ...",
        "def tell(text): ...",
        "def run(wishes): ...",
        "class Session:\n    told: int",
        "class Session:\n    def begin(self): ...",
    ],
)
def test_a_word_that_is_ruled_out_is_noticed(source: str) -> None:
    assert len(wrong_names("odl/core/session.py", source)) == 1


def test_a_private_name_may_be_anything() -> None:
    assert wrong_names("odl/core/session.py", "def _tell(told): ...\nclass _Journal:\n    ...") == []
