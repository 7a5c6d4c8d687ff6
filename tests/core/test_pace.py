"""Progress with a rate and the time left: when it speaks, and what it says."""

from __future__ import annotations

import pytest

from odl.core.pace import Pace
from tests.helpers.virtual_clock import VirtualClock


@pytest.mark.parametrize(
    ("seconds", "done", "sentence"),
    [
        (2.0, 200, "work: 200 of 1,000 steps, 100 a second, 8 s left"),
        (10.0, 5, "work: 5 of 1,000 steps, 0.5 a second, 33 min left"),
        (100.0, 5, "work: 5 of 1,000 steps, 3.0 a minute, 332 min left"),
        (2.0, 1200, "work: 1,200 of 1,000 steps, 600 a second, 0 s left"),
    ],
)
def test_the_sentence(seconds: float, done: int, sentence: str) -> None:
    said, clock = list[str](), VirtualClock()
    pace = Pace(said.append, "work", 1000, "steps", clock)
    clock.sleep(seconds)
    pace.reach(done)
    assert said == [sentence]


def test_it_speaks_every_two_seconds_and_not_before_anything_is_done() -> None:
    said, clock = list[str](), VirtualClock()
    pace = Pace(said.append, "work", None, "samples", clock)
    for second in range(9):
        pace.reach(1000 * second)
        clock.sleep(1.0)
    assert said == [f"work: {n},000 samples, 1,000 a second" for n in (2, 4, 6, 8)]
