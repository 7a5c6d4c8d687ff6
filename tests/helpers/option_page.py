"""The table of options in docs/options.md; ``python -m tests.helpers.option_page`` writes it anew."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from odl.cli.main import make_parser
from odl.evaluate.option_table import OPTIONS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "options.md"
MARK = "<!-- options -->\n"
OWN = {
    ("label", "keep"),
    ("train", "keep"),
    ("label", "learn"),
    ("convert", "label"),
}  # arguments of their own that share an option's name


def flags_of(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.Action]]:
    """Each command's name with each of its arguments."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from flags_of(command)
        else:
            yield parser.prog.removeprefix("odl").strip(), action


def table() -> str:
    """One row for each option: flag, commands, values, default, help."""
    commands = defaultdict(list)
    for command, action in flags_of(make_parser()):
        for flag in action.option_strings:
            if (command, flag[2:]) not in OWN:
                commands[flag].append(command)
    rows = ["| option | commands | values | default | meaning |", "| --- | --- | --- | --- | --- |"]
    for option in OPTIONS.values():
        default = "" if option.default is None else str(option.default)
        cells = [
            f"`--{option.name}`",
            " ".join(commands[f"--{option.name}"]),
            option.allowed,
            default,
            option.help,
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    head = PAGE.read_text(encoding="utf-8").split(MARK)[0]
    PAGE.write_text(head + MARK + table(), encoding="utf-8")
