"""Recordings become tables and come back; what is personal can be left out."""

from __future__ import annotations

import csv
import json
import re
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from messages import events as any_events

import odl
from odl.chance import seed_of
from odl.cli import main
from odl.config import Config, ConfigError
from odl.convert import Source, redacted, to_recording, to_table
from odl.data import DataError, model_bytes, open_dataset
from odl.data.converted import guarded, side_card, unguarded
from odl.events import (
    AddClass,
    Adopt,
    Dropped,
    Event,
    Gap,
    Label,
    Learned,
    Origin,
    Prediction,
    Query,
    Samples,
    Split,
    Truth,
    Undo,
    Why,
    valid_name,
)
from odl.fixed import input_scaling
from odl.journal import DAMAGED, Writer, read
from odl.nn.checkpoint import checkpoint
from odl.nn.image import Image
from odl.redact import KINDS, NOBODY, USUAL, kinds_of
from odl.relabel import relabel
from odl.session import Session
from odl.state import Entry, log_dtype
from odl.wire import Start

CHANNELS = (("ax", "g", 2**-12), ("ay", "g", 2**-12), ("az", "g", 2**-12),
            ("wx", "rad/s", 2**-10), ("wy", "rad/s", 2**-10), ("wz", "rad/s", 2**-10))  # fmt: skip
IMAGE = Image.from_bytes(model_bytes("shoulder"))
FORMS = [".csv", ".parquet"]


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real person, with predictions, questions, answers, two new classes and 13 seams."""
    file = odl.replay("shoulder", subjects=[7], out=tmp_path_factory.mktemp("walk")).outcomes[0].file
    assert file is not None
    return file


def start_of(image: Image | None = IMAGE, **session: Any) -> Start:
    config = Config()
    if image is not None:
        scaling = input_scaling(CHANNELS, [(c.name, c.unit, c.scale) for c in image.channels])
        config = Config(mult=scaling.mult, shift=scaling.shift, offset=scaling.offset)
    about = {"subject": "P3", "rate_hz": 50.0, "channels": [list(c) for c in CHANNELS]} | session
    return Start({"config": config.to_dict(), "session": about}, b"" if image is None else image.to_bytes())


def written(path: Path, events: list[Event], start: Start | None = None) -> Path:
    with Writer(path, start or start_of()) as writer:
        for event in events:
            writer.write(event)
    return path


def block(n: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.int16]]:
    return np.random.default_rng(seed).integers(-(2**15), 2**15, (n, 6)).astype(np.int16)


def needs(form: str) -> None:
    if form == ".parquet":
        pytest.importorskip("pyarrow")
        pytest.importorskip("pandas")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def facts(path: Path) -> tuple[list[tuple[int, bytes]], list[Event], list[Event], int | None]:
    """Uninterrupted samples, gaps, truth, end: what a round trip keeps."""
    stretches: list[tuple[int, bytes]] = []
    recording = read(path)
    now = -1
    for event in recording.events:
        if isinstance(event, Samples) and len(event.block):
            data = event.block.tobytes()
            if event.start == now:
                stretches[-1] = (stretches[-1][0], stretches[-1][1] + data)
            else:
                stretches.append((event.start, data))
            now = event.start + len(event.block)
        elif isinstance(event, Gap):
            now = -1
    gaps: list[Event] = [e for e in recording.events if isinstance(e, Gap)]
    truths: list[Event] = [e for e in recording.events if isinstance(e, Truth)]
    return stretches, gaps, truths, recording.position


# --- there and back --------------------------------------------------------------------


@pytest.mark.parametrize("counts", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_a_real_recording_goes_there_and_back(tmp_path: Path, walk: Path, form: str, counts: bool) -> None:
    needs(form)
    table, again = tmp_path / f"walk{form}", tmp_path / "again.odl"
    assert to_table(Source(walk), table, counts=counts) == 27276
    assert to_recording(table, again) == []
    assert facts(again) == facts(walk)
    assert read(again).start == read(walk).start
    kinds = {type(event) for event in read(again).events}
    assert kinds == {Samples, Gap, Truth}


def test_a_converted_recording_is_replayed_as_the_original(tmp_path: Path, walk: Path) -> None:
    to_table(Source(walk), tmp_path / "walk.csv")
    to_recording(tmp_path / "walk.csv", tmp_path / "again.odl")
    one, other = (odl.replay(path, budget=20).outcomes[0] for path in (walk, tmp_path / "again.odl"))
    assert one.trace_sha256 == other.trace_sha256
    assert any(isinstance(event, Learned) for event in other.events)


def test_a_table_holds_what_was_said(tmp_path: Path, walk: Path) -> None:
    to_table(Source(walk), tmp_path / "walk.csv", events=tmp_path / "events.csv")
    rows = rows_of(tmp_path / "walk.csv")
    names = dict(IMAGE.names) | {e.cls: e.name for e in read(walk).events if isinstance(e, AddClass)}
    events = read(walk).events
    asked = [e.window + IMAGE.window - 1 for e in events if isinstance(e, Query)]
    assert [i for i, row in enumerate(rows) if row["asked"] == "1"] == asked
    for event in events:
        if isinstance(event, Prediction):
            row = rows[event.window + IMAGE.window - 1]
            assert row["predicted"] == names[event.path[-1]]
        elif isinstance(event, Label) and event.cls is not None:
            assert rows[event.at - 1]["answered"] == names[event.cls]
        elif isinstance(event, Learned):
            assert rows[event.at - 1]["learned"] == names[event.cls]
    samples = np.concatenate([e.block for e in events if isinstance(e, Samples)])
    assert np.allclose([float(row["wy"]) for row in rows], samples[:, 4] * 2**-10, atol=1e-7)
    assert [float(row["time"]) for row in rows[:3]] == [0, 0.02, 0.04]
    # Nothing is predicted from a seam to the end of the first window behind it.
    seam = next(e.start for e in events if isinstance(e, Gap))
    assert rows[seam - 1]["predicted"] and not rows[seam]["predicted"]
    assert rows[seam]["recording"] == "1" and rows[seam - 1]["recording"] == "0"
    log = rows_of(tmp_path / "events.csv")
    assert len(log) == sum(not isinstance(e, Samples) for e in events)
    question = next(row for row in log if row["event"] == "question")
    query = next(e for e in events if isinstance(e, Query))
    assert (int(question["window"]), int(question["end"])) == (query.window, query.expires)


def test_blocks_may_be_cut_in_any_way(tmp_path: Path) -> None:
    """A window's end may lie in a block before the last one that was read."""
    whole = block(300)
    inputs = [Samples(i, whole[i : i + 7]) for i in range(0, 300, 7)]
    session = Session(IMAGE, Config.from_dict(start_of().config["config"]))
    steps: list[Event] = [event for one in inputs for event in (one, *session.step(one))]
    to_table(Source(written(tmp_path / "fine.odl", steps)), tmp_path / "fine.csv")
    session = Session(IMAGE, Config.from_dict(start_of().config["config"]))
    steps = [Samples(0, whole), *session.step(Samples(0, whole))]
    to_table(Source(written(tmp_path / "coarse.odl", steps)), tmp_path / "coarse.csv")
    assert (tmp_path / "fine.csv").read_bytes() == (tmp_path / "coarse.csv").read_bytes()
    said = [i for i, row in enumerate(rows_of(tmp_path / "fine.csv")) if row["predicted"]]
    assert said == list(range(IMAGE.window - 1, 300))


