"""Edits made in a notebook: one that could not be learned from is refused as it is made."""

from __future__ import annotations

from pathlib import Path

from relabelling import played, windows

from odl.label.edits import edits_path
from odl.notebook.sitting import Sitting
from odl.relabel import relabel


def test_a_place_that_comes_too_late_is_refused_in_a_notebook_too(tmp_path: Path) -> None:
    path = played(tmp_path / "a.odl", "run", "wave")
    first = windows(path)[0]
    sitting = Sitting(path)
    review = sitting.review
    leaf = next(place.leaf for place in review.places if place.under == "wave")
    said = review.answer(first, "new", 0, leaf)
    assert not said.taken and "which the session came to know only later" in said.sentence
    assert not edits_path(path).exists() and review.questions[0].window == first
    assert review.answer(first, "new").taken and relabel(path).edits == 1
