"""``odl init`` on tables as people have them: separators, clocks, units, gaps; right, or refused, never wrong as sure."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from odl.data import DataError
from tests.helpers.own_files import N, dates, motion, put, said_of, table

Made = Callable[[dict[str, list[str]]], "str | bytes"]


def comma(column: list[str]) -> list[str]:
    return [cell.replace(".", ",") for cell in column]


def xyz(c: dict[str, list[str]]) -> list[list[str]]:
    return [c["x"], c["y"], c["z"]]


def scaled(c: dict[str, list[str]], by: float) -> list[list[int]]:
    return [[round(float(v) / 9.81 * by) for v in c[name]] for name in "xyz"]


def every(keep: Callable[[int], bool], columns: list[Any]) -> list[list[Any]]:
    return [[cell for i, cell in enumerate(column) if keep(i)] for column in columns]


def in_two(folder: Path, name: str, make: Made) -> Path:
    """``name`` for each of two classes, ``{}`` stands for the class."""
    for label in ("sit", "walk"):
        put(folder / name.format(label), make(motion(label == "sit")))
    return folder


TIME = "time_ms,ax,ay,az"
DIALECTS: dict[str, tuple[str, Made]] = {
    "semicolons, decimal commas, Latin-1": ("{}.csv", lambda c: table(
        "Zeit (s);Beschleunigung x (m/s²);acc_y (m/s²);acc_z (m/s²)",
        [comma(c["t"]), *map(comma, xyz(c))], ";").encode("latin-1")),
    "tabs and decimal commas": ("{}.txt", lambda c: table("t\tax\tay\taz", [comma(c["t"]), *map(comma, xyz(c))], "\t")),
    "decimal commas in quotes": ("{}.csv", lambda c: table(
        '"t","ax","ay","az"', [[f'"{v}"' for v in comma(column)] for column in (c["t"], *xyz(c))])),
    "several blanks": ("{}.dat", lambda c: table(" t  ax   ay az", [c["t"], *xyz(c)], "   ")),
    "bars": ("{}.log", lambda c: table("t|ax|ay|az", [c["t"], *xyz(c)], "|")),
    "UTF-16, little end first": ("{}.csv", lambda c: table(TIME, [c["ms"], *xyz(c)]).encode("utf-16")),
    "UTF-16, big end first": ("{}.csv", lambda c: b"\xfe\xff" + table(
        TIME, [c["ms"], *xyz(c)], end="\r\n").encode("utf-16-be")),
    "a separator at each end": ("{}.csv", lambda c: table(TIME, [c["ms"], *xyz(c)], end=",\n").replace("az,", "az")),
    "remarks above": ("{}.csv", lambda c: "# my logger\n// rate 50, range 4 g\n" + table(TIME, [c["ms"], *xyz(c)])),
    "names in a remark": ("{}.txt", lambda c: table("# t ax ay az", [c["t"], *xyz(c)], " ")),
    "sep=": ("{}.csv", lambda c: "sep=;\n" + table("t;ax;ay;az", [c["t"], *xyz(c)], ";")),
    "a row of units": ("{}.tsv", lambda c: "t\tax\tay\taz\ns\tm/(s^2)\tm/(s^2)\tm/(s^2)\n"
                       + table("", [c["t"], *xyz(c)], "\t")),
    "groups above the names": ("{}.csv", lambda c: "Time,Accelerometer,,,Gyroscope,,\n" + table(
        "s,X,Y,Z,X,Y,Z", [c["t"], *xyz(c), c["p"], c["q"], c["r"]])),
    "bytes of zero": ("{}.csv", lambda c: table(TIME, [c["ms"], *xyz(c)]).encode() + bytes(300)),
    "an empty line after each row": ("{}.csv", lambda c: table(TIME, [c["ms"], *xyz(c)], end="\n\n")),
    "a remark in the middle": ("{}.csv", lambda c: table(TIME, [c["ms"], *xyz(c)]).replace("\n200,", "\n# low\n200,")),
    "packed, ending in capitals": ("{}.1.CSV.gz", lambda c: gzip.compress(table(TIME, [c["ms"], *xyz(c)]).encode())),
}  # fmt: skip


@pytest.mark.parametrize("kind", DIALECTS)
def test_every_row_of_any_dialect_is_read(tmp_path: Path, kind: str) -> None:
    found = said_of(in_two(tmp_path, *DIALECTS[kind]))
    assert found["rate_hz"] == 50 and found["classes"] == ["sit", "walk"] and found["recordings"] == 2
    assert found["rows"] == {"read": 2 * N, "dropped": 0, "bridged": 0, "resampled": 0}
    assert {c["unit"] for c in found["channels"] if c["name"][0] == "a"} == {"m/s2"}


def clock(head: str, column: Callable[[dict[str, list[str]]], list[Any]]) -> Made:
    return lambda c: table(f"{head},ax,ay,az", [column(c), *xyz(c)])


CLOCKS: dict[str, tuple[Made, str, str]] = {  # the file, the word for its rate, a part of a warning
    "whole seconds": (clock("time", lambda c: [1700000000 + int(v) // 1000 for v in c["ms"]]), "likely", "share a time"),
    "whole seconds that begin in one": (
        clock("time", lambda c: [1700000000 + (int(v) + 370) // 1000 for v in c["ms"]]), "likely", "share a time"),
    "dates of whole seconds": (
        clock("time", lambda c: list(dates("2024-05-04T10:00:00", c).astype("M8[s]"))), "likely", "share a time"),
    "packets of ten": (clock("time_ms", lambda c: [c["ms"][i // 10 * 10] for i in range(N)]), "likely", "10 rows share"),
    "jitter": (clock("time_ms", lambda c: [int(v) + (i * 7) % 11 - 5 for i, v in enumerate(c["ms"])]), "sure", ""),
    "late rows": (clock("time_ms", lambda c: [int(v) + 8 * (i % 2) for i, v in enumerate(c["ms"])]), "sure", ""),
    "10:00:00:020": (clock("Timestamp", lambda c: [
        str(d).replace("T", " ").replace(".", ":") for d in dates("2024-05-04T10:00:00", c)]), "sure", ""),
    "afternoon": (clock("When", lambda c: [
        d.strftime("%m/%d/%Y %I:%M:%S.%f %p") for d in dates("2024-05-04T12:59:58", c).tolist()]), "sure", ""),
    "a zone": (clock("timestamp", lambda c: [f"{d}+02:00" for d in dates("2024-05-04T10:00:00", c)]), "sure", ""),
    "date and time in two columns": (clock("date,time", lambda c: [
        str(d).replace("T", ",") for d in dates("2024-05-04T10:00:00", c)]), "sure", ""),
    "midnight": (clock("time", lambda c: [
        str(d)[11:] for d in dates("2024-05-04T23:59:58", c)]), "sure", "wraps around at row 102"),
    "16 bits of ms": (clock("time_ms", lambda c: [(62000 + int(v)) % 65536 for v in c["ms"]]), "sure", "wraps around"),
    "32 bits of us": (clock("time_us", lambda c: [
        (2**32 - 5_000_000 + 1000 * int(v)) % 2**32 for v in c["ms"]]), "sure", "wraps around"),
    "ns since 1970": (clock("time", lambda c: [1_700_000_000_000 * 10**6 + int(v) * 10**6 for v in c["ms"]]), "sure", ""),
    "two clocks": (clock("time,seconds_elapsed", lambda c: [
        f"2024-05-04 10:00:0{int(v) // 1000},{t}" for v, t in zip(c["ms"], c["t"], strict=True)]), "sure", ""),
}  # fmt: skip


@pytest.mark.parametrize("kind", CLOCKS)
def test_a_rate_is_the_sensors_own(tmp_path: Path, kind: str) -> None:
    make, word, warning = CLOCKS[kind]
    found = said_of(in_two(tmp_path, "{}.1.csv", make))
    assert (found["rate_hz"], found["confidence"]["rate_hz"]) == (50, word)
    assert found["recordings"] == 2 and found["gaps"]["number"] == 0
    assert found["rows"] == {"read": 2 * N, "dropped": 0, "bridged": 0, "resampled": 0}
    assert any(warning in w for w in found["warnings"]) or not warning


@pytest.mark.parametrize("rate", [26, 104, 119, 238])
def test_stamps_of_whole_milliseconds_do_not_round_the_rate(tmp_path: Path, rate: int) -> None:
    for label in ("sit", "walk"):
        c = motion(label == "sit", rate)
        put(tmp_path / f"{label}.1.csv", table(TIME, [c["ms"], *xyz(c)]))
    assert said_of(tmp_path)["rate_hz"] == rate


@pytest.mark.parametrize(
    ("name", "first"), [("Timestamp", 0), ("t", 0), ("timestamp", 1000), ("index", 1), ("", 0)],
)  # fmt: skip
def test_a_counter_is_no_clock_and_its_rate_a_guess(tmp_path: Path, name: str, first: int) -> None:
    in_two(tmp_path, "{}.csv", clock(name, lambda c: list(range(first, first + N))))
    found = said_of(tmp_path)
    assert (found["rate_hz"], found["confidence"]["rate_hz"]) == (50, "guess")
    assert any("--rate-hz" in w or "`rate_hz=50`" in w for w in found["warnings"])
    told = said_of(tmp_path, rate_hz=119.0)
    assert (told["rate_hz"], told["confidence"]["rate_hz"]) == (119, "sure")


def test_a_rate_that_is_told_resamples_time_stamps(tmp_path: Path) -> None:
    found = said_of(in_two(tmp_path, "{}.csv", clock("time_ms", lambda c: c["ms"])), rate_hz=25.0)
    assert found["rate_hz"] == 25 and found["rows"]["resampled"] == N


@pytest.mark.parametrize(
    ("rows", "rate", "bridged", "gaps", "samples"),
    [
        (lambda i: i % 20 != 7, 50, 40, 0, 0),  # one lost in twenty
        (lambda i: i % 40 not in (7, 8), 50, 0, 20, 40),  # pairs
        (lambda i: not 100 <= i < 150, 50, 0, 2, 100),  # a second
    ],
)
def test_lost_rows_are_gaps_at_the_sensors_rate(
    tmp_path: Path, rows: Callable[[int], bool], rate: float, bridged: int, gaps: int, samples: int
) -> None:
    in_two(tmp_path, "{}.csv", lambda c: table(TIME, every(rows, [c["ms"], *xyz(c)])))
    found = said_of(tmp_path)
    assert found["rate_hz"] == rate and found["rows"]["bridged"] == bridged
    assert found["gaps"] == {"number": gaps, "samples": samples}


def test_rows_without_values_are_bridged_and_counted(tmp_path: Path) -> None:
    in_two(tmp_path, "{}.csv", lambda c: table(TIME, [
        c["ms"], *([["NaN", "", "n/a"][i % 3] if i % 10 == 5 else v for i, v in enumerate(a)] for a in xyz(c))]))  # fmt: skip
    found = said_of(tmp_path)
    assert found["rate_hz"] == 50
    assert found["rows"] == {"read": 2 * N, "dropped": 80, "bridged": 80, "resampled": 0}


@pytest.mark.parametrize(
    ("change", "row", "why"),
    [
        (lambda i, ms: ms % 4000, 202, "starts again"),
        (lambda i, ms: ms + 7_200_000 * (i >= 200), 202, "7200.02 s pass"),
        (lambda i, ms: ms + 3_600_000 - 3_600_000 * (i >= 200), 202, "daylight saving"),
    ],
)
def test_a_clock_that_jumps_begins_another_recording(
    tmp_path: Path, change: Callable[[int, int], int], row: int, why: str
) -> None:
    in_two(tmp_path, "{}.csv", clock("time_ms", lambda c: [change(i, int(v)) for i, v in enumerate(c["ms"])]))
    found = said_of(tmp_path)
    assert (found["rate_hz"], found["recordings"]) == (50, 4)
    assert any(why in w and f"row {row}" in w for w in found["warnings"])


def test_names_that_come_again_and_empty_lines_begin_another_recording(tmp_path: Path) -> None:
    in_two(tmp_path, "{}.csv", lambda c: table(TIME, [c["ms"], *xyz(c)]) * 2)
    again = said_of(tmp_path)
    assert again["recordings"] == 4 and again["rows"]["read"] == 4 * N
    in_two(tmp_path, "{}.csv", lambda c: "aX,aY,aZ\n" + "\n".join([table("", xyz(c))] * 3))
    captures = said_of(tmp_path)
    assert captures["recordings"] == 6 and captures["rows"]["read"] == 6 * N


def test_a_cut_last_line_is_left_out_and_said(tmp_path: Path) -> None:
    found = said_of(in_two(tmp_path, "{}.csv", lambda c: table(TIME, [c["ms"], *xyz(c)]) + "8000,0.1"))
    assert found["rows"] == {"read": 2 * N + 2, "dropped": 2, "bridged": 0, "resampled": 0}
    assert any(f"sit.csv: row {N + 2} is cut and was left out: '8000,0.1'" in w for w in found["warnings"])


UNITS: dict[str, tuple[Made, dict[str, str], str]] = {
    "g and deg/s in names": (lambda c: table(
        "time_ms,Accel_X_g,Accel_Y_g,Accel_Z_g,Gyro_X_deg_per_s,Gyro_Y_deg_per_s,Gyro_Z_deg_per_s",
        [c["ms"], *[[f"{float(v) / 9.81:.4f}" for v in a] for a in xyz(c)], c["p"], c["q"], c["r"]]),
        {"a": "g", "w": "deg/s"}, "sure"),
    "the degree sign": (lambda c: table(
        "time_ms,acc_x (m/s²),acc_y (m/s²),acc_z (m/s²),gyro_x (°/s),gyro_y (°/s),gyro_z (°/s)",
        [c["ms"], *xyz(c), c["p"], c["q"], c["r"]]), {"a": "m/s2", "w": "deg/s"}, "sure"),
    "a unit that the numbers are not in": (lambda c: table(
        "time_ms,A_X [mg],A_Y [mg],A_Z [mg]", [c["ms"], *xyz(c)]), {"a": "mg"}, "likely"),
    "mg by size": (lambda c: table(TIME, [c["ms"], *scaled(c, 1000)]), {"a": "mg"}, "likely"),
    "m/s2 by size": (lambda c: table(TIME, [c["ms"], *xyz(c)]), {"a": "m/s2"}, "likely"),
    "raw counts": (lambda c: table("time_ms,AcX,AcY,AcZ,GyX,GyY,GyZ", [
        c["ms"], *scaled(c, 16384), *[[round(float(v) * 131) for v in c[n]] for n in "pqr"]]),
        {"a": "g", "w": "deg/s"}, "guess"),
    "without gravity, near 1": (lambda c: table(TIME, [
        c["ms"], *[[f"{np.cos(i / 5 + k):.3f}" for i in range(N)] for k in (0, 1.6, 3)]]), {"a": "g"}, "guess"),
    "without gravity by name": (lambda c: table("time_ms,linAccX,linAccY,linAccZ", [
        c["ms"], c["x"], c["x"], c["x"]]), {"a": "g"}, "guess"),
    "a gyroscope of x, y, z by its unit": (lambda c: table(
        '"Time (s)","X (rad/s)","Y (rad/s)","Z (rad/s)"', [c["t"], *xyz(c)]), {"w": "rad/s"}, "sure"),
}  # fmt: skip


@pytest.mark.parametrize("kind", UNITS)
def test_units_are_sure_only_where_the_file_says_them(tmp_path: Path, kind: str) -> None:
    make, units, word = UNITS[kind]
    found = said_of(in_two(tmp_path, "{}.csv", make))
    assert {c["name"][0]: c["unit"] for c in found["channels"]} == units
    assert len(found["channels"]) == 3 * len(units) and found["confidence"]["units"] == word


def test_a_gyroscope_by_the_files_name_is_no_acceleration(tmp_path: Path) -> None:
    found = said_of(in_two(tmp_path, "Gyroscope_{}.csv", lambda c: table("time,x,y,z", [c["t"], *xyz(c)])))
    assert [c["name"] for c in found["channels"]] == ["wx", "wy", "wz"]
    assert found["classes"] == ["sit", "walk"] and found["confidence"]["units"] == "guess"


def test_columns_that_are_left_out_are_named(tmp_path: Path) -> None:
    in_two(tmp_path, "{}.csv", lambda c: table(
        "name,time_ms,x,y,z,light,gravity.x,gravity.y,gravity.z",
        [["bangle-7"] * N, c["ms"], *xyz(c), c["t"], *xyz(c)]))  # fmt: skip
    found = said_of(tmp_path)
    told = " ".join(entry["what"] for entry in found["found"])
    assert all(name in told for name in ("name", "light", "gravity.x")) and found["subjects"] == []
    assert [c["column"] for c in found["channels"]] == ["x", "y", "z"]


def test_files_without_names_are_told_apart_by_their_numbers_or_by_a_person(tmp_path: Path) -> None:
    rows = []
    for user in (1, 2, 3):
        for label in ("Walking", "Jogging"):
            c = motion(False, rate=20)
            rows += [f"{user},{label},{user * 10**13 + int(c['ms'][i]) * 10**6},{c['x'][i]},{c['y'][i]},{c['z'][i]};"
                     for i in range(N)]  # fmt: skip
    put(tmp_path / "all.txt", "\n".join(rows) + "\n")
    found = said_of(tmp_path)
    assert (found["rate_hz"], found["subjects"]) == (20, ["1", "2", "3"])
    assert found["classes"] == ["jogging", "walking"] and "sure" not in (
        found["confidence"]["rate_hz"], found["confidence"]["classes"], found["confidence"]["subjects"],
    )  # fmt: skip
    told = said_of(tmp_path, columns=("who", "label", "time_ns", "ax", "ay", "az"))
    assert [c["column"] for c in told["channels"]] == ["ax", "ay", "az"] and told["rate_hz"] == 20


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda c: table(TIME, [[c["ms"][i ^ 1] for i in range(N)], *xyz(c)]), r"sit.csv row 3: time goes back"),
        (lambda c: table(TIME, [[c["ms"][i // 2] for i in range(N)],
                                *[[a[i] if i % 2 else b[i] for i in range(N)]
                                  for a, b in zip(xyz(c), xyz(c)[::-1], strict=True)]]), r"as rows of 2 devices do"),
        (lambda c: table(TIME, [c["ms"], *xyz(c)]).replace("\n200,", "\n200,1,2,"), r"sit.csv row 12: 6 values"),
        (lambda c: "t,ax\n", r"sit.csv: the file is empty below its names"),
        (lambda c: b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, r"sit.csv: this is not text"),
        (lambda c: table("", [c["t"], *xyz(c), c["p"]]), r"may be axes of sensors; name them all in order"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_refused_with_file_and_row(tmp_path: Path, make: Made, said: str) -> None:
    with pytest.raises(DataError, match=said):
        said_of(in_two(tmp_path, "{}.csv", make))


def test_a_zip_is_a_folder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as packed:
        for label in ("sit", "walk"):
            c = motion(label == "sit")
            packed.writestr(f"mine/{label}.1.csv", table(TIME, [c["ms"], *xyz(c)]))
        packed.writestr("__MACOSX/mine/._sit.1.csv", b"\0\5")
    found = said_of(tmp_path / "mine.zip")
    assert found["classes"] == ["sit", "walk"] and found["rows"]["read"] == 2 * N