def test_answers_new_classes_and_their_origin_are_in_the_second_table(tmp_path: Path) -> None:
    state = b"state"
    events: list[Event] = [
        Samples(0, block(200)), Prediction(0, (1,), (30000, 2768), 0), Query(0, 900, 3000),
        Origin(200, "terminal:P3", 2500, 1_700_000_123_450), AddClass(200, 9, "saw", 0),
        Label(200, 0, 9), Learned(200, 0, 9, 0), Split(200, 9, 1), AddClass(200, 10, "saw fast", 1),
        Samples(200, block(10)), Label(210, 64, None), Undo(210),
        Dropped(210, 2**64 - 1, Why.NOTHING_TO_UNDO),
        Adopt(210, 40, state), Adopt(250, 0, state), Samples(250, block(5)),
    ]  # fmt: skip
    to_table(Source(written(tmp_path / "a.odl", events)), tmp_path / "a.csv", events=tmp_path / "e.csv")
    log = rows_of(tmp_path / "e.csv")
    assert [row["event"] for row in log] == [
        "prediction", "question", "new class", "answer", "learned", "split", "new class", "skip", "undo",
        "dropped", "state taken over", "state taken over",
    ]  # fmt: skip
    for command in log[2:4]:
        assert (command["class"], command["by"], command["took"], command["clock"]) == (
            "saw", "terminal:P3", "2.5", "1700000123.45",
        )  # fmt: skip
    assert not any(row["by"] for row in (*log[:2], *log[4:]))
    assert log[3]["window"] == "0"
    assert (log[9]["window"], log[9]["why"]) == ("", "nothing to undo")
    rows = rows_of(tmp_path / "a.csv")
    assert (rows[199]["answered"], rows[199]["learned"], rows[209]["answered"]) == ("saw", "saw", "")
    assert [int(row["index"]) for row in rows] == [*range(210), *range(250, 255)]
    assert [row["recording"] for row in rows[208:212]] == ["0", "0", "1", "1"]
    to_recording(tmp_path / "a.csv", tmp_path / "b.odl")
    kept = read(tmp_path / "b.odl").events
    assert [e for e in kept if isinstance(e, Gap)] == [Gap(210, 40, "the board's state was taken over")]


