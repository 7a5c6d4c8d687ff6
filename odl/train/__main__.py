"""``python -m odl.train [DATASET] [--out FILE]``: train a dataset's model image anew."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

from odl.data import DataError, load_card, load_series
from odl.data.bundled import find_folder


def main(arguments: list[str] | None = None) -> int:
    """Train, write the image, and say what came of it; 2 if something is missing."""
    parser = argparse.ArgumentParser(prog="python -m odl.train", description=__doc__)
    parser.add_argument("dataset", nargs="?", default="shoulder")
    parser.add_argument("--out", type=Path, help="default: the image that the dataset's card names")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, help="steps of the fit (default: the recipe's)")
    parser.add_argument("--folds", type=int, default=3, help="folds by person (default: 3)")
    parser.add_argument("--stored", type=int, default=12, help="vectors kept per class (default: 12)")
    parser.add_argument("--held-out", type=int, default=2, help="classes never shown, the card's last (2)")
    given = parser.parse_args(arguments)
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - began:5.0f} s] {line}", flush=True)

    try:
        about, recordings = load_card(given.dataset), load_series(given.dataset)
    except DataError as error:
        print(f"odl.train: {error}", file=sys.stderr)
        return 2
    try:
        from odl.train.net import Recipe
        from odl.train.shipped import make_image, task_of
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        print(
            "odl.train: PyTorch is missing; install the extra: pip install 'odl-stream[train]'",
            file=sys.stderr,
        )
        return 2
    out = given.out or find_folder() / about.name / about.model
    recipe = Recipe() if given.steps is None else replace(Recipe(), steps=given.steps)
    task = task_of(about, recordings, given.held_out)
    say(f"{about.title}: people {task.people}, without {[about.classes[c] for c in task.held_out]}")
    command = f"python -m odl.train {about.name} --seed {given.seed}"
    image = make_image(task, recipe, given.seed, given.folds, given.stored, say, command)
    data = image.to_bytes()
    out.write_bytes(data)
    weights = sum(layer.weights.size + layer.biases.size for layer in image.layers)
    say(f"{out.name}: {len(data)} bytes, {weights} extractor weights, {image.macs} MAC a window")
    return 0


if __name__ == "__main__":
    sys.exit(main())
