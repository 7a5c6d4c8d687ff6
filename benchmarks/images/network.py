"""A small convolutional network over images: trained in floating point, frozen in int8 (needs torch).

The arithmetic is that of the project's extractor: a convolution of an image is a layer of
`odl.train.quantise` over its patches. Only the sums are left to torch, in floating point that holds them
exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from odl.core.image import Layer
from odl.train.quantise import quantise

SIZES = ((16, 3, 2), (32, 3, 2), (48, 4, 1))  # outputs, kernel and stride of each layer
FEATURES = 4 * SIZES[-1][0]  # the mean of each quarter of the image
UNIT = 1 / 64  # real value of one step of a pixel
BATCH = 128
CALIBRATED = 256  # images that scales are taken from
RATE, DECAY, DROPOUT = 3e-3, 1e-3, 0.2


class Net(nn.Module):
    """Three valid convolutions with ReLU, the means of four quarters, one linear head."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList()
        for outputs, kernel, stride in SIZES:
            self.convs.append(nn.Conv2d(channels, outputs, kernel, stride))
            channels = outputs
        self.drop = nn.Dropout(DROPOUT)
        self.head = nn.Linear(FEATURES, classes)

    def features(self, x: Tensor) -> Tensor:
        """(n, channels, side, side) -> (n, FEATURES)."""
        for conv in self.convs:
            x = functional.relu(conv(x))
        return functional.avg_pool2d(x, 2).permute(0, 2, 3, 1).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (n, classes)."""
        return self.head(self.drop(self.features(x)))


def as_input(images: NDArray[np.uint8]) -> NDArray[np.int8]:
    """Pixels to int8, (n, side, side, channels)."""
    return (images.astype(np.int16) - 128).astype(np.int8)


def trained(x: NDArray[np.int8], classes: NDArray[np.uint8], steps: int, flipped: bool, seed: int) -> Net:
    """A net that tells the ``classes`` (from 0) of ``x`` apart; ``flipped`` mirrors half of the images."""
    torch.set_num_threads(1)  # sums in another order give another net
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = Net(x.shape[3], int(classes.max()) + 1).train()
    optimiser = torch.optim.AdamW(net.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, steps)
    for _ in range(steps):
        picked = rng.integers(0, len(x), BATCH)
        images = x[picked]
        if flipped:
            mirrored = rng.random(BATCH) < 0.5
            images[mirrored] = images[mirrored, :, ::-1]
        logits = net(torch.from_numpy(images).permute(0, 3, 1, 2).float() * UNIT)
        loss = functional.cross_entropy(logits, torch.from_numpy(classes[picked].astype(np.int64)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return net.eval()


def patches(x: NDArray[np.integer], kernel: int, stride: int) -> NDArray[np.integer]:
    """What each output sees: (n, side, side, channels) -> (n, positions, kernel * kernel * channels)."""
    seen = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), (1, 2))[:, ::stride, ::stride]
    return seen.transpose(0, 1, 2, 4, 5, 3).reshape(len(x), -1, kernel * kernel * x.shape[3])


def frozen(net: Net, x: NDArray[np.int8]) -> tuple[list[Layer], float]:
    """The convolutions in int8, and the real value of one step of a feature.

    The scales of the outputs are fixed on the first images of ``x``.
    """
    y: NDArray[np.integer] = x[:CALIBRATED]
    unit, layers = UNIT, list[Layer]()
    for conv, (outputs, kernel, stride) in zip(net.convs, SIZES, strict=True):
        weights = conv.weight.detach().numpy().astype(np.float64).transpose(0, 2, 3, 1)
        plain = weights.reshape(outputs, 1, -1), conv.bias.detach().numpy().astype(np.float64)
        seen: Any = patches(y, kernel, stride)
        (layer,), unit = quantise([plain], [1], seen, unit)
        layers.append(layer)
        y = convolved(layer, y, kernel, stride)
    return layers, unit


def convolved(layer: Layer, x: NDArray[np.integer], kernel: int, stride: int) -> NDArray[np.uint8]:
    """One layer over images: (n, side, side, in) -> (n, smaller side, smaller side, out)."""
    weights = layer.weights.reshape(len(layer.weights), kernel, kernel, -1)
    # Sums of whole numbers are exact while they are below 2**24 (float32) or 2**53.
    largest = 255 * int(np.abs(weights.astype(np.int64)).sum(axis=(1, 2, 3)).max())
    real = np.float32 if largest < 2**24 else np.float64
    sums = functional.conv2d(
        torch.from_numpy(x.astype(real)).permute(0, 3, 1, 2),
        torch.from_numpy(weights.astype(real)).permute(0, 3, 1, 2).contiguous(),
        stride=stride,
    )
    positive = np.maximum(sums.permute(0, 2, 3, 1).numpy().astype(np.int64) + layer.biases, 0)
    shifts = layer.shifts.astype(np.int64)
    value = (positive * layer.mults.astype(np.int64) + (np.int64(1) << (shifts - 1))) >> shifts
    return np.minimum(value, 255).astype(np.uint8)


def features(layers: Sequence[Layer], x: NDArray[np.int8], chunk: int = 250) -> NDArray[np.uint8]:
    """uint8 features (n, FEATURES) of ``x``: the rounded mean of each quarter."""
    made = []
    for first in range(0, len(x), chunk):
        y: NDArray[np.integer] = x[first : first + chunk]
        for layer, (_, kernel, stride) in zip(layers, SIZES, strict=True):
            y = convolved(layer, y, kernel, stride)
        n, side, _, outputs = y.shape
        quarters = y.reshape(n, side // 2, 2, side // 2, 2, outputs).sum(axis=(2, 4), dtype=np.int64)
        made.append(((quarters + 2) // 4).reshape(n, -1).astype(np.uint8))
    return np.concatenate(made)


def macs(layers: Sequence[Layer], side: int) -> int:
    """Multiply-accumulates for one image."""
    total = 0
    for layer, (_, kernel, stride) in zip(layers, SIZES, strict=True):
        side = (side - kernel) // stride + 1
        total += side * side * layer.weights.size
    return total
