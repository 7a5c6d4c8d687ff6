"""Ranges of a finished recording are marked in a notebook, and stand in the file at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import odl.notebook
from odl.core.events import Gap, Samples, Truth
from odl.recording import RecordingError, Writer, read
from odl.wire import Start

CHANNELS = [["ax", "g", 0.001], ["wx", "deg/s", 0.1]]


def recorded(path: Path, channels: object = CHANNELS, rate: object = 50.0) -> Path:
    with Writer(path, Start({"session": {"rate_hz": rate, "channels": channels}}, b"")) as writer:
        for at in range(0, 1500, 100):
            block = np.random.default_rng(at).integers(-900, 900, (100, 2)).astype(np.int16)
            writer.write(Samples(at, block) if at != 700 else Gap(700, 100, "lost"))
    return path


def test_a_range_is_chosen_named_and_written(tmp_path: Path) -> None:
    path = recorded(tmp_path / "a.odl")
    session = odl.notebook.mark(path)
    first = session.picture.value
    assert first[1:4] == b"PNG" and session.range.max == 30.0
    session.button.click()
    assert "type or choose first" in session.said.value and not truths(path)
    session.range.value = (4.0, 12.0)
    assert session.picture.value != first, "the range is shaded"
    session.name.value = " walk  slowly "
    session.button.click()
    assert truths(path) == [Truth(200, 600, "walk slowly")]
    assert "4.0 to 12.0 s: walk slowly" in session.said.value
    assert session.name.options == ("walk slowly",)
    session.range.value = (11.0, 12.0)
    session.clear.click()
    assert truths(path) == [Truth(200, 550, "walk slowly")]
    session.name.value = "<b>" + "x" * 40
    session.button.click()
    assert "encode" in session.said.value or "32 bytes" in session.said.value
    assert "<b>" not in session.said.value.replace("<div", "")
    assert truths(path) == [Truth(200, 550, "walk slowly")]
    again = odl.notebook.mark(path)
    assert again.name.options == ("walk slowly",)
    for each in (session, again):
        each.close()


def truths(path: Path) -> list[Truth]:
    return [e for e in read(path).events if isinstance(e, Truth)]


@pytest.mark.parametrize(
    ("channels", "rate"), [(None, 50.0), (CHANNELS, "x"), (CHANNELS, -1.0), (CHANNELS[:1], 50.0)]
)
def test_what_does_not_say_what_it_is_is_refused(tmp_path: Path, channels: object, rate: object) -> None:
    with pytest.raises(RecordingError, match="a.odl: the recording"):
        odl.notebook.mark(recorded(tmp_path / "a.odl", channels, rate))
