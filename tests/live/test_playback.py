"""`odl live --play` without a board: a person of one's own tables is played, asked about and resumed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from odl.cli.main import main
from odl.core.config import ConfigError
from odl.core.events import Adopt, Samples
from odl.data import DataError
from odl.data.streams import dataset_streams
from odl.evaluate.recorded import open_recording
from odl.live import open_live
from odl.model.profile import WearerProfile, read_profile
from odl.recording import read
from tests.helpers.live_stage import same_trace

ROWS = 4000  # of the person's recordings, 80 s


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two tables, as a person may have exported them, with the card that `odl init` wrote."""
    folder = tmp_path_factory.mktemp("mydata")
    stream = dataset_streams("shoulder", ["8"], 0)[0]
    scale = np.array([scale for _, _, scale in stream.channels or ()])
    block = np.concatenate([e.block for e in stream.inputs() if isinstance(e, Samples)])[: 2 * ROWS] * scale
    label = [""] * len(block)
    for truth in stream.truths:
        label[truth.start : truth.end] = [truth.name] * (truth.end - truth.start)
    for k in range(2):
        lines = ["time,ax,ay,az,wx,wy,wz,label"]
        lines += [
            f"{i / 50:.3f}," + ",".join(f"{v:.5f}" for v in block[k * ROWS + i]) + f",{label[k * ROWS + i]}"
            for i in range(ROWS)
        ]
        (folder / f"p{k + 1}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert main(["init", str(folder)]) == 0
    return folder


def test_a_folder_of_ones_own_tables_is_played(
    tables: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, figures = tmp_path / "mine.odl", tmp_path / "figures.json"
    words = ["live", "--play", str(tables), "--subject", "2", "--model", "shoulder", "--speed", "1000"]
    assert main([*words, "--answers", "truth", "--out", str(path), "--json", str(figures)]) == 0
    assert same_trace(path)
    out = capsys.readouterr().out
    assert f"next: odl report {path}" in out and "accuracy " in out and "2: playing" in out
    found = json.loads(figures.read_text())
    assert found["position"] == ROWS and found["recorded"]["answers"] >= 2
    assert found["scored"] > 40 and 0 < found["accuracy"] <= 1
    assert open_recording(path).config.allowed == 20, "about 20 questions in what is played"


def test_a_session_that_was_cut_is_resumed_with_its_settings(tables: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.odl"
    chosen = {"play": str(tables), "subject": 1, "speed": 1e6}
    live = open_live(**chosen, model="shoulder", out=path, options={"budget": 7, "policy": "periodic"})
    for _ in live:
        if live.session.position > ROWS // 2:
            break
    live._writer.leave()  # as if the process had been killed
    with pytest.raises(ConfigError, match="continues with the recording's settings"):
        open_live(**chosen, resume=path, options={"budget": 9})
    with open_live(**chosen, resume=path) as live:
        assert live.resumed and live.session.config.allowed == 7
        for _ in live:
            pass
    assert live.session.position == ROWS and same_trace(path)
    assert sum(len(e.block) for e in read(path).events if isinstance(e, Samples)) == ROWS


def test_what_cannot_be_played_is_refused_with_what_to_do(tables: Path, tmp_path: Path) -> None:
    for emulated in (False, True):
        with pytest.raises(DataError, match="has no model image; name one with `model`, or train one"):
            open_live(play=str(tables), emulated=emulated, out=tmp_path / "none.odl")
    with pytest.raises(ConfigError, match="add `emulated=True` for a board that learns"):
        open_live(play="shoulder", learn="both", out=tmp_path / "none.odl")
    with pytest.raises(ConfigError, match="`who` is for a wearer"):
        open_live(play="shoulder", who="P3", out=tmp_path / "none.odl")
    assert not (tmp_path / "none.odl").exists()


def test_a_profile_goes_on_with_a_played_person_and_is_kept_up_to_date(
    tables: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    anna = tmp_path / "anna.odlp"
    words = ["live", "--play", str(tables), "--subject", "2", "--model", "shoulder", "--speed", "1000",
             "--answers", "truth", "--policy", "periodic", "--profile", str(anna)]  # fmt: skip
    assert main([*words, "--out", str(tmp_path / "1.odl")]) == 0
    monday = read_profile(anna)
    assert main([*words, "--out", str(tmp_path / "2.odl")]) == 0
    both, first = read_profile(anna), read(tmp_path / "2.odl").events[0]
    assert len(both.log) > len(monday.log) > 1
    assert both.log[: len(monday.log)]["features"].tobytes() == monday.log["features"].tobytes()
    assert isinstance(first, Adopt) and (first.start, first.lost) == (0, 0) and same_trace(tmp_path / "2.odl")
    anna.write_text(WearerProfile(1, monday.log).text())
    assert main([*words, "--out", str(tmp_path / "3.odl")]) == 2
    assert "belongs to the model image 00000001" in capsys.readouterr().err
    assert not (tmp_path / "3.odl").exists()


def test_a_session_of_the_length_that_was_asked_for_was_not_too_short(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "live",
        "--play",
        "shoulder",
        "--subject",
        "8",
        "--speed",
        "1000",
        "--out",
        str(tmp_path / "w.odl"),
    ]
    assert main([*words, "--seconds", "100", "--budget", "5"]) == 0
    said = capsys.readouterr().err
    assert "were not needed" in said or "was not needed" in said
    assert "earlier than its budget" not in said
