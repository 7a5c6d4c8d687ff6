"""Classes added, renamed, merged and removed by a person, at the prompt of a session that runs."""

from __future__ import annotations

import pytest

from odl.cli.terminal.lines import typed
from odl.core.events import AddClass, ChangeClass, Learned, Origin, Split, Undo
from odl.labels.taught_session import TaughtSession
from tests.helpers.prompts import PromptHarness


class Stage(PromptHarness, TaughtSession):
    """A session with a person."""


@pytest.fixture
def stage() -> Stage:
    found = Stage()
    found.run(80)
    return found


def shown(stage: Stage) -> list[str]:
    return sorted(one.name for one in stage.prompt.likely)


def test_a_class_a_task_and_one_below_it(stage: Stage) -> None:
    assert stage.add_class("hop", under="").taken and stage.add_class("slouch", under="sit").taken
    events = stage.run(8)
    assert [type(e) for e in events if isinstance(e, AddClass | Split)] == [AddClass, Split, AddClass]
    assert stage.session.tree.path(max(stage.session.names)) == ("sit", "slouch")
    assert [e.by for e in events if isinstance(e, Origin)] == ["terminal"] * 3
    assert [said.taken for said in stage.split("run", "slow", "fast")] == [True, True]
    stage.run(8)
    assert "slow" in stage.session.names.values()
    assert "no room left" in stage.prompt.sentence  # the image has eight rows


def test_rename_merge_remove_and_back(stage: Stage) -> None:
    assert stage.rename("sit", "sitting").sentence == "'sit' is called 'sitting' from now on"
    stage.run(8)
    assert "sitting" in shown(stage) and "sit" not in shown(stage)
    assert stage.merge("sitting", into="run").taken
    stage.run(8)
    assert stage.prompt.sentence == "'sitting' counts as 'run'" and "sitting" not in shown(stage)
    assert stage.remove("walk").taken
    stage.run(8)
    assert shown(stage) == ["run"]
    for sentence in ("the change of 'walk'", "the change of 'sitting'", "the change of 'sit'"):
        assert stage.undo().sentence == f"{sentence} is being taken back"
        stage.run(8)
        assert stage.prompt.sentence == f"{sentence} was taken back"
    assert shown(stage) == ["down", "run", "sit", "up", "walk"] and stage.session.tree.changes == ()


def test_a_removed_class_that_is_taught_is_there_again(stage: Stage) -> None:
    stage.remove("sit")
    stage.run(8)
    assert "sit" not in shown(stage)
    assert stage.teach("sit").taken
    events = stage.run(8)
    assert [type(e) for e in events if isinstance(e, ChangeClass | AddClass)] == [ChangeClass]
    assert "sit" in shown(stage)


