"""What is compiled is stored by what it is; two processes that compile at once do not spoil each other's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import odl
from odl.core.kernels.jit import Int, jit, jit_vectorised
from odl.core.kernels.kernel_cache import (
    KEPT,
    Compilation,
    Fingerprint,
    cache_folder,
    compilation,
    locked,
    wanted_folder,
)
from odl.core.kernels.score import score_learned
from tests.helpers.waiting import LIMIT, wait_until

no_locks = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such lock")


def kernel(x: Int) -> Int:
    return x + 1


def files_of(function: Callable[..., Any]) -> Any:
    """What a process has in the hand for a kernel: its index, and a file for each signature."""
    return jit(function).entry._cache.files()  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A cache of the test's own."""
    monkeypatch.setenv("ODL_CACHE_DIR", str(tmp_path / "cache"))
    cache_folder.cache_clear()
    yield cache_folder()
    cache_folder.cache_clear()


# --- another checkout, an edited kernel -----------------------------------------------------------

RUN = """
import numpy as np
from odl.core.kernels.generator import next_state
from odl.core.kernels.kernel_cache import compilation
from odl.core.kernels.quantile import track_quantile
from odl.core.kernels.scale_input import scale_input
next_state(np.uint64(1)), scale_input(1, 1, 1, 1), track_quantile(1, 1, 1, 1)
print(*sorted(compilation.compiled))
"""
NEXT_STATE, SCALE, QUANTILE = "generator.next_state", "scale_input.scale_input", "quantile.track_quantile"


def checkout(parent: Path) -> Path:
    """A copy of the package in ``parent``."""
    shutil.copytree(Path(odl.__file__).parent, parent / "odl", ignore=shutil.ignore_patterns("__pycache__"))
    return parent


def compiled_in(checkout: Path) -> set[str]:
    """The kernels that a process of this checkout compiled for `RUN`."""
    done = subprocess.run([sys.executable, "-c", RUN], check=True, capture_output=True, text=True,
                          cwd=checkout, env={**os.environ, "PYTHONPATH": str(checkout)})  # fmt: skip
    return set(done.stdout.split())


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


def test_one_compile_serves_all_checkouts_and_an_edit_compiles_callers_alone(tmp_path: Path) -> None:
    here, there = checkout(tmp_path / "here"), checkout(tmp_path / "there")
    assert compiled_in(here) == {NEXT_STATE, SCALE, QUANTILE}
    assert compiled_in(there) == set()

    kernels = there / "odl" / "core" / "kernels"
    edit(kernels / "scale_input.py", '"""Raw sensor', '"""Some raw sensor')
    edit(kernels / "scale_input.py", "    product = ", "    # a remark\n\n    product = ")
    assert compiled_in(there) == set()
    edit(kernels / "scale_input.py", "np.int64(offset)", "np.int64(offset + 1)")
    assert compiled_in(there) == {SCALE}
    edit(kernels / "quantile.py", "LOWEST = 2**16", "LOWEST = 2**15")
    assert compiled_in(there) == {QUANTILE}
    edit(kernels / "shift.py", "if shift == 0", "if shift <= 0")
    assert compiled_in(there) == {SCALE, QUANTILE}
    edit(kernels / "kernel.py", "The passes that", "All passes that")
    assert compiled_in(there) == {NEXT_STATE, SCALE, QUANTILE}
    assert compiled_in(here) == compiled_in(there) == set()  # all versions are stored


# --- what the digest sees ---------------------------------------------------------------------------


def function_of(source: str, **names: Any) -> Any:
    """The function ``f`` that this source defines."""
    module = ModuleType("odl.written")
    vars(module).update(names)
    exec("from __future__ import annotations\n" + source, vars(module))  # noqa: S102
    return vars(module)["f"]


def fingerprint(function: Any) -> str:
    made = Fingerprint()
    made.add(function)
    return made.hex()


def part(**names: Any) -> ModuleType:
    module = ModuleType("odl.part")
    vars(module).update(names)
    return module


def test_what_calls_a_late_kernel_does_not_depend_on_what_that_does() -> None:
    late: Any = score_learned
    if hasattr(late, "load"):
        assert fingerprint(late) == fingerprint(
            ("late", late.place, "int64", [str(of) for of in late.kernel.types])
        )


