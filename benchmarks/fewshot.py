"""HAPT: a new task from K windows per class, the extractor frozen.

For each new task (three ways of walking, three postures, six transitions) an extractor is
trained without that task: its classes are one leaf of the tree ("dynamic", "static",
"transition"), and the rest of the tree is trained as usual, in folds by person. For each
held-out person the task is then added under that leaf and learned as on the device (imprint,
integer gradient steps), from K windows per class: the person's own, drawn at random, or for
transitions other people's. The test windows are the rest of the person's windows, none of
which overlaps a drawn one. Only the new task is scored, not the path down to it: macro
accuracy is the mean over the classes of the share that is right.

The baselines are the nearest class mean of the same windows' features, and both methods on a
random extractor, whose weights PyTorch draws, quantised and calibrated in the same way.

Windows have 128 samples and start every 64. Those of the six basic activities are cut inside
each labelled segment, those of a transition from the running stream (see hapt.py).

    python benchmarks/fewshot.py --data DIR [--task static] [--draws 20] [--epochs N] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from odl.core.image import Image
from odl.data import Dataset, Part, open_dataset
from odl.model.dendron import Dendron
from odl.model.features import features_of
from odl.train.deploy import build_image, stored_vectors
from odl.train.folds import cross_validate
from odl.train.multitask import FittedModel, calibrate
from odl.train.net import FloatNet
from odl.train.plan import Plan, plan_for
from odl.train.tree import build_tree
from odl.train.windows import Windows, cached, gather

# The leaf that becomes a task, K, and whether the windows are the person's own.
TASKS = (("dynamic", 5, True), ("dynamic", 20, True), ("static", 5, True), ("transition", 20, False))
BASIC = ("walk", "walk up", "walk down", "sit", "stand", "lie")
FIRST = 100  # class id of a new task's first class


def say(line: str) -> None:
    print(f"[{time.perf_counter() - BEGAN:5.0f} s] {line}", flush=True)


@dataclass(frozen=True)
class Merged:
    """Recordings in which ``group`` is written wherever one of ``names`` was."""

    inside: Dataset
    group: str
    names: tuple[str, ...]

    @property
    def subjects(self) -> tuple[str, ...]:
        return self.inside.subjects

    def session(self, subject: str, seed: int = 0) -> tuple[Part, ...]:
        return tuple(
            Part(p.block, tuple((a, b, self.group if n in self.names else n) for a, b, n in p.truths))
            for p in self.inside.session(subject, seed)
        )


def merged(dataset: Dataset, group: str) -> Dataset:
    """``dataset`` with the classes of ``group`` merged into one."""
    tree = dict(dataset.card.tree or {})
    names, tree[group] = tree[group], ()
    classes = (*(n for n in dataset.classes if n not in names), group)
    card = replace(dataset.card, classes=classes, tree=tree)
    return replace(dataset, card=card, loader=Merged(dataset, group, names))


def extractors(
    dataset: Dataset, group: str, given: argparse.Namespace
) -> Iterator[tuple[tuple[str, ...], dict[str, tuple[Image, FittedModel]]]]:
    """For each fold the held-out people, a trained extractor and a random one."""
    coarse = cached(merged(dataset, group))
    plan = plan_for(coarse.card, Plan() if given.steps is None else replace(Plan(), steps=given.steps))
    tree = build_tree(coarse.classes, coarse.card.tree)
    found, _ = cross_validate(coarse, coarse.subjects, tree, plan, given.seed, given.folds, say)
    for i, fold in enumerate(found):
        others = [p for p in coarse.subjects if p not in fold.held_out]
        train = gather(coarse, others, plan.window, plan.spacing, among=tree.leaves)
        torch.manual_seed(1000 * given.seed + i)
        net = FloatNet(len(fold.fitted.scale), len(tree.row_class), plan).eval()
        drawn = calibrate(net, fold.fitted.scale, train, tree, coarse.card, given.seed)
        made = {}
        for name, fitted in (("trained", fold.fitted), ("random", drawn)):
            vectors = stored_vectors(fitted, train, 12, np.random.default_rng(given.seed))
            image = build_image(fitted, plan, others, vectors, given.seed, {})
            made[name] = replace(image, epochs=given.epochs or image.epochs), fitted
        yield fold.held_out, made


def learned(
    image: Image, group: str, names: tuple[str, ...], x: NDArray[np.uint8], y: NDArray[np.int64],
    test: NDArray[np.uint8],
) -> NDArray[np.int64]:  # fmt: skip
    """Predictions for ``test`` by a new task under ``group`` that learned from ``x`` and ``y``."""
    dendron, head = Dendron(image), len(image.parents)
    leaf = next(cls for cls, name in image.names.items() if name == group)
    fits = dendron.split(0, leaf, head)
    for i, name in enumerate(names):
        fits &= dendron.add_class(0, FIRST + i, head, name)
    assert fits, "the tree or the log is full"
    dendron.learn_many(x, [FIRST + int(c) for c in y], range(len(y)))
    shape = image.max_rows, image.features + 1
    weights = np.frombuffer(dendron.to_bytes(), "<i4", shape[0] * shape[1]).reshape(shape)
    own = weights[len(image.base) : len(image.base) + len(names)].astype(np.int64)
    return (test @ own[:, :-1].T + 128 * own[:, -1]).argmax(1)


def nearest(x: NDArray[np.uint8], y: NDArray[np.int64], test: NDArray[np.uint8]) -> NDArray[np.int64]:
    """For each of ``test``, the class with the nearest mean of ``x`` (Euclidean)."""
    means = np.stack([x[y == c].mean(0) for c in range(int(y.max()) + 1)])
    return np.square(test[:, None] - means).sum(2).argmin(1)


def macro(truth: NDArray[np.int64], guess: NDArray[np.int64]) -> float:
    """Mean over the classes that occur of the share that is right."""
    return float(np.mean([(guess[truth == c] == c).mean() for c in np.unique(truth)]))


def apart(windows: Windows, drawn: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which windows share no sample with any of those ``drawn``."""
    same = windows.part[:, None] == windows.part[drawn]
    near = np.abs(windows.start[:, None] - windows.start[drawn]) < windows.window
    return ~(same & near).any(1)


