"""Cross-validation by person: models of some people, scored on others, and where to stop (needs torch)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from odl.core.pace import Pace
from odl.data import Card, Dataset
from odl.train.multitask import FittedModel, calibrate, fit, input_scale, predict
from odl.train.net import FloatNet
from odl.train.plan import Plan
from odl.train.tree import TaskTree
from odl.train.windows import Windows, gather

CHECKS = 10  # times that held-out people are scored during a fit
Progress = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Fold:
    """A model of some people, and the people held out of its training."""

    held_out: tuple[str, ...]
    fitted: FittedModel
    stop: int


@dataclass(frozen=True)
class Curves:
    """Training loss and accuracy on held-out people along a fit, at ``steps``; means over folds."""

    steps: tuple[int, ...]
    loss: tuple[float, ...]
    held_out: tuple[float, ...]


def split_people(people: Sequence[str], n: int) -> list[tuple[str, ...]]:
    """Return folds of neighbouring people, each person in one fold.

    >>> split_people(["1", "2", "3", "4", "5", "6"], 3)
    [('1', '2'), ('3', '4'), ('5', '6')]
    """
    return [tuple(people[i] for i in part) for part in np.array_split(np.arange(len(people)), n)]


@dataclass(frozen=True, eq=False)
class _Run:
    """One fold's fit: nets along the fit with their training loss and held-out accuracy."""

    held_out: tuple[str, ...]
    train: Windows
    scale: NDArray[np.float32]
    nets: dict[int, tuple[FloatNet, float, float]]


def cross_validate(
    dataset: Dataset, people: Sequence[str], tree: TaskTree, plan: Plan, seed: int, n: int, progress: Progress
) -> tuple[list[Fold], Curves]:
    """Return one model per fold of ``people``, trained on the other folds.

    Where a fold's fit stops is chosen by the accuracy that the *other* folds' fits have on
    their own held-out people, so no fold's people influence the model that scores them.

    Raises
    ------
    ValueError
        If there are fewer than two folds or people. There are no more folds than people.
    """
    if len(people) < 2:
        raise ValueError(
            f"training on {len(people)} person: nobody would be left to tell when to stop; name two or more "
            "(`subjects`, or the card's split 'train')"
        )
    if n < 2:
        raise ValueError(f"{n} folds; there have to be 2 or more")
    n = min(n, len(people))
    card = dataset.card
    training = gather(dataset, people, plan.window, plan.spacing, among=tree.leaves)
    scored = gather(dataset, people, plan.window, plan.hop, among=tree.leaves)
    runs = []
    for held_out in split_people(people, n):
        pace = Pace(progress, without(held_out), plan.steps, "steps")
        train = training.select(~np.isin(training.subject, held_out))
        test = scored.select(np.isin(scored.subject, held_out))
        runs.append(_fit_fold(held_out, train, test, tree, card, plan, seed, pace))
        accuracy = list(runs[-1].nets.values())[-1][2]
        progress(f"{without(held_out)}: {accuracy:.1%} of their windows right (float)")
    steps = list(runs[0].nets)
    accuracies = np.array([[run.nets[s][2] for s in steps] for run in runs])
    folds = []
    for i, run in enumerate(runs):
        stop = steps[_best(np.delete(accuracies, i, 0).mean(0))]
        fitted = calibrate(run.nets[stop][0], run.scale, run.train, tree, card, seed)
        folds.append(Fold(run.held_out, fitted, stop))
    losses = np.mean([[run.nets[s][1] for s in steps] for run in runs], 0)
    return folds, Curves(tuple(steps), tuple(losses.tolist()), tuple(accuracies.mean(0).tolist()))


def without(held_out: Sequence[str]) -> str:
    """Whom a fold leaves out.

    >>> without(["7"]), without(["1", "2"])
    ('without person 7', 'without people 1, 2')
    """
    return f"without {'person' if len(held_out) == 1 else 'people'} {', '.join(held_out)}"


def best_step(curves: Curves) -> int:
    """Return the step at which the accuracy on held-out people is highest.

    >>> best_step(Curves((50, 100, 150), (1.0, 0.5, 0.2), (0.7, 0.9, 0.9)))
    150
    """
    return curves.steps[_best(np.array(curves.held_out))]


def _best(accuracies: NDArray[np.float64]) -> int:
    """Return the best point of a curve, smoothed so that one outlier does not decide."""
    return int(np.convolve(np.pad(accuracies, 1, "edge"), np.ones(3) / 3, "valid").argmax())


def _fit_fold(
    held_out: tuple[str, ...],
    train: Windows,
    test: Windows,
    tree: TaskTree,
    card: Card,
    plan: Plan,
    seed: int,
    pace: Pace,
) -> _Run:
    """Fit on ``train`` and score ``test`` along the way."""
    scale, losses = input_scale(train, card), list[float]()
    every = max(50, plan.steps // CHECKS // 50 * 50)
    nets: dict[int, tuple[FloatNet, float, float]] = {}

    def check(step: int, net: FloatNet, loss: float) -> None:
        pace.reach(step)
        losses.append(loss)
        if step % every == 0:
            accuracy = predict(net, scale, card, tree, test).accuracy
            nets[step] = copy.deepcopy(net), float(np.mean(losses)), accuracy
            losses.clear()

    fit(train, tree, card, scale, plan, seed, None, check)
    return _Run(held_out, train, scale, nets)