hostile = st.sampled_from(
    ["=cmd()", "+1", "-1", "@x", "'", "''=1", "nan", "None", "null", " ", "a,b", 'a"b', "a;b", "＝1", "1"]
) | st.text(min_size=1, max_size=8).filter(valid_name)


@st.composite
def sessions(draw: st.DrawFn) -> list[Event]:
    """Samples, gaps of any kind, and truth that may overlap, reach into gaps or be behind."""
    events: list[Event] = []
    now = 0
    for _ in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(["samples", "samples", "gap", "seam", "truth"]))
        n = draw(st.integers(1, 40))
        if kind == "samples":
            events.append(Samples(now, block(n, draw(st.integers(0, 99)))))
            now += n
        elif kind == "gap":
            events.append(Gap(now, n, draw(st.text(max_size=5))))
            now += n
        elif kind == "seam":
            events.append(Gap(now, 0, ""))
        else:
            start = draw(st.integers(0, now + 20))
            events.append(Truth(start, start + draw(st.integers(0, 30)), draw(hostile)))
    events.append(Samples(now, block(3)))
    return events


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=40)
@given(events=sessions(), counts=st.booleans())
def test_any_recording_goes_there_and_back(
    tmp_path_factory: pytest.TempPathFactory, form: str, events: list[Event], counts: bool
) -> None:
    needs(form)
    folder = tmp_path_factory.mktemp("any")
    path = written(folder / "a.odl", events, start_of(None))
    to_table(Source(path), folder / f"a{form}", counts=counts)
    notes = to_recording(folder / f"a{form}", folder / "b.odl")
    assert facts(folder / "b.odl") == facts(path)
    assert notes == []
    # And once more, from what came back.
    to_table(Source(folder / "b.odl"), folder / f"b{form}", counts=counts)
    assert (folder / f"b{form}").read_bytes() == (folder / f"a{form}").read_bytes()


def test_counts_of_any_scale_come_back(tmp_path: Path) -> None:
    counts = np.arange(-(2**15), 2**15).astype(np.int16)[:, None]
    for scale in (2**-14, 1 / 720, 0.0175, 9.80665 / 16384, 123.456, 1e-9):
        start = start_of(None, channels=[["ax", "g", scale]])
        written(tmp_path / "a.odl", [Samples(0, counts)], start)
        to_table(Source(tmp_path / "a.odl"), tmp_path / "a.csv", force=True)
        to_recording(tmp_path / "a.csv", tmp_path / "b.odl", force=True)
        assert facts(tmp_path / "b.odl") == facts(tmp_path / "a.odl")


# --- rows that were edited -------------------------------------------------------------


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
    pytest.importorskip("pyarrow")
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
        ("index,", "index," * 60_000, r"row 3: \d+ values where \d{5} should be"),
        (",sit,", ",si\x07t,", "row 2: a class name"),
        (",sit,", ',"sit,', "cannot be read as CSV|values where"),
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
@pytest.mark.parametrize("with_card", [True, False])
def test_another_encoding_is_named(tmp_path: Path, encoding: str, with_card: bool) -> None:
    path = written(tmp_path / "a.odl", [Truth(0, 20, "süß"), Samples(0, block(20))])
    to_table(Source(path), tmp_path / "a.csv")
    if not with_card:
        side_card(tmp_path / "a.csv").unlink()
    text = (tmp_path / "a.csv").read_text(encoding="utf-8")
    (tmp_path / "a.csv").write_text(text, encoding=encoding)
    with pytest.raises(DataError, match=r"a\.csv: this is not text in UTF-8; save it as that$"):
        to_recording(tmp_path / "a.csv", tmp_path / "b.odl")


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


# --- hostile names ---------------------------------------------------------------------


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


