"""The commands of ``odl`` that compare many sessions: compare, study, cite."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odl.cli.arguments import FROM_PROFILE, add_option, add_options, chosen_options, names_in
from odl.cli.output import Progress, printable, write_json

if TYPE_CHECKING:
    from odl.study.compare import Comparison

_COMPARED = (
    "subjects", "data", "policies", "learners", "budgets", "seeds", "baseline", "delay", "patience", "refuse",
    "error", "hold", "batch", "step", "every", "floor", "workers", "dask",
)  # fmt: skip


def add_commands(commands: Any) -> None:
    """Add the commands to ``odl``'s parser."""
    compare = commands.add_parser("compare", help="compare policies, learners and budgets on the same people")
    compare.add_argument("source", help="a dataset (see 'odl datasets') or your folder")
    add_options(compare, (*_COMPARED, "models"))
    add_option(compare, "profile", help=FROM_PROFILE)
    add_option(compare, "out", metavar="DIR", help="the folder for the store, the tables and report.html")
    add_options(compare, "json")
    compare.set_defaults(run=_compare)

    study = commands.add_parser("study", help="run a study file, or report on a finished one")
    study.add_argument(
        "study", help="a study (.toml); or the word report, and the folder of a finished study"
    )
    study.add_argument("folder", nargs="?", help="with report: the folder that --out named")
    add_option(
        study, "out", metavar="DIR", help="the folder for the store, the tables and report.html; default: out"
    )
    add_option(study, "data", metavar="NAME=DIR", help="folder or zip of a dataset that is not bundled")
    add_options(study, "workers dask json")
    study.set_defaults(run=_study)

    cite = commands.add_parser("cite", help="print BibTeX for odl, a dataset and the methods")
    cite.add_argument(
        "datasets", nargs="*", help="datasets whose entries to add; default: all that are known"
    )
    cite.set_defaults(run=_cite)


def _compare(args: argparse.Namespace, progress: Progress) -> str:
    from odl.study.compare import compare

    names = [name for name in _COMPARED if name != "seeds"]
    chosen = chosen_options(args, (*names, "models", "profile"))
    seeds = None if args.seeds is None else _numbers(args.seeds)
    found = compare(args.source, **chosen, seeds=seeds, out=args.out, progress=progress)
    words = [w for name in (*_COMPARED, "models", "profile") for w in _flag(name, getattr(args, name))]
    _show(found, args, f"odl compare {shlex.join([args.source, *words])}")
    return ""


def _study(args: argparse.Namespace, progress: Progress) -> str:
    from odl.study.compare import finished, run
    from odl.study.description import Study, StudyError

    if args.study == "report":
        folder = args.folder or args.out or "out"
        args.out = folder
        _show(finished(folder), args, f"odl study report {shlex.quote(Path(folder).name)}")
        return ""
    if args.folder is not None:
        raise StudyError(f"'{args.folder}' is one argument too many; --out names the folder for the results")
    study = Study.load(args.study)
    if args.data is not None:
        pairs = [part.partition("=") for part in names_in(args.data) or []]
        if not all(name and folder for name, _, folder in pairs):
            raise StudyError(f"--data is {args.data}; write NAME=DIR, as in hapt=DIR")
        study = study.with_data({name: folder for name, _, folder in pairs})
    args.out = args.out or "out"
    found = run(study, args.out, workers=args.workers, dask=args.dask, progress=progress)
    _show(found, args, f"odl study {shlex.quote(Path(args.study).name)}")
    return ""


def _show(found: Comparison, args: argparse.Namespace, command: str) -> None:
    from odl._text import wrapped

    def figures() -> Any:
        return {"name": found.name, "baseline": found.baseline, "about": found.about, "rows": found.rows}

    write_json(args.json, figures)
    page = found.report(args.out, command) if args.out else None
    if args.json == "-":
        return
    print(printable(repr(found), keep="\n"))
    print()
    for sentence in found.sentences():
        print(wrapped(printable(sentence)))
    if page:
        print(f"report: {page}")


def _cite(args: argparse.Namespace, progress: Progress) -> str:
    from odl.study.cite import bibtex

    print(bibtex(args.datasets or None))
    return ""


def _numbers(text: str) -> int | list[int]:
    """``10`` is a number of seeds, ``3,4`` are the seeds themselves."""
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(
            f"--seeds is {text}; it can be a number of seeds, or seeds with commas between"
        ) from None
    return found if "," in text else found[0]


def _flag(name: str, value: Any) -> list[str]:
    if value is None:
        return []
    if name in ("data", "dask", "models", "profile"):
        value = {"data": "DIR", "dask": "ADDRESS"}.get(name, Path(str(value)).name)
    return (
        [f"--{name}"]
        if value is True
        else [f"--{name}", f"{value:g}" if isinstance(value, float) else str(value)]
    )
