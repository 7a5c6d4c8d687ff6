"""HAPT in UCI's layout, made up; on the real files only where ODL_HAPT names them."""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import odl
from odl.cli.main import main
from odl.data import DataError, labelled_windows, load_card, open_dataset
from odl.data.archive import matrix
from tests.helpers.datasets import make_hapt

ROOT = Path(__file__).resolve().parents[2]
SHOULDER = ROOT / "datasets" / "shoulder" / "shoulder.odlm"


def test_values_come_back_on_the_sensors_grid(tmp_path: Path) -> None:
    counts = make_hapt(tmp_path)
    hapt = open_dataset("hapt", tmp_path)
    assert hapt.subjects == ("1", "3") and hapt.people("train") == ("1", "3")
    assert hapt.someone == "1"  # nobody of the test people is here
    for person, experiments in ((1, (1, 2)), (3, (3, 4))):
        parts = hapt.session(person)
        assert [p.block.tobytes() for p in parts] == [counts[e].tobytes() for e in experiments]
        assert all(not p.block.flags.writeable and p.note == "" and p.lost_before == 0 for p in parts)
        # 1-based and inclusive in the file; half-open from 0 here.
        assert parts[0].truths == ((100, 750, "walk"), (850, 1500, "stand"))


def test_a_zip_in_a_folder_of_its_own_reads_the_same(tmp_path: Path) -> None:
    make_hapt(tmp_path / "there")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as file:
        for path in sorted((tmp_path / "there").rglob("*.txt")):
            file.write(path, f"HAPT Data Set/{path.relative_to(tmp_path / 'there')}")
    one = open_dataset("hapt", tmp_path / "there").session(3)
    other = open_dataset("hapt", tmp_path / "all.zip").session(3)
    assert [p.block.tobytes() for p in one] == [p.block.tobytes() for p in other]
    assert [p.truths for p in one] == [p.truths for p in other]


def test_official_windows_are_cut_within_labelled_stretches(tmp_path: Path) -> None:
    make_hapt(tmp_path)
    hapt = open_dataset("hapt", tmp_path)
    x, y = labelled_windows(hapt.session(1), 128, 64, hapt.classes)
    each = (650 - 128) // 64 + 1
    assert np.bincount(y, minlength=12).tolist() == [2 * each, 0, 0, 0, 2 * each, 0, 0, 0, 0, 0, 0, 0]
    assert x.shape == (4 * each, 128, 6)
    assert np.array_equal(x[1], hapt.session(1)[0].block[164:292])


def test_it_replays_with_every_model_of_the_same_channels(tmp_path: Path) -> None:
    make_hapt(tmp_path)
    hapt = odl.replay("hapt", data=tmp_path, subjects=[3], model=SHOULDER, policy="none")
    windows = 2 * ((1500 - 128) // 64 + 1)
    assert hapt.evaluations[0].windows == windows
    assert "walk" in hapt.evaluations[0].classes


def test_the_command_replays_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_hapt(tmp_path / "data")
    words = ["replay", "hapt", "--data", str(tmp_path / "data"), "--model", "shoulder", "--subjects", "1"]
    assert main([*words, "--budget", "3"]) == 0
    assert "questions" in capsys.readouterr().out
    assert main(["replay", "hapt", "--model", "shoulder"]) == 2
    assert "data set 341" in capsys.readouterr().err
    assert main(["replay", "hapt", "--data", str(tmp_path / "data"), "--model", "shoulder"]) == 2
    assert "nobody of its split 'test'" in capsys.readouterr().err


def _damage(folder: Path, file: str, row: int, text: str) -> None:
    path = folder / "RawData" / file
    lines = path.read_text().splitlines()
    lines[row - 1] = text
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("file", "row", "text", "said"),
    [
        ("acc_exp01_user01.txt", 7, "0.1 zero 0.3", r"acc_exp01_user01.txt row 7: 'zero' is not a number"),
        ("acc_exp01_user01.txt", 7, "0.1 nan 0.3", r"acc_exp01_user01.txt row 7: 'nan' is not a number"),
        ("gyro_exp02_user01.txt", 9, "0.1 0.2", r"gyro_exp02_user01.txt row 9: 2 numbers where 3 should be"),
        (
            "labels.txt",
            2,
            "1 1 5 900 1501",
            r"labels.txt row 2: samples 900 to 1501 lie outside experiment 1",
        ),
        ("labels.txt", 2, "1 1 5 900 800", r"labels.txt row 2: samples 900 to 800 are no stretch"),
        ("labels.txt", 1, "1 1 13 1 100", r"labels.txt row 1: there is no activity 13"),
        ("labels.txt", 1, "9 1 1 1 100", r"acc_exp09_user01.txt is missing, but labels.txt has it"),
    ],
)
def test_bad_rows_are_named(tmp_path: Path, file: str, row: int, text: str, said: str) -> None:
    make_hapt(tmp_path)
    _damage(tmp_path, file, row, text)
    with pytest.raises(DataError, match=said):
        open_dataset("hapt", tmp_path).session(1)


