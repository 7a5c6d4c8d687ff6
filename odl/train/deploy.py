"""A dataset in, a model image out: folds by person, the final fit, the export (needs torch)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from odl.core.image import Channel, Image
from odl.data import Card, Dataset
from odl.train.aware import WORTH, fine_tune, fine_tune_folds
from odl.train.measure import joined
from odl.train.shipped import FORMAT
from odl.train.tree import Tree, tree_of
from odl.train.unified import (
    Fitted,
    Fold,
    Plan,
    Say,
    best_step,
    finish,
    fit_tree,
    folds,
    input_scale_of,
    plan_for,
)  # fmt: skip
from odl.train.windows import Windows, gather, kept

EPOCHS, RATE_SHIFT, IMPRINT = 4, 11, 16  # how the device learns


def deploy(
    dataset: Dataset,
    *,
    seed: int = 1,
    people: Sequence[int] | None = None,
    without: Sequence[str] = (),
    n_folds: int = 3,
    stored: int = 12,
    steps: int | None = None,
    plan: Plan | None = None,
    say: Say = lambda line: None,
    command: str = "",
) -> Image:
    """See :func:`odl.train.train`."""
    dataset, card = kept(dataset), dataset.card
    plan = plan_for(card, plan)
    plan = plan if steps is None else replace(plan, steps=steps)
    for good, what in (
        (plan.steps >= 50, f"{plan.steps} steps; a fit has at least 50"),
        (1 <= stored <= 50, f"{stored} stored vectors per class; there can be 1 to 50"),
        (seed > 0, f"seed {seed}; it has to be above 0"),
    ):
        if not good:
            raise ValueError(what)
    tree = tree_of(dataset.classes, card.tree, without)
    chosen = people_of(dataset, people)
    found, curves = folds(dataset, chosen, tree, plan, seed, n_folds, say)
    figures = figures_of(dataset, found, plan)
    stop = best_step(curves)
    say(
        f"people never trained on: {figures['float_accuracy']:.1%} float, "
        f"{figures['int8_accuracy']:.1%} int8; stopping at step {stop} of {plan.steps}"
    )
    tuning: dict[str, Any] = {}
    if round(figures["float_accuracy"] - figures["int8_accuracy"], 4) > WORTH:
        figures, tuning = tuned(dataset, chosen, found, figures, plan, seed, say)
    train = gather(dataset, chosen, plan.window, plan.dense, among=tree.leaves)
    scale = input_scale_of(train, card)
    net = fit_tree(train, tree, card, scale, plan, seed, stop)
    fitted = finish(net, scale, train, tree, card, seed)
    if tuning.get("fine_tuned"):
        fitted = fine_tune(fitted, train, plan, seed)
    say(f"people trained on: {fitted.guess_int8(train).accuracy:.1%} int8")
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
    vectors = stored_vectors(fitted, train, stored, np.random.default_rng(seed))
    return image_of(fitted, plan, chosen, vectors, seed, about)


def people_of(dataset: Dataset, people: Sequence[int] | None) -> tuple[int, ...]:
    """Whom to train on: those asked for, else the card's "train" people that are here, else all.

    Raises
    ------
    ValueError
        If somebody asked for is not in the dataset.
    """
    here = dataset.subjects
    if people is not None:
        if missing := sorted(set(people) - set(here)):
            known = ", ".join(map(str, here))
            raise ValueError(f"{dataset.card.name} has no person {missing[0]}; there are {known}")
        return tuple(sorted(set(people)))
    split = dataset.card.splits.get("train", here)
    return tuple(sorted(set(split) & set(here))) or tuple(here)


def figures_of(dataset: Dataset, found: Sequence[Fold], plan: Plan) -> dict[str, Any]:
    """Float and int8 side by side, each person tried on the model that has never seen them."""
    floats, ints = [], []
    for fold in found:
        leaves = fold.fitted.tree.leaves
        own = gather(dataset, fold.held, plan.window, plan.hop, among=leaves)
        floats.append(fold.fitted.guess_float(own))
        ints.append(fold.fitted.guess_int8(own))
    real, whole = joined(floats), joined(ints)
    return {
        "folds": [list(fold.held) for fold in found],
        "windows": len(real.truth),
        "float_accuracy": round(real.accuracy, 4),
        "int8_accuracy": round(whole.accuracy, 4),
        "float_macro_f1": round(real.macro_f1, 4),
        "int8_macro_f1": round(whole.macro_f1, 4),
    }


def tuned(
    dataset: Dataset, people: Sequence[int], found: Sequence[Fold], before: dict[str, Any],
    plan: Plan, seed: int, say: Say,
) -> tuple[dict[str, Any], dict[str, Any]]:  # fmt: skip
    """Try fine-tuning on the folds: the figures that stand, and what the image's card says of it."""
    cost = before["float_accuracy"] - before["int8_accuracy"]
    say(f"int8 costs {100 * cost:.1f} points, more than {100 * WORTH:.1f}: fine-tuning with its rounding")
    after = figures_of(dataset, fine_tune_folds(dataset, people, found, plan, seed, say), plan)
    old, new = before["int8_accuracy"], after["int8_accuracy"]
    better = new > old
    say(
        f"people never trained on: int8 {old:.1%} before fine-tuning, {new:.1%} after; "
        + ("kept" if better else "not kept")
    )
    card = {"fine_tuned": better, "fine_tuning": {"int8_before": old, "int8_after": new}}
    return (after if better else before), card


def stored_vectors(
    fitted: Fitted, windows: Windows, each: int, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """``each`` feature vectors per leaf, going round the people, and whose class they are."""
    picks: list[int] = []
    for cls in fitted.tree.leaves:
        own = np.flatnonzero(windows.cls == cls)
        people = np.unique(windows.subject[own])
        for k in range(each):
            theirs = own[windows.subject[own] == people[k % len(people)]]
            picks.append(int(theirs[rng.integers(len(theirs))]))
    owners = windows.cls[picks].astype(np.uint8)
    return fitted.whole.features(windows.cut(np.array(picks))), owners


def image_of(
    fitted: Fitted,
    plan: Plan,
    people: Sequence[int],
    vectors: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    seed: int,
    about: dict[str, Any],
) -> Image:
    """Put together and check the model image; ``about`` joins what the dataset's card says."""
    card, tree = fitted.card, fitted.tree
    image = Image(
        channels=tuple(
            Channel(c.name, c.unit, float(s)) for c, s in zip(card.channels, fitted.scale, strict=True)
        ),
        rate_hz=card.rate_hz, window=plan.window, hop=plan.hop, layers=fitted.whole.layers,
        parents=tree.parents, formats=np.full(len(tree.parents), FORMAT, np.uint8),
        row_class=tree.row_class, row_head=tree.row_head, base=fitted.whole.base,
        stored=vectors[0], owners=vectors[1], names=tree.names,
        epochs=EPOCHS, rate_shift=RATE_SHIFT, imprint=IMPRINT, seed=seed,
        card=_origin(card, tree) | {"dataset": card.name, "trained_on": list(people)} | about,
    )  # fmt: skip
    image.check()
    return image


def _origin(card: Card, tree: Tree) -> dict[str, Any]:
    nested = card.tree
    told = {"title": card.title, "licence": card.licence, "citation": card.citation, "origin": card.origin}
    return told | ({} if nested is None else {"tree": nested})
