"""All stored inputs through all targets: each is the trace of an attempt, some of a fault that was mended."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.fuzz import core, readers
from tests.fuzz.__main__ import PYTHON
from tests.fuzz.seeds import MOST, SEEDS, read_seeds, write_seeds


def test_each_target_is_listed_and_has_seeds() -> None:
    assert sorted(readers.TARGETS) == sorted(PYTHON)
    assert {path.stem for path in SEEDS.glob("*.zip")} == {*PYTHON, *core.TARGETS}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PYTHON)
def test_readers(name: str) -> None:
    seeds = read_seeds(name)
    assert seeds
    for data in (b"", *seeds):
        readers.run(name, data)


@pytest.mark.skipif(os.name != "posix", reason="no sanitizers there")
@pytest.mark.parametrize("name", core.TARGETS)
def test_the_core_under_sanitizers(name: str, tmp_path: Path) -> None:
    program, model = core.build(name, tmp_path, fuzzer=False), tmp_path / "model.odlm"
    model.write_bytes(core.small_image().to_bytes())
    files = []
    for n, data in enumerate((*core.first(name), *read_seeds(name))):
        files.append(tmp_path / f"input-{n}")
        files[-1].write_bytes(data)
    done = subprocess.run(
        [program, *files], env=os.environ | {"ODL_FUZZ_MODEL": str(model)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_equal_inputs_give_an_equal_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.seeds.SEEDS", tmp_path)
    write_seeds("a", [b"two", b"1", bytes(MOST)])
    before = (tmp_path / "a.zip").read_bytes()
    write_seeds("a", [b"1", b"two", b"two"])
    assert (tmp_path / "a.zip").read_bytes() == before
    assert sorted(read_seeds("a")) == [b"1", b"two"] and read_seeds("b") == []
