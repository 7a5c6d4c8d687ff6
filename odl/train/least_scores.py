"""How low a class's score may be before a window is unknown: calibrated on people held out of training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.image import Image
from odl.core.unknown import LEVELS, ONE
from odl.data import Card, Dataset
from odl.train.folds import Fold, Progress, cross_validate
from odl.train.plan import SIZES, Plan, plan_for
from odl.train.quantise import FORMAT
from odl.train.tree import TaskTree, build_tree, in_row_order
from odl.train.windows import cached, gather

ENOUGH = 20  # windows in which a class was named; with fewer it has no least score


def least_scores(dataset: Dataset, folds: Sequence[Fold], plan: Plan) -> dict[str, list[int]]:
    """Return for each class its least scores, one for each of `odl.core.unknown.LEVELS`, as a card has them.

    At a level of 5, the score of 5 % of the windows in which this class was named is lower, over the folds'
    held-out people and all classes that the models know.
    """
    named, scores = list[NDArray[np.int64]](), list[NDArray[np.float64]]()
    for fold in folds:
        tree = fold.fitted.tree
        own = gather(dataset, fold.held_out, plan.window, plan.hop, among=tree.leaves)
        cls, score = named_scores(tree, fold.fitted.integer.logits(own.cut()))
        named.append(cls)
        scores.append(score)
    cls, score, tree = np.concatenate(named), np.concatenate(scores), folds[0].fitted.tree
    return {
        tree.names[leaf]: (ONE * np.quantile(score[cls == leaf], np.array(LEVELS) / 100)).astype(int).tolist()
        for leaf in tree.leaves
        if (cls == leaf).sum() >= ENOUGH
    }


def with_least_scores(
    image: Image,
    dataset: Dataset,
    *,
    steps: int | None = None,
    plan: Plan | None = None,
    progress: Progress = lambda sentence: None,
) -> Image:
    """Return ``image`` with least scores in its card; everything else in it stays the same bytes.

    For an image that was trained before there were any. The cross-validation of its training is repeated:
    its people, folds, classes left out and seed are those of its card.

    Parameters
    ----------
    image : Image
        Trained on ``dataset``.
    dataset : Dataset
        From `odl.data.open_dataset`.
    steps : int, optional
        Steps of a fit; default: the plan's.
    plan : Plan, optional
        How the image was trained; default: as for `odl.train.train`, in the size of the image.
    progress : callable, optional
        Called with a sentence after each stage.

    Raises
    ------
    ValueError
        If the image was not trained on this dataset, or in a way that cannot be told from its card.

    Examples
    --------
    >>> from odl.data import open_dataset
    >>> from odl.data.streams import load_model
    >>> with_least_scores(load_model("hapt"), open_dataset("shoulder"))
    Traceback (most recent call last):
        ...
    ValueError: the image was trained on 'hapt', not on 'shoulder'
    """
    dataset, about = cached(dataset), image.card
    if about.get("dataset") != dataset.card.name:
        raise ValueError(f"the image was trained on '{about.get('dataset')}', not on '{dataset.card.name}'")
    try:
        people = [str(person) for person in about["trained_on"]]
        folds, without = len(about["held_out_people"]["folds"]), tuple(about["held_out_classes"])
    except (KeyError, TypeError):
        raise ValueError(
            "the image's card does not say how it was trained; train it anew with odl train"
        ) from None
    rows = [image.names[cls] for cls in image.row_class.tolist()]
    card = replace(dataset.card, tree=in_row_order(about.get("tree"), rows))
    dataset, tree = replace(dataset, card=card), build_tree(dataset.classes, card.tree, without)
    if not np.array_equal(tree.row_class, image.row_class) or tree.names != image.names:
        raise ValueError("the dataset's classes are not those of the image")
    if lost := sorted(set(people) - set(dataset.subjects)):
        raise ValueError(f"people that the image was trained on are missing: {', '.join(lost)}")
    plan = _plan_of(image, card) if plan is None else plan
    plan = plan if steps is None else replace(plan, steps=steps)
    found, _ = cross_validate(dataset, people, tree, plan, image.seed, folds, progress)
    return replace(image, card=dict(about) | {"unknown": least_scores(dataset, found, plan)})


def _plan_of(image: Image, card: Card) -> Plan:
    """The plan with the size that ``image`` has."""
    wanted = [(layer.weights.shape[:2], layer.stride) for layer in image.layers]
    for size in SIZES:
        plan, width, shapes = plan_for(card, size=size), len(image.channels), list[Any]()
        for out, kernel, stride in plan.sizes:
            width = out or width
            shapes.append(((width, kernel), stride))
        if shapes == wanted and (plan.window, plan.hop) == (image.window, image.hop):
            return plan
    raise ValueError(f"the image's extractor has another size than {', '.join(SIZES)}; name its plan")


def named_scores(
    tree: TaskTree, logits: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the leaf that each row of ``logits`` (n, rows) leads to, and its probability along the path.

    Examples
    --------
    >>> from odl.train.tree import build_tree
    >>> tree = build_tree(["sit", "lie", "walk"], {"still": ["sit", "lie"], "walk": []})
    >>> cls, score = named_scores(tree, np.array([[2**21, 0, 0, 0]]))  # still, walk; sit, lie
    >>> cls.tolist(), score.round(2).tolist()
    ([0], [0.44])
    """
    values = logits / 2.0**FORMAT
    logs = np.empty_like(values)
    for rows in tree.heads:
        head = values[:, rows] - values[:, rows].max(1, keepdims=True)
        logs[:, rows] = head - np.log(np.exp(head).sum(1, keepdims=True))
    leaf = tree.route(logits)
    total, targets = np.zeros(len(leaf)), tree.targets(leaf)
    for head, rows in enumerate(tree.heads):
        part = targets[:, head] >= 0
        total[part] += logs[np.flatnonzero(part), rows.start + targets[part, head]]
    return leaf, np.exp(total)
