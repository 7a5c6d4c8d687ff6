"""Extractor and all heads of a task tree fitted at once (needs torch).

After Dendron: the loss is the weighted sum of the tasks' cross-entropies (`odl.train.losses`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from odl.core.fixed_point import Scaling, input_scaling
from odl.data import Card
from odl.train.losses import multitask_loss
from odl.train.metrics import Predictions
from odl.train.net import FloatNet, augment, to_units
from odl.train.plan import Plan
from odl.train.quantise import FORMAT, INPUT_UNIT, IntegerModel, quantise, scale_raw
from odl.train.tree import TaskTree
from odl.train.windows import Windows

RANGE = 0.999  # share of the training people's samples that an int8 input can say
CALIBRATED = 2000  # windows of training people that fix the activation scales, at most
Sampler = Callable[[np.random.Generator], tuple[NDArray[np.float32], Tensor]]


@dataclass(frozen=True, eq=False)
class FittedModel:
    """A float net with its input scale, and the integer model made of it."""

    net: FloatNet
    scale: NDArray[np.float32]
    integer: IntegerModel
    tree: TaskTree
    card: Card

    def predict_float(self, windows: Windows, among: Sequence[int] | None = None) -> Predictions:
        """Classes that the float net predicts, among some leaves (default: all)."""
        return predict(self.net, self.scale, self.card, self.tree, windows, among)

    def predict_int8(self, windows: Windows, among: Sequence[int] | None = None) -> Predictions:
        """Classes that the integer model predicts."""
        return Predictions(windows.cls, self.tree.route(self.integer.logits(windows.cut()), among))


def predict(
    net: FloatNet, scale: NDArray[np.float32], card: Card, tree: TaskTree, windows: Windows,
    among: Sequence[int] | None = None,
) -> Predictions:  # fmt: skip
    """Classes that a float net predicts."""
    with torch.no_grad():
        logits = net(torch.from_numpy(to_units(windows.cut() * _scales(card), scale))).numpy()
    return Predictions(windows.cls, tree.route(logits, among))


def input_scale(windows: Windows, card: Card) -> NDArray[np.float32]:
    """Real value of one int8 step per channel, from the recordings that hold the windows."""
    scales = _scales(card)
    sizes = np.concatenate([np.abs(b[::4].astype(np.float32)) for b in windows.recordings()]) * scales
    step = np.quantile(sizes, RANGE, axis=0) / 127
    return np.maximum(step, scales).astype(np.float32)  # a channel that rests still has a scale


def sampler(windows: Windows, tree: TaskTree, card: Card, plan: Plan) -> Sampler:
    """A function that draws a batch: windows in real units, balanced by class, and their targets."""
    scales = _scales(card)
    count = np.bincount(windows.cls)
    share = np.cumsum(count[windows.cls] ** (plan.balance - 1.0))
    targets = torch.from_numpy(tree.targets(windows.cls))

    def draw(rng: np.random.Generator) -> tuple[NDArray[np.float32], Tensor]:
        which = np.searchsorted(share, rng.random(plan.batch) * share[-1], "right")
        which = np.minimum(which, len(windows) - 1)
        return windows.cut(which) * scales, targets[which]

    return draw


def augmented(
    real: NDArray[np.float32], scale: NDArray[np.float32], plan: Plan, rng: np.random.Generator
) -> Tensor:
    """A batch as the net takes it: turned, stretched, scaled to net units, with noise."""
    x = to_units(augment(real, plan, rng), scale)
    x += rng.normal(size=x.shape).astype(np.float32) * np.float32(plan.noise)
    return torch.from_numpy(x)


def seed_all(seed: int, plan: Plan) -> np.random.Generator:
    """Make torch repeatable; a NumPy generator of the same seed."""
    torch.manual_seed(seed)
    torch.set_num_threads(plan.threads)
    torch.use_deterministic_algorithms(True)
    return np.random.default_rng(seed)


def fit(
    windows: Windows,
    tree: TaskTree,
    card: Card,
    scale: NDArray[np.float32],
    plan: Plan,
    seed: int,
    stop: int | None = None,
    progress: Callable[[int, FloatNet, float], None] = lambda step, net, loss: None,
) -> FloatNet:
    """Fit extractor and heads on ``windows``.

    Parameters
    ----------
    windows, tree, card
    scale : float32 (channels,)
        Real value of one int8 step, from `input_scale`.
    plan, seed
        The same values on the same number of threads give the same net.
    stop : int, optional
        End after this many of the plan's steps.
    progress : callable
        Called every 50 steps with the step, the averaged net and the mean loss since the last call.

    Returns
    -------
    FloatNet
        The exponential average of the weights along the fit, in evaluation mode.
    """
    rng = seed_all(seed, plan)
    draw, losses = sampler(windows, tree, card, plan), list[float]()
    net, mean = (FloatNet(len(scale), len(tree.row_class), plan, mirror_of(card)) for _ in range(2))
    mean.load_state_dict(net.state_dict())
    mean.eval()
    optimiser = torch.optim.AdamW(net.parameters(), plan.rate, weight_decay=plan.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, plan.rate, plan.steps)
    for step in range(1, (stop or plan.steps) + 1):
        real, targets = draw(rng)
        loss = multitask_loss(net(augmented(real, scale, plan, rng)), targets, tree, plan)
        losses.append(float(loss.detach()))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            for old, new in zip(mean.parameters(), net.parameters(), strict=True):
                old.lerp_(new, max(0.01, 1 / step))
        if step % 50 == 0:
            progress(step, mean, float(np.mean(losses)))
            losses.clear()
    return mean


def to_integer(net: FloatNet, raw: NDArray[np.int16], scaling: Scaling) -> IntegerModel:
    """Quantise a net; the scales of its activations are fixed on the counts ``raw`` (n, window, channels)."""
    plain = [
        (w.detach().numpy().astype(np.float64).transpose(0, 2, 1), b.detach().numpy().astype(np.float64))
        for w, b in net.plain()
    ]
    layers, step = quantise(plain, net.strides, scale_raw(raw, scaling), 1 / INPUT_UNIT)
    weights = net.head.weight.detach().numpy().astype(np.float64) * step
    bias = net.head.bias.detach().numpy().astype(np.float64) / 128
    base = np.concatenate([weights, bias[:, None]], 1) * 2**FORMAT
    return IntegerModel(layers, np.rint(base).astype(np.int32), scaling)


def calibrate(
    net: FloatNet, scale: NDArray[np.float32], windows: Windows, tree: TaskTree, card: Card, seed: int
) -> FittedModel:
    """Quantise ``net``, its activation scales fixed on windows of the people that it was trained on."""
    rng = np.random.default_rng(seed)
    which = np.sort(rng.permutation(len(windows))[:CALIBRATED])
    return FittedModel(net, scale, to_integer(net, windows.cut(which), _scaling(card, scale)), tree, card)


def mirror_of(card: Card) -> NDArray[np.float32] | None:
    """The card's mirror signs, if it has any."""
    signs = card.about.get("mirror")
    return None if signs is None else np.array(signs, np.float32)


def _scaling(card: Card, scale: NDArray[np.float32]) -> Scaling:
    """What the host will compute from the image's and the card's channels."""
    return input_scaling(
        [(c.name, c.unit, c.scale) for c in card.channels],
        [(c.name, c.unit, float(s)) for c, s in zip(card.channels, scale, strict=True)],
    )


def _scales(card: Card) -> NDArray[np.float32]:
    return np.array([c.scale for c in card.channels], np.float32)
