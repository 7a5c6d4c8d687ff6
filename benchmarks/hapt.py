"""HAPT, people never trained on: float beside int8, cross-validated by person.

Each person of the recordings is tested on a model that has never seen them; the other folds
choose the step at which a fold's training stops. Windows have 128 samples and start every 64.
Those of the six basic activities are cut inside each labelled segment, as UCI cuts its official
ones. A transition is short, so its windows are those of the running stream that it covers by at
least half and more than any other class; a window that is half posture and half transition
counts.

With ``--learning``: two activities (``--without``) are held out of training, the fold's own
people are replayed with 20 questions each, answers 10 s late, and learning is compared with
the same model that does not learn, on the last third of each session.

    python benchmarks/hapt.py --data DIR [--folds 7] [--seed 1] [--json FILE]
    python benchmarks/hapt.py --data DIR --learning [--seeds 10] [--people 1,3] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from odl.data import Dataset, open_dataset
from odl.evaluate.replay import replay
from odl.train.deploy import build_image, stored_vectors
from odl.train.folds import Fold, cross_validate
from odl.train.metrics import Predictions, concatenate
from odl.train.plan import Plan, plan_for
from odl.train.tree import build_tree
from odl.train.windows import cached, gather

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


def learning(given: argparse.Namespace, dataset: Dataset) -> dict[str, Any]:
    """Gain on the last third of each session, people and two activities never trained on."""
    without = [name.strip() for name in given.without.split(",") if name.strip()]
    plan = plan_for(dataset.card, plan_of(given))
    tree = build_tree(dataset.classes, dataset.card.tree, without)
    found, _ = cross_validate(dataset, dataset.subjects, tree, plan, given.seed, given.folds, say)
    chosen = None if given.people is None else {p.strip() for p in given.people.split(",")}
    gains: dict[str, list[float]] = {}
    scores: list[tuple[float, ...]] = []
    with tempfile.TemporaryDirectory() as folder:
        for i, fold in enumerate(found):
            model = Path(folder) / f"fold-{i}.odlm"
            others = [p for p in dataset.subjects if p not in fold.held_out]
            train = gather(dataset, others, plan.window, plan.spacing, among=tree.leaves)
            vectors = stored_vectors(fold.fitted, train, 12, np.random.default_rng(given.seed))
            image = build_image(fold.fitted, plan, others, vectors, given.seed, {"held_out_classes": without})
            model.write_bytes(image.to_bytes())
            held = [p for p in fold.held_out if chosen is None or p in chosen]
            for seed in range(given.seeds if held else 0):
                result = replay("hapt", data=given.data, subjects=held, model=model, budget=20, delay=10,
                                seed=seed, policy=given.policy)  # fmt: skip
                for outcome, one in zip(result.outcomes, result.evaluations, strict=True):
                    names = ("no_learning", "persistence", "majority")
                    late = [s.accuracy_last_third for s in (one.score, *(one.baselines[n] for n in names))]
                    after, before, last, most = (float(v or 0) for v in late)
                    scores.append((after, before, last, most, one.queries))
                    gains.setdefault(outcome.subject, []).append(100 * (after - before))
            say(f"fold {i + 1} of {len(found)} replayed")
    after, before, last, most, asked = np.mean(scores, 0)
    mean = {person: float(np.mean(g)) for person, g in gains.items()}
    print(
        f"without {' and '.join(without) or 'nothing'} in training; {len(mean)} people, {given.seeds} seeds, "
        f"{given.policy}, {asked:.1f} questions, answers 10 s late; last third of each session:"
    )
    print(
        f"learning {after:.1%}, no learning {before:.1%}, gain {100 * (after - before):+.1f} points; "
        f"last answer {last:.1%}, most frequent {most:.1%}"
    )
    worst = min(min(g) for g in gains.values())
    print(f"gain by person, mean over seeds (worst single session {worst:+.1f}): " + ", ".join(
        f"{person}: {gain:+.1f}" for person, gain in mean.items()
    ))  # fmt: skip
    return {
        "without": without, "policy": given.policy, "seeds": given.seeds, "learning": after,
        "no_learning": before, "persistence": last, "majority": most, "questions": asked,
        "gain_points": 100 * (after - before), "gain_by_person": mean, "worst_session": worst,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", help="folder or zip of HAPT in UCI's layout")
    parser.add_argument("--folds", type=int, default=7)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, help="steps of a fit; default: the plan's")
    parser.add_argument("--learning", action="store_true", help="learn two activities on the stream")
    parser.add_argument("--without", default="lie,walk down", help="with --learning: held out of training")
    parser.add_argument("--policy", default="tactile-inforv", help="with --learning")
    parser.add_argument("--seeds", type=int, default=10, help="with --learning: sessions per person")
    parser.add_argument("--people", help="with --learning: some people only, as in 1,3")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if given.data is None:
        print("skipped: HAPT is not bundled; name its folder or zip with --data")
        return
    dataset = cached(open_dataset("hapt", given.data))
    if given.learning:
        figures = learning(given, dataset)
    else:
        figures = accuracy(given, dataset)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1))


BEGAN = time.perf_counter()
if __name__ == "__main__":
    main()
