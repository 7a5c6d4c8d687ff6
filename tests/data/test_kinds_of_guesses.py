"""``odl init`` and ``odl check``: what is only guessed, of numbers in names and of columns of codes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from odl.cli.main import main
from odl.data import open_dataset
from tests.data.test_kinds_of_names import TEXT, crossed
from tests.helpers.own_files import TIME, found_in, motion, put, table, xyz


@pytest.mark.parametrize(
    ("shape", "pattern"),
    [
        ("{p}-{l}.csv", "{recording}-{label}.csv"),
        ("{p}_{l}.csv", "{recording}_{label}.csv"),
        ("{p} {l}.csv", "{recording} {label}.csv"),
        ("{p}/{l}.csv", "{recording}/{label}.csv"),
        ("0{p}-{l}-1.csv", "{recording}-{label}-{recording}.csv"),
    ],
)
def test_a_number_before_the_label_is_a_person_as_a_guess(tmp_path: Path, shape: str, pattern: str) -> None:
    for name in crossed(shape, "1 2 3", "walk sit"):
        put(tmp_path / name, TEXT)
    found = found_in(tmp_path)
    assert found["classes"] == ["sit", "walk"] and [int(p) for p in found["subjects"]] == [1, 2, 3]
    assert (found["confidence"]["subjects"], found["confidence"]["classes"]) == ("guess", "likely")
    assert any(f"`pattern={pattern}` takes them for trials" in said for said in found["warnings"])


@pytest.mark.parametrize(
    "names",
    [
        crossed("{l}-{p}.csv", "1 2", "walk sit"),
        crossed("{l} ({p}).csv", "1 2", "walk sit"),
        ["1-walk.csv", "2-walk.csv", "3-sit.csv", "4-sit.csv"],  # each number once
        ["2024-03-01_walk.csv", "2024-03-02_walk.csv", "2024-03-01_sit.csv", "2024-03-02_sit.csv"],
    ],
)
def test_numbers_of_trials_are_no_people(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        put(tmp_path / name, TEXT)
    assert (found_in(tmp_path)["classes"], found_in(tmp_path)["subjects"]) == (["sit", "walk"], [])


@pytest.mark.parametrize("word", ["Versuchsperson ", "sujeto_", "Teilnehmer", "участник ", "被験者"])
def test_words_for_people_of_other_languages_are_known(tmp_path: Path, word: str) -> None:
    for name in crossed(word + "{p}_{l}.csv", "1 2 3", "walk sit"):
        put(tmp_path / name, TEXT)
    found = found_in(tmp_path)
    assert (len(found["subjects"]), found["confidence"]["subjects"]) == (3, "likely")


ONE = motion(False)


def coded(name: str, codes: list[int]) -> str:
    """A table with a column of codes, each for the same number of rows."""
    column = [str(codes[i * len(codes) // len(ONE["ms"])]) for i in range(len(ONE["ms"]))]
    return table(f"{TIME},{name}", [ONE["ms"], *xyz(ONE), column])


@pytest.mark.parametrize("name", ["code", "zustand_nr", "act_id", "c7"])
def test_a_column_of_codes_under_an_unknown_name_is_a_guess_at_the_labels(tmp_path: Path, name: str) -> None:
    for person in ("anna", "ben"):
        put(tmp_path / f"p_{person}.csv", coded(name, [0, 1, 2, 0, 2, 1]))
    found = found_in(tmp_path)
    assert (found["classes"], found["confidence"]["classes"]) == (["0", "1", "2"], "guess")
    assert any(f"column '{name}' is taken for labels, which is a guess" in said for said in found["warnings"])


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("c7", [98, 97, 96, 95]),
        ("c7", [1, 2, 3, 4]),
        ("accuracy", [3, 2, 3, 2]),
        ("heart_rate", [70, 72, 70, 71]),
    ],
)
def test_counters_and_states_of_the_device_are_no_labels(tmp_path: Path, name: str, codes: list[int]) -> None:
    put(tmp_path / "a.csv", coded(name, codes))
    assert found_in(tmp_path)["classes"] == []


@pytest.mark.parametrize(
    ("names", "people"),
    [
        (["walk1.csv", "walk2.csv", "sit1.csv", "sit2.csv"], 2),
        (["walk-1.csv", "walk-2.csv", "sit-1.csv", "sit-2.csv"], 2),
        (["walk (1).csv", "walk (2).csv", "sit (1).csv", "sit (2).csv"], 2),
        (["2024-03-01_walk.csv", "2024-03-02_walk.csv", "2024-03-01_sit.csv", "2024-03-02_sit.csv"], 2),
        (["walk/rec1.csv", "walk/rec2.csv", "sit/rec1.csv", "sit/rec2.csv"], 2),
        (["walk 1/Raw Data.csv", "walk 2/Raw Data.csv", "sit 1/Raw Data.csv", "sit 2/Raw Data.csv"], 2),
    ],
)
def test_the_pattern_that_is_proposed_for_one_person_fits_the_files(
    tmp_path: Path, names: list[str], people: int, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in names:
        put(tmp_path / name, TEXT)
    assert main(["init", str(tmp_path)]) == 0
    assert main(["check", str(tmp_path)]) == 0
    pattern = re.search(r"recordings can stand for people: --pattern '([^']+)'", capsys.readouterr().out)
    assert pattern is not None
    assert main(["init", str(tmp_path), "--force", "--pattern", pattern[1]]) == 0
    dataset = open_dataset(tmp_path)
    assert (len(dataset.subjects), dataset.classes) == (people, ("sit", "walk"))
    assert {len(dataset.session(person)) for person in dataset.subjects} == {2}  # each class, once


@pytest.mark.parametrize(
    ("name", "dataset"),
    [
        ("Protocol/subject101.dat", "pamap2"),
        ("MHEALTHDATASET/mHealth_subject3.log", "mhealth"),
        ("dataset/S1-ADL1.dat", "opportunity"),
    ],
)
def test_files_called_like_a_known_dataset_s_are_told_with_what_reads_them(
    tmp_path: Path, name: str, dataset: str, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / name, TEXT)
    main(["init", str(tmp_path)])
    assert f"'odl check {dataset} --data {tmp_path}' reads them without a card" in capsys.readouterr().err


def test_other_files_are_called_like_no_known_dataset_s(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "anna_walk.csv", TEXT)
    assert main(["init", str(tmp_path)]) == 0
    assert "called like those of" not in capsys.readouterr().err
