"""``odl profile``: files, and their refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import odl
from odl.cli.main import main
from odl.core.config import Config
from odl.core.events import AddClass, ChangeClass, Samples, Split, Teach
from odl.core.image import Image
from odl.core.session import Session
from odl.data import model_bytes
from odl.live.emulated import EmulatedBoard
from odl.model.profile import WearerProfile, read_profile
from odl.model.profile_file import ProfileFile
from odl.recording.resume import resume
from tests.helpers.streams import VARIED, config, samples


@pytest.fixture
def anna(tmp_path: Path) -> Path:
    session = Session(VARIED, config("none", allowed=0))
    session.step(Samples(0, samples(1, 100)))
    session.step(AddClass(100, 9, "Anna's walk", 0))
    session.step(Teach(100, 9))
    path = tmp_path / "anna.odlp"
    path.write_text(WearerProfile.of(VARIED, session.log).text())
    return path


def test_show_merge_redact_delete(anna: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", "show", str(anna), "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "profile": str(anna), "image": f"{VARIED.checksum:08x}", "labels": {"9": 1},
        "removed": 0, "classes": ["Anna's walk"], "changes": 0,
    }  # fmt: skip
    both, shared = anna.with_name("both.odlp"), anna.with_name("shared.odlp")
    assert main(["profile", "merge", str(anna), str(anna), "--out", str(both)]) == 0
    assert read_profile(both).text() == anna.read_text()  # one went on from the other
    assert main(["profile", "redact", str(anna), "--out", str(shared)]) == 0
    assert read_profile(shared).summary["classes"] == ["class 1"]
    assert "added classes class 1" in capsys.readouterr().out
    assert main(["profile", "delete", str(anna)]) == 0 and not anna.exists()


def test_show_has_the_names_as_they_are_now(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session = Session(VARIED, config("none", allowed=0))
    session.step(Samples(0, samples(1, 100)))
    for event in (AddClass(100, 9, "rowing", 0), Teach(100, 9), ChangeClass(100, 9, 9, "ergometer")):
        session.step(event)
    path = tmp_path / "anna.odlp"
    path.write_text(WearerProfile.of(VARIED, session.log).text())
    assert main(["profile", "show", str(path)]) == 0
    assert "labels by class ergometer: 1; added classes ergometer; 1 change of" in capsys.readouterr().out


def test_labels_are_shown_by_what_they_count_as(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session = Session(VARIED, config("none", allowed=0))
    session.step(Split(0, 0, 2))
    for cls, name, task in ((9, "rowing", 0), (10, "rower", 0), (11, "slouch", 2)):
        at = session.position
        session.step(Samples(at, samples(1, 900)[at : at + 100]))
        session.step(AddClass(at + 100, cls, name, task))
        session.step(Teach(at + 100, cls))
    for change in (ChangeClass(300, 10, 9, "rower"), ChangeClass(300, 0, None, "sit")):
        assert session.step(change) == []
    path = tmp_path / "anna.odlp"
    path.write_text(WearerProfile.of(VARIED, session.log).text())
    assert main(["profile", "show", str(path)]) == 0
    said = "labels by class rowing: 2, of removed classes: 1; added classes rowing; 2 changes of"
    assert said in capsys.readouterr().out


def test_names_of_a_bundled_image_are_shown_and_stay_when_redacted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = Image.from_bytes(model_bytes("shoulder"))
    none = (0,) * len(image.channels)
    session = Session(image, Config("none", mult=none, shift=none, offset=none))
    session.step(Samples(0, np.zeros((image.window, len(none)), np.int16)))
    for event in (Teach(128, 0), ChangeClass(128, 1, None, "abduction"), ChangeClass(128, 2, 2, "Anna")):
        session.step(event)
    path, shared = tmp_path / "anna.odlp", tmp_path / "shared.odlp"
    path.write_text(WearerProfile.of(image, session.log).text())
    assert main(["profile", "show", str(path)]) == 0
    assert "labels by class pendulum: 1;" in capsys.readouterr().out
    assert main(["profile", "redact", str(path), "--out", str(shared)]) == 0
    assert read_profile(shared).names == {1: "abduction", 2: "class 1"}


def test_what_is_refused(anna: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = anna.read_bytes()
    assert main(["profile", "redact", str(anna), "--out", str(anna)]) == 2
    assert "the file exists" in capsys.readouterr().err and anna.read_bytes() == before
    assert main(["profile", "show", str(anna.with_name("nobody.odlp"))]) == 2
    assert main(["profile", "show", str(anna), "--json", str(anna)]) == 2
    assert main(["profile", "merge", str(anna), "--out", str(anna) + "2", "--json", str(anna)]) == 2
    assert "overwrite" in capsys.readouterr().err and anna.read_bytes() == before
    anna.write_text("{}")
    assert main(["profile", "show", str(anna)]) == 2
    assert "not a profile" in capsys.readouterr().err


def test_a_profile_that_a_session_keeps_is_not_replaced(
    anna: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other, link = anna.with_name("other.odlp"), anna.with_name("link.odlp")
    other.write_bytes(before := anna.read_bytes())
    with ProfileFile.opened(anna):
        for verb in ("merge", "redact"):
            assert main(["profile", verb, str(other), "--out", str(anna), "--force"]) == 2
            assert f"{anna}: another writer has this file open" in capsys.readouterr().err
    assert anna.read_bytes() == before
    link.symlink_to(anna)
    assert main(["profile", "delete", str(link)]) == 0
    assert list(anna.parent.iterdir()) == [other], "what the link led to is deleted too, and no lock is left"


def test_a_profile_goes_to_a_board_and_back_and_is_deleted_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("unicorn", reason="the emulated board needs unicorn")
    pytest.importorskip("ziglang", reason="the emulated board's firmware needs a compiler")
    monkeypatch.setattr("odl.live.connected.GREETING", 60.0)  # a busy machine emulates slowly
    image = Image.from_bytes(model_bytes("shoulder"))
    none = (0,) * len(image.channels)
    session = Session(image, Config("none", mult=none, shift=none, offset=none))
    session.step(Samples(0, np.zeros((image.window, len(none)), np.int16)))
    for event in (AddClass(128, 5, "rowing", 0), Teach(128, 5), ChangeClass(128, 0, 1, "pendulum")):
        session.step(event)
    mine, back, empty = tmp_path / "mine.odlp", tmp_path / "back.odlp", tmp_path / "empty.odlp"
    empty.write_text(WearerProfile.of(image, session.log[:0]).text())
    mine.write_text(WearerProfile.of(image, session.log).text())
    with EmulatedBoard("--model", "shoulder") as board:

        def profile(*words: object) -> dict[str, object]:
            assert main(["profile", *map(str, words), "--port", board.url, "--json", "-"]) == 0
            found: dict[str, object] = json.loads(capsys.readouterr().out)
            return found

        assert profile("push", mine)["pushed"] is True
        pulled = profile("pull", back)
        assert (pulled["labels"], pulled["classes"], pulled["changes"]) == ({"5": 1}, ["rowing"], 1)
        assert back.read_bytes() == mine.read_bytes()
        assert main(["profile", "push", str(empty), "--port", board.url]) == 2
        assert "fetch them first with 'odl profile pull'" in capsys.readouterr().err
        assert profile("delete", back)["board"] == board.url and not back.exists()
        assert profile("pull", back)["labels"] == {} and back.read_bytes() == empty.read_bytes()
        days = np.repeat(session.log[1:2], image.max_log + 9)
        days["cls"], days["base"], days["mixed"] = 1, 0, 0
        mine.write_text(WearerProfile.of(image, days).text())
        assert profile("push", mine)["pushed"] is True and profile("push", mine)["pushed"] is False
        assert profile("pull", tmp_path / "full.odlp")["labels"] == {"1": image.max_log}


def test_a_file_that_is_not_there_leaves_no_lock_behind(anna: Path) -> None:
    assert main(["profile", "delete", str(anna)]) == 0
    assert main(["profile", "delete", str(anna)]) == 2
    assert list(anna.parent.iterdir()) == []


def test_replay_and_compare_start_from_a_profile_of_their_image(
    tmp_path: Path, anna: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = odl.replay("shoulder", subjects=[8], budget=8, out=tmp_path)
    mine = tmp_path / "mine.odlp"
    mine.write_text(WearerProfile.of(ran.image, resume(tmp_path / "shoulder-8.odl").session.log).text())
    before = mine.read_bytes()

    def accuracy(*words: str) -> float:
        assert main(["replay", *words, "--policy", "none", "--json", "-"]) == 0
        found: float = json.loads(capsys.readouterr().out)["mean"]["accuracy"]
        return found

    who = ("shoulder", "--subjects", "8")
    known = accuracy(*who, "--profile", str(mine))
    assert known > accuracy(*who) + 0.1
    assert accuracy(str(tmp_path / "shoulder-8.odl"), "--profile", str(mine)) == known
    compare = ["compare", "shoulder", "--subjects", "8", "--policies", "none", "--workers", "1",
               "--out", str(tmp_path / "store"), "--json", "-"]  # fmt: skip
    figures = []
    for words in (["--profile", str(mine)], []):
        assert main([*compare, *words]) == 0
        figures.append(json.loads(capsys.readouterr().out)["rows"][0]["accuracy"])
    assert figures[0] == pytest.approx(known) and figures[1] < known - 0.1
    assert mine.read_bytes() == before, "it is not written to"
    for words in (["replay", *who], compare):
        assert main([*words, "--profile", str(anna)]) == 2
        said = capsys.readouterr().err
        assert (
            f"{anna} belongs to the model image {VARIED.checksum:08x}, not to {ran.image.checksum:08x}"
            in said
        )
    for words in (["replay", *who, "--learner", "knn"], [*compare, "--learners", "knn"]):
        assert main([*words, "--profile", str(mine)]) == 2
        assert "a profile is for the model's own heads, not for learner" in capsys.readouterr().err
