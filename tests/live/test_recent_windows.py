"""The running accuracy and the strips of a live view."""

from __future__ import annotations

import numpy as np
import pytest

from odl.core.class_tree import ClassTree
from odl.core.events import AddClass, Gap, Prediction, Samples, Truth
from odl.core.ground_truth import TruthTrack
from odl.core.history import SessionHistory
from odl.evaluate import read_timeline
from odl.live.recent_windows import SCORED, RecentWindows, Run
from tests.helpers.synthetic import HOP, KNOWN, WINDOW, session


@pytest.mark.parametrize("late", [False, True])
def test_the_running_accuracy_is_that_of_the_evaluation(late: bool) -> None:
    events, _ = session(5)
    if late:  # each truth comes when its samples have passed, as from a person who notes what was done
        events.sort(key=lambda e: e.end if isinstance(e, Truth) else getattr(e, "window", 0) + WINDOW)
        events.sort(key=lambda e: not isinstance(e, AddClass))
    recent, history = RecentWindows(WINDOW, HOP), SessionHistory(ClassTree(KNOWN))
    for event in events:
        history.take(event)
        recent.take(event, history.tree.names)
    rows = read_timeline(events, [], KNOWN, window=WINDOW).rows
    right = [row.truth == row.predicted for row in rows if row.truth is not None][-SCORED:]
    assert recent.scored == len(right) == SCORED and recent.accuracy == sum(right) / SCORED
    end = max(e.window for e in events if isinstance(e, Prediction)) + WINDOW
    assert recent.predicted(end - HOP, end)[-1].name == rows[-1].predicted


def test_a_day_of_gaps_takes_no_room() -> None:
    recent = RecentWindows(WINDOW, HOP)
    for at in range(0, 5000, 5):
        recent.take(Gap(at, 5, "lost on the line"), {})
    assert recent.position == 5000 and len(recent.history.gaps) == 0


def test_the_truth_that_is_known_is_drawn_before_its_event_comes() -> None:
    """A board plays a person: the truth of a stretch is recorded when the stretch is over."""
    track = TruthTrack([Truth(0, 250, "up"), Truth(250, 900, "down")])
    recent = RecentWindows(100, 50, track)
    for window in range(0, 400, 50):
        recent.take(Samples(window, np.zeros((50, 1), np.int16)), {})
        recent.take(Prediction(window, (1,), ()), {1: "up"})
    assert recent.truth(100, 400) == [Run(100, 300, "up"), Run(300, 400, "down")]
    assert recent.scored == 8
