"""A small synthetic dataset with a task tree, and a plan that fits it in seconds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from odl.data import Dataset, Part, load_card
from odl.train.plan import Plan

CLASSES = ("low", "high", "slow", "fast", "rise")
TREE = {"still": ("low", "high"), "moving": ("slow", "fast"), "rise": ()}
SMALL = Plan(sizes=((4, 5, 2), (8, 5, 2), (8, 3, 1)), steps=150, batch=32)


class SyntheticReader:
    """Four people, two recordings each: three channels of counts of 1/1000 g."""

    subjects = ("1", "2", "3", "4")

    def session(self, subject: str, seed: int = 0) -> tuple[Part, ...]:
        rng = np.random.default_rng(int(subject))
        parts = []
        for _ in range(2):
            pieces, truths, at = [], [], 40
            pieces.append(rng.normal(0, 20, (at, 3)))
            for name in rng.permutation(CLASSES):
                n = 150 if name == "rise" else 400
                t = np.arange(n) / 50
                x = rng.normal(0, 20, (n, 3))
                x[:, 0] += {"low": -900, "high": 900}.get(name, 0)
                if name in ("slow", "fast"):
                    x[:, 1] += 700 * np.sin(2 * np.pi * (0.8 if name == "slow" else 3) * t + int(subject))
                if name == "rise":
                    x[:, 2] += np.linspace(-1000, 1000, n)
                pieces.append(x)
                truths.append((at, at + n, str(name)))
                at += n
            parts.append(Part(np.concatenate(pieces).astype(np.int16), tuple(truths)))
        return tuple(parts)


def small_dataset(tree: Any = TREE) -> Dataset:
    about = load_card("shoulder")
    channels = tuple(replace(c, scale=1e-3) for c in about.channels[:3])
    card = replace(
        about, name="synthetic", classes=CLASSES, channels=channels, tree=tree, window_s=1.28, hop_s=0.64,
        splits={"train": ("1", "2", "3", "4")}, about={},
    )  # fmt: skip
    return Dataset(card, Path(), SyntheticReader())
