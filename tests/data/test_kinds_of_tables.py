"""``odl init`` on tables as people have them: right, or refused, never wrong as sure."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pytest

from odl.data import DataError
from tests.helpers.own_files import (
    TIME,
    Made,
    N,
    comma,
    found_in,
    in_two,
    motion,
    put,
    scaled,
    table,
    xyz,
)

DIALECTS: dict[str, tuple[str, Made]] = {
    "semicolons, decimal commas, Latin-1": (
        "{}.csv",
        lambda c: table(
            "Zeit (s);Beschleunigung x (m/s²);acc_y (m/s²);acc_z (m/s²)",
            [comma(c["t"]), *map(comma, xyz(c))],
            ";",
        ).encode("latin-1"),
    ),
    "tabs and decimal commas": (
        "{}.txt",
        lambda c: table("t\tax\tay\taz", [comma(c["t"]), *map(comma, xyz(c))], "\t"),
    ),
    "decimal commas in quotes": (
        "{}.csv",
        lambda c: table(
            '"t","ax","ay","az"', [[f'"{v}"' for v in comma(column)] for column in (c["t"], *xyz(c))]
        ),
    ),
    "several blanks": ("{}.dat", lambda c: table(" t  ax   ay az", [c["t"], *xyz(c)], "   ")),
    "bars": ("{}.log", lambda c: table("t|ax|ay|az", [c["t"], *xyz(c)], "|")),
    "UTF-16, little end first": ("{}.csv", lambda c: table(TIME, [c["ms"], *xyz(c)]).encode("utf-16")),
    "UTF-16, big end first": (
        "{}.csv",
        lambda c: b"\xfe\xff" + table(TIME, [c["ms"], *xyz(c)], end="\r\n").encode("utf-16-be"),
    ),
    "a separator at each end": (
        "{}.csv",
        lambda c: table(TIME, [c["ms"], *xyz(c)], end=",\n").replace("az,", "az"),
    ),
    "remarks above": (
        "{}.csv",
        lambda c: "# my logger\n// rate 50, range 4 g\n" + table(TIME, [c["ms"], *xyz(c)]),
    ),
    "names in a remark": ("{}.txt", lambda c: table("# t ax ay az", [c["t"], *xyz(c)], " ")),
    "sep=": ("{}.csv", lambda c: "sep=;\n" + table("t;ax;ay;az", [c["t"], *xyz(c)], ";")),
    "a row of units": (
        "{}.tsv",
        lambda c: "t\tax\tay\taz\ns\tm/(s^2)\tm/(s^2)\tm/(s^2)\n" + table("", [c["t"], *xyz(c)], "\t"),
    ),
    "groups above the names": (
        "{}.csv",
        lambda c: (
            "Time,Accelerometer,,,Gyroscope,,\n"
            + table("s,X,Y,Z,X,Y,Z", [c["t"], *xyz(c), c["p"], c["q"], c["r"]])
        ),
    ),
    "bytes of zero": ("{}.csv", lambda c: table(TIME, [c["ms"], *xyz(c)]).encode() + bytes(300)),
    "an empty line after each row": ("{}.csv", lambda c: table(TIME, [c["ms"], *xyz(c)], end="\n\n")),
    "a remark in the middle": (
        "{}.csv",
        lambda c: table(TIME, [c["ms"], *xyz(c)]).replace("\n200,", "\n# low\n200,"),
    ),
    "packed, ending in capitals": (
        "{}.1.CSV.gz",
        lambda c: gzip.compress(table(TIME, [c["ms"], *xyz(c)]).encode()),
    ),
}


@pytest.mark.parametrize("kind", DIALECTS)
def test_every_row_of_any_dialect_is_read(tmp_path: Path, kind: str) -> None:
    found = found_in(in_two(tmp_path, *DIALECTS[kind]))
    assert found["rate_hz"] == 50 and found["classes"] == ["sit", "walk"] and found["recordings"] == 2
    assert found["rows"] == {"read": 2 * N, "dropped": 0, "bridged": 0, "resampled": 0}
    assert {c["unit"] for c in found["channels"] if c["name"][0] == "a"} == {"m/s2"}


UNITS: dict[str, tuple[Made, dict[str, str], str]] = {
    "g and deg/s in names": (
        lambda c: table(
            "time_ms,Accel_X_g,Accel_Y_g,Accel_Z_g,Gyro_X_deg_per_s,Gyro_Y_deg_per_s,Gyro_Z_deg_per_s",
            [c["ms"], *[[f"{float(v) / 9.81:.4f}" for v in a] for a in xyz(c)], c["p"], c["q"], c["r"]],
        ),
        {"a": "g", "w": "deg/s"},
        "sure",
    ),
    "the degree sign": (
        lambda c: table(
            "time_ms,acc_x (m/s²),acc_y (m/s²),acc_z (m/s²),gyro_x (°/s),gyro_y (°/s),gyro_z (°/s)",
            [c["ms"], *xyz(c), c["p"], c["q"], c["r"]],
        ),
        {"a": "m/s2", "w": "deg/s"},
        "sure",
    ),
    "a unit that the numbers are not in": (
        lambda c: table("time_ms,A_X [mg],A_Y [mg],A_Z [mg]", [c["ms"], *xyz(c)]),
        {"a": "mg"},
        "likely",
    ),
    "mg by size": (lambda c: table(TIME, [c["ms"], *scaled(c, 1000)]), {"a": "mg"}, "likely"),
    "m/s2 by size": (lambda c: table(TIME, [c["ms"], *xyz(c)]), {"a": "m/s2"}, "likely"),
    "raw counts": (
        lambda c: table(
            "time_ms,AcX,AcY,AcZ,GyX,GyY,GyZ",
            [c["ms"], *scaled(c, 16384), *[[round(float(v) * 131) for v in c[n]] for n in "pqr"]],
        ),
        {"a": "g", "w": "deg/s"},
        "guess",
    ),
    "without gravity, near 1": (
        lambda c: table(
            TIME, [c["ms"], *[[f"{np.cos(i / 5 + k):.3f}" for i in range(N)] for k in (0, 1.6, 3)]]
        ),
        {"a": "g"},
        "guess",
    ),
    "without gravity by name": (
        lambda c: table("time_ms,linAccX,linAccY,linAccZ", [c["ms"], c["x"], c["x"], c["x"]]),
        {"a": "g"},
        "guess",
    ),
    "a gyroscope of x, y, z by its unit": (
        lambda c: table('"Time (s)","X (rad/s)","Y (rad/s)","Z (rad/s)"', [c["t"], *xyz(c)]),
        {"w": "rad/s"},
        "sure",
    ),
}


@pytest.mark.parametrize("kind", UNITS)
def test_units_are_sure_only_where_the_file_says_them(tmp_path: Path, kind: str) -> None:
    make, units, word = UNITS[kind]
    found = found_in(in_two(tmp_path, "{}.csv", make))
    assert {c["name"][0]: c["unit"] for c in found["channels"]} == units
    assert len(found["channels"]) == 3 * len(units) and found["confidence"]["units"] == word


def test_a_gyroscope_by_the_files_name_is_no_acceleration(tmp_path: Path) -> None:
    found = found_in(in_two(tmp_path, "Gyroscope_{}.csv", lambda c: table("time,x,y,z", [c["t"], *xyz(c)])))
    assert [c["name"] for c in found["channels"]] == ["wx", "wy", "wz"]
    assert found["classes"] == ["sit", "walk"] and found["confidence"]["units"] == "guess"


def test_columns_that_are_left_out_are_named(tmp_path: Path) -> None:
    in_two(
        tmp_path,
        "{}.csv",
        lambda c: table(
            "name,time_ms,x,y,z,light,gravity.x,gravity.y,gravity.z",
            [["bangle-7"] * N, c["ms"], *xyz(c), c["t"], *xyz(c)],
        ),
    )
    found = found_in(tmp_path)
    told = " ".join(entry["what"] for entry in found["found"])
    assert all(name in told for name in ("name", "light", "gravity.x")) and found["subjects"] == []
    assert [c["column"] for c in found["channels"]] == ["x", "y", "z"]


def test_files_without_names_are_told_apart_by_their_numbers_or_by_a_person(tmp_path: Path) -> None:
    rows = []
    for user in (1, 2, 3):
        for label in ("Walking", "Jogging"):
            c = motion(False, rate=20)
            rows += [
                f"{user},{label},{10**13 * user + 10**6 * int(c['ms'][i])},{','.join(v[i] for v in xyz(c))};"
                for i in range(N)
            ]
    put(tmp_path / "all.txt", "\n".join(rows) + "\n")
    found = found_in(tmp_path)
    assert (found["rate_hz"], found["subjects"]) == (20, ["1", "2", "3"])
    assert found["classes"] == ["jogging", "walking"] and "sure" not in (
        found["confidence"]["rate_hz"],
        found["confidence"]["classes"],
        found["confidence"]["subjects"],
    )
    told = found_in(tmp_path, columns=("who", "label", "time_ns", "ax", "ay", "az"))
    assert [c["column"] for c in told["channels"]] == ["ax", "ay", "az"] and told["rate_hz"] == 20


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda c: table(TIME, [[c["ms"][i ^ 1] for i in range(N)], *xyz(c)]),
            r"sit.csv row 3: time goes back",
        ),
        (
            lambda c: table(
                TIME,
                [
                    [c["ms"][i // 2] for i in range(N)],
                    *[
                        [a[i] if i % 2 else b[i] for i in range(N)]
                        for a, b in zip(xyz(c), xyz(c)[::-1], strict=True)
                    ],
                ],
            ),
            r"as rows of 2 devices do",
        ),
        (
            lambda c: table(TIME, [c["ms"], *xyz(c)]).replace("\n200,", "\n200,1,2,"),
            r"sit.csv row 12: 6 values",
        ),
        (lambda c: "t,ax\n", r"sit.csv: the file is empty below its names"),
        (lambda c: b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, r"sit.csv: this is not text"),
        (lambda c: table("", [c["t"], c["p"], c["q"]]), r"may be axes of sensors; name them all in order"),
    ],
)
def test_what_cannot_be_told_is_refused_with_file_and_row(tmp_path: Path, make: Made, said: str) -> None:
    with pytest.raises(DataError, match=said):
        found_in(in_two(tmp_path, "{}.csv", make))


def test_a_zip_is_a_folder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as packed:
        for label in ("sit", "walk"):
            c = motion(label == "sit")
            packed.writestr(f"mine/{label}.1.csv", table(TIME, [c["ms"], *xyz(c)]))
        packed.writestr("__MACOSX/mine/._sit.1.csv", b"\0\5")
    found = found_in(tmp_path / "mine.zip")
    assert found["classes"] == ["sit", "walk"] and found["rows"]["read"] == 2 * N


def test_files_in_different_units_are_a_guess_and_named(tmp_path: Path) -> None:
    put(tmp_path / "walk.csv", table(TIME, [motion(False)["ms"], *xyz(motion(False))]))
    put(tmp_path / "sit.csv", table(TIME, [motion(True)["ms"], *xyz(motion(True, gravity=1.0))]))
    found = found_in(tmp_path)
    assert found["confidence"]["units"] == "guess"
    assert any("sit.csv in g, walk.csv in m/s2" in w for w in found["warnings"])


def test_raw_counts_in_columns_called_g_are_not_sure(tmp_path: Path) -> None:
    in_two(tmp_path, "{}.csv", lambda c: table("time_ms,ax_g,ay_g,az_g", [c["ms"], *scaled(c, 16384)]))
    found = found_in(tmp_path)
    assert found["confidence"]["units"] == "likely"
    assert any("which is no gravity in g" in w for w in found["warnings"])


SERIAL = {
    "plotter": "ax:{x},ay:{y},az:{z}",
    "equal": "aX = {x} aY = {y} aZ = {z}",
    "tabs": "acc_x: {x}\tacc_y: {y}\tacc_z: {z}",
    "timed": "10:00:{s:06.3f} -> acc_x:{x},acc_y:{y},acc_z:{z}",
    "timed numbers": "10:00:{s:06.3f} -> {x},{y},{z}",
}


@pytest.mark.parametrize("kind", SERIAL)
def test_saved_output_of_a_serial_monitor_is_a_table(tmp_path: Path, kind: str) -> None:
    made = motion(False)
    numbers = zip(*xyz(made), strict=True)
    lines = [SERIAL[kind].format(s=i / 50, x=x, y=y, z=z) for i, (x, y, z) in enumerate(numbers)]
    put(tmp_path / "walk.txt", "\n".join(["Starting", *lines, ""]))
    found = found_in(tmp_path)
    assert [c["name"] for c in found["channels"]] == ["ax", "ay", "az"]
    assert found["rows"]["read"] == len(lines)
    assert found["confidence"]["rate_hz"] == ("sure" if "timed" in kind else "guess")


def test_windows_that_are_cut_already_are_refused_by_what_they_are(tmp_path: Path) -> None:
    rows = ["  ".join(f"{1 + (i + 1) * (j + 3) % 7 / 100:.7e}" for j in range(128)) for i in range(60)]
    put(tmp_path / "train" / "Inertial Signals" / "total_acc_x_train.txt", "\n".join(rows))
    put(tmp_path / "activity_labels.txt", "1 WALKING\n2 SITTING\n")
    with pytest.raises(DataError, match="128 numbers without names, as windows that are cut already"):
        found_in(tmp_path)
