"""``odl init``: what it sees in a folder, what it says of it, and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from odl.cli.main import main
from odl.data import DataError, open_dataset
from odl.data.coverage import shortcomings
from odl.data.inference.axes import choose_axes
from odl.data.inference.proposal import write_card
from odl.data.inference.propose import propose
from tests.data.test_tables import write


def table(n: int = 400, *, gravity: float = 1.0, step: float = 0.02, **more: Any) -> list[dict[str, Any]]:
    """Half still, half shaken; ``more`` are columns, or what they hold in every row."""
    rng = np.random.default_rng(n)
    rows = []
    for i in range(n):
        a = rng.normal(0, 0.02, 3) + [0, 0, gravity] + [np.sin(i) * gravity / 2 * (i >= n // 2), 0, 0]
        row: dict[str, Any] = {"t": round(i * step, 6), "ax": a[0], "ay": a[1], "az": a[2]}
        row |= {"label": "Sitting_Down" if i < n // 2 else "SHAKE"}
        rows.append({k: v for k, v in (row | more).items() if v is not None})
    return rows


def made(folder: Path, **options: Any) -> tuple[dict[str, Any], str]:
    """The proposed card, written; all that was said."""
    proposal = propose(folder, **options)
    write_card(folder, proposal)
    return proposal.card, "\n".join(f"{sure}: {what}" for what, sure in proposal.provenance)


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        (["ax", "ay", "az"], "ax ay az"),
        (["accX", "accY", "accZ", "gyrX", "gyrY", "gyrZ"], "ax ay az wx wy wz"),
        (["accelerometer_x", "accelerometer_y", "gyroscope.z"], "ax ay wz"),
        (["Acc-X [g]", "Gyro-X [dps]"], "ax wx"),
        (["x", "y", "z"], "ax ay az"),
        (["gx", "gy", "gz", "mx"], "wx wy wz mx"),
        (["userAcceleration.x", "rotationRate.x", "attitude.pitch"], "ax wx"),
        (["time", "class", "index", "max", "phase_z_score"], ""),
    ],
)
def test_columns_are_known_by_their_usual_names(columns: list[str], names: str) -> None:
    assert " ".join(a.name for a in choose_axes(columns).axes) == names


def test_a_second_sensor_is_left_out_and_told() -> None:
    chosen = choose_axes(["wrist_acc_x", "wrist_acc_y", "chest_acc_x"])
    assert [a.column for a in chosen.axes] == ["wrist_acc_x", "wrist_acc_y"]
    assert chosen.left == ("chest_acc_x",)


def test_everything_from_columns(tmp_path: Path) -> None:
    for name, users in (("a", (3, 1)), ("b", (7, 5))):
        write(tmp_path / f"{name}.csv", table(user_id=users[0]) + table(user_id=users[1]))
    card, said = made(tmp_path)
    assert card["rate_hz"] == 50 and card["table"]["time_unit"] == "s"
    assert card["classes"] == ["shake", "sitting down"]
    assert card["table"]["rename"] == {"SHAKE": "shake", "Sitting_Down": "sitting down"}
    assert card["splits"] == {"train": [1, 3, 5], "test": [7]} and card["table"]["subject"] == "user_id"
    assert {c["unit"] for c in card["channels"]} == {"g"}
    assert "likely: acceleration in g (|a| is mostly near 1" in said
    dataset = open_dataset(tmp_path)
    assert dataset.session(7)[0].truths == ((0, 200, "sitting down"), (200, 400, "shake"))
    assert shortcomings(dataset) == []


@pytest.mark.parametrize(
    ("gravity", "unit"), [(1.0, "g"), (9.81, "m/s2"), (1000.0, "mg")],
)  # fmt: skip
def test_units_from_magnitudes(tmp_path: Path, gravity: float, unit: str) -> None:
    write(tmp_path / "a.csv", table(gravity=gravity))
    card, _ = made(tmp_path)
    assert {c["unit"] for c in card["channels"]} == {unit}
    scale = card["channels"][0]["scale"]
    assert 32767 / 2.6 < 1.5 * gravity / scale < 32767  # all fits, and most of the 16 bits is used
    assert np.abs(open_dataset(tmp_path).session(1)[0].block).max() < 32767


def test_raw_counts_are_seen(tmp_path: Path) -> None:
    rows = [r | {c: round(r[c] * 4096) for c in ("ax", "ay", "az")} for r in table()]
    write(tmp_path / "a.csv", rows)
    card, said = made(tmp_path)
    assert card["table"]["raw"] is True and card["channels"][0]["scale"] == 1 / 4096
    assert "guess: acceleration in g" in said and "raw counts of 1/4096 g" in said
    assert np.median(open_dataset(tmp_path).session(1)[0].block[:, 2]) == pytest.approx(4096, abs=20)


@pytest.mark.parametrize(
    ("step", "rate", "unit"),
    [(0.04, 25, "s"), (20, 50, "ms"), (1000 / 104, 104, "ms"), (10_000, 100, "us"), (16_000_000, 62.5, "ns")],
)
def test_rates_from_time_stamps(tmp_path: Path, step: float, rate: float, unit: str) -> None:
    write(tmp_path / "a.csv", table(step=step))
    card, _ = made(tmp_path)
    assert (card["rate_hz"], card["table"]["time_unit"]) == (rate, unit)
    assert sum(len(p.block) for p in open_dataset(tmp_path).session(1)) == 400


def test_no_time_stamps_is_a_guess_and_said(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", table(t=None))
    card, said = made(tmp_path)
    assert card["rate_hz"] == 50 and "guess: rate: no column of time stamps" in said


def test_edge_impulse_files(tmp_path: Path) -> None:
    for label in ("idle", "wave"):
        for i in range(3):
            rows = [{"timestamp": 16 * k, "accX": 0.1, "accY": k % 3, "accZ": 9.8} for k in range(200)]
            write(tmp_path / f"{label}.{i}k2.csv", rows)
    card, _ = made(tmp_path)
    assert card["table"]["label_pattern"] == "{label}.*.csv" and card["rate_hz"] == 62.5
    assert card["classes"] == ["idle", "wave"]
    assert [p.truths[0][2] for p in open_dataset(tmp_path).session(1)] == ["idle"] * 3 + ["wave"] * 3


def test_people_and_labels_from_file_names(tmp_path: Path) -> None:
    for person in (1, 2, 10):
        for label in ("sit", "walk"):
            write(tmp_path / f"{label}_s{person:02}_1.csv", table(label=None))
    card, _ = made(tmp_path)
    assert card["table"]["subject_pattern"] == "{label}_s{subject:number}*.csv"
    assert card["classes"] == ["sit", "walk"]
    assert card["splits"] == {"train": [1, 2], "test": [10]}
    assert [p.truths[0][2] for p in open_dataset(tmp_path).session(10)] == ["sit", "walk"]


def test_a_folder_for_each_person(tmp_path: Path) -> None:
    for person in ("ben", "anna", "zoe"):
        write(tmp_path / person / "one.csv", table())
    card, _ = made(tmp_path)
    assert card["table"]["people"] == {"anna": 1, "ben": 2, "zoe": 3}
    assert card["splits"] == {"train": [1, 2], "test": [3]}
    assert len(open_dataset(tmp_path).session(3)[0].block) == 400


def test_labels_in_files_of_their_own(tmp_path: Path) -> None:
    spans = [{"start": 0, "end": 3, "label": "sit"}, {"start": 4, "end": 8, "label": "walk"}]
    for i in (1, 2):
        write(tmp_path / f"p{i}.csv", table(label=None))
        write(tmp_path / f"p{i}_labels.csv", spans)
    card, _ = made(tmp_path)
    assert card["table"]["label_file"] == "{file}_labels.csv" and card["splits"] == {"train": [1, 2]}
    assert open_dataset(tmp_path).session(2)[0].truths == ((0, 150, "sit"), (200, 400, "walk"))


def test_null_labels_are_no_class(tmp_path: Path) -> None:
    rows = table()
    for row in rows[:50]:
        row["label"] = "null"
    write(tmp_path / "a.csv", rows)
    card, said = made(tmp_path)
    assert card["classes"] == ["shake", "sitting down"] and card["table"]["rename"]["null"] == ""
    assert open_dataset(tmp_path).session(1)[0].truths[0][0] == 50
    assert "no label where it says 'null'" in said


def test_one_person_and_a_class_with_one_window_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = table()
    for row in rows[:130]:
        row["label"] = "cough"
    write(tmp_path / "a.csv", rows)
    assert main(["init", str(tmp_path)]) == 0
    shown = capsys.readouterr()
    assert "a guess  nobody kept for testing: 1 of at least 3 people" in shown.out
    assert "one person only: nobody can be held out" in shown.err
    assert "class 'cough' has one window; record more of it" in shown.err


def test_an_edited_card_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "a.csv", table())
    assert main(["init", str(tmp_path)]) == 0
    assert main(["init", str(tmp_path)]) == 0  # nothing was edited, nothing is lost
    path = tmp_path / "card.json"
    edited = path.read_text().replace("to be written: who", "I")
    path.write_text(edited)
    assert main(["init", str(tmp_path)]) == 2
    assert "perhaps an edited one; --force replaces it" in capsys.readouterr().err
    assert path.read_text() == edited
    assert main(["init", str(tmp_path), "--force", "--checksums"]) == 0
    assert list(json.loads(path.read_text())["checksums"]) == ["a.csv"]


def test_recordings_become_a_dataset(tmp_path: Path) -> None:
    assert main(["replay", "shoulder", "--subjects", "7,8", "--policy", "none", "--out", str(tmp_path)]) == 0
    card, _ = made(tmp_path)
    assert card["splits"] == {"train": [7, 8]} and card["rate_hz"] == 50
    parts = open_dataset(tmp_path).session(8)
    assert [p.truths for p in parts] == [p.truths for p in open_dataset("shoulder").session(8)]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (None, r"there are no tables; looked for \*.csv, \*.parquet and \*.odl"),
        ([{"t": 0, "a": 1, "label": "x"}], r"a.csv row 1: no column looks like a sensor's axis"),
        (table(t=5), r"a.csv: the time stamps in 't' do not move"),
        (table(ay=""), r"a.csv: columns ax, ay, az hold no numbers"),
        (table(ay="high"), r"a.csv row 2: column 'ay' has 'high', not a number"),
    ],
)
def test_what_cannot_be_proposed_is_refused(tmp_path: Path, rows: Any, said: str) -> None:
    if rows is not None:
        write(tmp_path / "a.csv", rows)
    with pytest.raises(DataError, match=said):
        propose(tmp_path)


@pytest.mark.parametrize(
    ("label", "said"),
    [
        (None, r"no labels can be found; looked for a column such as label"),
        ("sit", r"the only class is 'sit'; two classes or more"),
    ],
)
def test_what_cannot_be_trained_on_can_still_be_replayed(tmp_path: Path, label: Any, said: str) -> None:
    write(tmp_path / "a.csv", table(label=label))
    proposal = propose(tmp_path)
    assert any(re.search(said, warning) for warning in proposal.warnings)
    write_card(tmp_path, proposal)
    assert len(open_dataset(tmp_path).session(1)[0].block) == 400
    assert "fewer than two classes: nothing can be trained" in shortcomings(open_dataset(tmp_path))[0]


def test_tables_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", table())
    write(tmp_path / "b.csv", table(ay=None))
    with pytest.raises(DataError, match=r"b.csv: there is no column 'ay', but a.csv has it"):
        propose(tmp_path)
