"""Least scores as training notes them: the scores of a session, and the share that lies below each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from odl.core.config import Config
from odl.core.image import Image
from odl.core.loop import steps
from odl.core.session import Session
from odl.core.trace import Trace
from odl.core.unknown import LEVELS
from odl.data.streams import dataset_streams
from odl.train.deploy import build_image, stored_vectors, train
from odl.train.folds import Fold, cross_validate
from odl.train.least_scores import ENOUGH, least_scores, named_scores, with_least_scores
from odl.train.plan import plan_for
from odl.train.tree import TaskTree, build_tree
from odl.train.windows import gather
from tests.helpers.training import SMALL, small_dataset

pytestmark = pytest.mark.train
DATASET = small_dataset()
PLAN = plan_for(DATASET.card, replace(SMALL, steps=100))
TREE = build_tree(DATASET.classes, DATASET.card.tree, ["fast"])


@pytest.fixture(scope="module")
def folds() -> list[Fold]:
    return cross_validate(DATASET, DATASET.subjects, TREE, PLAN, 3, 2, lambda sentence: None)[0]


def named(fold: Fold, tree: TaskTree = TREE) -> tuple[np.ndarray, np.ndarray]:
    own = gather(DATASET, fold.held_out, PLAN.window, PLAN.hop, among=tree.leaves)
    return named_scores(tree, fold.fitted.integer.logits(own.cut()))


def test_scores_are_those_of_a_session(folds: list[Fold]) -> None:
    """Calibration computes in floating point what a session does in integers; they differ by rounding."""
    fold, person = folds[0], folds[0].held_out[0]
    windows = gather(DATASET, [person], PLAN.window, PLAN.hop, among=TREE.leaves)
    vectors = stored_vectors(fold.fitted, windows, 5, np.random.default_rng(1))
    image = build_image(fold.fitted, PLAN, ["3", "4"], vectors, 3, {})
    (stream,) = dataset_streams(DATASET, [person], 0)
    said = Trace(
        steps(Session(image, Config(**stream.scaling(image)._asdict())), stream.inputs())
    ).predictions
    at = {int(window): i for i, window in enumerate(said["window"])}
    before = np.cumsum([0, *(stream.stretches or ())])
    row = {cls: i for i, cls in enumerate(TREE.row_class.tolist())}
    cls, score = named_scores(TREE, fold.fitted.integer.logits(windows.cut()))
    for k, (part, start) in enumerate(zip(windows.part.tolist(), windows.start.tolist(), strict=True)):
        one = said[at[int(before[part]) + start]]
        leaf = int(one["path"][one["n_path"] - 1])
        assert leaf == cls[k] and abs(int(one["scores"][row[leaf]]) - 32768 * score[k]) < 200


def test_a_share_of_the_windows_lies_below_each_least_score(folds: list[Fold]) -> None:
    least = least_scores(DATASET, folds, PLAN)
    cls, score = (np.concatenate(parts) for parts in zip(*map(named, folds), strict=True))
    for leaf in TREE.leaves:
        name, own = TREE.names[leaf], 32768 * score[cls == leaf]
        assert (name in least) == (len(own) >= ENOUGH)
        for level, low in zip(LEVELS, least.get(name, ()), strict=False):
            assert type(low) is int and abs((own < low).mean() - level / 100) <= 1 / len(own) + 0.01


@pytest.fixture(scope="module")
def trained() -> Image:
    return train(DATASET, without=["fast"], folds=2, plan=PLAN, seed=3)


def older(image: Image, **entries: Any) -> Image:
    """``image`` from a file from before there were least scores; a file sorts the names in its card."""
    without = replace(image, card={k: v for k, v in (image.card | entries).items() if k != "unknown"})
    return Image.from_bytes(without.to_bytes())


def test_an_older_image_gets_the_least_scores_of_its_training(trained: Image) -> None:
    assert trained.card["unknown"]
    old = older(trained, trained_on=[1, 2, 3, 4])  # numbers, as the first images wrote them
    assert with_least_scores(old, DATASET, plan=PLAN).card["unknown"] == trained.card["unknown"]
    assert with_least_scores(older(trained), DATASET, plan=PLAN).to_bytes() == trained.to_bytes()


@pytest.mark.parametrize(("entries", "words"), [
    ({"dataset": "hapt"}, "trained on 'hapt', not on 'synthetic'"),
    ({"trained_on": None}, "does not say how it was trained"),
    ({"trained_on": ["1", "2", "9"]}, "people that the image was trained on are missing: 9"),
    ({"held_out_classes": []}, "classes are not those of the image"),
    ({}, "another size than small, medium, large"),
])  # fmt: skip
def test_an_image_of_another_training_is_refused(trained: Image, entries: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        with_least_scores(older(trained, **entries), DATASET)
