"""The file of edits beside a recording."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from odl.labels.edits import Edit, RelabelError, append_edits, current_edits, read_edits


def test_edits_are_kept_in_a_log_that_only_grows(tmp_path: Path) -> None:
    path = tmp_path / "a.edits.jsonl"
    append_edits(path, "t", [Edit(0, "walk")])
    first = path.read_bytes()
    append_edits(path, "t", [Edit(0, None, by="relabel:P3", clock=5), Edit(64, "new", "walk", took=900)])
    assert path.read_bytes().startswith(first)
    edits = read_edits(path, "t")
    assert edits == [
        Edit(0, "walk"),
        Edit(0, None, by="relabel:P3", clock=5),
        Edit(64, "new", "walk", took=900),
    ]
    assert current_edits(edits)[0].name is None
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_line_cut_short_by_a_power_cut_is_left_out_and_written_behind(tmp_path: Path) -> None:
    path = tmp_path / "a.edits.jsonl"
    append_edits(path, "t", [Edit(0, "walk"), Edit(64, "sit")])
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert read_edits(path, "t") == [Edit(0, "walk")]
    append_edits(path, "t", [Edit(128, "run")])
    assert read_edits(path, "t") == [Edit(0, "walk"), Edit(128, "run")]
    path.write_bytes(whole[:-1])  # only the line's end is missing: it is an edit
    append_edits(path, "t", [Edit(128, "run")])
    assert read_edits(path, "t") == [Edit(0, "walk"), Edit(64, "sit"), Edit(128, "run")]
    for length in range(whole.index(b"\n") + 1):  # nothing was there before
        path.write_bytes(whole[:length])
        assert read_edits(path, "t") == []
        append_edits(path, "t", [Edit(128, "run")])
        assert read_edits(path, "t") == [Edit(128, "run")]


@pytest.mark.parametrize("length", range(1, 60))
@pytest.mark.parametrize("end", [b"", b"\xff", b"\xc3", b"\xc3(", b"}", b"\0"])
def test_what_is_read_is_what_stays_when_more_is_written(tmp_path: Path, length: int, end: bytes) -> None:
    """An edit that counted was dropped: its line had no end and one invalid byte."""
    path = tmp_path / "a.edits.jsonl"
    append_edits(path, "t", [Edit(0, "wälk")])
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"window": 64, "name": "b\xc3\xb6se", "by": "relabel:P"}'[:length] + end)
    before = read_edits(path, "t")
    assert before[0] == Edit(0, "wälk") and len(before) <= 2
    append_edits(path, "t", [Edit(128, "run")])
    assert read_edits(path, "t") == [*before, Edit(128, "run")]
    assert path.read_bytes().startswith(whole)


def test_nothing_is_written_behind_the_edits_of_another_recording(tmp_path: Path) -> None:
    path = tmp_path / "a.edits.jsonl"
    for content in (b"hello", b'{"format": "odl label edits 1", "trace": "u"}\n', b"[" * 10_000):
        path.write_bytes(content)
        with pytest.raises(RelabelError, match="move (it|them) away"):
            append_edits(path, "t", [Edit(0, "walk")])
        assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("hello", "not a log of edits"), ("hello\n", "not a log of edits"), ("[1]\n", "not a log of edits"),
        ('{"format": "odl label edits 1", "trace": "u"}\n', "belong to another recording"),
    ],
)  # fmt: skip
def test_a_log_of_something_else_is_refused(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "a.edits.jsonl"
    path.write_text(content)
    with pytest.raises(RelabelError, match=words):
        read_edits(path, "t")


@pytest.mark.parametrize(
    "line",
    ["{}", "[]", "{", '{"window": "0"}', '{"window": 0, "name": "a\\u001b[2J"}', '{"window": 0, "name": 5}',
     '{"window": 0, "took": -1}', '{"window": 0, "by": "\\u0007"}', '{"window": 0, "more": 1}', "[" * 10_000,
     '{"window": 0, "name": "a\xff"}'],
)  # fmt: skip
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.edits.jsonl"
    append_edits(path, "t", [])
    path.write_bytes(path.read_bytes() + line.encode("latin-1") + b'\n{"window": 0}\n')
    with pytest.raises(RelabelError, match="line 2 is no edit"):
        read_edits(path, "t")
