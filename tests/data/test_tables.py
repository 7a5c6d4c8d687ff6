"""Tables of one's own: read as the card says, refused in one sentence with file and row."""

from __future__ import annotations

import csv
import hashlib
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import odl
import odl.data.streams
from odl.cli.main import main
from odl.data import DataError, Part, open_dataset

RATE = 50
CLASSES = ["rest", "shake"]
SIX = [{"name": n, "unit": "g" if n[0] == "a" else "deg/s", "scale": 1 / 4096}
       for n in ("ax", "ay", "az", "wx", "wy", "wz")]  # fmt: skip


def card_of(folder: Path, **changes: Any) -> dict[str, Any]:
    """A card for accelerometer tables with a time, a user and an activity; written, too."""
    table = {"files": ["*.csv"], "time": "t", "subject": "user", "label": "activity"}
    about: dict[str, Any] = {
        "name": "mine", "title": "mine", "origin": "made up", "licence": "mine", "citation": "none",
        "rate_hz": RATE, "window_s": 1, "hop_s": 0.5,
        "channels": [{"name": n, "unit": "g", "scale": 1 / 4096} for n in ("ax", "ay", "az")],
        "classes": CLASSES, "splits": {"train": [1], "test": [2]},
    }  # fmt: skip
    about |= {k: v for k, v in changes.items() if k != "table"}
    about["table"] = {k: v for k, v in (table | changes.get("table", {})).items() if v is not None}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "card.json").write_text(json.dumps(about))
    return about


