"""Datasets by name, in small made-up files of their published structure; never the real ones."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import savemat

from odl.cli.init import next_command
from odl.data import DataError, list_datasets, load_card, open_dataset
from odl.data.bundled import Part
from odl.data.coverage import check_figures
from odl.data.loaders.published import PublishedLayout

N = 120
DESCRIBED = [name for name in list_datasets() if "published" in load_card(name).about]


def values(name: str, n: int = N, seed: int = 0) -> NDArray[np.float64]:
    """Rows of a dataset's channels in its units: near gravity, turning a little, on the card's own grid."""
    card = load_card(name)
    gravity = {"g": 1.0, "mg": 1000.0, "m/s2": 9.81}[card.channels[0].unit]
    rng = np.random.default_rng(seed)
    rows = rng.normal(0, 0.05 * gravity, (n, len(card.channels)))
    rows[:, 2] += gravity
    scales = np.array([c.scale for c in card.channels])
    return np.asarray(np.rint(rows / scales) * scales)


def matrix(path: Path, columns: int, cells: dict[int, object], separator: str, n: int = N) -> None:
    """A file without names; ``cells`` are columns counted from 1, the others hold NaN."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {at: np.broadcast_to(np.asarray(cell, object), n) for at, cell in cells.items()}
    rows = ([str(whole[c][i]) if c in whole else "NaN" for c in range(1, columns + 1)] for i in range(n))
    path.write_text("".join(separator.join(row) + "\n" for row in rows))


def axes(first: int, columns: NDArray[np.float64]) -> dict[int, object]:
    return {first + i: column for i, column in enumerate(columns.T)}


def table(path: Path, names: str, columns: list[object], n: int = N) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = [np.broadcast_to(np.asarray(c, object), n) for c in columns]
    path.write_text(
        names + "\n" + "".join(",".join(map(str, row)) + "\n" for row in zip(*whole, strict=True))
    )


def wisdm(folder: Path) -> None:
    v = values("wisdm")
    rows = [
        f"{7 if i < 60 else 8},{'Jogging' if i < 30 else 'Walking'},{49_105_962_326_000 + i * 50_000_000},"
        + ",".join(map(str, v[i]))
        for i in range(N)
    ]
    rows[40] = rows[40] + ","  # as in the real file: a comma too many, two rows in one line, a cut row
    rows[90] = "8,Walking,51,"
    text = ";\n".join(rows) + ";\n\n"
    (folder / "WISDM_ar_v1.1").mkdir()
    (folder / "WISDM_ar_v1.1" / "WISDM_ar_v1.1_raw.txt").write_text(
        text.replace(";\n8,Walking", ";8,Walking", 1)
    )


