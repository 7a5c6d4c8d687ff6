"""HAPT, people never trained on: float beside int8, cross-validated by person.

Each person of the recordings at hand is tried on a model that has never seen them; where a
fold's training stops is chosen by the other folds. Windows of 128 samples, every 64: those of
the six basic activities are cut inside each labelled stretch, as UCI cuts its official ones.
A transition is short, so its windows are those of the running stream that it covers by at
least half and of which it is the commonest class; a window that half is posture and half is
transition stays in.

With ``--learning``: two activities (``--without``) are held out of training, the fold's own
people are replayed with 20 questions each, answers 10 s late, and learning is compared with
the same model that does not learn, on the last third of each session.

    python benchmarks/hapt.py --data DIR [--folds 7] [--seed 1] [--json FILE]
    python benchmarks/hapt.py --data DIR --learning [--seeds 10] [--people 1,3] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from odl.data import Dataset, open_dataset
from odl.train.measure import Guesses, joined
from odl.train.tree import tree_of
from odl.train.unified import Fold, folds, plan_for
from odl.train.windows import gather, kept

BASIC = ("walk", "walk up", "walk down", "sit", "stand", "lie")


def say(line: str) -> None:
    print(f"[{time.perf_counter() - BEGAN:5.0f} s] {line}", flush=True)


def tried(dataset: Dataset, found: Sequence[Fold], window: int, hop: int) -> dict[str, Any]:
    """Every fold's people on its model: the six, then all twelve; float and int8."""
    basic = [dataset.classes.index(name) for name in BASIC]
    made: dict[str, list[Guesses]] = {}
    people: dict[int, dict[str, float]] = {}
    for fold in found:
        own = gather(dataset, fold.held, window, hop, within=BASIC)
        six = own.only(np.isin(own.cls, basic))
        for kind, guess in (("float", fold.fitted.guess_float), ("int8", fold.fitted.guess_int8)):
            made.setdefault(f"six {kind}", []).append(guess(six, basic))
            made.setdefault(f"twelve {kind}", []).append(guess(own))
        for person in fold.held:
            mine = [
                Guesses(g.truth[w.subject == person], g.guess[w.subject == person])
                for g, w in ((made["six int8"][-1], six), (made["twelve int8"][-1], own))
            ]
            people[person] = {"six": mine[0].accuracy, "twelve": mine[1].accuracy}
    figures: dict[str, Any] = {"people": people}
    for name, parts in made.items():
        whole = joined(parts)
        figures[name] = {"accuracy": whole.accuracy, "macro_f1": whole.macro_f1, "windows": len(whole.truth)}
    whole = joined(made["twelve int8"])
    figures["confusion"] = whole.confusion(range(len(dataset.classes))).tolist()
    return figures


def accuracy(dataset: Dataset, n_folds: int, seed: int) -> dict[str, Any]:
    plan = plan_for(dataset.card)
    tree = tree_of(dataset.classes, dataset.card.tree)
    found, _ = folds(dataset, dataset.subjects, tree, plan, seed, n_folds, say)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", required=True, help="folder or zip of HAPT in UCI's layout")
    parser.add_argument("--folds", type=int, default=7)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    dataset = kept(open_dataset("hapt", given.data))
    figures = accuracy(dataset, given.folds, given.seed)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1))


BEGAN = time.perf_counter()
if __name__ == "__main__":
    main()