def test_the_image_s_class_takes_the_name_of_the_new_one_that_it_is_merged_into(stage: Stage) -> None:
    stage.teach("hop", under="")
    stage.run(8)
    stage.merge("sit", into="hop")
    stage.run(8)
    tree = stage.session.tree
    assert tree.names[0] == "hop" and tree.counts_as(tree.id_of("hop")) == 0  # type: ignore[arg-type]
    assert stage.prompt.sentence == "'sit' counts as 'hop'"
    stage.undo()
    stage.run(8)
    assert stage.prompt.sentence == "the change of 'sit' was taken back"
    assert {"hop", "sit"} <= {*shown(stage)} and not stage.session.tree.changes


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("remove hop", "there is no class 'hop'; there are sit, walk, run, up, down"),
        ("merge sit = up",
         "'sit' and 'up' do not lie beside each other in the tree, so they cannot be merged"),
        ("merge sit = sit", "there is no other class 'sit'; there are sit, walk, run, up, down"),
        ("rename sit = run", "there is a class 'run' already; merge the two"),
        ("rename sit = ", "a class needs a name of 1 to 32 bytes of printable text"),
        ("add run", "there is a class 'run' already"),
        ("add hop under nobody",
         "nothing can go under 'nobody': there is no such class, or no room for another task"),
        ("add hop", "'hop' is new: say under which class it goes (sit, walk, run, up, down), "
         "or that it is beside them"),
        ("t hop", "'hop' is new: say under which class it goes (sit, walk, run, up, down), "
         "or that it is beside them"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said(stage: Stage, words: str, sentence: str) -> None:
    assert typed(stage.prompt, words, None) == sentence
    assert not [e for e in stage.run(8) if isinstance(e, AddClass | Split | ChangeClass)]


def test_a_class_below_a_removed_one_keeps_its_name_for_itself(stage: Stage) -> None:
    stage.remove("walk")
    stage.run(8)
    said = stage.rename("run", "up")
    assert said.sentence == "'up' lies under 'walk', which is no class any more; add 'walk' first"
    assert not said.taken and stage.rename("run", "walk").taken


def test_the_last_class_of_the_root_task_stays(stage: Stage) -> None:
    for name in ("sit", "walk"):
        stage.remove(name)
        stage.run(8)
    assert stage.remove("run").sentence == "'run' is the last class of the root task, which needs one"


def test_a_line_changes_the_classes_and_says_where_a_new_label_goes(stage: Stage) -> None:
    for line in ("add hop under -", "rename run = running", "t skip under walk"):
        assert typed(stage.prompt, line, None) == ""
        stage.run(40)
    names = stage.session.names
    assert {"hop", "running", "skip"} <= set(names.values())
    assert stage.session.tree.parent(next(cls for cls, name in names.items() if name == "skip")) == "walk"
    window = stage.until_asked()
    assert typed(stage.prompt, "n crawl under sit", window) == ""
    assert any(isinstance(e, Learned) for e in stage.run(40))
    assert stage.session.tree.parent(max(stage.session.names)) == "sit"


def test_a_label_of_the_training_s_tree_opens_its_task() -> None:
    stage = Stage(homes={"crawl": 1})
    stage.run(80)
    assert stage.teach("crawl").taken
    stage.run(8)
    assert stage.session.tree.path(max(stage.session.names)) == ("walk", "crawl")


def test_an_added_class_is_taken_back_by_removing_it(stage: Stage) -> None:
    stage.teach("sit")
    stage.run(8)
    stage.add_class("hop", under="")
    stage.run(8)
    assert stage.undo().sentence == (
        "undo takes back no class that was added: remove 'hop' instead; once more takes back 'sit'"
    )
    assert stage.remove("hop").taken
    stage.run(8)
    assert "hop" not in shown(stage)


@pytest.mark.parametrize("change", ["rename", "merge"])
def test_a_change_whose_old_name_a_new_class_has_is_not_taken_back(change: str, stage: Stage) -> None:
    if change == "rename":
        stage.rename("sit", "sitting")
    else:
        stage.add_class("hop", under="")
        stage.run(8)
        stage.merge("sit", into="hop")
    stage.run(8)
    stage.add_class("sit", under="run")
    stage.run(8)
    stage.undo()  # undo takes back no class that was added
    assert stage.undo().sentence == (
        "the change of 'sit' cannot be taken back: another class is called 'sit' now; rename that one, and "
        "then this one"
    )
    assert not [event for event in stage.run(8) if isinstance(event, Undo)] and shown(stage).count("sit") == 1
    stage.rename("sit", "slouch")
    stage.run(8)
    assert stage.rename("sitting" if change == "rename" else "hop", "sit").taken
    stage.run(8)
    assert {"sit", "slouch"} <= set(shown(stage))


def test_a_name_that_is_on_its_way_is_not_given_to_another_class(stage: Stage) -> None:
    stage.teach("hop", under="")
    refused = "wait until what was given before has arrived: it may call a class 'hop'"
    assert stage.rename("sit", "hop").sentence == refused
    stage.run(8)
    assert stage.rename("sit", "hop").sentence == "there is a class 'hop' already; merge the two"
    stage.rename("sit", "slouch")
    stage.run(8)
    assert stage.undo().taken and stage.rename("run", "sit").sentence.startswith("wait until")
    stage.run(8)
    assert sorted(set(shown(stage))) == shown(stage)


def test_undo_after_a_class_was_brought_back_names_what_it_takes_back(stage: Stage) -> None:
    stage.remove("sit")
    stage.run(8)
    said = stage.add_class("sit").sentence
    stage.run(8)
    assert stage.prompt.sentence == said == "'sit' is a class again, with its labels"
    stage.teach("run")
    stage.run(8)
    for sentence in ("'run'", "the change of 'sit'", "the change of 'sit'"):
        assert stage.undo().sentence == f"{sentence} is being taken back"
        stage.run(8)
        assert stage.prompt.sentence == f"{sentence} was taken back"


def test_a_change_can_be_taken_back_before_it_was_sent(stage: Stage) -> None:
    stage.remove("sit")
    assert stage.undo().sentence == "taken back before it was sent"
    assert not [e for e in stage.run(8) if isinstance(e, ChangeClass | Undo)]


def test_a_merged_class_that_is_added_is_one_of_its_own_again(stage: Stage) -> None:
    stage.merge("sit", into="run")
    stage.run(8)
    assert stage.add_class("sit").sentence == "'sit' is a class again, with its labels"
    events = stage.run(8)
    assert [e for e in events if isinstance(e, AddClass | ChangeClass)] == [ChangeClass(88, 0, 0, "sit")]
    assert "sit" in shown(stage)
    assert stage.undo().sentence == "the change of 'sit' is being taken back"
    stage.run(8)
    assert "sit" not in shown(stage)


def test_what_lies_under_a_removed_class_is_no_label_until_that_is_one(stage: Stage) -> None:
    stage.remove("walk")
    stage.run(8)
    lies = "'up' lies under 'walk', which is no class any more; add 'walk' first"
    assert stage.teach("up").sentence == stage.add_class("up").sentence == lies
    stage.add_class("walk")
    stage.run(8)
    assert stage.teach("up").taken
