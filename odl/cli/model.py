"""The commands of ``odl`` for model images: train, evaluate, show."""

from __future__ import annotations

import argparse
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odl._text import shell_word
from odl.cli.arguments import add_option, add_options, names_in, subjects_in
from odl.cli.output import Progress, check_not_source, printable, write_json

if TYPE_CHECKING:
    from odl.core.image import Image
    from odl.data import Dataset
    from odl.data.streams import Stream


def add_commands(commands: Any) -> None:
    """Add the commands to ``odl``'s parser."""
    train = commands.add_parser("train", help="train a model image from recorded people (needs torch)")
    add = train.add_argument
    add("source", help="a dataset's name or your folder")
    add_options(train, "data")
    add_option(train, "out", required=True, help="the model image (.odlm); its curves are written beside it")
    add_option(train, "subjects", metavar="1,3", help="people to train on; default: the card's train split")
    add("--without", metavar="A,B", help="classes left out of training, to be learned on the device")
    add(
        "--tree", choices=("card", "flat", "auto"), default="card",
        help="card: the card's tree; flat: one head; auto: the tree that the confusion of a flat model "
        "proposes, of people left out, in twice the time; default: card",
    )  # fmt: skip
    add_option(train, "seed", default=1)
    add(
        "--size", choices=("small", "medium", "large"),
        help="of the extractor: small takes half of the instructions, 17 KB less RAM, and was less accurate; "
        "large takes half as many more than medium, and was no more accurate; default: medium",
    )  # fmt: skip
    add("--steps", type=int, metavar="N", help="steps of a fit, 50 or more; default: the plan's")
    add("--folds", type=int, default=3, metavar="N", help="folds by person; default: 3")
    add("--stored", type=int, default=12, metavar="N", help="feature vectors stored per class; default: 12")
    add(
        "--keep", metavar="FILE.odlm",
        help="leave this image's network as it is, and note only its least scores, for unknown windows; "
        "people, classes, seed and folds are those of its card",
    )  # fmt: skip
    add_option(train, "json", help="write the image's card as JSON; - is standard output")
    train.set_defaults(run=_train)

    evaluate = commands.add_parser("evaluate", help="score a model on recorded people, without learning")
    add = evaluate.add_argument
    add("source", help="a dataset's name or folder, or a recording (.odl)")
    add_option(evaluate, "model", help="an .odlm file or a dataset's name; default: the source's usual one")
    add_options(evaluate, "data")
    add_option(evaluate, "subjects", metavar="1,3", help="people to score; default: the test subjects")
    add("--classes", metavar="A,B,C", help="score these only, and choose among these only")
    add_options(evaluate, "json")
    evaluate.set_defaults(run=_evaluate)

    show = commands.add_parser("show", help="show a model's tree, layers, sizes and training people")
    show.add_argument("model", help="an .odlm file or a dataset's name")
    show.add_argument(
        "--picture", metavar="FILE", help="draw the tree with its accuracies as a picture (.svg, .png)"
    )
    add_options(show, "json")
    show.set_defaults(run=_show)


def _train(args: argparse.Namespace, progress: Progress) -> str:
    from odl._files import write_private
    from odl.data import open_dataset
    from odl.evaluate.describe import describe_image

    out = Path(args.out)
    if out.suffix != ".odlm":
        raise ValueError(f"--out is {out.name}; a model image ends in .odlm")
    out.parent.mkdir(parents=True, exist_ok=True)  # fails now, not after the training
    if out.is_dir() or not os.access(out.parent, os.W_OK):
        raise ValueError(f"{out}: this file cannot be written")
    dataset = open_dataset(args.source, args.data)
    if args.keep is not None:
        return _keep(args, dataset, out, progress)
    from firmware_sim.forecast import forecast
    from odl.train import train

    without = names_in(args.without) or []
    image = train(
        dataset, seed=args.seed, people=subjects_in(args.subjects), without=without, folds=args.folds,
        stored=args.stored, steps=args.steps, size=args.size, tree=args.tree,
        announce=lambda untrained: progress(forecast(untrained)), progress=progress, command=_command(args),
    )  # fmt: skip
    data = image.to_bytes()
    write_private(out, data)
    write_json(args.json, lambda: describe_image(image))
    if args.json != "-":
        print(_side_by_side(image.card["held_out_people"]))
        weights = sum(layer.weights.size + layer.biases.size for layer in image.layers)
        print(
            f"{out}: {len(data):,} bytes, {weights:,} extractor weights, "
            f"{image.macs:,} multiply-accumulates a window"
        )
    _draw(image, out.with_suffix(".svg"), progress)
    if args.json != "-":
        print(printable(f"next: {_next(args, dataset, out)}"))
    return ""


