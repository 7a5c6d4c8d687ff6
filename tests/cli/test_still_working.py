"""No command is silent for more than two seconds."""

from __future__ import annotations

import argparse
import threading
from typing import Any

import pytest

from odl.cli import main, still_working
from odl.cli.still_working import StillWorking, quiet
from tests.helpers.virtual_clock import VirtualClock
from tests.helpers.waiting import LIMIT


@pytest.fixture(autouse=True)
def beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(still_working, "SILENT", 2.0)


def test_it_speaks_when_a_command_has_been_silent_for_two_seconds() -> None:
    clock, said = VirtualClock(), list[str]()
    one = StillWorking(said.append, clock)
    for _ in range(3):
        one.check()
        clock.sleep(0.9)
    one.check()
    assert said == ["working (3 s so far)"]
    one.progress("reading walk.odl")
    for _ in range(14):
        clock.sleep(0.5)
        one.check()
    assert said[1:] == ["reading walk.odl", "reading walk.odl (2 s so far)", "reading walk.odl (7 s so far)"]


def test_a_sentence_with_the_time_left_is_not_repeated_before_the_next_one() -> None:
    clock, said = VirtualClock(), list[str]()
    one = StillWorking(said.append, clock)
    for done in (50, 100):
        one.progress(f"fit: {done} of 1,000 steps, 20 a second, 40 s left")
        for _ in range(9):
            clock.sleep(0.5)
            one.check()
    assert len(said) == 2
    clock.sleep(0.5)
    one.check()
    assert said[2:] == [f"{said[1]} (5 s so far)"]


def test_a_sentence_with_its_own_time_is_gone_on_with() -> None:
    clock, said = VirtualClock(), list[str]()
    one = StillWorking(said.append, clock)
    one.progress("compiling the kernels (2 s so far)")
    for _ in range(10):
        clock.sleep(0.5)
        one.check()
    assert said == ["compiling the kernels (2 s so far)", "compiling the kernels (7 s so far)"]


def test_it_is_quiet_where_something_else_shows_the_state() -> None:
    clock, said = VirtualClock(), list[str]()
    one = StillWorking(said.append, clock)
    with quiet(one.progress):
        clock.sleep(100.0)
        one.check()
    one.check()
    assert said == []
    with quiet(said.append):  # of nobody's
        pass


def test_every_command_has_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It speaks from its own thread while the command computes."""
    said, spoken = list[str](), threading.Event()

    def show(sentence: str) -> None:
        said.append(sentence)
        spoken.set()

    class Loud(StillWorking):
        def __init__(self, _: Any) -> None:
            super().__init__(show)
            self._due = 0.0

    def compute(args: argparse.Namespace, progress: Any) -> str:
        progress.__self__._due = 0.0
        return "" if spoken.wait(LIMIT) else "silent"

    parser = main.make_parser()
    monkeypatch.setattr(main, "StillWorking", Loud)
    monkeypatch.setattr(parser, "parse_args", lambda words: argparse.Namespace(command="x", run=compute))
    monkeypatch.setattr(main, "make_parser", lambda: parser)
    assert main.main([]) == 0
    assert said[0].startswith("working (")
