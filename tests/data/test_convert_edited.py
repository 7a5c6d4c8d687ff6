"""Tables come back edited, by people and by their programs, or with names that run in a spreadsheet."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odl.core.events import AddClass, Event, Gap, Origin, Samples, Truth
from odl.data import DataError
from odl.data.conversion.convert import Source, to_recording, to_table
from odl.data.conversion.converted import guarded, side_card, unguarded
from odl.recording import read
from tests.helpers.conversion import block, facts, needs, rows_of, start_of, written


def test_rows_are_right_where_they_differ_from_the_card(tmp_path: Path) -> None:
    events: list[Event] = [Truth(0, 60, "sit"), Samples(0, block(60)), Gap(60, 40, "off"),
                           Truth(100, 130, "walk"), Samples(100, block(30)), Gap(130, 9, "end")]  # fmt: skip
    to_table(Source(written(tmp_path / "a.odl", events)), tmp_path / "a.csv")
    rows = rows_of(tmp_path / "a.csv")
    kept = [row for i, row in enumerate(rows) if not 20 <= i < 25]
    for row in kept[:10]:
        row["truth"] = "'=up"
    for row in kept[-1:]:
        row["ax"] = ""
    with (tmp_path / "a.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(kept)
    notes = to_recording(tmp_path / "a.csv", tmp_path / "b.odl")
    assert len(notes) == 2 and "1 rows without values" in notes[0] and "truth" in notes[1]
    _, gaps, truths, position = facts(tmp_path / "b.odl")
    assert gaps == [Gap(20, 5, "missing in the table"), Gap(60, 40, "off")]
    assert truths == [
        Truth(0, 10, "=up"), Truth(10, 20, "sit"), Truth(25, 60, "sit"), Truth(100, 129, "walk")
    ]  # fmt: skip
    assert position == 129


def test_pandas_keeps_the_card(tmp_path: Path, walk: Path) -> None:
    pandas = pytest.importorskip("pandas")
    to_table(Source(walk), tmp_path / "walk.parquet")
    frame = pandas.read_parquet(tmp_path / "walk.parquet")
    assert frame.truth.nunique() == 7 and frame.predicted.isna().any()
    frame[frame.truth != "pendulum"].to_parquet(tmp_path / "less.parquet")
    to_recording(tmp_path / "less.parquet", tmp_path / "less.odl")
    assert {e.name for e in read(tmp_path / "less.odl").events if isinstance(e, Truth)} >= {"upright row"}
    samples = sum(len(e.block) for e in read(tmp_path / "less.odl").events if isinstance(e, Samples))
    assert samples == int((frame.truth != "pendulum").sum())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("\n3,", "\n2,", r"row 5: index is 2 after 2"),
        ("\n3,", "\n3.5,", r"row 5: index is 3.5"),
        ("\n3,", "\n-3,", r"row 5: index is -3"),
        ("\n3,", "\n3e15,", r"row 6: index is 4 after 3e\+15"),
        ("index,", "nr,", "no column 'index'"),
        (",ax,", ",bx,", "no column 'ax'"),
        ("\n3,", "\n3,3,", "row 5: 16 values where 15"),
        ("\n3,", "\n\n3,", "row 5: 0 values where 15"),
        ("\n3,", "\n3" + "0" * 400_000 + ",", "row 5: 1 values where 15"),
        ("index,", "index," * 60_000, "row 1: two columns are called 'index'"),
        (",sit,", ",si\x07t,", "row 2: a class name"),
        (",sit,", ',"sit,', "row 2: a quotation mark is not closed"),
        ("\n3,0.06,0,P3,", "\n3,0.06,0,P3,9e9,", "16 values"),
        ("\n0,0,0,P3,", "\n0,0,0,P3,9e9", "row 2: a value does not fit|row 2: column"),
    ],
)
def test_a_broken_table_is_one_sentence(tmp_path: Path, old: str, new: str, said: str) -> None:
    events: list[Event] = [Truth(0, 20, "sit"), Samples(0, block(20))]
    to_table(Source(written(tmp_path / "a.odl", events)), tmp_path / "a.csv")
    text = (tmp_path / "a.csv").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "a.csv").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DataError, match=said):
        to_recording(tmp_path / "a.csv", tmp_path / "b.odl")
    assert not (tmp_path / "b.odl").exists()
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: text.replace(b"\n", b"\r"),
        lambda text: text + b"\n\r\n\n",
        lambda text: text.rstrip(b"\n"),
        lambda text: text.replace(b",", b";").replace(b".", b","),
        lambda text: text.replace(b",", b"\t"),
        lambda text: re.sub(rb"[^,\n]+", rb'"\g<0>"', text),
        lambda text: text.replace(b",0,P3", b",0,\xc3\xa9\x00=1"),  # who it was is in the card
    ],
)
def test_what_an_editor_does_to_a_table_does_no_harm(tmp_path: Path, change: Any) -> None:
    path = written(tmp_path / "a.odl", [Truth(0, 20, "süß"), Samples(0, block(20))])
    to_table(Source(path), tmp_path / "a.csv")
    text = (tmp_path / "a.csv").read_bytes()
    (tmp_path / "a.csv").write_bytes(change(text))
    assert to_recording(tmp_path / "a.csv", tmp_path / "b.odl") == []
    assert facts(tmp_path / "b.odl") == facts(path)


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_another_encoding_is_named_beside_a_card_and_read_without_one(tmp_path: Path, encoding: str) -> None:
    path = written(tmp_path / "a.odl", [Truth(0, 20, "süß"), Samples(0, block(20))])
    to_table(Source(path), tmp_path / "a.csv")
    text = (tmp_path / "a.csv").read_text(encoding="utf-8")
    (tmp_path / "a.csv").write_text(text, encoding=encoding)
    with pytest.raises(DataError, match=r"a\.csv: this is not text in UTF-8; save it as that$"):
        to_recording(tmp_path / "a.csv", tmp_path / "b.odl")
    side_card(tmp_path / "a.csv").unlink()
    to_recording(tmp_path / "a.csv", tmp_path / "b.odl")
    assert [e.name for e in read(tmp_path / "b.odl").events if isinstance(e, Truth)] == ["süß"]


def test_a_damaged_parquet_file_is_one_sentence_that_names_it(tmp_path: Path) -> None:
    needs(".parquet")
    to_table(Source(written(tmp_path / "a.odl", [Samples(0, block(500))])), tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    ends = {len(whole) - 9, len(whole) // 2, 20, 0}
    hurt = [whole[:end] for end in ends] + [b"a,b\n1,2\n"]
    hurt += [whole[:at] + bytes(40) + whole[at + 40 :] for at in range(4, 4000, 400)]
    for data in hurt:
        (tmp_path / "b.parquet").write_bytes(data)
        try:
            to_recording(tmp_path / "b.parquet", tmp_path / "b.odl", force=True)
        except DataError as error:
            assert str(error).startswith(f"{tmp_path / 'b.parquet'}")
            assert str(error).count("b.parquet") == 1


@pytest.mark.parametrize("value", ["1e308", "-1e308", "inf", "nan", "1e999", "9" * 400, ""])
def test_a_number_that_nothing_measures_is_a_row_without_values(tmp_path: Path, value: str) -> None:
    to_table(Source(written(tmp_path / "a.odl", [Samples(0, block(20))])), tmp_path / "a.csv")
    lines = (tmp_path / "a.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    cells = lines[5].split(",")
    lines[5] = ",".join([*cells[:6], value, *cells[7:]])
    (tmp_path / "a.csv").write_text("".join(lines), encoding="utf-8")
    assert to_recording(tmp_path / "a.csv", tmp_path / "b.odl") == ["1 rows without values left out"]
    assert facts(tmp_path / "b.odl")[1] == [Gap(4, 1, "missing in the table")]


@pytest.mark.parametrize(
    "session",
    [
        {"rate_hz": 0}, {"rate_hz": -50}, {"rate_hz": 1e-300}, {"rate_hz": 1e300}, {"rate_hz": 10**400},
        {"rate_hz": [50]}, {"channels": [["a", "g", 0.0]] * 6}, {"channels": [["a", "g", 1e300]] * 6},
        {"channels": [["a", "g", -1.0]] * 6}, {"channels": []}, {"channels": None},
        {"channels": [["a", "g", 10**400]] * 6},
    ],
)  # fmt: skip
def test_facts_that_cannot_be_make_no_table(tmp_path: Path, session: dict[str, Any]) -> None:
    events: list[Event] = [Truth(0, 5, "sit"), Samples(0, block(5))]
    path = written(tmp_path / "a.odl", events, start_of(None, **session))
    with pytest.raises(DataError, match=r"a\.odl(: no table can be made of it| does not say)"):
        to_table(Source(path), tmp_path / "a.csv", events=tmp_path / "e.csv")
    assert sorted(tmp_path.iterdir()) == [path]


def test_channels_of_any_name_get_columns_of_their_own(tmp_path: Path) -> None:
    names = ["channel 2", "", "x" * 10_000, "channel 4", "\ud800", "truth"]
    start = start_of(None, channels=[[name, "g", 1.0] for name in names], subject="y" * 10_000)
    path = written(tmp_path / "a.odl", [Samples(0, block(5))], start)
    to_table(Source(path), tmp_path / "a.csv")
    columns = list(rows_of(tmp_path / "a.csv")[0])
    assert columns[4:10] == ["channel 2", "channel 3", "channel 4", "channel 5", "channel 6", "channel 7"]
    assert (tmp_path / "a.csv").stat().st_size < 3000
    to_recording(tmp_path / "a.csv", tmp_path / "b.odl")
    assert facts(tmp_path / "b.odl") == facts(path)
    assert read(tmp_path / "b.odl").start == read(path).start


@pytest.mark.parametrize(
    "change",
    [
        lambda card: card.pop("gaps"),
        lambda card: card.update(rate_hz=0),
        lambda card: card.update(rate_hz=None),
        lambda card: card.update(channels=[["ax", "g", 1e300]]),
        lambda card: card.update(columns=["ax"]),
        lambda card: card.update(image="&&"),
        lambda card: card.update(image="T0RMTQ=="),
        lambda card: card.update(truths=[[0, 1]]),
        lambda card: card.update(truths=[[5, 1, "sit"]]),
        lambda card: card.update(gaps=[[0, -1, ""]]),
        lambda card: card.update(truths=[[0, 1, "a\n"]]),
        lambda card: card.update(start=[]),
    ],
)
def test_a_broken_card_is_one_sentence(tmp_path: Path, change: Any) -> None:
    to_table(Source(written(tmp_path / "a.odl", [Samples(0, block(20))])), tmp_path / "a.csv")
    card = json.loads(side_card(tmp_path / "a.csv").read_text(encoding="utf-8"))
    change(card)
    side_card(tmp_path / "a.csv").write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(ValueError) as caught:
        to_recording(tmp_path / "a.csv", tmp_path / "b.odl")
    assert "a.csv" in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "b.odl").exists()


# --- hostile names -------------------------------------------------------------------


@given(st.text(max_size=10) | st.text("';\"=+ a", max_size=8))
def test_a_guarded_cell_is_no_formula_and_comes_back(text: str) -> None:
    assert unguarded(guarded(text)) == text
    for cell in guarded(text).split(";"):  # as a spreadsheet does that parts cells there
        assert not re.match('[" ]*[=+@\t\r\n＝＋－＠-]', cell)


def test_no_cell_of_a_csv_is_a_formula(tmp_path: Path) -> None:
    names = ["=cmd()", "@SUM(1)", "+1", "-2", 'a;"=1']
    channels = [["=HYPERLINK(1)", "g", 1.0], ["time", "g", 1.0], ["\x1b[2J", "g", 1.0],
                ["a\nb", "g", 1.0], ["a\nb", "g", 1.0], ["index", "g", 1.0]]  # fmt: skip
    events: list[Event] = [Truth(i, i + 1, name) for i, name in enumerate(names)]
    events += [Samples(0, np.abs(block(5) // 2)), Gap(5, 1, "\n=why\x1b[2J")]
    events += [Origin(6, "\r=by", 1, 1), AddClass(6, 7, "=x", 0)]
    path = written(tmp_path / "a.odl", events, start_of(None, channels=channels, subject="=me\x1b"))
    to_table(Source(path), tmp_path / "a.csv", events=tmp_path / "e.csv")
    for file in ("a.csv", "e.csv"):
        with (tmp_path / file).open(encoding="utf-8", newline="") as opened:
            cells = [
                part.lstrip('"') for row in csv.reader(opened) for cell in row for part in cell.split(";")
            ]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "＝"))]
        assert all(cell.isprintable() for cell in cells)
    to_recording(tmp_path / "a.csv", tmp_path / "b.odl")
    assert facts(tmp_path / "b.odl") == facts(path)
    assert read(tmp_path / "b.odl").start.config["session"]["channels"] == channels
