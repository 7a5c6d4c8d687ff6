"""People on model images that were not trained on them, and a session of one of them."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from odl.core.image import Image
from odl.core.protocols import Labeller
from odl.data import open_dataset
from odl.data.streams import Stream, dataset_streams, load_model
from odl.evaluate import Evaluation
from odl.evaluate.metrics import last_third
from odl.evaluate.open_session import open_oracle, open_stream
from odl.evaluate.options import Options
from odl.evaluate.own_parts import OwnParts
from odl.evaluate.result import evaluate_outcome
from odl.evaluate.run_stream import run_stream

Windows = NDArray[np.str_]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``--data`` and ``--models``; without them the people are the shoulder recordings' test people."""
    parser.add_argument("--data", help="folder or zip of HAPT in UCI's layout")
    parser.add_argument("--models", type=Path, help="images of benchmarks/hapt.py")


def held_out(data: str | None, models: Path | None, seed: int) -> Iterator[tuple[Image, Stream]]:
    """Each person with an image that was not trained on them."""
    if models is None:
        shoulder = open_dataset("shoulder")
        image = load_model(shoulder.model_path())
        yield from ((image, stream) for stream in dataset_streams(shoulder, None, seed))
        return
    dataset = open_dataset("hapt", data)
    for image in map(load_model, sorted(models.glob("*.odlm"))):
        people = [person for person in dataset.subjects if person not in image.card["trained_on"]]
        yield from ((image, stream) for stream in dataset_streams(dataset, people, seed))


def run(
    image: Image, stream: Stream, options: Options, parts: OwnParts | None = None,
    labeller: Labeller | None = None, asked: Iterable[int] | None = None,
) -> Evaluation:  # fmt: skip
    """One session's figures; an oracle answers unless there is a ``labeller``."""
    opened = open_stream(stream, image, options, parts=parts, asked=asked)
    labeller = labeller or open_oracle(stream, image, options)
    return evaluate_outcome(image, run_stream(stream, opened, labeller, None, lambda sentence: None))


def late(found: Evaluation) -> tuple[Windows, Windows]:
    """What is true and what is shown of the scored windows of the last third."""
    scored = found.timeline.rows.where(found.timeline.rows.truth >= 0)
    names = np.array([*scored.names, ""])
    first = last_third(len(scored))
    return names[scored.truth[first:]], names[scored.predicted[first:]]


def words(people: Mapping[str, Iterable[float]], points: bool = False) -> str:
    """The mean over people of their means, the worst person, a 95 % interval of the mean by bootstrap."""
    means = {person: float(np.mean(list(values))) for person, values in people.items()}
    each = np.array(list(means.values())) * 100
    low, high = np.quantile(np.random.default_rng(0).choice(each, (2000, len(each))).mean(1), [0.025, 0.975])
    worst = min(means, key=lambda person: means[person])
    sign, unit = ("+", "") if points else ("", " %")
    least = f"worst {each.min():{sign}.1f} ({worst})"
    return f"{each.mean():{sign}.1f}{unit} [{low:{sign}.1f}, {high:{sign}.1f}], {least}"