def tried(dataset: Dataset, group: str, given: argparse.Namespace) -> list[dict[str, Any]]:
    """Every K of the task under ``group``: accuracies (people, draws) by way of learning."""
    names = (dataset.card.tree or {})[group]
    cases: list[dict[str, Any]] = [
        {"task": g, "k": k, "own": own, "people": {}, "tested": []} for g, k, own in TASKS if g == group
    ]
    for held, made in extractors(dataset, group, given):
        size = next(iter(made.values()))[0]
        ids = [dataset.classes.index(n) for n in names]
        every = gather(dataset, dataset.subjects, size.window, size.hop, within=BASIC, among=ids)
        cls = np.searchsorted(ids, every.cls)
        assert [ids[c] for c in np.unique(cls)] == ids, "a task's classes are in the card's order"
        features = {
            name: features_of(image, every.cut(), fitted.integer.scaling).astype(np.int64)
            for name, (image, fitted) in made.items()
        }
        for person in held:
            mine = every.subject == person
            for case in cases:
                rng = np.random.default_rng([given.seed, int(person), case["k"]])
                pool = mine if case["own"] else ~np.isin(every.subject, held)
                scores: dict[str, list[float]] = {}
                for _ in range(given.draws):
                    drawn = np.concatenate([
                        rng.choice(np.flatnonzero(pool & (cls == c)), case["k"], replace=False)
                        for c in range(len(ids))
                    ])  # fmt: skip
                    drawn = rng.permutation(drawn)
                    test = mine & apart(every, drawn)
                    case["tested"].append(int(test.sum()))
                    for name, x in features.items():
                        known = x[drawn].astype(np.uint8), cls[drawn]
                        for way, guess in (
                            ("ours", learned(made[name][0], group, names, *known, x[test])),
                            ("nearest mean", nearest(*known, x[test])),
                        ):
                            scores.setdefault(f"{name}, {way}", []).append(macro(cls[test], guess))
                case["people"][person] = scores
    return cases


def told(case: dict[str, Any]) -> None:
    """Print a case and store its figures in it."""
    whose = "the person's own" if case["own"] else "others'"
    print(f"{case['task']}, {case['k']} windows per class, {whose}; {np.mean(case['tested']):.0f} tested")
    people = list(case["people"])
    case["figures"] = {}
    for way in case["people"][people[0]]:
        every = np.array([case["people"][p][way] for p in people])
        mean, spread = every.mean(1), float(every.std(1).mean())
        case["figures"][way] = {
            "macro_accuracy": float(mean.mean()), "sd_people": float(mean.std(ddof=1)),
            "worst": float(mean.min()), "worst_person": people[int(mean.argmin())], "sd_draws": spread,
        }  # fmt: skip
        worst = f"{mean.min():.1%} (person {people[int(mean.argmin())]})"
        print(
            f"  {way:22}: {mean.mean():.1%}, sd over people {100 * mean.std(ddof=1):.1f}, worst {worst}, "
            f"sd over a person's draws {100 * spread:.1f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", help="folder or zip of HAPT in UCI's layout")
    parser.add_argument("--task", choices=list(dict.fromkeys(t for t, _, _ in TASKS)), help="only this one")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, help="steps of a fit; default: the plan's")
    parser.add_argument("--epochs", type=int, help="of learning a task; default: as images are shipped")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if given.data is None:
        print("skipped: HAPT is not bundled; name its folder or zip with --data")
        return
    dataset = cached(open_dataset("hapt", given.data))
    cases: list[dict[str, Any]] = []
    for group in dict.fromkeys(task for task, _, _ in TASKS if given.task in (None, task)):
        say(f"an extractor that knows nothing of what is inside '{group}'")
        cases += tried(dataset, group, given)
        for case in cases:
            if case["task"] == group:
                told(case)
    if given.json:
        given.json.write_text(json.dumps(cases, indent=1))


BEGAN = time.perf_counter()
if __name__ == "__main__":
    main()
