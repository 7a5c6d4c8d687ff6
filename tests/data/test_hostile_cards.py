"""Cards from strangers: a pattern that takes long to match, a label file that leads out, nesting, escapes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from odl.cli.main import main
from odl.data.card import DataError, parse_card
from odl.data.table_card import LONGEST, from_name

CARD: dict[str, Any] = {
    "name": "walk", "title": "Walks", "origin": "", "licence": "", "citation": "", "rate_hz": 50.0,
    "channels": [{"name": "ax", "unit": "g", "scale": 0.001, "column": "ax"}], "classes": ["sit", "walk"],
    "splits": {"train": ["1"]}, "window_s": 1, "hop_s": 0.5, "tree": None,
}  # fmt: skip
ROWS = "t,ax,label\n" + "".join(f"{n / 50},{n % 7},{'sit' if n < 150 else 'walk'}\n" for n in range(300))


def put(folder: Path, name: str, **table: Any) -> None:
    folder.mkdir()
    (folder / name).write_text(ROWS)
    reading = {"files": ["*.csv"], "time": "t", "time_unit": "s"} | table
    (folder / "card.json").write_text(json.dumps(CARD | {"table": reading}))


def test_a_pattern_with_many_stars_is_matched_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "walk", "a" * 200 + ".csv", files=["*a*a*a*a*a*a*b.csv"], label="label")
    assert main(["check", str(tmp_path / "walk")]) == 2  # it took for ever
    assert "there are no tables; looked for *a*a" in capsys.readouterr().err


@pytest.mark.parametrize("entry", ["label", "subject", "recording"])
def test_a_pattern_of_an_entry_with_many_stars_is_matched_at_once(entry: str) -> None:
    """It took for ever as a regular expression."""
    assert from_name("*a" * 40 + "{" + entry + "}b.csv", entry, "a" * 200 + ".csv") is None
    assert from_name("*a" * 40 + "{" + entry + "}.csv", entry, "a" * 200 + ".csv") == "a" * 160
    assert from_name("{" + entry + "}", entry, "a" * (LONGEST + 1)) is None


@pytest.mark.parametrize("name", ["../secret.csv", "a/../../secret.csv", "{file}/../../secret.csv"])
def test_a_label_file_does_not_lead_out(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret.csv").write_text("start,end,label\nhunter2,hunter3,hunter4\n")
    put(tmp_path / "walk", "walk.csv", label_file=name)
    assert main(["check", str(tmp_path / "walk")]) == 2
    assert "hunter" not in capsys.readouterr().err


@pytest.mark.parametrize("text", ["[" * 100_000, '{"name":' * 100_000])
def test_a_nested_card_is_named(text: str) -> None:
    """The sentence was Python's own, and named no file."""
    with pytest.raises(DataError, match=r"^walk/card\.json: the card is"):
        parse_card(text, "walk/card.json")


def test_escapes_and_html_of_a_card_are_shown_as_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "walk", "walk.csv", label="label")
    written = CARD | {"name": "\x1b[2J<script>", "table": {"files": ["*.csv"], "label": "label"}}
    (tmp_path / "walk" / "card.json").write_text(json.dumps(written))
    main(["check", str(tmp_path / "walk")])
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err
