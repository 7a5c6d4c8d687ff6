"""``odl train``: what cannot be done is said first; a kept image gets least scores and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from odl.cli.main import main
from odl.core.unknown import least_scores
from odl.data.streams import load_model
from tests.helpers.full_disk import full_disk

SHORT = ["train", "shoulder", "--subjects=1,2,3", "--steps=50", "--folds=2", "--stored=2", "--out=mine.odlm"]


@pytest.mark.parametrize("given", ["--subjects=1", "--without=pendulum", "--size=small"])
def test_an_image_that_is_kept_is_trained_no_other_way(
    given: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new.odlm"
    assert main(["train", "shoulder", "--keep", "shoulder", "--out", str(out), given]) == 2
    option = given.partition("=")[0]
    assert f"odl: {option} is about training, and --keep trains no network" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.train
def test_a_kept_image_gets_least_scores_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    image = load_model("shoulder")
    older = replace(image, card={k: v for k, v in image.card.items() if k != "unknown"})
    (tmp_path / "old.odlm").write_bytes(older.to_bytes())
    monkeypatch.chdir(tmp_path)
    assert main(["train", "shoulder", "--keep", "old.odlm", "--out", "new.odlm", "--steps", "50"]) == 0
    noted = len(load_model("new.odlm").card["unknown"])
    assert f"new.odlm: least scores for {noted} classes; all else as in old.odlm" in capsys.readouterr().out
    new = load_model("new.odlm")
    assert noted and set(least_scores(new)) <= set(image.names.values())
    assert replace(new, card=older.card).to_bytes() == older.to_bytes()


@pytest.mark.parametrize("place", ["a.file/mine.odlm", "a.folder.odlm", "mine.bin"])
def test_a_place_that_takes_no_file_is_said_at_once(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.file").write_text("")
    (tmp_path / "a.folder.odlm").mkdir()
    monkeypatch.setattr("odl.data.open_dataset", lambda *given: pytest.fail("it went on"))
    monkeypatch.chdir(tmp_path)
    assert main(["train", "shoulder", "--out", place]) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert sentence.startswith("odl: ") and place.split("/")[0] in sentence


@pytest.mark.train
@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="Windows limits no file's size")
def test_a_full_disk_and_a_kill_within_the_write_leave_the_older_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    older = load_model("shoulder").to_bytes()
    (tmp_path / "mine.odlm").write_bytes(older)
    monkeypatch.chdir(tmp_path)
    with full_disk(700):
        status = main(SHORT)
    said = capsys.readouterr().err
    assert status == 2 and "mine.odlm" in said and "File too large" in said and "Traceback" not in said
    assert (tmp_path / "mine.odlm").read_bytes() == older and [*tmp_path.iterdir()] == [
        tmp_path / "mine.odlm"
    ]

    killed = subprocess.run(
        [sys.executable, "-c", _KILLED_BY_THE_SYSTEM, *SHORT], capture_output=True, check=False, timeout=600
    )
    assert killed.returncode == -signal.SIGXFSZ
    assert (tmp_path / "mine.odlm").read_bytes() == older
    assert main(SHORT) == 0
    assert (tmp_path / "mine.odlm").read_bytes() != older
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.odlm", "mine.svg"]


_KILLED_BY_THE_SYSTEM = """
import resource, signal, sys
from odl.cli.main import main
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # the system writes a part, and kills
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_FSIZE, (700, 700))
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.train
def test_the_last_line_is_a_command_that_tries_the_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(SHORT) == 0
    given = capsys.readouterr()
    next_one = given.out.splitlines()[-1].removeprefix("next: ")
    assert next_one == "odl replay shoulder --model mine.odlm --out out/"
    assert "multiply-accumulates a window" in given.out and "without person 3: " in given.err
    assert main(next_one.split()[1:]) == 0
