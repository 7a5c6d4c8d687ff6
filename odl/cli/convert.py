"""The commands of ``odl`` between recordings and tables: convert."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

Tell = Callable[[str], None]
_OF_TABLES = ("rate", "columns", "units", "label", "subject", "model")
_OF_RECORDINGS = ("counts", "events", "redact")


def add_commands(commands: Any) -> None:
    """Add the commands to ``odl``'s parser."""
    convert = commands.add_parser(
        "convert",
        help="a recording to a table or back, or without what is personal",
        description="Recordings (.odl) to tables (.csv, .parquet) and back, or to redacted recordings.",
    )
    add = convert.add_argument
    add("source", help="a recording (.odl) or a table (.csv, .parquet)")
    add("target", help="what to write: .csv, .parquet or .odl")
    add("--force", action="store_true", help="replace files that are there")
    group = convert.add_argument_group("from a recording")
    add = group.add_argument
    add("--counts", action="store_true", default=None, help="raw counts, not real values")
    add("--events", metavar="FILE", help="a second table: what was said, asked, answered and learned")
    add("--redact", nargs="?", const="", metavar="WHAT",
        help="leave out origin,subject,names,vectors,notes,samples; default: all but samples")  # fmt: skip
    group = convert.add_argument_group("from a table")
    add = group.add_argument
    add("--rate", type=float, metavar="HZ", help="samples a second; default: from a column of time stamps")
    add("--columns", metavar="A,B,C", help="the channels; default: what is called like a sensor's axes")
    add("--units", metavar="U,V,W", help="of all columns or of each: g, m/s2, deg/s, rad/s, ...")
    add("--label", metavar="COLUMN", help="class names; default: a column called label, activity, ...")
    add("--subject", metavar="NAME", help="who was recorded: a pseudonym")
    add("--model", metavar="M", help="an .odlm file or a dataset's name, for the recording to hold")
    convert.set_defaults(run=_convert)


def _convert(given: argparse.Namespace, tell: Tell) -> str:
    from odl.data import DataError
    from odl.data.conversion.convert import TABLES

    source, target = Path(given.source), Path(given.target)
    for path in (source, target):
        if path.suffix not in (*TABLES, ".odl"):
            raise ValueError(f"{path.name}: this ends neither in .odl nor in {' nor '.join(TABLES)}")
    if not source.is_file():
        raise DataError(f"{source}: there is no such file")
    wrong = _OF_TABLES if source.suffix == ".odl" else _OF_RECORDINGS
    for name in wrong:
        if getattr(given, name) is not None:
            kind = "tables" if wrong is _OF_TABLES else "recordings"
            raise ValueError(f"--{name} is for {kind}, and {source.name} is none")
    if source.suffix == ".odl":
        return _from_recording(source, target, given, tell)
    if target.suffix != ".odl":
        raise ValueError(f"{source.name} to {target.name}: one of the two has to be a recording (.odl)")
    _from_table(source, target, given, tell)
    return ""


def _from_recording(source: Path, target: Path, given: argparse.Namespace, tell: Tell) -> str:
    from odl.cli.main import keep, printable
    from odl.data.conversion.convert import TABLES, redacted, to_table
    from odl.data.conversion.converted import side_card
    from odl.recording.redact import Source, kinds_of

    events = None if given.events is None else Path(given.events)
    written = [
        target,
        *([events] if events else []),
        *([side_card(target)] if target.suffix == ".csv" else []),
    ]
    for one in written:
        keep(str(source), one)
    if len({path.resolve() for path in written}) < len(written):
        raise ValueError(f"{events}: the two tables need two names")
    if events is not None and events.suffix not in TABLES:
        raise ValueError(f"{events.name}: --events writes {' or '.join(TABLES)}")
    if target.suffix == ".odl" and (given.redact is None or given.counts or events):
        raise ValueError(f"{source.name} is a recording already; name a table to write, or --redact alone")
    kinds = () if given.redact is None else kinds_of(given.redact)
    if "samples" in kinds and target.suffix != ".odl":
        raise ValueError("a table without samples would be empty; leave samples out of a recording (.odl)")
    found = Source(source, kinds, tell)
    if target.suffix == ".odl":
        redacted(found, target, given.force)
        print(printable(f"{target}: {found.samples} samples"))
    else:
        rows = to_table(found, target, counts=bool(given.counts), events=events, force=given.force)
        print(printable(f"{target}: {rows} rows, {'counts' if given.counts else 'real values'}"))
    if given.redact is not None:
        print(printable(f"left out: {'; '.join(found.removed) or 'nothing, there was nothing of the kind'}"))
        if not found.same_trace:
            print("a replay of it does not give the trace that was recorded")
        if "samples" not in kinds:
            print("the samples themselves can tell who it was; see docs/recording.md")
    return found.damage


def _from_table(source: Path, target: Path, given: argparse.Namespace, tell: Tell) -> None:
    from odl.cli.main import printable
    from odl.data.conversion.convert import to_recording

    def names(text: str | None) -> list[str]:
        return [] if text is None else [word.strip() for word in text.split(",")]

    notes = to_recording(
        source, target, model=given.model, subject=given.subject, rate_hz=given.rate,
        columns=names(given.columns), units=names(given.units), label=given.label or "",
        force=given.force, tell=tell,
    )  # fmt: skip
    for note in notes:
        print(printable(note))
    print(printable(f"{target}: {target.stat().st_size} bytes"))
