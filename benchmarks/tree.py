"""A task tree by data against the card's and against one flat head, on people never trained on.

People are split into folds, and each fold's people are tested on models of the others. A fold's tree by
data is proposed from what flat models confuse of the other folds' people (`odl.train.tree_by_data`): its
own people's confusions are not among them. Accuracy is in int8, each person counting the same: the mean
over seeds first, then over people. Differences are to one flat head.

    python -m benchmarks.tree [--source hapt --data DIR] [--folds 3] [--seeds 1] [--steps N]
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.held_out import words
from odl.data import Dataset, open_dataset
from odl.train.deploy import choose_people
from odl.train.folds import cross_validate, split_people
from odl.train.plan import Plan, plan_for
from odl.train.tree import TaskTree, build_tree
from odl.train.tree_by_data import propose_tree
from odl.train.windows import cached, gather


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--source", choices=("shoulder", "hapt"), default="shoulder")
    parser.add_argument("--data", help="folder or zip of HAPT in UCI's layout")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=1, help="how many; each trains every model anew")
    parser.add_argument("--steps", type=int, help="steps of a fit; default: the plan's")
    given = parser.parse_args()
    dataset = cached(open_dataset(given.source, given.data))
    plan = plan_for(dataset.card, None)
    plan = plan if given.steps is None else replace(plan, steps=given.steps)
    people = dataset.subjects if given.source == "shoulder" else choose_people(dataset, None)

    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for seed in range(1, given.seeds + 1):
        for name, accuracy in _figures(dataset, people, plan, seed, given.folds).items():
            print(f"seed {seed}: {name} {np.mean(list(accuracy.values())):.1%}", flush=True)
            for person, one in accuracy.items():
                found[name][person].append(one)
    for name, each in found.items():
        ahead = {person: np.subtract(each[person], found["flat"][person]) for person in each}
        print(f"{name:8} {words(each)}; to flat {words(ahead, points=True)} points")


def _figures(
    dataset: Dataset, people: Sequence[str], plan: Plan, seed: int, folds: int
) -> dict[str, dict[str, float]]:
    """The accuracy of each person with one flat head, a tree by data and, if the card has one, by hand."""

    def tested(tree: TaskTree) -> tuple[dict[str, float], list[NDArray[np.int64]]]:
        """The accuracy of each person, and each fold's confusion."""
        found, _ = cross_validate(dataset, people, tree, plan, seed, folds, print)
        accuracy: dict[str, float] = {}
        confusions = []
        for fold in found:
            own = gather(dataset, fold.held_out, plan.window, plan.hop)
            said = fold.fitted.predict_int8(own)
            confusions.append(said.confusion(range(len(dataset.classes))))
            right = said.truth == said.predicted
            accuracy |= {person: float(right[own.subject == person].mean()) for person in fold.held_out}
        return accuracy, confusions

    flat, confusions = tested(build_tree(dataset.classes, None))
    figures = {"flat": flat, "by data": dict[str, float]()}
    if dataset.card.tree is not None:
        figures["by hand"] = tested(build_tree(dataset.classes, dataset.card.tree))[0]
    known = {"None": flat}
    for held_out, own in zip(split_people(people, folds), confusions, strict=True):
        tree = propose_tree(np.sum(confusions, 0) - own, dataset.classes)
        print(f"tree for people {', '.join(held_out)}: {tree}")
        if str(tree) not in known:
            known[str(tree)] = tested(build_tree(dataset.classes, tree))[0]
        figures["by data"] |= {person: known[str(tree)][person] for person in held_out}
    return figures


if __name__ == "__main__":
    main()
