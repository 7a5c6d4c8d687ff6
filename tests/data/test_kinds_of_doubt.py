"""What files only seem to say, so that ``odl init`` must not be sure: angles, filters, states, counters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from odl.cli.main import main
from odl.data import DataError
from odl.data.inference.axes import axis_of
from odl.data.readers.text_layout import find_layout
from tests.helpers.own_files import TIME, N, clock, dates, found_in, in_two, motion, put, scaled, table, xyz


@pytest.mark.parametrize(
    "names",
    [
        "Rotation X (deg),Rotation Y (deg),Rotation Z (deg)",
        "rot_x_deg,rot_y_deg,rot_z_deg",
        "X (°),Y (°),Z (°)",
    ],
)
def test_angles_are_no_turn_rates(tmp_path: Path, names: str) -> None:
    in_two(tmp_path, "{}.csv", lambda c: table(f"{TIME},{names}", [c["ms"], *xyz(c), c["p"], c["q"], c["r"]]))
    found = found_in(tmp_path)
    assert [channel["name"] for channel in found["channels"]] == ["ax", "ay", "az"]
    told = " ".join(entry["what"] for entry in found["found"])
    assert all(name in told for name in names.split(","))


def test_a_gyroscope_in_degrees_has_no_unit_in_its_name() -> None:
    own = axis_of("gyro_x (deg)")
    assert own is not None and (own.sensor, own.unit) == ("w", "")
    rate = axis_of("gx_deg_per_s")
    assert rate is not None and (rate.sensor, rate.unit) == ("w", "deg/s")


def test_a_thousandth_of_a_gauss_is_no_gauss(tmp_path: Path) -> None:
    names = ",".join(f"Mag_{axis} (mGauss)" for axis in "XYZ")
    in_two(tmp_path, "{}.csv", lambda c: table(f"{TIME},{names}", [c["ms"], *xyz(c), *xyz(c)]))
    assert {c["unit"] for c in found_in(tmp_path)["channels"]} == {"m/s2", "mgauss"}


@pytest.mark.parametrize(
    ("line", "rate"),
    [
        ("# low-pass filter: 20 Hz", 0.0),
        ("# 20 Hz low-pass", 0.0),
        ("# bandwidth 50 Hz", 0.0),
        ("# ODR = 104 Hz, low-pass 50 Hz", 104.0),
        ("# sampled at 50 Hz; cut-off 20 Hz", 50.0),
        ("# rate: 12,5 Hz", 12.5),
        ("# date format M/d/yyyy at 30 Hz  Filter Normal", 30.0),
        ("# acc 104 Hz, gyro 208 Hz", 0.0),
    ],
)
def test_the_frequency_of_a_filter_is_no_rate(line: str, rate: float) -> None:
    found = find_layout([line, "ax,ay,az", "0.1,0.2,9.8", "0.1,0.3,9.8"])
    assert found is not None and found.rate_hz == rate


def test_a_state_may_be_the_devices_and_no_class(tmp_path: Path) -> None:
    states = ["charging"] * (N // 2) + ["idle"] * (N // 2)
    in_two(tmp_path, "{}.csv", lambda c: table(f"{TIME},state", [c["ms"], *xyz(c), states]))
    assert found_in(tmp_path)["confidence"]["classes"] == "likely"


def test_a_column_of_people_that_changes_from_row_to_row_is_not_sure(tmp_path: Path) -> None:
    users = [str(i % 7) for i in range(N)]
    in_two(tmp_path, "{}.csv", lambda c: table(f"{TIME},user", [c["ms"], *xyz(c), users]))
    found = found_in(tmp_path)
    assert {found["confidence"]["subjects"], found["confidence"]["rate_hz"]} == {"likely"}
    assert any("column 'user' changes from row to row" in w for w in found["warnings"])


def test_a_column_of_ids_is_asked_about(tmp_path: Path) -> None:
    ids = [str(7 + i // 100) for i in range(N)]
    in_two(tmp_path, "{}.csv", lambda c: table(f"{TIME},id", [c["ms"], *xyz(c), ids]))
    assert any("column 'id' has 4 values; `subject=id`" in w for w in found_in(tmp_path)["warnings"])
    assert found_in(tmp_path, subject="id")["subjects"] == ["10", "7", "8", "9"]


@pytest.mark.parametrize(
    ("head", "step"),
    [
        ("time_ms", 1),  # a counter called ms
        ("Timestamp", 655),  # ticks of a quartz
        ("time (cs)", 2),
    ],
)
def test_a_clock_of_a_unit_that_nothing_names_is_a_guess(tmp_path: Path, head: str, step: int) -> None:
    found = found_in(in_two(tmp_path, "{}.csv", clock(head, lambda c: [i * step for i in range(N)])))
    assert found["confidence"]["rate_hz"] == "guess" and found["table"]["time"] == head
    assert any("confirm it with" in w for w in found["warnings"])


def test_a_clock_that_disagrees_with_the_file_is_a_guess_where_its_unit_is_one(tmp_path: Path) -> None:
    head = "// Update Rate: 100.0Hz\nSampleTimeFine,ax,ay,az"
    in_two(tmp_path, "{}.txt", lambda c: table(head, [[i * 100 for i in range(N)], *xyz(c)]))
    found = found_in(tmp_path)
    assert found["confidence"]["rate_hz"] == "guess"
    assert any("runs at 10 Hz, but the lines above the names say 100 Hz" in w for w in found["warnings"])


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_seconds_since_1970_are_sure_in_any_unit(tmp_path: Path, unit: str) -> None:
    per = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    stamps = [
        f"{1_700_000_000 + i / 50:.2f}" if unit == "s" else 1_700_000_000 * per + i * per // 50
        for i in range(N)
    ]
    found = found_in(in_two(tmp_path, "{}.csv", clock("ts", lambda c: stamps)))
    assert (found["rate_hz"], found["confidence"]["rate_hz"]) == (50, "sure")
    assert found["table"]["time_unit"] == unit


def test_columns_of_no_sensor_without_gravity_may_be_a_gyroscopes(tmp_path: Path) -> None:
    in_two(tmp_path, "{}.csv", lambda c: table("time,x,y,z", [c["t"], c["p"], c["q"], c["q"]]))
    found = found_in(tmp_path)
    word = next(e["confidence"] for e in found["found"] if e["what"].startswith("channels"))
    assert word == "likely" and found["confidence"]["units"] == "guess"
    assert any("nothing says of which sensor x, y, z are" in w for w in found["warnings"])


def test_a_number_that_stands_for_no_value_does_not_change_the_unit(tmp_path: Path) -> None:
    def holes(column: list[str]) -> list[str]:
        return ["-9999" if i % 17 == 3 else v for i, v in enumerate(column)]

    found = found_in(in_two(tmp_path, "{}.csv", lambda c: table(TIME, [c["ms"], *map(holes, xyz(c))])))
    assert {c["unit"] for c in found["channels"]} == {"m/s2"}
    assert any("a value has the size 9999" in w and "empty these cells" in w for w in found["warnings"])
    marks = [["?" if i % 17 == 3 else v for i, v in enumerate(a)] for a in xyz(motion(False))]
    put(tmp_path / "q" / "walk.csv", table(TIME, [motion(False)["ms"], *marks]))
    assert found_in(tmp_path / "q")["rows"]["dropped"] == len(range(3, N, 17))


def test_headers_in_german_french_and_spanish(tmp_path: Path) -> None:
    heads = {
        "de": "Zeit (ms);Beschl_X;Beschl_Y;Beschl_Z;Drehrate x;Drehrate y;Drehrate z;Aktivität;Teilnehmer",
        "fr": "Temps (ms);Accélération X;Accélération Y;Accélération Z;Vitesse angulaire X;"
        "Vitesse angulaire Y;Vitesse angulaire Z;Étiquette;Sujet",
        "es": "tiempo_ms;aceleración_x;aceleración_y;aceleración_z;velocidad_angular_x;velocidad_angular_y;"
        "velocidad_angular_z;actividad;sujeto",
    }
    labels = ["a"] * (N // 2) + ["b"] * (N // 2)
    for tongue, head in heads.items():
        c = motion(False)
        columns = [c["ms"], *xyz(c), c["p"], c["q"], c["r"], labels, ["anna"] * N]
        put(tmp_path / tongue / "all.csv", table(head, columns, ";"))
        found = found_in(tmp_path / tongue)
        assert [x["name"] for x in found["channels"]] == ["ax", "ay", "az", "wx", "wy", "wz"]
        assert (found["classes"], found["subjects"], found["rate_hz"]) == (["a", "b"], ["anna"], 50)


@pytest.mark.parametrize(
    ("time", "acceleration", "turns"),
    [
        ("время", "ускорение_", "гироскоп_"),
        ("時刻", "加速度", "角速度"),
        ("시간", "가속도 ", "자이로 "),
        ("tempo", "aceleração ", "giroscópio "),
        ("tiempo", "acel_", "giro_"),
        ("temps", "accéléromètre ", "gyromètre "),
    ],
)
def test_headers_in_other_scripts_and_with_accents(
    tmp_path: Path, time: str, acceleration: str, turns: str
) -> None:
    made = motion(False)
    names = [time, *(acceleration + axis for axis in "XYZ"), *(turns + axis for axis in "XYZ")]
    put(
        tmp_path / "walk.csv",
        table(",".join(names), [made["ms"], *xyz(made), made["p"], made["q"], made["r"]]),
    )
    found = found_in(tmp_path)
    assert [c["name"] for c in found["channels"]] == ["ax", "ay", "az", "wx", "wy", "wz"]


def test_raw_counts_of_linear_acceleration_keep_their_reason(tmp_path: Path) -> None:
    names = "time_ms,linear_acceleration.x,linear_acceleration.y,linear_acceleration.z"
    found = found_in(in_two(tmp_path, "{}.csv", lambda c: table(names, [c["ms"], *scaled(c, 9.81)])))
    told = next(e["what"] for e in found["found"] if e["what"].startswith("acceleration"))
    assert "no gravity, as its name says, though its direction is steady" in told


def _thousands(column: list[str], mark: str) -> list[str]:
    text = [f"{round(1000 * float(v) / 9.81):,}".replace(",", mark) for v in column]
    return [f'"{cell}"' for cell in text]


@pytest.mark.parametrize(("mark", "separator"), [(",", ","), (".", ";"), (",", "\t")])
def test_marks_of_thousands_are_refused_with_their_row(tmp_path: Path, mark: str, separator: str) -> None:
    head = separator.join(["time_ms", "ax_mg", "ay_mg", "az_mg"])
    in_two(
        tmp_path,
        "{}.csv",
        lambda c: table(head, [c["ms"], *[_thousands(a, mark) for a in xyz(c)]], separator),
    )
    with pytest.raises(DataError, match=r"sit.csv row \d+: '1.\d{3}' stands beside whole numbers"):
        found_in(tmp_path)


def test_a_decimal_comma_beside_whole_numbers_is_one(tmp_path: Path) -> None:
    def eighths(column: list[str]) -> list[str]:
        return [f"{round(float(v) * 8) / 8:g}".replace(".", ",") for v in column]

    in_two(tmp_path, "{}.csv", lambda c: table("time_ms;ax;ay;az", [c["ms"], *map(eighths, xyz(c))], ";"))
    assert {c["unit"] for c in found_in(tmp_path)["channels"]} == {"m/s2"}


def test_what_cannot_be_read_has_the_same_entries_as_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "good" / "walk.csv", table(TIME, [motion(False)["ms"], *xyz(motion(False))]))
    put(tmp_path / "bad" / "walk.csv", table("time_ms,pitch,roll", [motion(True)["ms"]] * 3))
    assert main(["init", str(tmp_path / "good"), "--json", "-"]) == 0
    good = json.loads(capsys.readouterr().out)
    assert main(["init", str(tmp_path / "bad"), "--json", "-"]) == 2
    shown = capsys.readouterr()
    bad = json.loads(shown.out)
    assert set(bad) == {*good, "error"} and type(bad["rate_hz"]) is type(good["rate_hz"])
    assert "walk.csv row 1" in bad["error"] and "--columns" in bad["error"] and bad["error"] in shown.err
    assert not (tmp_path / "bad" / "card.json").exists()


def test_a_table_with_the_newest_row_first_is_refused_in_one_sentence(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    in_two(tmp_path, "{}.csv", lambda c: table(TIME, [c["ms"][::-1], *xyz(c)]))
    with pytest.raises(DataError, match=r"sit.csv row 3: time goes back .* sort the rows"):
        found_in(tmp_path)
    assert not recwarn.list


def test_recordings_shorter_than_a_window_are_told_with_both(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    in_two(tmp_path, "{}.csv", lambda c: table(TIME, [a[:60] for a in (c["ms"], *xyz(c))]))
    assert main(["init", str(tmp_path)]) == 0
    assert "the longest stretch of a class has 1.2 s and a window 2.56 s" in capsys.readouterr().err


@pytest.mark.parametrize("values", ["measured", "counted"])
def test_a_value_measured_in_each_row_tells_no_people_apart(tmp_path: Path, values: str) -> None:
    users = {"measured": [f"{i % 9 / 8:.3f}" for i in range(N)], "counted": [str(i % 200) for i in range(N)]}
    in_two(tmp_path, "{}.csv", lambda c: table(f"{TIME},user", [c["ms"], *xyz(c), users[values]]))
    found = found_in(tmp_path)
    assert (found["subjects"], found["rate_hz"], found["recordings"]) == ([], 50, 2)
    assert any("column 'user' has" in w and "not taken for people" in w for w in found["warnings"])


@pytest.mark.parametrize(
    "names", ["acc_x [cm/s²],acc_y [cm/s²],acc_z [cm/s²]", "gx (rpm),gy (rpm),gz (rpm)"], ids=["cm", "rpm"]
)
def test_a_unit_that_is_not_known_is_a_guess(tmp_path: Path, names: str) -> None:
    in_two(tmp_path, "{}.csv", lambda c: table(f"time_ms,{names}", [c["ms"], *scaled(c, 981)]))
    found = found_in(tmp_path)
    assert found["confidence"]["units"] == "guess"
    assert any("the unit '" in w and "is not known" in w for w in found["warnings"])


def test_labels_between_dates_of_whole_seconds(tmp_path: Path) -> None:
    c = motion(False)
    put(tmp_path / "rec.csv", table("time,ax,ay,az", [list(dates("2024-05-04T10:00:00", c)), *xyz(c)]))
    day = "2024-05-04 10:00:0"
    put(tmp_path / "labels.csv", f"start,end,label\n{day}0,{day}3,walk\n{day}3,{day}7,sit\n")
    assert found_in(tmp_path)["classes"] == ["sit", "walk"]


def test_a_column_with_values_and_no_name_is_told_and_a_row_number_is_none(tmp_path: Path) -> None:
    rest = "is left out; give it one in the line of names"
    in_two(tmp_path / "l", "{}.csv", lambda c: table(f"{TIME},", [c["ms"], *xyz(c), ["sit"] * N]))
    assert any(f"sit.csv: column 5 has no name and {rest}" in w for w in found_in(tmp_path / "l")["warnings"])
    in_two(tmp_path / "n", "{}.csv", lambda c: table(f",{TIME}", [range(N), c["ms"], *xyz(c)]))
    in_two(tmp_path / "e", "{}.csv", lambda c: table(f"{TIME},", [c["ms"], *xyz(c), [""] * N]))
    assert not any("no name" in w for kind in "ne" for w in found_in(tmp_path / kind)["warnings"])


@pytest.mark.parametrize("names", ["time_ms,ax,ay,az", "ms,u,ax,ay"])
def test_columns_without_names_are_called_as_a_person_says(
    tmp_path: Path, names: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The card lacked the names, so that the very `--columns` that odl proposes could not be read."""
    c = motion(False)
    for name in ("walk.1", "walk.2", "sit.1", "sit.2"):
        put(tmp_path / f"{name}.csv", "\n".join(",".join(row) for row in zip(c["ms"], *xyz(c), strict=True)))
    assert main(["init", str(tmp_path), "--columns", names]) == 0
    said = capsys.readouterr()
    assert json.loads((tmp_path / "card.json").read_text())["table"]["columns"] == names.split(",")
    assert "without names" not in said.err and "by their numbers" not in said.out
    assert main(["check", str(tmp_path)]) == 0