# --- damaged files ---------------------------------------------------------------------


def test_the_good_part_of_a_damaged_recording_is_converted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events: list[Event] = [Samples(i, block(10, i)) for i in range(0, 100, 10)]
    data = bytearray(written(tmp_path / "a.odl", events).read_bytes())
    data[data.index(block(10, 40).tobytes()[4:12])] ^= 1
    (tmp_path / "bad.odl").write_bytes(data[:-30])
    assert main(["convert", str(tmp_path / "bad.odl"), str(tmp_path / "bad.csv")]) == 1
    assert "damaged" in capsys.readouterr().err
    index = [int(row["index"]) for row in rows_of(tmp_path / "bad.csv")]
    assert index == [*range(40), *range(50, 90)]
    assert main(["convert", str(tmp_path / "bad.csv"), str(tmp_path / "good.odl")]) == 0
    stretches, gaps, _, position = facts(tmp_path / "good.odl")
    assert gaps == [Gap(40, 10, DAMAGED)] and position == 90
    assert stretches[0][1] == b"".join(block(10, i).tobytes() for i in range(0, 40, 10))


def test_any_cut_of_a_recording_is_converted_or_refused(tmp_path: Path) -> None:
    events: list[Event] = [Truth(0, 60, "sit"), Samples(0, block(20)), Prediction(0, (1,), (5,)),
                           Samples(20, block(20)), Gap(40, 5, ""), Samples(45, block(20))]  # fmt: skip
    data = written(tmp_path / "a.odl", events, start_of(None)).read_bytes()
    rows = []
    for cut in range(len(data) - 700, len(data), 13):
        (tmp_path / "cut.csv").unlink(missing_ok=True)
        (tmp_path / "cut.odl").write_bytes(data[:cut])
        status = main(["convert", str(tmp_path / "cut.odl"), str(tmp_path / "cut.csv"), "--force"])
        assert (status == 2) == (not (tmp_path / "cut.csv").exists())
        assert status in (1, 2)
        rows.append(0 if status == 2 else len(rows_of(tmp_path / "cut.csv")))
    assert rows == sorted(rows) and rows[-1] == 60


def test_a_stream_beyond_all_tables_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "far.odl", [Gap(0, 2**60, ""), Samples(2**60, block(3))])
    with pytest.raises(DataError, match="tables end at"):
        to_table(Source(path), tmp_path / "far.csv")


@given(st.lists(any_events, max_size=8), st.booleans(), st.sampled_from(["", *KINDS]))
def test_any_events_are_converted_or_refused(
    tmp_path_factory: pytest.TempPathFactory, happened: list[Event], counts: bool, what: str
) -> None:
    folder = tmp_path_factory.mktemp("wild")
    path = written(folder / "a.odl", [*happened, Gap(0, 1, "")], start_of(None, channels=[["a", "g", 0.1]]))
    source = Source(path, [what] if what else [])
    redacted(source, folder / "b.odl")
    assert len(read(folder / "b.odl").events) <= len(happened) + 1
    try:
        rows = to_table(source, folder / "a.csv", counts=counts, events=folder / "e.csv")
    except DataError:
        assert not (folder / "a.csv").exists()
        return
    assert len(rows_of(folder / "a.csv")) == rows
    to_recording(folder / "a.csv", folder / "c.odl")


# --- what is personal ------------------------------------------------------------------


def personal(walk: Path, path: Path) -> Path:
    """A real recording with all that can be personal in it."""
    recording = read(walk)
    config = dict(recording.start.config)
    config["session"] = config["session"] | {"subject": "Mary Roe", "begun": 1_700_000_000, "room": "of Mary"}
    events: list[Event] = []
    for event in recording.events:
        if isinstance(event, Label | AddClass):
            events.append(Origin(event.at, "notebook:Mary", 2500, 1_700_000_000_000))
        events.append(replace(event, why="Mary unplugged it") if isinstance(event, Gap) else event)
    return written(path, events, Start(config | {"by": "Mary"}, recording.start.image))


