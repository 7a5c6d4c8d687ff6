"""The commands of ``odl`` for files and datasets: info, datasets, fetch."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from odl.cli.arguments import add_options
from odl.cli.output import Progress, printable, with_flags, write_json


def add_commands(commands: Any) -> None:
    """Add the commands to ``odl``'s parser."""
    info = commands.add_parser("info", help="show what a recording or a model image holds")
    info.add_argument("file", help="a recording (.odl) or a model image (.odlm)")
    add_options(info, "json")
    info.set_defaults(run=_info)

    datasets = commands.add_parser("datasets", help="list the known datasets")
    add_options(datasets, "json")
    datasets.set_defaults(run=_datasets)

    fetch = commands.add_parser("fetch", help="download a dataset that is not bundled (needs pooch)")
    fetch.add_argument("dataset", help="its name, as in 'odl datasets'")
    fetch.add_argument("folder", help="where to put its zip")
    fetch.set_defaults(run=_fetch)


def _info(args: argparse.Namespace, progress: Progress) -> str:
    from odl.evaluate.describe import as_text, describe_file

    facts = describe_file(args.file)
    write_json(args.json, lambda: facts)
    if args.json != "-":
        print(printable(as_text(facts), keep="\n"))
    return str(facts.get("damage", ""))


def _datasets(args: argparse.Namespace, progress: Progress) -> str:
    from odl.evaluate.describe import as_text, describe_datasets

    facts = describe_datasets()
    write_json(args.json, lambda: facts)
    if args.json != "-":
        print("\n\n".join(printable(with_flags(as_text(one)), keep="\n") for one in facts))
    return ""


def _fetch(args: argparse.Namespace, progress: Progress) -> str:
    from odl.core.config import ConfigError
    from odl.data.loaders.fetching import fetch, fetchable

    if args.dataset not in fetchable():
        raise ConfigError(f"'{args.dataset}' cannot be fetched; {', '.join(fetchable())} can")
    print(f"{args.dataset}: {fetch(args.dataset, Path(args.folder))}; name it with --data")
    return ""
