"""One session: a stream of images, labels in batches, the head learned anew with each; and its figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.images.choosing import Chooser
from odl.model.integer_head import IntegerHead

EPOCHS = 16
AHEAD = 40  # images that are scored at once; the head is the same for them unless a batch comes


@dataclass(frozen=True)
class Material:
    """Features and classes of one image set: what streams are drawn from, and what is tested."""

    x: NDArray[np.uint8]
    y: NDArray[np.uint8]
    tested_x: NDArray[np.uint8]
    tested_y: NDArray[np.uint8]
    about: Mapping[str, float]  # the extractor's figures


@dataclass(frozen=True)
class Start:
    """What the head has learned before the stream: ``each`` vectors of each of the first ``classes``."""

    name: str
    classes: int
    each: int


class Learner:
    """The integer head, fitted to all labels so far; a class is known from its first label on."""

    def __init__(self, x: NDArray[np.uint8], y: NDArray[np.uint8], seed: int) -> None:
        self._seed, self.known = seed, list[int]()
        self._x, self._y = [np.zeros((0, x.shape[1]), np.uint8)], list[int]()
        self.learn(x, y)

    def learn(self, x: NDArray[np.uint8], y: NDArray[np.uint8]) -> None:
        """Learn from these as well."""
        self._x.append(x)
        for cls in y.tolist():
            if cls not in self.known:
                self.known.append(cls)
            self._y.append(self.known.index(cls))
        head = IntegerHead(len(self.known), EPOCHS, seed=self._seed)
        self._head = head.fit(np.concatenate(self._x), np.array(self._y, np.uint8))

    def shares(self, x: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Probabilities (n, classes so far)."""
        return self._head.shares(x)

    def accuracy(self, x: NDArray[np.uint8], y: NDArray[np.uint8]) -> float:
        """Share of ``x`` whose class is found; a class that is not known yet is wrong."""
        found = np.array(self.known)[self.shares(x).argmax(axis=1)]
        return float((found == y).mean())


def drawn(
    material: Material, start: Start, stream: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which images the head begins with, and which come by, in order; none is in both."""
    rng = np.random.default_rng([seed, start.classes, start.each])
    order = rng.permutation(len(material.x))
    begin = np.concatenate([order[material.y[order] == cls][: start.each] for cls in range(start.classes)])
    rest = order[~np.isin(order, begin)]
    return rng.permutation(begin), rest[:stream]


def session(material: Material, start: Start, stream: int, seed: int, chooser: Chooser) -> dict[str, Any]:
    """Accuracy after each batch, the labels that were asked for, the time of a decision."""
    begin, order = drawn(material, start, stream, seed)
    x, y = material.x[order], material.y[order]
    learner = Learner(material.x[begin], material.y[begin], seed)
    found = [learner.accuracy(material.tested_x, material.tested_y)]
    labelled: list[int] = []
    first, shares = 0, np.zeros((0, 1))
    for number in range(len(x)):
        if number - first >= len(shares):
            first, shares = number, learner.shares(x[number : number + AHEAD])
        due = list(chooser.see(x[number], shares[number - first].tolist()))
        if due:
            learner.learn(x[due], y[due])
            found.append(learner.accuracy(material.tested_x, material.tested_y))
            labelled += due
            first, shares = number + 1, shares[:0]
    counts = np.bincount(y[labelled], minlength=10)
    return {
        "accuracy": found, "labels": len(set(labelled)), "classes": len(learner.known),
        "rarest": int(counts.min()), "microseconds": float(np.median(chooser.times)) / 1000,
    }  # fmt: skip
