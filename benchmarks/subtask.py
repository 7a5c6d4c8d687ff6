"""A class becomes several on a running session: a task under it against classes beside it.

On the shoulder recordings the image knows external and internal rotation as one class, "rotation", whose
weights are those of external rotation; on HAPT the images know walk, walk up and walk down as one,
"dynamic". Nobody among the people was trained on. Answers name the classes themselves. They become a task
under the old class (as `session.split` does), or classes of the root task. The questions are K about each
of these classes, drawn from the first two thirds of the stream, or those of the default policy. Scored is
the last third: the windows of these classes ("within"), and all.

    python -m benchmarks.subtask [--seeds 10]
    python benchmarks/hapt.py --data DIR --folds 3 --steps 1000 --models MODELS --merge dynamic
    python -m benchmarks.subtask --data DIR --models MODELS [--seeds 3]
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from statistics import fmean

import numpy as np

from benchmarks.held_out import add_arguments, held_out, late, run, words
from odl.core.config import Config
from odl.core.ground_truth import TruthTrack
from odl.core.image import Image
from odl.core.loop import steps
from odl.core.session import Session
from odl.core.trace import Trace
from odl.data.streams import Stream
from odl.evaluate.open_session import homes_of
from odl.evaluate.options import Options
from odl.labels.oracle import Oracle
from odl.model.restrict import leaves, restrict


def as_rotation(image: Image) -> Image:
    """The shoulder image with one class for both rotations."""
    known = restrict(image, [name for name in leaves(image) if name != "internal rotation"])
    names = {cls: name.replace("external ", "") for cls, name in known.names.items()}
    tree = {"rotation": ["external rotation", "internal rotation"]}
    return replace(known, names=names, card={**known.card, "tree": tree})


def drawn(stream: Stream, image: Image, inside: Mapping[str, int], k: int, seed: int) -> list[int]:
    """``k`` windows of each class of ``inside``, from the first two thirds of the stream."""
    session = Session(image, Config(**stream.scaling(image)._asdict()))
    starts = Trace(steps(session, stream.inputs())).predictions["window"].astype(np.int64)
    starts = starts[: len(starts) * 2 // 3]
    track = TruthTrack(stream.truths)
    truth = np.array([*track.names, ""])[track.of_all(starts, image.window)]
    draw, found = np.random.default_rng(seed), list[int]()
    for name in inside:
        own = starts[truth == name]
        found += draw.choice(own, min(k, len(own)), replace=False).tolist()
    return sorted(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    found: dict[tuple[str, str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for seed in range(given.seeds):
        for image, stream in held_out(given.data, given.models, seed):
            image = image if given.models else as_rotation(image)
            inside = {name: cls for name, cls in homes_of(image).items() if name not in image.names.values()}
            for asks in ("K = 5", "K = 20", "5 questions", "10 questions", "20 questions"):
                n = int("".join(filter(str.isdigit, asks)))
                asked = drawn(stream, image, inside, n, seed) if asks.startswith("K") else None
                options = Options(budget=len(asked) if asked else n, seed=seed)
                for arm, homes in (("split", inside), ("flat", {})):
                    oracle = Oracle(
                        TruthTrack(stream.truths), image.window, stream.classes,
                        delay=round(options.delay * image.rate_hz), seed=seed, homes=homes,
                    )  # fmt: skip
                    truth, shown = late(run(image, stream, options, labeller=oracle, asked=asked))
                    within = np.isin(truth, list(inside))
                    right = truth == shown
                    if within.any():
                        found[asks, "within", arm][stream.subject].append(float(right[within].mean()))
                    found[asks, "all", arm][stream.subject].append(float(right.mean()))
    for asks, what in dict.fromkeys(key[:2] for key in found):
        split, flat = found[asks, what, "split"], found[asks, what, "flat"]
        ahead = {person: [fmean(split[person]) - fmean(flat[person])] for person in split}
        print(f"{asks:12} {what:6} split {words(split)}; flat {words(flat)}; "
              f"split over flat {words(ahead, points=True)} points, {len(split)} people")  # fmt: skip


if __name__ == "__main__":
    main()