def test_missing_files_are_named_with_where_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere: there is no such folder or zip"):
        open_dataset("hapt", tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"RawData/labels.txt and activity_labels.txt and .*data set 341"):
        open_dataset("hapt", tmp_path)
    make_hapt(tmp_path / "a")
    (tmp_path / "a" / "RawData" / "gyro_exp02_user01.txt").unlink()
    with pytest.raises(DataError, match=r"RawData/gyro_exp02_user01.txt is missing; get .*data set 341"):
        open_dataset("hapt", tmp_path / "a")
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(DataError, match=r"text.zip: this is neither a folder nor a zip"):
        open_dataset("hapt", tmp_path / "text.zip")


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    make_hapt(tmp_path)
    path = tmp_path / "RawData" / "gyro_exp01_user01.txt"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(DataError, match=r"acc_exp01_user01.txt has 1500 rows, but gyro_.* has 1499"):
        open_dataset("hapt", tmp_path).session(1)
    path.write_text("")
    with pytest.raises(DataError, match=r"gyro_exp01_user01.txt: the file is empty"):
        open_dataset("hapt", tmp_path).session(1)


def test_two_cards_that_disagree_are_refused(tmp_path: Path) -> None:
    make_hapt(tmp_path)
    text = (ROOT / "datasets" / "hapt" / "card.json").read_text()
    (tmp_path / "card.json").write_text(text)
    assert open_dataset("hapt", tmp_path).subjects == ("1", "3")
    (tmp_path / "card.json").write_text(text.replace('"rate_hz": 50', '"rate_hz": 25'))
    with pytest.raises(DataError, match=r"card.json and .*card.json disagree on rate_hz: 50.0 and 25.0"):
        open_dataset("hapt", tmp_path)


def test_fetching_is_done_by_pooch_where_asked_and_else_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def retrieve(url: str, known_hash: None, fname: str, path: Path, processor: None) -> str:
        if path.name == "offline":
            raise OSError("no route to host")
        (path / fname).write_text(url)
        return str(path / fname)

    monkeypatch.setitem(sys.modules, "pooch", SimpleNamespace(retrieve=retrieve))
    assert main(["fetch", "hapt", str(tmp_path)]) == 0
    assert f"{tmp_path / 'hapt.zip'}; name it with --data" in capsys.readouterr().out
    assert main(["fetch", "hapt", str(tmp_path / "offline")]) == 2
    assert "could not be fetched (no route to host); the files come from UCI" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "pooch", None)
    assert main(["fetch", "hapt", str(tmp_path)]) == 2
    assert "needs pooch; install it with" in capsys.readouterr().err


def test_the_card_says_whose_it_is() -> None:
    about = load_card("hapt")
    assert "no commercial use" in about.licence and "Neurocomputing" in about.citation
    assert len(about.splits["train"]) == 21 and len(about.splits["test"]) == 9
    assert about.tree is not None and set(about.tree) == {"static", "dynamic", "transition"}
    assert (about.window_s, about.hop_s) == (2.56, 1.28)


@pytest.mark.hapt
def test_the_official_counts_of_the_training_people() -> None:
    hapt = open_dataset("hapt", os.environ["ODL_HAPT"])
    total = np.zeros(12, int)
    for person in hapt.people("train"):
        y = labelled_windows(hapt.session(person), 128, 64, hapt.classes)[1]
        total += np.bincount(y, minlength=12)
    # As in UCI's own Train/y_train.txt: 7767 windows.
    assert total.tolist() == [1226, 1073, 987, 1293, 1423, 1413, 47, 23, 75, 60, 90, 57]


def test_rows_of_wrong_length_are_told_though_the_numbers_add_up() -> None:
    with pytest.raises(DataError, match="a.txt row 1: 3 numbers where 2 should be"):
        matrix("1 2 3\n4\n", 2, "a.txt")
