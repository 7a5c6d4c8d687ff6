"""The commands of ``odl`` for files and datasets: info, datasets, init, fetch."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from odl.cli.arguments import add_option, add_options
from odl.cli.output import Progress, check_not_source, printable, with_flags, write_json


def add_commands(commands: Any) -> None:
    """Add the commands to ``odl``'s parser."""
    info = commands.add_parser("info", help="show what a recording or a model image holds")
    info.add_argument("file", help="a recording (.odl) or a model image (.odlm)")
    add_options(info, "json")
    info.set_defaults(run=_info)

    datasets = commands.add_parser("datasets", help="list the known datasets")
    add_options(datasets, "json")
    datasets.set_defaults(run=_datasets)

    init = commands.add_parser("init", help="inspect a folder of tables and write a card to edit")
    init.add_argument("folder", help="holds CSV, Parquet or recordings (.odl)")
    add_option(init, "force", help="replace the card, also one that was edited")
    init.add_argument("--checksums", action="store_true", help="note the files' SHA-256 in the card")
    init.set_defaults(run=_init)

    fetch = commands.add_parser("fetch", help="download a dataset that is not bundled (needs pooch)")
    fetch.add_argument("dataset", help="its name, as in 'odl datasets'")
    fetch.add_argument("folder", help="where to put its zip")
    fetch.set_defaults(run=_fetch)


def _info(args: argparse.Namespace, progress: Progress) -> str:
    check_not_source(args.file, args.json)
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


def _init(args: argparse.Namespace, progress: Progress) -> str:
    from odl.data import DataError, open_dataset
    from odl.data.coverage import shortcomings
    from odl.data.inference.proposal import write_card
    from odl.data.inference.propose import propose

    folder = Path(args.folder)
    made = propose(folder, args.checksums)
    path = write_card(folder, made, bool(args.force))
    for sentence, sure in made.provenance:
        print(printable(f"{sure:8} {sentence}"))
    print(f"\ncard: {path}; edit it where it is wrong, then 'odl train {args.folder} --out mine.odlm'")
    try:
        for sentence in shortcomings(open_dataset(folder)):
            progress(sentence)
    except DataError as error:
        progress(f"to be corrected: {error}")
    return ""


def _fetch(args: argparse.Namespace, progress: Progress) -> str:
    from odl.core.config import ConfigError
    from odl.data.loaders.fetching import fetch, fetchable

    if args.dataset not in fetchable():
        raise ConfigError(f"'{args.dataset}' cannot be fetched; {', '.join(fetchable())} can")
    print(f"{args.dataset}: {fetch(args.dataset, Path(args.folder))}; name it with --data")
    return ""
