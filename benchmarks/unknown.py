"""How well windows of activities that a model never saw are told from those that it knows.

Each person runs on the image of a folder that was trained without them and without some activities
(`benchmarks/hapt.py --models`), or on the bundled shoulder image. No question is asked.
A window's score is that of the class that is named. Its rank among the least scores of that class in the
image's card (`odl.core.unknown`) says how unlikely the class is. The area under the ROC curve (AUROC) is that
of this rank, new windows against known ones. At each level of false alarms stand the shares of windows that
are shown as unknown, and how many of the known ones had been right.

    python benchmarks/unknown.py                        # shoulder, the four people it was not trained on
    python benchmarks/unknown.py --data DIR --models studies/models/without-lie [--json FILE]    # HAPT
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.config import Config
from odl.core.ground_truth import TruthTrack
from odl.core.image import Image
from odl.core.loop import steps
from odl.core.session import Session
from odl.core.trace import Trace
from odl.core.unknown import LEVELS, Rejection
from odl.data import open_dataset
from odl.data.streams import Stream, dataset_streams, load_model


def area(known: NDArray[np.floating], new: NDArray[np.floating]) -> float:
    """The share of pairs in which the new window ranks lower than the known one, ties by half."""
    order = np.sort(known)
    below = len(known) - np.searchsorted(order, new, "right")
    ties = np.searchsorted(order, new, "right") - np.searchsorted(order, new, "left")
    return float((below + ties / 2).sum() / (len(known) * len(new)))


def figures_of(image: Image, stream: Stream) -> dict[str, Any]:
    """One person's figures."""
    session = Session(image, Config(**stream.scaling(image)._asdict()))
    said = Trace(steps(session, stream.inputs())).predictions
    track = TruthTrack(stream.truths)
    names = [*track.names, ""]
    truth = np.array(names, object)[track.of_all(said["window"].astype(np.int64), image.window)]
    known = np.isin(truth, list(image.names.values()))
    new = (truth != "") & ~known
    rows = {int(cls): row for row, cls in enumerate(image.row_class)}
    leaf = [int(one["path"][one["n_path"] - 1]) for one in said]
    score = np.array([one["scores"][rows[cls]] for one, cls in zip(said, leaf, strict=True)], np.int64)
    right = truth == np.array([image.names[cls] for cls in leaf], object)
    least = np.stack([Rejection(image, level).least[leaf] for level in LEVELS], 1)
    ends = np.concatenate([np.zeros((len(said), 1)), least, np.full((len(said), 1), 32768)], 1)
    shares = np.array([0, *LEVELS, 100])
    rank = np.array([np.interp(s, e, shares) for s, e in zip(score, ends, strict=True)])
    called = {level: score < least[:, i] for i, level in enumerate(LEVELS)}
    return {
        "person": stream.subject, "known": int(known.sum()), "new": int(new.sum()),
        "auroc": area(rank[known], rank[new]),
        "levels": {
            level: {"known": float(some[known].mean()), "right": float((some & right)[known].mean()),
                    "new": float(some[new].mean())}
            for level, some in called.items()
        },
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", help="folder or zip of HAPT in UCI's layout")
    parser.add_argument("--models", type=Path, help="folder of images of benchmarks/hapt.py --without")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if (given.data is None) != (given.models is None):
        parser.error("HAPT needs both --data and --models; without them the shoulder image is measured")
    dataset = open_dataset("hapt", given.data) if given.data else open_dataset("shoulder")
    files = sorted(given.models.glob("*.odlm")) if given.models else [dataset.model_path()]
    people = list[dict[str, Any]]()
    for image in map(load_model, files):
        held = [person for person in dataset.subjects if person not in image.card["trained_on"]]
        people += [figures_of(image, stream) for stream in dataset_streams(dataset, held, 0)]
    areas = [one["auroc"] for one in people]
    worst = people[int(np.argmin(areas))]
    least = f"worst {worst['auroc']:.3f} (person {worst['person']})"
    print(f"AUROC of unknown: mean {np.mean(areas):.3f}, {least}")
    for level in LEVELS:
        known, right, new = (
            np.array([one["levels"][level][what] for one in people]) for what in ("known", "right", "new")
        )
        print(
            f"{level:3} %: known shown as unknown {known.mean():.1%}, worst {known.max():.1%}; right ones "
            f"lost {right.mean():.1%}; new shown as unknown {new.mean():.1%}, worst {new.min():.1%}"
        )
    if given.json:
        given.json.write_text(json.dumps(people, indent=1))


if __name__ == "__main__":
    main()
