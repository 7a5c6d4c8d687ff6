"""A dataset in, a model image out: cross-validation, the final fit, the export (needs torch)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from odl.core.image import Channel, Image, Layer
from odl.core.image_layout import Op, room_for
from odl.core.pace import Pace
from odl.data import Card, Dataset
from odl.data.card import Tree, subject_name, subject_order
from odl.data.coverage import check_confirmed
from odl.train.folds import Fold, Progress, best_step, cross_validate
from odl.train.least_scores import least_scores
from odl.train.metrics import Predictions, concatenate
from odl.train.multitask import FittedModel, calibrate, fit, input_scale
from odl.train.plan import Plan, plan_for
from odl.train.qat import TOLERATED, fine_tune, fine_tune_folds
from odl.train.quantise import FORMAT
from odl.train.tree import TaskTree, build_tree
from odl.train.tree_by_data import propose_tree
from odl.train.windows import Windows, cached, gather

TREES = ("card", "flat", "auto")
EPOCHS, RATE_SHIFT, IMPRINT = 16, 11, 16  # how the device learns


def train(
    dataset: Dataset,
    *,
    seed: int = 1,
    people: Sequence[str | int] | None = None,
    without: Sequence[str] = (),
    folds: int = 3,
    stored: int = 12,
    steps: int | None = None,
    plan: Plan | None = None,
    size: str | None = None,
    tree: str = "card",
    announce: Callable[[Image], None] = lambda image: None,
    progress: Progress = lambda sentence: None,
    command: str = "",
) -> Image:
    """Train extractor and all heads of a dataset's task tree at once; return a model image.

    People are split into folds. Each fold's people are scored by a model trained without
    them, in float and int8; the folds also determine where to stop. Then one model is
    fitted on all. The image's ``card`` holds the figures.

    Parameters
    ----------
    dataset : Dataset
        From :func:`odl.data.open_dataset`.
    seed : int
        The same seed on the same torch gives the same bytes.
    people : sequence of str or int, optional
        People to train on; default: the available people of the split "train", else everybody.
    without : sequence of str
        Classes left out of training, to be learned on the device.
    folds : int
        Folds by person, at least 2.
    stored : int
        Feature vectors per class that the image stores, for replay while learning.
    steps : int, optional
        Steps of a fit, at least 50; default: the plan's.
    plan : Plan, optional
        Sizes and augmentation; window and hop come from the card. Default: the card's
        ``training``, or else `Plan()`.
    size : str, optional
        ``"small"``, ``"medium"`` or ``"large"`` (`odl.train.plan.SIZES`), in place of the plan's sizes.
    tree : str
        ``"card"``: the card's tree; ``"flat"``: one head for all classes; ``"auto"``: the tree that a flat
        model's confusion of held-out people proposes (`odl.train.tree_by_data.propose_tree`), which takes a
        cross-validation more.
    announce : callable, optional
        Called before training with an image of the sizes that the trained one will have.
    progress : callable, optional
        Called with a sentence after each stage.
    command : str
        The user's command, for the image's card.

    Returns
    -------
    Image

    Raises
    ------
    ModuleNotFoundError
        Without torch.
    ValueError
        If there are too few people, classes or windows.

    Examples
    --------
    >>> from odl.data import open_dataset
    >>> from odl.train.plan import Plan
    >>> small = Plan(sizes=((4, 5, 2), (4, 5, 2), (4, 3, 1)), steps=50, batch=16)
    >>> image = train(open_dataset("shoulder"), people=[1, 2], folds=2, plan=small)
    >>> image.names[0], image.card["trained_on"]
    ('pendulum', ['1', '2'])
    """
    dataset, card = cached(dataset), dataset.card
    check_confirmed(card)
    plan = plan_for(card, plan, size)
    plan = plan if steps is None else replace(plan, steps=steps)
    for valid, fault in (
        (plan.steps >= 50, f"{plan.steps} steps; a fit has at least 50"),
        (1 <= stored <= 50, f"{stored} stored vectors per class; there can be 1 to 50"),
        (seed > 0, f"seed {seed}; it has to be above 0"),
        (tree in TREES, f"tree is {tree!r}; it can be {', '.join(TREES)}"),
        (len(dataset.classes) > 1, f"{len(dataset.classes)} classes; two or more are needed to train"),
    ):
        if not valid:
            raise ValueError(fault)
    chosen = choose_people(dataset, people)
    if tree != "card":
        card = replace(card, tree=None)
        dataset = replace(dataset, card=card)
    if tree == "auto":
        card = replace(card, tree=tree_by_data(dataset, chosen, without, plan, seed, folds, progress))
        dataset = replace(dataset, card=card)
    tasks = build_tree(dataset.classes, card.tree, without)
    untrained = untrained_image(card, plan, tasks, stored)
    untrained.check("the extractor")
    announce(untrained)
    found, curves = cross_validate(dataset, chosen, tasks, plan, seed, folds, progress)
    figures = held_out_figures(dataset, found, plan)
    stop = best_step(curves)
    progress(
        f"people never trained on: {figures['float_accuracy']:.1%} float, "
        f"{figures['int8_accuracy']:.1%} int8; stopping at step {stop} of {plan.steps}"
    )
    tuning: dict[str, Any] = {}
    if round(figures["float_accuracy"] - figures["int8_accuracy"], 4) > TOLERATED:
        figures, tuning = try_fine_tuning(dataset, chosen, found, figures, plan, seed, progress)
    windows = gather(dataset, chosen, plan.window, plan.spacing, among=tasks.leaves)
    scale = input_scale(windows, card)
    pace = Pace(progress, "with everybody", stop, "steps")
    net = fit(windows, tasks, card, scale, plan, seed, stop, lambda step, net, loss: pace.reach(step))
    progress("with everybody: rounding to int8")
    fitted = calibrate(net, scale, windows, tasks, card, seed)
    if tuning.get("fine_tuned"):
        progress("with everybody: fine-tuning for int8")
        fitted = fine_tune(fitted, windows, plan, seed)
    progress(f"people trained on: {fitted.predict_int8(windows).accuracy:.1%} int8")
    about = {
        "held_out_classes": list(without),
        "held_out_people": figures,
        "unknown": least_scores(dataset, found, plan),
        "curves": {
            "steps": list(curves.steps),
            "loss": [round(v, 4) for v in curves.loss],
            "held_out_accuracy": [round(v, 4) for v in curves.held_out],
        },
        "steps": stop,
        "seed": seed,
        "torch": torch.__version__,
        "command": command,
    } | tuning
    if tree == "auto":
        about["tree_from"] = "confusion of a flat model, people held out"
    vectors = stored_vectors(fitted, windows, stored, np.random.default_rng(seed))
    return build_image(fitted, plan, chosen, vectors, seed, about)


def tree_by_data(
    dataset: Dataset, people: Sequence[str], without: Sequence[str], plan: Plan, seed: int, folds: int,
    progress: Progress,
) -> Tree | None:  # fmt: skip
    """Propose a tree from what flat models confuse, each of people that it never saw; None for a flat head.

    Classes in ``without`` hang under the root task.
    """
    flat = build_tree(dataset.classes, None, without)
    found, _ = cross_validate(dataset, people, flat, plan, seed, folds, progress)
    names = [dataset.classes[cls] for cls in flat.leaves]
    proposed = propose_tree(_held_out(dataset, found, plan)[1].confusion(flat.leaves), names)
    if proposed is None:
        progress("the classes do not fall into groups: one flat head")
        return None
    groups = [f"{name} ({', '.join(inside)})" if inside else name for name, inside in proposed.items()]
    progress(f"tree by data: {'; '.join(groups)}")
    return proposed | dict.fromkeys(without, ())


def choose_people(dataset: Dataset, people: Sequence[str | int] | None) -> tuple[str, ...]:
    """Return the people to train on: those named, else the available ones of the split "train", else all.

    Raises
    ------
    ValueError
        If a named person is not in the dataset.
    """
    here = dataset.subjects
    if people is not None:
        chosen = sorted({subject_name(p) for p in people}, key=subject_order)
        if missing := [p for p in chosen if p not in here]:
            raise ValueError(f"{dataset.card.name} has no person {missing[0]}; there are {dataset.who}")
        return tuple(chosen)
    split = dataset.card.splits.get("train", here)
    return tuple(p for p in here if p in split) or here


def held_out_figures(dataset: Dataset, folds: Sequence[Fold], plan: Plan) -> dict[str, Any]:
    """Return float and int8 scores of each person, by the model trained without that person."""
    real, whole = _held_out(dataset, folds, plan)
    return {
        "folds": [list(fold.held_out) for fold in folds],
        "windows": len(real.truth),
        "float_accuracy": round(real.accuracy, 4),
        "int8_accuracy": round(whole.accuracy, 4),
        "float_macro_f1": round(real.macro_f1, 4),
        "int8_macro_f1": round(whole.macro_f1, 4),
        "nodes": {name: round(share, 4) for name, share in by_node(folds[0].fitted.tree, whole).items()},
    }


def _held_out(dataset: Dataset, folds: Sequence[Fold], plan: Plan) -> tuple[Predictions, Predictions]:
    """Return what the folds' models say of their held-out people, in float and int8."""
    floats, ints = [], []
    for fold in folds:
        leaves = fold.fitted.tree.leaves
        own = gather(dataset, fold.held_out, plan.window, plan.hop, among=leaves)
        floats.append(fold.fitted.predict_float(own))
        ints.append(fold.fitted.predict_int8(own))
    return concatenate(floats), concatenate(ints)


