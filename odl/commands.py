"""The commands of ``odl`` about a model image: evaluate, show."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from odl.nn.image import Image
    from odl.streams import Stream

Tell = Callable[[str], None]


def add_commands(commands: Any) -> None:
    """Add the commands to ``odl``'s parser."""
    evaluate = commands.add_parser("evaluate", help="how well a model does on recorded people, as it is")
    add = evaluate.add_argument
    add("source", help="a dataset's name or folder, or a recording (.odl)")
    add("--model", metavar="M", help="an .odlm file or a dataset's name; default: the source's usual one")
    add("--data", metavar="DIR", help="where the files of a dataset like hapt lie")
    add("--subjects", metavar="1,3", help="people to score; default: those kept for testing")
    add("--classes", metavar="A,B,C", help="score these only, and choose among these only")
    add("--json", metavar="FILE", help="write the figures as JSON; - is standard output")
    evaluate.set_defaults(run=_evaluate)

    show = commands.add_parser("show", help="a model's tree, layers, sizes, and from whom it learned")
    show.add_argument("model", help="an .odlm file or a dataset's name")
    show.add_argument("--json", metavar="FILE", help="write it as JSON; - is standard output")
    show.set_defaults(run=_show)


def _evaluate(given: argparse.Namespace, tell: Tell) -> str:
    from odl.api import load_kernels
    from odl.cli import keep, people, printable, write_json
    from odl.score import score_model, score_text
    from odl.streams import load_model

    for read in (given.source, given.model):
        if read is not None:
            keep(read, given.json)
    classes = None if given.classes is None else [name.strip() for name in given.classes.split(",")]
    streams, implied, damage = _opened(given, people(given.subjects))
    image = implied if given.model is None else load_model(given.model)
    load_kernels(image, tell)
    score = score_model(image, streams, classes, tell)
    write_json(given.json, score.to_json)
    if given.json != "-":
        print(printable(score_text(score), keep="\n"))
    return damage


def _opened(given: argparse.Namespace, subjects: list[int] | None) -> tuple[list[Stream], Image, str]:
    """What to score, the image that goes with it, and what a recording has lost."""
    from odl.config import ConfigError
    from odl.data import open_dataset
    from odl.streams import dataset_streams, load_model, open_recording

    path = Path(given.source)
    if path.suffix == ".odl":
        if subjects is not None or given.data is not None:
            raise ConfigError(f"{path.name} is a recording; --subjects and --data are for datasets")
        opened = open_recording(path)
        return [opened.stream.unanswered()], opened.image, opened.damage
    dataset = open_dataset(given.source, given.data)
    model = given.model or dataset.model_path()
    return dataset_streams(dataset, subjects, 0), load_model(model), ""


def _show(given: argparse.Namespace, tell: Tell) -> str:
    from odl.cli import keep, printable, write_json
    from odl.info import about_image
    from odl.show import image_text
    from odl.streams import load_model

    keep(given.model, given.json)
    image = load_model(given.model)
    write_json(given.json, lambda: about_image(image))
    if given.json != "-":
        print(printable(image_text(image), keep="\n"))
    return ""
