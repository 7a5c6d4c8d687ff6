"""The commands of ``odl`` about a model image: train, evaluate, show."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from odl.core.image import Image
    from odl.data.streams import Stream

Tell = Callable[[str], None]


def add_commands(commands: Any) -> None:
    """Add the commands to ``odl``'s parser."""
    train = commands.add_parser("train", help="train a model image from recorded people (needs torch)")
    add = train.add_argument
    add("source", help="a dataset's name or your folder")
    add("--data", metavar="DIR", help="where the files of a dataset like hapt lie")
    add("--out", metavar="FILE", required=True, help="the model image (.odlm); its curves lie beside it")
    add("--subjects", metavar="1,3", help="people to train on; default: the card's train split")
    add("--without", metavar="A,B", help="classes never shown, to be learned on the device")
    add("--seed", type=int, default=1, metavar="N", help="decides everything random; default: 1")
    add("--steps", type=int, metavar="N", help="steps of a fit, 50 or more; default: the plan's")
    add("--folds", type=int, default=3, metavar="N", help="folds by person; default: 3")
    add("--stored", type=int, default=12, metavar="N", help="feature vectors kept per class; default: 12")
    add("--json", metavar="FILE", help="write the image's card as JSON; - is standard output")
    train.set_defaults(run=_train)

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


def _train(given: argparse.Namespace, tell: Tell) -> str:
    from odl._files import write_private
    from odl.cli.main import people, write_json
    from odl.data import open_dataset
    from odl.evaluate.describe import describe_image

    out = Path(given.out)
    if out.suffix != ".odlm":
        raise ValueError(f"--out is {out.name}; a model image ends in .odlm")
    out.parent.mkdir(parents=True, exist_ok=True)  # it is said now, not after the training
    if out.is_dir() or not os.access(out.parent, os.W_OK):
        raise ValueError(f"{out}: no file can be written there")
    from odl.train import train

    dataset = open_dataset(given.source, given.data)
    without = [] if given.without is None else [name.strip() for name in given.without.split(",")]
    image = train(
        dataset, seed=given.seed, people=people(given.subjects), without=without, folds=given.folds,
        stored=given.stored, steps=given.steps, progress=tell, command=_command(given),
    )  # fmt: skip
    data = image.to_bytes()
    write_private(out, data)
    write_json(given.json, lambda: describe_image(image))
    if given.json != "-":
        print(_side_by_side(image.card["held_out_people"]))
        weights = sum(layer.weights.size + layer.biases.size for layer in image.layers)
        print(f"{out}: {len(data)} bytes, {weights} extractor weights, {image.macs} MAC a window")
    _draw(image, out.with_suffix(".svg"), tell)
    return ""


def _side_by_side(held: dict[str, Any]) -> str:
    """Float and int8 on people that were not trained on, as a small table."""
    people = sum(len(fold) for fold in held["folds"])
    lines = [f"{people} people, each tried on a model that has not seen them; {held['windows']} windows"]
    lines += [f"{'':8}{'accuracy':>10}{'macro-F1':>10}"]
    for kind in ("float", "int8"):
        lines += [f"{kind:8}{held[f'{kind}_accuracy']:>10.1%}{held[f'{kind}_macro_f1']:>10.3f}"]
    return "\n".join(lines)


def _command(given: argparse.Namespace) -> str:
    """What was typed, without the places of this machine: a card travels."""
    words = ["odl", "train", Path(given.source).name]
    for name in ("data", "out", "subjects", "without", "seed", "steps", "folds", "stored"):
        value = getattr(given, name)
        if value is not None:
            words += [f"--{name}", {"data": "DIR", "out": Path(given.out).name}.get(name, str(value))]
    return shlex.join(words)


def _draw(image: Image, path: Path, tell: Tell) -> None:
    """The training's curves beside the image, if matplotlib is there."""
    from odl.evaluate.report.training import write_curves

    try:
        write_curves(path, image.card["curves"], image.card["steps"])
    except ModuleNotFoundError:
        tell("no curves drawn: matplotlib is missing")
    else:
        tell(f"curves: {path}")


def _evaluate(given: argparse.Namespace, tell: Tell) -> str:
    from odl.cli.main import keep, people, printable, write_json
    from odl.data.streams import load_model
    from odl.evaluate.replay import load_kernels
    from odl.evaluate.score import score_model, score_text

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
    from odl.core.config import ConfigError
    from odl.data import open_dataset
    from odl.data.streams import dataset_streams, load_model
    from odl.evaluate.recorded import open_recording

    path = Path(given.source)
    if path.suffix == ".odl":
        if subjects is not None or given.data is not None:
            raise ConfigError(f"{path.name} is a recording; --subjects and --data are for datasets")
        opened = open_recording(path, None if given.model is None else load_model(given.model))
        return [opened.stream.unanswered()], opened.image, opened.damage
    dataset = open_dataset(given.source, given.data)
    model = given.model or dataset.model_path()
    return dataset_streams(dataset, subjects, 0), load_model(model), ""


def _show(given: argparse.Namespace, tell: Tell) -> str:
    from odl.cli.main import keep, printable, write_json
    from odl.data.streams import load_model
    from odl.evaluate.describe import describe_image
    from odl.evaluate.describe_image import image_text

    keep(given.model, given.json)
    image = load_model(given.model)
    write_json(given.json, lambda: describe_image(image))
    if given.json != "-":
        print(printable(image_text(image), keep="\n"))
    return ""
