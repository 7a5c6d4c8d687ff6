"""Extractor and all heads of a task tree trained at once, in folds by person (needs torch).

After Dendron: the loss is the weighted sum of the tasks' cross-entropies (all 1 by default), and a
window whose label does not fall under a task takes no part in that task's loss.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from odl.data import Card, Dataset
from odl.train.measure import Guesses
from odl.train.net import Net, Recipe, descend, to_units
from odl.train.shipped import RANGE, Integer, folds_of, mirror_of, scaling_of, to_integer_on
from odl.train.tree import NO_PART, Tree
from odl.train.windows import Windows, gather

CALIBRATED = 2000  # windows of training people that fix the activation scales, at most
CHECKS = 10  # times that held-out people are looked at during a fit
Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan(Recipe):
    """A recipe for streams; window and hop are in samples.

    ``balance`` draws a class in proportion to its windows to this power: 1 takes windows as
    they come, 0 every class alike. ``dense`` is the distance between the windows that
    training draws from. ``weights`` are those of the tasks' losses, in the order of the heads;
    tasks beyond them weigh 1.
    """

    steps: int = 4000
    rotation: float = 0.3
    stretch: float = 0.1
    noise: float = 0.05
    balance: float = 0.5
    dense: int = 8
    weights: tuple[float, ...] = ()


def plan_for(card: Card, plan: Plan | None = None) -> Plan:
    """``plan`` with the card's window and hop, the hop a multiple of the extractor's stride.

    >>> from odl.data import load_card
    >>> made = plan_for(load_card("shoulder"))
    >>> made.window, made.hop
    (128, 64)
    """
    plan = plan or Plan()
    stride = int(np.prod([size[2] for size in plan.sizes]))
    window = plan.window if card.window_s is None else round(card.window_s * card.rate_hz)
    hop = plan.hop if card.hop_s is None else max(1, round(card.hop_s * card.rate_hz / stride)) * stride
    return replace(plan, window=window, hop=hop)


@dataclass(frozen=True, eq=False)
class Fitted:
    """A net with its input scale, and the integers made of it."""

    net: Net
    scale: NDArray[np.float32]
    whole: Integer
    tree: Tree
    card: Card

    def guess_float(self, windows: Windows, among: Sequence[int] | None = None) -> Guesses:
        """What the float net says of ``windows``, choosing ``among`` leaves (default: all)."""
        return _guess(self.net, self.scale, self.card, self.tree, windows, among)

    def guess_int8(self, windows: Windows, among: Sequence[int] | None = None) -> Guesses:
        """What the integer model says of ``windows``."""
        base = self.whole.base.astype(np.int64)
        x = self.whole.features(windows.cut()).astype(np.int64)
        logits = x @ base[:, :-1].T + 128 * base[:, -1]
        return Guesses(windows.cls, self.tree.route(logits, among))


@dataclass(frozen=True, eq=False)
class Fold:
    """A model of some people, and the people it has never seen."""

    held: tuple[int, ...]
    fitted: Fitted
    stop: int


@dataclass(frozen=True)
class Curves:
    """How a fit went, at ``steps``: training loss, accuracy on held-out people (means)."""

    steps: tuple[int, ...]
    loss: tuple[float, ...]
    held_out: tuple[float, ...]


def input_scale_of(windows: Windows, card: Card) -> NDArray[np.float32]:
    """Real value of one int8 step per channel, from all that the windows' recordings hold."""
    scales = _scales(card)
    sizes = np.concatenate([np.abs(b[::4].astype(np.float32)) for b in windows.recordings()]) * scales
    step = np.quantile(sizes, RANGE, axis=0) / 127
    return np.maximum(step, scales).astype(np.float32)  # a channel that rests still has a scale


def drawing(
    windows: Windows, tree: Tree, card: Card, plan: Plan
) -> Callable[[np.random.Generator], tuple[NDArray[np.float32], Tensor]]:
    """What gives a batch of ``windows`` in real units, balanced by class, and each task's target."""
    scales = _scales(card)
    count = np.bincount(windows.cls)
    share = np.cumsum(count[windows.cls] ** (plan.balance - 1.0))
    targets = torch.from_numpy(tree.targets(windows.cls))

    def draw(rng: np.random.Generator) -> tuple[NDArray[np.float32], Tensor]:
        which = np.searchsorted(share, rng.random(plan.batch) * share[-1], "right")
        which = np.minimum(which, len(windows) - 1)
        return windows.cut(which) * scales, targets[which]

    return draw


def judging(tree: Tree, plan: Plan) -> Callable[[Tensor, Tensor], Tensor]:
    """What adds up the tasks' weighted losses over a batch."""

    def judge(logits: Tensor, truth: Tensor) -> Tensor:
        cost = torch.zeros(())
        for head, rows in enumerate(tree.heads):
            weight = plan.weights[head] if head < len(plan.weights) else 1.0
            cost = cost + weight * functional.cross_entropy(
                logits[:, rows], truth[:, head], ignore_index=NO_PART, reduction="sum",
                label_smoothing=plan.smoothing,
            )  # fmt: skip
        return cost

    return judge


