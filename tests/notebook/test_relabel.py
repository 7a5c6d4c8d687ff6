"""Edits made in a sitting, as a notebook begins it: where a new class hangs, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from odl.core.events import AddClass
from odl.evaluate.relabel import relabel
from odl.labels.edits import Edit, edits_path
from odl.notebook.relabel import RelabelSession
from odl.recording import read
from tests.helpers.relabelling import edit, played, review, windows
from tests.helpers.streams import IMAGE


def test_a_place_that_comes_too_late_is_refused_in_a_notebook_too(tmp_path: Path) -> None:
    path = played(tmp_path / "a.odl", "run", "wave")
    first = windows(path)[0]
    sitting = RelabelSession(path)
    review = sitting.review
    leaf = next(place.leaf for place in review.places if place.under == "wave")
    said = review.answer(first, "new", 0, leaf)
    assert not said.taken and "which was added later" in said.sentence
    assert not edits_path(path).exists() and review.questions[0].window == first
    assert review.answer(first, "new").taken and relabel(path).edits == 1


def homes(path: Path) -> list[tuple[str, int]]:
    """The classes that learning again adds, and the tasks they hang under."""
    events = read(relabel(path).recording).events
    return [(event.name, event.head) for event in events if isinstance(event, AddClass)]


def test_an_undo_brings_a_class_back_to_its_place(tmp_path: Path) -> None:
    path = played(tmp_path / "a.odl", "run", "sit")
    first, second = windows(path)[:2]
    edit(path, Edit(first, "wave", "walk"))
    for name in ("run", "sit"):  # the one that was recorded, and another
        review = RelabelSession(path).review
        assert review.answer(first, name).taken and "wave" not in [one.name for one in review.likely]
        assert review.answer(second, "wave", 0).taken
        assert review.undo().taken and review.undo().taken
        assert homes(path) == [("wave", 1)]


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize(("under", "head"), [(None, 0), ("sit", 2)])
def test_a_name_typed_again_hangs_where_it_is_put_now(
    tmp_path: Path, recorded: bool, under: str | None, head: int
) -> None:
    path = played(tmp_path / "a.odl", "run", "sit")
    first = windows(path)[0]
    if not recorded:
        edit(path, Edit(first, "sit"))
    review = RelabelSession(path).review
    places = {place.under: place for place in review.places}
    assert review.answer(first, "wave", places["walk"].head, places["walk"].leaf).taken
    assert review.undo().taken and "wave" not in [one.name for one in review.likely]
    assert review.answer(first, "wave", places[under].head, places[under].leaf).taken
    assert homes(path) == [("wave", head)]


def test_a_place_that_was_given_up_is_nobody_s(tmp_path: Path) -> None:
    path = played(tmp_path / "a.odl", "run", "sit")
    first, second = windows(path)[:2]
    edit(path, Edit(first, "wave", "walk"), Edit(first, keep=True))
    assert RelabelSession(path).review.answer(second, "wave").taken
    assert homes(path) == [("wave", 0)]


def test_an_undone_class_leaves_its_room(tmp_path: Path) -> None:
    path = played(tmp_path / "a.odl", "run")
    first = windows(path)[0]
    it, _ = review(path, room=len(IMAGE.names) + 1)
    assert it.answer(first, "wafe").taken and not it.places and it.undo().taken
    assert it.answer(first, "wave").taken and it.likely[-1].name == "wave"
