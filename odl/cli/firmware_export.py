"""The commands ``odl firmware export`` and ``sketch``: source code for other tools."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firmware_sim.package_kinds import KINDS
from odl.cli.arguments import add_option, add_options, chosen_options
from odl.cli.output import Progress

if TYPE_CHECKING:
    from odl.core.image import Image

SESSION = ("policy", "budget", "every", "floor", "batch", "patience", "hold")


def add_commands(verbs: Any) -> None:
    """Add the commands to the parser of ``odl firmware``."""
    export = verbs.add_parser("export", help="write core, model and an example as a library for another tool")
    add_option(export, "model", required=True, help="a dataset's name or an .odlm file")
    export.add_argument("--as", dest="kind", required=True, choices=tuple(KINDS), help="the tool it is for")
    add_option(export, "out", required=True, metavar="DIR", help="a new folder")
    add_options(export, SESSION[:1])
    add_option(export, "budget", help="questions: 12/h, 5/day or 2% (of the windows); default: 12/h")
    add_options(export, SESSION[2:])
    add_capacities(export)
    export.add_argument(
        "--without-line", action="store_true", help="leave out the link to a host; needs less memory"
    )
    export.set_defaults(run=_export)

    sketch = verbs.add_parser("sketch", help="write an Arduino sketch that only samples")
    add_option(
        sketch, "out", default=".", metavar="DIR", help="where to write its folder odl_sampler; default: here"
    )
    sketch.set_defaults(run=_sketch)


def add_capacities(parser: Any) -> None:
    """Add the options that change how much of something the model has room for."""
    for flag, what in (("rows", "classes in all tasks"), ("labels", "labels"), ("pending", "open questions")):
        parser.add_argument(f"--{flag}", type=int, metavar="N", help=f"room for {what}; default: the model's")


def with_capacities(image: Image, args: argparse.Namespace) -> Image:
    """The image with room for what the options of `add_capacities` say.

    Raises
    ------
    ImageError
        If the number is not possible, or less than the model has already.
    """
    names = {"rows": "max_rows", "labels": "max_log", "pending": "max_pending"}
    chosen = {field: getattr(args, flag) for flag, field in names.items() if getattr(args, flag) is not None}
    if not chosen:
        return image
    changed = replace(image, **chosen)
    changed.check("the model with these capacities")
    return changed


def _export(args: argparse.Namespace, progress: Progress) -> str:
    from firmware_sim.export import export
    from firmware_sim.model_source import scaling_of
    from odl.data.streams import load_model
    from odl.evaluate.options import Options

    image = with_capacities(load_model(args.model), args)
    options = Options().changed({"budget": "12/h", **chosen_options(args, SESSION)})
    config = options.config(image.rate_hz, 0, 1, scaling_of(image))
    if config.allowed and config.period == 0:
        raise ValueError(
            f"`budget` is {options.budget}; a board has no last window: say it by time, as in 12/h"
        )
    progress(f"writing the package into {args.out}")
    made = export(image, args.kind, Path(args.out), config, Path(args.model).stem, line=not args.without_line)
    print(f"{made.folder}: {len(made.files)} files; start with README.md")
    for what, size in made.sizes.items():
        print(f"{what:20} {size:>9,} bytes")
    return ""


def _sketch(args: argparse.Namespace, progress: Progress) -> str:
    from firmware_sim.export import write_sampler

    for path in write_sampler(Path(args.out)):
        print(path)
    return ""
