"""Classes that are renamed, merged, removed and brought back, on a running session."""

from __future__ import annotations

import numpy as np
import pytest

from odl.core.class_tree import tree_of_image
from odl.core.config import ConfigError
from odl.core.events import (
    NO_WINDOW,
    AddClass,
    ChangeClass,
    Dropped,
    Label,
    Learned,
    Output,
    Prediction,
    Samples,
    Split,
    Teach,
    Undo,
    Why,
)
from odl.core.history import SessionHistory
from odl.core.session import Session
from tests.helpers.streams import VARIED, config, samples

RAW = samples(11, 4000)
SIT, WALK, RUN = 0, 1, 2  # the root; under walk lie up (3) and down (4)


def started(n: int = 200) -> Session:
    """A session that asks nothing."""
    session = Session(VARIED, config("none", allowed=0))
    run(session, n)
    return session


def run(session: Session, n: int) -> list[Prediction]:
    """``n`` further samples."""
    at = session.position
    return [e for e in session.step(Samples(at, RAW[at : at + n])) if isinstance(e, Prediction)]


def change(session: Session, cls: int, into: int | None, name: str = "x") -> list[Output]:
    return list(session.step(ChangeClass(session.position, cls, into, name)))


def heads(session: Session) -> bytes:
    """The heads in use, bytes of the state block."""
    state = session._core.state
    return b"".join(state[name].tobytes() for name in ("weights", "row_active", "row_class", "row_head"))


def refused(session: Session, why: Why = Why.NO_SUCH_CLASS) -> list[Output]:
    return [Dropped(session.position, NO_WINDOW, why)]


@pytest.mark.parametrize("changes", [[(SIT, RUN)], [(SIT, None)], [(SIT, SIT)], [(3, 4), (RUN, None)]])
def test_the_images_heads_keep_their_bytes(changes: list[tuple[int, int | None]]) -> None:
    session, before = started(), heads(started())
    for cls, into in changes:
        assert not change(session, cls, into)
        run(session, 100)
    assert heads(session) == before


def test_what_the_image_says_of_a_merged_class_goes_to_the_other() -> None:
    session, other = started(), started()
    assert not change(session, SIT, RUN)
    for merged, plain in zip(run(session, 800), run(other, 800), strict=True):
        p, q = merged.scores, plain.scores
        assert p[SIT] == 0 and p[RUN] == q[SIT] + q[RUN] and p[WALK] == q[WALK]
        assert SIT not in merged.path
    assert other.counts["windows"] > 50


def test_a_removed_class_is_not_shown_and_the_others_share_its_chance() -> None:
    session = started()
    assert not change(session, WALK, None)
    shown = run(session, 800)
    assert {one.path for one in shown} <= {(SIT,), (RUN,)}
    assert all(one.scores[WALK] == one.scores[3] == one.scores[4] == 0 for one in shown)
    assert all(abs(sum(one.scores) - 2**15) <= 2 for one in shown)


def test_a_label_of_a_merged_class_teaches_the_other_and_one_of_a_removed_class_nothing() -> None:
    session = started()
    change(session, SIT, RUN)
    assert [type(e) for e in session.step(Teach(session.position, SIT))] == [Learned]
    run(session, 300)
    change(session, RUN, None)
    assert session.step(Teach(session.position, SIT))[0].why is Why.NO_SUCH_CLASS  # type: ignore[union-attr]
    run(session, 600)
    assert not session._core.state["learned"][0]  # no label counts any longer


def test_undo_takes_the_last_thing_back_and_leaves_the_state_as_if_it_had_not_been() -> None:
    session, other = started(), started()
    for one in (session, other):
        one.step(AddClass(one.position, 9, "hop", 0))
        one.step(Teach(one.position, 9))
        run(one, 1200)
    before = heads(session)
    assert before == heads(other) != heads(started())
    for cls, into in ((9, None), (9, SIT), (SIT, RUN), (9, 9), (RUN, None)):
        assert not change(session, cls, into)
        run(session, 3)
        assert session.step(Undo(session.position)) == []
    run(session, 1200)
    assert heads(session) == before
    assert session.tree == other.tree
    assert session.step(Undo(session.position)) == []  # the label
    assert session.step(Undo(session.position))[0].why is Why.NOTHING_TO_UNDO  # type: ignore[union-attr]


def test_merging_a_new_class_is_as_if_its_labels_had_been_the_others_from_the_start() -> None:
    merged, plain = started(), started()
    for one, second in ((merged, 10), (plain, 9)):
        one.step(AddClass(one.position, 9, "hop", 0))
        if one is merged:
            one.step(AddClass(one.position, 10, "hopping", 0))
        for cls in (9, second):
            assert isinstance(one.step(Teach(one.position, cls))[-1], Learned)
            run(one, 160)
    change(merged, 10, 9, "hopping")
    run(merged, 1500)
    run(plain, 1500)
    rows = [0, 1, 2, 3, 4, 5]  # those that both have
    states = [one._core.state[0] for one in (merged, plain)]
    assert np.array_equal(states[0]["weights"][rows], states[1]["weights"][rows])
    assert states[0]["row_active"].tolist()[:7] == [1] * 6 + [0]


