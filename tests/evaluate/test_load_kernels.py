"""Whatever takes long while kernels load is reported, and only that."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from odl.core.kernels.decide import decide
from odl.core.kernels.kernel_cache import cache_folder, compilation
from odl.core.kernels.rules import Rule
from odl.core.kernels.run import predict
from odl.data.streams import load_model
from odl.evaluate import load_kernels as module
from odl.evaluate.load_kernels import load_kernels
from tests.helpers.waiting import wait_until

# Kernels called without a compilation: those that a replay calls after `load_kernels`.
REPLAY = """
import importlib, pkgutil, sys
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
    odl.replay("shoulder", subjects=[7], policy=policy, budget=20, out=sys.argv[1])
assert loaded() == before, set(loaded().items()) - set(before.items())
"""


@pytest.fixture
def sentences(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """What is reported while the process is in a state for some time."""

    def reported(state: str) -> list[str]:
        said: list[str] = []
        monkeypatch.setattr(module, "PATIENCE", 0.01)
        monkeypatch.setattr(module, "INTERVAL", 0.01)

        def busy(image: object) -> None:
            compilation.state = state  # type: ignore[assignment]
            wait_until(lambda: len(said) >= 2)

        monkeypatch.setattr(module, "_predict", busy)
        monkeypatch.setattr(module, "_loaded", {"learn"})
        load_kernels(load_model("shoulder"), said.append)
        return said

    return reported


def test_what_is_over_soon_is_not_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 60.0)
    monkeypatch.setattr(module, "_loaded", set())
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


def test_a_replay_calls_no_kernel_that_is_not_loaded(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", REPLAY, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


FIRST = """
import odl
from odl.core.kernels.command import command
from odl.evaluate import run_stream as module
seen = []
steps = module.steps
def watched(*given):
    for step in steps(*given):
        if len(step.outputs) and not seen:
            seen.append(len(command.entry.signatures))
        yield step
module.steps = watched
odl.replay("shoulder", subjects=[7], budget=5)
print(*seen, len(command.entry.signatures))
"""


def test_the_first_predictions_do_not_wait_for_the_kernels_that_learn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODL_CACHE_DIR", str(tmp_path))
    done = subprocess.run([sys.executable, "-c", FIRST], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "1"]


COLD = """
from odl.data.streams import load_model
from odl.core.kernels.kernel_cache import compilation
from odl.evaluate.load_kernels import load_kernels
load_kernels(load_model("shoulder"), lambda sentence: None)
print(*compilation.compiled)
"""


def test_what_two_processes_compile_at_once_the_next_one_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODL_CACHE_DIR", str(tmp_path))
    words = [sys.executable, "-c", COLD]
    cold, warm = (subprocess.run(words, capture_output=True, text=True, check=True).stdout for _ in range(2))
    assert cold.split()[:2] == ["decide.decide", "run.run"]
    assert warm.split() == []


class Started:
    """Takes the place of a process: what was to be started."""

    def __init__(self, words: list[str], env: dict[str, str], **_: object) -> None:
        self.words, self.env = words, env

    def wait(self) -> int:
        return 0


@pytest.fixture
def cold(monkeypatch: pytest.MonkeyPatch) -> list[Started]:
    """An empty cache as `load_kernels` sees it; the processes that it starts are only noted."""
    started: list[Started] = []

    def start(*args: Any, **keywords: Any) -> Started:
        started.append(Started(*args, **keywords))
        return started[-1]

    monkeypatch.setattr(module, "_is_stored", lambda kernel: False)
    monkeypatch.setattr(module, "_loaded", set())
    monkeypatch.setattr(module, "_predict", lambda image: None)
    monkeypatch.setattr(module, "_learn", lambda image: None)
    monkeypatch.setattr(module.subprocess, "Popen", start)
    return started


def test_the_kernels_that_learn_are_compiled_by_a_process_of_their_own(
    cold: list[Started], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_kernels(load_model("shoulder"), pytest.fail)
    (started,) = cold
    monkeypatch.undo()
    env = {**started.env, "ODL_CACHE_DIR": str(tmp_path)}
    subprocess.run(started.words, env=env, cwd=tmp_path, check=True)
    assert {path.name.split("-")[0] for path in tmp_path.glob("kernels/*.nbi")} == {
            "run.predict", "command.command", "score.score_learned", "frames.put_frames",
            "messages.put_messages",
        }  # fmt: skip


def test_no_process_is_started_for_a_cache_that_no_other_can_read(
    cold: list[Started], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "wanted_folder", lambda: Path("elsewhere"))
    load_kernels(load_model("shoulder"), pytest.fail)
    assert cold == []


def test_a_process_that_cannot_be_started_is_done_without(
    cold: list[Started], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise FileNotFoundError

    touched: list[object] = []
    monkeypatch.setattr(module.subprocess, "Popen", fail)
    monkeypatch.setattr(module, "_predict", touched.append)
    load_kernels(load_model("shoulder"), pytest.fail)
    assert len(touched) == 1 and cold == []


LATE = """
import numpy as np
from odl.core.config import Config
from odl.core.events import Samples
from odl.core.kernels.block import ADDRESSES
from odl.core.session import Session
from odl.data.streams import load_model
image, none = load_model("shoulder"), (0,) * 6
block = np.zeros((640, 6), np.int16)
def loaded():
    return (np.flatnonzero(ADDRESSES[1:]) + 1).tolist()
for policy in "novel-segments", "random", "random", "tactile-inforv":
    config = Config(policy, allowed=1, horizon=30, mult=none, shift=none, offset=none)
    Session(image, config).step(Samples(0, block))
    print(loaded())
"""


def test_a_late_kernel_is_loaded_when_it_is_called() -> None:
    done = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    random, uncertain = int(Rule.RANDOM), int(Rule.INFORV)
    always = {predict.place, decide.place}  # type: ignore[attr-defined]
    wanted = [sorted({*always, *more}) for more in ((), (random,), (random,), (random, uncertain))]
    assert [json.loads(line) for line in done.stdout.splitlines()] == wanted
