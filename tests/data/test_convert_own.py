"""Anybody's table becomes a recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import odl
from odl.cli.main import main
from odl.core.config import ConfigError
from odl.core.events import Gap, Truth
from odl.data import DataError
from odl.data.conversion.convert import Source, to_recording, to_table
from odl.data.conversion.converted import side_card
from odl.recording import read
from tests.helpers.conversion import facts, walk_csv


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
    with pytest.raises(DataError, match="with `rate`"):
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
    with pytest.raises(ConfigError, match="`subject` is a pseudonym"):
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
