"""The commands of ``odl`` for data of one's own: init, check."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odl._text import counted, shell_word
from odl.cli.arguments import add_option, names_in
from odl.cli.output import Progress, printable, with_flags, write_json

if TYPE_CHECKING:
    from odl.data.inference.proposal import Proposal
    from odl.data.inference.survey import Choices

_WORDS = {"guess": "a guess"}


def add_commands(commands: Any) -> None:
    """Add the commands to ``odl``'s parser."""
    init = commands.add_parser("init", help="inspect tables of any kind and write a card that describes them")
    init.add_argument(
        "folder", help="a folder, a zip or a file: CSV and other text, Parquet, recordings, ..."
    )
    add_option(init, "json", help="write what was found as JSON; - is standard output")
    init.add_argument(
        "--pattern",
        metavar="P",
        help="how files are named, as in {subject}-{label}.csv; * is anything",
    )
    init.add_argument("--label", metavar="COLUMN", help="the column of labels")
    init.add_argument("--subject", metavar="COLUMN", help="the column of people")
    init.add_argument(
        "--columns",
        metavar="A,B,C",
        help="names of all columns in files without names, or the columns to take",
    )
    init.add_argument(
        "--rate-hz", type=float, metavar="HZ", help="rows per second; time stamps are resampled to it"
    )
    add_option(init, "force", help="replace the card, also one that was edited")
    init.add_argument("--checksums", action="store_true", help="note the files' SHA-256 in the card")
    init.set_defaults(run=_init)

    check = commands.add_parser(
        "check", help="compare a card with its data: classes, people, windows, what to do next"
    )
    check.add_argument("path", help="a folder, file or zip that has a card, or the name of a dataset")
    add_option(check, "data", help="where the recordings lie, if not beside the card")
    add_option(check, "json", help="write the figures as JSON; - is standard output")
    check.set_defaults(run=_check)


def _init(args: argparse.Namespace, progress: Progress) -> str:
    from odl.data import DataError
    from odl.data.coverage import shortcomings
    from odl.data.inference.findings import inspected, unread
    from odl.data.inference.proposal import write_card
    from odl.data.inference.propose import propose
    from odl.data.inference.published import known_by_files
    from odl.data.inference.survey import Choices
    from odl.data.readers.source import sources

    path = Path(args.folder)
    if args.rate_hz is not None and not 0.1 <= args.rate_hz <= 10_000:
        raise DataError(f"a rate of {args.rate_hz:g} Hz is none of a sensor; it can be 0.1 to 10000")
    choices = Choices(
        args.pattern or "", args.label or "", args.subject or "", tuple(names_in(args.columns) or ()),
        args.rate_hz or 0.0,
    )  # fmt: skip
    try:
        if known := known_by_files(source.name for source in sources(path)):
            progress(
                f"the files are called like those of '{known}'; if they are, "
                f"'odl check {known} --data {shell_word(args.folder)}' reads them without a card"
            )
        made = propose(path, args.checksums, choices, progress)
    except DataError as error:
        told = with_flags(str(error))
        write_json(args.json, lambda: unread(told))
        raise
    if args.json is None and sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty():
        asked = _ask(made, choices)
        made = made if asked == choices else propose(path, args.checksums, asked, progress)
    dataset, found, fault = inspected(path, made, progress)
    found["warnings"] = [with_flags(warning) for warning in found["warnings"]]
    if fault is not None:
        found["error"] = with_flags(found["error"])
    write_json(args.json, lambda: found)
    if fault is not None:
        raise fault
    assert dataset is not None
    where = write_card(path, made, bool(args.force))
    if args.json == "-":
        return ""
    for sentence, word in made.provenance:
        print(printable(with_flags(f"{_WORDS.get(word, word):8} {sentence}")))
    print(f"\n{_rows(found)}")
    print(f"card: {where}; edit it where it is wrong, then 'odl check {shell_word(args.folder)}'")
    for sentence in (*found["warnings"][:12], *shortcomings(dataset)):
        progress(sentence)
    if len(found["warnings"]) > 12:
        progress(f"{len(found['warnings']) - 12} more warnings; `json=-` has all of them, file by file")
    return ""


def _rows(found: dict[str, Any]) -> str:
    """The sentence on rows."""
    rows, gaps = found["rows"], found["gaps"]
    files = sum(len(report["files"]) for report in found["files"])
    parts = [f"{rows['read']} rows read in {counted(files, 'file')}"]
    parts.append(counted(found["recordings"], "recording"))
    parts += [f"{rows[name]} {what}" for name, what in (
        ("dropped", "dropped"), ("bridged", "samples bridged"), ("resampled", "samples resampled"),
    ) if rows[name]]  # fmt: skip
    if gaps["number"]:
        parts.append(f"{gaps['number']} gaps of {gaps['samples']} samples")
    return ", ".join(parts)


def _ask(made: Proposal, choices: Choices) -> Choices:
    """Ask at the terminal for what was only guessed; an empty answer keeps the guess."""
    from dataclasses import replace

    if "rate_hz" in made.card.get("unconfirmed", ()) and not choices.rate_hz:
        print("The files do not tell how many rows a second they have.")
        answer = input(f"Rows per second [{made.card['rate_hz']:g}]: ").strip().replace(",", ".")
        try:
            rate = float(answer or made.card["rate_hz"])
        except ValueError:
            rate = 0.0
        if 0.1 <= rate <= 10_000:
            choices = replace(choices, rate_hz=rate)
    if len(made.readings) > 1 and not choices.pattern:
        print("The names of the files can be read in more than one way:")
        for number, (pattern, counts) in enumerate(made.readings, 1):
            print(printable(f"  {number}  {pattern}   {counts}"))
        answer = input("Which one [1]: ").strip() or "1"
        if answer.isdecimal() and 1 <= int(answer) <= len(made.readings):
            choices = replace(choices, pattern=made.readings[int(answer) - 1][0])
    return choices


def _check(args: argparse.Namespace, progress: Progress) -> str:
    from odl.data import open_dataset
    from odl.data.coverage import check_figures, check_text

    dataset = open_dataset(args.path, args.data)
    figures = check_figures(dataset, progress)
    figures["next"] = next_command(args.path, args.data, figures["trainable"], dataset.card.unconfirmed)
    write_json(args.json, lambda: figures)
    if args.json != "-":
        when = "next" if figures["trainable"] or dataset.card.unconfirmed else "next, once that is mended"
        text = f"{check_text(figures)}\n{when}: {figures['next']}"
        print(printable(with_flags(text), keep="\n"))
    return ""


def next_command(source: str, data: str | None, trainable: bool, unconfirmed: Sequence[str] = ()) -> str:
    """The command that follows a check: training, or a card of the data that were mended.

    >>> next_command("walks", None, True), next_command("walks", None, False)
    ('odl train walks --out mine.odlm', 'odl init walks --force')
    >>> next_command("walks", None, False, ["rate_hz"])
    'odl init walks --rate-hz HZ --force'
    """
    from odl.data import list_datasets

    if trainable:
        where = f" --data {shell_word(data)}" if data else ""
        return f"odl train {shell_word(source)}{where} --out mine.odlm"
    known = "".join(f" --{entry.replace('_', '-')} HZ" for entry in unconfirmed)
    return "odl datasets" if source in list_datasets() else f"odl init {shell_word(source)}{known} --force"