@pytest.mark.parametrize(
    ("head", "columns", "said"),
    [
        (TIME, "abc", "it has none of the columns abc that --columns names; there are time_ms, ax"),
        (TIME, "a,b,c,d", "it has none of the columns a, b, c, d"),
        (TIME, "ax,ay,foo", "--columns names foo, which no table has"),
        (TIME, "ax,ax", "--columns is ax,ax: a name is empty or there twice"),
        (TIME, "ax,,ay", "a name is empty or there twice"),
        ("", "ax,ay,az", "4 columns without names, but --columns has 3 names"),
        ("", "ax,ay,az,gx,gy", "4 columns without names, but --columns has 5 names"),
    ],
)
def test_columns_that_fit_no_table_are_refused(
    tmp_path: Path, head: str, columns: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    c = motion(False)
    whole = table(TIME, [c["ms"], *xyz(c)])
    put(tmp_path / "walk.csv", whole if head else whole.split("\n", 1)[1])
    assert main(["init", str(tmp_path), "--columns", columns]) == 2
    assert said in capsys.readouterr().err and not (tmp_path / "card.json").exists()


def test_a_value_that_no_sensor_measures_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ["0.1,0.2,9.8"] * 200 + ["0.1,0.2,1e39"]
    put(tmp_path / "walk.csv", "\n".join(["ax,ay,az", *rows]))
    assert main(["init", str(tmp_path), "--rate-hz", "50"]) == 2
    assert "ax, ay, az: a value has the size 1e+39, which no sensor measures" in capsys.readouterr().err
