"""Dendron by itself: what it says, what it learns, what it forgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from odl.core.image import ROOT, Image
from odl.model.dendron import Dendron
from tests.helpers.streams import IMAGE

FEATURES = IMAGE.features


def vectors(seed: int, n: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (n, FEATURES)).astype(np.uint8)


X = vectors(1, 60)


def said(learner: Dendron, x: NDArray[np.uint8] = X) -> list[Any]:
    return [learner.scores_one(v) for v in x]


# --- what it says -------------------------------------------------------------------------


def test_saying_changes_nothing() -> None:
    learner = Dendron(IMAGE)
    before, kept = learner.to_bytes(), X.copy()
    first = said(learner)
    assert [learner.predict_one(v) for v in X] == [s.path[-1] for s in first]
    assert said(learner) == first and learner.to_bytes() == before
    assert np.array_equal(X, kept)


def test_the_path_leads_down_the_tree_by_the_likeliest_class() -> None:
    for path, scores, doubt in said(Dendron(IMAGE)):
        root = max((0, 1, 2), key=lambda c: scores[c])
        assert path[0] == root
        below = (max((3, 4), key=lambda c: scores[c]),) if root == 1 else ()
        assert path[1:] == below
        assert abs(sum(scores[:3]) - 32768) <= 1 and abs(scores[3] + scores[4] - scores[1]) <= 2
        leaves = sorted(scores[c] for c in (0, 2, 3, 4))
        assert doubt == 32768 - (leaves[-1] - leaves[-2])


def test_a_tie_goes_to_the_earlier_row() -> None:
    learner = Dendron(replace(IMAGE, base=np.zeros_like(IMAGE.base)))
    path, scores, doubt = learner.scores_one(X[0])
    assert path == (0,) and scores[:3] == (10923,) * 3 and doubt == 32768


# --- what it learns -----------------------------------------------------------------------


def clusters(seed: int, centres: NDArray[np.int64], each: int) -> tuple[NDArray[np.uint8], list[int]]:
    """Vectors about each centre, in turn."""
    rng = np.random.default_rng(seed)
    x = centres[np.tile(np.arange(len(centres)), each)] + rng.normal(0, 25, (each * len(centres), FEATURES))
    return np.clip(x, 0, 255).astype(np.uint8), list(range(len(centres))) * each


def trained_image(centres: NDArray[np.int64], known: int) -> Image:
    """An image that stores examples of its first classes, and whose heads know them."""
    stored, owners = clusters(3, centres[:known], 8)
    names = {0: "sit", 1: "walk", 2: "run"}
    blank = replace(
        IMAGE, parents=np.array([ROOT], np.uint8), formats=np.array([16], np.uint8),
        row_class=np.arange(known, dtype=np.uint8), row_head=np.zeros(known, np.uint8),
        base=np.zeros((known, FEATURES + 1), np.int32), stored=stored,
        owners=np.array(owners, np.uint8), names={c: names[c] for c in range(known)}, epochs=16,
    )  # fmt: skip
    learner = Dendron(blank)
    learner.learn_many(stored[:known], owners[:known], range(known))
    return replace(blank, base=learner.state["weights"][0, :known].copy())


CENTRES = np.random.default_rng(5).integers(40, 216, (5, FEATURES))


def right(learner: Dendron, classes: Sequence[int]) -> float:
    x, y = clusters(77, CENTRES, 40)
    hits = [learner.predict_one(v) == c for v, c in zip(x, y, strict=True) if c in classes]
    return sum(hits) / len(hits)


def test_few_labels_teach_new_classes_and_the_known_ones_stay() -> None:
    learner = Dendron(trained_image(CENTRES, 3))
    learner.add_class(0, 3, 0, "wave")
    learner.add_class(0, 4, 0, "clap")
    assert right(learner, [3, 4]) == 0
    x, y = clusters(6, CENTRES, 2)
    new = [n for n, c in enumerate(y) if c >= 3]
    learner.learn_many(x[new], [y[n] for n in new], [8 * n for n in new])
    assert right(learner, [3, 4]) > 0.9
    assert right(learner, [0, 1, 2]) > 0.95


def test_labels_correct_a_known_class() -> None:
    # The image takes two classes for each other, without being sure of it.
    image = trained_image(CENTRES, 3)
    learner = Dendron(replace(image, base=image.base[[1, 0, 2]] // 8))
    assert right(learner, [0, 1]) < 0.1 and right(learner, [2]) > 0.9
    x, y = clusters(6, CENTRES[:2], 1)
    learner.learn_many(x, y, [0, 1])
    assert right(learner, [0, 1]) < 0.1  # one answer each does not outweigh the image
    x, y = clusters(6, CENTRES[:2], 12)
    learner.learn_many(x[2:], y[2:], range(2, 24))
    assert right(learner, [0, 1]) > 0.9 and right(learner, [2]) > 0.9


@given(st.permutations(range(6)), st.integers(0, 6))
def test_what_is_learned_is_a_function_of_the_labels_and_not_of_their_arrival(
    order: list[int], cut: int
) -> None:
    classes, windows = [0, 3, 9, 4, 9, 1], [40, 0, 16, 8, 24, 56]

    def learned(batches: list[list[int]]) -> bytes:
        learner = Dendron(IMAGE)
        learner.add_class(0, 9, 0, "wave")
        for batch in batches:
            learner.learn_many(X[batch], [classes[n] for n in batch], [windows[n] for n in batch])
        return learner.to_bytes()

    assert learned([order[:cut], order[cut:]]) == learned([list(range(6))])


@given(st.lists(st.integers(0, 5), unique=True, min_size=1))
def test_forgetting_is_as_if_it_had_never_been_given(forgotten: list[int]) -> None:
    classes = [0, 3, 9, 4, 9, 1]
    full, less = Dendron(IMAGE), Dendron(IMAGE)
    for learner in (full, less):
        learner.add_class(0, 9, 0, "wave")
    full.learn_many(X[:6], classes, range(6))
    kept = [n for n in range(6) if n not in forgotten]
    less.learn_many(X[kept], [classes[n] for n in kept], kept)
    for window in forgotten:
        full.forget(window)
    assert full.to_bytes() == less.to_bytes()
    assert said(full) == said(less)


def test_forgetting_what_was_never_said_changes_nothing() -> None:
    learner = Dendron(IMAGE)
    learner.learn_many(X[:2], [0, 3], [0, 8])
    before = learner.to_bytes()
    learner.forget(16)
    assert learner.to_bytes() == before


def test_nothing_to_learn_leaves_the_base_heads() -> None:
    learner = Dendron(IMAGE)
    before = learner.to_bytes()
    learner.learn_many(X[:0], [], [])
    assert learner.to_bytes() == before == Dendron(IMAGE).to_bytes()


def test_a_task_with_a_single_class_says_it_and_learns_with_its_second() -> None:
    learner, once = Dendron(IMAGE), Dendron(IMAGE)
    for one in (learner, once):
        assert one.split(0, 2, 2) and one.add_class(0, 5, 2, "fast") and one.add_class(0, 6, 2, "slow")
    fast = len(IMAGE.row_class)
    once.learn_many(X[:1], [5], [0])
    learner.learn_many(X[:3], [5, 5, 5], [0, 1, 2])
    paths = [s.path for s in said(learner)]
    assert (2, 5) in paths and all(path[-1] != 6 for path in paths)
    first = learner.state["weights"][0, fast].copy()
    assert first.any() and np.array_equal(first, once.state["weights"][0, fast])
    learner.learn_many(X[3:4], [6], [3])
    assert not np.array_equal(first, learner.state["weights"][0, fast])
    # Where what the image says stands, it says 2 and no more.
    assert {(2, 5), (2, 6)} <= {s.path for s in said(learner) if s.path[0] == 2} <= {(2,), (2, 5), (2, 6)}


# --- what it refuses ----------------------------------------------------------------------


def test_an_unknown_class_or_a_full_log_teaches_nothing() -> None:
    learner = Dendron(replace(IMAGE, max_log=3))
    learner.learn_many(X[:1], [0], [0])
    before = learner.to_bytes()
    with pytest.raises(ValueError, match="class 9 is unknown; add it first"):
        learner.learn_many(X[:2], [1, 9], [1, 2])
    with pytest.raises(ValueError, match="the label log holds 3 entries; it is full"):
        learner.learn_many(X[:3], [0, 1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="shorter|longer"):
        learner.learn_many(X[:2], [1, 2], [1])
    assert learner.to_bytes() == before
    learner.learn_many(X[:2], [1, 2], [1, 2])  # there is still room for two


def test_classes_and_splits_that_make_no_sense_are_refused() -> None:
    learner = Dendron(IMAGE)
    before = learner.to_bytes()
    assert not learner.add_class(0, 3, 0, "again")
    assert not learner.add_class(0, 9, 2, "wave")
    assert not learner.split(0, 9, 2)
    assert not learner.split(0, 1, 2)
    assert not learner.split(0, 0, 3)
    assert learner.to_bytes() == before
    assert all(learner.add_class(0, cls, 0, "c") for cls in (5, 6, 7))
    assert not learner.add_class(0, 8, 0, "one too many")


def test_equal_learners_have_equal_bytes_and_others_not() -> None:
    one, other = Dendron(IMAGE), Dendron(IMAGE)
    one.learn_many(X[:1], [0], [0])
    assert one.to_bytes() != other.to_bytes()
    other.learn_many(X[:1], [0], [0])
    assert one.to_bytes() == other.to_bytes()


def test_the_image_is_left_as_it_was() -> None:
    before = IMAGE.to_bytes()
    learner = Dendron(IMAGE)
    learner.learn_many(X[:4], [0, 1, 2, 3], range(4))
    assert IMAGE.to_bytes() == before
