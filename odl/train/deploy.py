"""A dataset in, a model image out: cross-validation, the final fit, the export (needs torch)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from odl.core.image import Channel, Image
from odl.data import Card, Dataset
from odl.data.card import subject_name, subject_order
from odl.data.coverage import check_confirmed
from odl.train.folds import Fold, Progress, best_step, cross_validate
from odl.train.metrics import concatenate
from odl.train.multitask import FittedModel, calibrate, fit, input_scale
from odl.train.plan import Plan, plan_for
from odl.train.qat import TOLERATED, fine_tune, fine_tune_folds
from odl.train.quantise import FORMAT
from odl.train.tree import TaskTree, build_tree
from odl.train.windows import Windows, cached, gather

EPOCHS, RATE_SHIFT, IMPRINT = 4, 11, 16  # how the device learns


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
    plan = plan_for(card, plan)
    plan = plan if steps is None else replace(plan, steps=steps)
    for valid, fault in (
        (plan.steps >= 50, f"{plan.steps} steps; a fit has at least 50"),
        (1 <= stored <= 50, f"{stored} stored vectors per class; there can be 1 to 50"),
        (seed > 0, f"seed {seed}; it has to be above 0"),
        (len(dataset.classes) > 1, f"{len(dataset.classes)} classes; two or more are needed to train"),
    ):
        if not valid:
            raise ValueError(fault)
    tree = build_tree(dataset.classes, card.tree, without)
    chosen = choose_people(dataset, people)
    found, curves = cross_validate(dataset, chosen, tree, plan, seed, folds, progress)
    figures = held_out_figures(dataset, found, plan)
    stop = best_step(curves)
    progress(
        f"people never trained on: {figures['float_accuracy']:.1%} float, "
        f"{figures['int8_accuracy']:.1%} int8; stopping at step {stop} of {plan.steps}"
    )
    tuning: dict[str, Any] = {}
    if round(figures["float_accuracy"] - figures["int8_accuracy"], 4) > TOLERATED:
        figures, tuning = try_fine_tuning(dataset, chosen, found, figures, plan, seed, progress)
    windows = gather(dataset, chosen, plan.window, plan.spacing, among=tree.leaves)
    scale = input_scale(windows, card)
    net = fit(windows, tree, card, scale, plan, seed, stop)
    fitted = calibrate(net, scale, windows, tree, card, seed)
    if tuning.get("fine_tuned"):
        fitted = fine_tune(fitted, windows, plan, seed)
    progress(f"people trained on: {fitted.predict_int8(windows).accuracy:.1%} int8")
    about = {
        "held_out_classes": list(without),
        "held_out_people": figures,
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
    vectors = stored_vectors(fitted, windows, stored, np.random.default_rng(seed))
    return build_image(fitted, plan, chosen, vectors, seed, about)


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
            raise ValueError(f"{dataset.card.name} has no person {missing[0]}; there are {', '.join(here)}")
        return tuple(chosen)
    split = dataset.card.splits.get("train", here)
    return tuple(p for p in here if p in split) or here


def held_out_figures(dataset: Dataset, folds: Sequence[Fold], plan: Plan) -> dict[str, Any]:
    """Return float and int8 scores of each person, by the model trained without that person."""
    floats, ints = [], []
    for fold in folds:
        leaves = fold.fitted.tree.leaves
        own = gather(dataset, fold.held_out, plan.window, plan.hop, among=leaves)
        floats.append(fold.fitted.predict_float(own))
        ints.append(fold.fitted.predict_int8(own))
    real, whole = concatenate(floats), concatenate(ints)
    return {
        "folds": [list(fold.held_out) for fold in folds],
        "windows": len(real.truth),
        "float_accuracy": round(real.accuracy, 4),
        "int8_accuracy": round(whole.accuracy, 4),
        "float_macro_f1": round(real.macro_f1, 4),
        "int8_macro_f1": round(whole.macro_f1, 4),
    }


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
        stored=vectors[0], owners=vectors[1], names=tree.names,
        epochs=EPOCHS, rate_shift=RATE_SHIFT, imprint=IMPRINT, seed=seed,
        card=_origin(card, tree) | {"dataset": card.name, "trained_on": list(people)} | about,
    )  # fmt: skip
    image.check()
    return image


def _origin(card: Card, tree: TaskTree) -> dict[str, Any]:
    nested = card.tree
    entries = {"title": card.title, "licence": card.licence, "citation": card.citation, "origin": card.origin}
    return entries | ({} if nested is None else {"tree": nested})