def rows_of(user: Any, n: int = 200, rate: float = RATE, start: float = 0.0) -> list[dict[str, Any]]:
    """Half rest, half shake; ax counts the rows."""
    return [
        {"t": f"{start + i / rate:.6f}", "ax": i / 4096, "ay": 0, "az": 1, "user": user,
         "activity": CLASSES[i >= n // 2]}
        for i in range(n)
    ]  # fmt: skip


def write(path: Path, rows: list[dict[str, Any]], separator: str = ",") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=separator)
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    card_of(tmp_path)
    write(tmp_path / "one.csv", rows_of(1))
    write(tmp_path / "two.csv", rows_of(2))
    return tmp_path


def parts_of(folder: Path, subject: int = 1) -> tuple[Part, ...]:
    return open_dataset(folder).session(subject)


def test_a_table_becomes_counts_and_truth(mine: Path) -> None:
    dataset = open_dataset(mine)
    assert dataset.subjects == ("1", "2") and dataset.classes == ("rest", "shake")
    (part,) = dataset.session(1)
    assert part.block.dtype == np.int16 and not part.block.flags.writeable
    assert np.array_equal(part.block[:, 0], np.arange(200)) and (part.block[:, 2] == 4096).all()
    assert part.truths == ((0, 100, "rest"), (100, 200, "shake")) and part.note == ""
    # The card itself and one table alone are ways to name it, too.
    assert open_dataset(mine / "card.json").subjects == ("1", "2")
    assert open_dataset(mine / "two.csv").subjects == ("2",)


def test_columns_signs_units_and_raw_counts(mine: Path) -> None:
    about = card_of(mine)
    about["channels"] = [{"name": "ax", "unit": "m/s2", "scale": 0.01, "column": "az", "sign": -1}]
    (mine / "card.json").write_text(json.dumps(about))
    assert set(parts_of(mine)[0].block[:, 0].tolist()) == {-100}
    about["table"]["raw"] = True
    (mine / "card.json").write_text(json.dumps(about))
    assert set(parts_of(mine)[0].block[:, 0].tolist()) == {-1}


def test_semicolons_and_decimal_commas(tmp_path: Path) -> None:
    card_of(tmp_path, splits={"train": [1]})
    rows = [{k: str(v).replace(".", ",") for k, v in row.items()} for row in rows_of(1)]
    write(tmp_path / "one.csv", rows, ";")
    assert np.array_equal(parts_of(tmp_path)[0].block[:, 0], np.arange(200))


def test_people_are_called_as_the_tables_call_them(tmp_path: Path) -> None:
    card_of(tmp_path, splits={"train": ["anna", 7], "test": ["10"]})
    write(tmp_path / "all.csv", rows_of("anna") + rows_of("07", 60, start=99) + rows_of(10, start=999))
    dataset = open_dataset(tmp_path)
    assert dataset.subjects == ("7", "10", "anna")  # numbers by value, then names
    assert len(dataset.session("anna")[0].block) == 200
    assert [len(dataset.session(seven)[0].block) for seven in (7, "7", "07")] == [60, 60, 60]
    (stream,) = odl.data.streams.dataset_streams(tmp_path, ["anna"], 0)
    assert stream.subject == "anna"
    for wrong in ("", "a/b", "x" * 65):
        card_of(tmp_path, splits={"train": [wrong, "7"]})
        with pytest.raises(DataError, match="a person's name is empty, over 64 letters"):
            open_dataset(tmp_path)


def test_people_by_name_and_by_file_name(tmp_path: Path) -> None:
    card_of(tmp_path, table={"people": {"anna": 1, "ben": 2}})
    write(tmp_path / "all.csv", rows_of("anna") + rows_of("ben", start=99))
    assert len(parts_of(tmp_path, 2)[0].block) == 200
    other = tmp_path / "other"
    card_of(other, table={"subject": None, "subject_pattern": "p{subject}_*.csv"})
    write(other / "p1_a.csv", rows_of("x"))
    write(other / "p2_a.csv", rows_of("x"))
    write(other / "p2_b.csv", rows_of("x", 60))
    assert [len(p.block) for p in parts_of(other, 2)] == [200, 60]
    write(other / "q2.csv", rows_of("x"))
    with pytest.raises(DataError, match=r"q2.csv: the name does not fit the card's pattern"):
        parts_of(other)


def test_edge_impulse(tmp_path: Path) -> None:
    table = {"time": "timestamp", "time_unit": "ms", "subject": None, "label": None}
    card_of(tmp_path, splits={"train": [1]}, table=table | {"label_pattern": "{label}.*.csv"})
    for label in CLASSES:
        rows = [{"timestamp": i * 20, "ax": 0.5, "ay": 0, "az": 1} for i in range(100)]
        write(tmp_path / f"{label}.3k2j.csv", rows)
    assert [p.truths for p in parts_of(tmp_path)] == [((0, 100, "rest"),), ((0, 100, "shake"),)]


def test_parquet(mine: Path) -> None:
    pandas = pytest.importorskip("pandas", reason="the test writes its table with pandas (extra 'pandas')")
    csv_parts = parts_of(mine)
    frame = pandas.read_csv(mine / "one.csv")
    (mine / "one.csv").unlink()
    frame.to_parquet(mine / "one.parquet")
    card_of(mine, table={"files": ["*.csv", "*.parquet"]})
    assert parts_of(mine)[0].block.tobytes() == csv_parts[0].block.tobytes()


def test_a_recording_is_read_back(mine: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    out = tmp_path_factory.mktemp("out")
    odl.replay("shoulder", subjects=[7], out=out, policy="none")
    about = json.loads((Path(odl.data.__file__).parents[2] / "datasets/shoulder/card.json").read_text())
    del about["recordings"]
    about |= {"table": {"files": ["*.odl"]}, "splits": {"test": [7]}}
    (out / "card.json").write_text(json.dumps(about))
    old, new = open_dataset("shoulder").session(7), open_dataset(out).session(7)
    assert [p.block.tobytes() for p in old] == [p.block.tobytes() for p in new]
    assert [p.truths for p in old] == [p.truths for p in new]
    about["rate_hz"] = 25
    (out / "card.json").write_text(json.dumps(about))
    with pytest.raises(DataError, match=r"shoulder-7.odl: rate_hz are 50.0, but the card says 25.0"):
        open_dataset(out).session(7)


def test_holes_are_gaps_and_the_stream_says_how_long(mine: Path) -> None:
    rows = rows_of(2)
    write(mine / "two.csv", rows[:80] + rows[110:])
    first, second = parts_of(mine, 2)
    assert (len(first.block), second.lost_before, len(second.block)) == (80, 30, 90)
    assert second.truths == ((0, 90, "shake"),) and "1 hole of 30 samples" in first.note
    events = list(odl.data.streams.dataset_streams(mine, [2], 0)[0].inputs())
    gap = next(e for e in events if isinstance(e, odl.core.events.Gap))
    assert (gap.start, gap.lost) == (80, 30)
    after = next(e for e in events if isinstance(e, odl.core.events.Samples) and e.start > 80)
    assert after.start == 110 and after.block[0, 0] == 110


@pytest.mark.parametrize("empty", ["", "NaN", "null"])
def test_runs_without_numbers_are_gaps(mine: Path, empty: str) -> None:
    rows = rows_of(2)
    for i in range(50, 70):
        rows[i]["ay"] = empty
    write(mine / "two.csv", rows)
    first, second = parts_of(mine, 2)
    assert (len(first.block), second.lost_before, len(second.block)) == (50, 20, 130)
    assert "20 rows without values left out" in first.note


def test_one_missing_row_is_bridged(mine: Path) -> None:
    rows = rows_of(2)
    write(mine / "two.csv", rows[:80] + rows[81:])
    (part,) = parts_of(mine, 2)
    assert np.array_equal(part.block[:, 0], np.arange(200)) and "1 missing rows bridged" in part.note
    assert "uneven" not in part.note


def test_uneven_time_stamps_are_resampled_visibly(mine: Path) -> None:
    rng = np.random.default_rng(5)
    t = np.cumsum(rng.uniform(0.01, 0.03, 210))
    rows = rows_of(2, 210)
    for row, at in zip(rows, t, strict=True):
        row |= {"t": at, "ax": at}  # linear in time, so interpolation changes nothing
    write(mine / "two.csv", rows)
    (part,) = parts_of(mine, 2)
    assert "resampled to 50 Hz" in part.note
    assert len(part.block) == int((t[-1] - t[0]) * RATE) + 1
    grid = t[0] + np.arange(len(part.block)) / RATE
    assert np.abs(part.block[:, 0] / 4096 - grid).max() < 1 / 4096


def test_the_result_says_what_was_changed(mine: Path) -> None:
    write(mine / "two.csv", rows_of(2, 400, rate=100))
    card_of(mine, table={"resample": True}, channels=SIX)
    for name in ("one", "two"):
        text = (mine / f"{name}.csv").read_text().splitlines()
        lines = [x + (",wx,wy,wz" if i == 0 else ",0,0,0") for i, x in enumerate(text)]
        (mine / f"{name}.csv").write_text("\n".join(lines) + "\n")
    result = odl.replay(mine, model="shoulder", policy="none")
    expected = "person 2: two.csv: uneven time stamps of 100 Hz resampled to 50 Hz"
    assert expected in result.notes()


def test_another_rate_is_refused_or_resampled_where_asked(mine: Path) -> None:
    write(mine / "two.csv", rows_of(2, 400, rate=100))
    with pytest.raises(DataError, match=r"two.csv row 2 on: time stamps run at 100 Hz, .* card says 50 Hz"):
        parts_of(mine, 2)
    card_of(mine, table={"resample": True})
    (part,) = parts_of(mine, 2)
    assert len(part.block) == 200 and "100 Hz resampled to 50 Hz" in part.note
    assert abs(part.truths[0][1] - 100) <= 1


def test_jitter_of_a_rounded_clock_is_not_touched(mine: Path) -> None:
    rows = rows_of(2, 1000, rate=104)
    for i, row in enumerate(rows):
        row["t"] = f"{round(i * 1000 / 104) / 1000}"  # whole milliseconds
    write(mine / "two.csv", rows)
    write(mine / "one.csv", [row | {"user": 1} for row in rows])
    card_of(mine, rate_hz=104)
    (part,) = parts_of(mine, 2)
    assert np.array_equal(part.block[:, 0], np.arange(1000)) and part.note == ""


def test_dates_are_time_stamps(mine: Path) -> None:
    rows = rows_of(2)
    for i, row in enumerate(rows):
        row["t"] = str(np.datetime64("2026-01-31T23:59:58") + np.timedelta64(20 * i, "ms"))
    write(mine / "two.csv", rows)
    assert len(parts_of(mine, 2)[0].block) == 200


@pytest.mark.parametrize(
    ("unit", "spans"),
    [("s", [(0, 1, "rest"), (2, 3, "shake")]), ("samples", [(0, 50, "rest"), (100, 150, "shake")])],
)
def test_labels_from_a_file_of_their_own(tmp_path: Path, unit: str, spans: list[Any]) -> None:
    table = {"label": None, "label_file": "{file}.labels.csv", "label_unit": unit}
    card_of(tmp_path, splits={"train": [1]}, table=table)
    write(tmp_path / "one.csv", rows_of(1, start=1000.0))
    write(tmp_path / "one.labels.csv", [dict(zip(("start", "end", "label"), s, strict=True)) for s in spans])
    assert parts_of(tmp_path)[0].truths == ((0, 50, "rest"), (100, 150, "shake"))


def test_one_label_file_for_all_in_the_tables_own_time(tmp_path: Path) -> None:
    card_of(tmp_path, table={"label": None, "label_file": "labels.csv"})
    write(tmp_path / "one.csv", rows_of(1, start=1000.0))
    write(tmp_path / "two.csv", rows_of(2, start=5000.0))
    spans = [{"file": "two.csv", "start": 5000, "end": 5002, "label": "rest"},
             {"file": "one", "start": 1001, "end": 1002, "label": "shake"}]  # fmt: skip
    write(tmp_path / "labels.csv", spans)
    assert parts_of(tmp_path, 1)[0].truths == ((50, 100, "shake"),)
    assert parts_of(tmp_path, 2)[0].truths == ((0, 100, "rest"),)


def _text(name: str, change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        lines = (folder / name).read_text().splitlines()
        (folder / name).write_text("\n".join(change(lines)) + "\n")

    return damage


def _put(row: int, old: str, new: str) -> Callable[[list[str]], list[str]]:
    return lambda lines: [x.replace(old, new, 1) if i + 1 == row else x for i, x in enumerate(lines)]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_text("two.csv", _put(1, "ax", "bx")), r"two.csv: there is no column 'ax'; there are t, bx"),
        (_text("two.csv", _put(7, "0.001220703125", "fast")), r"two.csv row 7: column 'ax' has 'fast', not"),
        (_text("two.csv", _put(9, ",1,", ",")), r"two.csv row 9: 5 values where 6 should be"),
        (_text("two.csv", _put(9, "rest", "dance")), r"two.csv row 9: 'dance' is not among"),
        (_text("two.csv", _put(9, "0.140000", "0.01")), r"two.csv row 9: time goes back from 0.12 to 0.01 s"),
        (_text("two.csv", _put(9, "0.140000", "")), r"two.csv row 9: column 't' has no time stamp"),
        (_text("two.csv", _put(2, ",2,", ",zoe,")), r"two.csv row 2: person zoe is in no split of card.json"),
        (_text("two.csv", _put(2, ",2,", ",5,")), r"two.csv row 2: person 5 is in no split of card.json"),
        (_text("two.csv", lambda x: x[:1]), r"two.csv: the file is empty below its names"),
        (_text("two.csv", lambda x: []), r"two.csv: the file is empty"),
        (_text("two.csv", lambda x: x[1:]), r"two.csv: there is no column 'ax'"),
        (_text("two.csv", _put(1, "ay", "ax")), r"two.csv row 1: two columns are called 'ax'"),
        (
            _text("two.csv", lambda x: x[:50] + [y.replace(",1,", ",nan,", 1) for y in x[50:]]),
            r"two.csv row 51: from here on 151 rows have no value in some channel, and 151 of 200 in all",
        ),
        (_text("two.csv", lambda x: [y.replace(",1,", ",100,", 1) for y in x]), r"200 of 600 values"),
        (_text("two.csv", _put(9, "rest", '"rest')), r"two.csv row 9: a quotation mark is not closed"),
        (_text("two.csv", _put(201, "3.980000", "1e15")), r"two.csv row 201: time jumps from 3.96 to 1e"),
        (lambda folder: (folder / "two.csv").unlink(), r"card.json names person 2, but no file does"),
        (lambda folder: (folder / "two.csv").write_bytes(b"\xff\xfe\0"), r"two.csv: this is not text"),
    ],
)  # fmt: skip
def test_bad_tables_are_refused_in_one_sentence(
    mine: Path, damage: Callable[[Path], object], said: str
) -> None:
    damage(mine)
    with pytest.raises(DataError, match=said) as caught:
        parts_of(mine, 1)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("spans", "said"),
    [
        ([(3, 9, "rest")], r"one.labels.csv row 2: 3 to 9 lies outside one.csv, which goes from 0 to 3.98 s"),
        ([(0, 1, "rest"), (2, 2, "rest")], r"one.labels.csv row 3: from 2 to 2 is no stretch"),
        ([(0, 2, "rest"), (1, 3, "rest")], r"one.labels.csv row 3: starts at 1, before row 2 ends at 2"),
        ([(0, 1, "jump")], r"one.labels.csv row 2: 'jump' is not among the card's classes"),
    ],
)
def test_bad_label_files_are_refused(tmp_path: Path, spans: list[Any], said: str) -> None:
    card_of(tmp_path, splits={"train": [1]}, table={"label": None, "label_file": "{file}.labels.csv"})
    write(tmp_path / "one.csv", rows_of(1))
    with pytest.raises(DataError, match=r"one.labels.csv: this label file is missing"):
        parts_of(tmp_path)
    write(tmp_path / "one.labels.csv", [dict(zip(("start", "end", "label"), s, strict=True)) for s in spans])
    with pytest.raises(DataError, match=said):
        parts_of(tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"table": {"tme": "t"}}, r"table: there is no entry 'tme'; there are files"),
        ({"table": {"resample": "yes"}}, r"table: 'resample' is 'yes'; it has to be a bool"),
        ({"table": {"time_unit": "minutes"}}, r"time_unit is 'minutes'; it can be s, ms, us, ns"),
        ({"table": {"files": ["../*.csv"]}}, r"files have to lie below the card"),
        ({"table": {"files": ["*.tsv"]}}, r"there are no tables; looked for \*.tsv"),
        ({"table": {"people": {"anna": None}}}, r"people has to give each name another name or a number"),
        ({"table": {"label_pattern": "{label}.csv"}}, r"labels come from one place"),
        ({"tree": {"still": ["rest"]}}, r"tree: 'shake' is missing"),
        ({"tree": {"still": ["rest", "shake", "run"]}}, r"tree: 'run' is no class"),
        ({"tree": {"still": ["rest"], "shake": [], "other": ["rest"]}}, r"tree: a class hangs in two places"),
        ({"tree": {"still": {"deep": ["rest"]}}}, r"two levels at most"),
        ({"tree": {"rest": ["rest", "shake"]}}, r"tree: 'rest' cannot name a group"),
        ({"window_s": 1, "hop_s": 2}, r"hop_s is 2.0; it can be above 0 up to window_s"),
        ({"table": {"rename": {"rest": None}}}, r"table: rename has None for 'rest'"),
        ({"splits": {"train": [float("inf")]}}, r"not as it should be"),
        ({"splits": {}}, r"splits: there is nobody"),
        ({"rate_hz": float("nan")}, r"rate_hz is nan"),
        ({"channels": [{"name": "ax", "unit": "g", "scale": float("inf")}]}, r"not above 0 and finite"),
        ({"window_s": "long"}, r"not as it should be"),
        ({"checksums": {"two.csv": "0" * 64}}, r"two.csv: SHA-256 is .* but card.json says 000000000000"),
        (
            {"checksums": {"ten.csv": "0" * 64}},
            r"ten.csv: the file is missing, but card.json has its checksum",
        ),
    ],
)
def test_bad_cards_are_refused_by_entry(mine: Path, changes: dict[str, Any], said: str) -> None:
    card_of(mine, **changes)
    with pytest.raises(DataError, match=said):
        open_dataset(mine)


