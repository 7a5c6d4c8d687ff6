"""The frozen extractor of an image set, and the features that it gives (needs torch)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.images import network
from benchmarks.images.pictures import SIDE, read
from benchmarks.images.sessions import Material

POOL = 12000  # images that the streams of all seeds are drawn from
SEED = 1  # of which images are in the pool, and which are tested


def material_of(folder: Path, known: int, steps: int, tested: int, seed: int) -> Material:
    """Train an extractor on half of the first ``known`` classes; the features of all other images wanted."""
    parts = read(folder)
    train, test = parts["train"], parts["test"]
    color = train.images.shape[3] > 1
    own = first_half(train.classes) & (train.classes < known)
    x = network.as_input(train.images[own])
    net = network.trained(x, train.classes[own], steps, color, seed)
    layers, unit = network.frozen(net, x)
    rng = np.random.default_rng(SEED)
    pool = rng.permutation(np.flatnonzero(~first_half(train.classes)))[:POOL]
    asked = np.sort(rng.permutation(len(test.classes))[:tested])
    x_test = network.as_input(test.images[asked])
    found = network.features(layers, x_test)
    about = {
        "trained_on": len(x),
        "parameters": sum(layer.weights.size + len(layer.biases) for layer in layers),
        "macs": network.macs(layers, SIDE),
    }
    own_test = known_accuracy(net, x_test, found, unit, test.classes[asked], known)
    pooled = network.features(layers, network.as_input(train.images[pool]))
    return Material(pooled, train.classes[pool], found, test.classes[asked], about | own_test)


def first_half(classes: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which images are among the first half of their class.

    >>> first_half(np.array([0, 1, 0, 1, 1], np.uint8)).tolist()
    [True, True, False, False, False]
    """
    found = np.zeros(len(classes), bool)
    for cls in np.unique(classes):
        own = np.flatnonzero(classes == cls)
        found[own[: len(own) // 2]] = True
    return found


def known_accuracy(
    net: network.Net, x: NDArray[np.int8], features: NDArray[np.uint8], unit: float,
    classes: NDArray[np.uint8], known: int,
) -> dict[str, float]:  # fmt: skip
    """How well the net tells the classes apart that it was trained on, in float and with int8 features."""
    own = classes < known
    with torch.no_grad():
        real = net(torch.from_numpy(x[own]).permute(0, 3, 1, 2).float() * network.UNIT)
        whole = net.head(torch.from_numpy(features[own].astype(np.float32) * np.float32(unit)))
    return {
        name: float((logits.argmax(1).numpy() == classes[own]).mean())
        for name, logits in (("float", real), ("int8", whole))
    }