def fit_tree(
    windows: Windows,
    tree: Tree,
    card: Card,
    scale: NDArray[np.float32],
    plan: Plan,
    seed: int,
    stop: int | None = None,
    progress: Callable[[int, Net, float], None] = lambda step, net, loss: None,
) -> Net:
    """Fit extractor and heads on ``windows``, to inputs of ``scale`` a step.

    ``progress`` is called every 50 steps with the averaged net and the mean loss since the
    last call.
    """
    draw, judge = drawing(windows, tree, card, plan), judging(tree, plan)
    seen: list[float] = []

    def loss(logits: Tensor, truth: Tensor) -> Tensor:
        cost = judge(logits, truth)
        seen.append(float(cost.detach()) / len(truth))
        return cost / len(truth)

    def note(step: int, net: Net) -> None:
        progress(step, net, float(np.mean(seen)))
        seen.clear()

    rows = len(tree.row_class)
    return descend(rows, draw, loss, scale, plan, seed, mirror_of(card), stop, note)


def finish(
    net: Net, scale: NDArray[np.float32], windows: Windows, tree: Tree, card: Card, seed: int
) -> Fitted:
    """Quantise ``net``, calibrated on windows of the people that it was trained on."""
    rng = np.random.default_rng(seed)
    which = np.sort(rng.permutation(len(windows))[:CALIBRATED])
    made = to_integer_on(net, windows.cut(which), scaling_of(card, scale))
    return Fitted(net, scale, made, tree, card)


@dataclass(frozen=True, eq=False)
class _Run:
    """One fold's fit: nets along the way with their training loss and held-out accuracy."""

    held: tuple[int, ...]
    train: Windows
    scale: NDArray[np.float32]
    nets: dict[int, tuple[Net, float, float]]


def folds(
    dataset: Dataset, people: Sequence[int], tree: Tree, plan: Plan, seed: int, n: int, say: Say
) -> tuple[list[Fold], Curves]:
    """One model per fold of ``people``, trained on the others and never on the fold's own.

    Where a fold's fit stops is chosen by the accuracy that the *other* folds' fits have on
    their own held-out people, so no fold's people had a say in the model they are tried on.

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
    dense = gather(dataset, people, plan.window, plan.dense, among=tree.leaves)
    spread = gather(dataset, people, plan.window, plan.hop, among=tree.leaves)
    runs = []
    for held in folds_of(people, n):
        train = dense.only(~np.isin(dense.subject, held))
        runs.append(_follow(held, train, spread.only(np.isin(spread.subject, held)), tree, card, plan, seed))
        right = list(runs[-1].nets.values())[-1][2]
        say(f"without people {', '.join(map(str, held))}: {right:.1%} of their windows right (float)")
    steps = list(runs[0].nets)
    rights = np.array([[run.nets[s][2] for s in steps] for run in runs])
    made = []
    for i, run in enumerate(runs):
        stop = steps[_best(np.delete(rights, i, 0).mean(0))]
        fitted = finish(run.nets[stop][0], run.scale, run.train, tree, card, seed)
        made.append(Fold(run.held, fitted, stop))
    losses = np.mean([[run.nets[s][1] for s in steps] for run in runs], 0)
    return made, Curves(tuple(steps), tuple(losses.tolist()), tuple(rights.mean(0).tolist()))


def best_step(curves: Curves) -> int:
    """The step at which held-out people fare best.

    >>> best_step(Curves((50, 100, 150), (1.0, 0.5, 0.2), (0.7, 0.9, 0.9)))
    150
    """
    return curves.steps[_best(np.array(curves.held_out))]


def _best(rights: NDArray[np.float64]) -> int:
    """The best place on a curve, smoothed so that one lucky point does not decide."""
    return int(np.convolve(np.pad(rights, 1, "edge"), np.ones(3) / 3, "valid").argmax())


def _follow(
    held: tuple[int, ...], train: Windows, test: Windows, tree: Tree, card: Card, plan: Plan, seed: int
) -> _Run:
    """Fit on ``train`` and look at ``test`` along the way."""
    scale, losses = input_scale_of(train, card), [0.0]
    every = max(50, plan.steps // CHECKS // 50 * 50)
    nets: dict[int, tuple[Net, float, float]] = {}

    def note(step: int, net: Net, loss: float) -> None:
        losses.append(loss)
        if step % every == 0:
            right = _guess(net, scale, card, tree, test, None).accuracy
            nets[step] = copy.deepcopy(net), float(np.mean(losses[1:])), right
            del losses[1:]

    fit_tree(train, tree, card, scale, plan, seed, None, note)
    return _Run(held, train, scale, nets)


def _scales(card: Card) -> NDArray[np.float32]:
    return np.array([c.scale for c in card.channels], np.float32)


def _guess(
    net: Net, scale: NDArray[np.float32], card: Card, tree: Tree, windows: Windows,
    among: Sequence[int] | None,
) -> Guesses:  # fmt: skip
    with torch.no_grad():
        logits = net(torch.from_numpy(to_units(windows.cut() * _scales(card), scale))).numpy()
    return Guesses(windows.cls, tree.route(logits, among))