def by_node(tree: TaskTree, found: Predictions) -> dict[str, float]:
    """Return for each class and group of the tree the share of its windows that was predicted to be under it.

    Examples
    --------
    >>> tree = build_tree(["sit", "lie", "walk"], {"still": ["sit", "lie"], "walk": []})
    >>> by_node(tree, Predictions(np.array([0, 0, 1, 2]), np.array([0, 1, 2, 2])))
    {'still': 0.6666666666666666, 'walk': 1.0, 'sit': 0.5, 'lie': 0.0}
    """
    truth, said = tree.targets(found.truth), tree.targets(found.predicted)
    shares = {}
    for head, rows in enumerate(tree.heads):
        for k, cls in enumerate(tree.row_class[rows].tolist()):
            own = truth[:, head] == k
            if own.any():
                shares[tree.names[cls]] = float((said[own, head] == k).mean())
    return shares


def try_fine_tuning(
    dataset: Dataset, people: Sequence[str], folds: Sequence[Fold], before: dict[str, Any],
    plan: Plan, seed: int, progress: Progress,
) -> tuple[dict[str, Any], dict[str, Any]]:  # fmt: skip
    """Fine-tune the folds; return the better figures, and the entries about it for the image's card."""
    cost = before["float_accuracy"] - before["int8_accuracy"]
    progress(
        f"int8 costs {100 * cost:.1f} points, more than {100 * TOLERATED:.1f}: fine-tuning with its rounding"
    )
    after = held_out_figures(dataset, fine_tune_folds(dataset, people, folds, plan, seed, progress), plan)
    old, new = before["int8_accuracy"], after["int8_accuracy"]
    better = new > old
    progress(
        f"people never trained on: int8 {old:.1%} before fine-tuning, {new:.1%} after; "
        + ("kept" if better else "not kept")
    )
    card = {"fine_tuned": better, "fine_tuning": {"int8_before": old, "int8_after": new}}
    return (after if better else before), card