def _next(args: argparse.Namespace, dataset: Dataset, out: Path) -> str:
    """Return the command that tries the image on people whom it has not seen, or else builds its firmware."""
    if not set(dataset.card.splits.get("test", ())) & set(dataset.subjects):
        return f"odl firmware build --model {shell_word(out)}"
    data = "" if args.data is None else f" --data {shell_word(args.data)}"
    return f"odl replay {shell_word(args.source)}{data} --model {shell_word(out)} --out out/"


def _keep(args: argparse.Namespace, dataset: Dataset, out: Path, progress: Progress) -> str:
    """Write the image ``--keep`` with least scores."""
    from odl._files import write_private
    from odl.data.streams import load_model
    from odl.evaluate.describe import describe_image
    from odl.train.least_scores import with_least_scores

    for name in ("subjects", "without", "size"):
        if getattr(args, name) is not None:
            raise ValueError(f"--{name} is about training, and --keep trains no network: leave it out")
    image = with_least_scores(load_model(args.keep), dataset, steps=args.steps, progress=progress)
    write_private(out, image.to_bytes())
    write_json(args.json, lambda: describe_image(image))
    if args.json != "-":
        noted = len(image.card["unknown"])
        print(f"{out}: least scores for {noted} classes; all else as in {args.keep}")
    return ""


def _side_by_side(held: dict[str, Any]) -> str:
    """Return the float and int8 scores on held-out people, as a small table."""
    people = sum(len(fold) for fold in held["folds"])
    lines = [f"{people} people, each scored by a model trained without them; {held['windows']} windows"]
    lines += [f"{'':8}{'accuracy':>10}{'macro-F1':>10}"]
    for kind in ("float", "int8"):
        lines += [f"{kind:8}{held[f'{kind}_accuracy']:>10.1%}{held[f'{kind}_macro_f1']:>10.3f}"]
    return "\n".join(lines)


def _command(args: argparse.Namespace) -> str:
    """Return the command without this machine's paths, since a card is passed on."""
    words = ["odl", "train", Path(args.source).name]
    for name in ("data", "out", "subjects", "without", "size", "tree", "seed", "steps", "folds", "stored"):
        value = getattr(args, name)
        if value is not None:
            words += [f"--{name}", {"data": "DIR", "out": Path(args.out).name}.get(name, str(value))]
    return shlex.join(words)


def _draw(image: Image, path: Path, progress: Progress) -> None:
    """Draw the training's curves beside the image, if matplotlib is installed."""
    from odl.evaluate.report.training import write_curves

    try:
        write_curves(path, image.card["curves"], image.card["steps"])
    except ModuleNotFoundError:
        progress("no curves drawn: matplotlib is missing")
    else:
        progress(f"curves: {path}")


def _evaluate(args: argparse.Namespace, progress: Progress) -> str:
    from odl.data.streams import load_model
    from odl.evaluate.load_kernels import load_kernels
    from odl.evaluate.score import score_model, score_text
    from odl.recording import named

    classes = names_in(args.classes)
    streams, implied, damage = _opened(args, subjects_in(args.subjects))
    image = implied if args.model is None else load_model(args.model)
    load_kernels(image, progress)
    with named(args.source):
        score = score_model(image, streams, classes, progress)
    write_json(args.json, score.to_json)
    if args.json != "-":
        print(printable(score_text(score), keep="\n"))
    return damage


def _opened(args: argparse.Namespace, subjects: list[str] | None) -> tuple[list[Stream], Image, str]:
    """Return the streams to score, the image that goes with them, and the damage of a recording."""
    from odl.core.config import ConfigError
    from odl.data import open_dataset
    from odl.data.streams import dataset_streams, load_model
    from odl.evaluate.recorded import open_recording

    path = Path(args.source)
    if path.suffix == ".odl":
        if subjects is not None or args.data is not None:
            raise ConfigError(f"{path.name} is a recording; --subjects and --data are for datasets")
        opened = open_recording(path, None if args.model is None else load_model(args.model))
        return [opened.stream.unanswered()], opened.image, opened.damage
    dataset = open_dataset(args.source, args.data)
    model = args.model or dataset.model_path()
    return dataset_streams(dataset, subjects, 0), load_model(model), ""


def _show(args: argparse.Namespace, progress: Progress) -> str:
    from odl.data.streams import load_model
    from odl.evaluate.describe import describe_image
    from odl.evaluate.describe_image import image_text

    image = load_model(args.model)
    write_json(args.json, lambda: describe_image(image))
    if args.json != "-":
        print(printable(image_text(image), keep="\n"))
    if args.picture is not None:
        from odl.evaluate.report.tree_picture import write_tree

        check_not_source(args.model, args.picture)
        write_tree(Path(args.picture), image)
        progress(f"picture: {args.picture}")
    return ""
