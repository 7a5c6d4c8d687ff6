"""What is compiled is kept; two processes that compile at once do not spoil each other's."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from odl.core.kernels.jit import Int, jit, sources


def kernel(x: Int) -> Int:
    return x + 1


def files_of(function: Callable[..., Any]) -> Any:
    """What a process has in the hand for a kernel: its index, and a file for each signature."""
    return jit(function).entry._cache._cache_file  # type: ignore[attr-defined]


def test_the_cache_depends_on_every_file_that_kernels_take_numbers_from() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in sources() if path.parent.name == "kernels")
    taken = set(re.findall(r"^from odl\.core\.(\w+) import", code, re.MULTILINE))
    assert taken == {"events", "state"}
    assert taken <= {path.stem for path in sources() if path.parent.name == "core"}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such lock")
def test_two_that_write_at_once_take_names_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = files_of(kernel), files_of(kernel)
    first.flush()
    begun, ended, write = threading.Event(), threading.Event(), first._save_index

    def in_the_middle(names: Any) -> None:
        begun.set()
        ended.wait(1.0)  # the other has to wait, so this runs out
        write(names)

    monkeypatch.setattr(first, "_save_index", in_the_middle)

    def other() -> None:
        assert begun.wait(60)
        second.save("of two", "two")
        ended.set()

    thread = threading.Thread(target=other)
    thread.start()
    first.save("of one", "one")
    thread.join()
    third = files_of(kernel)
    assert (third.load("of one"), third.load("of two")) == ("one", "two")
    third.flush()


def test_what_was_compiled_is_loaded() -> None:
    assert jit(kernel)(1) == 2
    again: Any = jit(kernel)
    assert again(2) == 3
    assert sum(again.entry.stats.cache_hits.values()) == 1
