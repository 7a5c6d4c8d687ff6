"""Ranges of a finished recording are marked in a notebook, and stand in the file at once."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from ipywidgets.widgets.widget import _instances

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
    first = session.plot.picture
    assert first[1:4] == b"PNG" and session.plot.seconds == session.end.max == 30.0
    assert session.plot.about.startswith("The whole recording, 30.0 seconds: ax in g; wx in deg/s")
    session.button.click()
    assert "type or choose first" in session.said.value and not truths(path)
    session.plot.start, session.plot.end = 4.0, 12.0
    session.name.value = " walk  slowly "
    session.button.click()
    assert truths(path) == [Truth(200, 600, "walk slowly")]
    assert "4.00 to 12.00 s: walk slowly" in session.said.value
    assert session.plot.picture != first, "the label is drawn"
    assert session.name.options == ("walk slowly",)
    session.plot.start = 11.0
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


def test_what_is_dragged_and_what_is_typed_are_one_range(tmp_path: Path) -> None:
    session = odl.notebook.mark(recorded(tmp_path / "a.odl"))

    def ranges() -> set[tuple[float, float]]:
        return {(session.plot.start, session.plot.end), (session.start.value, session.end.value)}

    assert ranges() == {(0.0, 10.0)}
    session.plot.set_state({"start": 12.5, "end": 17.25})  # as the browser does
    assert ranges() == {(12.5, 17.25)}
    session.start.value = 20.0
    assert ranges() == {(20.0, 20.0)}, "an edge takes the other one along"
    session.button.click()
    assert not truths(tmp_path / "a.odl")
    session.end.value = 25.0
    assert ranges() == {(20.0, 25.0)}
    session.end.value = 3.0
    assert ranges() == {(3.0, 3.0)}
    session.plot.set_state({"start": -4.0, "end": 99.0})
    assert ranges() == {(0.0, 30.0)}
    session.plot.start = float("nan")
    assert ranges() == {(0.0, 30.0)}
    session.close()


def test_the_last_second_is_short_to_read_and_takes_the_last_sample(tmp_path: Path) -> None:
    session = odl.notebook.mark(recorded(tmp_path / "a.odl", rate=119.0))
    assert session.end.max == 12.606  # 1500 / 119 is 12.60504...
    session.plot.start, session.plot.end = 12.0, 12.606
    session.name.value = "walk"
    session.button.click()
    assert truths(tmp_path / "a.odl") == [Truth(1428, 1500, "walk")]
    session.close()


def test_an_empty_range_is_refused_as_that(tmp_path: Path) -> None:
    session = odl.notebook.mark(recorded(tmp_path / "a.odl"))
    session.name.value = "walk"
    for start, end in ((7.0, 7.0), (30.0, 30.0)):
        session.plot.start, session.plot.end = start, end
        session.button.click()
        assert f"no sample is from second {start:g} to second {end:g}" in session.said.value
    assert not truths(tmp_path / "a.odl")
    session.close()


def test_all_widgets_are_gone_when_it_is_closed(tmp_path: Path) -> None:
    before = len(_instances)
    odl.notebook.mark(recorded(tmp_path / "a.odl")).close()
    assert len(_instances) == before


@pytest.mark.parametrize(
    ("call", "package"), [("mark", "anywidget"), ("mark", "ipywidgets"), ("relabel", "ipywidgets")]
)
def test_without_the_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, call: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, "odl.notebook.range_plot", raising=False)
    with pytest.raises(ModuleNotFoundError, match=rf"needs the package '{package}': pip install .*notebook"):
        getattr(odl.notebook, call)("a.odl")


def truths(path: Path) -> list[Truth]:
    return [e for e in read(path).events if isinstance(e, Truth)]


@pytest.mark.parametrize(
    ("channels", "rate"), [(None, 50.0), (CHANNELS, "x"), (CHANNELS, -1.0), (CHANNELS[:1], 50.0)]
)
def test_what_does_not_say_what_it_is_is_refused(tmp_path: Path, channels: object, rate: object) -> None:
    with pytest.raises(RecordingError, match="a.odl: the recording"):
        odl.notebook.mark(recorded(tmp_path / "a.odl", channels, rate))
