"""HAPT, people never trained on: float beside int8, cross-validated by person.

Each person of the recordings is tested on a model that has never seen them; the other folds
choose the step at which a fold's training stops. Windows have 128 samples and start every 64.
Those of the six basic activities are cut inside each labelled segment, as UCI cuts its official
ones. A transition is short, so its windows are those of the running stream that it covers by at
least half and more than any other class; a window that is half posture and half transition
counts.

With ``--models``: the folds' images are written into a folder instead, with the activities of
``--without`` held out of training. A study then runs each person on the image that has never
seen them (``models`` in studies/hapt-learning.toml names the folders).

    python benchmarks/hapt.py --data DIR [--folds 7] [--seed 1] [--json FILE]
    python benchmarks/hapt.py --data DIR --folds 3 --models DIR [--without "lie,walk down"]
    python benchmarks/hapt.py --data DIR --folds 3 --models DIR --merge static

With ``--merge`` a group's classes are one class while training, so that they are a new task
under it for whoever runs the image.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.fewshot import merged  # noqa: E402
from odl.data import Dataset, open_dataset  # noqa: E402
from odl.train.deploy import build_image, stored_vectors  # noqa: E402
from odl.train.folds import Fold, cross_validate  # noqa: E402
from odl.train.least_scores import least_scores  # noqa: E402
from odl.train.metrics import Predictions, concatenate  # noqa: E402
from odl.train.plan import Plan, plan_for  # noqa: E402
from odl.train.tree import build_tree  # noqa: E402
from odl.train.windows import cached, gather  # noqa: E402

BASIC = ("walk", "walk up", "walk down", "sit", "stand", "lie")


def say(line: str) -> None:
    print(f"[{time.perf_counter() - BEGAN:5.0f} s] {line}", flush=True)


def tried(dataset: Dataset, found: Sequence[Fold], window: int, hop: int) -> dict[str, Any]:
    """Each fold's people on its model: six classes, then all twelve; float and int8."""
    basic = [dataset.classes.index(name) for name in BASIC]
    made: dict[str, list[Predictions]] = {}
    people: dict[str, dict[str, float]] = {}
    for fold in found:
        own = gather(dataset, fold.held_out, window, hop, within=BASIC)
        six = own.select(np.isin(own.cls, basic))
        for kind, guess in (("float", fold.fitted.predict_float), ("int8", fold.fitted.predict_int8)):
            made.setdefault(f"six {kind}", []).append(guess(six, basic))
            made.setdefault(f"twelve {kind}", []).append(guess(own))
        for person in fold.held_out:
            mine = [
                Predictions(g.truth[w.subject == person], g.predicted[w.subject == person])
                for g, w in ((made["six int8"][-1], six), (made["twelve int8"][-1], own))
            ]
            people[person] = {"six": mine[0].accuracy, "twelve": mine[1].accuracy}
    figures: dict[str, Any] = {"people": people}
    for name, parts in made.items():
        whole = concatenate(parts)
        figures[name] = {"accuracy": whole.accuracy, "macro_f1": whole.macro_f1, "windows": len(whole.truth)}
    whole = concatenate(made["twelve int8"])
    figures["confusion"] = whole.confusion(range(len(dataset.classes))).tolist()
    return figures


def plan_of(given: argparse.Namespace) -> Plan:
    return Plan() if given.steps is None else replace(Plan(), steps=given.steps)


def accuracy(given: argparse.Namespace, dataset: Dataset) -> dict[str, Any]:
    plan = plan_for(dataset.card, plan_of(given))
    tree = build_tree(dataset.classes, dataset.card.tree)
    found, _ = cross_validate(dataset, dataset.subjects, tree, plan, given.seed, given.folds, say)
    figures = tried(dataset, found, plan.window, plan.hop)
    figures["stops"] = [fold.stop for fold in found]
    for name in ("six", "twelve"):
        real, whole = figures[f"{name} float"], figures[f"{name} int8"]
        print(
            f"{name:6}: int8 {whole['accuracy']:.2%}, macro-F1 {whole['macro_f1']:.4f}; "
            f"float {real['accuracy']:.2%}, macro-F1 {real['macro_f1']:.4f}; {whole['windows']} windows"
        )
    worst = sorted(figures["people"].items(), key=lambda item: item[1]["six"])
    print("int8 by person, six / twelve, worst first: " + ", ".join(
        f"{p}: {v['six']:.1%} / {v['twelve']:.1%}" for p, v in worst
    ))  # fmt: skip
    print("int8, all twelve; rows are the truth:")
    for name, row in zip(dataset.classes, figures["confusion"], strict=True):
        print(f"{name:>13} " + " ".join(f"{n:5}" for n in row))
    return figures


def write_models(given: argparse.Namespace, dataset: Dataset) -> None:
    """An image for each fold, trained without the fold's people and without some activities."""
    without = [name.strip() for name in given.without.split(",") if name.strip()]
    nested, inside = dict(dataset.card.tree or {}), tuple[str, ...]()
    if given.merge:
        inside, dataset = nested[given.merge], cached(merged(dataset, given.merge))
    plan = plan_for(dataset.card, plan_of(given))
    tree = build_tree(dataset.classes, dataset.card.tree, without)
    found, _ = cross_validate(dataset, dataset.subjects, tree, plan, given.seed, given.folds, say)
    given.models.mkdir(parents=True, exist_ok=True)
    for i, fold in enumerate(found):
        others = [p for p in dataset.subjects if p not in fold.held_out]
        train = gather(dataset, others, plan.window, plan.spacing, among=tree.leaves)
        vectors = stored_vectors(fold.fitted, train, 12, np.random.default_rng(given.seed))
        about: dict[str, Any] = {"held_out_classes": without}
        about["unknown"] = least_scores(dataset, [other for other in found if other is not fold], plan)
        if given.merge:  # whoever adds a class finds in the card where it belongs
            about |= {"held_out_classes": list(inside), "tree": nested}
        image = build_image(fold.fitted, plan, others, vectors, given.seed, about)
        (given.models / f"fold-{i}.odlm").write_bytes(image.to_bytes())
        say(f"fold {i + 1} of {len(found)}: {given.models / f'fold-{i}.odlm'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", help="folder or zip of HAPT in UCI's layout")
    parser.add_argument("--folds", type=int, default=7)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, help="steps of a fit; default: the plan's")
    parser.add_argument("--models", type=Path, help="write the folds' images into this folder")
    parser.add_argument("--without", default="", help="with --models: activities held out of training")
    parser.add_argument("--merge", help="with --models: a group of the tree that is one class in training")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if given.data is None:
        print("skipped: HAPT is not bundled; name its folder or zip with --data")
        return
    dataset = cached(open_dataset("hapt", given.data))
    if given.models:
        write_models(given, dataset)
        return
    figures = accuracy(given, dataset)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1))


BEGAN = time.perf_counter()
if __name__ == "__main__":
    main()