DIFFERENT: dict[str, tuple[Any, Any]] = {
    "a number in the code": (function_of("def f(x): return x + 1"), function_of("def f(x): return x + 2")),
    "a name": (function_of("def f(x): return x.b"), function_of("def f(x): return x.d")),
    "the type of a number": (
        function_of("def f(x): return x + N", N=1),
        function_of("def f(x): return x + N", N=np.int64(1)),
    ),
    "a number with a name": (
        function_of("def f(x): return x + N", N=1),
        function_of("def f(x): return x + N", N=2),
    ),
    "an array": (
        function_of("def f(x): return x + N[0]", N=np.arange(3)),
        function_of("def f(x): return x + N[0]", N=np.arange(4)),
    ),
    "a tuple": (
        function_of("def f(x): return x + N[0]", N=(1, 2)),
        function_of("def f(x): return x + N[0]", N=(1, 3)),
    ),
    "a function called": (
        function_of("def g(x): return x\ndef f(x): return g(x)"),
        function_of("def g(x): return -x\ndef f(x): return g(x)"),
    ),
    "a compiled function called": (
        function_of("def f(x): return g(x)", g=jit(function_of("def f(x: Int): return x"))),
        function_of("def f(x): return g(x)", g=jit(function_of("def f(x: Int): return -x"))),
    ),
    "what a function called calls": (
        function_of("def h(x): return x\ndef g(x): return h(x)\ndef f(x): return g(x)"),
        function_of("def h(x): return -x\ndef g(x): return h(x)\ndef f(x): return g(x)"),
    ),
    "what a function inside calls": (
        function_of("def g(x): return x\ndef f(x): return (lambda y: g(y))(x)"),
        function_of("def g(x): return -x\ndef f(x): return (lambda y: g(y))(x)"),
    ),
    "a function of a module": (
        function_of("def f(x): return m.g(x)", m=part(g=function_of("def f(x): return x"))),
        function_of("def f(x): return m.g(x)", m=part(g=function_of("def f(x): return -x"))),
    ),
    "the types of a compiled function's arguments": (
        jit(function_of("def f(x: Int): return x")),
        jit(function_of("def f(x: bool): return x")),
    ),
    "whether loops are vectorised": (
        jit(function_of("def f(x: Int): return x")),
        jit_vectorised(function_of("def f(x: Int): return x")),
    ),
    "a default": (function_of("def f(x, y=1): return x + y"), function_of("def f(x, y=2): return x + y")),
    "a closure": (
        function_of("def made(n):\n def f(x): return x + n\n return f\nf = made(1)"),
        function_of("def made(n):\n def f(x): return x + n\n return f\nf = made(2)"),
    ),
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_the_digest_depends_on(what: str) -> None:
    before, after = DIFFERENT[what]
    assert fingerprint(before) != fingerprint(after)


def test_the_digest_does_not_depend_on_text_and_place() -> None:
    before = function_of('def f(x):\n "one"\n return x + 1')
    after = function_of('# moved\n\n\ndef f(x):\n "two"\n # a remark\n return x + 1')
    assert fingerprint(before) == fingerprint(after)


def test_functions_that_call_each_other_have_a_digest() -> None:
    source = "def g(x): return f(x)\ndef f(x): return g(x)"
    assert fingerprint(function_of(source)) == fingerprint(function_of(source))


def test_a_value_whose_changes_cannot_be_seen_is_refused() -> None:
    with pytest.raises(TypeError, match="whether it changed cannot be told"):
        fingerprint(function_of("def f(x): return N", N=object()))


# --- files ----------------------------------------------------------------------------------------


@no_locks
def test_two_that_write_at_once_take_names_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = files_of(kernel), files_of(kernel)
    begun, ended, write = threading.Event(), threading.Event(), first._save_index

    def in_the_middle(names: Any) -> None:
        begun.set()
        ended.wait(1.0)  # the other has to wait, so this runs out
        write(names)

    monkeypatch.setattr(first, "_save_index", in_the_middle)

    def other() -> None:
        assert begun.wait(LIMIT)
        second.save("of two", "two")
        ended.set()

    thread = threading.Thread(target=other)
    thread.start()
    first.save("of one", "one")
    thread.join()
    third = files_of(kernel)
    assert (third.load("of one"), third.load("of two")) == ("one", "two")


def loads() -> int:
    """How often a new process would find the kernel in the cache, of once."""
    again: Any = jit(kernel)
    assert again(2) == 3
    return sum(again.entry.stats.cache_hits.values())


def test_what_was_compiled_is_loaded() -> None:
    assert [loads(), loads()] == [0, 1]


def test_a_damaged_file_is_compiled_anew(folder: Path) -> None:
    loads()
    for path in folder.glob("*.nb[ci]"):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert [loads(), loads()] == [0, 1]


def test_the_last_few_versions_of_a_kernel_are_stored(folder: Path) -> None:
    versions = [files_of(function_of(f"def f(x: Int): return x + {n}")) for n in range(KEPT + 2)]
    for n, version in enumerate(versions):
        version.save("a processor", n)
        for path in folder.glob(f"{Path(version._index_path).stem}.*"):
            os.utime(path, (n, n))
    assert [version.load("a processor") for version in versions] == [None, None, *range(2, KEPT + 2)]
    assert len(list(folder.iterdir())) == 2 * KEPT + 1  # and the lock


def test_a_folder_that_cannot_be_written_to_is_replaced_for_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cache_folder() == wanted_folder()
    (tmp_path / "file").touch()
    monkeypatch.setenv("ODL_CACHE_DIR", str(tmp_path / "file"))
    cache_folder.cache_clear()
    assert cache_folder() != wanted_folder() and cache_folder().is_dir()
    shutil.rmtree(cache_folder())


# --- one process compiles ---------------------------------------------------------------------------


@no_locks
def test_a_process_waits_for_another_that_compiles_the_same_kernel() -> None:
    ours, theirs = Compilation(), Compilation()
    states: list[str] = []

    def load() -> None:
        theirs.wait("another kernel")
        theirs.end()
        states.append("free")
        theirs.wait("kernel")
        states.append("searches the cache again")
        theirs.end()

    ours.wait("kernel")
    ours.start("kernel")
    thread = threading.Thread(target=load)
    thread.start()
    wait_until(lambda: states == ["free"] and theirs.state == "waiting")
    ours.end()
    thread.join(LIMIT)
    assert states == ["free", "searches the cache again"]


def test_what_is_compiled_is_noted() -> None:
    before = len(compilation.compiled)
    assert jit(kernel)(1) == 2
    assert jit(kernel)(1) == 2  # loaded
    assert compilation.compiled[before:] == ["test_kernel_cache.kernel"]
    assert compilation.state == "loading"


@no_locks
def test_a_compilation_that_fails_keeps_nobody_waiting() -> None:
    failing = function_of("def f(x: Int): return undefined(x)")
    with pytest.raises(Exception, match="undefined"):
        jit(failing)(1)
    assert jit(kernel)(1) == 2
    with locked("written.f.compiling"):
        assert compilation.state == "loading"
