"""``odl init``: people, classes and trials from names; files that are one recording; labels beside tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from odl.cli.main import main
from odl.data import DataError, open_dataset
from odl.data.inference.file_names import read_names
from odl.data.inference.proposal import write_card
from odl.data.inference.propose import propose
from tests.helpers.own_files import TIME, N, found_in, in_two, motion, put, table, xyz

ONE = motion(False)
TEXT = table(TIME, [ONE["ms"], *xyz(ONE)])


def crossed(shape: str, people: str, labels: str) -> list[str]:
    return [shape.format(p=p, l=label) for p in people.split() for label in labels.split()]


@pytest.mark.parametrize(
    ("names", "classes", "subjects"),
    [
        (["punch.csv", "flex.csv"], "flex punch", ""),
        (["walk1.csv", "walk2.csv", "sit1.csv"], "sit walk", ""),
        (["walk 1.csv", "walk 2.csv", "sit 1.csv"], "sit walk", ""),
        (["walk_30s_1.csv", "walk_30s_2.csv", "sit_30s_1.csv"], "sit walk", ""),
        (["walk_100Hz_1.csv", "sit_100Hz_1.csv"], "sit walk", ""),
        (["walk_2024-05-04_10-00-00.csv", "sit_2024-05-04_10-05-00.csv"], "sit walk", ""),
        (["2024-05-04_10-00-00_walk.csv", "2024-05-04_10-05-00_sit.csv"], "sit walk", ""),
        (["WALK_1.csv", "Walk_2.csv", "sit_1.csv"], "sit walk", ""),
        (["walk/rec.csv", "sit/rec.csv"], "sit walk", ""),
        (["walk-2024-05-04/a.csv", "sit-2024-05-04/a.csv"], "sit walk", ""),
        (crossed("{p}_{l}.csv", "tom ann eva", "Walking Jumping"), "jumping walking", "ann eva tom"),
        (crossed("P{p}_{l}.csv", "01 02", "walk sit"), "sit walk", "01 02"),
        (crossed("{l}_s{p}_trial1.csv", "03 10", "walk sit"), "sit walk", "03 10"),
        (crossed("{p}_{l}_1.csv", "anna ben", "walk sit"), "sit walk", "anna ben"),
        (crossed("{l}_{p}_1.csv", "anna ben", "walking sitting"), "sitting walking", "anna ben"),
        (crossed("{p}/{l}/2024-05-04.csv", "anna ben", "walk sit"), "sit walk", "anna ben"),
        (crossed("subject{p}/{l}.csv", "1 2", "walk sit"), "sit walk", "subject1 subject2"),
        (crossed("Subject {p} - {l}.csv", "1 2", "Walking Sitting"), "sitting walking", "1 2"),
    ],
)
def test_classes_people_and_trials_are_in_names(
    tmp_path: Path, names: list[str], classes: str, subjects: str
) -> None:
    for name in names:
        put(tmp_path / name, TEXT)
    found = found_in(tmp_path)
    assert (found["classes"], found["subjects"]) == (classes.split(), subjects.split())
    assert found["recordings"] == len(names)
    assert "sure" not in (found["confidence"]["classes"], found["confidence"]["subjects"])


def test_a_zip_for_each_recording_names_a_class_without_its_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in crossed("{p}_{l}.zip", "anna ben", "walk sit"):
        with ZipFile(tmp_path / name, "w") as file:
            file.writestr("acc.csv", TEXT)
    monkeypatch.chdir(tmp_path)
    assert main(["init", "."]) == 0
    dataset = open_dataset(".")  # the folder itself, which has no name of its own
    assert dataset.card.classes == ("sit", "walk")
    assert [part.truths[0][2] for part in dataset.session("2")] == ["sit", "walk"]


def test_two_readings_are_shown_and_one_is_chosen_by_its_pattern(tmp_path: Path) -> None:
    for name in crossed("{p}_{l}.csv", "foo qux", "bar baz"):
        put(tmp_path / name, TEXT)
    found = found_in(tmp_path)
    assert found["confidence"]["classes"] == "guess"
    assert any("2 classes, 2 people" in w and "{label}_{subject}.csv" in w for w in found["warnings"])
    chosen = found_in(tmp_path, pattern="{label}_{subject}.csv")
    assert (chosen["classes"], chosen["subjects"]) == (["foo", "qux"], ["bar", "baz"])
    with pytest.raises(
        DataError, match=r"the pattern '{label}-\*' has no {label} or {subject}, or does not fit"
    ):
        found_in(tmp_path, pattern="{label}-*")


@pytest.mark.parametrize("folders", [("training", "testing"), ("train", "test")])
def test_training_and_testing_are_a_split_and_no_people(tmp_path: Path, folders: tuple[str, str]) -> None:
    for folder in folders:
        for label in ("walk", "sit"):
            put(tmp_path / folder / f"{label}.abc123.csv", TEXT)
    found = found_in(tmp_path)
    assert (found["subjects"], found["splits"]) == ([], {"train": [1], "test": [2]})
    assert found["classes"] == ["sit", "walk"] and found["confidence"]["subjects"] == "guess"


def test_words_that_may_be_anything_are_no_people() -> None:
    assert read_names(["morning.csv", "evening.csv"], needed=["{subject"]) == []
    assert read_names(["rec1.csv", "rec2.csv"]) == []


def labelled(texts: list[str]) -> str:
    """A table in which each text stands for as many rows."""
    column = [texts[i * len(texts) // N] for i in range(N)]
    return table(TIME + ",label", [ONE["ms"], *xyz(ONE), column])


@pytest.mark.parametrize(
    ("texts", "classes"),
    [
        (["Walk", "walk", "WALK ", "sit"], ["walk", "sit"]),
        (["gehe\u0301n", "geh\u00e9n", "sit"], ["geh\u00e9n", "sit"]),
        (["nan", "-", "N/A", "unlabeled", "0", "walk", "sit"], ["sit", "walk"]),
        (["sitting_down", "stand  up"], ["sitting down", "stand up"]),
        ([f"walking up the stairs with a bag {x}" for x in "AB"],
         ["walking up the stairs w ...bag a", "walking up the stairs w ...bag b"]),
    ],
)  # fmt: skip
def test_class_names_are_folded_together_and_short(
    tmp_path: Path, texts: list[str], classes: list[str]
) -> None:
    put(tmp_path / "all.csv", labelled(texts))
    found = found_in(tmp_path)
    assert sorted(found["classes"]) == sorted(classes) and found["confidence"]["classes"] == "sure"
    assert all(len(name.encode()) <= 32 for name in found["classes"])


def test_a_column_called_like_a_label_that_changes_all_the_time_is_none(tmp_path: Path) -> None:
    put(tmp_path / "all.csv", table(TIME + ",label", [ONE["ms"], *xyz(ONE), ["ab"[i % 2] for i in range(N)]]))
    found = found_in(tmp_path)
    assert found["classes"] == []
    assert any("'label' has 2 values and changes every 1 rows" in w for w in found["warnings"])
    assert found_in(tmp_path, label="label")["classes"] == ["a", "b"]


def test_y_beside_x_and_z_is_an_axis_and_alone_a_label(tmp_path: Path) -> None:
    put(tmp_path / "1" / "walk.csv", table("time,x,y,z", [ONE["t"], *xyz(ONE)]))
    put(tmp_path / "1" / "sit.csv", table("time,x,y,z", [ONE["t"], *xyz(ONE)]))
    assert [c["column"] for c in found_in(tmp_path / "1")["channels"]] == ["x", "y", "z"]
    y = ["walk" if i < N // 2 else "sit" for i in range(N)]
    put(tmp_path / "2" / "all.csv", table("time,ax,ay,az,y", [ONE["t"], *xyz(ONE), y]))
    assert found_in(tmp_path / "2")["classes"] == ["sit", "walk"]


def by_turns(head: str, keys: list[str], shift: int, *more: list[str]) -> str:
    """Rows of two devices or people by turns, the second one's clock later."""
    rows = [(keys[k], str(int(ONE["ms"][i]) + shift * k), *(a[i] for a in xyz(ONE)), *(m[i] for m in more))
            for i in range(N) for k in (0, 1)]  # fmt: skip
    return table(head, list(zip(*rows, strict=True)))


