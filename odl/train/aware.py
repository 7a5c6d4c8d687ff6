"""Fine-tuning with the rounding of int8 in the forward pass (needs torch).

After Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", CVPR 2018, section 3: the forward pass rounds and clips as
the integer model does, the backward pass takes rounding for the identity (the straight-through
estimator of Bengio, Leonard and Courville, 2013). Scales of activations stay those of the
calibration; a weight's scale follows the largest weight of its output channel.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from odl.core.image import Layer
from odl.data import Dataset
from odl.train.net import INPUT_UNIT, Net, augment, to_units
from odl.train.unified import Fitted, Fold, Plan, drawing, finish, judging
from odl.train.windows import Windows, gather

WORTH = 0.003  # share of held-out windows that int8 may cost before it is fine-tuned
STEPS = 300  # of a fine-tuning, at most as many as the fit's
RATE = 0.1  # of the fit's highest learning rate, falling to 0 in a line
LEVELS = 127  # steps of a weight to either side of 0; int8, other values only to try coarser ones


def rounded(x: Tensor) -> Tensor:
    """``x`` rounded half up; its gradient passes unchanged.

    >>> x = torch.tensor([0.5, -1.2], requires_grad=True)
    >>> rounded(x).sum().backward(); rounded(x).tolist(), x.grad.tolist()
    ([1.0, -1.0], [1.0, 1.0])
    """
    return x + (torch.floor(x + 0.5) - x).detach()


def steps_of(net: Net, layers: Sequence[Layer]) -> list[float]:
    """Real value of one step of each layer's output, as ``net`` was quantised to ``layers``."""
    unit, steps = 1 / INPUT_UNIT, []
    for (weight, _), layer in zip(net.plain(), layers, strict=True):
        size = weight.detach().abs().amax((1, 2))
        c = int(size.argmax())
        unit = unit * float(size[c]) / 127 * 2.0 ** int(layer.shifts[c]) / int(layer.mults[c])
        steps.append(unit)
    return steps


def features(net: Net, steps: Sequence[float], x: Tensor) -> Tensor:
    """The features that the integer extractor would give, as floats with a gradient.

    Parameters
    ----------
    net : Net
    steps : sequence of float
        From :func:`steps_of`.
    x : float32 (n, window, channels)
        In net units.

    Returns
    -------
    float32 (n, features)
        Whole numbers from 0 to 255, one step of a feature each. Every sum is a whole number
        too, exact below 2**24; only the last factor is rounded where the device's is not.

    Examples
    --------
    >>> from odl.train.net import Recipe
    >>> features(Net(3, 2, Recipe()), [0.05, 0.05, 0.05], torch.zeros(1, 128, 3)).shape
    torch.Size([1, 192])
    """
    y = rounded(x.transpose(1, 2) * INPUT_UNIT).clamp(-128, 127)
    unit = 1 / INPUT_UNIT
    for (weight, bias), stride, step in zip(net.plain(), net.strides, steps, strict=True):
        size = weight.detach().abs().amax((1, 2))
        scale = torch.where(size > 0, size, unit) / LEVELS
        whole = rounded(weight / scale[:, None, None])
        sums = functional.conv1d(y, whole, rounded(bias / (scale * unit)), stride)
        y = rounded(sums * (scale * unit / step)[:, None]).clamp(0, 255)
        unit = step
    half = y.shape[2] // 2
    return torch.cat([rounded(y[:, :, :half].mean(2)), rounded(y[:, :, half:].mean(2)), y.amax(2)], 1)


def fine_tune(fitted: Fitted, windows: Windows, plan: Plan, seed: int) -> Fitted:
    """Go on fitting on ``windows`` with rounding in the forward pass, then calibrate anew.

    The windows are those that ``fitted`` was trained on; it is left as it is.
    """
    torch.manual_seed(seed)
    torch.set_num_threads(plan.threads)
    torch.use_deterministic_algorithms(True)
    rng = np.random.default_rng(seed)
    net = copy.deepcopy(fitted.net).train()
    steps = steps_of(net, fitted.whole.layers)
    draw, judge = drawing(windows, fitted.tree, fitted.card, plan), judging(fitted.tree, plan)
    n = min(STEPS, plan.steps)
    optimiser = torch.optim.AdamW(net.parameters(), plan.rate * RATE, weight_decay=plan.decay)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, n)
    for _ in range(n):
        real, truth = draw(rng)
        x = to_units(augment(real, plan, rng), fitted.scale)
        x += rng.normal(size=x.shape).astype(np.float32) * np.float32(plan.noise)
        felt = features(net, steps, torch.from_numpy(x)) * steps[-1]
        cost = judge(net.head(net.drop(felt)), truth) / len(truth)
        optimiser.zero_grad()
        cost.backward()
        optimiser.step()
        schedule.step()
    return finish(net.eval(), fitted.scale, windows, fitted.tree, fitted.card, seed)


def fine_tune_folds(
    dataset: Dataset, people: Sequence[int], found: Sequence[Fold], plan: Plan, seed: int,
    say: Callable[[str], None] = lambda line: None,
) -> list[Fold]:  # fmt: skip
    """Each fold's model fine-tuned on the people that it was trained on, never on its own."""
    made = []
    for fold in found:
        others = [p for p in people if p not in fold.held]
        train = gather(dataset, others, plan.window, plan.dense, among=fold.fitted.tree.leaves)
        made.append(replace(fold, fitted=fine_tune(fold.fitted, train, plan, seed)))
        say(f"without people {', '.join(map(str, fold.held))}: fine-tuned for int8")
    return made