def test_the_usual_redaction_leaves_the_samples_and_nothing_personal(tmp_path: Path, walk: Path) -> None:
    path = personal(walk, tmp_path / "a.odl")
    source = Source(path, USUAL)
    redacted(source, tmp_path / "b.odl")
    data = (tmp_path / "b.odl").read_bytes()
    for word in (b"Mary", b"upright row", b"trapezius", b"1700000000"):
        start = read(tmp_path / "b.odl").start
        image = Image.from_bytes(start.image)
        # The model's card says which classes it was not trained on, which is about the model.
        card = json.dumps(image.card).encode()
        assert data.count(word) == card.count(word)
    before, after = facts(path), facts(tmp_path / "b.odl")
    assert (before[0], before[3]) == (after[0], after[3])
    assert not len(image.owners) and len(Image.from_bytes(read(path).start.image).owners)
    assert start.config["session"]["subject"] == NOBODY
    assert len(source.removed) == 5 and not source.same_trace
    again = odl.replay(tmp_path / "b.odl")
    assert again.outcomes[0].same_trace is None
    kinds = [type(e) for e in read(tmp_path / "b.odl").events]
    assert kinds == [type(e) for e in read(path).events if not isinstance(e, Origin)]


@pytest.mark.parametrize("what", ["origin", "subject", "names", "notes", "origin,subject,names,notes"])
def test_the_trace_is_equal_where_nothing_of_it_was_left_out(tmp_path: Path, walk: Path, what: str) -> None:
    source = Source(personal(walk, tmp_path / "a.odl"), kinds_of(what))
    redacted(source, tmp_path / "b.odl")
    assert source.same_trace and source.removed
    assert read(tmp_path / "b.odl").trace_sha256 == read(walk).trace_sha256
    assert odl.replay(tmp_path / "b.odl").outcomes[0].same_trace


def test_vectors_matter_only_where_something_was_learned(tmp_path: Path) -> None:
    file = odl.replay("shoulder", subjects=[7], policy="none", out=tmp_path).outcomes[0].file
    assert file is not None
    source = Source(file, ["vectors"])
    redacted(source, tmp_path / "b.odl")
    assert source.same_trace and odl.replay(tmp_path / "b.odl").outcomes[0].same_trace


def test_without_samples_the_rest_still_stands_where_it_stood(tmp_path: Path, walk: Path) -> None:
    source = Source(walk, ["samples"])
    redacted(source, tmp_path / "b.odl")
    recording = read(tmp_path / "b.odl")
    assert not any(isinstance(e, Samples) for e in recording.events)
    assert recording.position == read(walk).position
    assert recording.outputs == read(walk).outputs
    assert recording.start.config["session"]["redacted"] == {"left_out": ["samples"], "same_trace": False}


def test_a_state_taken_over_is_left_out_with_what_is_in_it(tmp_path: Path) -> None:
    state = b"a class called Mary"
    path = written(tmp_path / "a.odl", [Samples(0, block(5)), Adopt(5, 7, state), Samples(12, block(5))])
    for what in ("names", "vectors", "samples", "subject"):
        source = Source(path, [what])
        redacted(source, tmp_path / "b.odl", force=True)
        assert Gap(5, 7, "") in read(tmp_path / "b.odl").events
        assert b"Mary" not in (tmp_path / "b.odl").read_bytes() and not source.same_trace
    redacted(Source(path, ["origin"]), tmp_path / "c.odl")
    assert Adopt(5, 7, state) in read(tmp_path / "c.odl").events


def test_without_the_subject_answers_still_have_a_way(tmp_path: Path) -> None:
    path = written(tmp_path / "a.odl", [Samples(0, block(5)), Origin(5, "notebook:Mary", 1, 2), Undo(5)])
    redacted(Source(path, ["subject"]), tmp_path / "b.odl")
    assert Origin(5, "notebook", 1, 2) in read(tmp_path / "b.odl").events
    redacted(Source(path, ["origin"]), tmp_path / "c.odl")
    assert not any(isinstance(event, Origin) for event in read(tmp_path / "c.odl").events)


@pytest.mark.parametrize("policy", ["tactile-inforv", "random"])
def test_who_it_was_cannot_be_worked_out_from_the_seed(tmp_path: Path, policy: str) -> None:
    about = odl.replay("shoulder", subjects=[7], policy=policy, budget=3, out=tmp_path).outcomes[0]
    recording = read(about.file)
    assert recording.start.config["config"]["seed"] == seed_of(0, *b"7")
    source = Source(about.file, ["subject"])
    redacted(source, tmp_path / "b.odl")
    assert read(tmp_path / "b.odl").start.config["config"] == recording.start.config["config"] | {"seed": 1}
    assert source.same_trace is (policy != "random")
    again = odl.replay(tmp_path / "b.odl").outcomes[0].same_trace
    assert again is (None if policy == "random" else True)