def test_checksums_that_hold_are_fine(mine: Path) -> None:
    digest = hashlib.sha256((mine / "two.csv").read_bytes()).hexdigest()
    card_of(mine, checksums={"two.csv": digest})
    assert open_dataset(mine).card.checksums == {"two.csv": digest}


def test_a_card_further_down_has_to_agree(mine: Path) -> None:
    about = card_of(mine)
    (mine / "more").mkdir()
    (mine / "more" / "card.json").write_text(json.dumps(about))
    assert open_dataset(mine).subjects == ("1", "2")
    (mine / "more" / "card.json").write_text(json.dumps(about | {"classes": ["rest", "wave"]}))
    with pytest.raises(DataError, match=r"disagree on classes: \('rest', 'shake'\) and \('rest', 'wave'\)"):
        open_dataset(mine)


def test_people_who_are_not_there(mine: Path) -> None:
    with pytest.raises(DataError, match=r"no subject 3; there are 1, 2"):
        parts_of(mine, 3)
    card_of(mine, splits={"train": [1, 2]})
    with pytest.raises(DataError, match=r"has no split 'test' \(train\); name people: "):
        open_dataset(mine).people("test")


def test_a_folder_without_a_card_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no card.json; 'odl init .*' writes one"):
        open_dataset(tmp_path)
    with pytest.raises(DataError, match=r"missing: there is no such file"):
        open_dataset(tmp_path / "missing")
    with pytest.raises(DataError, match=r"no dataset 'missing' and no such folder; known datasets: .*hapt"):
        open_dataset("missing")


