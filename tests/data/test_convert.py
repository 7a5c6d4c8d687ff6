"""Recordings become tables and come back."""

from __future__ import annotations

import stat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import odl
from odl.cli.main import main
from odl.core.config import Config
from odl.core.events import (
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
    Teach,
    Truth,
    Undo,
    Why,
    valid_name,
)
from odl.core.session import Session
from odl.data import DataError, open_dataset
from odl.data.conversion.convert import Source, redacted, to_recording, to_table
from odl.recording import DAMAGED, read
from odl.recording.redact import KINDS, USUAL
from tests.golden.sessions import RECORDING
from tests.helpers.conversion import CHANNELS, FORMS, IMAGE, block, facts, needs, rows_of, start_of, written
from tests.helpers.messages import events as any_events


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


# --- damaged files -------------------------------------------------------------------


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


def test_taught_labels_and_the_stretch_of_a_question_are_in_the_tables(tmp_path: Path) -> None:
    source = Source(RECORDING)
    to_table(source, tmp_path / "a.csv", events=tmp_path / "e.csv")
    rows, events = rows_of(tmp_path / "e.csv"), read(RECORDING).events
    taught = [event for event in events if isinstance(event, Teach)]
    questions = [event for event in events if isinstance(event, Query)]
    assert [row["index"] for row in rows if row["event"] == "taught"] == [str(one.at) for one in taught] != []
    since = [row["since"] for row in rows if row["event"] == "question"]
    assert since == [str(query.since) for query in questions]
    assert any(query.since < query.window for query in questions)
    names = {row["class"] for row in rows if row["event"] == "taught"}
    assert source.names[1] in names


# --- the command ---------------------------------------------------------------------


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
        (["a.odl", "there.csv"], "there.csv: the file exists; --force"),
        (["a.odl", "new.csv", "--events", "there.csv"], "there.csv: the file exists; --force"),
        (["a.odl", "new.csv", "--events", "new.csv"], "two names"),
        (["a.odl", "new.csv", "--events", "new.txt"], "--events writes"),
        (["a.odl", "new.txt"], "ends neither"),
        (["a.odl", "new.odl"], "is a recording already"),
        (["a.odl", "new.csv", "--redact", "samples"], "would be empty"),
        (["a.odl", "new.csv", "--redact", "all"], "'all' cannot be left out"),
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
