"""Quantisation-aware fine-tuning: the rounding of int8 in the forward pass (needs torch).

After Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", CVPR 2018, section 3: the forward pass rounds and clips as
the integer model does, the backward pass takes rounding for the identity (the straight-through
estimator of Bengio, Leonard and Courville, 2013). Scales of activations stay those of the
calibration; a weight's scale follows the largest weight of its output channel.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from odl.core.image import Layer
from odl.data import Dataset
from odl.train.folds import Fold, Progress, without
from odl.train.losses import multitask_loss
from odl.train.multitask import FittedModel, augmented, calibrate, sampler, seed_all
from odl.train.net import FloatNet, convolved
from odl.train.plan import Plan
from odl.train.quantise import INPUT_UNIT
from odl.train.windows import Windows, gather

TOLERATED = 0.003  # share of held-out windows that int8 may cost before it is fine-tuned
STEPS = 300  # of a fine-tuning, at most as many as the fit's
RATE = 0.1  # of the fit's highest learning rate, falling to 0 in a line
LEVELS = 127  # steps of a weight to either side of 0; int8, other values only to try coarser ones


def round_through(x: Tensor) -> Tensor:
    """``x`` rounded half up; its gradient passes unchanged.

    >>> x = torch.tensor([0.5, -1.2], requires_grad=True)
    >>> round_through(x).sum().backward(); round_through(x).tolist(), x.grad.tolist()
    ([1.0, -1.0], [1.0, 1.0])
    """
    return x + (torch.floor(x + 0.5) - x).detach()


def activation_steps(net: FloatNet, layers: Sequence[Layer]) -> list[float]:
    """Real value of one step of each layer's output, as ``net`` was quantised to ``layers``."""
    unit, steps = 1 / INPUT_UNIT, []
    for (weight, _), layer in zip(net.plain(), layers, strict=True):
        size = weight.detach().abs().amax((1, 2))
        c = int(size.argmax())
        unit = unit * float(size[c]) / 127 * 2.0 ** int(layer.shifts[c]) / int(layer.mults[c])
        steps.append(unit)
    return steps


def simulated_features(net: FloatNet, steps: Sequence[float], x: Tensor) -> Tensor:
    """The features that the integer extractor would give, as floats with a gradient.

    Parameters
    ----------
    net : FloatNet
    steps : sequence of float
        From :func:`activation_steps`.
    x : float32 (n, window, channels)
        In net units.

    Returns
    -------
    float32 (n, features)
        Whole numbers from 0 to 255, one step of a feature each. Every sum is a whole number
        too, exact below 2**24; only the last factor is rounded where the device's is not.

    Examples
    --------
    >>> from odl.train.plan import Plan
    >>> simulated_features(FloatNet(3, 2, Plan()), [0.05, 0.05, 0.05], torch.zeros(1, 128, 3)).shape
    torch.Size([1, 192])
    """
    y = round_through(x.transpose(1, 2) * INPUT_UNIT).clamp(-128, 127)
    unit = 1 / INPUT_UNIT
    for (weight, bias), stride, step in zip(net.plain(), net.strides, steps, strict=True):
        size = weight.detach().abs().amax((1, 2))
        scale = torch.where(size > 0, size, unit) / LEVELS
        whole = round_through(weight / scale[:, None, None])
        sums = convolved(y, whole, round_through(bias / (scale * unit)), stride)
        y = round_through(sums * (scale * unit / step)[:, None]).clamp(0, 255)
        unit = step
    half = y.shape[2] // 2
    return torch.cat(
        [round_through(y[:, :, :half].mean(2)), round_through(y[:, :, half:].mean(2)), y.amax(2)], 1
    )


def fine_tune(fitted: FittedModel, windows: Windows, plan: Plan, seed: int) -> FittedModel:
    """Continue the fit on ``windows`` with rounding in the forward pass, then calibrate again.

    The windows are those that ``fitted`` was trained on; ``fitted`` itself does not change.
    """
    rng = seed_all(seed, plan)
    net = copy.deepcopy(fitted.net).train()
    steps = activation_steps(net, fitted.integer.layers)
    draw, n = sampler(windows, fitted.tree, fitted.card, plan), min(STEPS, plan.steps)
    optimiser = torch.optim.AdamW(net.parameters(), plan.rate * RATE, weight_decay=plan.decay)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, n)
    for _ in range(n):
        real, targets = draw(rng)
        x = simulated_features(net, steps, augmented(real, fitted.scale, plan, rng)) * steps[-1]
        loss = multitask_loss(net.head(net.drop(x)), targets, fitted.tree, plan)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return calibrate(net.eval(), fitted.scale, windows, fitted.tree, fitted.card, seed)


def fine_tune_folds(
    dataset: Dataset, people: Sequence[str], folds: Sequence[Fold], plan: Plan, seed: int,
    progress: Progress = lambda sentence: None,
) -> list[Fold]:  # fmt: skip
    """Each fold's model fine-tuned on the people that it was trained on, never on its own."""
    tuned = []
    for fold in folds:
        others = [p for p in people if p not in fold.held_out]
        train = gather(dataset, others, plan.window, plan.spacing, among=fold.fitted.tree.leaves)
        tuned.append(replace(fold, fitted=fine_tune(fold.fitted, train, plan, seed)))
        progress(f"{without(fold.held_out)}: fine-tuned for int8")
    return tuned
