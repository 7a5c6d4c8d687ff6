"""Rules for the tests themselves, read from their syntax: asserts, imports of helpers, waits."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

HERE, NAME = Path(__file__).resolve().parent, Path(__file__).name
FILES = sorted(HERE.rglob("*.py"))
TEST_FILES = [path for path in FILES if path.name.startswith("test_")]
LOCAL = {path.stem for path in FILES} | {path.name for path in HERE.rglob("*") if path.is_dir()}
PATH_EDIT = re.compile(r"sys\.path(\[|\.(insert|append|extend|remove)|\s*\+?=[^=])|syspath_prepend\(")
WAIT = re.compile(r"(?:time|asyncio)\.sleep\((?!0\))")  # one of 0 s lets others run and waits for nothing


def unchecked(tree: ast.Module) -> Iterator[str]:
    """Names of test functions without an assert, ``pytest.raises`` or ``pytest.fail`` of their own."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and function.name.startswith("test_"):
            inside = list(ast.walk(function))
            asserts = any(isinstance(node, ast.Assert) for node in inside)
            called = {ast.unparse(node.func) for node in inside if isinstance(node, ast.Call)}
            if not asserts and not called & {"pytest.raises", "pytest.fail"}:
                yield function.name


def foreign_imports(tree: ast.Module) -> Iterator[str]:
    """Imports of this folder's modules by anything but their full name, ``tests. ...``."""
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            folder = HERE.parent.joinpath(*(node.module or "").split(".")).is_dir() and node.level == 0
            module = "." * node.level + (node.module or "")
            names = [f"{module}.{alias.name}" for alias in node.names] if folder else [module]
        for name in names:
            head, *rest = name.split(".")
            if head == "tests":
                if not HERE.joinpath(*rest).with_suffix(".py").is_file():
                    yield name
            elif not head or head in LOCAL:
                yield name


def waits(text: str) -> list[str]:
    """Lines that sleep and give no reason."""
    return [line.strip() for line in text.splitlines() if WAIT.search(line) and "#" not in line]


def impatient(text: str) -> list[str]:
    """Lines that give up after what a busy machine may take; `tests.helpers.waiting` has the time for it."""
    found = re.finditer(
        r"^.*(?:(?<!-)timeout=|\.wait\(|\.join\(|settimeout\()(\d+(?:\.\d+)?).*$", text, re.MULTILINE
    )
    return [match[0].strip() for match in found if 5 <= float(match[1]) < 300 and "#" not in match[0]]


def own_memory(text: str) -> list[str]:
    """Where a test measures memory by itself; `tests.helpers.memory` does so for all."""
    return re.findall(r"tracemalloc\.\w+|getrss|ru_maxrss|VmRSS|VmHWM", text)


def found(rule: Callable[[str], Iterable[str]], files: list[Path]) -> dict[str, list[str]]:
    """What breaks ``rule``, by file; this one is left out, which holds examples of all."""
    broken = {path: list(rule(path.read_text(encoding="utf-8"))) for path in files if path.name != NAME}
    return {str(path.relative_to(HERE)): names for path, names in broken.items() if names}


def test_every_test_checks_something_itself() -> None:
    assert found(lambda text: unchecked(ast.parse(text)), TEST_FILES) == {}


def test_helpers_are_imported_by_full_name() -> None:
    assert found(lambda text: foreign_imports(ast.parse(text)), FILES) == {}


def test_the_path_of_modules_is_left_alone() -> None:
    assert found(lambda text: (match[0] for match in PATH_EDIT.finditer(text)), FILES) == {}


def test_every_real_wait_has_a_reason_on_its_line() -> None:
    assert found(waits, FILES) == {}


def test_nothing_is_given_up_early() -> None:
    assert found(impatient, FILES) == {}


def test_memory_is_measured_in_one_place() -> None:
    """Elsewhere it depended on what other tests had left in the process."""
    assert set(found(own_memory, FILES)) == {"helpers/memory.py"}


def test_no_two_helpers_have_the_same_name() -> None:
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in FILES]
    names = [node.name for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_the_rules_find_what_they_are_for() -> None:
    bad = "import streams\nfrom .x import y\nfrom tests.nothing import z\ndef test_a():\n    helper()\n"
    tree = ast.parse(bad)
    assert (list(unchecked(tree)), len(list(foreign_imports(tree)))) == (["test_a"], 3)
    good = "from tests.helpers.streams import IMAGE\ndef test_b():\n    assert IMAGE\n"
    assert not [*unchecked(ast.parse(good)), *foreign_imports(ast.parse(good))]
    assert waits("time.sleep(1)\ntime.sleep(1)  # a real device\nawait asyncio.sleep(0)") == ["time.sleep(1)"]
    early = ["child.wait(60)", "f(timeout=9.5)", "f(timeout=5)  # asked again"]
    assert [bool(impatient(one)) for one in early] == [True, True, False]
    edits = ["sys.path[:0] = x", "sys.path.insert(0, x)", "sys.path += x", "sys.path = x", "join(sys.path)"]
    assert [bool(PATH_EDIT.search(edit)) for edit in edits] == [True] * 4 + [False]