def test_devices_and_people_by_turns_are_split(tmp_path: Path) -> None:
    label = ["walk" if i < N // 2 else "sit" for i in range(N)]
    put(tmp_path / "d" / "all.csv", by_turns("device,time_ms,ax,ay,az,label", ["L", "R"], 7, label))
    devices = found_in(tmp_path / "d")
    assert (devices["rate_hz"], devices["recordings"], devices["subjects"]) == (50, 2, [])
    assert any("column 'device' has 2 devices" in w for w in devices["warnings"])
    put(tmp_path / "p" / "all.csv", by_turns("user,time_ms,ax,ay,az,label", ["ann", "tom"], 0, label))
    people = found_in(tmp_path / "p")
    assert (people["rate_hz"], people["recordings"], people["subjects"]) == (50, 2, ["ann", "tom"])
    assert people["rows"]["read"] == 2 * N and people["gaps"]["number"] == 0


JOINED: dict[str, list[tuple[str, Any]]] = {
    "one word of the name": [
        ("{}_acc_1.csv", lambda c: table("time_ms,ax,ay,az", [c["ms"], *xyz(c)])),
        ("{}_gyro_1.csv", lambda c: table("time_ms,gx,gy,gz", [c["ms"], c["p"], c["q"], c["r"]])),
    ],
    "folders, other rates and starts": [
        ("{}/Accelerometer.csv", lambda c: table("seconds_elapsed,z,y,x", [c["t"], *xyz(c)[::-1]])),
        ("{}/Gyroscope.csv", lambda c: table("seconds_elapsed,z,y,x", [
            [f"{0.3 + i / 100:.3f}" for i in range(N)], c["r"], c["q"], c["p"]])),
    ],
    "folders for the sensors": [
        ("Accelerometer/{}.csv", lambda c: table("time_ms,x,y,z", [c["ms"], *xyz(c)])),
        ("Gyroscope/{}.csv", lambda c: table("time_ms,x,y,z", [c["ms"], c["p"], c["q"], c["r"]])),
    ],
    "a row per event": [
        ("{}.csv", lambda c: "time_ms,acc_x,acc_y,acc_z,gyr_x,gyr_y,gyr_z\n" + "".join(
            f"{ms},{x},{y},{z},,,\n{int(ms) + 7},,,,{p},{q},{r}\n" for ms, x, y, z, p, q, r in zip(
                c["ms"], *xyz(c), c["p"], c["q"], c["r"], strict=True))),
    ],
    "a column for the sensor": [
        ("{}.csv", lambda c: "sensor,time_ms,x,y,z\n" + "".join(
            f"acc,{ms},{x},{y},{z}\ngyro,{int(ms) + 3},{p},{q},{r}\n" for ms, x, y, z, p, q, r in zip(
                c["ms"], *xyz(c), c["p"], c["q"], c["r"], strict=True))),
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", JOINED)
def test_sensors_of_one_recording_are_joined_on_time(tmp_path: Path, kind: str) -> None:
    for name, make in JOINED[kind]:
        in_two(tmp_path, name, make)
    found = found_in(tmp_path)
    assert [c["name"] for c in found["channels"]] == ["ax", "ay", "az", "wx", "wy", "wz"]
    assert [c["unit"] for c in found["channels"]][::3] == ["m/s2", "deg/s"]
    assert (found["rate_hz"], found["recordings"], found["classes"]) == (50, 2, ["sit", "walk"])
    write_card(tmp_path, propose(tmp_path))
    first = open_dataset(tmp_path).session(1)[0]
    scale = [c.scale for c in open_dataset(tmp_path).card.channels]
    middle = first.block[len(first.block) // 2] * scale
    assert middle[2] == pytest.approx(9.8, abs=0.5) and middle[5] == pytest.approx(5, abs=0.2)
    apart = kind == "folders, other rates and starts"
    assert (found["rows"]["dropped"] > 0) == apart
    assert any("before or after Gyroscope left out" in w for w in found["warnings"]) == apart


def test_a_sensor_without_its_partner_is_refused(tmp_path: Path) -> None:
    for name, make in JOINED["one word of the name"]:
        in_two(tmp_path, name, make)
    (tmp_path / "walk_gyro_1.csv").unlink()
    assert "walk_acc_1.csv: there is no 'gyro' beside it" in found_in(tmp_path)["error"]


SPANS = {
    "start,end,label": ("rec.labels.csv", "start,end,label\n0,4,walk\n4,8,sit\n"),
    "label_start, label_end": ("labels.csv", "label,label_start,label_end\nwalk,0,4\nsit,4,8\n"),
    "Audacity": ("rec.labels.txt", "0.0\t4.0\twalk\n4.0\t8.0\tsit\n"),
    "ELAN": ("rec.eaf.txt", "Tier\tBegin Time - ss.msec\tEnd Time - ss.msec\tAnnotation\n"
             "act\t0.0\t4.0\twalk\nact\t4.0\t8.0\tsit\n"),
    "ms": ("labels.csv", "label,start_ms,end_ms\nwalk,0,4000\nsit,4000,8000\n"),
}  # fmt: skip


@pytest.mark.parametrize("kind", SPANS)
@pytest.mark.parametrize("column", ["t", "ms"])
def test_labels_beside_a_table(tmp_path: Path, kind: str, column: str) -> None:
    put(
        tmp_path / "rec.csv",
        table(f"{'time' if column == 't' else 'time_ms'},ax,ay,az", [ONE[column], *xyz(ONE)]),
    )
    put(tmp_path / SPANS[kind][0], SPANS[kind][1])
    assert found_in(tmp_path)["classes"] == ["sit", "walk"]
    write_card(tmp_path, propose(tmp_path))
    assert open_dataset(tmp_path).session(1)[0].truths == ((0, 200, "walk"), (200, 400, "sit"))


def test_labels_that_overlap_are_refused_with_both_rows(tmp_path: Path) -> None:
    put(tmp_path / "rec.csv", TEXT)
    put(tmp_path / "rec.labels.csv", "start,end,label\n0,5,walk\n4,7,sit\n")
    found = found_in(tmp_path)
    assert "rec.labels.csv row 3: starts at 4, before row 2 ends at 5" in found["error"]


def test_one_label_file_for_all_tables_names_them(tmp_path: Path) -> None:
    put(tmp_path / "a.csv", TEXT)
    put(tmp_path / "b.csv", TEXT)
    put(tmp_path / "labels.csv", "file,start,end,label\na.csv,0,4,walk\nb.csv,0,6,sit\n")
    found = found_in(tmp_path)
    assert found["table"]["label_file"] == "labels.csv" and found["classes"] == ["sit", "walk"]


def test_labels_outside_the_table_are_refused_and_rows_are_told_from_seconds(tmp_path: Path) -> None:
    put(tmp_path / "rec.csv", TEXT)
    put(tmp_path / "rec.labels.csv", "start,end,label\n0,5,walk\n5,50,sit\n")
    assert (
        "rec.labels.csv row 3: 5 to 50 lies outside rec.csv, which goes from 0 to"
        in found_in(tmp_path)["error"]
    )
    put(tmp_path / "rec.labels.csv", "start,end,label\n0,200,walk\n200,400,sit\n")
    write_card(tmp_path, propose(tmp_path))
    assert open_dataset(tmp_path).session(1)[0].truths == ((0, 200, "walk"), (200, 400, "sit"))


def test_a_file_that_is_no_table_is_left_out_and_named(tmp_path: Path) -> None:
    in_two(tmp_path, "{}.1.csv", lambda c: TEXT)
    put(tmp_path / "README.txt", "My data, in May.\nMore text\n")
    put(tmp_path / "devices.csv", "version,device\n3,phone\n")
    found = found_in(tmp_path)
    assert found["recordings"] == 2
    assert all(
        any(w.startswith(f"{n} is left out") for w in found["warnings"])
        for n in ("README.txt", "devices.csv")
    )


def test_a_guessed_rate_is_not_trained_on_until_it_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for person in ("P01", "P02"):
        in_two(tmp_path, person + "_{}.csv", lambda c: table("ax,ay,az", xyz(c)))
    assert main(["init", str(tmp_path)]) == 0
    assert main(["check", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "rate_hz 50 is a guess of 'odl init'; write the card anew with --rate-hz, or" in said
    assert f"next: odl init {tmp_path} --rate-hz HZ --force" in said
    assert main(["init", str(tmp_path), "--rate-hz", "119", "--force"]) == 0
    assert main(["check", str(tmp_path)]) == 0
    assert f"next: odl train {tmp_path}" in capsys.readouterr().out
    assert open_dataset(tmp_path).card.rate_hz == 119 and open_dataset(tmp_path).card.unconfirmed == ()


def test_of_one_person_recordings_can_stand_for_people(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("walk1", "walk2", "sit1", "sit2"):
        put(tmp_path / f"{name}.csv", TEXT)
    assert main(["init", str(tmp_path)]) == 0 and main(["check", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "training needs two people; of one person, recordings can stand for people" in shown
    assert f"next, once that is mended: odl init {tmp_path} --force" in shown
    pattern = "{label:word}{subject:number}.csv"
    assert main(["init", str(tmp_path), "--pattern", pattern, "--force"]) == 0
    assert main(["check", str(tmp_path)]) == 0
    assert f"next: odl train {tmp_path}" in capsys.readouterr().out
    assert open_dataset(tmp_path).subjects == ("1", "2")


def test_one_file_has_a_card_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path / "all.csv", labelled(["walk", "sit"]))
    put(tmp_path / "other.csv", "a,b\n1,2\n")
    assert main(["init", str(tmp_path / "all.csv"), "--json", "-"]) == 0
    assert '"rate_hz": 50.0' in capsys.readouterr().out
    assert (tmp_path / "all.csv.card.json").is_file()
    assert open_dataset(tmp_path / "all.csv").session(1)[0].truths == ((0, 200, "walk"), (200, 400, "sit"))


def test_in_a_terminal_what_was_guessed_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in crossed("{p}_{l}.csv", "foo qux", "bar baz"):
        put(tmp_path / name, table("ax,ay,az", xyz(ONE)))
    asked, answers = [], iter(["119", "2"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda text: (asked.append(text), next(answers))[1])
    assert main(["init", str(tmp_path)]) == 0
    assert asked == ["Rows per second [50]: ", "Which one [1]: "]
    card = open_dataset(tmp_path).card
    assert (card.rate_hz, card.unconfirmed, card.classes) == (119, (), ("foo", "qux"))


def test_files_beside_joined_sensors_and_labels_that_are_not_needed_are_named(tmp_path: Path) -> None:
    for name, make in JOINED["one word of the name"]:
        in_two(tmp_path / "joined", name, make)
    put(tmp_path / "joined" / "more.csv", TEXT)
    joined = found_in(tmp_path / "joined")
    assert joined["recordings"] == 2
    assert any(
        "more.csv is left out: its name has none of the words acc, gyro" in w for w in joined["warnings"]
    )
    put(tmp_path / "own" / "all.csv", labelled(["walk", "sit"]))
    put(tmp_path / "own" / "spans.csv", "start,end,label\n0,4,run\n")
    own = found_in(tmp_path / "own")
    assert (own["classes"], own["recordings"]) == (["sit", "walk"], 1)
    assert any("spans.csv left out: the tables have labels of their own" in w for w in own["warnings"])


def by_hand(folder: Path, label: str, person: str, texts: list[str], people: list[str]) -> Path:
    """A table of all people, with the names of two columns and their texts."""
    lines = [f"t,ax,ay,az,{label},{person}"]
    for who in people:
        for text in texts:
            lines += [f"{(len(lines) + i) / 50:.2f},0.{i % 7},0.1,1.0,{text},{who}" for i in range(200)]
    put(folder / "all.csv", "\n".join(lines))
    return folder


@pytest.mark.parametrize(
    ("label", "person", "word", "people"),
    [
        ("Tätigkeit", "Versuchsperson", "sure", 3),
        ("activité", "sujet", "sure", 3),
        ("ejercicio", "Persona", "sure", 3),
        ("Bewegungsart", "Proband", "guess", 3),
        ("активность", "испытуемый", "guess", 0),
    ],
)
def test_labels_of_any_language_are_found_and_a_guess_is_called_one(
    tmp_path: Path, label: str, person: str, word: str, people: int
) -> None:
    found = found_in(by_hand(tmp_path, label, person, ["eins", "zwei"], ["a", "b", "c"]))
    assert found["table"]["label"] == label and found["confidence"]["classes"] == word
    assert len(found["subjects"]) == people
    told = " ".join(found["warnings"])
    assert (f"column '{label}' is taken for labels, which is a guess" in told) is (word == "guess")
    assert (f"subject={person}` takes them for people" in told) is (people == 0)


def test_known_activities_are_preferred_and_a_text_that_never_changes_is_no_label(tmp_path: Path) -> None:
    found = found_in(by_hand(tmp_path / "a", "was", "wo", ["walk", "sit"], ["hall", "field", "street"]))
    assert found["table"]["label"] == "was"
    found = found_in(by_hand(tmp_path / "b", "firm", "mode", ["acme"], ["x1"]))
    assert found["classes"] == [] and "label" not in found["table"]
