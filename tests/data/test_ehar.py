"""UCA-EHAR in its published layout, made up: the real files were never at hand."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from odl.data import DataError, load_card, open_dataset

HEAD = "T;Ax;Ay;Az;Gx;Gy;Gz;P;CLASS"


def make(
    folder: Path, name: str, activity: str = "WALKING", n: int = 300, step: int = 40, gravity: float = 9.81
) -> None:
    """One file of ``n`` rows; Ax is the time in seconds."""
    rng = np.random.default_rng(n)
    rows = [HEAD]
    for i in range(n):
        w = rng.normal(0, 0.5, 3)
        values = [i * step / 1000, 0, gravity, *w, 101325]
        rows.append(";".join([str(1000 + i * step), *(f"{v:.5f}" for v in values), activity]))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.csv").write_text("\n".join(rows) + "\n")


@pytest.fixture
def glasses(tmp_path: Path) -> Path:
    for person in (1, 5):
        make(tmp_path, f"WALKING_T{person}")
        make(tmp_path, f"SIT_TO_STAND_T{person}_2", "SIT_TO_STAND", 60)
    return tmp_path


def test_files_become_parts_with_their_class(glasses: Path) -> None:
    dataset = open_dataset("uca-ehar", glasses)
    assert dataset.subjects == ("1", "5") and dataset.people("test") == ("5",)
    short, long = dataset.session(5)
    assert short.truths == ((0, 60, "sit to stand"),) and long.truths == ((0, 300, "walking"),)
    assert np.array_equal(long.block[:, 0], np.rint(np.arange(300) * 0.04 * 512))


def test_an_uneven_clock_is_resampled_and_told(glasses: Path) -> None:
    make(glasses, "RUNNING_T5", "RUNNING", 260, step=39)
    part = next(p for p in open_dataset("uca-ehar", glasses).session(5) if p.truths[0][2] == "running")
    assert part.note == "RUNNING_T5.csv: uneven time stamps of 25.64 Hz resampled to 25 Hz"
    assert np.abs(part.block[:, 0] / 512 - np.arange(len(part.block)) / 25).max() < 1 / 256


def test_holes_are_gaps_and_a_clock_begun_anew_is_a_seam(glasses: Path) -> None:
    path = glasses / "WALKING_T5.csv"
    rows = path.read_text().splitlines()
    path.write_text("\n".join(rows[:101] + rows[151:] + rows[1:51]) + "\n")
    parts = [p for p in open_dataset("uca-ehar", glasses).session(5) if p.truths[0][2] == "walking"]
    assert [(len(p.block), p.lost_before) for p in parts] == [(100, 0), (150, 50), (50, 0)]


def test_a_zip_reads_the_same(glasses: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    archive = tmp_path_factory.mktemp("zip") / "all.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(glasses.glob("*.csv")):
            file.write(path, f"UCA-EHAR-1.0.0/{path.name}")
    one, other = (open_dataset("uca-ehar", where).session(1) for where in (glasses, archive))
    assert [p.block.tobytes() for p in one] == [p.block.tobytes() for p in other]


def test_bad_files_are_refused(glasses: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    def said() -> str:
        with pytest.raises(DataError) as caught:
            open_dataset("uca-ehar", glasses).session(5)
        return str(caught.value)

    make(glasses, "WALKING_T5", n=25, gravity=1.0)
    assert "WALKING_T5.csv: acceleration seems to be in g (|a| is mostly near" in said()
    make(glasses, "WALKING_T5", "SKIPPING")
    assert "WALKING_T5.csv row 2: there is no class 'SKIPPING'" in said()
    (glasses / "WALKING_T5.csv").write_text(HEAD.replace("Gy", "Gq") + "\n1;2;3;4;5;6;7;8;WALKING\n")
    assert "WALKING_T5.csv: there is no column 'Gy'" in said()
    make(glasses, "WALKING_T11")
    assert "the card knows no person 11" in said()
    with pytest.raises(DataError, match=r"ACTIVITY_Tn.csv cannot be found; get UCA-EHAR from Zenodo"):
        open_dataset("uca-ehar", tmp_path_factory.mktemp("empty"))
    with pytest.raises(DataError, match=r"not bundled; get UCA-EHAR from Zenodo \(record 5659336\)"):
        open_dataset("uca-ehar")


def test_the_card_says_that_it_was_never_run_on_the_real_files() -> None:
    about = load_card("uca-ehar")
    assert any("never run on the real files" in note for note in about.notes)
    assert about.licence == "CC BY 4.0" and len(about.subjects) == 20 and "11" not in about.subjects