def test_a_name_in_the_tables_is_told_beside_the_number_in_the_card(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for person in ("anna", "ben"):
        for label, strength in (("rest", 0), ("wave", 3)):
            rows = (f"{20 * i},{strength * (i % 9)},{strength * (i % 5)},9.81\n" for i in range(500))
            (tmp_path / f"{person}_{label}.csv").write_text("time_ms,acc_x,acc_y,acc_z\n" + "".join(rows))
    assert main(["init", str(tmp_path)]) == 0
    given = [str(tmp_path), "--subjects", "anna"]
    for words in (
        ["replay", *given, "--model", "shoulder"],
        ["train", *given, "--out", str(tmp_path / "m.odlm")],
    ):
        assert main(words) == 2
        assert capsys.readouterr().err.strip().endswith("there are 1 (anna), 2 (ben)")


def test_a_proposed_command_can_be_copied_from_a_path_with_blanks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "Möbel und Wände"
    folder.mkdir()
    for person in ("jürgen", "änne"):
        for label, strength in (("ruhe", 0), ("winken", 3)):
            rows = (f"{20 * i},{strength * (i % 9)},{strength * (i % 5)},9.81\n" for i in range(500))
            (folder / f"{person}_{label}.csv").write_text("time_ms,acc_x,acc_y,acc_z\n" + "".join(rows))
    with pytest.raises(DataError) as caught:
        open_dataset(folder)
    proposed = str(caught.value).split("'")[1]
    assert main(shlex.split(proposed)[1:]) == 0
    proposed = capsys.readouterr().out.split("then '")[1].split("'\n")[0]
    assert main(shlex.split(proposed)[1:]) == 0
    proposed = capsys.readouterr().out.split("next: ")[1].strip()
    assert shlex.split(proposed) == ["odl", "train", str(folder), "--out", "mine.odlm"]