def test_a_relabelled_recording_still_asks_about_the_same_windows(tmp_path: Path, walk: Path) -> None:
    own = tmp_path / "own.odl"
    own.write_bytes(walk.read_bytes())
    done = relabel(own)
    source = Source(done.recording, ["notes"])
    redacted(source, tmp_path / "b.odl")
    session = read(tmp_path / "b.odl").start.config["session"]
    assert session["asked"] and "relabelled" not in session
    assert source.same_trace and odl.replay(tmp_path / "b.odl").outcomes[0].same_trace


def test_a_worn_model_without_its_vectors_can_be_learned_on_from(tmp_path: Path) -> None:
    log = np.zeros(1, log_dtype(IMAGE.features))
    log["kind"], log["features"] = Entry.LABEL, 255 - IMAGE.stored[0]
    worn = checkpoint(IMAGE, log)
    assert worn.card["learned"]["vectors"] == 1
    path = written(tmp_path / "a.odl", [Samples(0, block(9))], start_of(worn))
    redacted(Source(path, ["vectors"]), tmp_path / "b.odl")
    image = Image.from_bytes(read(tmp_path / "b.odl").start.image)
    assert len(image.owners) == 0
    assert checkpoint(image, log).card["learned"] | {"from": ""} == {
        "from": "", "labels": 2, "classes": [], "vectors": 0
    }  # fmt: skip


def test_redacting_twice_remembers_the_first_time(tmp_path: Path, walk: Path) -> None:
    redacted(Source(walk, ["samples"]), tmp_path / "b.odl")
    source = Source(tmp_path / "b.odl", ["names"])
    redacted(source, tmp_path / "c.odl")
    about = read(tmp_path / "c.odl").start.config["session"]["redacted"]
    assert about == {"left_out": ["names", "samples"], "same_trace": False}


def test_tables_can_be_redacted_too(tmp_path: Path, walk: Path) -> None:
    path = personal(walk, tmp_path / "a.odl")
    arguments = [
        "convert",
        str(path),
        str(tmp_path / "a.csv"),
        "--events",
        str(tmp_path / "e.csv"),
        "--redact",
    ]
    assert main([*arguments, "--redact"]) == 0
    for file in ("a.csv", "a.csv.json", "e.csv"):
        text = (tmp_path / file).read_text(encoding="utf-8")
        assert "Mary" not in text and "upright row" not in text and "1700000000" not in text
    assert {row["truth"] for row in rows_of(tmp_path / "a.csv")} >= {"class 1", "class 2", "pendulum"}


@given(st.lists(st.sampled_from([*KINDS, "all"])))
def test_kinds_are_known_or_refused(words: list[str]) -> None:
    if "all" in words:
        with pytest.raises(ValueError, match="'all' is nothing"):
            kinds_of(",".join(words))
    else:
        assert set(kinds_of(",".join(words))) == (set(words) or set(USUAL))


# --- the command -----------------------------------------------------------------------