def pamap2(folder: Path) -> None:
    v = values("pamap2")
    label = np.repeat([0, 4, 12], N // 3)
    cells = {1: 8.38 + np.arange(N) / 100, 2: label, **axes(5, v[:, :3]), **axes(11, v[:, 3:])}
    matrix(folder / "PAMAP2_Dataset" / "Protocol" / "subject101.dat", 54, cells, " ")
    matrix(folder / "PAMAP2_Dataset" / "Optional" / "subject105.dat", 54, cells, " ")


def motionsense(folder: Path) -> None:
    v = values("motionsense")
    names = ",attitude.roll,attitude.pitch,attitude.yaw,gravity.x,gravity.y,gravity.z,rotationRate.x,"
    names += "rotationRate.y,rotationRate.z,userAcceleration.x,userAcceleration.y,userAcceleration.z"
    user = np.full((N, 3), 0.125)
    columns = [np.arange(N), 0, 0, 0, *(v[:, :3] - user).T, *v[:, 3:].T, *user.T]
    table(folder / "A_DeviceMotion_data" / "wlk_7" / "sub_3.csv", names, columns)
    table(folder / "A_DeviceMotion_data" / "std_6" / "sub_3.csv", names, columns)


def mhealth(folder: Path) -> None:
    v = values("mhealth")
    cells = {**axes(15, v[:, :3]), **axes(18, v[:, 3:]), 24: np.repeat([0, 4], N // 2)}
    matrix(folder / "MHEALTHDATASET" / "mHealth_subject10.log", 24, cells, "\t")


def opportunity(folder: Path) -> None:
    cells = {
        1: np.arange(N) * 1000 // 30,
        **axes(38, values("opportunity")),
        244: np.repeat([0, 2, 5], N // 3),
    }
    matrix(folder / "OpportunityUCIDataset" / "dataset" / "S2-ADL1.dat", 250, cells, " ")


def hhar(folder: Path) -> None:
    names = "Index,Arrival_Time,Creation_Time,x,y,z,User,Model,Device,gt"
    v, t = values("hhar"), 1_424_696_631_913_248_572 + np.arange(N) * 20_000_000
    for part, own in (("accelerometer", v[:, :3]), ("gyroscope", v[:, 3:])):
        user, device = np.repeat(["a", "b"], N // 2), np.repeat(["nexus4_1", "nexus4_2"], N // 2)
        columns = [
            np.arange(N),
            t // 10**6,
            t,
            *own.T,
            user,
            "nexus4",
            device,
            np.repeat(["null", "bike"], N // 2),
        ]
        table(folder / "Activity recognition exp" / f"Phones_{part}.csv", names, columns)


def realworld(folder: Path) -> None:
    v, t = values("realworld"), 1_435_993_920_000 + np.arange(N) * 20
    names = "id,attr_time,attr_x,attr_y,attr_z"
    for sensor, file, own in (("acc", "acc", v[:, :3]), ("gyr", "Gyroscope", v[:, 3:])):
        for place in ("waist", "chest"):
            home = folder / "proband3" / "data" / f"{sensor}_walking_csv"
            table(home / f"{file}_walking_{place}.csv", names, [np.arange(N), t, *own.T])


def daliac(folder: Path) -> None:
    v = values("daliac")
    matrix(folder / "dataset_19.txt", 25, {**axes(1, v[:, :3]), **axes(4, v[:, 3:]), 25: 7}, ",")


MAKERS: dict[str, Callable[[Path], None]] = {
    "wisdm": wisdm, "pamap2": pamap2, "motionsense": motionsense, "mhealth": mhealth,
    "opportunity": opportunity, "hhar": hhar, "realworld": realworld, "daliac": daliac,
}  # fmt: skip
# how many people are there, one of them, and that one's truths by part
EXPECTED = {
    "wisdm": (2, "7", [((0, 30, "jogging"), (30, 60, "walking"))]),
    "pamap2": (2, "101", [((40, 80, "walking"), (80, 120, "ascending stairs"))]),
    "motionsense": (1, "3", [((0, 120, "standing"),), ((0, 120, "walking"),)]),
    "mhealth": (1, "10", [((60, 120, "walking"),)]),
    "opportunity": (1, "2", [((40, 80, "walk"), (80, 120, "lie"))]),
    "hhar": (2, "b", [((0, 60, "biking"),)]),
    "realworld": (1, "3", [((0, 120, "walking"),)]),
    "daliac": (1, "19", [((0, 120, "walking"),)]),
}


def session(name: str, folder: Path) -> tuple[Part, ...]:
    return open_dataset(name, folder).session(EXPECTED[name][1])


def test_every_described_dataset_has_a_layout_test() -> None:
    assert sorted(MAKERS) == sorted(EXPECTED) == sorted(DESCRIBED)


@pytest.mark.parametrize("name", MAKERS)
def test_the_published_layout_is_read(name: str, tmp_path: Path) -> None:
    MAKERS[name](tmp_path)
    count, subject, truths = EXPECTED[name]
    dataset = open_dataset(name, tmp_path)
    assert len(dataset.subjects) == count and subject in dataset.subjects
    parts = dataset.session(subject)
    assert [part.truths for part in parts] == truths
    scales = np.array([c.scale for c in dataset.card.channels])
    wanted = {"hhar": values(name)[60:], "wisdm": values(name)[:60]}.get(name, values(name))
    for part in parts:
        assert np.array_equal(part.block, np.rint(wanted / scales))


def nested(folder: Path, inner: str) -> bytes:
    """A zip as published: everything below ``folder`` in one zip more."""
    return packed(
        {inner: packed({p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")})}
    )


def packed(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "inner"), [("pamap2", "PAMAP2_Dataset.zip"), ("hhar", "Activity recognition exp.zip")]
)
def test_a_zip_in_the_published_zip_reads_the_same(name: str, inner: str, tmp_path: Path) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    MAKERS[name](folder)
    (tmp_path / "all.zip").write_bytes(nested(folder, inner))
    for one, other in zip(session(name, folder), session(name, tmp_path / "all.zip"), strict=True):
        assert np.array_equal(one.block, other.block) and one.truths == other.truths


def test_realworld_reads_from_a_zip_for_each_activity_and_trial(tmp_path: Path) -> None:
    realworld(tmp_path / "made")
    home = tmp_path / "made" / "proband3" / "data"
    outer = {}
    for sensor, file in (("acc", "acc"), ("gyr", "Gyroscope")):
        text = (home / f"{sensor}_walking_csv" / f"{file}_walking_waist.csv").read_bytes()
        outer[f"proband3/data/{sensor}_walking_csv.zip"] = packed({f"{file}_walking_waist.csv": text})
        trials = {
            f"{sensor}_climbingup_{k}_csv.zip": packed({f"{file}_climbingup_{k}_waist.csv": text})
            for k in (1, 2)
        }
        outer[f"proband3/data/{sensor}_climbingup_csv.zip"] = packed(trials)
    (tmp_path / "realworld2016_dataset.zip").write_bytes(packed(outer))
    parts = open_dataset("realworld", tmp_path / "realworld2016_dataset.zip").session(3)
    assert [part.truths[0][2] for part in parts] == ["climbing up", "climbing up", "walking"]
    assert all(np.array_equal(part.block, session("realworld", tmp_path / "made")[0].block) for part in parts)


def test_a_second_sensor_is_interpolated_and_its_holes_stay(tmp_path: Path) -> None:
    realworld(tmp_path)
    home = tmp_path / "proband3" / "data"
    t = np.arange(2 * N) * 10
    keep = (t < 800) | (t > 1200)
    ramp = t[keep] / 1000
    columns = [t[keep], 1_435_993_920_000 + t[keep] + 5, ramp + 0.005, 0 * ramp, 0 * ramp]
    path = home / "gyr_walking_csv" / "Gyroscope_walking_waist.csv"
    table(path, "id,attr_time,attr_x,attr_y,attr_z", columns, int(keep.sum()))
    first, second = session("realworld", tmp_path)
    at = np.arange(N) * 0.02
    assert second.lost_before == 21  # beside the first row, which is before the gyroscope
    assert np.abs(first.block[:, 3] / 512 - at[1:40]).max() < 1 / 256
    assert "22 rows without values left out" in first.note


def test_broken_rows_of_wisdm_are_counted(tmp_path: Path) -> None:
    wisdm(tmp_path)
    dataset = open_dataset("wisdm", tmp_path)
    assert dataset.session(7)[0].note == ""
    (part,) = dataset.session(8)
    assert "1 broken rows or rows without time stamp left out" in part.note
    assert "1 missing rows bridged linearly" in part.note and len(part.block) == 60


def test_a_label_that_was_not_published_is_refused(tmp_path: Path) -> None:
    mhealth(tmp_path)
    path = tmp_path / "MHEALTHDATASET" / "mHealth_subject10.log"
    path.write_text(path.read_text().replace("\t4\n", "\t13\n"))
    with pytest.raises(DataError, match=r"mHealth_subject10.log row 61: there is no label '13'"):
        session("mhealth", tmp_path)


def test_a_value_that_is_no_number_is_told_with_its_row(tmp_path: Path) -> None:
    daliac(tmp_path)
    path = tmp_path / "dataset_19.txt"
    lines = path.read_text().splitlines()
    lines[4] = "fast," + lines[4].partition(",")[2]
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"dataset_19.txt row 5: column '1' has 'fast', not a number"):
        session("daliac", tmp_path)


def test_other_units_than_the_published_are_refused(tmp_path: Path) -> None:
    mhealth(tmp_path)
    path = tmp_path / "MHEALTHDATASET" / "mHealth_subject10.log"
    rows = [line.split("\t") for line in path.read_text().splitlines()]
    text = "".join(
        "\t".join([*r[:14], *(f"{float(v) / 9.81}" for v in r[14:17]), *r[17:]]) + "\n" for r in rows
    )
    path.write_text(text)
    with pytest.raises(DataError, match=r"is mostly 0.99\d, but gravity alone is 9.81 in the card's m/s2"):
        session("mhealth", tmp_path)


def test_a_unit_that_was_not_published_is_found_by_gravity(tmp_path: Path) -> None:
    v = values("daliac")
    matrix(tmp_path / "dataset_19.txt", 25, {**axes(1, v[:, :3] / 9.81), **axes(4, v[:, 3:]), 25: 7}, ",")
    (part,) = session("daliac", tmp_path)
    assert np.abs(part.block[:, :3] / 128 - v[:, :3]).max() < 1e-9
    assert "dataset_19.txt: acceleration is in g: turned into m/s2" in part.note
    matrix(tmp_path / "dataset_19.txt", 25, {**axes(1, v[:, :3] * 50), **axes(4, v[:, 3:]), 25: 7}, ",")
    with pytest.raises(DataError, match=r"acceleration is mostly 48\d, but gravity alone"):
        session("daliac", tmp_path)


def test_a_person_whom_nobody_published_is_refused(tmp_path: Path) -> None:
    daliac(tmp_path)
    (tmp_path / "dataset_19.txt").rename(tmp_path / "dataset_20.txt")
    with pytest.raises(DataError, match=r"dataset_20.txt: the card knows no person 20"):
        open_dataset("daliac", tmp_path)


def test_half_of_a_recording_is_refused(tmp_path: Path) -> None:
    realworld(tmp_path)
    (tmp_path / "proband3" / "data" / "gyr_walking_csv" / "Gyroscope_walking_waist.csv").unlink()
    with pytest.raises(
        DataError, match=r"acc_walking_waist.csv: its .*Gyroscope.* is missing; get realworld2016"
    ):
        open_dataset("realworld", tmp_path)


@pytest.mark.parametrize("name", DESCRIBED)
def test_files_that_are_not_there_are_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be found; get .*name its folder or zip with `data`"):
        open_dataset(name, tmp_path)
    with pytest.raises(DataError, match=rf"dataset '{name}' is not bundled; get "):
        open_dataset(name)


@pytest.mark.parametrize("name", DESCRIBED)
def test_a_description_is_of_one_piece(name: str) -> None:
    card = load_card(name)
    layout = PublishedLayout(**card.about["published"])
    assert set(layout.labels.values()) - {""} == set(card.classes)
    assert card.about["sources"] and card.about["address"] and card.notes[0].endswith("the real files.")
    sensors = {column.partition(":")[0] for column in card.columns if ":" in column}
    assert sensors == (set(layout.files) if len(layout.files) > 1 else set())


def test_check_says_what_to_do_with_a_known_dataset(tmp_path: Path) -> None:
    pamap2(tmp_path)
    trainable = check_figures(open_dataset("pamap2", tmp_path))["trainable"]
    assert not trainable and next_command("pamap2", str(tmp_path), trainable) == "odl datasets"
    for person in (102, 103):
        home = tmp_path / "PAMAP2_Dataset" / "Protocol"
        label = np.repeat([0, 4, 12], 1000)
        v = values("pamap2", 3000)
        cells = {1: np.arange(3000) / 100, 2: label, **axes(5, v[:, :3]), **axes(11, v[:, 3:])}
        matrix(home / f"subject{person}.dat", 54, cells, " ", 3000)
    trainable = check_figures(open_dataset("pamap2", tmp_path))["trainable"]
    command = next_command("pamap2", str(tmp_path), trainable)
    assert command == f"odl train pamap2 --data {tmp_path} --out mine.odlm"


def test_unimib_windows_are_read(tmp_path: Path) -> None:
    v = values("unimib-shar", 151)
    labels = np.array([[3, 1, 1], [17, 2, 1], [4, 1, 2]])
    savemat(tmp_path / "acc_data.mat", {"acc_data": np.stack([v.T.ravel(), v.T.ravel(), -v.T.ravel()])})
    savemat(tmp_path / "acc_labels.mat", {"acc_labels": labels})
    dataset = open_dataset("unimib-shar", tmp_path)
    assert dataset.subjects == ("1", "2")
    first, second = dataset.session(1)
    assert (first.truths, second.truths) == (((0, 151, "walking"),), ((0, 151, "running"),))
    assert np.array_equal(first.block, np.rint(v * 128)) and np.array_equal(second.block, -first.block)


@pytest.mark.parametrize(
    ("shape", "labels", "error"),
    [
        ((2, 450), [[1, 1, 1]] * 2, r"acc_data.mat: \(2, 450\) values where"),
        ((2, 453), [[1, 1, 1]], r"acc_labels.mat: \(1, 3\) labels where"),
        ((2, 453), [[1, 1, 1], [18, 1, 1]], r"acc_labels.mat row 2: there is no activity 18"),
        ((2, 453), [[1, 31, 1], [1, 1, 1]], r"acc_labels.mat row 1: the card knows no person 31"),
    ],
)
def test_unimib_files_that_are_not_as_published_are_refused(
    shape: tuple[int, int], labels: list[list[int]], error: str, tmp_path: Path
) -> None:
    savemat(tmp_path / "acc_data.mat", {"acc_data": np.zeros(shape)})
    savemat(tmp_path / "acc_labels.mat", {"acc_labels": np.array(labels)})
    with pytest.raises(DataError, match=error):
        open_dataset("unimib-shar", tmp_path)
