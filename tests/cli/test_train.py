"""``odl train``: what cannot be done is said before anything is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from odl.cli.main import main


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