def test_what_is_written_is_its_owners(tmp_path: Path, walk: Path) -> None:
    files = ["a.csv", "a.csv.json", "e.csv", "b.odl", "c.odl"]
    for file in files:
        (tmp_path / file).write_text("open to others")
        (tmp_path / file).chmod(0o644)
    to_table(Source(walk), tmp_path / "a.csv", events=tmp_path / "e.csv", force=True)
    to_recording(tmp_path / "a.csv", tmp_path / "b.odl", force=True)
    redacted(Source(walk, USUAL), tmp_path / "c.odl", force=True)
    for file in files:
        assert stat.S_IMODE((tmp_path / file).stat().st_mode) == 0o600, file
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(files)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a.odl", "a.odl", "--redact", "--force"], "overwrite what is being read"),
        (["a.odl", "there.csv"], "there.csv: there is such a file already; --force"),
        (["a.odl", "new.csv", "--events", "there.csv"], "there.csv: there is such a file already; --force"),
        (["a.odl", "new.csv", "--events", "new.csv"], "two names"),
        (["a.odl", "new.csv", "--events", "new.txt"], "--events writes"),
        (["a.odl", "new.txt"], "ends neither"),
        (["a.odl", "new.odl"], "is a recording already"),
        (["a.odl", "new.csv", "--redact", "samples"], "would be empty"),
        (["a.odl", "new.csv", "--redact", "all"], "'all' is nothing that can be left out"),
        (["a.odl", "new.csv", "--rate", "50"], "--rate is for tables"),
        (["there.csv", "new.odl", "--redact"], "--redact is for recordings"),
        (["there.csv", "new.csv"], "one of the two has to be a recording"),
        (["none.odl", "new.csv"], "no such file"),
        (["there.csv", "new.odl"], "no column"),
        (["there.csv", "there.odl"], "no column"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    written(tmp_path / "a.odl", [Samples(0, block(5))])
    (tmp_path / "there.csv").write_text("a,b\n1,2\n")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    names = [str(tmp_path / word) if "." in word else word for word in arguments]
    assert main(["convert", *names]) == 2
    sentence = capsys.readouterr().err
    assert said in sentence and sentence.count("\n") == 1
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_no_file_tells_where_it_was_written(tmp_path: Path, walk: Path) -> None:
    home = tmp_path / "home" / "zebedee"
    out = ["--budget", "5", "--out", str(home / "out"), "--json", str(home / "figures.json")]
    home.mkdir(parents=True)
    (home / "walk.odl").write_bytes(walk.read_bytes())
    assert main(["replay", str(home / "walk.odl"), *out]) == 0
    assert main(["convert", str(home / "walk.odl"), str(home / "walk.csv")]) == 0
    assert main(["convert", str(home / "walk.csv"), str(home / "again.odl")]) == 0
    files = [path for path in home.rglob("*") if path.is_file()]
    assert len(files) == 7
    for path in files:
        assert b"zebedee" not in path.read_bytes(), path.name


# --- anybody's tables ------------------------------------------------------------------


def walk_csv(path: Path, **columns: Any) -> None:
    """Four seconds at 50 Hz, a second missing after the first 100 rows."""
    t = np.r_[0:100, 150:250] / 50
    own = {"time_ms": t * 1000, "acc_x": np.sin(t), "acc_y": np.cos(t), "acc_z": 9.81 + 0 * t} | columns
    lines = [",".join(own)] + [",".join(map(str, row)) for row in zip(*own.values(), strict=True)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_a_table_of_ones_own_becomes_a_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    walk_csv(tmp_path / "walk.csv", activity=["sit"] * 60 + ["null"] * 20 + ["up"] * 120)
    assert main(["convert", str(tmp_path / "walk.csv"), str(tmp_path / "walk.odl"), "--subject", "P3"]) == 0
    assert "acceleration in m/s2" in capsys.readouterr().out
    stretches, gaps, truths, position = facts(tmp_path / "walk.odl")
    assert [len(data) // 6 for _, data in stretches] == [100, 100]
    assert [(g.start, g.lost) for g in gaps if isinstance(g, Gap)] == [(100, 50)]
    assert truths == [Truth(0, 60, "sit"), Truth(80, 100, "up"), Truth(150, 250, "up")]
    assert position == 250
    session = read(tmp_path / "walk.odl").start.config["session"]
    assert session["subject"] == "P3" and session["rate_hz"] == 50
    assert [c[:2] for c in session["channels"]] == [["ax", "m/s2"], ["ay", "m/s2"], ["az", "m/s2"]]
    values = np.frombuffer(stretches[0][1], np.int16).reshape(-1, 3) * session["channels"][0][2]
    assert np.allclose(values[:, 2], 9.81, atol=1e-3)


def test_rate_columns_and_units_can_be_told(tmp_path: Path) -> None:
    t = np.arange(200)
    walk_csv(tmp_path / "a.csv", time_ms=t, left=t / 1e3, right=-t / 1e3)
    text = (tmp_path / "a.csv").read_text().replace("time_ms", "nr")
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match="with --rate"):
        to_recording(tmp_path / "a.csv", tmp_path / "a.odl")
    to_recording(
        tmp_path / "a.csv", tmp_path / "a.odl", rate_hz=100, columns=["left", "right"], units=["mV"]
    )  # fmt: skip
    session = read(tmp_path / "a.odl").start.config["session"]
    assert [c[:2] for c in session["channels"]] == [["left", "mV"], ["right", "mV"]]
    assert session["rate_hz"] == 100
    with pytest.raises(DataError, match="looks like a sensor's axis"):
        to_recording(tmp_path / "a.csv", tmp_path / "b.odl", rate_hz=100, columns=["left", "right"])
    with pytest.raises(DataError, match="not every column is called like"):
        to_recording(tmp_path / "a.csv", tmp_path / "b.odl", rate_hz=100, columns=["left", "acc_x"])
    with pytest.raises(DataError, match="3 units for 2 columns"):
        to_recording(tmp_path / "a.csv", tmp_path / "b.odl", rate_hz=1, columns=["left", "right"],
                     units=["g", "g", "g"])  # fmt: skip
    with pytest.raises(DataError, match="no column 'up'"):
        to_recording(tmp_path / "a.csv", tmp_path / "b.odl", rate_hz=100, columns=["up"])


@pytest.mark.parametrize("rate", ["0", "-5", "nan", "inf", "1e-320", "1e300"])
def test_a_rate_that_cannot_be_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rate: str
) -> None:
    walk_csv(tmp_path / "a.csv")
    assert main(["convert", str(tmp_path / "a.csv"), str(tmp_path / "a.odl"), "--rate", rate]) == 2
    assert "is none of a sensor; it can be 0.001 to 10000" in capsys.readouterr().err
    assert not (tmp_path / "a.odl").exists()


@pytest.mark.parametrize("name", ["", "a\x1b[2J", "a\nb", "x" * 65])
def test_a_pseudonym_is_short_and_printable(tmp_path: Path, name: str) -> None:
    walk_csv(tmp_path / "a.csv")
    with pytest.raises(ConfigError, match="--subject is a pseudonym"):
        to_recording(tmp_path / "a.csv", tmp_path / "a.odl", subject=name)
    walk_csv(tmp_path / "a.csv", user=[f'"{name.replace(chr(10), "")}"'] * 200)
    to_recording(tmp_path / "a.csv", tmp_path / "a.odl")
    kept = read(tmp_path / "a.odl").start.config["session"]["subject"]
    assert kept.isprintable() and 0 < len(kept) <= 64


@pytest.mark.filterwarnings("error")
def test_time_stamps_may_name_their_zone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stamps = [f"2026-05-04T09:{i // 3000:02}:{i // 50 % 60:02}.{i % 50 * 20:03}+05:45" for i in range(200)]
    walk_csv(tmp_path / "a.csv", time_ms=stamps)
    assert main(["convert", str(tmp_path / "a.csv"), str(tmp_path / "a.odl")]) == 0
    assert capsys.readouterr().err == ""
    assert read(tmp_path / "a.odl").start.config["session"]["rate_hz"] == 50
    assert b"2026" not in (tmp_path / "a.odl").read_bytes()


def test_two_people_are_two_recordings(tmp_path: Path) -> None:
    walk_csv(tmp_path / "a.csv", user=[1] * 100 + [2] * 100)
    with pytest.raises(DataError, match="2 people in column 'user'"):
        to_recording(tmp_path / "a.csv", tmp_path / "a.odl")


def test_a_recording_without_a_model_needs_one_to_be_replayed(
    tmp_path: Path, walk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to_table(Source(walk), tmp_path / "walk.csv")
    side_card(tmp_path / "walk.csv").unlink()
    to_recording(tmp_path / "walk.csv", tmp_path / "bare.odl")
    assert main(["replay", str(tmp_path / "bare.odl")]) == 2
    assert "no model image" in capsys.readouterr().err
    assert main(["info", str(tmp_path / "bare.odl")]) == 0
    assert "27276" in capsys.readouterr().out
    assert main(["evaluate", str(tmp_path / "bare.odl"), "--model", "shoulder"]) == 0
    asked = odl.replay(tmp_path / "bare.odl", model="shoulder", budget=5)
    assert asked.evaluations[0].queries == 5
    to_recording(tmp_path / "walk.csv", tmp_path / "with.odl", model="shoulder")
    assert odl.replay(tmp_path / "with.odl").outcomes[0].samples == 27276


@pytest.mark.parametrize("counts", [False, True])
@pytest.mark.parametrize("form", [*FORMS, ".odl"])
def test_a_folder_of_converted_recordings_is_a_dataset(
    tmp_path: Path, walk: Path, form: str, counts: bool
) -> None:
    needs(form)
    name = f"walk{form}"
    if form == ".odl":
        to_table(Source(walk), tmp_path / "walk.csv", counts=counts)
        (tmp_path / "set").mkdir()
        to_recording(tmp_path / "walk.csv", tmp_path / "set" / name)
    else:
        to_table(Source(walk), tmp_path / "set" / name, counts=counts)
    assert main(["init", str(tmp_path / "set")]) == 0
    dataset = open_dataset(tmp_path / "set")
    parts = dataset.session(7)
    original = open_dataset("shoulder").session(7)
    assert [p.block.tobytes() for p in parts] == [p.block.tobytes() for p in original]
    assert [p.truths for p in parts] == [p.truths for p in original]
    assert [c.scale for c in dataset.card.channels] == [c[2] for c in CHANNELS]