def untrained_image(card: Card, plan: Plan, tree: TaskTree, stored: int) -> Image:
    """Build an image of the sizes that a trained one will have, its weights 0 and its card short.

    Examples
    --------
    >>> from odl.data import load_card
    >>> card = load_card("shoulder")
    >>> plan = plan_for(card, size="small")
    >>> untrained_image(card, plan, build_tree(card.classes, card.tree), 12).features
    96
    """
    layers, cin = list[Layer](), len(card.channels)
    for out, kernel, stride in plan.sizes:
        width = out or cin
        weights = np.zeros((width, kernel, cin if out else 1), np.int8)
        mults, shifts = np.full(width, 2**30, np.int32), np.full(width, 40, np.uint8)
        op = Op.CONV if out else Op.DEPTHWISE
        layers.append(Layer(weights, np.zeros(width, np.int32), mults, shifts, stride, op))
        cin = width
    features, owners = 3 * cin, np.repeat(np.array(tree.leaves, np.uint8), stored)
    return Image(
        channels=tuple(Channel(c.name, c.unit, c.scale) for c in card.channels), rate_hz=card.rate_hz,
        window=plan.window, hop=plan.hop, layers=tuple(layers), parents=tree.parents,
        formats=np.full(len(tree.parents), FORMAT, np.uint8), row_class=tree.row_class,
        row_head=tree.row_head, base=np.zeros((len(tree.row_class), features + 1), np.int32),
        stored=np.zeros((len(owners), features), np.uint8), owners=owners, names=tree.names,
        max_rows=room_for(len(tree.row_class)), epochs=EPOCHS, rate_shift=RATE_SHIFT, imprint=IMPRINT,
    )  # fmt: skip


def stored_vectors(
    fitted: FittedModel, windows: Windows, each: int, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return ``each`` feature vectors per leaf, from all people in turn, and their classes."""
    picks: list[int] = []
    for cls in fitted.tree.leaves:
        own = np.flatnonzero(windows.cls == cls)
        people = np.unique(windows.subject[own])
        for k in range(each):
            theirs = own[windows.subject[own] == people[k % len(people)]]
            picks.append(int(theirs[rng.integers(len(theirs))]))
    owners = windows.cls[picks].astype(np.uint8)
    return fitted.integer.features(windows.cut(np.array(picks))), owners


def build_image(
    fitted: FittedModel,
    plan: Plan,
    people: Sequence[str],
    vectors: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    seed: int,
    about: dict[str, Any],
) -> Image:
    """Build and check the model image; its card holds ``about`` and entries of the dataset's card."""
    card, tree = fitted.card, fitted.tree
    image = Image(
        channels=tuple(
            Channel(c.name, c.unit, float(s)) for c, s in zip(card.channels, fitted.scale, strict=True)
        ),
        rate_hz=card.rate_hz, window=plan.window, hop=plan.hop, layers=fitted.integer.layers,
        parents=tree.parents, formats=np.full(len(tree.parents), FORMAT, np.uint8),
        row_class=tree.row_class, row_head=tree.row_head, base=fitted.integer.base,
        stored=vectors[0], owners=vectors[1], names=tree.names, max_rows=room_for(len(tree.row_class)),
        epochs=EPOCHS, rate_shift=RATE_SHIFT, imprint=IMPRINT, seed=seed,
        card=_origin(card, tree) | {"dataset": card.name, "trained_on": list(people)} | about,
    )  # fmt: skip
    image.check()
    return image


def _origin(card: Card, tree: TaskTree) -> dict[str, Any]:
    nested = card.tree
    entries = {"title": card.title, "licence": card.licence, "citation": card.citation, "origin": card.origin}
    return entries | ({} if nested is None else {"tree": nested})
