"""The extractor and its heads in floating point, and the fit (PyTorch is imported here)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

INPUT_UNIT = 32.0  # an int8 input of 32 is 1.0 to the net


@dataclass(frozen=True)
class Recipe:
    """How an extractor is made and fitted; sizes as (out channels, kernel, stride)."""

    sizes: tuple[tuple[int, int, int], ...] = ((16, 5, 2), (32, 5, 2), (64, 3, 1))
    window: int = 128
    hop: int = 64
    steps: int = 900
    batch: int = 128
    rate: float = 3e-3
    decay: float = 1e-2
    dropout: float = 0.3
    smoothing: float = 0.05
    rotation: float = 0.4  # standard deviation of the random rotation's angle, rad
    stretch: float = 0.4  # of the random factor per triple of channels
    noise: float = 0.15  # of white noise, in net units
    threads: int = 1


class Net(nn.Module):
    """Valid convolutions over time with ReLU, three poolings, one linear head.

    With ``mirror``, the signs that turn a window into the same movement of the other arm,
    features are exactly equal for a window and its mirror image. The first layers'
    channels come in pairs that the mirror swaps (group convolution over the two-element
    group; Cohen and Welling, "Group equivariant convolutional networks", ICML 2016, section
    4), and the last layer weighs both of a pair alike. What comes out is plain weights.
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        recipe: Recipe,
        mirror: NDArray[np.float32] | None = None,
    ) -> None:
        super().__init__()
        self.strides = [stride for _, _, stride in recipe.sizes]
        self.signs = None if mirror is None else torch.from_numpy(mirror)[None, :, None]
        self.convs = nn.ModuleList()
        cin, last = channels, len(recipe.sizes) - 1
        for i, (cout, kernel, stride) in enumerate(recipe.sizes):
            paired = mirror is not None
            own_in = cin // 2 if paired and i == last else cin
            own_out = cout // 2 if paired and i < last else cout
            self.convs.append(nn.Conv1d(own_in, own_out, kernel, stride))
            cin = cout
        self.drop = nn.Dropout(recipe.dropout)
        self.head = nn.Linear(3 * cin, classes)

    def plain(self) -> list[tuple[Tensor, Tensor]]:
        """Weights (out, in, kernel) and biases (out,) of each layer, pairs written out."""
        made = []
        for i, conv in enumerate(self.convs):
            weight, bias = conv.weight, conv.bias
            assert isinstance(weight, Tensor) and isinstance(bias, Tensor)
            if self.signs is not None and i == len(self.convs) - 1:
                weight = torch.cat([weight, weight], 1)
            elif self.signs is not None:
                swapped = weight * self.signs if i == 0 else weight.roll(weight.shape[1] // 2, 1)
                weight, bias = torch.cat([weight, swapped]), torch.cat([bias, bias])
            made.append((weight, bias))
        return made

    def features(self, x: Tensor) -> Tensor:
        """``x`` float (n, window, channels) in net units -> (n, 3 * last channels)."""
        x = x.transpose(1, 2)
        for (weight, bias), stride in zip(self.plain(), self.strides, strict=True):
            x = functional.relu(functional.conv1d(x, weight, bias, stride))
        half = x.shape[2] // 2
        return torch.cat([x[:, :, :half].mean(2), x[:, :, half:].mean(2), x.amax(2)], 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (n, classes)."""
        return self.head(self.drop(self.features(x)))


def rotations(n: int, spread: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """``n`` random rotation matrices (n, 3, 3): uniform axis, normal angle (Rodrigues)."""
    axis = rng.normal(size=(n, 3))
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    angle = rng.normal(size=n) * spread
    cross = np.zeros((n, 3, 3))
    cross[:, [2, 0, 1], [1, 2, 0]] = axis
    cross[:, [1, 2, 0], [2, 0, 1]] = -axis
    sin, cos = np.sin(angle)[:, None, None], np.cos(angle)[:, None, None]
    return (np.eye(3) + sin * cross + (1 - cos) * cross @ cross).astype(np.float32)


def rotate(x: NDArray[np.float32], turn: NDArray[np.float32]) -> NDArray[np.float32]:
    """Every triple of channels of window i of ``x`` turned by ``turn[i]``."""
    n, time, channels = x.shape
    if channels % 3:
        return x
    return np.einsum("nij,ntcj->ntci", turn, x.reshape(n, time, -1, 3)).reshape(x.shape)


def augment(x: NDArray[np.float32], recipe: Recipe, rng: np.random.Generator) -> NDArray[np.float32]:
    """Windows in real units, each turned, stretched per triple; triples turn together."""
    n, _, channels = x.shape
    x = rotate(x, rotations(n, recipe.rotation, rng))
    triple = -(-channels // 3)
    factor = np.exp(rng.normal(size=(n, 1, triple)) * recipe.stretch)
    return x * np.repeat(factor, 3, 2)[:, :, :channels].astype(np.float32)


def to_units(x: NDArray[np.float32], scale: NDArray[np.float32]) -> NDArray[np.float32]:
    """Real values to net units, clipped to what an int8 input can say."""
    return np.clip(x / scale, -127, 127).astype(np.float32) / np.float32(INPUT_UNIT)


def fit(
    series: Sequence[NDArray[np.float32]],
    targets: NDArray[np.int64],
    scale: NDArray[np.float32],
    recipe: Recipe,
    seed: int,
    mirror: NDArray[np.float32] | None = None,
    stop: int | None = None,
    progress: Callable[[int, Net], None] = lambda step, net: None,
) -> Net:
    """Fit a net on random windows of ``series``.

    Parameters
    ----------
    series : sequence of float32 (n_i, channels)
        In real units.
    targets : int64 (series,)
        One class index per series.
    scale : float32 (channels,)
        Real value of one int8 step.
    recipe, seed
        Everything else; the same values on the same number of threads give the same net.
    mirror : float32 (channels,), optional
        See :class:`Net`: what is learned on one arm then holds on the other.
    stop : int, optional
        End after this many of the recipe's steps.
    progress : callable
        Called with the step and the averaged net every 50 steps.

    Returns
    -------
    Net
        The exponential average of the weights along the fit, in evaluation mode.

    Examples
    --------
    >>> waves = [np.float32(a) * np.ones((200, 3), np.float32) for a in (-1, 1)]
    >>> net = fit(waves, np.array([0, 1]), np.full(3, 1 / 64, np.float32), Recipe(steps=5), 1)
    >>> net.features(torch.zeros(1, 128, 3)).shape
    torch.Size([1, 192])
    """
    room = np.array([len(s) - recipe.window + 1 for s in series], float)

    def draw(rng: np.random.Generator) -> tuple[NDArray[np.float32], Tensor]:
        which = rng.choice(len(series), recipe.batch, p=room / room.sum())
        starts = (rng.random(recipe.batch) * room[which]).astype(int)
        x = np.stack([series[i][a : a + recipe.window] for i, a in zip(which, starts, strict=True)])
        return x, torch.from_numpy(targets[which])

    def loss(logits: Tensor, truth: Tensor) -> Tensor:
        return functional.cross_entropy(logits, truth, label_smoothing=recipe.smoothing)

    rows = int(targets.max()) + 1
    return descend(rows, draw, loss, scale, recipe, seed, mirror, stop, progress)


def descend(
    rows: int,
    draw: Callable[[np.random.Generator], tuple[NDArray[np.float32], Tensor]],
    loss: Callable[[Tensor, Tensor], Tensor],
    scale: NDArray[np.float32],
    recipe: Recipe,
    seed: int,
    mirror: NDArray[np.float32] | None = None,
    stop: int | None = None,
    progress: Callable[[int, Net], None] = lambda step, net: None,
) -> Net:
    """The descent that :func:`fit` and the unified training share.

    ``draw`` gives a batch of windows in real units with what is right for them, ``loss``
    judges the net's ``rows`` logits by that; everything else is as in :func:`fit`.
    """
    torch.manual_seed(seed)
    torch.set_num_threads(recipe.threads)
    torch.use_deterministic_algorithms(True)
    rng = np.random.default_rng(seed)
    net, mean = (Net(len(scale), rows, recipe, mirror) for _ in range(2))
    mean.load_state_dict(net.state_dict())
    mean.eval()
    optimiser = torch.optim.AdamW(net.parameters(), recipe.rate, weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, recipe.steps)
    for step in range(1, (stop or recipe.steps) + 1):
        x, truth = draw(rng)
        x = to_units(augment(x, recipe, rng), scale)
        x += rng.normal(size=x.shape).astype(np.float32) * np.float32(recipe.noise)
        cost = loss(net(torch.from_numpy(x)), truth)
        optimiser.zero_grad()
        cost.backward()
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            for old, new in zip(mean.parameters(), net.parameters(), strict=True):
                old.lerp_(new, max(0.01, 1 / step))
        if step % 50 == 0:
            progress(step, mean)
    return mean
