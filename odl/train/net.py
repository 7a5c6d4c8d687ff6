"""The extractor and its heads in floating point, and the augmentation of windows (needs torch)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from odl.train.plan import Plan
from odl.train.quantise import INPUT_UNIT


class FloatNet(nn.Module):
    """Valid convolutions over time with ReLU, three poolings, one linear head.

    With ``mirror``, the signs that turn a window into the same movement of the other arm,
    features are exactly equal for a window and its mirror image. The first layers'
    channels come in pairs that the mirror swaps (group convolution over the two-element
    group; Cohen and Welling, "Group equivariant convolutional networks", ICML 2016, section
    4), and the last layer weighs both of a pair alike. What comes out is plain weights.

    A depthwise layer has weights (channels, 1, kernel), both of a pair the same.
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        plan: Plan,
        mirror: NDArray[np.float32] | None = None,
    ) -> None:
        super().__init__()
        self.strides = [stride for _, _, stride in plan.sizes]
        self.signs = None if mirror is None else torch.from_numpy(mirror)[None, :, None]
        self.convs = nn.ModuleList()
        cin, last = channels, len(plan.sizes) - 1
        for i, (cout, kernel, stride) in enumerate(plan.sizes):
            paired, alone = mirror is not None, cout == 0
            own_in = cin // 2 if paired and (i == last or alone) else cin
            own_out = own_in if alone else cout // 2 if paired and i < last else cout
            groups = own_in if alone else 1
            self.convs.append(nn.Conv1d(own_in, own_out, kernel, stride, groups=groups))
            cin = cout or cin
        self.drop = nn.Dropout(plan.dropout)
        self.head = nn.Linear(3 * cin, classes)

    def plain(self) -> list[tuple[Tensor, Tensor]]:
        """Weights (out, in, kernel) and biases (out,) of each layer, pairs written out."""
        made = []
        for i, conv in enumerate(self.convs):
            weight, bias = conv.weight, conv.bias
            assert isinstance(weight, Tensor) and isinstance(bias, Tensor)
            if self.signs is not None and conv.groups > 1:
                weight, bias = torch.cat([weight, weight]), torch.cat([bias, bias])
            elif self.signs is not None and i == len(self.convs) - 1:
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
            x = functional.relu(convolved(x, weight, bias, stride))
        half = x.shape[2] // 2
        return torch.cat([x[:, :, :half].mean(2), x[:, :, half:].mean(2), x.amax(2)], 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (n, classes)."""
        return self.head(self.drop(self.features(x)))


def convolved(x: Tensor, weight: Tensor, bias: Tensor, stride: int) -> Tensor:
    """A convolution, depthwise where ``weight`` (out, in, kernel) is for one channel of several."""
    return functional.conv1d(x, weight, bias, stride, groups=x.shape[1] // weight.shape[1])


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


def augment(x: NDArray[np.float32], plan: Plan, rng: np.random.Generator) -> NDArray[np.float32]:
    """Windows in real units, each turned, stretched per triple; triples turn together."""
    n, _, channels = x.shape
    x = rotate(x, rotations(n, plan.rotation, rng))
    triple = -(-channels // 3)
    factor = np.exp(rng.normal(size=(n, 1, triple)) * plan.stretch)
    return x * np.repeat(factor, 3, 2)[:, :, :channels].astype(np.float32)


def to_units(x: NDArray[np.float32], scale: NDArray[np.float32]) -> NDArray[np.float32]:
    """Real values to net units, clipped to what an int8 input can say."""
    return np.clip(x / scale, -127, 127).astype(np.float32) / np.float32(INPUT_UNIT)
