"""Any two days of a wearer, merged: no name twice, nothing twice, and the order only where they disagree."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from odl.core.events import AddClass, ChangeClass, Split
from odl.model.profile import WearerProfile
from tests.helpers.wearers import IMAGE, day, learned, opened, shown

CHANCE = st.randoms(use_true_random=False)


def profile_of(*events: AddClass | ChangeClass | Split) -> WearerProfile:
    session = opened()
    for event in events:
        assert session.step(event) == []
    return WearerProfile.of(IMAGE, session.log)


@given(CHANCE, st.booleans())
def test_two_days_have_each_name_once_and_merging_one_again_changes_nothing(
    rng: random.Random, begun_together: bool
) -> None:
    before = day(rng) if begun_together else None
    days = [day(rng, before), day(rng, before)]
    for one, other in (days, days[::-1]):
        both = one + other
        names = shown(opened(both).tree)
        own = [shown(opened(each).tree) for each in days]
        if all(len(set(each)) == len(each) for each in own):
            assert len(set(names)) == len(names)
        assert (one + one).text() == one.text()
        assert (both + other).text() == both.text() == (one + other).text()


@given(CHANCE, st.booleans())
def test_days_about_different_classes_teach_the_same_in_either_order(
    rng: random.Random, begun_together: bool
) -> None:
    before = day(rng) if begun_together else None
    one = day(rng, before, ("hop", "sit", "up", "slow"), undo=False)
    other = day(rng, before, ("jump", "run", "down", "skip"), undo=False)
    assert learned(one + other) == learned(other + one)


def test_a_name_that_is_taken_gets_a_number() -> None:
    slow_down = profile_of(ChangeClass(0, 4, 4, "slow"))
    slow_up = profile_of(ChangeClass(0, 3, 3, "slow"), AddClass(0, 9, "up", 0))
    both = slow_down + slow_up
    assert shown(opened(both).tree) == ["sit", "walk", "run", "slow 2", "slow", "up"]
    assert (both + slow_up).text() == both.text()


def test_a_class_that_was_renamed_gives_its_last_name_also_behind_another_day() -> None:
    monday = profile_of(ChangeClass(0, 2, None, "run"))
    tuesday = profile_of(
        AddClass(0, 9, "hop", 0), ChangeClass(0, 9, 9, "slow"), ChangeClass(0, 9, 0, "sit")
    )  # as a merge of sit into slow, whose name stays
    for both in (monday + tuesday, tuesday + monday):
        assert shown(opened(both).tree) == ["slow", "walk", "up", "down"]


def test_what_both_began_with_is_not_done_again() -> None:
    before = profile_of(ChangeClass(0, 0, None, "sit"))
    session = opened(before)
    session.step(ChangeClass(0, 0, 0, "sit"))
    back = WearerProfile.of(IMAGE, session.log)
    session = opened(before)
    session.step(ChangeClass(0, 2, 2, "jog"))
    for both in (back + WearerProfile.of(IMAGE, session.log), WearerProfile.of(IMAGE, session.log) + back):
        assert shown(opened(both).tree) == ["sit", "walk", "jog", "up", "down"]


def test_a_removed_class_stays_removed_unless_it_was_taught_again() -> None:
    removed = profile_of(AddClass(0, 9, "hop", 0), ChangeClass(0, 9, None, "hop"))
    added = profile_of(AddClass(0, 9, "hop", 0), ChangeClass(0, 2, 2, "jog"))
    for both in (removed + added, added + removed):
        assert shown(opened(both).tree) == ["sit", "walk", "jog", "up", "down"]


def test_a_task_whose_classes_are_elsewhere_takes_no_room() -> None:
    beside = profile_of(AddClass(0, 9, "hop", 0))
    under = profile_of(Split(0, 2, 2), AddClass(0, 9, "hop", 2))
    assert len((beside + under).log) == 1
