"""The bundled shoulder recordings: as the card says, whole, and refused when they are not."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from odl.data import DataError, list_datasets, load_card, load_series, load_session, model_path, read_card

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "datasets" / "shoulder"


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the datasets folder that a test may damage."""
    shutil.copytree(ROOT / "datasets", tmp_path / "datasets")
    monkeypatch.setattr(import_module("odl.data.bundled"), "find_folder", lambda: tmp_path / "datasets")
    load_series.cache_clear()
    yield tmp_path / "datasets"
    load_series.cache_clear()


def test_the_card_says_what_the_recordings_are() -> None:
    about = load_card("shoulder")
    assert "shoulder" in list_datasets()
    assert hashlib.sha256((HERE / about.file).read_bytes()).hexdigest() == about.sha256
    assert about.rate_hz == 50 and [c.name for c in about.channels] == ["ax", "ay", "az", "wx", "wy", "wz"]
    assert about.subjects == tuple(str(n) for n in range(1, 11))
    assert not set(about.splits["train"]) & set(about.splits["test"])
    assert sum(len(s.block) for s in load_series("shoulder")) == about.about["rows"] == 244_102
    assert len(load_series("shoulder")) == about.about["series"] == 140


def test_every_person_did_every_exercise_with_both_arms() -> None:
    done = Counter((s.subject, s.cls, s.side) for s in load_series("shoulder"))
    assert set(done.values()) == {1} and len(done) == 10 * 7 * 2


def test_real_values_are_those_of_a_wrist() -> None:
    scales = np.array([c.scale for c in load_card("shoulder").channels])
    size = np.abs(np.concatenate([s.block for s in load_series("shoulder")]) * scales)
    gravity = np.sqrt((size[:, :3] ** 2).sum(1))
    assert 0.95 < np.median(gravity) < 1.1
    assert size[:, 3:].max() < 35  # rad/s, the range of common gyroscopes


def test_the_mirror_makes_one_arm_look_like_the_other() -> None:
    signs = np.array(load_card("shoulder").about["mirror"])
    mean = {
        side: np.mean([s.block.mean(0) for s in load_series("shoulder") if s.side == side], 0)
        for side in (0, 1)
    }
    gravity = slice(0, 3)
    apart = np.linalg.norm((mean[0] - mean[1])[gravity])
    assert np.linalg.norm((mean[0] * signs - mean[1])[gravity]) < 0.2 * apart


@pytest.mark.parametrize("subject", ["1", "7", "10"])
def test_a_session_is_every_recording_of_a_person_once(subject: str) -> None:
    parts = load_session("shoulder", subject, seed=3)
    own = [s for s in load_series("shoulder") if s.subject == subject]
    assert sorted(p.block.tobytes() for p in parts) == sorted(s.block.tobytes() for s in own)
    names = load_card("shoulder").classes
    by_bytes = {s.block.tobytes(): names[s.cls] for s in own}
    for part in parts:
        assert part.block.dtype == np.int16 and not part.block.flags.writeable
        assert part.truths == ((0, len(part.block), by_bytes[part.block.tobytes()]),)


def test_the_seed_decides_the_order() -> None:
    def order(seed: int) -> list[str]:
        return [p.truths[0][2] for p in load_session("shoulder", 8, seed)]

    assert order(0) == order(0)
    assert len({tuple(order(seed)) for seed in range(5)}) == 5
    # The order is part of every published figure: it must not move.
    assert order(0)[:4] == ["upright row", "abduction", "internal rotation", "forward elevation"]


def test_unknown_names_are_answered_with_what_there_is() -> None:
    with pytest.raises(DataError, match="no dataset 'elbow'; known datasets: .*shoulder"):
        load_session("elbow", 1)
    with pytest.raises(DataError, match="no subject 11; there are 1, 2, .* 10"):
        load_session("shoulder", 11)


def test_a_damaged_file_is_refused(copied: Path) -> None:
    file = copied / "shoulder" / "recordings.npz"
    data = bytearray(file.read_bytes())
    data[1000] ^= 1
    file.write_bytes(data)
    with pytest.raises(DataError, match="recordings.npz has SHA-256"):
        load_session("shoulder", 1)
    file.unlink()
    with pytest.raises(DataError, match="recordings.npz cannot be read"):
        load_session("shoulder", 1)


def test_a_missing_model_is_said(copied: Path) -> None:
    model_path("shoulder").unlink()
    with pytest.raises(DataError, match="no model image shoulder.odlm"):
        model_path("shoulder")


@pytest.mark.parametrize(
    ("entry", "value", "said"),
    [
        ("rate_hz", 0, "rate_hz"),
        ("rate_hz", "fast", "not as it should be"),
        ("classes", ["one", "one"], "classes"),
        ("splits", {"train": [1, 2], "test": [2]}, "in two splits"),
        ("model", "../shoulder.odlm", "beside the card"),
        ("channels", [{"name": "ax", "unit": "g", "scale": 0}], "scale"),
        ("title", None, "no entry 'title'"),
    ],
)
def test_a_wrong_card_is_refused_by_entry(copied: Path, entry: str, value: Any, said: str) -> None:
    path = copied / "shoulder" / "card.json"
    text = json.loads(path.read_text(encoding="utf-8"))
    if value is None:
        del text[entry]
    else:
        text[entry] = value
    path.write_text(json.dumps(text), encoding="utf-8")
    with pytest.raises(DataError, match=said):
        read_card(path)
