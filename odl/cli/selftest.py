"""The command ``odl selftest``: test a board as a whole, and write a report to send in."""

from __future__ import annotations

import argparse
import json
import re
import sys
from itertools import count
from pathlib import Path
from typing import Any

from odl.cli.arguments import add_option, add_options
from odl.cli.output import Progress, printable


def add_commands(commands: Any) -> None:
    """Add the command to ``odl``'s parser."""
    selftest = commands.add_parser("selftest", help="compare a board with Python; write a report to send in")
    add_option(selftest, "port", default="auto")
    add_option(
        selftest, "out", metavar="FILE", help="the report (.json); default: named after the board, here"
    )
    add_options(selftest, "force")
    selftest.add_argument(
        "--erase", action="store_true", help="test a board that has learned; its labels are lost"
    )
    selftest.add_argument(
        "--unattended", action="store_true", help="leave out what needs a hand: the power cut"
    )
    selftest.set_defaults(run=_selftest)


def _selftest(args: argparse.Namespace, progress: Progress) -> str:
    import odl
    from odl._files import write_private
    from odl.device.selftest import SelfTest
    from odl.live.connected import open_and_greet

    if args.out is not None and Path(args.out).suffix != ".json":
        raise ValueError(f"the report to write is {Path(args.out).name}; it ends in .json")
    if args.out is not None and Path(args.out).exists() and not args.force:
        raise ValueError(f"{args.out}: this file exists; give another name, or --force to replace it")
    with open_and_greet(args.port, progress) as (line, greet):
        kind = "ble" if line.url.startswith("ble:") else "url" if "://" in line.url else "serial"
        ask = (lambda: False) if args.unattended or sys.stdin is None else ask_for_a_cut
        test = SelfTest(
            greet, line.write, ask, line=kind, erase=args.erase, clock=line.clock, progress=progress
        )
        report = test.run()
    facts = {"odl": odl.__version__, **report.facts()}
    out = Path(args.out) if args.out else _new_file(report.board.get("name"))
    write_private(out, json.dumps(facts, indent=1, allow_nan=False) + "\n")
    print(printable(report.as_text(), keep="\n"))
    print(f"{out}: the report; it names the board and this kind of system, and nobody")
    return "" if report.passed else "the board failed its test"


def _new_file(board: object) -> Path:
    """A file that is not there yet, named after the board."""
    word = re.sub(r"[^a-z0-9_-]+", "-", str(board).lower()).strip("-")[:40] or "board"
    names = (f"odl-selftest-{word}{'' if n == 1 else f'-{n}'}.json" for n in count(1))
    return next(path for path in map(Path, names) if not path.exists())


def ask_for_a_cut() -> bool:
    """Ask the person at the terminal; an empty line is done, anything else leaves the step out."""
    print(
        "Cut the board's power now: pull its cable, wait two seconds, plug it in again.\n"
        "Then press Enter (or write n to leave this step out): ",
        end="", file=sys.stderr, flush=True,
    )  # fmt: skip
    answer = sys.stdin.readline()
    return answer.strip() == "" and answer != ""
