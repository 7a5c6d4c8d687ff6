"""Whatever takes long while kernels load is reported, and only that."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from odl.core.kernels.kernel_cache import cache_folder, compilation
from odl.data.streams import load_model
from odl.evaluate import load_kernels as module
from odl.evaluate.load_kernels import load_kernels
from tests.helpers.waiting import wait_until

# Kernels called without a compilation: those that a replay calls after `load_kernels`.
REPLAY = """
import importlib, pkgutil
import odl
from odl import core
from odl.core import kernels
from odl.data.streams import load_model
from odl.evaluate.load_kernels import load_kernels

def loaded():
    found = {}
    for module in pkgutil.iter_modules(kernels.__path__):
        for name, value in vars(importlib.import_module(f"odl.core.kernels.{module.name}")).items():
            if hasattr(value, "py_func"):
                found[name] = len(value.entry.signatures)
    return found

load_kernels(load_model("hapt"), print)
before = loaded()
assert before["run"] == 1, before
for policy in ("tactile-inforv", "tactile-dualrv", "random", "periodic"):
    odl.replay("shoulder", subjects=[7], policy=policy, budget=20)
assert loaded() == before, set(loaded().items()) - set(before.items())
"""


@pytest.fixture
def sentences(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """What is reported while the process is in a state for some time."""

    def reported(state: str) -> list[str]:
        said: list[str] = []
        monkeypatch.setattr(module, "PATIENCE", 0.01)
        monkeypatch.setattr(module, "AGAIN", 0.01)

        def busy(image: object) -> None:
            compilation.state = state  # type: ignore[assignment]
            wait_until(lambda: len(said) >= 2)

        monkeypatch.setattr(module, "_predict", busy)
        monkeypatch.setattr(module, "_loaded", {"predict": False, "learn": True})
        load_kernels(load_model("shoulder"), said.append)
        return said

    return reported


def test_what_is_over_soon_is_not_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 60.0)
    monkeypatch.setattr(module, "_loaded", {"predict": False, "learn": False})
    said: list[str] = []
    load_kernels(load_model("shoulder"), said.append)
    assert said == []


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("loading", "loading the compiled kernels"),
        ("waiting", "waiting for another process to compile the kernels"),
        ("compiling", "compiling the kernels, which the next start will load"),
    ],
)
def test_what_takes_long_is_reported_again_and_again(
    sentences: Callable[[str], list[str]], state: str, sentence: str
) -> None:
    said = sentences(state)
    assert len(said) >= 2
    assert {text.rpartition(" (")[0] for text in said} <= {sentence, "loading the compiled kernels"}
    assert said[-1] == f"{sentence} (0 s so far)"


def test_a_cache_that_cannot_be_written_to_is_reported(
    sentences: Callable[[str], list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ODL_CACHE_DIR", str(tmp_path / "file"))
    cache_folder.cache_clear()
    try:
        said = sentences("compiling")[-1]
    finally:
        cache_folder().rmdir()
        cache_folder.cache_clear()
    assert said.startswith("compiling the kernels, for this process alone")
    assert f"{tmp_path / 'file' / 'kernels'} cannot be written to" in said


def test_a_replay_calls_no_kernel_that_is_not_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", REPLAY], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


FIRST = """
import odl
from odl.core.kernels.kernel_cache import compilation
from odl.evaluate import run_stream as module
seen = []
steps = module.steps
def watched(*given):
    for step in steps(*given):
        if len(step.outputs) and not seen:
            seen.extend(compilation.compiled)
        yield step
module.steps = watched
odl.replay("shoulder", subjects=[7], budget=5)
print(*seen)
print(*compilation.compiled)
"""


def test_the_first_predictions_do_not_wait_for_the_kernels_that_learn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODL_CACHE_DIR", str(tmp_path))
    done = subprocess.run([sys.executable, "-c", FIRST], capture_output=True, text=True, check=True)
    first, whole = (set(line.split()) for line in done.stdout.splitlines())
    assert "run.run" in first and "command.command" in whole - first
