"""The menu that changes classes in the terminal's view: its keys, and what they show."""

from __future__ import annotations

import pytest
from prompt_toolkit.output import DummyOutput

from odl.cli.terminal.class_menu import ACTIONS
from odl.cli.terminal.keys import KeyMode, keyed
from odl.cli.terminal.view import TerminalView
from odl.core.events import AddClass, ChangeClass, Event, Split
from tests.helpers.prompts import Played, PromptHarness
from tests.helpers.virtual_clock import VirtualClock


class MenuHarness:
    """A session, its view, and a person who presses keys; the class of a key is written as <name>."""

    def __init__(self, **settings: object) -> None:
        self.stage = PromptHarness(**settings)  # type: ignore[arg-type]
        self.stage.run(40)
        live = Played(self.stage, lambda i: None)
        self.view = TerminalView(live, list, target=DummyOutput(), clock=VirtualClock(tick=1.0))

    def keys(self, *keys: str) -> list[Event]:
        """What passed after the keys; <walk> is the key of that class in the menu."""
        for key in keys:
            if key == "enter":
                self.view._enter()
            elif key.startswith("<"):
                (one,) = (k for k, name in keyed(self.view.mode.choices).items() if f"<{name}>" == key)
                self.view.press(one)
            else:
                for character in key:
                    self.view.press(character)
        passed = self.stage.put()
        return [e for e in passed if isinstance(e, AddClass | ChangeClass | Split)]

    @property
    def picture(self) -> str:
        return "\n".join("".join(part for _, part in line) for line in self.view._lines(100, 40))


def test_each_change_of_classes_has_its_keys() -> None:
    it = MenuHarness(policy="none")
    assert " m  classes" in it.picture
    it.view.press("m")
    assert "What is changed of the classes?" in it.picture
    assert all(f" {key}  {words}" in it.picture for key, (_, words) in ACTIONS.items())
    assert it.keys("r", "<sit>", "sitting", "enter") == [ChangeClass(40, 0, 0, "sitting")]
    it.view.press("m")
    it.view.press("m")
    assert "Which class is merged?" in it.picture
    assert it.keys("<sitting>") == []
    assert "As which class does 'sitting' count?" in it.picture
    assert {one.name for one in it.view.mode.choices} == {"walk", "run"}, "those beside it"
    assert it.keys("<run>") == [ChangeClass(40, 0, 2, "sitting")]
    assert it.keys("mx", "<walk>") == [ChangeClass(40, 1, None, "walk")]
    it.view.press("m")
    it.view.press("b")
    assert [one.name for one in it.view.mode.choices] == ["sitting", "walk"]
    assert it.keys("<walk>") == [ChangeClass(40, 1, 1, "walk")]
    assert it.keys("ma", "hop", "enter", "1") == [AddClass(40, 5, "hop", 0)]
    it.keys("u")
    assert it.stage.prompt.sentence.startswith(
        "undo takes back no class that was added: remove 'hop' instead"
    )
    assert it.view.mode == KeyMode()


def test_a_class_is_added_where_it_is_told_or_where_the_training_had_it() -> None:
    it = MenuHarness(policy="none", homes={"down the stairs": 1})
    it.keys("ma", "slouch", "enter")
    assert "the place of 'slouch' in the tree:" in it.picture and "2  under sit" in it.picture
    assert it.keys("2") == [Split(40, 0, 2), AddClass(40, 5, "slouch", 2)]
    assert it.keys("ma", "down the stairs", "enter") == [AddClass(40, 6, "down the stairs", 1)]


def test_a_taught_class_opens_the_head_that_the_training_had_it_under() -> None:
    it = MenuHarness(policy="none", homes={"climb": 1})
    assert it.keys("tn", "climb", "enter") == [AddClass(40, 5, "climb", 1)]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (("mz",), "'z' means nothing here"), (("mb",), "no class was removed or merged"),
        (("mx9",), "'9' means nothing here"),
        (("mr", "<sit>", "run", "enter"), "there is a class 'run' already"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_and_nothing_changes(keys: tuple[str, ...], said: str) -> None:
    it = MenuHarness(policy="none")
    assert it.keys(*keys) == [] and said in it.stage.prompt.sentence
    it.view._leave()
    assert it.view.mode == KeyMode()


def test_a_question_that_waits_is_not_shown_while_classes_are_changed() -> None:
    it = MenuHarness()
    window = it.stage.until_asked()
    assert "What were you doing" in it.picture
    it.view.press("m")
    assert "What were you doing" not in it.picture and it.keys("x", "<sit>") != []
    assert "What were you doing" in it.picture and it.view._drawn == window