@pytest.mark.parametrize(
    ("cls", "into"),
    [(99, SIT), (SIT, 99), (SIT, 3), (3, RUN), (99, None), (WALK, 9)],
    ids=["no class", "into none", "down the tree", "up the tree", "removed unknown", "into a new one"],
)
def test_what_cannot_be_changed_is_refused_with_a_reason(cls: int, into: int | None) -> None:
    session = started()
    session.step(AddClass(session.position, 9, "hop", 0))
    before = session.counts["no_such_class"]
    assert change(session, cls, into) == refused(session)
    assert session.counts["no_such_class"] == before + 1 and session.tree.changes == ()


def test_a_class_of_the_image_stays_in_the_root_task() -> None:
    session = started()
    session.step(AddClass(session.position, 9, "hop", 0))
    assert not change(session, SIT, WALK) and not change(session, RUN, None)
    assert change(session, WALK, None) == refused(session)
    assert change(session, SIT, SIT) == [] == change(session, WALK, None)
    assert {one.path for one in run(session, 200)} == {(SIT,)}


def test_merged_classes_have_no_circle_and_the_last_word_counts() -> None:
    session = started()
    assert not change(session, SIT, RUN)
    assert change(session, RUN, SIT) == refused(session)  # sit does not count as itself
    assert not change(session, RUN, WALK)
    assert [session.tree.counts_as(cls) for cls in (SIT, RUN, WALK)] == [WALK] * 3
    assert not change(session, SIT, SIT, "sitting")
    assert session.tree.counts_as(SIT) == SIT and session.names[SIT] == "sitting"


def test_a_task_of_which_nothing_is_left_makes_its_class_a_leaf_again() -> None:
    session = started()
    for cls in (3, 4):
        assert not change(session, cls, None)
    shown = run(session, 800)
    assert (WALK,) in {one.path for one in shown}
    session.step(Split(session.position, SIT, 2))
    session.step(AddClass(session.position, 9, "slouch", 2))
    assert not change(session, 9, None)
    assert {len(one.path) for one in run(session, 400)} == {1}


def test_a_full_log_gives_way_to_a_change_and_without_a_label_there_is_no_room() -> None:
    session = Session(VARIED, config("none", allowed=0))
    run(session, 40)
    for _ in range(VARIED.max_log):
        assert not change(session, SIT, SIT, "sitting")
    assert change(session, SIT, RUN) == refused(session, Why.FULL)
    assert not session.step(Undo(session.position)) and not change(session, SIT, RUN)


@pytest.mark.parametrize(
    "event", [ChangeClass(200, 255, 0, "x"), ChangeClass(200, 0, 255, "x"), ChangeClass(200, 0, 0, "")]
)
def test_a_change_that_no_board_could_take_is_an_error(event: ChangeClass) -> None:
    with pytest.raises(ConfigError):
        started().step(event)


def test_history_follows_changes_refusals_and_undos() -> None:
    session = started()
    history = SessionHistory(tree_of_image(VARIED), VARIED.window)
    for make in (
        lambda at: AddClass(at, 9, "hop", 0), lambda at: ChangeClass(at, SIT, SIT, "sitting"),
        lambda at: ChangeClass(at, SIT, 99, "no"), lambda at: Teach(at, 9),
        lambda at: ChangeClass(at, 9, RUN, "hop"),
        Undo, Undo, Undo, lambda at: ChangeClass(at, RUN, None, "run"), lambda at: Label(at, 1, 0),
    ):  # fmt: skip
        event = make(session.position)
        for one in (event, *session.step(event)):
            history.take(one)
        history.settle()
        assert history.tree == session.tree, event
    assert [(one.before, one.refused, one.undone_at) for one in history.changes] == [
        ("sit", None, 200), ("sitting", Why.NO_SUCH_CLASS, None), ("hop", None, 200), ("run", None, None),
    ]  # fmt: skip
    assert history.tree.names[SIT] == "sit" and history.standing == 0


def test_a_state_is_taken_over_with_its_changes() -> None:
    session, other = started(), Session(VARIED, config("none", allowed=0))
    change(session, SIT, RUN, "sit")
    change(session, WALK, WALK, "on foot")
    other.restore(session.snapshot())
    assert other.tree == session.tree and other.undoable == session.undoable
    assert run(other, 300) == run(session, 300)
