"""Commands that run no session start without what a session needs: each of them would take a second more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import odl

HEAVY = ("numba", "scipy", "pandas", "matplotlib", "river", "torch", "serial")
PROGRAM = f"""
import sys
from odl.cli.main import main
try:
    status = main(sys.argv[1:])
except SystemExit as error:
    status = error.code
print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)
sys.exit(status)
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short session's recording."""
    folder = tmp_path_factory.mktemp("recorded")
    odl.replay("shoulder", subjects=["7"], budget=3, out=folder)
    return next(folder.glob("*.odl"))


@pytest.mark.parametrize(
    "words",
    ["--version", "--help", "datasets", "show shoulder", "info {}", "convert {} {}.csv", "firmware --help"],
)
def test_a_command_that_runs_no_session_starts_light(words: str, recorded: Path) -> None:
    given = [word.format(recorded) for word in words.replace("{}.csv", f"{recorded}.csv").split()]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *given], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "[]"


@pytest.mark.parametrize("words", ["--rename pendlum=swing", "--remove nothing", "--merge nothing=pendulum"])
def test_a_class_that_is_not_there_is_refused_before_a_session_is_loaded(words: str, recorded: Path) -> None:
    given = ["label", str(recorded), *words.split()]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *given], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 2
    assert "there is no class" in done.stderr and "there are pendulum, " in done.stderr
    assert done.stderr.splitlines()[-1] == "[]"
