"""The row of fields that changes classes in a notebook, and where what is taught goes."""

from __future__ import annotations

import pytest

from odl.core.events import AddClass, ChangeClass, Event, Split
from odl.notebook.class_row import ClassRow
from odl.notebook.teach_row import ROOT, TeachRow
from tests.helpers.prompts import PromptHarness


class RowHarness:
    """A session, and the row that changes its classes."""

    def __init__(self, **settings: object) -> None:
        self.stage = PromptHarness(policy="none", **settings)  # type: ignore[arg-type]
        self.stage.run(40)
        self.row = ClassRow(self.stage.prompt, self.stage.clock)

    def change(self, what: str, name: str, other: str = "") -> list[Event]:
        self.row.what.value = what
        self.row.tick()
        self.row.name.value, self.row.other.value = name, other
        self.row.button.click()
        for _ in range(2):
            self.stage.clock.now += 4
            self.row.act()
        passed = self.stage.put()
        self.row.tick()
        return [e for e in passed if isinstance(e, AddClass | ChangeClass | Split)]


def test_each_change_of_classes() -> None:
    page = RowHarness()
    assert page.change("rename a class", "sit", "sitting") == [ChangeClass(40, 0, 0, "sitting")]
    assert (page.row.name.value, page.row.other.value) == ("", "")
    assert page.change("merge two classes", "sitting", "run") == [ChangeClass(40, 0, 2, "sitting")]
    assert page.change("remove a class", " walk ") == [ChangeClass(40, 1, None, "walk")]
    assert page.row.other.layout.display == "none"
    page.row.what.value = "bring a class back"
    page.row.tick()
    assert page.row.name.options == ("sitting", "walk")
    assert page.change("bring a class back", "walk") == [ChangeClass(40, 1, 1, "walk")]
    assert page.change("add a class", "slouch", "run") == [Split(40, 2, 2), AddClass(40, 5, "slouch", 2)]
    assert page.change("add a class", "hop", ROOT) == [AddClass(40, 6, "hop", 0)]


@pytest.mark.parametrize(
    ("what", "name", "other", "said"),
    [
        ("rename a class", "sit", "", "type or choose the classes first"),
        ("remove a class", "", "", "type or choose the classes first"),
        ("add a class", "hop", "", "'hop' is new: say under which class it goes"),
        ("merge two classes", "up", "run", "do not lie beside each other"),
    ],
)
def test_what_cannot_be_done_is_said_and_stays_in_the_fields(
    what: str, name: str, other: str, said: str
) -> None:
    page = RowHarness()
    assert page.change(what, name, other) == [] and said in page.stage.prompt.sentence
    assert (page.row.name.value, page.row.other.value) == (name, other)


def test_a_new_class_opens_the_head_that_the_training_had_it_under() -> None:
    page = RowHarness(homes={"climb": 1})
    assert page.change("add a class", "climb") == [AddClass(40, 5, "climb", 1)]


def test_what_is_taught_goes_where_the_training_had_it_or_the_reply_asks() -> None:
    page = RowHarness(homes={"climb": 1})
    row = TeachRow(page.stage.prompt, page.stage.clock)

    def teach(name: str, under: str = "") -> list[Event]:
        row.name.value, row.under.value = name, under
        row.button.click()
        page.stage.clock.now += 4
        row.act()
        return [e for e in page.stage.put() if isinstance(e, AddClass)]

    assert teach("climb") == [AddClass(40, 5, "climb", 1)]
    assert teach("hop") == [] and "say under which class it goes" in page.stage.prompt.sentence
    assert teach("hop", "sit") == [AddClass(40, 6, "hop", 2)] and row.under.value == ""


def test_the_row_takes_nothing_once_the_session_has_ended() -> None:
    row = RowHarness().row
    row.over()
    assert row.button.disabled and row.name.disabled and row.what.disabled
